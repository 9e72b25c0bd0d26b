"""A circuit breaker: after enough failures nobody waits for a time-out any more, and now and then one call looks."""

import threading
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from random import SystemRandom
from typing import Final, NamedTuple, TypeAlias

from actors.runtime import Clock
from domain.errors import ExchangeUnavailable
from domain.market import US_PER_S

IN_A_ROW: Final = 5  # failures that open it
SEEN: Final = 20  # newest calls of which a share may fail
SHARE: Final = 0.5
OPEN_S: Final = 5.0  # until the first probe; doubles with each probe that fails
OPEN_MAX_S: Final = 60.0
PROBE_S: Final = 30.0  # a probe that has not come back by then is taken for lost, and another may go
SPREAD: Final = 0.25
_random: Final = SystemRandom().random


class Position(StrEnum):
    """CLOSED lets everything through, OPEN nothing, HALF_OPEN the one call that looks whether it works again."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


class Circuit(NamedTuple):
    """A breaker as it stands: of which kind of calls, since which failure, next probe at (microseconds; 0 closed)."""

    kind: str
    position: Position
    reason: str
    probe_at: int


Told: TypeAlias = Callable[[Circuit], None]


class Breaker:
    """Guards one kind of calls to one host. Safe for any number of threads.

    It opens after failures in a row or when half of the newest calls failed. Every admitted call must be told as
    `succeeded`, `failed` or `spared`. `told` is called outside the lock, on the thread of the call that opened or
    closed it.
    """

    def __init__(self, kind: str, clock: Clock, told: Told, *, jitter: Callable[[], float] = _random) -> None:
        self.kind = kind
        self._clock = clock
        self._told = told
        self._jitter = jitter
        self._lock = threading.Lock()
        self._position = Position.CLOSED
        self._reason = ""
        self._probe_at = 0
        self._in_a_row = 0
        self._openings = 0
        self._newest: deque[bool] = deque(maxlen=SEEN)

    def admit(self, *, always: bool = False) -> None:
        """Let a call through; `always` is for what must be tried whatever the odds: cancels and order look-ups.

        Raises ExchangeUnavailable, naming the next probe, while it is open.
        """
        with self._lock:
            if always or self._position is Position.CLOSED:
                return
            now = self._clock.now()
            if now >= self._probe_at:
                self._position, self._probe_at = Position.HALF_OPEN, now + int(PROBE_S * US_PER_S)
                return
            wait_s = self._clock.real_seconds(self._probe_at - now)
            raise ExchangeUnavailable(
                f"{self.kind} calls are held back after {self._reason}; next probe in {wait_s:.1f} s; not sent"
            )

    def succeeded(self) -> None:
        """Take in that the exchange answered, be it with a refusal."""
        with self._lock:
            self._in_a_row = 0
            self._newest.append(True)
            if self._position is Position.CLOSED:
                return
            self._position, self._reason, self._probe_at, self._openings = Position.CLOSED, "", 0, 0
            self._newest.clear()
            circuit = self._circuit()
        self._told(circuit)

    def failed(self, reason: str) -> None:
        """Take in that no usable answer came."""
        with self._lock:
            self._in_a_row += 1
            self._newest.append(False)
            if self._position is Position.OPEN or (self._position is Position.CLOSED and not self._enough()):
                return
            was, self._position, self._reason = self._position, Position.OPEN, reason
            wait_s = min(OPEN_S * 2 ** min(self._openings, 20), OPEN_MAX_S) * (1 + SPREAD * self._jitter())
            self._openings += 1
            self._probe_at = self._clock.now() + int(wait_s * US_PER_S)
            circuit = self._circuit()
        if was is Position.CLOSED:
            self._told(circuit)

    def spared(self) -> None:
        """Take in that a call that was admitted is not made: if it was the probe, another may go at once."""
        with self._lock:
            if self._position is Position.HALF_OPEN:
                self._position, self._probe_at = Position.OPEN, self._clock.now()

    def snapshot(self) -> Circuit:
        """How it stands now."""
        with self._lock:
            return self._circuit()

    def _enough(self) -> bool:
        share = self._newest.count(False) / SEEN
        return self._in_a_row >= IN_A_ROW or (len(self._newest) == SEEN and share >= SHARE)

    def _circuit(self) -> Circuit:
        return Circuit(self.kind, self._position, self._reason, self._probe_at)
