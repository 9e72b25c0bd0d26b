"""The files of sealed candles below one folder: their names, their one writer at a time, and those set aside."""

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from domain.errors import StorageError
from domain.market import MINUTE
from domain.timeframes import FRAMES, frame_of, step_of
from storage.candle_files import FileKey
from storage.home import sync_folder

LOCK_S: Final = 60.0
"""Seconds a writer waits for another one; a file takes less than one."""
_POLL_S: Final = 0.02
_MARKET: Final = re.compile(r"[A-Z0-9]+-[A-Z0-9]+", re.ASCII)
_FILE: Final = re.compile(rf"([0-9]{{4}})(?:-({'|'.join(FRAMES)}))?\.h5((?:\.[0-9]+)?\.damaged)?", re.ASCII)


class CandleFolder:
    """`<MARKET>/<year>.h5` for minutes, `<MARKET>/<year>-60m.h5` for other frames, `….damaged` for what was set aside.

    A file is written under another name, synced and renamed: whoever dies in between leaves the old file. All methods
    raise StorageError when the disk refuses.
    """

    def __init__(self, root: Path, *, lock_s: float = LOCK_S) -> None:
        self.root = root
        self._lock_s = lock_s

    def path(self, key: FileKey) -> Path:
        """Where a file is, or would be; raises StorageError for a name that is no market."""
        if not _MARKET.fullmatch(key.market):
            raise StorageError(f"no market is called {key.market!r}: expected a name such as KRW-BTC")
        frame = "" if key.step == MINUTE else f"-{frame_of(key.step)}"
        return self.root / key.market / f"{key.year:04}{frame}.h5"

    def markets(self) -> tuple[str, ...]:
        """The markets that have a file, or had one that was set aside, by name."""
        names = [path.name for path in self.root.iterdir()] if self.root.is_dir() else []
        return tuple(sorted(name for name in names if _MARKET.fullmatch(name) and any(self._names(name))))

    def keys(self, market: str, *, aside: bool = False) -> tuple[FileKey, ...]:
        """The files of one market, finest frame first and oldest first; with `aside` those that were set aside."""
        self.path(FileKey(market, MINUTE, 0))  # for the name
        found = {key for key, damaged in self._names(market) if damaged == aside}
        return tuple(sorted(found))

    def replace(self, key: FileKey, data: bytes, check: Callable[[Path], object]) -> None:
        """Put a file in place at once and for good, once `check` takes it; a crash leaves the old one and a `.tmp`."""
        path = self.path(key)
        temporary = path.with_suffix(".tmp")
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, parents=True)
                sync_folder(self.root)
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            check(temporary)
            temporary.replace(path)
            sync_folder(path.parent)
        except OSError as error:
            raise StorageError(
                f"{path} cannot be written: {error.strerror}; see to the disk and its free space"
            ) from error

    def set_aside(self, key: FileKey) -> Path:
        """Give a damaged file another name for good: `2026.h5.damaged`, or with a number if there are earlier ones."""
        path = self.path(key)
        aside, number = path.with_name(f"{path.name}.damaged"), 1
        while aside.exists():
            number += 1
            aside = path.with_name(f"{path.name}.{number}.damaged")
        try:
            path.rename(aside)
            sync_folder(path.parent)
        except OSError as error:
            raise StorageError(f"{path} is damaged and cannot be renamed: {error.strerror}") from error
        return aside

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only writer among all threads and processes; raises StorageError after `lock_s` seconds."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.root / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StorageError(f"{self.root} cannot be written: {error.strerror}") from error
        try:
            self._wait_for(handle)
            yield
        finally:
            os.close(handle)

    def _wait_for(self, handle: int) -> None:
        deadline = time.monotonic() + self._lock_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StorageError(
                        f"another program has been writing candles in {self.root} for {self._lock_s:g} s: end it"
                    ) from None
                time.sleep(_POLL_S)
            else:
                return

    def _names(self, market: str) -> Iterator[tuple[FileKey, bool]]:
        folder = self.root / market
        for path in folder.iterdir() if folder.is_dir() else ():
            if found := _FILE.fullmatch(path.name):
                year, frame, damaged = found.groups()
                yield FileKey(market, step_of(frame) if frame else MINUTE, int(year)), bool(damaged)
