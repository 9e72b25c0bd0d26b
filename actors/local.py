"""The local exchange as a process of our own, for the commands that trade or look at it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from actors.processes import Child, ready_json
from actors.venues import Place, sandbox_place

READY_WITHIN_S = 60.0


class Local(NamedTuple):
    """A running sandbox: the place to trade at, and the process that plays it."""

    place: Place
    process: Child


@contextmanager
def local_exchange(home: Path, options: Sequence[str] = ()) -> Iterator[Local]:
    """Run a sandbox on this folder while the block lasts; `options` are those of `python -m actors.sandbox`.

    Its ready line says where it is, with which keys and clock. Raises ConfigError when it cannot start.
    """
    arguments = ["--with-parent", "--home", str(home), *options]
    child = Child("sandbox", "actors.sandbox", arguments, ready_within_s=READY_WITHIN_S)
    try:
        told = ready_json(child.start(), "sandbox")
        yield Local(sandbox_place(told), child)
    finally:
        child.stop()
