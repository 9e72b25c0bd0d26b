"""Price steps of a market for whole arrays of prices; the rule book itself is `domain.rules`."""

from bisect import bisect_right
from functools import cache, lru_cache
from typing import Final

import numpy as np

from actors.sandbox.noise import Floats, Integers
from domain.rules import TICKS, TickEra, quote_of

FOREVER: Final = 1 << 62
_SLACK: Final = 1e-9  # a price that should be a whole number of steps may be off by a float's last digits


class TickGrid:
    """The valid prices of one market from `since` until `until` (microseconds UTC).

    A price is `count * whole / parts`, which gives the float nearest to the decimal price.
    """

    def __init__(self, market: str, era: TickEra, until: int) -> None:
        table = era.special.get(market, era.common)
        self.until = until
        self.lows = [float(low) for low in table.floors]
        ticks = [float(tick) for tick in table.ticks]
        self._whole = [tick if tick >= 1 else 1.0 for tick in ticks]
        self._parts = [1.0 if tick >= 1 else float(round(1 / tick)) for tick in ticks]
        self.steps = ticks
        self._arrays = tuple(np.array(column) for column in (self.lows, self._whole, self._parts))

    def floor(self, prices: Floats) -> Floats:
        """The highest valid price not above each."""
        return self._snap(prices, np.floor, _SLACK)

    def ceil(self, prices: Floats) -> Floats:
        """The lowest valid price not below each."""
        return self._snap(prices, np.ceil, -_SLACK)

    def tick(self, price: float) -> float:
        """The step at this price."""
        return self.steps[self._band(price)]

    def ticks(self, prices: Floats) -> Floats:
        """The step at each price."""
        band = np.maximum(np.searchsorted(self._arrays[0], prices, side="right") - 1, 0)
        steps: Floats = np.array(self.steps)[band]
        return steps

    def ladder(self, price: float, count: int, *, up: bool) -> tuple[float, ...]:
        """Valid prices, best first: `price` brought onto the grid (outwards), then `count - 1` further away from it."""
        return _ladder(self, price, count, up)

    def climb(self, price: float, count: int) -> list[float]:
        """`count` valid prices from the lowest one not below `price`, upwards."""
        found = [float(self.ceil(np.array([price]))[0])]
        while len(found) < count:
            band = self._band(found[-1])
            found.append(self._at(band, round(found[-1] * self._parts[band] / self._whole[band]) + 1))
        return found

    def descend(self, price: float, count: int) -> list[float]:
        """Up to `count` valid prices above zero from the highest one not above `price`, downwards."""
        found = [float(self.floor(np.array([price]))[0])]
        while len(found) < count:
            band = self._band(found[-1] * (1 - 1e-12))  # at the lower edge of a band the step below is the smaller one
            step = round(found[-1] * self._parts[band] / self._whole[band]) - 1
            if step <= 0:
                break
            found.append(self._at(band, step))
        return found

    def _band(self, price: float) -> int:
        return max(0, bisect_right(self.lows, price) - 1)

    def _at(self, band: int, steps: int) -> float:
        return steps * self._whole[band] / self._parts[band]

    def _snap(self, prices: Floats, rounding: np.ufunc, slack: float) -> Floats:
        lows, whole, parts = self._arrays
        band = np.maximum(np.searchsorted(lows, prices, side="right") - 1, 0)
        steps = rounding(prices * parts[band] / whole[band] + slack)
        snapped: Floats = steps * whole[band] / parts[band]
        return snapped


@lru_cache(maxsize=5_000)
def _ladder(grid: TickGrid, price: float, count: int, up: bool) -> tuple[float, ...]:  # noqa: FBT001 (a cache key)
    return tuple(grid.climb(price, count) if up else grid.descend(price, count))


@cache
def _grids(market: str) -> tuple[tuple[int, TickGrid], ...]:
    eras = TICKS[quote_of(market)]
    ends = [era.since for era in eras[1:]] + [FOREVER]
    return tuple((era.since, TickGrid(market, era, end)) for era, end in zip(eras, ends, strict=True))


def grid_at(market: str, at: int) -> TickGrid:
    """The valid prices of a market at a time; raises NoRule if Upbit has no such market."""
    grids = _grids(market)
    return next((grid for since, grid in reversed(grids) if since <= at), grids[0][1])


def ticks_of(market: str, time: Integers, prices: Floats) -> Floats:
    """The step in force at each price at its time, arrays of shape (n,)."""
    found, first = np.empty(len(prices)), 0
    while first < len(time):
        grid = grid_at(market, int(time[first]))
        end = int(np.searchsorted(time, grid.until))
        found[first:end] = grid.ticks(prices[first:end])
        first = end
    return found
