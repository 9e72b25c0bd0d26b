"""Coarser frames from finer ones, the exchange's own coarse candles laid where minutes are not whole, gaps filled.

All of it vectorised: no loop over candles. Pure functions.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.errors import StorageError
from domain.spans import Spans, joined
from storage.columns import (
    COARSE,
    PARTIAL,
    PROVISIONAL,
    REVISED,
    SYNTHETIC,
    CandleArrays,
    Known,
    covered,
    joined_arrays,
    nothing,
    ordered,
)

STEPS: Final = np.longdouble(100_000_000)
"""Steps of the smallest volume in one coin."""


def resampled(candles: CandleArrays, step: int) -> CandleArrays:
    """Give the candles of a coarser frame (MTF-05): first open, highest, lowest, last close, sums of the amounts.

    An amount is unknown where one of the parts is. The source is that of the parts if they have one, else 0.

    Raises:
        StorageError: for a candle that fills a gap: it would move the open, the high and the low.
    """
    if np.any(filling := candles.marked(SYNTHETIC)):
        raise StorageError(f"the candle at {candles.time[filling][0]} fills a gap; only real ones may be resampled")
    starts = candles.time - candles.time % step
    if not len(starts) or np.array_equal(starts, candles.time):
        return candles
    first = np.flatnonzero(np.append(True, starts[1:] != starts[:-1]))
    last = np.append(first[1:], len(starts)) - 1
    source = candles.source
    one = np.minimum.reduceat(source, first) == np.maximum.reduceat(source, first)
    marks = np.bitwise_or.reduceat(candles.flags & np.uint8(REVISED | PROVISIONAL | COARSE), first)
    return CandleArrays(
        starts[first],
        candles.open[first],
        np.maximum.reduceat(candles.high, first),
        np.minimum.reduceat(candles.low, first),
        candles.close[last],
        _sums(candles.volume, first),
        _sums(candles.value, first),
        marks | source[first] * one,
    )


def laid_under(fine: Known, coarse: Known, step: int) -> Known:
    """Give candles built from finer ones, and those told at this frame wherever the finer ones are not whole."""
    if not coarse.whole:
        return fine
    better = covered(fine.whole, fine.candles.time, step)
    stay = better | ~covered(coarse.whole, fine.candles.time, step)
    come = ~covered(fine.whole, coarse.candles.time, step)
    told = coarse.candles.picked(come)
    told = told.with_flags(told.flags | np.uint8(COARSE))
    candles = ordered(joined_arrays((fine.candles.picked(stay), told)))
    return Known(candles, joined((*fine.whole, *coarse.whole)), nothing())


def with_parts_marked(candles: CandleArrays, whole: Spans, step: int) -> CandleArrays:
    """Give the candles with PARTIAL on those of which some part is not known."""
    lacking = ~covered(whole, candles.time, step)
    return candles.with_flags(candles.flags | np.where(lacking, np.uint8(PARTIAL), np.uint8(0)))


def filled(candles: CandleArrays, whole: Spans, step: int, since: int, until: int) -> CandleArrays:
    """Give [since, until) without gaps where it is known whole (MTF-07), each gap at the close before it.

    `candles` may begin before `since`: they are only looked back at. Nothing is filled before the first candle, nor
    behind one from which the way is not known whole.
    """
    shown = candles.between(since, until)
    if not len(candles) or not whole:
        return shown
    first, end = max(since, int(candles.time[0])), min(until, whole[-1][1])
    grid = np.arange(-(-first // step) * step, end // step * step, step, dtype=np.int64)
    stretch = _stretch(whole, grid, step)
    before = np.searchsorted(candles.time, grid, "right") - 1
    empty = (before >= 0) & (candles.time[before] != grid) & (stretch >= 0)
    empty &= stretch == _stretch(whole, candles.time, step)[before]
    close = candles.close[before[empty]]
    zero = np.zeros(len(close))
    flat = CandleArrays(grid[empty], close, close, close, close, zero, zero, np.full(len(close), SYNTHETIC, np.uint8))
    return ordered(joined_arrays((shown, flat)))


def _stretch(whole: Spans, starts: NDArray[np.int64], step: int) -> NDArray[np.intp]:
    """Number of the span that each interval lies in; -1 for none."""
    edges = np.array(whole, np.int64)
    place = np.searchsorted(edges[:, 0], starts, "right") - 1
    return np.where(covered(whole, starts, step), place, -1)


def _sums(column: NDArray[np.float64], first: NDArray[np.intp]) -> NDArray[np.float64]:
    """Sum each stretch that begins at `first`, as if the numbers were the decimals they stand for.

    The exchange keeps 8 decimals: a number that is nearest to one of those counts as that many steps of 1e-8, exactly,
    so that 0.1 + 0.1 + 0.1 is 0.3 as in the exchange's own candle. More digits than a float64 has hold the sum.
    """
    steps = column.astype(np.longdouble) * STEPS
    nearest = np.rint(steps)
    total = np.add.reduceat(np.where(_decimal(nearest) == column, nearest, steps), first)
    return _decimal(total)


def _decimal(steps: NDArray[np.longdouble]) -> NDArray[np.float64]:
    """The float64 nearest to a number of steps; a quotient of two float64 is rounded once, one of more digits twice."""
    count = steps.astype(np.float64)
    found: NDArray[np.float64] = np.where(count == steps, count / float(STEPS), (steps / STEPS).astype(np.float64))
    return found
