"""Sealed history: one HDF5 file for each market and year of minute candles, only ever replaced as a whole."""

import logging
import os
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from domain.errors import StorageError
from domain.market import MINUTE, Bar
from domain.message import Value
from storage.candle_files import CandleArrays, arrays_of, decode, encode, merged, nothing
from storage.home import sync_folder

log = logging.getLogger(__name__)

FOREVER = 2**62
"""A time after all bars."""

_MARKET = re.compile(r"[A-Z0-9]+-[A-Z0-9]+", re.ASCII)
_YEAR = re.compile(r"[0-9]{4}\.h5", re.ASCII)


class Coverage(Value, frozen=True):
    """What the file of one year holds: bars in [since, until), how many, how many of them filled, minutes missing."""

    market: str
    year: int
    since: int
    until: int
    rows: int
    filled: int
    gaps: int


class Quarantined(Value, frozen=True):
    """A damaged file that was set aside as `path`: the market's year [since, until) must be fetched again."""

    market: str
    year: int
    since: int
    until: int
    path: str
    reason: str


class CandleStore:
    """The files below one folder. The first thread that uses a store owns it; any other is refused.

    A file is written under another name, synced and renamed: whoever dies in between leaves the old file. Other
    processes and threads read with stores of their own, `read_only`: those report damage and leave it to the owner.
    """

    def __init__(self, root: Path, *, read_only: bool = False) -> None:
        self._root = root
        self._read_only = read_only
        self._owner: int | None = None

    def seal(self, market: str, bars: Sequence[Bar]) -> tuple[Quarantined, ...]:
        """Merge bars into the files of their years; of two for one minute the traded one wins, then the new one.

        Gives the damaged files found on the way: they were set aside, and only the new bars stand in their place.

        Raises:
            StorageError: if a file cannot be written (the old one stays), or the store is read only.
        """
        self._own()
        if self._read_only:
            raise StorageError(f"candles in {self._root} are open for reading only")
        damaged: list[Quarantined] = []
        new = arrays_of(bars)
        years = _years(new)
        for year in np.unique(years).tolist():
            old = self._read(market, year, damaged.append)
            both = merged(old, new.picked(years == year))
            if not both.same_as(old):
                _replace(self._path(market, year), encode(market, year, both))
        return tuple(damaged)

    def load(self, market: str, since: int = 0, until: int = FOREVER) -> CandleArrays:
        """The bars of one market that start in [since, until); nothing for an unknown market.

        Raises:
            StorageError: if a file of that time is damaged. It was set aside: ask again for what is left.
        """
        self._own()
        found = nothing()
        for year in self._years_of(market):
            first, end = _bounds(year)
            if first < until and since < end:
                found = merged(found, self._read(market, year, _refuse))
        return found.between(since, until)

    def coverage(self, market: str) -> tuple[Coverage, ...]:
        """What there is of one market, a line a year, after reading every file; raises StorageError as `load`."""
        self._own()
        return tuple(_covered(market, year, self._read(market, year, _refuse)) for year in self._years_of(market))

    def check(self) -> tuple[Quarantined, ...]:
        """Read everything, set damaged files aside and give what must be fetched again."""
        self._own()
        damaged: list[Quarantined] = []
        for market in self.markets():
            for year in self._years_of(market):
                self._read(market, year, damaged.append)
        return tuple(damaged)

    def markets(self) -> tuple[str, ...]:
        """The markets that have a file, in the order of their names."""
        self._own()
        names = [path.name for path in self._root.iterdir()] if self._root.is_dir() else []
        return tuple(sorted(name for name in names if _MARKET.fullmatch(name) and self._years_of(name)))

    def _own(self) -> None:
        here = threading.get_ident()
        if self._owner is None:
            self._owner = here
        if self._owner != here:
            raise StorageError(
                f"candles in {self._root} belong to thread {self._owner}, thread {here} needs its own store"
            )

    def _path(self, market: str, year: int) -> Path:
        if not _MARKET.fullmatch(market):
            raise StorageError(f"no market is called {market!r}: expected a name such as KRW-BTC")
        return self._root / market / f"{year:04}.h5"

    def _years_of(self, market: str) -> tuple[int, ...]:
        folder = self._path(market, 0).parent
        names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
        return tuple(sorted(int(name[:4]) for name in names if _YEAR.fullmatch(name)))

    def _read(self, market: str, year: int, damaged: Callable[[Quarantined], None]) -> CandleArrays:
        """The bars of one year; a damaged file is set aside, told to `damaged`, and counts as none."""
        path = self._path(market, year)
        try:
            return decode(path.read_bytes(), market, year)
        except FileNotFoundError:
            return nothing()
        except OSError as error:
            raise StorageError(f"{path} cannot be read: {error.strerror}; see to the disk") from error
        except StorageError as error:
            damaged(self._set_aside(market, year, str(error)))
            return nothing()

    def _set_aside(self, market: str, year: int, reason: str) -> Quarantined:
        path = self._path(market, year)
        if self._read_only:
            raise StorageError(f"{path} is damaged ({reason}): the process that writes candles will set it aside")
        aside = _free_name(path)
        path.rename(aside)
        sync_folder(path.parent)
        log.error(
            "candles damaged market=%s year=%d reason=%s set aside as %s: fetch again", market, year, reason, aside
        )
        since, until = _bounds(year)
        return Quarantined(market, year, since, until, str(aside), reason)


def _refuse(found: Quarantined) -> None:
    raise StorageError(
        f"candles of {found.market} in {found.year} were damaged ({found.reason}) and are set aside as {found.path}: "
        "fetch that year again"
    )


def _replace(path: Path, data: bytes) -> None:
    """Put a file in place at once and for good; a crash leaves the old one, and a `.tmp` for the next to overwrite."""
    temporary = path.with_suffix(".tmp")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}; see to the disk and its free space") from error


def _free_name(path: Path) -> Path:
    """`2026.h5.damaged`, or with a number before the end when earlier ones are still there."""
    aside, number = path.with_name(f"{path.name}.damaged"), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.{number}.damaged")
    return aside


def _years(bars: CandleArrays) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return bars.time.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970


def _bounds(year: int) -> tuple[int, int]:
    """Begin and end of a UTC year in microseconds."""
    first, end = (np.datetime64(f"{number:04}-01-01", "us").astype(np.int64).item() for number in (year, year + 1))
    return first, end


def _covered(market: str, year: int, bars: CandleArrays) -> Coverage:
    since, until = int(bars.time[0]), int(bars.time[-1]) + MINUTE
    rows = len(bars)
    return Coverage(
        market, year, since, until, rows, filled=int(np.sum(~bars.real)), gaps=(until - since) // MINUTE - rows
    )
