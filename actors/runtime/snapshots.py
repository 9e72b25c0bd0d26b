"""States on disk: one file holds the states of all core actors, each as of its own journal number."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import msgspec

from actors.runtime.record import SCHEMA, BrokenFrame, frame, frames
from actors.runtime.segments import sync_directory

log = logging.getLogger(__name__)


class ActorSnapshot(msgspec.Struct, frozen=True):
    """One actor after its last turn up to `seq`: the state's bytes and how many random numbers it has drawn."""

    seq: int
    draws: int
    state: bytes


class Snapshot(msgspec.Struct, frozen=True):
    """The states of all core actors; `seq` is the journal's last number when it was taken."""

    schema: int
    code_version: str
    seed: int
    boot: int
    seq: int
    at: int
    actors: dict[str, ActorSnapshot]

    @property
    def fold_after(self) -> int:
        """The number after which the journal is needed to bring every actor up to date."""
        return min((one.seq for one in self.actors.values()), default=self.seq)


class SnapshotStore(Protocol):
    """Where a host keeps snapshots: a folder, or the simulator's memory."""

    def save(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; the journal must be durable up to its `seq` before. Raises OSError."""

    def newest_first(self) -> Iterator[Snapshot]:
        """Give the readable snapshots."""


class SnapshotFolder:
    """Snapshots as files in a folder; a damaged one is skipped with a warning, the newest `keep` stay."""

    def __init__(self, directory: Path, keep: int = 3) -> None:
        self.directory = directory
        self.keep = keep

    def save(self, snapshot: Snapshot) -> None:
        """Write a snapshot by temporary file, fsync and rename, then delete the surplus; raises OSError."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.directory / f"snapshot-{snapshot.seq:012d}.bin"
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            file.write(frame(msgspec.msgpack.encode(snapshot)))
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        sync_directory(self.directory)
        for old in self._paths()[self.keep :]:
            old.unlink(missing_ok=True)

    def newest_first(self) -> Iterator[Snapshot]:
        """Give the readable snapshots, newest first."""
        for path in self._paths():
            found = _load(path)
            if found is not None:
                yield found

    def _paths(self) -> list[Path]:
        return sorted(self.directory.glob("snapshot-*.bin"), reverse=True)


def _load(path: Path) -> Snapshot | None:
    try:
        _, body = next(frames(path.read_bytes()))
        found = msgspec.msgpack.decode(body, type=Snapshot)
    except (BrokenFrame, StopIteration, OSError, msgspec.DecodeError) as error:
        log.warning("snapshot %s ignored, an older one or the whole journal is used: %s", path, error)
        return None
    if found.schema != SCHEMA:
        log.warning("snapshot %s ignored: schema %d, this version reads %d", path, found.schema, SCHEMA)
        return None
    return found


def newest(store: SnapshotStore, accept: Callable[[Snapshot], bool]) -> Snapshot | None:
    """Give the newest snapshot that is accepted."""
    return next((snapshot for snapshot in store.newest_first() if accept(snapshot)), None)
