"""What was recorded of one market: its trades and its books, each at the time the exchange told of it."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import TypeAlias

from actors.sandbox.display import Displayed
from actors.sandbox.prints import Print

Happening: TypeAlias = Print | Displayed


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """`events` happen at `times` (microseconds UTC, ascending).

    `seed` stands for the trade before the first one: it was never recorded, is in no candle and has no volume; `prior`
    is the close of the day before.
    """

    times: tuple[int, ...]
    events: tuple[Happening, ...]
    minutes: dict[int, tuple[Print, ...]]
    seed: Print
    prior: float

    def until(self, now: int) -> tuple[Happening, ...]:
        """Everything up to and with this time."""
        return self.events[: bisect_right(self.times, now)]

    def after(self, now: int, until: int) -> list[tuple[int, Happening]]:
        """Everything after `now` and before `until`, with its time."""
        first, end = bisect_right(self.times, now), bisect_right(self.times, until - 1)
        return list(zip(self.times[first:end], self.events[first:end], strict=True))
