"""What travels between actors, what a turn leaves behind, and how the runtime knows that a turn is running."""

import threading
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import msgspec
import pykka

from actors.runtime.errors import ForbiddenAsk
from domain.message import Message

Kind = Literal["send", "publish", "timer", "real", "restart", "begin", "retire"]
SEND: Final = "send"
PUBLISH: Final = "publish"
TIMER: Final = "timer"  # after a delay on the actors' clock
REAL: Final = "real"  # after a delay in real time, whatever the clock's speed
RESTART: Final = "restart"  # the supervisor's order to a suspended actor
BEGIN: Final = "begin"  # a member of a family is to live
RETIRE: Final = "retire"  # a member of a family is to live no more

FROM_TIMER: Final = "timer"
FROM_RUNTIME: Final = "runtime"


class Parcel(msgspec.Struct, frozen=True, gc=False):
    """A message on its way. `cause` is the journal number of the turn that sent it, 0 for the outside world."""

    sender: str
    to: str
    message: Message
    payload: bytes
    cause: int = 0
    tries: int = 0  # how many turns have failed on it


class Control(msgspec.Struct, frozen=True, gc=False):
    """The runtime to one of its actors: `restart` or `snapshot`. It overtakes mail and passes a held mailbox."""

    order: Literal["restart", "snapshot"]
    done: Callable[[], object] = lambda: None  # called on the actor's thread when it has been obeyed


class Passage(msgspec.Struct, frozen=True, gc=False):
    """The birth or the retirement of a family's member: it keeps its place among the mail and no mailbox refuses it."""

    parcel: Parcel


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """One entry of a turn's outbox; `to` is a name or a topic, `delay_us` belongs to timers."""

    kind: Kind
    to: str
    message: Message
    payload: bytes
    delay_us: int = 0


class _Turn(threading.local):
    """Per thread: the outbox of the turn it is running, () while it answers a query, None outside any turn."""

    outbox: list[Outgoing] | tuple[()] | None = None


turn = _Turn()

_heads: dict[tuple[str, str, type[Message]], bytes] = {}


def digest(outbox: Sequence[Outgoing]) -> int:
    """Give a CRC-32 over everything a turn said, in order; 0 for a silent turn."""
    crc = 0
    for out in outbox:
        key = (out.kind, out.to, type(out.message))
        head = _heads.get(key)
        if head is None:
            head = _heads[key] = f"{out.kind}|{out.to}|{type(out.message).__name__}|".encode()
        crc = zlib.crc32(out.payload, zlib.crc32(head, crc))
        if out.delay_us:
            crc = zlib.crc32(b"%d" % out.delay_us, crc)
    return crc


class GuardedFuture(pykka.ThreadingFuture[Any]):
    """pykka's future, except that waiting for it inside a handler raises instead of risking a deadlock."""

    def get(self, *, timeout: float | None = None) -> Any:
        """Wait for the value up to `timeout` seconds; raises ForbiddenAsk inside a handler, pykka.Timeout when late."""
        if turn.outbox is not None:
            raise ForbiddenAsk("a handler may not wait: send a message and let the answer come as a message")
        return super().get(timeout=timeout)
