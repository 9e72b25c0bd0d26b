"""What is known of candles once more is told: which version stays, and which first version is remembered. Pure."""

import numpy as np

from domain.spans import joined
from storage.columns import (
    PROVISIONAL,
    REVISED,
    STORED,
    CandleArrays,
    Known,
    alike,
    covered,
    joined_arrays,
    meeting,
    merged,
    ordered,
    winning,
)


def combined(old: Known, new: Known, step: int) -> Known:
    """Add what is told later to what is known of one frame.

    Of two versions of a candle `merged` keeps one; the other is remembered as seen if it differs, unless an earlier
    one is. A provisional candle that the new whole spans do not hold never was one: it is remembered only as seen.
    A final one stays.
    """
    if not new.whole and not len(new.as_seen):
        return old
    gone = old.candles.marked(PROVISIONAL) & covered(new.whole, old.candles.time, step)
    gone[meeting(old.candles, new.candles)[0]] = False
    best = merged(old.candles.picked(~gone), new.candles) if gone.any() else merged(old.candles, new.candles)
    losers = joined_arrays((_replaced(old.candles, new.candles), old.candles.picked(gone)))
    seen = ordered(joined_arrays((losers, new.as_seen, old.as_seen)))  # of one time the last is kept
    return Known(_marked(best, seen), joined((*old.whole, *new.whole)), _stripped(seen))


def _replaced(old: CandleArrays, new: CandleArrays) -> CandleArrays:
    """The versions that lost against a differing one."""
    mine, its = meeting(old, new)
    first, second = old.picked(mine), new.picked(its)
    differ = ~alike(first, second)
    wins = winning(first, second)
    return joined_arrays((first.picked(differ & wins), second.picked(differ & ~wins)))


def _marked(candles: CandleArrays, seen: CandleArrays) -> CandleArrays:
    """The candles with REVISED on those that were seen otherwise, and on no other."""
    flags = candles.flags & np.uint8(STORED & ~REVISED)
    flags[meeting(candles, seen)[0]] |= np.uint8(REVISED)
    return candles.with_flags(flags)


def _stripped(seen: CandleArrays) -> CandleArrays:
    return seen.with_flags(seen.flags & np.uint8(STORED & ~REVISED))
