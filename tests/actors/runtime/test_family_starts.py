"""Who lives after a start and in a replay is exactly what the journal says, wherever the process was killed."""

import random
from typing import Any

import pytest

from actors.runtime import ActorSpec, Faults, Replay, SimulatorHost, Status, Topology, replay_records
from actors.runtime.codec import decode_message
from actors.runtime.errors import ProcessKilled
from actors.runtime.parcel import Parcel

from .family import Owner, Wanted, family, lives, living_by, replayed, rough_life, say
from .sample import Added, Counter, Sink, topology

A, B, C = "counter:a", "counter:b", "counter:c"
SECOND = 1_000_000


@pytest.fixture
def host() -> SimulatorHost:
    host = SimulatorHost(family())
    host.start()
    return host


def test_a_start_brings_back_exactly_the_living_with_their_states(host: SimulatorHost) -> None:
    say(host, Wanted((A, B)), Wanted((B, C)))
    host.sync()
    before = {name: host.state(name).total for name in (B, C)}
    host.kill()
    host.run_for(10 * SECOND)
    assert lives(host) == {B, C} == living_by(host.ledger.records)
    assert {name: host.state(name).total for name in (B, C)} == before
    assert A not in host.cells
    assert host.state("owner").found == [(), (B, C)]
    assert replayed(host).identical


def test_births_after_a_snapshot_and_retirements_after_it_are_both_found(host: SimulatorHost) -> None:
    say(host, Wanted((A, B)))
    host.take_snapshot()
    say(host, Wanted((B, C)))
    say(host, Added(3), to=C)
    host.sync()
    host.kill()
    host.run_for(10 * SECOND)
    assert lives(host) == {B, C}
    assert (host.state(B).total, host.state(C).total) == (102, 104)
    assert replayed(host).identical


def test_one_retired_before_a_snapshot_and_begun_after_it_has_its_new_state(host: SimulatorHost) -> None:
    say(host, Wanted((A, B)), Wanted((B,)))
    host.take_snapshot()
    say(host, Wanted((A, B), 7))
    host.sync()
    host.kill()
    host.run_for(10 * SECOND)
    assert host.state(A).total == 8
    assert replayed(host).identical


def test_a_clean_stop_and_start_keeps_who_lives(host: SimulatorHost) -> None:
    say(host, Wanted((A, B)), Wanted((B,)))
    host.stop()
    host.start()
    host.run_for(SECOND)
    assert (lives(host), host.state(B).total) == ({B}, 102)
    assert replayed(host).identical


@pytest.mark.parametrize("status", [Status.BORN, Status.RETIRED])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_dies_at_a_birth_or_a_retirement_gets_there_after_its_next_start(
    host: SimulatorHost, status: Status, moment: str
) -> None:
    say(host, Wanted((A, B)))
    host.sync()
    real, killed = host.ledger.append, []

    def append(at: int, parcel: Any, digest: int, found: Status) -> Any:
        strikes = found is status and not killed
        if strikes:
            killed.append(parcel.to)
            host.sync()
            if moment == "after":
                real(at, parcel, digest, found)
                host.sync()
            raise ProcessKilled(moment)
        return real(at, parcel, digest, found)

    host.ledger.append = append  # type: ignore[method-assign]  # the simulated disk, at the moment of the kill
    say(host, Wanted((B, C)))
    host.run_for(20 * SECOND)
    assert killed
    assert host.boot == 2
    assert lives(host) == {B, C} == living_by(host.ledger.records)
    assert replayed(host).identical


def test_the_owner_is_told_of_members_that_an_old_journal_names_as_static() -> None:
    old = SimulatorHost(topology(ActorSpec(A, Counter), ActorSpec(B, Counter), ActorSpec("owner", Owner)))
    old.start()
    say(old, Added(40), to=A)
    new = SimulatorHost(family(ActorSpec("counter", Counter)))
    new.ledger.records = old.ledger.records
    new.start()
    new.run_for(SECOND)
    assert new.state("owner").found == [(), (A, B)]
    assert lives(new) == set()  # this owner wants nobody
    report = replay_records(Replay(family(ActorSpec("counter", Counter)), 1), new.ledger.records)
    assert report.identical, report.first_difference


