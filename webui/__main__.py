"""`python -m webui --socket PATH --port P`: the dashboard of one engine, on this computer only."""

import argparse
import logging
import sys
from pathlib import Path
from typing import NoReturn

from domain.errors import ConfigError
from webui.fragments import Hints
from webui.host import LOOPBACK, serve

USAGE_ERROR = 2
PORT_MAX = 65_535


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, exit code 2."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message} (see --help)\n")


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and serve; 2 when a person must change something."""
    asked = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        serve(
            asked.socket,
            asked.port,
            host=asked.host,
            hints=Hints(start=asked.start_command, stop=asked.stop_command),
            with_parent=asked.with_parent,
        )
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE_ERROR
    return 0


def _parser() -> argparse.ArgumentParser:
    hints = Hints()
    parser = _Parser(prog="python -m webui", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="the engine's unix socket; it may appear later")
    parser.add_argument("--port", type=_port, default=8900, help="port on 127.0.0.1 (default 8900; 0: any free one)")
    parser.add_argument("--host", default=LOOPBACK, help="only 127.0.0.1: there is no login yet")
    parser.add_argument("--with-parent", action="store_true", help="end when stdin is closed")
    parser.add_argument(
        "--start-command", default=hints.start, help="what the page tells to run when the engine is gone"
    )
    parser.add_argument("--stop-command", default=hints.stop, help="what the page tells to run to stop without it")
    return parser


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= PORT_MAX:
        raise argparse.ArgumentTypeError(f"a port lies between 0 and {PORT_MAX}, found {text}")
    return number


if __name__ == "__main__":
    sys.exit(main())
