"""A socket as those see it who tell it things, and its place in one market."""

from typing import NamedTuple, Protocol

from actors.sandbox.accounts import Caller
from actors.sandbox.frames import Format
from actors.sandbox.streams import Demand


class Listener(Protocol):
    """A socket; `caller` is who signed it, None on the public side."""

    caller: Caller | None
    demand: Demand | None
    form: Format

    def push(self, payload: bytes, *, private: bool = False) -> None:
        """Take one message for the next flush."""

    def flush(self) -> None:
        """Send what was pushed."""


class Seat(NamedTuple):
    """One listener's interest in one market and type; `levels` and grouping `level` are for books."""

    listener: Listener
    kind: str
    levels: int
    level: float
