"""Turns minute candles into a plausible tape of trades that adds up to exactly those candles."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from actors.sandbox.noise import Counters, Flags, Floats, Integers, uniform
from actors.sandbox.series import MIN_UNITS, UNITS, Series
from actors.sandbox.ticks import TickGrid, grid_at
from domain.market import MINUTE

MAX_TRADES: Final = 12
_DRAWS: Final = 64  # random numbers set aside for each minute: four rows of MAX_TRADES, and some single ones
_NOISE, _WEIGHT, _TIME, _TAKER, _SINGLE = 0, 12, 24, 36, 48
_STEPS: Final = np.array([0.2, 0.4, 0.7, 1.0, 1.6, 2.5, 4.0, 8.0])  # activity at which a minute has one more trade
_EVEN: Final = 0.5
_SPREAD_MS: Final = 59_000
_APART_MS: Final = 10


@dataclass(frozen=True, slots=True)
class Tape:
    """Trades in the order of time, arrays of shape (trades,); and per minute, shape (minutes,), what they add up to.

    `at` is in microseconds UTC (whole milliseconds), `units` in 1e-8 coins, `buys` says that the taker bought,
    `number` counts inside the minute.
    """

    at: Integers
    price: Floats
    units: Integers
    buys: Flags
    number: Integers
    minute_value: Floats
    minute_last_ms: Integers


def print_tape(series: Series, first: int, end: int) -> Tape:
    """The trades of the minutes `first` to `end` (indexes, end excluded), the same whatever part is asked for."""
    grid = grid_at(series.market, int(series.time[first]) if first < end else 0)
    split = min(end, series.index(grid.until))
    if first < split < end:
        return _joined(print_tape(series, first, split), print_tape(series, split, end))
    rows = _Rows(series, first, end, grid)
    live = rows.live
    prices = rows.prices()
    units = rows.volumes(prices)
    ms = rows.times()
    return Tape(
        at=ms[live] * 1000,
        price=prices[live],
        units=units[live],
        buys=rows.takers(prices)[live],
        number=np.broadcast_to(rows.column, live.shape)[live],
        minute_value=np.where(live, prices * units / UNITS, 0.0).sum(axis=1),
        minute_last_ms=ms[np.arange(len(ms)), rows.count - 1],
    )


def settle(series: Series, first: int) -> None:
    """Make `value` and `last_ms` of the minutes from index `first` on those of the tape: they will be played."""
    tape = print_tape(series, first, len(series.time))
    series.value[first:] = tape.minute_value
    series.last_ms[first:] = tape.minute_last_ms


def _joined(one: Tape, two: Tape) -> Tape:
    names = Tape.__slots__
    return Tape(**{name: np.concatenate((getattr(one, name), getattr(two, name))) for name in names})


class _Rows:
    """Some minutes as a table: a row for each minute, a column for each trade it may have."""

    def __init__(self, series: Series, first: int, end: int, grid: TickGrid) -> None:
        part = slice(first, end)
        self._series, self._grid = series, grid
        self._time = series.time[part]
        self._open, self._high, self._low, self._close = (
            column[part, None] for column in (series.open, series.high, series.low, series.close)
        )
        self._units = series.units[part]
        self._target = series.source_value[part] / (self._units / UNITS)
        self.column = np.arange(MAX_TRADES)
        activity = self._units / series.usual_units
        wanted = MIN_UNITS + np.searchsorted(_STEPS, activity * (0.6 + 0.8 * self._single(0)))
        self.count: Integers = np.minimum(np.minimum(wanted, MAX_TRADES), self._units)
        self.live: Flags = self.column < self.count[:, None]

    def _counters(self, slots: Integers | int) -> Counters:
        minutes = (self._time // MINUTE)[:, None] * _DRAWS
        return (minutes + slots).astype(np.uint64)

    def _single(self, slot: int) -> Floats:
        return uniform(self._series.key, self._counters(_SINGLE + slot))[:, 0]

    def _row(self, slot: int) -> Floats:
        return uniform(self._series.key, self._counters(slot + np.arange(MAX_TRADES)))

    def prices(self) -> Floats:
        """From open over both extremes to close, on the grid between, never outside [low, high]."""
        count, column = self.count[:, None], self.column
        one = 1 + np.floor(self._single(1)[:, None] * np.maximum(count - 3, 1)).astype(np.int64)
        two = one + 1 + np.floor(self._single(2)[:, None] * np.maximum(count - 2 - one, 1)).astype(np.int64)
        low_first = self._single(3)[:, None] < np.where(self._close >= self._open, 0.8, 0.2)
        first = np.where(low_first, self._low, self._high)
        second = np.where(low_first, self._high, self._low)
        lead = self._open + (first - self._open) * column / one
        middle = first + (second - first) * (column - one) / (two - one)
        tail = second + (self._close - second) * (column - two) / np.maximum(count - 1 - two, 1)
        path = np.where(column <= one, lead, np.where(column <= two, middle, tail))
        path = self._on_grid(path + (self._row(_NOISE) - 0.5) * 0.3 * (self._high - self._low))
        for place, price in ((0, self._open), (one, first), (two, second), (count - 1, self._close)):
            path = np.where(column == place, price, path)
        return np.where(self._high == self._low, self._open, path)

    def _on_grid(self, path: Floats) -> Floats:
        low, high = self._grid.ceil(self._low), self._grid.floor(self._high)
        inside = np.minimum(np.maximum(self._grid.floor(path), low), high)
        return np.where(low <= high, inside, self._open)

    def volumes(self, prices: Floats) -> Integers:
        """At least one unit each, together the minute's volume, their average price near the candle's own."""
        draw = self._row(_WEIGHT)
        weights = np.where(self.live, 0.03 + draw * draw * draw, 0.0)
        weights /= weights.sum(axis=1, keepdims=True)
        weights = _leaned(weights, prices, self._target[:, None])
        spare = (self._units - self.count)[:, None]
        upto = np.minimum(np.floor(np.cumsum(weights, axis=1) * spare).astype(np.int64), spare)
        upto = np.where(self.column >= self.count[:, None] - 1, spare, upto)
        shares: Integers = np.diff(upto, axis=1, prepend=0) + self.live
        return shares

    def times(self) -> Integers:
        """Milliseconds UTC, strictly ascending inside the minute."""
        draw = np.sort(np.where(self.live, self._row(_TIME), 1.0), axis=1)
        inside = np.floor(draw * _SPREAD_MS).astype(np.int64) + self.column * _APART_MS
        ms: Integers = self._time[:, None] // 1000 + inside
        return ms

    def takers(self, prices: Floats) -> Flags:
        """Who took: buyers when the price rose, sellers when it fell, chance when it stayed."""
        change = np.diff(prices, axis=1, prepend=prices[:, :1])
        return np.where(change == 0, self._row(_TAKER) < _EVEN, change > 0)


def _leaned(weights: Floats, prices: Floats, target: Floats) -> Floats:
    """Weights (rows sum to 1) moved towards the trades beyond `target` until the average price is `target`."""
    mean = (weights * prices).sum(axis=1, keepdims=True)
    beyond = np.where(np.where(target > mean, prices >= target, prices <= target), weights, 0.0)
    mass = beyond.sum(axis=1, keepdims=True)
    beyond = beyond / np.where(mass > 0, mass, 1.0)
    reach = (beyond * prices).sum(axis=1, keepdims=True) - mean
    usable = (mass > 0) & (reach != 0)
    share = np.where(usable, (target - mean) / np.where(usable, reach, 1.0), 0.0)
    share = np.minimum(np.maximum(share, 0.0), 1.0)
    return (1 - share) * weights + share * beyond
