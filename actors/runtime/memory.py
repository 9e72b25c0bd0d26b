"""The simulator's disk: a journal and snapshots that survive a kill, except for what was not synced."""

import random
from collections.abc import Callable, Iterator

from actors.runtime.parcel import Parcel
from actors.runtime.record import Record, Status, decode_boot
from actors.runtime.snapshots import Snapshot
from domain.errors import StorageError

KEEP = 3


class MemoryLedger:
    """A journal in memory; `full()` says whether the disk is full now."""

    def __init__(self, full: Callable[[], bool]) -> None:
        self.records: list[Record] = []
        self.synced = 0
        self._full = full

    @property
    def last_seq(self) -> int:
        """Number of the last record, 0 when there is none."""
        return len(self.records)

    def append(self, at: int, parcel: Parcel, digest: int, status: Status) -> Record:
        """Add a record; raises StorageError while the disk is full."""
        self._check()
        kind = type(parcel.message).__name__
        seq = len(self.records) + 1
        record = Record(seq, at, parcel.to, parcel.sender, parcel.cause, kind, parcel.payload, digest, status)
        self.records.append(record)
        return record

    def sync(self) -> None:
        """Make everything so far survive; raises StorageError while the disk is full."""
        self._check()
        self.synced = len(self.records)

    def tear(self, generator: random.Random) -> int:
        """Lose a random part of what was not synced, as a kill does; gives how many records are gone."""
        lost = generator.randint(0, len(self.records) - self.synced)
        if lost:
            del self.records[-lost:]
        return lost

    def read(self, after: int) -> Iterator[Record]:
        """Give the records above `after`, oldest first."""
        return iter(self.records[after:])

    def objection(self, after: int) -> str:
        """Say why the records above `after` must not be folded: they may."""
        del after
        return ""

    def boots(self) -> int:
        """Give the number of the last start that is still in the journal."""
        found = (record for record in reversed(self.records) if record.status is Status.BOOT)
        return next((decode_boot(record.payload).boot for record in found), 0)

    def _check(self) -> None:
        if self._full():
            raise StorageError("no space left on the simulated disk")


class MemoryStore:
    """Snapshots in memory, the newest three."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []

    def save(self, snapshot: Snapshot) -> None:
        """Keep a snapshot."""
        self.snapshots = [*self.snapshots, snapshot][-KEEP:]

    def newest_first(self) -> Iterator[Snapshot]:
        """Give the snapshots, newest first."""
        return reversed(self.snapshots)
