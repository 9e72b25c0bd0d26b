"""The journal: every turn in the order in which it was committed, durable before its effects leave the process."""

import errno
import fcntl
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from zlib import crc32

from actors.runtime import segments
from actors.runtime.parcel import Parcel
from actors.runtime.record import SCHEMA, Record, Status, decode_boot, encode_record, frame_head, frames
from actors.runtime.segments import Header, Segment, read
from domain.errors import ConfigError, StorageError

__all__ = ["Journal", "JournalOptions", "Ledger", "lock_directory", "read"]

log = logging.getLogger(__name__)

_WRITE_AT = 1 << 16  # bytes kept in memory before they are given to the system


class Ledger(Protocol):
    """What a host needs of a journal; on disk, or in the simulator's memory."""

    @property
    def last_seq(self) -> int:
        """Number of the last record, 0 when there is none."""

    def append(self, at: int, parcel: Parcel, digest: int, status: Status) -> Record:
        """Add a record and give it with its number; raises StorageError."""

    def sync(self) -> None:
        """Return when everything appended so far is durable; raises StorageError."""


@dataclass(frozen=True, slots=True)
class JournalOptions:
    """How the journal lives on disk; sizes in bytes, counts of files or records."""

    segment_bytes: int = 64 << 20
    keep_segments: int = 64
    snapshot_records: int = 20_000
    keep_snapshots: int = 3


