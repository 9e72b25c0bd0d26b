"""The sandbox's disk: a snapshot, the records after it, and the time. All of it outlives a kill -9 of the process.

A record is handed to the system before this returns; it is not forced to the disk, so a power cut may take the last
ones: this is a rehearsal exchange, and the machine it runs on is the one that would lose power.
"""

import fcntl
import os
import struct
import time
import zlib
from pathlib import Path
from typing import Final

from domain.errors import ConfigError, StorageError

_HEAD: Final = struct.Struct("<II")  # length and CRC-32 of what follows
_TIME: Final = struct.Struct("<qI")

LOCK_WAIT_S: Final = 3.0  # real seconds


class LogBook:
    """One folder of files, held by one process at a time.

    Raises:
        ConfigError: when another process holds the folder.
        StorageError: when it cannot be used, or is damaged before its tail.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _opened(folder / "lock")
            self._log = _opened(folder / "exchange.log")
            self._time = _opened(folder / "time")
        except OSError as error:
            raise StorageError(f"the sandbox cannot use its folder {folder}: {error}") from error
        if not self._locked():
            self._close_all()
            raise ConfigError(f"another sandbox is running on {folder}: stop it, or give another --home")

    def snapshot(self) -> bytes | None:
        """The last snapshot, None when there was none."""
        path = self.folder / "exchange.snapshot"
        if not path.exists():
            return None
        payload, _ = _unframed(path.read_bytes(), 0)
        if payload is None:
            raise StorageError(f"{path} is damaged: restore it, or delete the folder to begin afresh")
        return payload

    def records(self) -> list[bytes]:
        """Every whole record; a torn tail is cut off."""
        data = os.pread(self._log, os.fstat(self._log).st_size, 0)
        found: list[bytes] = []
        at = 0
        while at < len(data):
            payload, end = _unframed(data, at)
            if payload is None:
                if end < len(data):
                    raise StorageError(f"{self.folder / 'exchange.log'} is damaged at byte {at}, before its tail")
                os.ftruncate(self._log, at)
                break
            found.append(payload)
            at = end
        os.lseek(self._log, 0, os.SEEK_END)
        return found

    def append(self, payload: bytes) -> None:
        """Keep one record."""
        frame = _framed(payload)
        try:
            if os.write(self._log, frame) != len(frame):
                raise StorageError(f"{self.folder} has no room for the sandbox's log")
        except OSError as error:
            raise StorageError(f"the sandbox cannot write its log in {self.folder}: {error}") from error

    def replace(self, payload: bytes) -> None:
        """Keep a snapshot, which stands for all records so far."""
        path = self.folder / "exchange.snapshot"
        fresh = path.with_suffix(".new")
        descriptor = _opened(fresh)
        try:
            os.ftruncate(descriptor, 0)
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(_framed(payload))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(path)
        os.ftruncate(self._log, 0)
        os.lseek(self._log, 0, os.SEEK_SET)

    @property
    def time(self) -> int:
        """The time last kept, in microseconds UTC; 0 when there is none."""
        data = os.pread(self._time, _TIME.size, 0)
        if len(data) < _TIME.size:
            return 0
        now, check = _TIME.unpack(data)
        return int(now) if zlib.crc32(data[:8]) == check else 0

    def keep_time(self, now: int) -> None:
        """Keep the time, in one small write over the old one."""
        os.pwrite(self._time, _TIME.pack(now, zlib.crc32(now.to_bytes(8, "little", signed=True))), 0)

    def _locked(self) -> bool:
        """Take the folder; one whose parent was killed a moment ago is still ending and gets a little time."""
        end = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > end:
                    return False
                time.sleep(0.05)
            else:
                return True

    def close(self) -> None:
        """Let another process have the folder."""
        self._close_all()

    def _close_all(self) -> None:
        for descriptor in (self._log, self._time, self._lock):
            os.close(descriptor)


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _framed(payload: bytes) -> bytes:
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


def _unframed(data: bytes, at: int) -> tuple[bytes | None, int]:
    """What one frame holds, None when it is torn; and where it ends or should have ended."""
    if len(data) - at < _HEAD.size:
        return None, len(data)
    length, check = _HEAD.unpack_from(data, at)
    end = at + _HEAD.size + length
    payload = data[at + _HEAD.size : end]
    whole = len(payload) == length and zlib.crc32(payload) == check
    return (payload if whole else None), end
