"""How far the exchange's clock is from ours, from the `Date` of its answers."""

import statistics
from collections import deque
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

from actors.runtime import Clock
from domain.market import US_PER_S

KEPT: Final = 9
ROUND_TRIP_MAX: Final = US_PER_S  # of our clock: a slower answer says too little
HALF_A_SECOND: Final = US_PER_S // 2  # a Date is cut to whole seconds


class Skew:
    """The newest differences; their median, so that one wrong header of a gateway counts for nothing."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: deque[float] = deque(maxlen=KEPT)

    def hear(self, date: str | None, sent_at: int) -> None:
        """Take in the Date of an answer to a request of that time (microseconds); one nobody can read is left out."""
        now = self._clock.now()
        if date is None or now - sent_at > ROUND_TRIP_MAX:
            return
        try:
            told = parsedate_to_datetime(date)
            theirs = int((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()) * US_PER_S + HALF_A_SECOND
        except (ValueError, OverflowError):
            return
        self._seen.append((theirs - (sent_at + now) // 2) / US_PER_S)

    def seconds(self) -> float | None:
        """Seconds the exchange is ahead of us, give or take one; None before anything was told."""
        return statistics.median(self._seen) if self._seen else None
