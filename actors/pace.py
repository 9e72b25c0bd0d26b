"""Lets only so many of the newest pass: what is told faster than anybody needs it."""

from typing import Generic, TypeVar

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
