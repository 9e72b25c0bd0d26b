"""Candles of any length out of real minutes only (quant.md MTF-05), the one still forming included."""

from typing import Final, NamedTuple

import numpy as np

from actors.sandbox.noise import Integers
from actors.sandbox.series import Series
from domain.market import DAY, MINUTE

MINUTE_UNITS: Final = (1, 3, 5, 10, 15, 30, 60, 240)
DAY_STEP: Final = DAY


class Candle(NamedTuple):
    """[start, start+step): KRW, 1e-8 coins, KRW; `start` in microseconds, `last_ms` of its last trade in ms."""

    start: int
    open: float
    high: float
    low: float
    close: float
    units: int
    value: float
    last_ms: int

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
        )


class History:
    """Candles of one market. The minutes before index `done` are over; `forming` is the one being printed."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._edges: dict[int, Integers] = {}

    def newest(self, step: int, done: int, forming: Candle | None, *, before: int, count: int) -> list[Candle]:
        """Up to `count` candles of `step` microseconds that start before `before`, newest first."""
        end = -(-before // step) * step
        series, edges = self._series, self._first_rows(step)
        rows = min(done, series.index(end))
        last = int(np.searchsorted(edges, rows))
        first = max(0, last - count)
        found = self._rolled(step, edges[first:last], rows) if first < last else []
        if forming is not None and forming.start < end:
            start = forming.start - forming.start % step
            if found and found[-1].start == start:
                found[-1] = found[-1].joined(forming)
            else:
                found.append(forming._replace(start=start))
        return found[: -count - 1 : -1]

    def _first_rows(self, step: int) -> Integers:
        """Index of the first minute of every candle of this length."""
        if step not in self._edges:
            self._edges[step] = np.flatnonzero(np.diff(self._series.time // step, prepend=-1))
        return self._edges[step]

    def _rolled(self, step: int, edges: Integers, end: int) -> list[Candle]:
        series, low = self._series, int(edges[0])
        part, starts = slice(low, end), edges - low
        lasts = np.append(edges[1:], end) - 1
        columns = (
            series.time[edges] // step * step,
            series.open[edges],
            np.maximum.reduceat(series.high[part], starts),
            np.minimum.reduceat(series.low[part], starts),
            series.close[lasts],
            np.add.reduceat(series.units[part].astype(object), starts),  # a day of a tiny coin is beyond 64 bits
            np.add.reduceat(series.value[part], starts),
            series.last_ms[lasts],
        )
        return [Candle(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def step_of(minutes: int) -> int:
    """Microseconds in a candle of so many minutes."""
    return minutes * MINUTE
