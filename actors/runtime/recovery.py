"""From snapshot and journal back to states: the one path of every start, after a clean stop or a kill."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from actors.runtime.actor import Actor
from actors.runtime.cast import Cast
from actors.runtime.codec import decode_message, decode_state
from actors.runtime.errors import ReplayDivergence
from actors.runtime.parcel import Outgoing, digest
from actors.runtime.record import Record, Status, decode_boot
from actors.runtime.snapshots import ActorSnapshot, Snapshot, SnapshotStore, newest

log = logging.getLogger(__name__)


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
    """Runs journaled turns again on the actors of a cast, whose states are those of the snapshot `base`."""

    def __init__(self, cast: Cast, base: Snapshot | None) -> None:
        self._cast = cast
        self._base = base
        self.turns = 0

    def reached(self, name: str) -> int:
        """Give the last record that the base has of an actor: its own, or for who is not in it, the base's."""
        return reached(self._base, name)

    def apply(self, record: Record) -> list[Outgoing] | None:
        """Run a record's turn if it is one for this cast; raises ReplayDivergence, or NotFoldable at a new base."""
        status = record.status
        if status is Status.APPLIED:
            actor = self._cast.find(record.to)
            if actor is None or record.seq <= reached(self._base, record.to):
                return None
            self.turns += 1
            return rerun(actor, record)
        if status is Status.BOOT:
            self._boot(record)
        elif status is Status.BORN and record.seq > self.reached(record.to):
            self._cast.begin(record.to)
        elif status is Status.RETIRED and record.seq > self.reached(record.to):
            self._cast.retire(record.to)
        return None

    def _boot(self, record: Record) -> None:
        note = decode_boot(record.payload)
        if note.rebased and any(self.reached(name) < record.seq for name in self._cast.all()):
            raise NotFoldable(f"start {note.boot} (record {record.seq}) did not continue from the records before it")
        present = [name for name, _ in note.actors if self.reached(name) < record.seq]
        for name, actor in self._cast.fixed.items():
            if name not in present and self.reached(name) < record.seq:
                actor.fresh_state()  # who sits out a session starts the next one new
        self._name_members(record.seq, present)

    def _name_members(self, seq: int, present: Sequence[str]) -> None:
        """A start names who lives; one of a time before there was a family names its members like anybody."""
        cast = self._cast
        for name in [name for name in cast.members if name not in present and self.reached(name) < seq]:
            cast.retire(name)
        for name in present:
            if cast.find(name) is None:
                cast.begin(name)


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


def recover(cast: Cast, past: Past, store: SnapshotStore) -> Recovery:
    """Bring a cast to its last journaled states, with exactly the members that live.

    Newest snapshot plus fold of what follows. Where that is impossible the snapshot alone, or fresh states, are used
    and the recovery says so. Raises ReplayDivergence, JournalDamaged, StorageError.
    """
    snapshot = newest(store, lambda found: found.seq <= past.last_seq)
    after = snapshot.fold_after if snapshot else 0
    unread = load_states(cast, snapshot)
    reason = past.objection(after) or (f"no longer readable: the states of {', '.join(unread)}" if unread else "")
    if not reason:
        try:
            return _fold(cast, past, snapshot, after)
        except NotFoldable as objection:
            reason = str(objection)
            load_states(cast, snapshot)
    lost = bool(unread) or _turns_after(cast, past, snapshot, after)
    log.warning("journal not folded: %s; %s", reason, "some state is lost" if lost else "the snapshot has everything")
    return Recovery(not lost, True, snapshot.seq if snapshot else 0, 0, reason)


def _fold(cast: Cast, past: Past, snapshot: Snapshot | None, after: int) -> Recovery:
    fold = Fold(cast, snapshot)
    for record in past.read(after):
        fold.apply(record)
    return Recovery(True, False, snapshot.seq if snapshot else 0, fold.turns)


def _turns_after(cast: Cast, past: Past, snapshot: Snapshot | None, after: int) -> bool:
    return any(
        record.status is Status.APPLIED and record.seq > reached(snapshot, record.to) and cast.may_know(record.to)
        for record in past.read(after)
    )


def reached(snapshot: Snapshot | None, name: str) -> int:
    """Give the last record that a snapshot has of an actor.

    Of who is not in it that is its own last one: whatever a member of a family did before then ended in its retirement.
    """
    if snapshot is None:
        return 0
    found = snapshot.actors.get(name)
    return snapshot.seq if found is None else found.seq


def load_states(cast: Cast, snapshot: Snapshot | None) -> list[str]:
    """Give every actor its state of the snapshot, or a fresh one; returns the names whose state no longer decodes.

    The members of families that live are those the snapshot has.
    """
    unread = []
    cast.members.clear()
    for name in snapshot.actors if snapshot else ():
        if name not in cast.fixed:
            cast.begin(name)
    for name, actor in cast.all().items():
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
