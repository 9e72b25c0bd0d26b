"""Known history: one HDF5 file for each market, frame and year, only ever replaced as a whole."""

import functools
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import numpy as np

from domain.errors import StorageError
from domain.market import MINUTE
from domain.message import Value
from domain.spans import Spans, joined, within, without
from domain.timeframes import frame_of
from storage.candle_files import DamagedFile, FileKey, decode, encode, require_same
from storage.candle_folder import CandleFolder
from storage.candle_merge import combined
from storage.columns import (
    FOREVER,
    PARTIAL,
    PRICES,
    PROVISIONAL,
    REVISED,
    SYNTHETIC,
    UNKNOWN,
    CandleArrays,
    Known,
    joined_arrays,
    nothing,
    ordered,
    spans_of,
    whole_steps,
    years_of,
)

log = logging.getLogger(__name__)

_US_PER_YEAR: Final = 31_556_952_000_000
LATEST: Final = 200 * _US_PER_YEAR
"""No candle begins after this: a time beyond it is no time in microseconds."""


class Coverage(Value, frozen=True):
    """What one file knows of [since, until), counted in candles of its frame (`step` microseconds).

    `rows` traded, `empty` are known to have had no trade, `gaps` are not known; `revised` and `provisional` are some of
    the rows.
    """

    market: str
    step: int
    year: int
    since: int
    until: int
    rows: int
    empty: int
    gaps: int
    revised: int
    provisional: int


class Quarantined(Value, frozen=True):
    """A damaged file that was set aside as `path`: what it held of [since, until) must be fetched again."""

    market: str
    step: int
    year: int
    since: int
    until: int
    path: str
    reason: str


class CandleStore:
    """The files below one folder, for any number of threads and processes; one writes at a time.

    Only real candles are stored, each with whether it is final and who told it; what is known whole is stored beside
    them. A damaged file is set aside and the rest is served: what it held is not known until it is put again. A store
    that is `read_only` leaves damage to the others. Every method raises StorageError when the disk refuses, or when a
    newer version of the program wrote a file.
    """

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        self._folder = CandleFolder(root)
        self._read_only = read_only
        self._told: set[FileKey] = set()

    def put(
        self, market: str, step: int, candles: CandleArrays, whole: Spans, as_seen: CandleArrays | None = None
    ) -> tuple[Quarantined, ...]:
        """Add candles of one frame, everything that traded in `whole`, and first versions of those revised before.

        A final candle beats a provisional one, else the later put wins; the first version of one that changed is kept
        as seen. A candle is known whole by itself. Gives the damaged files found on the way. Each year touched is a
        file written anew: put much at once.

        Raises:
            ConfigError: for a frame that the exchange does not have.
            StorageError: for a candle off the grid or without a price; or if a file cannot be written (the old stays).
        """
        frame_of(step)
        self._refuse_reader()
        seen = _sound(nothing() if as_seen is None else as_seen, step)
        candles = _sound(candles, step)
        known = whole_steps(joined((*whole, *spans_of(candles.time, step))), step)
        told = Known(candles, known, seen)
        damaged: list[Quarantined] = []
        with self._folder.locked():
            for year in _years_of(told):
                key = FileKey(market, step, year)
                old = self._or_set_aside(key, damaged.append)
                both = combined(old, _cut(told, *key.bounds), step)
                if not both.same_as(old):
                    self._folder.replace(key, encode(key, both), functools.partial(require_same, key=key, held=both))
        return tuple(damaged)

    def held(self, market: str, step: int = MINUTE, since: int = 0, until: int = FOREVER) -> Known:
        """Give what is known of [since, until): the candles that start there, whole spans and versions as seen."""
        parts = []
        for key in self._folder.keys(market):
            first, end = key.bounds
            if key.step == step and first < until and since < end:
                parts.append(_cut(self._known(key), since, until))
        candles = joined_arrays([part.candles for part in parts])
        seen = joined_arrays([part.as_seen for part in parts])
        return Known(candles, joined(span for part in parts for span in part.whole), seen)

    def load(self, market: str, step: int = MINUTE, since: int = 0, until: int = FOREVER) -> CandleArrays:
        """Give the candles of one market and frame that start in [since, until), as stored."""
        return self.held(market, step, since, until).candles

    def whole(self, market: str, step: int = MINUTE) -> Spans:
        """Give the stretches in which every candle of a frame is known."""
        return self.held(market, step).whole

    def as_seen(self, market: str, step: int = MINUTE, since: int = 0, until: int = FOREVER) -> CandleArrays:
        """Give the first versions of the candles that were revised, or that turned out not to exist (MTF-11)."""
        return self.held(market, step, since, until).as_seen

    def missing(self, market: str, step: int, since: int, until: int) -> Spans:
        """Give the stretches of [since, until) that are not known: what is to be fetched."""
        return without([(since, until)], self.held(market, step, since, until).whole)

    def coverage(self, market: str, damaged: Callable[[Quarantined], object] = lambda _: None) -> tuple[Coverage, ...]:
        """Give what there is of one market, a line a file, after reading every file; tell `damaged` those found so."""
        found = ((key, self._known(key, damaged)) for key in self._folder.keys(market))
        return tuple(_covered(key, held) for key, held in found if held.whole)

    def check(self) -> tuple[Quarantined, ...]:
        """Read everything, set damaged files aside and give them."""
        self._refuse_reader()
        damaged: list[Quarantined] = []
        with self._folder.locked():
            for market in self.markets():
                for key in self._folder.keys(market):
                    self._or_set_aside(key, damaged.append)
        return tuple(damaged)

    def set_aside(self, market: str) -> tuple[FileKey, ...]:
        """Give the years of which a damaged file was set aside, ever."""
        return self._folder.keys(market, aside=True)

    def markets(self) -> tuple[str, ...]:
        """Give the markets that have a file, or had one, by name."""
        return self._folder.markets()

    def steps(self, market: str) -> tuple[int, ...]:
        """Give the frames that are stored of one market, finest first."""
        return tuple(sorted({key.step for key in self._folder.keys(market)}))

    def _refuse_reader(self) -> None:
        if self._read_only:
            raise StorageError(f"candles in {self._folder.root} are open for reading only")

    def _known(self, key: FileKey, damaged: Callable[[Quarantined], object] = lambda _: None) -> Known:
        """What a file holds, for a reader; a damaged one holds nothing."""
        try:
            return self._decoded(key)
        except DamagedFile as error:
            if self._read_only:
                if key not in self._told:
                    self._told.add(key)
                    path = self._folder.path(key)
                    log.error("candles damaged, left to the writer path=%s reason=%s", path, error)  # noqa: TRY400 (no bug: a trace says nothing)
                return UNKNOWN
        with self._folder.locked():
            return self._or_set_aside(key, damaged)

    def _or_set_aside(self, key: FileKey, damaged: Callable[[Quarantined], object]) -> Known:
        """What a file holds, for the one writer; a damaged one is set aside, told, and holds nothing."""
        try:
            return self._decoded(key)
        except DamagedFile as error:
            reason = str(error)
        aside = self._folder.set_aside(key)
        log.error("candles damaged path=%s reason=%s: fetch them again", aside, reason)
        damaged(Quarantined(*key, *key.bounds, str(aside), reason))
        return UNKNOWN

    def _decoded(self, key: FileKey) -> Known:
        path = self._folder.path(key)
        try:
            return decode(path, key)
        except FileNotFoundError:
            return UNKNOWN
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}; see to the disk") from error


