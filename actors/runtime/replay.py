"""Runs a journal again and proves that the same code says the same things: live operation, on a desk."""

import zlib
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from actors.runtime import segments
from actors.runtime.actor import Actor, Outlet
from actors.runtime.cast import Cast
from actors.runtime.codec import decode_state, fingerprint
from actors.runtime.errors import OutsideTurn, ReplayDivergence
from actors.runtime.faults import Phase
from actors.runtime.parcel import BEGIN, FROM_TIMER, PUBLISH, REAL, RETIRE, SEND, TIMER, Outgoing
from actors.runtime.record import Record, Status, decode_boot
from actors.runtime.recovery import Fold, load_states
from actors.runtime.snapshots import Snapshot, SnapshotFolder
from actors.runtime.supervisor import SUPERVISOR, Supervisor
from actors.runtime.topology import EVERYONE, ActorSpec, Topology, family_of, is_edge
from domain.errors import StorageError

_WINDOW = 500_000  # records for which a sent message is remembered: what waits longer is not checked


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a replay found: how many turns were run again, over how many records, from which record on."""

    identical: bool
    turns: int
    records: int
    first_difference: str | None
    since: int = 1


class ReplayContext:
    """The host of actors that are only run again: nothing leaves, nothing strikes."""

    faulty = False

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def strike(self, name: str, phase: Phase) -> None:
        """Do nothing: a replay has no faults of its own."""

    def receive(self, name: str, message: Any) -> NoReturn:
        """Refuse: mail comes from the journal alone."""
        raise OutsideTurn(f"{name} was sent {message!r} in a replay")

    def run_loop(self, name: str) -> None:
        """Do nothing: turns are run one by one."""

    def stopped(self, name: str) -> None:
        """Do nothing: there is no mail to leave behind."""

    def outlet(self, name: str) -> Outlet:
        """Refuse: edges are not replayed."""
        raise OutsideTurn(f"{name} is an edge and is not replayed")


@dataclass(slots=True)
class _Sent:
    """What replayed turns have sent and nobody has taken yet: each delivery must find its sending."""

    topics: dict[str, tuple[str, ...]]
    open: dict[tuple[int, str, str, int], int] = field(default_factory=dict)
    order: deque[tuple[int, str, str, int]] = field(default_factory=deque)

    def note(self, seq: int, outbox: Sequence[Outgoing]) -> None:
        """Remember what the turn `seq` sent, and forget what is older than the window."""
        for out in outbox:
            if out.kind in (SEND, TIMER, REAL, BEGIN, RETIRE):
                self._add(seq, out.to, out)
            elif out.kind == PUBLISH:
                for name in self.topics.get(out.to, ()):
                    self._add(seq, name, out)
        while self.order and self.order[0][0] < seq - _WINDOW:
            self.open.pop(self.order.popleft(), None)

    def _add(self, seq: int, to: str, out: Outgoing) -> None:
        key = (seq, to, type(out.message).__name__, zlib.crc32(out.payload))
        self.open[key] = self.open.get(key, 0) + 1
        self.order.append(key)

    def take(self, record: Record) -> bool:
        """Tell whether the record's message was sent; it cannot be taken twice.

        What went to all of a family can be taken once by each member: its count goes below zero then.
        """
        crc = zlib.crc32(record.payload)
        key = (record.cause, record.to, record.type, crc)
        count = self.open.get(key, 0)
        if family := family_of(record.to):
            to_all = self.open.get((record.cause, f"{family}:{EVERYONE}", record.type, crc), 0)
        else:
            to_all = 0
        if count + to_all <= 0:
            return False
        if key not in self.open:
            self.order.append(key)
        self.open[key] = count - 1
        return True

    def give_back(self, record: Record) -> None:
        """Count a delivery that failed as not made: it comes again."""
        key = (record.cause, record.to, record.type, zlib.crc32(record.payload))
        if key in self.open:
            self.open[key] += 1


class Replay:
    """One replay, record by record, from a snapshot or from the first record on."""

    def __init__(self, topology: Topology, seed: int, base: Snapshot | None = None) -> None:
        self._cast = build_core(topology, seed)
        unread = load_states(self._cast, base)
        if unread:
            raise StorageError(f"the snapshot to start from does not fit this version: {', '.join(unread)}")
        self._fold = Fold(self._cast, base)
        self._sent = _Sent(dict(topology.topics))
        self._booted_at = 0
        self.records = 0

    @property
    def actors(self) -> dict[str, Actor[Any]]:
        """Who acts now, with the states reached."""
        return self._cast.all()

    @property
    def turns(self) -> int:
        """How many turns have been run again."""
        return self._fold.turns

    def since(self, name: str) -> int:
        """Give the record from which on an actor's state is this replay's own."""
        return self._fold.reached(name)

    def apply(self, record: Record) -> None:
        """Run one record; raises ReplayDivergence where it differs from the journal."""
        self.records += 1
        if record.status is Status.BOOT:
            note = decode_boot(record.payload)
            self._booted_at = record.seq
            self._sent = _Sent(dict(note.topics))
        elif record.status is Status.CRASHED:
            if self._cast.find(record.to) is None:  # an edge's turn is journaled before it is run
                self._sent.give_back(record)
        else:
            self._check_sent(record)
        outbox = self._fold.apply(record)
        if outbox is None and record.status in (Status.APPLIED, Status.BORN):
            self._check_there(record)
        if outbox:
            self._sent.note(record.seq, outbox)

    def _check_there(self, record: Record) -> None:
        if self._cast.find(record.to) is None and record.seq > self.since(record.to):
            raise ReplayDivergence(f"record {record.seq}: no core actor called {record.to} lives in this topology")

    def _check_sent(self, record: Record) -> None:
        """Closed world: what one of our actors is said to have sent must have been sent, in this life, by its turn."""
        source = record.to if record.sender == FROM_TIMER else record.sender
        if self._cast.find(source) is None or record.cause <= max(self.since(source), record.seq - _WINDOW - 1):
            return
        if record.cause < self._booted_at or not self._sent.take(record):
            raise ReplayDivergence(
                f"record {record.seq}: {record.to} got {record.type} from {record.sender}, "
                f"which record {record.cause} did not send"
            )


def build_core(topology: Topology, seed: int) -> Cast:
    """Make the core actors of a topology, supervisor included, without a host; edges are left out."""
    context = ReplayContext(seed)
    specs = topology.specs
    if all(spec.name != SUPERVISOR for spec in specs):
        specs = (ActorSpec(SUPERVISOR, Supervisor), *specs)
    fixed = {spec.name: spec.factory(context, spec.name) for spec in specs if not is_edge(spec.factory)}

    def make(name: str) -> Actor[Any] | None:
        factory = topology.factory_of(name)
        return None if factory is None else factory(context, name)

    return Cast(fixed, make)


def replay(directory: Path, topology: Topology, seed: int | None = None) -> ReplayReport:
    """Replay a journal folder, from its first record or from the oldest snapshot that still reaches the records kept.

    Checks every turn's output, that every internal message was sent before it was handled, and the states in the
    snapshots on the way. `seed` None takes the journal's. Raises JournalDamaged, StorageError.
    """
    heads = [head for one in segments.listing(directory) if (head := segments.header(one)) is not None]
    if not heads:
        raise StorageError(f"there is no journal in {directory}")
    snapshots = [*SnapshotFolder(directory / "snapshots").newest_first()][::-1]
    base = _base(heads[0].first_seq, _last_rebase(segments.read(directory)), snapshots)
    after = base.fold_after if base else 0
    run = Replay(topology, heads[-1].seed if seed is None else seed, base)
    return replay_records(run, segments.read(directory, after), snapshots, after + 1)


def replay_records(
    run: Replay, records: Iterable[Record], snapshots: Sequence[Snapshot] = (), since: int = 1
) -> ReplayReport:
    """Replay records, oldest first, and compare the states with those of the snapshots (oldest first) on the way."""
    marks = deque(sorted((one.seq, name, one.state) for shot in snapshots for name, one in shot.actors.items()))
    difference = None
    try:
        for record in records:
            _compare(run, marks, record.seq)
            run.apply(record)
        _compare(run, marks, None)
    except ReplayDivergence as error:
        difference = str(error)
    return ReplayReport(difference is None, run.turns, run.records, difference, since)


def _compare(run: Replay, marks: deque[tuple[int, str, bytes]], before: int | None) -> None:
    while marks and (before is None or marks[0][0] < before):
        seq, name, raw = marks.popleft()
        actor = run.actors.get(name)
        if actor is None or actor.State is None or seq < run.since(name):
            continue
        if fingerprint(decode_state(actor.State, raw)) != fingerprint(actor.state):
            raise ReplayDivergence(f"the state of {name} after record {seq} differs from the snapshot taken then")


def _last_rebase(records: Iterable[Record]) -> int:
    boots = (record for record in records if record.status is Status.BOOT)
    return max((record.seq for record in boots if decode_boot(record.payload).rebased), default=0)


def _base(first_seq: int, rebased_at: int, snapshots: Sequence[Snapshot]) -> Snapshot | None:
    if first_seq == 1 and not rebased_at:
        return None
    for snapshot in snapshots:
        if snapshot.fold_after + 1 >= first_seq and snapshot.fold_after >= rebased_at:
            return snapshot
    raise StorageError(
        f"the journal begins at record {first_seq}, its last new base is record {rebased_at}, "
        "and no kept snapshot is between: it cannot be replayed"
    )
