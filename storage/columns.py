"""Candles as columns: float64 estimates for whoever computes, with flags that say where each candle comes from.

A column set holds real candles only, oldest first, one an interval; what a set does not hold is told by spans
(`domain/spans.py`): an interval that is known whole and has no candle had no trade. All functions are pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.errors import StorageError
from domain.market import Bar
from domain.money import estimate
from domain.spans import Spans, joined

SOURCE: Final = 0b111
"""Mask of `flags`: who told the candle; 0 for a coarse candle of several sources, and for a filled one."""
TRADES: Final = 1
REST: Final = 2
IMPORTED: Final = 3
CANDLE_STREAM: Final = 4
REVISED: Final = 8
"""The exchange told it otherwise before: `as_seen` holds the first version (quant.md MTF-11)."""
PROVISIONAL: Final = 16
"""The exchange was not asked yet whether it is right."""
PARTIAL: Final = 32
"""Views only: a coarse candle of which some part is not known."""
COARSE: Final = 64
"""Views only: told by the exchange at a coarser frame, not built from minutes."""
SYNTHETIC: Final = 128
"""Filled views only: nothing was traded, the prices are the close before it (quant.md MTF-07)."""
STORED: Final = SOURCE | REVISED | PROVISIONAL

FOREVER: Final = 2**62
"""A time after all candles."""
SAME: Final = 1e-8
"""Relative difference up to which two volumes or values are the same (quant.md MTF-11)."""

KINDS: Final = {
    "time": "<i8",
    "open": "<f8",
    "high": "<f8",
    "low": "<f8",
    "close": "<f8",
    "volume": "<f8",
    "value": "<f8",
    "flags": "|u1",
}
COLUMNS: Final = tuple(KINDS)
PRICES: Final = COLUMNS[1:5]
AMOUNTS: Final = COLUMNS[5:7]


@dataclass(frozen=True, slots=True, eq=False)
class CandleArrays:
    """Candles as columns of one length: `time` int64 microseconds UTC, `flags` uint8, the others float64.

    `volume` and `value` are NaN where the source did not tell them: unknown is never zero.
    """

    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    value: NDArray[np.float64]
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.time)

    @property
    def source(self) -> NDArray[np.uint8]:
        """Who told each candle: TRADES, REST, IMPORTED, CANDLE_STREAM, or 0."""
        return self.flags & np.uint8(SOURCE)

    def marked(self, flag: int) -> NDArray[np.bool_]:
        """Whether each candle carries a flag such as REVISED."""
        found: NDArray[np.bool_] = (self.flags & np.uint8(flag)) != 0
        return found

    def picked(self, which: Any) -> "CandleArrays":
        """Give the rows of a slice, a mask or an index array."""
        return CandleArrays(*(getattr(self, name)[which] for name in COLUMNS))

    def between(self, since: int, until: int) -> "CandleArrays":
        """Give the candles that start in [since, until)."""
        first, last = np.searchsorted(self.time, (since, until))
        return self.picked(slice(first, last))

    def with_flags(self, flags: NDArray[np.uint8]) -> "CandleArrays":
        """Give the same candles with other flags."""
        return replace(self, flags=flags)

    def same_as(self, other: "CandleArrays") -> bool:
        """Whether every number of both is equal; unknown equals unknown."""
        pairs = ((getattr(self, name), getattr(other, name)) for name in COLUMNS)
        return all(np.array_equal(mine, its, equal_nan=mine.dtype.kind == "f") for mine, its in pairs)


class Known(NamedTuple):
    """What is known of one market and frame: candles, where all of them are known, first versions of revised ones."""

    candles: CandleArrays
    whole: Spans
    as_seen: CandleArrays

    def same_as(self, other: "Known") -> bool:
        """Whether both know the same."""
        same = self.candles.same_as(other.candles) and self.as_seen.same_as(other.as_seen)
        return same and self.whole == other.whole


def nothing() -> CandleArrays:
    """No candles."""
    return CandleArrays(*(np.empty(0, kind) for kind in KINDS.values()))


UNKNOWN: Final = Known(nothing(), (), nothing())


def arrays_of(bars: Sequence[Bar], flags: int | Sequence[int]) -> CandleArrays:
    """Real bars as columns in the order of time, with the flags of all or of each; of two for one time the last wins.

    Raises:
        StorageError: for a bar that fills a gap: what was not traded is not stored.
    """
    if filled := next((bar for bar in bars if not bar.real), None):
        raise StorageError(f"the bar at {filled.start} fills a gap: only what was traded is stored")
    columns: list[NDArray[Any]] = [np.array([bar.start for bar in bars], np.int64)]
    columns += [np.array([estimate(getattr(bar, name)) for bar in bars], np.float64) for name in COLUMNS[1:-1]]
    columns += [np.full(len(bars), flags, np.uint8) if isinstance(flags, int) else np.array(flags, np.uint8)]
    return ordered(CandleArrays(*columns))


def joined_arrays(parts: Sequence[CandleArrays]) -> CandleArrays:
    """Candles one after another as they are given, without a copy when there is one part."""
    parts = [part for part in parts if len(part)]
    if len(parts) <= 1:
        return parts[0] if parts else nothing()
    return CandleArrays(*(np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS))


def ordered(candles: CandleArrays) -> CandleArrays:
    """The same in order of time; of several for one time the last given is kept."""
    if np.all(candles.time[1:] > candles.time[:-1]):
        return candles
    order = np.argsort(candles.time, kind="stable")
    times = candles.time[order]
    return candles.picked(order[np.append(times[1:] != times[:-1], True)])


def merged(first: CandleArrays, second: CandleArrays) -> CandleArrays:
    """Both together: of two candles for one time a final one beats a provisional one, else that of `second` wins.

    One that tells the same but lacks an amount which the other has does not win.
    """
    if not len(first) or not len(second) or first.time[-1] < second.time[0]:
        return joined_arrays((first, second))
    mine, its = meeting(first, second)
    wins = winning(first.picked(mine), second.picked(its))
    stay, come = np.ones(len(first), np.bool_), np.ones(len(second), np.bool_)
    stay[mine[wins]] = False
    come[its[~wins]] = False
    return ordered(joined_arrays((first.picked(stay), second.picked(come))))


def winning(first: CandleArrays, second: CandleArrays) -> NDArray[np.bool_]:
    """Whether that of `second` wins, row by row of two sets with the same times: the rule of `merged`."""
    older, newer = first.marked(PROVISIONAL), second.marked(PROVISIONAL)
    lacking = _lacking(second) & ~_lacking(first) & alike(first, second)
    wins: NDArray[np.bool_] = (newer < older) | ((newer == older) & ~lacking)
    return wins


def meeting(first: CandleArrays, second: CandleArrays) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where both have a candle for the same time: rows of the one and rows of the other, as long as each other."""
    place = np.searchsorted(first.time, second.time)
    both = np.flatnonzero(place < len(first))
    both = both[first.time[place[both]] == second.time[both]]
    return place[both], both