def _sound(candles: CandleArrays, step: int) -> CandleArrays:
    """The candles in order of time, refused unless each is a whole one that traded, on the grid and with prices."""
    if np.any(shown := candles.marked(SYNTHETIC | PARTIAL)):
        raise StorageError(f"the candle at {candles.time[shown][0]} fills a gap or lacks a part: views are not stored")
    odd = (candles.time % step != 0) | (candles.time < 0) | (candles.time > LATEST)
    if odd.any():
        raise StorageError(f"a candle starts at {candles.time[odd][0]}, which is not on the grid of {frame_of(step)}")
    for name in PRICES:
        if not np.isfinite(getattr(candles, name)).all():
            raise StorageError(f"a candle has no {name}: what is not known is not stored")
    return ordered(candles)


def _cut(held: Known, since: int, until: int) -> Known:
    return Known(
        held.candles.between(since, until), within(held.whole, since, until), held.as_seen.between(since, until)
    )


def _years_of(told: Known) -> Iterable[int]:
    if told.whole and not 0 <= told.whole[0][0] < told.whole[-1][1] <= LATEST:
        raise StorageError(f"no candles are whole from {told.whole[0][0]} to {told.whole[-1][1]} us")
    years = set(years_of(told.as_seen.time).tolist())
    for since, until in told.whole:
        first, last = years_of(np.array((since, until - 1), np.int64)).tolist()
        years.update(range(first, last + 1))
    return sorted(years)


def _covered(key: FileKey, held: Known) -> Coverage:
    since, until = held.whole[0][0], held.whole[-1][1]
    known = sum(end - begin for begin, end in held.whole) // key.step
    rows = len(held.candles)
    counts = (int(held.candles.marked(flag).sum()) for flag in (REVISED, PROVISIONAL))
    return Coverage(*key, since, until, rows, known - rows, (until - since) // key.step - known, *counts)
