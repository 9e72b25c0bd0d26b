"""What is wrong with candles: broken, spikes, silences, too few real ones (quant.md MTF-08, MTF-12, MTF-13).

Arrays are float64 or bool, oldest first; times are int64 microseconds UTC. Everything here is vectorised and pure.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.config import DataSettings
from domain.market import MINUTE
from domain.spans import Spans, without

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Mask = NDArray[np.bool_]

SPIKE_WINDOW: Final = 288
"""Base bars behind a move by which it is judged: a day."""


def spikes(closes: FloatArray, settings: DataSettings = DataSettings()) -> Mask:  # noqa: B008 (a frozen value)
    """Tell which base bars are suspects: the price went far away in one bar, and most of the way back in the next.

    `closes` is (n,) on the filled grid of base bars, NaN where nothing is known. Bar i is one if its log return is
    above max(`spike_move`, `spike_mad` x MAD) in size and the return of bar i+1 takes back `spike_reversal` of it or
    more. MAD is the median absolute log return of the SPIKE_WINDOW bars *before* i (i-288 .. i-1; of as many as there
    are), so that neither the move nor what follows it sets the measure. Of what comes after bar i only bar i+1 counts:
    the newest bar is never one yet.
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # an impossible price has no return: that is `broken`
        moves = np.diff(np.log(closes), prepend=np.nan)
        moves[~np.isfinite(moves)] = np.nan
        back = -np.append(moves, np.nan)[1:] / moves
    suspects = (np.abs(moves) > float(settings.spike_move)) & (back >= float(settings.spike_reversal))
    for place in np.flatnonzero(suspects):  # a handful in a year: the median is taken for these alone
        usual = np.abs(moves[max(0, place - SPIKE_WINDOW) : place])
        usual = usual[~np.isnan(usual)]
        if usual.size:
            suspects[place] = abs(moves[place]) > float(settings.spike_mad) * float(np.median(usual))
    return suspects


def broken(times: IntArray, prices: FloatArray, sums: FloatArray) -> Mask:
    """Tell which of n candles cannot be (IND-00): prices not finite or positive, open or close outside low and high.

    `prices` is (4, n): open, high, low, close; `sums` (any, n): volume and value, where negative or endless is broken
    and NaN, not known, breaks nothing. Of candles with one time or out of order those that stand behind are broken.
    """
    opens, highs, lows, closes = prices
    sound = np.isfinite(prices).all(axis=0) & (lows > 0)
    sound &= (lows <= np.minimum(opens, closes)) & (np.maximum(opens, closes) <= highs)
    sound &= (np.isnan(sums) | ((sums >= 0) & np.isfinite(sums))).all(axis=0)
    sound[1:] &= times[1:] > np.maximum.accumulate(times)[:-1]
    unsound: Mask = ~sound
    return unsound


def silences(whole: Spans, minutes: Iterable[int], least: int) -> Spans:
    """Give the stretches of `least` microseconds or longer that are known whole and hold none of these minutes."""
    quiet = without(whole, [(start, start + MINUTE) for start in minutes])
    return tuple((since, until) for since, until in quiet if until - since >= least)


class Coverage(NamedTuple):
    """How much of the newest base bars really traded: synthetic ones of the last `recent`, real ones of the `day`."""

    synthetic: int
    recent: int
    real: int
    day: int

    @property
    def share(self) -> float:
        """The real share of the bars known, 0 when none are."""
        return self.real / self.day if self.day else 0.0


def coverage(real: Mask, settings: DataSettings = DataSettings()) -> Coverage:  # noqa: B008 (a frozen value)
    """Count the newest base bars; with fewer known than the settings want, those that are."""
    recent, day = real[-settings.coverage_recent :], real[-settings.coverage_day :]
    return Coverage(int(recent.size - recent.sum()), int(recent.size), int(day.sum()), int(day.size))


def uncovered(seen: Coverage, settings: DataSettings) -> str:
    """Say with numbers why so little trading is no ground for an entry (quant.md MTF-08), "" when it is enough."""
    if seen.recent < settings.coverage_recent:
        return f"known={seen.recent} of at least {settings.coverage_recent} base bars"
    reasons = []
    if seen.synthetic > settings.coverage_synthetic:
        reasons.append(f"synthetic={seen.synthetic} of {seen.recent}, at most {settings.coverage_synthetic}")
    if seen.real < settings.coverage_share * seen.day:
        known = "" if seen.day >= settings.coverage_day else f" (of {settings.coverage_day} only these are known)"
        least = f"at least {settings.coverage_share:.0%}"
        reasons.append(f"real={seen.real} of {seen.day}{known}: {seen.share:.1%}, {least}")
    return "; ".join(reasons)
