"""Plausible order books around the last trade, made from it alone: the same trade always shows the same book."""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import islice, zip_longest
from typing import Final

import numpy as np

from actors.sandbox.noise import Counters, Floats, Integers, uniform
from actors.sandbox.series import UNITS, Series
from actors.sandbox.ticks import TickGrid, grid_at
from domain.market import Book, Level

MAX_LEVELS: Final = 30
_MIN_LEVELS: Final = 15
_RICH: Final = 20_000_000  # KRW a minute from which on a market shows all its levels
_PATIENCE: Final = 150  # trades printed while the resting sizes stay as they are, roughly
_SHARE: Final = 0.25  # size of a usual level, as a part of what a usual minute trades
_WORTH: Final = 60_000  # KRW a level shows at least, usually
_ASKS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Displayed:
    """One book as it is shown: best first, sizes in 1e-8 coins; `at_ms` is when it last changed."""

    at_ms: int
    ask_prices: tuple[float, ...]
    bid_prices: tuple[float, ...]
    ask_sizes: list[int]
    bid_sizes: list[int]

    def grouped(self, level: float) -> "Displayed":
        """The same book with prices brought together in steps of `level` KRW: bids down, asks up."""
        asks = _grouped(self.ask_prices, self.ask_sizes, level, up=True)
        bids = _grouped(self.bid_prices, self.bid_sizes, level, up=False)
        return Displayed(self.at_ms, tuple(asks), tuple(bids), list(asks.values()), list(bids.values()))

    def units(self, count: int) -> list[tuple[float, float, int, int]]:
        """Ask price, bid price, ask size, bid size of the first levels; the thinner side ends in zeros."""
        rows = zip_longest(self.ask_prices, self.bid_prices, self.ask_sizes, self.bid_sizes, fillvalue=0)
        return list(islice(rows, count))

    def book(self) -> Book:
        """The same book in exact numbers."""
        return Book(
            self.at_ms * 1000,
            _levels(self.ask_prices, self.ask_sizes),
            _levels(self.bid_prices, self.bid_sizes),
        )


class BookMaker:
    """Makes the books of one market."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._key = series.key ^ 0x5EED
        asks, bids = (uniform(self._key, np.array([1, 2], dtype=np.uint64)) * (MAX_LEVELS - _MIN_LEVELS)).astype(int)
        rich = series.usual_value >= _RICH
        self._ask_count = MAX_LEVELS if rich else _MIN_LEVELS + int(asks)
        self._bid_count = MAX_LEVELS if rich else _MIN_LEVELS + int(bids)

    def after(self, price: float, event: int, at_ms: int, *, bought: bool) -> Displayed:
        """The book a trade leaves behind; `event` is its sequential id."""
        grid = grid_at(self._series.market, at_ms * 1000)
        gap = 1 + sum(uniform(self._key, np.array([event, event + 7], dtype=np.uint64)) < (0.12, 0.03))
        if bought:
            asks = grid.ladder(price, self._ask_count, up=True)
            bids = grid.ladder(_beyond(grid, asks[0], gap, up=False), self._bid_count, up=False)
        else:
            bids = grid.ladder(price, self._bid_count, up=False)
            asks = grid.ladder(_beyond(grid, bids[0], gap, up=True), self._ask_count, up=True)
        sizes = self._sizes(asks, bids, price, event)
        return Displayed(at_ms, asks, bids, sizes[: len(asks)].tolist(), sizes[len(asks) :].tolist())

    def _sizes(self, asks: tuple[float, ...], bids: tuple[float, ...], price: float, event: int) -> Integers:
        places, depth = _places(asks, bids)
        patience = np.uint64(event // (10_000 * 1_000 * _PATIENCE))
        resting = uniform(self._key, places + patience)
        flicker = uniform(self._key + 1, places + np.uint64(event))
        usual = max(_SHARE * self._series.usual_units / UNITS, _WORTH / price)
        shape = (0.15 + 2.5 * resting * resting * resting) * (0.8 + 0.4 * flicker) * depth
        return np.maximum(np.rint(usual * shape * UNITS), 1.0).astype(np.int64)


@lru_cache(maxsize=5_000)
def _places(asks: tuple[float, ...], bids: tuple[float, ...]) -> tuple[Counters, Floats]:
    """A number for each price of the book that stays its own while the book moves, and how much deeper levels hold."""
    prices = np.rint(np.array(asks + bids) * UNITS).astype(np.int64)
    sides = np.array([_ASKS] * len(asks) + [0] * len(bids))
    depth = np.array([*range(len(asks)), *range(len(bids))], dtype=np.float64)
    return (prices + sides).astype(np.uint64), 0.5 + np.minimum(depth, 10.0) * 0.1


def _beyond(grid: TickGrid, price: float, steps: int, *, up: bool) -> float:
    return grid.ladder(price, steps + 1, up=up)[-1]


def _grouped(prices: tuple[float, ...], sizes: list[int], level: float, *, up: bool) -> dict[float, int]:
    found: dict[float, int] = {}
    for price, size in zip(prices, sizes, strict=True):
        step = price // level
        place = (step + 1 if up and step * level < price else step) * level
        found[place] = found.get(place, 0) + size
    found.pop(0.0, None)
    return found


def _levels(prices: tuple[float, ...], sizes: list[int]) -> tuple[Level, ...]:
    return tuple(
        Level(Decimal(f"{price:.8f}"), Decimal(size).scaleb(-8)) for price, size in zip(prices, sizes, strict=True)
    )
