"""Replay proves that the same code says the same things, and finds what does not."""

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.runtime import ActorSpec, Recovered, Replay, SimulatorHost, Status, Topology, replay, replay_records
from domain.errors import StorageError

from .conftest import Bench
from .sample import Added, Counter, DrawWanted, Sink, TimerWanted, TotalAsked, TotalTold, topology

SECOND = 1_000_000


@pytest.fixture
def lived() -> SimulatorHost:
    """A run with crashes, timers, random numbers, a dead letter, a kill and a restart in it."""
    host = SimulatorHost(topology(), seed=4)
    host.start()
    host.run_for(SECOND)
    for n in (1, 2, 13, 4):
        host.tell("counter", Added(n))
    host.tell("counter", TimerWanted(3 * SECOND))
    host.tell("counter", DrawWanted())
    host.run_for(40 * SECOND)
    host.journal.sync()
    host.kill()
    host.run_for(20 * SECOND)
    host.tell("counter", Added(5))
    host.run_for(SECOND)
    return host


def test_a_run_replays_identically_and_ends_in_the_same_states(lived: SimulatorHost) -> None:
    run = Replay(topology(), 4)
    report = replay_records(run, lived.ledger.records, lived.store.snapshots)
    assert report.first_difference is None
    assert report.records == len(lived.ledger.records)
    assert report.turns == sum(record.status is Status.APPLIED for record in lived.ledger.records)
    assert run.actors["counter"].state.seen == lived.state("counter").seen


def test_another_seed_is_found(lived: SimulatorHost) -> None:
    report = replay_records(Replay(topology(), 5), lived.ledger.records)
    assert "now says" in report.first_difference


def test_a_changed_message_in_the_journal_is_found(lived: SimulatorHost) -> None:
    records = list(lived.ledger.records)
    place = next(i for i, record in enumerate(records) if record.type == "Added" and record.to == "counter")
    records[place] = msgspec.structs.replace(records[place], payload=msgspec.msgpack.encode(Added(99)))
    report = replay_records(Replay(topology(), 4), records)
    assert not report.identical
    assert report.first_difference.startswith(f"record {records[place].seq}: counter on Added")


def test_a_message_that_nobody_sent_is_found(lived: SimulatorHost) -> None:
    records = list(lived.ledger.records)
    told = next(record for record in records if record.to == "sink" and record.type == "TotalTold")
    doubled = [*records[: told.seq], msgspec.structs.replace(told, seq=told.seq + 1)]
    report = replay_records(Replay(topology(), 4), doubled)
    assert "did not send" in report.first_difference
    invented = msgspec.structs.replace(told, payload=msgspec.msgpack.encode(TotalTold(10**6)))
    report = replay_records(Replay(topology(), 4), [*records[: told.seq - 1], invented])
    assert "did not send" in report.first_difference


def test_a_timer_that_nobody_armed_is_found(lived: SimulatorHost) -> None:
    fired = next(record for record in lived.ledger.records if record.type == "TimerFired")
    records = [*lived.ledger.records[: fired.seq], msgspec.structs.replace(fired, seq=fired.seq + 1)]
    assert "did not send" in replay_records(Replay(topology(), 4), records).first_difference


def test_mail_from_before_a_start_that_arrives_after_it_is_found(lived: SimulatorHost) -> None:
    told = next(record for record in lived.ledger.records if record.to == "sink" and record.type == "TotalTold")
    records = lived.ledger.records
    report = replay_records(Replay(topology(), 4), [*records, msgspec.structs.replace(told, seq=len(records) + 1)])
    assert report.first_difference.startswith(f"record {len(records) + 1}: sink got TotalTold")


class Drifting(Counter):
    """Uses something besides its state and message."""

    drift = itertools.count()

    def _add(self, n: int) -> None:
        super()._add(n + next(self.drift))


def test_a_handler_that_is_not_deterministic_is_found() -> None:
    wiring = Topology((ActorSpec("counter", Drifting), ActorSpec("sink", Sink), ActorSpec("risk", Sink)))
    host = SimulatorHost(wiring)
    host.start()
    host.tell("counter", Added(1))
    host.tell("counter", Added(1))
    host.run_for(SECOND)
    assert "counter on Added" in replay_records(Replay(wiring, 1), host.ledger.records).first_difference


class Forgetful(Counter):
    """Says the right things from a state that is not what its messages made it."""

    memory = itertools.count()

    def handle(self, message: Any) -> Any:
        if isinstance(message, Recovered):
            self.state.starts = next(self.memory)
            return None
        return super().handle(message)


def test_a_state_that_differs_without_a_word_is_found_by_the_snapshots() -> None:
    wiring = Topology((ActorSpec("counter", Forgetful), ActorSpec("sink", Sink), ActorSpec("risk", Sink)))
    host = SimulatorHost(wiring)
    host.start()
    host.run_for(SECOND)
    host.take_snapshot()
    assert replay_records(Replay(wiring, 1), host.ledger.records).identical
    report = replay_records(Replay(wiring, 1), host.ledger.records, host.store.snapshots)
    assert "the state of counter" in report.first_difference


def test_a_topology_without_one_of_the_actors_is_found(lived: SimulatorHost) -> None:
    wiring = Topology((ActorSpec("sink", Sink), ActorSpec("risk", Sink)))
    report = replay_records(Replay(wiring, 4), lived.ledger.records)
    assert "no core actor called counter" in report.first_difference


def test_threads_and_files_replay_too(bench: Bench) -> None:
    with bench.host() as host:
        for n in (1, 2, 13, 4):
            host.tell("counter", Added(n))
        host.plant_fault("probe", "before", "IncidentRaised")
        bench.wait_for(lambda message: getattr(message, "kind", "") == "dead_letter")
        assert host.ask("counter", TotalAsked()) == 7
    with bench.host() as host:
        host.tell("counter", Added(5))
    report = replay(bench.folder, bench.probed())
    assert report.first_difference is None
    assert report.turns > 15
    assert report.since == 1


def test_a_folder_without_a_journal_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no journal"):
        replay(tmp_path, topology())
