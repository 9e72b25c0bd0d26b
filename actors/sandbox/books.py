"""Plausible order books between two trades, made from these alone: the same trades always show the same book.

A book is drawn so that the next trade prints at its touch: a taker buys at the best ask, with at least the volume of
that trade displayed there. Which prices near the touch are quoted and how much rests there stays as it is for a while
(`PATIENCE_MS`), whatever trades in between.

`STYLES` is a plausible model of a Korean spot market, not measured: no long recording of real books is at hand. Busy
markets show a spread of a step and quote nearly every price; thin ones are wider, quote some prices and do not fill
all 30 levels. Where a step is small against the price (BTC: 0.07 of a basis point) prices are left out between levels;
where it is large (DOGE: 30) every price is quoted and holds more. What rests at a level is about log-normal, and more
the further from the touch.
"""

from functools import lru_cache
from math import exp, log
from typing import Final, NamedTuple

import numpy as np

from actors.sandbox.display import Displayed, Touch
from actors.sandbox.noise import Floats, single, uniform
from actors.sandbox.prints import UNITS, Print
from actors.sandbox.series import Series
from actors.sandbox.ticks import TickGrid, grid_at
from domain.rules import quote_of

MAX_LEVELS: Final = 30
PATIENCE_MS: Final = 150_000


class Style(NamedTuple):
    """How the books of a market look whose usual minute turns over `turnover` KRW or more.

    `spread` is what the spread is wider than a step on average, `apart` how far quoted prices lie apart (basis points
    of the price); `share` is a usual level as a part of a usual minute's turnover, and `least` KRW; `sigma` is the
    deviation of its logarithm; a side shows `fewest` to 30 or `most` levels.
    """

    turnover: float
    spread: float
    apart: float
    share: float
    least: float
    sigma: float
    fewest: int
    most: int


STYLES: Final = (
    Style(20e6, 0.05, 0.3, 0.25, 400_000, 0.9, 30, 30),
    Style(5e6, 1.0, 2.0, 0.25, 200_000, 1.0, 25, 30),
    Style(1.2e6, 4.0, 6.0, 0.30, 120_000, 1.2, 12, 30),
    Style(0.0, 15.0, 20.0, 0.40, 80_000, 1.4, 4, 22),
)
QUOTES_KRW: Final = {"KRW": 1.0, "USDT": 1_400.0, "BTC": 150_000_000.0}  # to tell busy markets from thin ones
_DEEPER: Final = 0.12  # what a level holds more than the one before it, up to
_DEEPEST: Final = 3.0  # times a level at the touch
_COARSE: Final = 3.0  # basis points a step may have before levels hold more
_SPARSEST: Final = 0.2
_WIDEST: Final = 200  # steps of a spread
_TAIL: Final = 0.004
_LOGISTIC: Final = 0.5513  # makes the logistic distribution's deviation 1
_SIDES: Final = (1 << 20, 0)
_FLICKER: Final = 0.2
_APART: Final = 7_919  # keeps the draws of one stretch of patience apart from those of the next
_MOST: Final = 1e18
_NUMBERS: Final = np.arange(MAX_LEVELS, dtype=np.uint64)
_NOTHING: Final = np.empty(0)