def test_an_old_journals_members_come_back_with_their_states() -> None:
    old = SimulatorHost(topology(ActorSpec(A, Counter)))
    old.start()
    say(old, Added(40), to=A)
    new = SimulatorHost(Topology((ActorSpec("sink", Sink), ActorSpec("risk", Sink)), families={"counter": Counter}))
    new.ledger.records = old.ledger.records
    new.start()
    new.run_for(SECOND)
    assert (new.state(A).total, new.state(A).starts) == (40, 2)


def test_one_that_an_old_journal_leaves_out_of_its_last_start_does_not_live() -> None:
    first = SimulatorHost(topology(ActorSpec(A, Counter), ActorSpec(B, Counter)))
    first.start()
    second = SimulatorHost(topology(ActorSpec(A, Counter)))
    new = SimulatorHost(Topology((ActorSpec("sink", Sink), ActorSpec("risk", Sink)), families={"counter": Counter}))
    for host, before in ((second, first), (new, second)):
        host.ledger.records = before.ledger.records
        host.start()
    assert lives(new) == {A}


# --- replayed, and whatever strikes


def test_a_birth_that_nobody_ordered_is_found(host: SimulatorHost) -> None:
    say(host, Wanted((A,)))
    index, born = next((i, one) for i, one in enumerate(host.ledger.records) if one.status is Status.BORN)
    host.ledger.records[index] = type(born)(
        born.seq, born.at, B, born.sender, born.cause, born.type, born.payload, born.digest, born.status
    )
    assert "did not send" in (replayed(host).first_difference or "")


def test_one_message_to_all_is_found_when_a_member_got_it_twice(host: SimulatorHost) -> None:
    say(host, Wanted((A, B)))
    told = [one for one in host.ledger.records if one.to == B and one.type == "Added"][-1]
    again = Parcel(told.sender, B, decode_message(told.type, told.payload), told.payload, told.cause)
    host.ledger.append(told.at, again, 0, Status.DEAD)
    assert "did not send" in (replayed(host).first_difference or "")


def test_a_journal_with_births_does_not_fit_a_topology_without_the_family(host: SimulatorHost) -> None:
    say(host, Wanted((A,)))
    plain = topology(ActorSpec("owner", Owner))
    report = replay_records(Replay(plain, 1), host.ledger.records)
    assert "no core actor called counter:a lives" in (report.first_difference or "")


def swarm(seed: int) -> Faults:
    dice = random.Random(f"swarm {seed}")
    return Faults(
        delay_us=dice.choice([0, 200, 20_000, 500_000]),
        slow=dice.choice([0.0, 0.05]),
        crash=dice.choice([0.0, 0.005, 0.02]),
        kill=dice.choice([0.0, 0.002, 0.01]),
        disk_full=dice.choice([0.0, 0.0, 0.002]),
        clock_skew=dice.random() < 0.5,
    )


@pytest.mark.parametrize("seed", range(30))
def test_who_lives_is_what_the_journal_says_whatever_strikes(seed: int) -> None:
    host = rough_life(seed, swarm(seed))
    assert host.up
    assert lives(host) == set(host.state("owner").wanted) == living_by(host.ledger.records)
    assert set(host.living("counter")) == lives(host)
    report = replayed(host)
    assert report.identical, report.first_difference
    assert report.turns > 100


def test_the_same_seed_lives_the_same_life() -> None:
    faults = Faults(delay_us=20_000, slow=0.05, crash=0.02, kill=0.005)
    first, again, other = (rough_life(seed, faults) for seed in (5, 5, 6))
    assert first.chaos.happened["deaths"] > 0
    assert first.trace == again.trace
    assert first.ledger.records == again.ledger.records
    assert first.trace != other.trace
