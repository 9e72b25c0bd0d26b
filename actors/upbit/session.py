"""One connection in use: it keeps the subscription, pings, notices silence, and hands frames on."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from actors.rhythm import Key
from actors.upbit import frames
from actors.upbit.connection import Connection
from actors.upbit.frames import ErrorFrame, Frame, StatusFrame, SubscriptionsFrame
from actors.upbit.reader import Received
from actors.upbit.staleness import Clocks
from actors.upbit.subscriptions import DesiredSet, Request, drift, keys_of, list_request
from domain.errors import BadPayload

log = logging.getLogger(__name__)

OnFrame: TypeAlias = Callable[[Frame], None]
OnEcho: TypeAlias = Callable[[int], None]
TALK_EVERY_S: Final = 0.7  # the exchange takes 5 messages a second and 100 a minute on one socket
HEAL_EVERY_S: Final = 10.0  # at the most, what is wanted is sent again because something else comes
MARKS: Final = 64  # probes kept until they can be sent; the oldest are dropped


@dataclass(frozen=True, slots=True)
class Timing:
    """Real seconds: a ping this often, dead after this much silence, back-off between these, connect within.

    `silent_s` counts from the last frame of any kind, pongs too, so it is the ping's period and the time a pong may
    take. `dataless_s`, if given, counts from the last data: for streams that are never quiet. A code that has no
    snapshot after `snapshot_s` is reported. Frames of a set that was replaced may come for another `stray_s`.
    """

    ping_s: float = 15.0
    silent_s: float = 25.0
    backoff_s: float = 0.3
    backoff_max_s: float = 20.0
    connect_s: float = 10.0
    dataless_s: float | None = None
    snapshot_s: float = 10.0
    stray_s: float = 3.0


class End(NamedTuple):
    """Why a connection ended, and the error by which the exchange refused it, if it did."""

    reason: str
    error: str = ""


@dataclass(slots=True)
class Errands:
    """What other threads want of a connection; each is dropped when it is down."""

    marks: deque[int] = field(default_factory=lambda: deque(maxlen=MARKS))
    check: bool = False
    renew: str = ""

    def clear(self) -> None:
        """Forget them: they were meant for a connection that is gone."""
        self.marks.clear()
        self.check, self.renew = False, ""


class Session:
    """A connection from its first request to its end. It is used by one thread."""

    def __init__(  # noqa: PLR0913 (what it joins, by name)
        self,
        line: Connection,
        *,
        wanted: DesiredSet,
        errands: Errands,
        clocks: Clocks,
        timing: Timing,
        on_frame: OnFrame,
        on_echo: OnEcho | None,
    ) -> None:
        self._line = line
        self._wanted = wanted
        self._errands = errands
        self._clocks = clocks
        self._timing = timing
        self._on_frame = on_frame
        self._on_echo = on_echo
        self._request: Request | None = None
        self._sent = -1  # the version of the set wanted that this connection was asked for
        self._snapshots_due: float | None = None
        self._unheard: tuple[Key, ...] = ()  # what was reported last: a code nobody knows stays unheard for ever
        self._unread = 0
        now = time.monotonic()
        self._heard = self._fed = self._pinged = now
        self._talked = now - TALK_EVERY_S
        self._healed = now - HEAL_EVERY_S
        clocks.opened(now)
        errands.clear()

    def open(self) -> None:
        """Ask for what is wanted."""
        self._talk(time.monotonic())

    def turn(self) -> End | None:
        """Do what is due, wait for frames and hand them on; gives the reason to give this connection up."""
        now = time.monotonic()
        if end := self._over(now):
            return end
        if now - self._pinged >= self._timing.ping_s:
            self._line.ping()
            self._pinged = now
        self._look_for_drift(now)
        if end := self._talk(now):
            return end
        while self._errands.marks:
            self._line.ping(str(self._errands.marks.popleft()))
        received = self._line.receive(self._patience(now))
        if received:
            self._heard = self._clocks.heard = now = time.monotonic()
            for one in received:
                if end := self._take(one, now):
                    return end
        return None

    def _over(self, now: float) -> End | None:
        timing = self._timing
        if now - self._heard >= timing.silent_s:
            return End(f"silent for {timing.silent_s:.0f} s")
        if timing.dataless_s is not None and now - self._fed >= timing.dataless_s:
            return End(f"no data for {timing.dataless_s:.0f} s")
        if renew := self._errands.renew:
            return End(renew)
        return None

    def _patience(self, now: float) -> float:
        """Real seconds until something is due although nothing came."""
        timing = self._timing
        due = [self._heard + timing.silent_s, self._pinged + timing.ping_s]
        if timing.dataless_s is not None:
            due.append(self._fed + timing.dataless_s)
        if self._must_talk():
            due.append(self._talked + TALK_EVERY_S)
        if self._snapshots_due is not None:
            due.append(self._snapshots_due)
        return max(min(due) - now, 0.0)

    # --- what we say

    def _must_talk(self) -> bool:
        return self._sent != self._wanted.version or self._errands.check

    def _talk(self, now: float) -> End | None:
        """Send the whole set when it changed, or ask what the exchange makes of it, as fast as it may be asked."""
        if not self._must_talk() or now - self._talked < TALK_EVERY_S:
            return None
        if self._sent == self._wanted.version:
            self._errands.check = False
            self._line.send(list_request())
        else:
            request = self._wanted.request()
            self._sent = request.version
            if not request.empty:
                self._line.send(request.text)
            elif self._request is not None:  # the exchange knows no way to ask for nothing
                return End("nothing is wanted from it any more")
            self._clocks.asked(request, now)
            self._request, self._snapshots_due = request, now + self._timing.snapshot_s
        self._talked = now
        return None

    def _look_for_drift(self, now: float) -> None:
        """Report what has no snapshot when it should have one, and ask the exchange; undo what nobody asked for."""
        if self._snapshots_due is not None and now >= self._snapshots_due:
            self._snapshots_due = None
            if (unheard := self._clocks.unheard(now)) and unheard != self._unheard:
                log.warning("no snapshot of %s", _shown(unheard))
                self._errands.check = True
            self._unheard = unheard
        if self._clocks.strays:
            self._heal(now, f"it sends {_shown(self._clocks.strays)} unasked")

    def _heal(self, now: float, why: str) -> None:
        if now - self._healed >= HEAL_EVERY_S:
            log.warning("subscription drifted, sent again: %s", why)
            self._healed, self._sent = now, -1
            self._clocks.drifts += 1

    # --- what we hear

    def _take(self, received: Received, now: float) -> End | None:
        """Hand a frame on; gives the reason to give this connection up."""
        if received.is_close:
            return End(f"closed by the exchange ({received.close_code()})")
        if received.is_pong and self._on_echo is not None and received.data.isdigit():
            self._on_echo(int(received.data))
        if not received.is_data:
            return None
        try:
            found = frames.read_all(received.data)
        except BadPayload as error:
            self._not_understood(error, received.data)
            return None
        for frame in found:
            match frame:
                case ErrorFrame():
                    return End(f"refused by the exchange: {frame.name} {frame.message}", frame.name)
                case SubscriptionsFrame():
                    self._compare(frame, now)
                case StatusFrame():  # the answer to a text PING: the exchange lives, and that is all
                    self._on_frame(frame)
                case _:
                    self._fed = self._clocks.fed = now
                    self._clocks.note(frame, now)
                    self._on_frame(frame)
        return None

    def _compare(self, told: SubscriptionsFrame, now: float) -> None:
        """What the exchange believes against what was sent; a set that has changed since is not compared."""
        if self._request is None or self._sent != self._wanted.version:
            return
        if found := drift(self._request.keys, keys_of((one.type, one.codes) for one in told.subscriptions)):
            self._heal(now, f"missing {_shown(found.missing)}, unwanted {_shown(found.unwanted)}")

    def _not_understood(self, error: BadPayload, data: bytes) -> None:
        """Log the first, second, fourth, eighth … of them: a change at the exchange may garble every frame."""
        self._unread += 1
        if self._unread & (self._unread - 1) == 0:
            log.error("frame not understood count=%d error=%s frame=%.200r", self._unread, error, data)


def _shown(keys: tuple[Key, ...]) -> str:
    """The first of them, in words."""
    more = f" and {len(keys) - 5} more" if len(keys) > 5 else ""  # noqa: PLR2004 (enough for a log line)
    return ", ".join(f"{kind} {market}" for kind, market in keys[:5]) + more if keys else "nothing"
