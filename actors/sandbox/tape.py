"""Turns minute candles into a plausible tape of trades that adds up to exactly those candles, their value included.

A minute goes from its open over both extremes to its close, with some trades between. What volume these leave is
traded at two neighbouring prices, split so that the value of the minute is met to the last unit.
"""

from bisect import bisect_right
from functools import cache
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from actors.sandbox.noise import Integers, uniform
from actors.sandbox.prints import Print
from actors.sandbox.series import Series
from actors.sandbox.ticks import TickGrid, grid_at
from domain.market import MINUTE

MAX_TRADES: Final = 12
_DRAWS: Final = 64  # random numbers set aside for each minute
_PATH, _NOISE, _WEIGHT, _TIME, _TAKER, _SINGLE = 0, 10, 20, 32, 44, 56  # where each use of them begins
_BUSY: Final = (0.2, 0.4, 0.7, 1.0, 1.6, 2.5, 4.0, 8.0)  # activity at which a minute has one more trade
_FEWEST: Final = 4
_SHARES: Final = (0.6, 0.3, 0.1, 0.02, 0.0)  # of the volume, what the path may trade; the first that leaves a way
_EVEN: Final = 0.5
_APART_MS: Final = 10
_BATCH: Final = 16  # minutes printed at a time
_KEPT: Final = 12  # batches of a market kept at hand


class Trade(NamedTuple):
    """One trade before it has a time: price in whole numbers, volume in 1e-8 coins."""

    price: int
    units: int


class Rungs(NamedTuple):
    """The valid prices of a market in whole numbers: bands from `lows` up move in `ticks`."""

    lows: tuple[float, ...]
    ticks: tuple[int, ...]

    def floor(self, price: int) -> int:
        """The highest valid price not above this one."""
        return price // self._tick(price) * self._tick(price)

    def above(self, price: int) -> int:
        """The lowest valid price above this one."""
        return self.floor(price) + self._tick(price)

    def _tick(self, price: int) -> int:
        return self.ticks[max(0, bisect_right(self.lows, price) - 1)]


@cache
def rungs_of(grid: TickGrid, digits: int) -> Rungs:
    """A grid in whole numbers of 10**-digits."""
    scale = 10**digits
    return Rungs(
        tuple(low * scale for low in grid.lows),
        tuple(max(1, round(tick * scale)) for tick in grid.steps),
    )


class _Minute(NamedTuple):
    """One minute in whole numbers, its valid prices and its random numbers."""

    rungs: Rungs
    draws: list[float]
    open: int
    high: int
    low: int
    close: int
    step: int
    units: int
    value: int
    wanted: int


def minute_prints(series: Series, index: int) -> tuple[Print, ...]:
    """The trades of one minute by its index; none when there is no such minute. They are the same every time."""
    if not 0 <= index < len(series.time):
        return ()
    if series.recorded is not None:
        return series.recorded.minutes[int(series.time[index])]
    batch = index // _BATCH
    if batch not in series.printed:
        while len(series.printed) >= _KEPT:
            del series.printed[next(iter(series.printed))]
        series.printed[batch] = _printed(series, batch * _BATCH, min((batch + 1) * _BATCH, len(series.time)))
    return series.printed[batch][index % _BATCH]


