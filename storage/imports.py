"""Takes candles of folders into the store: a file at a time, all of it or nothing, each row looked at."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.collection import FileImport
from domain.errors import ConfigError
from domain.market import HOUR
from domain.spans import Spans, joined
from domain.timeframes import frame_of, step_of
from storage.candle_tables import SUFFIXES, read_table
from storage.candles import CandleStore
from storage.columns import IMPORTED, CandleArrays, merged
from storage.compare import beside, with_known_amounts

HOLE_BARS: Final = 5
"""Candles in a row that may be missing because nothing traded; below an hour. More of them were not collected."""
HOLE_LONG: Final = 8 * HOUR
"""The same for candles of an hour and more: the exchange was never down for longer."""
CONFLICTS_SHOWN: Final = 5
_MARKET: Final = re.compile(r"[A-Z0-9]+-[A-Z0-9]+", re.ASCII)
_FOLDER: Final = re.compile(r"(\d+[mhd])(?:-.*)?")


class Source(NamedTuple):
    """A file, and how long its candles are."""

    path: Path
    step: int


def sources(folder: Path, frame: str = "", markets: tuple[str, ...] = ()) -> tuple[Source, ...]:
    """The files of a folder, in the order of their names: `1m/KRW-BTC.parquet`, `60m-2025/…`, or flat.

    The name of a folder tells the length of its candles, unless `frame` does; flat files of a folder without such a
    name hold minutes. Files of other markets than `markets` are left out.

    Raises:
        ConfigError: when there is nothing to import, or a file is not named for a market.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder: name one with candles, such as 1m/KRW-BTC.parquet")
    inner = folder / "candles"
    found = _below(folder, frame) or (_below(inner, frame) if inner.is_dir() else ())
    for path, _ in found:
        if not _MARKET.fullmatch(path.stem):
            raise ConfigError(f"{path} is not named for a market: expected a name such as KRW-BTC.parquet")
    chosen = tuple(one for one in found if not markets or one.path.stem in markets)
    if not chosen:
        raise ConfigError(f"{folder} holds nothing to import: expected files such as 1m/KRW-BTC.parquet or .csv in it")
    return chosen


def import_all(
    store: CandleStore, found: Iterable[Source], *, now: int, hole: int | None = None
) -> Iterator[FileImport]:
    """Import files one after the other; one that is refused is told and stops no other. Later ones win.

    `hole` is how many microseconds may be missing because nothing traded; None: see `hole_of`.
    """
    for one in found:
        step = one.step
        try:
            bars = read_table(one.path, step, now)
        except ConfigError as error:
            yield FileImport(str(one.path), one.path.stem, frame_of(step), error=str(error))
        else:
            whole = spans_of(bars.time, step, hole_of(step) if hole is None else hole)
            yield _taken(store, one, bars.with_flags(np.full(len(bars), IMPORTED, np.uint8)), whole)


def _below(folder: Path, frame: str) -> tuple[Source, ...]:
    """The files of the folders named for a length of candles, else those of the folder itself."""
    named = [(inner, match[1]) for inner in sorted(folder.iterdir()) if (match := _FOLDER.fullmatch(inner.name))]
    found = [Source(path, step_of(frame or name)) for inner, name in named for path in _tables(inner)]
    if found:
        return tuple(found)
    own = _FOLDER.fullmatch(folder.resolve().name)
    step = step_of(frame or (own[1] if own else "1m"))
    return tuple(Source(path, step) for path in _tables(folder))


def _tables(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES] if folder.is_dir() else []


def hole_of(step: int) -> int:
    """How many microseconds between two candles may be missing because nothing traded."""
    return HOLE_BARS * step if step < HOUR else HOLE_LONG


def spans_of(times: NDArray[np.int64], step: int, hole: int) -> Spans:
    """What a file tells wholly: its candles with the holes up to `hole`, in which nothing traded."""
    cuts = np.flatnonzero(np.diff(times) - step > hole)
    starts, ends = times[np.append(0, cuts + 1)], times[np.append(cuts, len(times) - 1)] + step
    return joined(zip(starts.tolist(), ends.tolist(), strict=True))


def _taken(store: CandleStore, source: Source, bars: CandleArrays, whole: Spans) -> FileImport:
    """Store what is new or told otherwise; what was known already is not written again, what is lacking stays."""
    market, step = source.path.stem, source.step
    since, until = int(bars.time[0]), int(bars.time[-1]) + step
    both = beside(store.load(market, step, since, until), bars)
    changed, completed = both.different, both.completes & ~both.different
    told = with_known_amounts(both.told, both.stored).picked(changed | completed)
    store.put(market, step, merged(told, both.only_told), whole)
    return FileImport(
        str(source.path),
        market,
        frame_of(step),
        rows=len(bars),
        new=len(both.only_told),
        changed=int(changed.sum()),
        completed=int(completed.sum()),
        same=len(both.stored) - len(told),
        lacking=len(both.only_stored),
        holes=len(whole) - 1,
        uncollected=until - since - sum(end - begin for begin, end in whole),
        since=since,
        until=until,
        conflicts=tuple(one for one in both.conflicts() if one.stored and one.told)[:CONFLICTS_SHOWN],
    )
