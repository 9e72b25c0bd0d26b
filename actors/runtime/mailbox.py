"""An actor's inbox for pykka: bounded, conflating, holdable, and `put` never blocks the sender."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pykka

from actors.runtime.parcel import Parcel, Passage
from domain.message import Message

if TYPE_CHECKING:
    from pykka._envelope import Envelope

Refused: TypeAlias = Callable[[Parcel, str], None]
Key: TypeAlias = tuple[str, type[Message], object]
"""Sender, message class and value of its conflating field."""


@dataclass(slots=True)
class _Place:
    """Where the newest of a conflating message waits to be read."""

    key: Key
    envelope: "Envelope[Any]"


class Mailbox:
    """pykka's inbox protocol (put, get, empty) for any number of senders and one reader.

    Controls and pykka's stop overtake mail. While held, only they come out and mail collects. A message whose class
    conflates replaces an older unread one of the same sender, class and key, in its place. A parcel that finds the
    mailbox full or closed goes to `refused(parcel, reason)` on the sender's thread. A passage is mail that is never
    refused, and nothing conflates across it: what comes behind it is for another life.
    """

    def __init__(self) -> None:
        self.limit = 10_000
        self.refused: Refused = _nobody
        self.held = False
        self.closed = False
        self.peak = 0
        self.conflated = 0
        self._lock = threading.Lock()
        self._bell = threading.Lock()  # a binary semaphore: taken while there is nothing to wake up for
        self._bell.acquire()
        self._waiting = False
        self._controls: deque[Envelope[Any]] = deque()
        self._mail: deque[Envelope[Any] | _Place] = deque()
        self._unread: dict[Key, _Place] = {}

    def put(self, envelope: "Envelope[Any]", /) -> None:
        """Add an envelope; never blocks."""
        parcel = envelope.message
        if type(parcel) is not Parcel:
            self._put_order(envelope)
            return
        key = None
        if field := parcel.message.conflate:
            key = (parcel.sender, type(parcel.message), getattr(parcel.message, field))
        reason = ""
        with self._lock:
            depth = len(self._mail)
            if self.closed:
                reason = "stopped"
            elif key is not None and key in self._unread:
                self._unread[key].envelope = envelope
                self.conflated += 1
            elif depth >= self.limit:
                reason = "mailbox full"
            else:
                self._mail.append(envelope if key is None else self._place(key, envelope))
                if depth >= self.peak:
                    self.peak = depth + 1
            ring, self._waiting = self._waiting, False
        if ring:
            self._bell.release()
        if reason:
            self._refuse(envelope, reason)

    def _put_order(self, envelope: "Envelope[Any]") -> None:
        with self._lock:
            if type(envelope.message) is not Passage:
                self._controls.append(envelope)
            elif not self.closed:
                self._mail.append(envelope)
                self._unread.clear()
        self._ring()

    def _place(self, key: Key, envelope: "Envelope[Any]") -> "_Place":
        place = self._unread[key] = _Place(key, envelope)
        return place

    def _refuse(self, envelope: "Envelope[Any]", reason: str) -> None:
        if envelope.reply_to is not None:
            error = pykka.ActorDeadError(f"{envelope.message.to}: {reason}")
            envelope.reply_to.set_exception((type(error), error, None))
        else:
            self.refused(envelope.message, reason)

    def put_front(self, envelope: "Envelope[Any]") -> None:
        """Put an envelope before all mail, over the limit if need be."""
        with self._lock:
            self._mail.appendleft(envelope)
        self._ring()

    def hold(self, *, on: bool) -> None:
        """Keep mail back (controls still come out), or let it come again."""
        with self._lock:
            self.held = on
        self._ring()

    def _ring(self) -> None:
        with self._lock:
            ring, self._waiting = self._waiting, False
        if ring:
            self._bell.release()

    def get(self) -> "Envelope[Any]":
        """Give the next envelope; blocks until there is one."""
        while True:
            envelope = self.take(wait=True)
            if envelope is not None:
                return envelope
            self._bell.acquire()

    def take(self, *, wait: bool = False) -> "Envelope[Any] | None":
        """Give the next envelope, None if there is none; after a `wait` in vain the next put rings."""
        with self._lock:
            if self._mail and not self.held and not self._controls:
                first = self._mail.popleft()
                if type(first) is _Place:
                    if self._unread.get(first.key) is first:
                        del self._unread[first.key]
                    return first.envelope
                return cast("Envelope[Any]", first)
            if self._controls:
                return self._controls.popleft()
            self._waiting = wait
            return None

    def close(self) -> list[Parcel]:
        """Refuse further mail and give the unread parcels nobody waits for; asked ones stay for pykka to answer."""
        with self._lock:
            self.closed, self.held = True, False
            unread = [one.envelope if isinstance(one, _Place) else one for one in self._mail]
            self._unread.clear()
            self._mail = deque(one for one in unread if one.reply_to is not None)
            return [one.message for one in unread if one.reply_to is None and type(one.message) is Parcel]

    def empty(self) -> bool:
        """Tell whether nothing is left; pykka asks while it takes an actor down."""
        return not (self._controls or self._mail)

    @property
    def idle(self) -> bool:
        """Whether the reader waits inside `get` with nothing to take; held mail does not count."""
        return self._waiting

    @property
    def ready(self) -> bool:
        """Whether `take` would give something now."""
        return bool(self._controls or (self._mail and not self.held))

    def __len__(self) -> int:
        return len(self._mail)


def _nobody(parcel: Parcel, reason: str) -> None:
    raise RuntimeError(f"mailbox of {parcel.to} is not attached to a host: {reason}")