def _printed(series: Series, first: int, end: int) -> tuple[tuple[Print, ...], ...]:
    part = slice(first, end)
    numbers = series.time[part] // MINUTE
    draws = uniform(series.key, (numbers[:, None] * _DRAWS + np.arange(_DRAWS)).astype(np.uint64))
    before = series.close[max(0, first - 1)]
    names = ("open", "high", "low", "close")
    columns = [np.rint(getattr(series, name)[part] * 10.0**series.digits).astype(np.int64) for name in names]
    activity = series.units[part] / series.usual_units * (0.6 + 0.8 * draws[:, _SINGLE])
    counts: Integers = _FEWEST + np.searchsorted(np.array(_BUSY), activity)
    columns += [series.step[part], series.units[part], series.value[part], counts]
    found, prior = [], round(float(before) * 10**series.digits)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for at, last_ms, row, own in zip(
        series.time[part].tolist(), series.last_ms[part].tolist(), rows, draws.tolist(), strict=True
    ):
        minute = _Minute(rungs_of(grid_at(series.market, at), series.digits), own, *row)
        found.append(_told(series, minute, at // 1000, last_ms, prior))
        prior = minute.close
    return tuple(found)


def _told(series: Series, minute: _Minute, start_ms: int, last_ms: int, prior: int) -> tuple[Print, ...]:
    """The trades with their times (strictly ascending), takers and ids."""
    trades, draws, scale = _trades(minute), minute.draws, 10**series.digits
    last = len(trades) - 1
    room = last_ms - start_ms - last * _APART_MS
    times = [
        start_ms + int(draw * room) + _APART_MS * at for at, draw in enumerate(sorted(draws[_TIME : _TIME + last]))
    ]
    prints = []
    for number, (trade, ms) in enumerate(zip(trades, (*times, last_ms), strict=True)):
        buys = trade.price > prior if trade.price != prior else draws[_TAKER + number] < _EVEN
        prints.append(Print(ms * 1000, trade.price / scale, trade.units, buys, ms * 10_000 + number))
        prior = trade.price
    return tuple(prints)


def _trades(minute: _Minute) -> list[Trade]:
    """The trades in their order; together they are exactly the minute."""
    if minute.high == minute.low:
        prices = [minute.open] * min(minute.wanted, minute.units)
        return [*map(Trade, prices, _split(minute, len(prices), minute.units))]
    corners = _corners(minute)
    if len(corners) == minute.units:
        return [Trade(price, 1) for price in corners]
    path = _path(minute, corners, min(minute.wanted - 2, minute.units - 1))
    for share in _SHARES:
        volume = max(len(path), int(minute.units * share)) if share else len(path)
        if volume < minute.units and (found := _with_rest(minute, path, volume)):
            return found
    found = _with_rest(minute, corners, len(corners))
    if not found:
        raise AssertionError("a value within reach of its minute's prices is always met")
    return found


def _corners(minute: _Minute) -> list[int]:
    """The prices that must trade: open, the extremes (each once), close."""
    rises = minute.draws[_SINGLE + 1] < (0.8 if minute.close >= minute.open else 0.2)
    extremes = (minute.low, minute.high) if rises else (minute.high, minute.low)
    inner = [price for price in extremes if price not in {minute.open, minute.close}]
    return [minute.open, *inner, minute.close]


def _path(minute: _Minute, corners: list[int], count: int) -> list[int]:
    """The corners with some valid prices between them, `count` in all if there is room for that many."""
    draws, reach = minute.draws, (minute.high - minute.low) * 0.3
    legs = list(pairwise(corners))
    extras: list[list[int]] = [[] for _ in legs]
    for place, draw in enumerate(sorted(draws[_PATH : _PATH + max(0, count - len(corners))])):
        leg = min(int(draw * len(legs)), len(legs) - 1)
        begin, end = legs[leg]
        aim = begin + (end - begin) * (draw * len(legs) - leg) + (draws[_NOISE + place] - _EVEN) * reach
        price = minute.rungs.floor(min(max(int(aim), minute.low), minute.high))
        if price >= minute.low:
            extras[leg].append(price)
    return [corners[0], *(price for leg, extra in zip(legs, extras, strict=True) for price in (*extra, leg[1]))]


def _split(minute: _Minute, count: int, units: int) -> list[int]:
    """A volume in `count` parts of at least one unit."""
    weights = [0.03 + draw * draw * draw for draw in minute.draws[_WEIGHT : _WEIGHT + count]]
    spare, whole = units - count, sum(weights)
    parts = [1 + int(spare * (weight / whole)) for weight in weights]
    parts[-1] += units - sum(parts)
    return parts


def _with_rest(minute: _Minute, path: list[int], volume: int) -> list[Trade]:
    """The path trading `volume`, and the rest of the minute at two neighbouring prices; nothing if none would do."""
    trades = [*map(Trade, path, _split(minute, len(path), volume))]
    rest = minute.units - volume
    need = minute.value - sum(trade.price * trade.units for trade in trades)
    if not minute.low * rest <= need <= minute.high * rest:
        return []
    low = minute.rungs.floor(need // rest)
    high = minute.rungs.above(low)
    if low < minute.low or high > minute.high or (need - low * rest) % (high - low):
        low = need // rest // minute.step * minute.step  # off the rule book's steps, as the candle's own prices are
        high = low + minute.step
    upper = (need - low * rest) // (high - low)
    pair = [Trade(price, units) for price, units in ((low, rest - upper), (high, upper)) if units]
    if minute.draws[_SINGLE + 2] < _EVEN:
        pair.reverse()
    near = min(range(len(path) - 1), key=lambda place: abs(path[place] - low))
    return [*trades[: near + 1], *pair, *trades[near + 1 :]]
