"""The closes of a market's newest base bars, as its minutes are told one after the other."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from domain.config import DataSettings
from domain.market import BASE_FRAME, Bar
from domain.money import estimate
from domain.quality import SPIKE_WINDOW, FloatArray, IntArray, spikes

KEPT = SPIKE_WINDOW + 12
"""Base bars kept: those a move is judged by, and the hour behind them in which it is judged."""


@dataclass(slots=True)
class BaseCloses:
    """`closes` is (n,) from the base bar at `first` on, NaN where nothing traded; `minutes` where each close is from.

    All minutes before `until` are known: where minutes before a told span are not, it starts anew at that span.
    """

    first: int = 0
    until: int = 0
    closes: FloatArray = field(default_factory=lambda: np.empty(0))
    minutes: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def take(known: BaseCloses, since: int, until: int, bars: Iterable[Bar]) -> None:
    """Take the real minutes of [since, until), told for the first time or once more."""
    if not known.until or since > known.until:
        known.first = known.until = since - since % BASE_FRAME
        known.closes, known.minutes = np.empty(0), np.empty(0, dtype=np.int64)
    known.until = max(known.until, until)
    _grow(known, -(-known.until // BASE_FRAME) * BASE_FRAME)
    for bar in bars:
        place = (bar.start - known.first) // BASE_FRAME
        if 0 <= place < known.closes.size and bar.start >= known.minutes[place]:
            known.closes[place], known.minutes[place] = estimate(bar.close), bar.start


def suspects(known: BaseCloses, settings: DataSettings) -> tuple[tuple[int, float], ...]:
    """Give the closed base bars that are spikes, as start and move (a fraction); gaps are filled (quant.md MTF-07)."""
    closed = known.closes[: (known.until - known.first) // BASE_FRAME]
    if not closed.size:
        return ()
    newest = np.maximum.accumulate(np.where(np.isnan(closed), 0, np.arange(closed.size)))
    filled = closed[newest]
    places = np.flatnonzero(spikes(filled, settings)).tolist()
    return tuple((known.first + at * BASE_FRAME, float(filled[at] / filled[at - 1] - 1)) for at in places)


def _grow(known: BaseCloses, end: int) -> None:
    """Make room up to `end` and forget what is older than KEPT base bars."""
    more = (end - known.first) // BASE_FRAME - known.closes.size
    if more <= 0:
        return
    closes = np.concatenate((known.closes, np.full(more, np.nan)))
    minutes = np.concatenate((known.minutes, np.zeros(more, dtype=np.int64)))
    surplus = max(0, closes.size - KEPT)
    known.closes, known.minutes = closes[surplus:], minutes[surplus:]
    known.first += surplus * BASE_FRAME
