"""Two tellings of the same candles beside each other: prices must be equal, amounts nearly (quant.md MTF-11)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.collection import Conflict
from storage.columns import AMOUNTS, PRICES, SAME, CandleArrays, meeting

Mask = NDArray[np.bool_]


class Beside(NamedTuple):
    """Candles of both at the same times, and those that only one of them has.

    `differs` tells by field where both know and say otherwise; `completes` where `told` has an amount `stored` lacks.
    """

    stored: CandleArrays
    told: CandleArrays
    differs: dict[str, Mask]
    completes: Mask
    only_stored: CandleArrays
    only_told: CandleArrays

    @property
    def different(self) -> Mask:
        """Where any field differs."""
        found: Mask = np.any([*self.differs.values()], axis=0)
        return found

    def conflicts(self) -> tuple[Conflict, ...]:
        """Every candle that is told otherwise, in the order of time."""
        rows = [self._conflict(row) for row in np.flatnonzero(self.different).tolist()]
        rows += [Conflict(at, (), row, None) for at, row in _rows(self.only_stored)]
        rows += [Conflict(at, (), None, row) for at, row in _rows(self.only_told)]
        return tuple(sorted(rows, key=lambda one: one.start))

    def _conflict(self, row: int) -> Conflict:
        fields = tuple(name for name, where in self.differs.items() if where[row])
        ((at, mine),), ((_, its),) = _rows(self.stored.picked([row])), _rows(self.told.picked([row]))
        return Conflict(at, fields, mine, its)


def beside(stored: CandleArrays, told: CandleArrays) -> Beside:
    """Lay two tellings of one stretch beside each other; both ascend."""
    mine, its = meeting(stored, told)
    one, other = stored.picked(mine), told.picked(its)
    differs = {name: getattr(one, name) != getattr(other, name) for name in PRICES}
    differs |= {name: _apart(getattr(one, name), getattr(other, name)) for name in AMOUNTS}
    lacking = [np.isnan(getattr(one, name)) & ~np.isnan(getattr(other, name)) for name in AMOUNTS]
    only_stored, only_told = (bars.picked(~_among(len(bars), rows)) for bars, rows in ((stored, mine), (told, its)))
    return Beside(one, other, differs, np.any(lacking, axis=0), only_stored, only_told)


def with_known_amounts(told: CandleArrays, stored: CandleArrays) -> CandleArrays:
    """The same candles; the value that `told` lacks is that of `stored` where both tell the same volume."""
    same = ~_apart(told.volume, stored.volume)
    volume = np.where(np.isnan(told.volume), stored.volume, told.volume)
    value = np.where(np.isnan(told.value) & same, stored.value, told.value)
    return CandleArrays(told.time, told.open, told.high, told.low, told.close, volume, value, told.flags)


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> Mask:
    """Amounts that differ; one that nobody knows differs from none."""
    far: Mask = np.abs(one - other) > SAME * np.maximum(one, other)
    return far


def _among(length: int, rows: NDArray[np.intp]) -> Mask:
    found = np.zeros(length, np.bool_)
    found[rows] = True
    return found


def _rows(bars: CandleArrays) -> list[tuple[int, tuple[float, ...]]]:
    columns = [getattr(bars, name).tolist() for name in (*PRICES, *AMOUNTS)]
    return list(zip(bars.time.tolist(), zip(*columns, strict=True), strict=True))
