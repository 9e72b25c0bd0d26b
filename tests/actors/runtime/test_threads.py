"""The production host: real threads, real files, real time."""

import itertools
import queue
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from actors.runtime import (
    ActorSpec,
    ForbiddenAsk,
    NoAnswer,
    Recovered,
    Restarted,
    Status,
    Topology,
    incident,
)
from actors.runtime.journal import read
from domain.errors import ConfigError, StorageError
from domain.message import Message
from domain.messages import HaltTrading, IncidentRaised

from .conftest import FAST, Bench, disk_full_beyond
from .sample import (
    Added,
    AskTried,
    Counter,
    LetterWanted,
    Probe,
    Sink,
    TimerWanted,
    TotalAsked,
    TotalTold,
)


def told(bench: Bench) -> Topology:
    """A counter that tells the probe its totals."""
    probe = partial(Probe, out=bench.mail)
    return Topology(
        (ActorSpec("counter", Counter), ActorSpec("sink", probe), ActorSpec("risk", Sink)), {"incidents": ("sink",)}
    )


def raised(kind: str) -> Any:
    return lambda message: isinstance(message, IncidentRaised) and message.kind == kind


def total(n: int) -> Any:
    return lambda message: message == TotalTold(n)


def statuses(folder: Path, name: str) -> list[tuple[str, Status]]:
    return [(record.type, record.status) for record in read(folder) if record.to == name]


def test_messages_are_handled_in_order_and_journaled(bench: Bench) -> None:
    with bench.host(told(bench)) as host:
        for _n in range(40):
            host.tell("counter", Added(1))
        bench.wait_for(total(40))
        assert host.ask("counter", TotalAsked()) == 40
    handled = [record for record in read(bench.folder) if record.to == "counter" and record.type == "Added"]
    assert len(handled) == 40
    assert all(later.seq > earlier.seq for earlier, later in itertools.pairwise(handled))


@pytest.mark.parametrize("phase", ["before", "mid", "after"])
def test_a_crash_in_any_phase_leaves_no_trace_and_the_mail_goes_on(bench: Bench, phase: str) -> None:
    with bench.host(told(bench)) as host:
        host.plant_fault("counter", phase, "Added")
        host.tell("counter", Added(1))
        host.tell("counter", Added(2))
        assert bench.wait_for(total(1))
        assert bench.wait_for(total(3))
        assert host.ask("counter", TotalAsked()) == 3
        assert (host.stats().crashes, host.stats().restarts, host.stats().dead_letters) == (1, 1, 0)
    kinds = statuses(bench.folder, "counter")
    assert kinds == [
        ("Recovered", Status.APPLIED),
        ("Added", Status.CRASHED),
        ("Restarted", Status.APPLIED),
        ("Added", Status.APPLIED),
        ("Added", Status.APPLIED),
    ]


def test_poison_is_set_aside_after_one_more_try(bench: Bench) -> None:
    with bench.host(told(bench)) as host:
        host.tell("counter", Added(13))
        host.tell("counter", Added(1))
        bench.wait_for(total(1))
        assert host.stats().dead_letters == 1
    assert ("Added", Status.DEAD) in statuses(bench.folder, "counter")


def test_giving_up_halts_trading_on_threads_too(bench: Bench) -> None:
    specs = (
        ActorSpec("counter", Counter),
        ActorSpec("sink", Sink),
        ActorSpec("risk", partial(Probe, out=bench.mail)),
        ActorSpec("gateway", partial(Probe, out=bench.mail)),
    )
    with bench.host(Topology(specs)) as host:
        host.plant_fault("counter", "before", "Restarted", 100)
        host.plant_fault("counter", "before", "Added", 1)
        host.tell("counter", Added(1))
        senders = [bench.mail.get(timeout=20) for _ in range(2)]
        assert [(sender, type(message)) for sender, message in senders] == [("supervisor", HaltTrading)] * 2
    lines = [line for line in incident.timeline(bench.folder) if "GIVE-UP" in line]
    assert len(lines) == 1  # however many are halted
    assert "gave up on counter after 6 crashes" in lines[0]


def test_restart_delays_are_real_time_even_when_the_clock_is_fast_or_slow(bench: Bench) -> None:
    slow = FAST(1, 0, speed=0.0001)
    with bench.host(told(bench), clock=slow) as host:
        host.plant_fault("counter", "before", "Added")
        host.tell("counter", Added(1))
        bench.wait_for(total(1))  # a tenth of a second on this clock would be a quarter of an hour
        assert bench.wait_for(raised("restart"))


def test_timers_run_on_the_actors_clock(bench: Bench) -> None:
    hour = 3_600_000_000
    clock = FAST(1_000_000, 0, speed=100_000.0)
    with bench.host(told(bench), clock=clock) as host:
        host.tell("counter", TimerWanted(hour))  # 36 real milliseconds
        bench.wait_for(lambda message: message == Added(hour))
    asked, fired = (record.at for record in read(bench.folder) if record.type in {"TimerWanted", "TimerFired"})
    assert fired - asked >= hour


def test_asking_is_forbidden_in_a_handler_and_the_actor_lives_on(bench: Bench) -> None:
    with bench.host(told(bench)) as host:
        host.tell("counter", AskTried())
        text = bench.wait_for(raised("crash")).text
        assert "may not ask" in text
        bench.wait_for(raised("dead_letter"))
        assert host.ask("counter", TotalAsked()) == 0


