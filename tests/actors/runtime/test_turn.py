"""A turn happens wholly or not at all, on the simulated host."""

import queue
from functools import partial

import numpy as np
import pytest

from actors.runtime import (
    ActorSpec,
    Faults,
    ForbiddenAsk,
    HandlerCrashed,
    NoAnswer,
    OutsideTurn,
    SimulatorHost,
    Status,
    Topology,
)

from .sample import (
    Added,
    AskTried,
    Counter,
    DrawWanted,
    LetterWanted,
    PriceTicked,
    Probe,
    SecretlyWritten,
    Sink,
    Strange,
    TimerWanted,
    TotalAsked,
    topology,
)

SECOND = 1_000_000


@pytest.fixture
def host() -> SimulatorHost:
    host = SimulatorHost(topology())
    host.start()
    host.run_for(SECOND)
    return host


def test_a_handler_that_raises_leaves_no_trace_and_its_message_is_set_aside_after_one_more_try(
    host: SimulatorHost,
) -> None:
    for n in (1, 2, 13, 4):
        host.tell("counter", Added(n))
    host.run_for(30 * SECOND)
    counter = host.state("counter")
    assert (counter.total, counter.seen, counter.restarts) == (7, [1, 2, 4], 2)
    assert counter.row.tolist() == [7.0, 7.0, 7.0]
    assert host.state("sink").seen == [1, 3, 7]
    fates = [record.status for record in host.ledger.records if record.to == "counter" and record.type == "Added"]
    assert fates == [Status.APPLIED, Status.APPLIED, Status.CRASHED, Status.CRASHED, Status.DEAD, Status.APPLIED]


@pytest.mark.parametrize("phase", ["before", "mid", "after"])
def test_a_fault_in_any_phase_of_a_turn_is_as_if_the_turn_had_come_later(host: SimulatorHost, phase: str) -> None:
    host.plant_fault("counter", phase, "Added", 1)
    host.tell("counter", Added(5))
    host.run_for(10 * SECOND)
    assert host.state("counter").total == 5
    assert host.state("sink").seen == [5]
    assert host.stats().crashes == host.stats().restarts == 1


def test_a_restart_keeps_the_address_and_the_mail(host: SimulatorHost) -> None:
    ref = host.cells["counter"].actor.actor_ref
    host.plant_fault("counter", "before", "Added", 1)
    for n in (1, 2, 3):
        host.tell("counter", Added(n))
    host.run_for(10 * SECOND)
    assert host.cells["counter"].actor.actor_ref is ref
    assert ref.is_alive()
    assert host.state("counter").seen == [1, 2, 3]


def test_restarted_is_the_first_thing_a_restarted_actor_hears(host: SimulatorHost) -> None:
    host.plant_fault("counter", "before", "Added", 1)
    host.tell("counter", Added(1))
    host.run_for(10 * SECOND)
    heard = [r.type for r in host.ledger.records if r.to == "counter" and r.status is Status.APPLIED]
    assert heard == ["Recovered", "Restarted", "Added"]


def test_messages_of_one_sender_to_one_receiver_keep_their_order_and_different_senders_interleave() -> None:
    orders = set()
    for seed in range(20):
        host = SimulatorHost(topology(), seed, Faults(delay_us=5_000))
        host.start()
        host.run_for(SECOND)
        for i in range(3):
            host.tell("sink", Added(i), "p")
            host.tell("sink", Added(10 + i), "q")
        host.run_for(SECOND)
        seen = host.state("sink").seen
        assert [n for n in seen if n < 10] == [0, 1, 2]
        assert [n for n in seen if n >= 10] == [10, 11, 12]
        orders.add(tuple(seen))
    assert len(orders) > 5


def test_an_unread_price_is_replaced_by_a_newer_one_in_its_place(host: SimulatorHost) -> None:
    host.plant_fault("counter", "before", "Strange", 1)
    host.tell("counter", Strange())  # suspends the counter, so that mail collects
    host.run_for(1_000)
    host.tell("counter", PriceTicked("KRW-BTC", 1))
    host.tell("counter", Added(7))
    host.tell("counter", PriceTicked("KRW-ETH", 2))
    host.tell("counter", PriceTicked("KRW-BTC", 3))
    host.tell("counter", PriceTicked("KRW-BTC", 4), "another feed")
    host.run_for(20 * SECOND)
    assert host.state("counter").seen == [3, 7, 2, 4]
    assert host.stats().conflated == 1


def test_a_full_mailbox_sheds_loudly_and_never_blocks(host: SimulatorHost) -> None:
    host.plant_fault("counter", "before", "Added", 1)
    for _ in range(100):
        host.tell("counter", Added(100))
        host.run_for(10)
    host.run_for(20 * SECOND)
    limit = Counter.mailbox_limit
    assert len(host.state("counter").seen) == limit + 1  # the one that crashed waits outside the mailbox
    assert host.stats().dead_letters == 99 - limit
    assert host.stats().peak >= limit
    dead = [record for record in host.ledger.records if record.status is Status.DEAD]
    assert len(dead) == 99 - limit
    assert "dead_letter" in host.state("risk").incidents


def test_mail_to_nobody_is_a_journaled_dead_letter_and_an_incident(host: SimulatorHost) -> None:
    host.tell("counter", LetterWanted("nobody"))
    host.run_for(SECOND)
    dead = [(r.to, r.sender, r.type) for r in host.ledger.records if r.status is Status.DEAD]
    assert dead == [("nobody", "counter", "Added")]
    assert host.state("risk").incidents == ["dead_letter"]


def test_a_message_outside_the_union_crashes_the_turn_instead_of_being_ignored(host: SimulatorHost) -> None:
    host.tell("counter", Strange())
    host.run_for(20 * SECOND)
    assert [r.type for r in host.ledger.records if r.status is Status.DEAD] == ["Strange"]


