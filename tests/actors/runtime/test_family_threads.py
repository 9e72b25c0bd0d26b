"""Families on real threads and real files: begun and retired while everybody talks, snapshots are taken, stats read."""

import random
import threading
from functools import partial

import pytest

from actors.runtime import ActorSpec, JournalOptions, NoAnswer, Status, Topology, replay
from actors.runtime.incident import timeline
from actors.runtime.journal import read
from domain.messages import IncidentRaised

from .conftest import Bench
from .family import Swapped, Wanted, family, lives, living_by
from .sample import Added, Probe, TotalAsked

A, B = "counter:a", "counter:b"


def probed(bench: Bench) -> Topology:
    """The family with a probe that hears incidents, and `all` with the family."""
    probe = ActorSpec("probe", partial(Probe, out=bench.mail))
    return family(probe, topics={"incidents": ("risk", "probe"), "all": ("counter:*", "probe")})


def all_told(bench: Bench, times: int = 1) -> None:
    """Wait until the owner has brought the family to so many wishes."""
    for _ in range(times):
        bench.wait_for(lambda one: isinstance(one, Added))


def test_members_live_stop_and_come_back_on_threads(bench: Bench) -> None:
    with bench.host(probed(bench)) as host:
        host.tell("owner", Wanted((A, B)))
        host.tell("owner", Wanted((B,), 7))
        all_told(bench, 2)
        assert host.ask(B, TotalAsked()) == 102
        with pytest.raises(NoAnswer, match="counter:a is retired"):
            host.ask(A, TotalAsked())
    with bench.host(probed(bench)) as again:
        assert lives(again) == {B}
        assert again.ask(B, TotalAsked()) == 102
        assert again.recovery.turns == 0  # the snapshot of the stop has it all
    assert replay(bench.folder, family()).identical


def test_an_upgrade_after_a_crash_brings_back_the_members_of_the_snapshot(bench: Bench) -> None:
    snapshots = bench.folder / "snapshots"
    with bench.host(probed(bench)) as host:
        host.tell("owner", Wanted((A,)))
        all_told(bench)
        host.take_snapshot()
        kept = set(snapshots.glob("*.bin"))
        host.tell("owner", Wanted((B,)))
        all_told(bench)
    for path in set(snapshots.glob("*.bin")) - kept:  # as if it had been killed: its stop saved nothing
        path.unlink()
    with bench.host(probed(bench), code_version="2") as upgraded:
        assert not upgraded.recovery.trusted
        assert lives(upgraded) == {A}
        assert upgraded.ask(A, TotalAsked()) == 101
    with bench.host(probed(bench), code_version="2") as again:
        assert lives(again) == {A}
    assert replay(bench.folder, family()).identical


def test_a_crashed_member_is_restarted_by_the_supervisor(bench: Bench) -> None:
    with bench.host(probed(bench)) as host:
        host.plant_fault(A, "after", "Added", 1)
        host.tell("owner", Wanted((A,)))
        bench.wait_for(lambda one: isinstance(one, IncidentRaised) and one.kind == "restart" and one.subject == A)
        assert host.ask(A, TotalAsked()) == 101


def test_the_timeline_tells_births_and_retirements_with_their_cause(bench: Bench) -> None:
    with bench.host(probed(bench)) as host:
        host.tell("owner", Wanted((A,)))
        host.tell("owner", Wanted(()))
        all_told(bench, 2)
    records = {record.status: record for record in read(bench.folder) if record.status in (Status.BORN, Status.RETIRED)}
    lines = [line.split("  ", 2)[2] for line in timeline(bench.folder) if " counter:a " in line]
    assert lines == [
        f"begin  counter:a by owner  [cause #{records[Status.BORN].cause}]",
        f"retire  counter:a by owner  [cause #{records[Status.RETIRED].cause}]",
    ]


def test_nothing_breaks_while_members_come_and_go_under_every_eye(bench: Bench) -> None:
    """Senders, a reader of the gauges, one who asks, and the keeper's snapshots, all at once."""
    names = [f"counter:{n}" for n in range(8)]
    options = JournalOptions(segment_bytes=20_000, snapshot_records=50)
    failures: list[BaseException] = []
    done = threading.Event()

    def repeat(act, *, seed: int) -> None:
        dice = random.Random(f"stress {seed}")
        try:
            while not done.is_set():
                act(dice)
        except BaseException as error:  # noqa: BLE001 (the test shows it)
            failures.append(error)

    with bench.host(probed(bench), options=options) as host:

        def ask(dice) -> None:
            try:
                host.ask(dice.choice(names), TotalAsked())
            except NoAnswer:
                done.wait(0.001)

        acts = [
            lambda dice: (host.tell(dice.choice(names), Added(1), "feed"), done.wait(0.0005)),
            lambda _: (host.tell_topic("all", Added(1), "feed"), done.wait(0.002)),
            lambda _: (host.stats(), host.living("counter"), done.wait(0.0005)),
            lambda _: host.take_snapshot(),
            ask,
        ]
        threads = [threading.Thread(target=repeat, args=(act,), kwargs={"seed": n}) for n, act in enumerate(acts)]
        for thread in threads:
            thread.start()
        dice = random.Random("owner")
        for _ in range(150):
            told = Swapped(dice.choice(names)) if dice.random() < 0.3 else Wanted(tuple(dice.sample(names, 4)))
            host.tell("owner", told)
            bench.mail.get(timeout=10)  # somebody was told something: the wishes keep pace with the rest
        done.set()
        for thread in threads:
            thread.join(10)
        host.tell("owner", Wanted(tuple(names[:3]), 1_000))
    assert failures == []
    assert bench.fatal.empty()
    records = list(read(bench.folder))
    assert living_by(records) == set(names[:3])
    assert sum(record.status is Status.BORN for record in records) > 100
    report = replay(bench.folder, family())
    assert report.identical, report.first_difference
    with bench.host(probed(bench)) as again:
        assert lives(again) == set(names[:3])
