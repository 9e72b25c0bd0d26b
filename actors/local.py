"""The processes a command starts beside itself: the local exchange, and the dashboard."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click

from actors.processes import Child, Kept, ready_json
from actors.venues import Place, sandbox_place

READY_WITHIN_S = 60.0
PAGE_WITHIN_S = 30.0


class Local(NamedTuple):
    """A running sandbox: the place to trade at, the process that plays it, and its ready line."""

    place: Place
    process: Child
    told: Mapping[str, Any]


@contextmanager
def local_exchange(home: Path, options: Sequence[str] = ()) -> Iterator[Local]:
    """Run a sandbox on this folder while the block lasts; `options` are those of `python -m actors.sandbox`.

    Its ready line says where it is, with which keys and clock. Raises ConfigError when it cannot start.
    """
    arguments = ["--with-parent", "--home", str(home), *options]
    child = Child("sandbox", "actors.sandbox", arguments, ready_within_s=READY_WITHIN_S)
    try:
        told = ready_json(child.start(), "sandbox")
        yield Local(sandbox_place(told), child, told)
    finally:
        child.stop()


def dashboard(socket: Path, port: int, again: str) -> Kept:
    """The dashboard of the engine behind this socket, kept alive; it shows `again` as what starts the engine anew."""
    arguments = ["--with-parent", "--socket", str(socket), "--port", str(port), "--start-command", again]
    return Kept(
        lambda: Child("dashboard", "webui", arguments, ready_within_s=PAGE_WITHIN_S),
        on_ready=lambda line: click.echo(line, err=True),
    )
