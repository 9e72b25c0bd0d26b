"""Actors that are begun and retired at runtime: what they hear, what is kept of them, and who lives after a start."""

import pytest

from actors.runtime import ActorSpec, Faults, NoAnswer, SimulatorHost, Status, Topology
from actors.runtime.parcel import Control
from domain.errors import ConfigError

from .family import SECOND, Misused, Swapped, Wanted, family, lives, say
from .sample import Added, Counter, PriceTicked, Probe, TimerWanted, TotalAsked

A, B, C = "counter:a", "counter:b", "counter:c"


@pytest.fixture
def host() -> SimulatorHost:
    host = SimulatorHost(family())
    host.start()
    return host


def fates(host: SimulatorHost, status: Status) -> list[str]:
    return [record.to for record in host.ledger.records if record.status is status]


def dead(host: SimulatorHost) -> list[tuple[str, str]]:
    return [(record.to, record.type) for record in host.ledger.records if record.status is Status.DEAD]


# --- begun


def test_a_member_hears_of_its_start_first_and_then_what_is_sent_to_it(host: SimulatorHost) -> None:
    say(host, Wanted((A,)))
    heard = [(record.type, record.status) for record in host.ledger.records if record.to == A]
    assert heard == [("Began", "N"), ("Recovered", "A"), ("Added", "A"), ("Added", "A")]
    assert (host.state(A).total, host.state(A).starts) == (101, 1)


def test_the_birth_names_the_turn_that_caused_it(host: SimulatorHost) -> None:
    say(host, Wanted((A,)))
    born = next(record for record in host.ledger.records if record.status is Status.BORN)
    assert (born.sender, host.ledger.records[born.cause - 1].type) == ("owner", "Wanted")


def test_beginning_one_that_lives_changes_nothing(host: SimulatorHost) -> None:
    say(host, Wanted((A,)), Wanted((A,)), Wanted((A, B)))
    assert fates(host, Status.BORN) == [A, B]
    assert host.state(A).total == 103


def test_a_topic_of_the_family_reaches_all_that_live_by_name(host: SimulatorHost) -> None:
    say(host, Wanted((C, A, B)))
    before = host.ledger.last_seq
    say(host, Wanted((C, A, B)))
    assert [record.to for record in host.ledger.read(before) if record.type == "Added"] == [A, B, C]
    say(host, Wanted((B,)))
    assert [host.state(name).total for name in (A, B, C)] == [0, 103, 0]


def test_what_belongs_to_no_family_can_be_neither_begun_nor_retired(host: SimulatorHost) -> None:
    say(host, Misused("sink"), Misused("nobody:a"), Misused("counter:"))
    assert lives(host) == set()
    assert dead(host)[::2] == [("sink", "Began"), ("nobody:a", "Began"), ("counter:", "Began")]
    say(host, Added(7), to="sink")
    assert host.state("sink").seen == [7]
    assert "dead_letter" in host.state("risk").incidents


def test_a_topology_refuses_static_members_unknown_families_and_families_of_edges() -> None:
    with pytest.raises(ConfigError, match="begun at runtime, not named: counter:a"):
        family(ActorSpec(A, Counter))
    with pytest.raises(ConfigError, match=r"do not exist: market:\*"):
        family(topics={"all": ("market:*",)})
    with pytest.raises(ConfigError, match="these are edges: probe"):
        Topology((), families={"probe": Probe})


# --- retired


def test_what_was_sent_before_a_retirement_is_still_handled(host: SimulatorHost) -> None:
    say(host, Wanted((A,)))
    for n in (1, 2, 3):
        host.tell(A, Added(n), "owner")
    say(host, Wanted(()))
    totals = [record for record in host.ledger.records if record.to == A and record.status is Status.APPLIED]
    assert len(totals) == 6  # Recovered, the gift, one for all, and these three
    assert [record.status for record in host.ledger.records if record.to == A][-1] is Status.RETIRED
    assert host.state("sink").seen[-3:] == [102, 104, 107]


def test_mail_to_a_retired_member_is_a_dead_letter_without_an_incident(host: SimulatorHost) -> None:
    say(host, Wanted((A,)), Wanted(()))
    say(host, Added(1), to=A)
    assert dead(host) == [(A, "Added")]
    assert host.stats().dead_letters == 1
    assert host.state("risk").incidents == []


def test_a_retired_member_answers_no_query_and_a_living_one_does(host: SimulatorHost) -> None:
    say(host, Wanted((A,)))
    assert host.ask(A, TotalAsked()) == 101
    say(host, Wanted(()))
    with pytest.raises(NoAnswer, match="counter:a is retired"):
        host.ask(A, TotalAsked())