def lock_directory(directory: Path) -> int:
    """Take the one exclusive lock of a journal folder and give its descriptor; raises ConfigError when it is taken."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"cannot open the journal folder {directory}: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise ConfigError(
            f"{directory.parent} is in use by another engine (process {owner}): stop that one, or choose another home"
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError as error:
        os.close(descriptor)
        raise StorageError(f"cannot write in {directory}: {error}; free space and start again") from error
    return descriptor


class Journal:
    """The open end of a journal folder, for one process that holds its lock; safe to use from many threads.

    Opening cuts a torn tail of the last segment (`torn_bytes` says how much) and raises JournalDamaged for any other
    damage there. A failed write is final: every later call raises StorageError, and nothing may be released any more.
    """

    def __init__(self, directory: Path, code_version: str, seed: int, segment_bytes: int = 64 << 20) -> None:
        self.directory = directory
        self.code_version = code_version
        self.seed = seed
        self.segment_bytes = segment_bytes
        self.torn_bytes = 0
        self.last_seq = 0
        self.last_at = 0
        self.boot = 0  # of the header of the last segment; the caller sets it at its own start
        self.synced_seq = 0
        self._lock = threading.Lock()
        self._sync_lock = threading.Lock()  # taken after _lock, or alone
        self._pending = bytearray()
        self._written_seq = 0
        self._size = 0
        self._number = 0
        self._write_at = 0  # bytes waiting in memory at which they are written
        self._descriptor = -1
        self._failure = ""
        try:
            self._open()
        except OSError as error:
            self.close()
            raise StorageError(
                f"cannot write the journal in {directory}: {error}; free space and start again"
            ) from error

    # --- writing -----------------------------------------------------------------------------------------------------

    def append(self, at: int, parcel: Parcel, digest: int, status: Status) -> Record:
        """Add a record and give it with its number; it is durable after the next `sync`. Raises StorageError."""
        with self._lock:
            record = Record(
                self.last_seq + 1,
                at,
                parcel.to,
                parcel.sender,
                parcel.cause,
                type(parcel.message).__name__,
                parcel.payload,
                digest,
                status,
            )
            if self._failure:
                raise StorageError(self._failure)
            body = encode_record(record)
            self._pending += frame_head(len(body), crc32(body))
            self._pending += body
            self.last_seq = record.seq
            self.last_at = max(self.last_at, at)
            if len(self._pending) >= self._write_at:
                self._guarded(self._write_out)
            return record

    def sync(self) -> None:
        """Return when everything appended so far is on disk; raises StorageError. Threads share one fsync."""
        with self._lock:
            target = self.last_seq
            self._guarded(self._write_out)
        with self._sync_lock:
            if self.synced_seq >= target and not self._failure:
                return
            written = self._written_seq
            self._guarded(lambda: os.fdatasync(self._descriptor))
            self.synced_seq = max(self.synced_seq, written)

    def close(self) -> None:
        """Close the file; what was not synced may be lost."""
        with self._lock, self._sync_lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1
            self._failure = self._failure or "the journal is closed"

    # --- with the lock held ------------------------------------------------------------------------------------------

    def _guarded(self, step: Callable[[], None]) -> None:
        if self._failure:
            raise StorageError(self._failure)
        try:
            step()
        except OSError as error:
            self._failure = f"the journal in {self.directory} cannot be written: {error}; free space and start again"
            raise StorageError(self._failure) from error

    def _write_out(self) -> None:
        rest = memoryview(bytes(self._pending))
        self._pending.clear()
        while rest:
            done = os.write(self._descriptor, rest)
            self._size += done
            rest = rest[done:]
        self._written_seq = self.last_seq
        if self._size >= self.segment_bytes:
            self._rotate()
        self._write_at = min(_WRITE_AT, self.segment_bytes - self._size)

    def _rotate(self) -> None:
        with self._sync_lock:
            os.fdatasync(self._descriptor)
            self.synced_seq = self._written_seq
            os.close(self._descriptor)
            self._descriptor = -1
            self._begin(self._number + 1, self.boot)

    def _begin(self, number: int, boot: int) -> None:
        """Create segment `number`, durable with its header and its name."""
        path = segments.raw_path(self.directory, number)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        head = segments.encode_header(Header(SCHEMA, self.code_version, self.seed, self.last_seq + 1, boot))
        if os.write(self._descriptor, head) != len(head):
            raise OSError(errno.ENOSPC, "the header of a new segment does not fit on the disk")
        os.fsync(self._descriptor)
        segments.sync_directory(self.directory)
        self._number, self._size = number, len(head)
        self._write_at = min(_WRITE_AT, self.segment_bytes - self._size)

    # --- opening -----------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        self._tidy()
        known = segments.listing(self.directory)
        if not known:
            self._begin(1, 0)
            return
        last = known[-1]
        head = segments.header(last)
        data = segments.load(last)
        good = self._walk(last, data) if head is not None else 0
        if head is None:
            self._walk_back(known[:-1])
        self.torn_bytes = len(data) - good
        self._written_seq = self.synced_seq = self.last_seq
        if head is None:
            self._begin(last.number, self.boot)
        elif last.packed or (head.code_version, head.seed) != (self.code_version, self.seed):
            self._cut(last, good)
            self._begin(last.number + 1, self.boot)
        else:
            self._cut(last, good)
            self._continue(last, good)

    def _walk(self, segment: Segment, data: bytes) -> int:
        """Learn the last numbers from a segment that has a header; give where its whole frames end."""
        head = segments.header(segment)
        if head is None:
            raise segments.damaged(segment, 0, "its header is not whole")
        good = next(frames(data))[0]
        self.last_seq, self.boot = head.first_seq - 1, head.boot
        for offset, record in segments.records(segment, data, last=True):
            good, self.last_seq = offset, record.seq
            self.last_at = max(self.last_at, record.at)
            if record.status is Status.BOOT:
                self.boot = decode_boot(record.payload).boot
        return good

    def _walk_back(self, known: list[Segment]) -> None:
        """Learn the last numbers from the segment before one whose header was torn."""
        if known:
            self._walk(known[-1], segments.load(known[-1]))

    def _cut(self, segment: Segment, good: int) -> None:
        if self.torn_bytes:
            log.warning("journal tail torn: cut %d bytes at byte %d of %s", self.torn_bytes, good, segment.path)
            os.truncate(segment.path, good)

    def _continue(self, segment: Segment, size: int) -> None:
        self._descriptor = os.open(segment.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        os.fsync(self._descriptor)  # a cut, too, must be durable before anything is appended
        self._number, self._size = segment.number, size
        self._write_at = min(_WRITE_AT, self.segment_bytes - self._size)

    def _tidy(self) -> None:
        for path in self.directory.glob("*.tmp"):
            path.unlink()
        for path in self.directory.glob(f"journal-*{segments.PACKED}"):
            path.with_name(path.name.removesuffix(".zst")).unlink(missing_ok=True)

    # --- housekeeping, on the keeper's thread ------------------------------------------------------------------------

    def closed_segments(self) -> list[Segment]:
        """Give the segments that are no longer written, oldest first."""
        with self._lock:
            number = self._number
        return [segment for segment in segments.listing(self.directory) if segment.number < number]

    def pack_closed(self) -> None:
        """Compress what is closed; raises OSError when the disk does not take it (the raw files stay)."""
        for segment in self.closed_segments():
            if not segment.packed:
                segments.pack(segment)

    def prune(self, keep: int, needed_seq: int) -> None:
        """Delete the oldest closed segments beyond `keep` in all, never one with a record `needed_seq` or later."""
        known = segments.listing(self.directory)
        surplus = known[: max(len(known) - keep, 0)]
        for segment, follower in zip(surplus, known[1:], strict=False):
            head = segments.header(follower)
            if head is None or head.first_seq > needed_seq:
                return
            segment.path.unlink()
        segments.sync_directory(self.directory)
