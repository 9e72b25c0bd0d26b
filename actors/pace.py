"""How much of what a stream says goes on: so much of each market in a time, and of a minute the last word alone."""

from typing import Generic, TypeVar

from domain.market import Bar

T = TypeVar("T")


class Pace(Generic[T]):
    """Lets one item of each market pass in so much time; of those that came too early the newest passes later."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._passed: dict[str, float] = {}
        self._early: dict[str, T] = {}
        self._look_at = 0.0

    def passes(self, market: str, item: T, now: float) -> bool:
        """Whether this one may pass now; otherwise it is kept for `late`."""
        if now - self._passed.get(market, now - self._every) < self._every:
            self._early[market] = item
            return False
        self._early.pop(market, None)
        self._passed[market] = now
        return True

    def late(self, now: float) -> list[T]:
        """Those kept whose time has come."""
        if not self._early or now < self._look_at:
            return []
        self._look_at = now + self._every / 8
        ripe = [market for market in self._early if now - self._passed[market] >= self._every]
        self._passed.update(dict.fromkeys(ripe, now))
        return [self._early.pop(market) for market in ripe]


class Minutely:
    """Keeps the newest candle of each market, as it stands, until its minute is over."""

    def __init__(self) -> None:
        self._newest: dict[str, Bar] = {}

    def take(self, market: str, bar: Bar) -> Bar | None:
        """Take one; gives the last one of the minute before, if it was not given yet."""
        before = self._newest.get(market)
        self._newest[market] = bar
        return before if before is not None and before.start < bar.start else None

    def over(self, end: int) -> list[tuple[str, Bar]]:
        """Those of minutes that are over at `end`, by market, each once: one that changes later is given again."""
        ripe = [market for market, bar in self._newest.items() if bar.start < end]
        return [(market, self._newest.pop(market)) for market in ripe]
