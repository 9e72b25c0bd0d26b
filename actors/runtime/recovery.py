"""From snapshot and journal back to states: the one path of every start, after a clean stop or a kill."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from actors.runtime.actor import Actor
from actors.runtime.codec import decode_message, decode_state
from actors.runtime.errors import ReplayDivergence
from actors.runtime.parcel import Outgoing, digest
from actors.runtime.record import Record, Status, decode_boot
from actors.runtime.snapshots import ActorSnapshot, Snapshot, SnapshotStore, newest

log = logging.getLogger(__name__)

CoreActors = Mapping[str, Actor[Any]]


class Past(Protocol):
    """The records a start is built on."""

    @property
    def last_seq(self) -> int:
        """Number of the last record, 0 when there is none."""

    def read(self, after: int) -> Iterator[Record]:
        """Give the records above `after`, oldest first."""

    def objection(self, after: int) -> str:
        """Say why the records above `after` must not be folded by this code, "" when they may."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a start got its states. `rebased`: they are not the fold of the whole past; `trusted`: nothing was lost."""

    trusted: bool
    rebased: bool
    snapshot_seq: int
    turns: int
    reason: str = ""


class NotFoldable(Exception):
    """The journal itself says that the states cannot be its fold."""


class Fold:
    """Runs journaled turns again on fresh actors; `done` is, per actor, the last number already in its state."""

    def __init__(self, actors: CoreActors, done: Mapping[str, int]) -> None:
        self._actors = actors
        self._done = dict(done)
        self.turns = 0

    def apply(self, record: Record) -> list[Outgoing] | None:
        """Run a record's turn if it is one for these actors; raises ReplayDivergence, or NotFoldable at a new base."""
        if record.status is Status.BOOT:
            self._boot(record)
            return None
        actor = self._actors.get(record.to)
        if actor is None or record.status is not Status.APPLIED or record.seq <= self._done.get(record.to, 0):
            return None
        self.turns += 1
        return rerun(actor, record)

    def _boot(self, record: Record) -> None:
        note = decode_boot(record.payload)
        if note.rebased and any(self._done.get(name, 0) < record.seq for name in self._actors):
            raise NotFoldable(f"start {note.boot} (record {record.seq}) did not continue from the records before it")
        present = {name for name, _ in note.actors}
        for name, actor in self._actors.items():
            if name not in present and self._done.get(name, 0) < record.seq:
                actor.fresh_state()  # who sits out a session starts the next one new


def rerun(actor: Actor[Any], record: Record) -> list[Outgoing]:
    """Run a journaled turn again and give its outbox; raises ReplayDivergence when it differs from the journal."""
    message = decode_message(record.type, record.payload)
    try:
        outbox = actor.run_turn(record.sender, message, record.at)
    except Exception as error:
        raise ReplayDivergence(_difference(record, f"raised {error!r}")) from error
    if digest(outbox) != record.digest:
        said = ", ".join(f"{type(out.message).__name__} to {out.to}" for out in outbox) or "nothing"
        raise ReplayDivergence(_difference(record, f"now says {said}"))
    return outbox


def _difference(record: Record, what: str) -> str:
    return (
        f"record {record.seq}: {record.to} on {record.type} {what}, and the journal says otherwise. The code has "
        "changed without its version, or the handler uses something besides its state and message. "
        "To start anyway, without folding the journal: trust_journal=False"
    )


def recover(actors: CoreActors, past: Past, store: SnapshotStore) -> Recovery:
    """Bring core actors to their last journaled states.

    Newest snapshot plus fold of what follows. Where that is impossible the snapshot alone, or fresh states, are used
    and the recovery says so. Raises ReplayDivergence, JournalDamaged, StorageError.
    """
    snapshot = newest(store, lambda found: found.seq <= past.last_seq)
    after = snapshot.fold_after if snapshot else 0
    unread = load_states(actors, snapshot)
    reason = past.objection(after) or (f"no longer readable: the states of {', '.join(unread)}" if unread else "")
    if not reason:
        try:
            return _fold(actors, past, snapshot, after)
        except NotFoldable as objection:
            reason = str(objection)
            load_states(actors, snapshot)
    lost = bool(unread) or _turns_after(actors, past, snapshot, after)
    log.warning("journal not folded: %s; %s", reason, "some state is lost" if lost else "the snapshot has everything")
    return Recovery(not lost, True, snapshot.seq if snapshot else 0, 0, reason)


def _fold(actors: CoreActors, past: Past, snapshot: Snapshot | None, after: int) -> Recovery:
    fold = Fold(actors, positions(actors, snapshot))
    for record in past.read(after):
        fold.apply(record)
    return Recovery(True, False, snapshot.seq if snapshot else 0, fold.turns)


def _turns_after(actors: CoreActors, past: Past, snapshot: Snapshot | None, after: int) -> bool:
    done = positions(actors, snapshot)
    return any(
        record.status is Status.APPLIED and record.seq > done.get(record.to, record.seq) for record in past.read(after)
    )


def positions(actors: CoreActors, snapshot: Snapshot | None) -> dict[str, int]:
    """Give, per actor, the last record that is in the snapshot's state."""
    if snapshot is None:
        return dict.fromkeys(actors, 0)
    return {name: snapshot.actors[name].seq if name in snapshot.actors else snapshot.seq for name in actors}


def load_states(actors: CoreActors, snapshot: Snapshot | None) -> list[str]:
    """Give every actor its state of the snapshot, or a fresh one; returns the names whose state no longer decodes."""
    unread = []
    for name, actor in actors.items():
        actor.fresh_state()
        found = snapshot.actors.get(name) if snapshot else None
        if found is None:
            continue
        try:
            set_state(actor, found)
        except msgspec.DecodeError as error:
            log.warning("state of %s in snapshot %d does not fit this version: %s", name, found.seq, error)
            unread.append(name)
    return unread


def set_state(actor: Actor[Any], found: ActorSnapshot) -> None:
    """Give an actor the state of its snapshot; raises msgspec.DecodeError and leaves it alone when it does not fit."""
    if actor.State is not None:
        actor.state = decode_state(actor.State, found.state)
    actor.draws = found.draws