def alike(first: CandleArrays, second: CandleArrays) -> NDArray[np.bool_]:
    """Whether two sets of one length tell the same, row by row: prices equal, amounts within SAME (MTF-11).

    An amount that one of both does not know is no difference.
    """
    same = np.ones(len(first), np.bool_)
    for name in PRICES:
        same &= getattr(first, name) == getattr(second, name)
    for name in AMOUNTS:
        one, other = getattr(first, name), getattr(second, name)
        same &= (np.abs(one - other) <= SAME * np.maximum(one, other)) | np.isnan(one) | np.isnan(other)
    return same


def _lacking(candles: CandleArrays) -> NDArray[np.bool_]:
    lacking: NDArray[np.bool_] = np.isnan(candles.volume) | np.isnan(candles.value)
    return lacking


def spans_of(times: NDArray[np.int64], step: int) -> Spans:
    """The stretches that candles with these ascending starts cover without a hole."""
    if not len(times):
        return ()
    breaks = np.flatnonzero(times[1:] != times[:-1] + step)
    begins = times[np.append(0, breaks + 1)].tolist()
    ends = (times[np.append(breaks, len(times) - 1)] + step).tolist()
    return tuple(zip(begins, ends, strict=True))


def whole_steps(spans: Spans, step: int) -> Spans:
    """The part of spans that consists of whole intervals of a frame."""
    cut = ((-(-since // step) * step, until // step * step) for since, until in spans)
    return joined((since, until) for since, until in cut if since < until)


def covered(spans: Spans, starts: NDArray[np.int64], step: int) -> NDArray[np.bool_]:
    """Whether each interval [start, start + step) lies in the spans."""
    if not spans:
        return np.zeros(len(starts), np.bool_)
    edges = np.array(spans, np.int64)
    place = np.searchsorted(edges[:, 0], starts, "right") - 1
    inside: NDArray[np.bool_] = (place >= 0) & (starts + step <= edges[place, 1])
    return inside


def years_of(times: NDArray[np.int64]) -> NDArray[np.int64]:
    """The UTC year of each time."""
    return times.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970


def year_of(at: int) -> int:
    """The UTC year of one time."""
    return int(years_of(np.array([at], np.int64))[0])
