"""`python -m tests.bench NAME …` runs the benchmarks of that name, without a name all of them."""

import importlib
import pkgutil
import sys

from tests import bench


def main() -> None:
    """Run the modules named, each in turn."""
    known = [module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_")]
    unknown = sorted(set(sys.argv[1:]) - set(known))
    if unknown:
        sys.exit(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(known)}")
    for name in sys.argv[1:] or known:
        print(f"== {name}")
        importlib.import_module(f"tests.bench.{name}").main()


if __name__ == "__main__":
    main()
