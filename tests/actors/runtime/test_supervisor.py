"""Crashed actors come back ever more slowly; giving up halts trading."""

import itertools
from functools import partial

import pytest

from actors.runtime import ActorSpec, SimulatorHost, Status, Supervisor

from .sample import Added, topology

SECOND = 1_000_000


@pytest.fixture
def host() -> SimulatorHost:
    host = SimulatorHost(topology())
    host.start()
    host.run_for(SECOND)
    return host


def crash_times(host: SimulatorHost) -> list[int]:
    return [r.at for r in host.ledger.records if r.to == "counter" and r.status is Status.CRASHED]


def test_the_first_restart_comes_within_a_quarter_of_a_second(host: SimulatorHost) -> None:
    host.plant_fault("counter", "after", "Added", 1)
    host.tell("counter", Added(1))
    host.run_for(250_000)
    assert host.state("counter").total == 1


def test_back_off_doubles_with_a_fifth_of_jitter_and_the_sixth_crash_in_a_minute_is_one_too_many(
    host: SimulatorHost,
) -> None:
    host.plant_fault("counter", "before", None, 100)
    host.tell("counter", Added(1))
    host.run_for(59 * SECOND)
    times = crash_times(host)
    gaps = [(later - earlier) / SECOND for earlier, later in itertools.pairwise(times)]
    assert len(times) == 6
    for number, gap in enumerate(gaps):
        assert 0.1 * 2**number < gap <= 0.1 * 2**number * 1.2 + 0.01
    jitters = [gap / (0.1 * 2**number) for number, gap in enumerate(gaps)]
    assert max(jitters) - min(jitters) > 0.02


def test_giving_up_halts_trading_and_every_further_crash_says_so_again(host: SimulatorHost) -> None:
    host.plant_fault("counter", "before", None, 8)
    host.tell("counter", Added(1))
    host.run_for(59 * SECOND)
    assert len(host.state("risk").halts) == 1
    assert "gave up on counter" in host.state("risk").halts[0]
    assert "planted fault" in host.state("risk").halts[0]
    host.run_for(60 * SECOND)  # the next try, a minute later, crashes too
    assert len(host.state("risk").halts) == 2
    host.run_for(180 * SECOND)
    assert host.stats().crashes == 8
    assert not host.cells["counter"].mailbox.held


def test_without_enough_crashes_nobody_is_halted(host: SimulatorHost) -> None:
    host.plant_fault("counter", "before", None, 5)
    host.tell("counter", Added(1))
    host.run_for(120 * SECOND)
    assert host.stats().crashes == 5
    assert host.state("risk").halts == []


def test_crashes_that_are_more_than_a_minute_apart_are_each_the_first(host: SimulatorHost) -> None:
    for _ in range(10):
        host.plant_fault("counter", "after", "Added", 1)
        host.tell("counter", Added(1))
        host.run_for(61 * SECOND)
    assert host.state("risk").halts == []
    assert host.state("counter").total == 10


def test_crash_restart_and_give_up_are_published_as_incidents(host: SimulatorHost) -> None:
    host.plant_fault("counter", "before", None, 6)
    host.tell("counter", Added(1))
    host.run_for(59 * SECOND)
    assert host.state("risk").incidents.count("crash") == 5
    assert host.state("risk").incidents.count("restart") == 5
    assert host.state("risk").incidents.count("give_up") == 1


def test_a_flood_of_one_kind_of_dead_letter_is_one_incident_for_a_while(host: SimulatorHost) -> None:
    for _ in range(500):
        host.tell("nobody", Added(1))
        host.run_for(1_000)
    assert host.stats().dead_letters == 500
    assert host.state("risk").incidents == ["dead_letter"]


def test_whom_to_halt_is_configured() -> None:
    spec = ActorSpec("supervisor", partial(Supervisor, halt_targets=("sink",)))
    host = SimulatorHost(topology(spec))
    host.start()
    host.plant_fault("counter", "before", None, 100)
    host.tell("counter", Added(1))
    host.run_for(59 * SECOND)
    assert len(host.state("sink").halts) == 1
    assert host.state("risk").halts == []


def test_a_crash_of_the_supervisor_ends_the_process_and_the_start_repairs_everything(host: SimulatorHost) -> None:
    host.tell("counter", Added(2))
    host.run_for(SECOND)
    host.journal.sync()
    host.plant_fault("supervisor", "after", None, 1)
    host.plant_fault("counter", "before", "Added", 1)
    host.tell("counter", Added(3))
    host.run_for(20 * SECOND)
    assert host.chaos.happened["deaths"] == 1
    assert host.state("counter").total == 2
    assert host.state("counter").starts == 2
    host.tell("counter", Added(4))
    host.run_for(SECOND)
    assert host.state("counter").total == 6
