"""What the command line is made of: durations, lists of markets, tables, and errors as one line each."""

import json
import os
import re
import sys
import threading
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from domain.errors import TradingError
from domain.market import US_PER_S

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
EXIT_ERROR = 2


home_option = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("~/.baeu"),
    show_default=True,
    help="Folder that holds everything Baeu keeps.",
)


class Duration(click.ParamType):  # type: ignore[type-arg]  # generic in the newest click only
    """Text like `90s`, `10m`, `1h30m`, `2d`; gives microseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it, or fail with an example."""
        if isinstance(value, int):
            return value
        parts = _DURATION.findall(value)
        if not parts or "".join(number + unit for number, unit in parts) != value:
            self.fail(f"{value!r} is not a duration; write for example 10m, 1h30m or 2d", param, ctx)
        return int(sum(float(number) * _UNITS_S[unit] for number, unit in parts) * US_PER_S)


class Commands(click.Group):
    """Turns our named errors into one line on stderr and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except TradingError as error:
            click.echo(f"error: {error}", err=True)
            sys.exit(EXIT_ERROR)


def listed(text: str) -> tuple[str, ...]:
    """The markets of a comma list, in upper case, each once."""
    return tuple(dict.fromkeys(part.strip().upper() for part in text.split(",") if part.strip()))


def tell(summary: Mapping[str, Any], *, as_json: bool) -> None:
    """Print the summary of a session, a line each or as one JSON object."""
    if as_json:
        click.echo(json.dumps(summary))
        return
    for name, value in summary.items():
        click.echo(f"{name.replace('_', ' '):>16}  {value}")


def columns(rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Rows of cells as lines with aligned columns, two spaces between them."""
    table = [tuple(row) for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*table, strict=True)]
    return tuple("  ".join(map(str.ljust, row, widths)).rstrip() for row in table)


def print_stacks(*_: object) -> None:
    """Write the stack of every thread to stderr; a handler of signals.

    It runs between two steps of the main thread, while no other thread moves: faulthandler's own handler reads the
    stacks of running threads, which now and then ends the process.
    """
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 (the documented way to another thread's stack)
        stack = "".join(traceback.format_stack(frame))
        told = f"Thread {ident:#x} {names.get(ident, '?')}, most recent call last:\n{stack}\n"
        left = told.encode()
        while left:
            left = left[os.write(sys.stderr.fileno(), left) :]  # past the buffer: the main thread may be writing to it
