"""`python -m tests.bench NAME [FLAGS …]` runs one benchmark: a module of this package with a `main(arguments)`."""

import importlib
import pkgutil
import sys

from tests import bench


def main() -> None:
    """Run the one named, and hand it the rest of the command line; without a name say which there are."""
    known = [module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_")]
    name, *arguments = sys.argv[1:] or [""]
    if name not in known:
        sys.exit(f"no benchmark is called {name!r}; there are: {', '.join(known)} (each has --help)")
    importlib.import_module(f"tests.bench.{name}").main(arguments)


if __name__ == "__main__":
    main()