def test_the_hosts_own_ask_and_a_bare_future_are_forbidden_in_a_handler_too(bench: Bench) -> None:
    caught: queue.Queue[str] = queue.Queue()

    class Nosy(Probe):
        def handle(self, message: Message) -> None:  # noqa: ARG002 (the signature is the base's)
            ref = host.cells["counter"].actor.actor_ref
            waits = {"host": lambda: host.ask("counter", TotalAsked()), "ref": lambda: ref.ask("anything", timeout=1)}
            for name, wait in waits.items():
                try:
                    wait()
                except ForbiddenAsk:
                    caught.put(name)

    specs = (ActorSpec("counter", Counter), ActorSpec("nosy", partial(Nosy, out=bench.mail)))
    host = bench.host(Topology(specs))
    with host:
        host.tell("nosy", Added(1))
        assert [caught.get(timeout=10) for _ in range(2)] == ["host", "ref"]


def test_what_is_sent_past_the_runtime_is_reported_and_harms_nothing(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with bench.host(told(bench)) as host:
        host.cells["counter"].actor.actor_ref.tell("smuggled")
        host.tell("counter", Added(1))
        bench.wait_for(total(1))
    assert "'smuggled' past the runtime" in caplog.text


def test_an_ask_that_nobody_answers_says_so(bench: Bench) -> None:
    with bench.host(told(bench)) as host:
        with pytest.raises(NoAnswer, match="no actor is called nobody"):
            host.ask("nobody", TotalAsked())
        host.cells["counter"].mailbox.hold(on=True)
        with pytest.raises(NoAnswer, match="within"):
            host.ask("counter", TotalAsked(), timeout_s=0.01)
        host.cells["counter"].mailbox.hold(on=False)
    with pytest.raises(NoAnswer, match="stopped"):
        host.ask("counter", TotalAsked())


def test_mail_to_an_unknown_name_is_counted_journaled_and_told(bench: Bench) -> None:
    with bench.host(told(bench)) as host:
        host.tell("counter", LetterWanted("nobody"))
        assert "nobody" in bench.wait_for(raised("dead_letter")).subject
        assert host.stats().dead_letters == 1
    assert [record.to for record in read(bench.folder) if record.status is Status.DEAD] == ["nobody"]


def test_a_clean_stop_keeps_every_state_and_the_next_start_reads_no_journal(bench: Bench) -> None:
    with bench.host() as host:
        for _ in range(20):
            host.tell("counter", Added(1))
    with bench.host() as host:
        assert host.recovery.turns == 0
        assert host.ask("counter", TotalAsked()) == 20
        assert host.ask("sink", TotalAsked()) == list(range(1, 21))  # the mail had drained
        assert host.cells["counter"].actor.state.starts == 2


def test_a_second_engine_on_the_same_home_is_refused(bench: Bench) -> None:
    with bench.host(), pytest.raises(ConfigError, match="in use"):
        bench.host().start()


def test_a_full_disk_ends_the_process_before_anything_is_released(bench: Bench) -> None:
    specs = (ActorSpec("counter", Counter), ActorSpec("sink", partial(Probe, out=bench.mail)))
    host = bench.host(Topology(specs, {}, frozenset({"sink"})))
    host.start()
    host.journal.sync()
    size = max(path.stat().st_size for path in bench.folder.iterdir())
    with disk_full_beyond(size):
        host.tell("counter", Added(1))
        assert "free space" in bench.fatal.get(timeout=10)
    host.tell("counter", Added(2))
    host.fail("another reason")
    host.stop()
    assert bench.mail.empty()
    assert bench.fatal.empty()  # said once


def test_a_start_on_a_full_disk_is_refused(bench: Bench) -> None:
    with disk_full_beyond(0), pytest.raises(StorageError, match="space"):
        bench.host().start()
    with bench.host():
        pass


def test_a_crash_of_the_supervisor_is_fatal(bench: Bench) -> None:
    with bench.host() as host:
        host.plant_fault("supervisor", "before", "ActorCrashed")
        host.tell("counter", Added(13))
        assert "supervisor crashed" in bench.fatal.get(timeout=10)


def test_time_never_runs_backwards_over_a_restart(bench: Bench) -> None:
    with bench.host(clock=FAST(2_000_000_000_000_000, 0, speed=1.0)) as host:
        host.tell("counter", Added(1))
    last = max(record.at for record in read(bench.folder))
    with bench.host(clock=FAST(1_000, 0, speed=1.0)) as host:
        assert host.now() > last
    times = [record.at for record in read(bench.folder)]
    assert min(times[-3:]) > last


def test_a_name_that_does_not_exist_cannot_be_given_a_fault(bench: Bench) -> None:
    with bench.host() as host, pytest.raises(ConfigError, match="counter"):
        host.plant_fault("contour", "before")


def test_the_recovered_message_is_the_first_an_actor_hears(bench: Bench) -> None:
    with bench.host() as host:
        host.tell("counter", Added(1))
    assert next(r.type for r in read(bench.folder) if r.to == "counter") == Recovered.__name__
    assert Restarted.__name__ not in {record.type for record in read(bench.folder)}
