"""Candles of any length out of real minutes only (quant.md MTF-05), the one still forming included."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

import numpy as np

from actors.sandbox import exact
from actors.sandbox.noise import Integers
from actors.sandbox.prints import Print
from actors.sandbox.series import Series
from domain.market import DAY, MINUTE, US_PER_S

MINUTE_UNITS: Final = (1, 3, 5, 10, 15, 30, 60, 240)
_MONDAY: Final = 4 * DAY  # 1970-01-05, the first one since the epoch
_FAR: Final = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp()) * US_PER_S  # no calendar goes beyond


class Period(NamedTuple):
    """A length of candles: so many microseconds from `offset` on, or calendar units of numpy's name (M or Y)."""

    step: int
    offset: int = 0
    calendar: Literal["M", "Y", ""] = ""

    def number(self, at: int) -> int:
        """Which candle this time belongs to."""
        return int(self.numbers(np.array([at]))[0]) if self.calendar else (at - self.offset) // self.step

    def numbers(self, at: Integers) -> Integers:
        """Which candle each time belongs to."""
        if self.calendar:
            return at.astype("datetime64[us]").astype(f"datetime64[{self.calendar}]").astype(np.int64)
        return (at - self.offset) // self.step

    def start(self, number: int) -> int:
        """When a candle begins, in microseconds UTC."""
        if self.calendar:
            return int(np.datetime64(number, self.calendar).astype("datetime64[us]").astype(np.int64))
        return number * self.step + self.offset


SECOND: Final = Period(US_PER_S)
DAYS: Final = Period(DAY)
WEEKS: Final = Period(7 * DAY, _MONDAY)
MONTHS: Final = Period(0, calendar="M")
YEARS: Final = Period(0, calendar="Y")


def minutes(unit: int) -> Period:
    """Candles of so many minutes."""
    return Period(unit * MINUTE)


class Candle(NamedTuple):
    """[start, next start): prices in the quote currency, 1e-8 coins, value counted as its series' (`per` to one).

    `start` is in microseconds, `last_ms` of its last trade in ms.
    """

    start: int
    open: float
    high: float
    low: float
    close: float
    units: int
    value: int
    last_ms: int
    per: int

    @property
    def turnover(self) -> float:
        """Its value in the quote currency."""
        return self.value / self.per

    def joined(self, later: "Candle") -> "Candle":
        """One candle of this one and the one after it."""
        return Candle(
            self.start,
            self.open,
            max(self.high, later.high),
            min(self.low, later.low),
            later.close,
            self.units + later.units,
            self.value + later.value,
            later.last_ms,
            self.per,
        )


def candle_of(series: Series, start: int, trade: Print) -> Candle:
    """The candle of one trade."""
    price = trade.price
    value = series.worth(price, trade.units)
    return Candle(start, price, price, price, price, trade.units, value, trade.at // 1000, series.per)


def by_second(series: Series, prints: Iterable[Print]) -> list[Candle]:
    """Candles of a second each, oldest first, out of trades in the order of time."""
    found: list[Candle] = []
    for trade in prints:
        one = candle_of(series, trade.at - trade.at % US_PER_S, trade)
        if found and found[-1].start == one.start:
            found[-1] = found[-1].joined(one)
        else:
            found.append(one)
    return found


class History:
    """Candles of one market. The minutes before index `done` are over; `forming` is the one being printed."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._edges: dict[Period, Integers] = {}

    def newest(self, period: Period, done: int, forming: Candle | None, *, before: int, count: int) -> list[Candle]:
        """Up to `count` candles that start before `before`, newest first."""
        before = min(before, _FAR)
        end = period.start(period.number(before - 1) + 1)
        series, edges = self._series, self._first_rows(period)
        rows = min(done, series.index(end))
        last = int(np.searchsorted(edges, rows))
        first = max(0, last - count)
        found = self._rolled(period, edges[first:last], rows) if first < last else []
        if forming is not None and forming.start < end:
            start = period.start(period.number(forming.start))
            if found and found[-1].start == start:
                found[-1] = found[-1].joined(forming)
            else:
                found.append(forming._replace(start=start))
        return found[: -count - 1 : -1]

    def _first_rows(self, period: Period) -> Integers:
        """Index of the first minute of every candle of this length."""
        if period not in self._edges:
            numbers = period.numbers(self._series.time)
            self._edges[period] = np.flatnonzero(np.diff(numbers, prepend=numbers[:1] - 1))
        return self._edges[period]

    def _rolled(self, period: Period, edges: Integers, end: int) -> list[Candle]:
        series, low = self._series, int(edges[0])
        part, starts = slice(low, end), edges - low
        lasts = np.append(edges[1:], end) - 1
        columns = (
            [period.start(number) for number in period.numbers(series.time[edges]).tolist()],
            series.open[edges].tolist(),
            np.maximum.reduceat(series.high[part], starts).tolist(),
            np.minimum.reduceat(series.low[part], starts).tolist(),
            series.close[lasts].tolist(),
            exact.totals(series.units[part], starts),
            exact.totals(series.value[part], starts),
            series.last_ms[lasts].tolist(),
            [series.per] * len(edges),
        )
        return [Candle(*row) for row in zip(*columns, strict=True)]