def test_asking_in_a_handler_is_forbidden(host: SimulatorHost) -> None:
    host.tell("counter", AskTried())
    host.run_for(20 * SECOND)
    crashes = [r for r in host.ledger.records if r.type == "ActorCrashed"]
    assert b"may not ask" in crashes[0].payload
    assert host.ask("counter", TotalAsked()) == 0  # and it lives on


def test_a_query_is_answered_from_outside_and_leaves_no_record(host: SimulatorHost) -> None:
    host.tell("counter", Added(3))
    host.run_for(SECOND)
    before = host.stats().journal_records
    assert host.ask("counter", TotalAsked()) == 3
    assert host.stats().journal_records == before


@pytest.mark.parametrize(("send", "why"), [(True, "in a query"), (False, "changed its state")])
def test_a_query_that_sends_or_changes_the_state_fails_for_the_one_who_asked(
    host: SimulatorHost, *, send: bool, why: str
) -> None:
    with pytest.raises(HandlerCrashed, match=why):
        host.ask("counter", SecretlyWritten(send))
    assert host.state("sink").seen == []


def test_only_queries_may_be_asked_and_they_may_only_be_asked(host: SimulatorHost) -> None:
    with pytest.raises(ForbiddenAsk):
        host.ask("counter", Added(1))
    with pytest.raises(ForbiddenAsk):
        host.tell("counter", TotalAsked())
    with pytest.raises(NoAnswer):
        host.ask("nobody", TotalAsked())


def test_speaking_outside_a_turn_is_an_error(host: SimulatorHost) -> None:
    actor = host.cells["counter"].actor
    for act in (lambda: actor.send("sink", Added(1)), actor.random, lambda: actor.outlet):
        with pytest.raises(OutsideTurn):
            act()


def test_a_timer_comes_back_from_timer_after_its_delay(host: SimulatorHost) -> None:
    host.tell("counter", TimerWanted(5 * SECOND))
    host.run_for(5 * SECOND - 1_000)
    assert host.state("sink").seen == []
    host.run_for(2_000)
    assert host.state("sink").seen == [5 * SECOND]
    fired = next(record for record in host.ledger.records if record.type == "TimerFired")
    assert fired.sender == "timer"


def test_random_numbers_depend_on_seed_name_and_count_and_survive_a_kill(host: SimulatorHost) -> None:
    def draws(host: SimulatorHost, kill_after: int | None, count: int) -> list[int]:
        for number in range(count):
            host.tell("counter", DrawWanted())
            host.run_for(SECOND)
            if number == kill_after:
                host.take_snapshot()
                host.kill()
                host.run_for(10 * SECOND)
        return host.state("sink").seen

    plain = draws(host, None, 20)
    killed = SimulatorHost(topology())
    killed.start()
    assert draws(killed, 11, 20) == plain
    assert len(set(plain)) == 20
    assert min(plain) in range(300_000)
    assert max(plain) in range(700_000, 1_000_000)


def test_the_state_comes_back_after_a_kill_with_arrays_and_decimals_exact(host: SimulatorHost) -> None:
    for n in range(1, 31):
        host.tell("counter", Added(n if n != 13 else 130))
    host.run_for(SECOND)
    before = host.state("counter")
    host.journal.sync()
    host.kill()
    host.run_for(10 * SECOND)
    after = host.state("counter")
    assert after is not before
    assert (after.total, after.money, after.starts) == (before.total, before.money, 2)
    assert np.array_equal(after.grid, before.grid)
    assert after.row.dtype == np.float64
    assert after.grid.shape == (2, 2)


def test_what_leaves_the_process_is_durable_first() -> None:
    host = SimulatorHost(Topology((ActorSpec("counter", Counter), ActorSpec("sink", Sink)), {}, frozenset({"sink"})))
    host.start()
    host.tell("counter", Added(1))
    host.run_for(SECOND)
    sent = next(record for record in host.ledger.records if record.type == "Added")
    assert host.ledger.synced >= sent.seq


def test_nothing_is_synced_for_mail_that_stays_inside(host: SimulatorHost) -> None:
    host.tell("counter", Added(1))
    host.run_for(SECOND)
    assert host.ledger.synced == 1  # the start alone


def test_a_full_disk_releases_nothing_and_the_process_comes_back_when_there_is_room(host: SimulatorHost) -> None:
    host.chaos.disk_full_until = host.agenda.now + 30 * SECOND
    host.tell("counter", Added(1))
    host.run_for(29 * SECOND)
    assert not host.up
    host.run_for(20 * SECOND)
    assert host.up
    assert host.state("sink").seen == []


def test_a_simulated_edge_speaks_through_its_outlet_until_its_process_dies() -> None:
    host = SimulatorHost(topology(ActorSpec("probe", partial(Probe, out=queue.Queue()))))
    host.start()
    probe = host.cells["probe"].actor
    probe.outlet.send("counter", Added(3))
    host.run_for(SECOND)
    probe.outlet.sync()
    host.kill()
    probe.outlet.send("counter", Added(4))
    host.run_for(20 * SECOND)
    assert host.state("counter").total == 3
    assert host.cells["probe"].actor is not probe
    host.stop()
    assert host.cells["probe"].actor.calls == ["begin", "end", "drained"]


def test_a_clean_stop_and_start_keeps_everything_and_counts_starts(host: SimulatorHost) -> None:
    host.tell("counter", Added(4))
    host.stop()
    host.start()
    host.run_for(SECOND)
    assert (host.state("counter").total, host.state("counter").starts) == (4, 2)
    assert host.state("counter").trusted