def test_retiring_one_that_does_not_live_changes_nothing(host: SimulatorHost) -> None:
    say(host, Wanted((A,)), Wanted(()), Wanted(()))
    assert fates(host, Status.RETIRED) == [A]


def test_a_member_begun_again_starts_from_nothing(host: SimulatorHost) -> None:
    say(host, Wanted((A,)), Added(50))
    say(host, Wanted(()), Wanted((A,), 7))
    assert (host.state(A).total, host.state(A).starts) == (8, 1)
    assert fates(host, Status.BORN) == [A, A]


def test_retired_and_begun_in_one_turn_it_keeps_the_mail_of_each_life_apart(host: SimulatorHost) -> None:
    say(host, Wanted((A,)))
    host.tell(A, Added(1), "owner")
    say(host, Swapped(A, 5))
    assert host.state(A).total == 5
    assert host.state("sink").seen[-2:] == [102, 5]
    assert dead(host) == []


def test_a_price_of_the_next_life_does_not_replace_an_unread_one_of_the_last(host: SimulatorHost) -> None:
    say(host, Wanted((A,)))
    host.cells[A].mailbox.hold(on=True)
    host.tell(A, PriceTicked("m", 1), "feed")
    say(host, Swapped(A))
    host.tell(A, PriceTicked("m", 2), "feed")
    host.run_for(SECOND)
    host.cells[A].mailbox.hold(on=False)
    host.tell(A, Added(1))
    host.run_for(SECOND)
    assert host.state(A).seen == [5, 2, 1]


@pytest.mark.parametrize("seed", range(10))
def test_what_anybody_sends_after_another_beginning_is_for_the_next_life(seed: int) -> None:
    host = SimulatorHost(family(), seed, Faults(delay_us=500_000))
    host.start()
    say(host, Wanted((A,)))
    host.run_for(10 * SECOND)
    for message in (Swapped(A), Swapped(A)):
        host.tell("owner", message)
    while [record.type for record in host.ledger.records].count("Swapped") < 2:
        host.step(host.agenda.now + SECOND)
    host.tell(A, Added(50), "feed")
    host.run_for(20 * SECOND)
    assert host.state(A).total == 55
    assert dead(host) == []


def test_a_timer_of_an_earlier_life_does_not_ring_in_the_next(host: SimulatorHost) -> None:
    say(host, Wanted((A,)))
    host.tell(A, TimerWanted(5 * SECOND), "owner")
    say(host, Swapped(A))
    host.run_for(10 * SECOND)
    assert dead(host) == [(A, "TimerFired")]
    say(host, TimerWanted(SECOND), to=A)
    host.run_for(10 * SECOND)
    assert host.state("sink").seen[-1] == SECOND


def test_a_retirement_waits_for_a_suspended_member_to_come_back(host: SimulatorHost) -> None:
    say(host, Wanted((A,)))
    host.plant_fault(A, "after", "Added", 1)
    host.tell(A, Added(4), "owner")
    host.tell("owner", Wanted(()))
    host.run_for(10 * SECOND)
    assert host.stats().restarts == 1
    assert host.state("sink").seen[-1] == 105
    assert lives(host) == set()


def test_a_full_mailbox_refuses_mail_and_no_retirement(host: SimulatorHost) -> None:
    say(host, Wanted((A,)))
    host.cells[A].mailbox.hold(on=True)
    for _ in range(60):
        host.tell(A, Added(1), "owner")
    say(host, Wanted(()))
    assert dead(host) == [(A, "Added")] * 10
    host.control(A, Control("restart"))
    host.run_for(SECOND)
    assert lives(host) == set()


# --- supervised


def test_a_crashed_member_is_restarted_with_its_state(host: SimulatorHost) -> None:
    say(host, Wanted((A, B)))
    host.plant_fault(A, "before", "Added", 1)
    say(host, Added(9), to=A)
    host.run_for(SECOND)
    assert (host.state(A).total, host.state(A).restarts) == (110, 1)
    assert host.state(B).restarts == 0


def test_a_fault_can_be_planted_before_its_member_is_begun(host: SimulatorHost) -> None:
    host.plant_fault(A, "after", "Added", 1)
    say(host, Wanted((A,)))
    host.run_for(SECOND)
    assert (host.state(A).total, host.state(A).restarts) == (101, 1)
    with pytest.raises(ConfigError, match="no actor is called nobody:a"):
        host.plant_fault("nobody:a", "after")