class BookMaker:
    """Makes the books of one market."""

    def __init__(self, series: Series) -> None:
        self._market, self._key = series.market, series.key ^ 0x5EED
        self._krw = QUOTES_KRW[quote_of(series.market)]
        turnover = series.usual_value * self._krw
        self.style = next(style for style in STYLES if turnover >= style.turnover)
        self._usual = max(self.style.share * turnover, self.style.least) / self._krw
        self._behind = lru_cache(maxsize=256)(self._levels)

    def touch(self, last: Print, following: Print | None) -> Touch:
        """The best prices between two trades (at the end of history: around the last one)."""
        meets = following or last
        grid = grid_at(self._market, last.at)
        near, far = meets.price, self._beyond(grid, meets.price, last.sequential_id, up=not meets.buys)
        near_size = self._resting(grid, near, last, up=meets.buys) + (following.units if following else 0)
        far_size = self._resting(grid, far, last, up=not meets.buys) if far else 0
        return Touch(near, far, near_size, far_size) if meets.buys else Touch(far, near, far_size, near_size)

    def between(self, last: Print, touch: Touch) -> Displayed:
        """The whole book with this touch, which `last` has left behind."""
        grid, patience = grid_at(self._market, last.at), _patience(last)
        flicker = uniform(self._key + 1, _NUMBERS + np.uint64(last.sequential_id))
        shape = 1 - _FLICKER + 2 * _FLICKER * flicker
        prices, sizes = [], []
        for best, size, up in ((touch.ask, touch.ask_size, True), (touch.bid, touch.bid_size, False)):
            further, resting = self._behind(grid, best, patience, up) if best else ((), _NOTHING)
            prices.append((best, *further) if best else ())
            moved = np.clip(resting * shape[: len(resting)], 1.0, _MOST).astype(np.int64)
            sizes.append([size, *moved.tolist()] if best else [])
        return Displayed(last.at // 1000, prices[0], prices[1], sizes[0], sizes[1])

    def _beyond(self, grid: TickGrid, price: float, event: int, *, up: bool) -> float:
        """The other side's touch, some steps beyond this price; zero if there is none."""
        wider = self.style.spread * price / 10_000 / grid.tick(price)
        steps = min(1 + int(-log(1 - single(self._key, event)) * wider), _WIDEST)
        rungs = [rung for rung in grid.ladder(price, steps + 2, up=up) if rung != price]
        return rungs[min(steps, len(rungs)) - 1] if rungs else 0.0

    def _resting(self, grid: TickGrid, price: float, last: Print, *, up: bool) -> int:
        """What rests at the touch in 1e-8 coins, before the next trade adds its own."""
        place = round(price * UNITS) + _SIDES[up] + _patience(last) * _APART
        chance = min(max(single(self._key, place), _TAIL), 1 - _TAIL)
        shape = 1 - _FLICKER + 2 * _FLICKER * single(self._key + 1, last.sequential_id - 1 - up)
        coins = self._depth(grid, price) * exp(self.style.sigma * _LOGISTIC * log(chance / (1 - chance))) / price
        return max(1, int(min(coins * shape * UNITS, _MOST)))

    def _depth(self, grid: TickGrid, touch: float) -> float:
        """What a usual level near this price is worth, in the quote currency."""
        coarse = grid.tick(touch) / touch * 10_000
        return self._usual * max(1.0, min(coarse, self.style.apart * 4) / _COARSE)

    def _levels(self, grid: TickGrid, touch: float, patience: int, up: bool) -> tuple[tuple[float, ...], Floats]:  # noqa: FBT001 (a cache key)
        """Prices of one side behind its touch, and what rests at each in 1e-8 coins."""
        style = self.style
        quoted = min(1.0, max(_SPARSEST, grid.tick(touch) / touch * 10_000 / style.apart))
        ladder = grid.ladder(touch, int(MAX_LEVELS / quoted * 1.6) + 20, up=up)
        rungs = np.array([rung for rung in ladder if rung != touch])
        places = np.rint(rungs * UNITS).astype(np.uint64) + np.uint64(_SIDES[up] + patience * _APART)
        drawn = single(self._key + 3, patience * 2 + up)
        count = style.fewest + int(drawn * (style.most - style.fewest + 1)) - 1
        kept = np.flatnonzero(uniform(self._key + 2, places) < quoted)[:count]
        prices = rungs[kept]
        chance = np.clip(uniform(self._key, places[kept]), _TAIL, 1 - _TAIL)
        deeper = np.minimum(1 + _DEEPER * np.arange(1, len(kept) + 1), _DEEPEST)
        worth = self._depth(grid, touch) * deeper * np.exp(style.sigma * _LOGISTIC * np.log(chance / (1 - chance)))
        return tuple(prices.tolist()), worth / prices * UNITS


def _patience(last: Print) -> int:
    return last.at // 1000 // PATIENCE_MS
