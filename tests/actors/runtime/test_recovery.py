"""Every start is the same path: newest snapshot plus fold, and it says so when that is not possible."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from actors.runtime import (
    ActorSpec,
    Recovered,
    ReplayDivergence,
    ThreadHost,
    Topology,
    replay,
    wall_clock,
)
from actors.runtime.codec import fingerprint
from actors.runtime.journal import read
from actors.runtime.record import Status, decode_boot
from actors.runtime.snapshots import SnapshotFolder

from . import killed
from .conftest import SMALL, Bench
from .sample import Added, Counter, CounterState, DrawWanted, Sink, TotalAsked, topology


def add(host: ThreadHost, *numbers: int) -> None:
    for n in numbers:
        host.tell("counter", Added(n))
    host.ask("counter", TotalAsked())  # behind them in the mailbox: they are handled when it is answered
    host.ask("sink", TotalAsked())


def copy_as_if_killed(bench: Bench, host: ThreadHost, name: str) -> Path:
    """What a SIGKILL at this moment would leave on disk."""
    host.journal.sync()
    return Path(shutil.copytree(bench.folder, bench.folder.parent / name))


def host_on(folder: Path, bench: Bench, wiring: Topology | None = None, **more: Any) -> ThreadHost:
    bench.folder = folder
    return bench.host(wiring or topology(), **more)


def test_snapshot_plus_fold_equals_the_fold_of_everything(bench: Bench) -> None:
    with bench.host(topology()) as host:
        add(host, *range(14, 40))
        host.tell("counter", DrawWanted())
        host.take_snapshot()
        add(host, *range(40, 60))
        live = host.cells["counter"].actor
        short = copy_as_if_killed(bench, host, "short")
        long = copy_as_if_killed(bench, host, "long")
        shutil.rmtree(long / "snapshots")
        expected = (fingerprint(live.state), live.draws)
    by_snapshot, by_fold = host_on(short, bench), host_on(long, bench)
    by_snapshot.start()
    by_fold.start()
    assert by_snapshot.recovery.turns < by_fold.recovery.turns
    assert by_snapshot.recovery.snapshot_seq > 0
    for again in (by_snapshot, by_fold):
        again.cells["counter"].actor.state.starts = live.state.starts  # the one thing a start changes
        assert (fingerprint(again.cells["counter"].actor.state), again.cells["counter"].actor.draws) == expected


def test_a_damaged_snapshot_is_passed_over_for_an_older_one(bench: Bench) -> None:
    with bench.host(topology()) as host:
        for n in range(1, 4):
            add(host, n)
            host.take_snapshot()
        killed_here = copy_as_if_killed(bench, host, "copy")
    newest = max((killed_here / "snapshots").glob("*.bin"))
    newest.write_bytes(newest.read_bytes()[:-1] + b"x")
    with host_on(killed_here, bench) as host:
        assert 0 < host.recovery.snapshot_seq < int(newest.stem.partition("-")[2])
        assert host.ask("counter", TotalAsked()) == 6
        assert host.recovery.trusted


def test_a_snapshot_that_has_outrun_the_journal_is_not_used(bench: Bench) -> None:
    with bench.host(topology()) as host:
        add(host, 1)
        early = copy_as_if_killed(bench, host, "early")
        add(host, 2)
    shutil.copytree(bench.folder / "snapshots", early / "snapshots", dirs_exist_ok=True)
    with host_on(early, bench) as host:
        assert host.ask("counter", TotalAsked()) == 1


def test_an_upgrade_after_a_clean_stop_keeps_the_states_and_trusts_them(bench: Bench) -> None:
    with bench.host(topology()) as host:
        add(host, 1, 2)
    with bench.host(topology(), code_version="2") as host:
        assert host.ask("counter", TotalAsked()) == 3
        assert host.cells["counter"].actor.state.trusted


def test_an_upgrade_after_a_crash_starts_from_the_snapshot_and_says_that_something_is_lost(bench: Bench) -> None:
    with bench.host(topology()) as host:
        add(host, 1, 2)
        host.take_snapshot()
        add(host, 3)
        folder = copy_as_if_killed(bench, host, "copy")
    with host_on(folder, bench, code_version="2") as host:
        assert host.ask("counter", TotalAsked()) == 3
        assert not host.cells["counter"].actor.state.trusted
        assert (host.recovery.trusted, host.recovery.rebased) == (False, True)
        add(host, 10)
        again = copy_as_if_killed(bench, host, "again")
    with host_on(again, bench, code_version="2") as host:  # the new code folds what the new code wrote
        assert host.recovery.turns > 0
        assert host.ask("counter", TotalAsked()) == 13
        assert host.cells["counter"].actor.state.trusted
    assert replay(again, topology()).identical


@dataclass(slots=True)
class OtherState:
    total: str = "none"
    seen: list[int] = field(default_factory=list)


class OtherCounter(Counter):
    """The next version's counter, whose state no longer fits."""

    State = OtherState

    def handle(self, message: Any) -> Any:
        if isinstance(message, Recovered):
            self.state.seen.append(int(message.trusted))
            return None
        return self.state.total


def test_a_state_that_no_longer_decodes_starts_fresh_and_untrusted(bench: Bench) -> None:
    with bench.host(topology()) as host:
        add(host, 1, 2)
    wiring = Topology((ActorSpec("counter", OtherCounter), ActorSpec("sink", Sink), ActorSpec("risk", Sink)))
    with bench.host(wiring, code_version="2") as host:
        assert host.ask("counter", TotalAsked()) == "none"
        assert host.cells["counter"].actor.state.seen == [0]
        assert host.ask("sink", TotalAsked()) == [1, 3]  # the others keep theirs


class ChangedCounter(Counter):
    """Somebody changed the code and not the version."""

    def _add(self, n: int) -> None:
        super()._add(n + 1)


def test_changed_code_under_the_same_version_is_found_at_the_start_and_can_be_started_anyway(bench: Bench) -> None:
    with bench.host(topology()) as host:
        add(host, 1, 2)
        folder = copy_as_if_killed(bench, host, "copy")
    wiring = Topology((ActorSpec("counter", ChangedCounter), ActorSpec("sink", Sink), ActorSpec("risk", Sink)))
    with pytest.raises(ReplayDivergence, match=r"counter on Added .*trust_journal=False"):
        host_on(folder, bench, wiring).start()
    with host_on(folder, bench, wiring, trust_journal=False) as host:
        assert host.ask("counter", TotalAsked()) == 0
        assert not host.cells["counter"].actor.state.trusted


def test_a_new_base_whose_snapshot_is_gone_is_never_folded_over(bench: Bench) -> None:
    with bench.host(topology()) as host:
        add(host, 1, 2)
        folder = copy_as_if_killed(bench, host, "copy")
    with host_on(folder, bench, trust_journal=False) as host:
        add(host, 5)
        again = copy_as_if_killed(bench, host, "again")
    shutil.rmtree(again / "snapshots")
    with host_on(again, bench) as host:
        assert not host.recovery.trusted
        assert "did not continue from the records before" in host.recovery.reason
        assert host.ask("counter", TotalAsked()) == 0


def test_the_state_of_a_failed_turn_is_never_kept(bench: Bench) -> None:
    with bench.host(bench.probed()) as host:
        add(host, 1)
        host.tell("counter", Added(13))
        bench.wait_for(lambda message: getattr(message, "kind", "") == "crash")  # suspended for a tenth of a second
        host.take_snapshot()
        folder = copy_as_if_killed(bench, host, "copy")
    stopped = bench.folder
    for place in (folder, stopped):
        with host_on(place, bench) as host:
            assert host.ask("counter", TotalAsked()) == 1
            assert host.cells["counter"].actor.state.seen == [1]


def test_an_actor_that_sits_out_a_session_starts_the_next_one_new(bench: Bench) -> None:
    alone = Topology((ActorSpec("sink", Sink), ActorSpec("risk", Sink)))
    with bench.host(topology()) as host:
        add(host, 1, 2)
    with bench.host(alone):
        pass
    with bench.host(topology()) as host:
        assert host.ask("counter", TotalAsked()) == 0
        assert host.ask("sink", TotalAsked()) == [1, 3]
        folder = copy_as_if_killed(bench, host, "copy")
    shutil.rmtree(folder / "snapshots")
    with host_on(folder, bench) as host:
        assert host.ask("counter", TotalAsked()) == 0
    assert replay(folder, topology()).identical


def test_the_start_is_journaled_with_what_was_started_on_what(bench: Bench) -> None:
    with bench.host(topology()) as host:
        add(host, 1)
    with bench.host(topology()):
        pass
    boots = [decode_boot(record.payload) for record in read(bench.folder) if record.status is Status.BOOT]
    assert [boot.boot for boot in boots] == [1, 2]
    assert dict(boots[1].actors)["counter"] == "Counter"
    assert boots[1].topics == {"incidents": ("risk",)}
    assert (boots[1].seed, boots[1].trusted, boots[1].rebased) == (1, True, False)
    assert boots[1].snapshot_seq > 0


def test_long_histories_are_rotated_packed_pruned_and_still_start_and_replay(bench: Bench) -> None:
    with bench.host(topology(), options=SMALL) as host:
        for n in range(14, 400):
            host.tell("counter", Added(n))
            host.ask("counter", TotalAsked())
            if n % 40 == 0:
                host._keeper.tidy()
        expected = host.ask("counter", TotalAsked())
        folder = copy_as_if_killed(bench, host, "copy")
    kept = sorted(path.name for path in folder.glob("journal-*"))
    assert kept[0] != "journal-00000001.log.zst"
    assert sum(name.endswith(".zst") for name in kept) >= 2
    assert len(kept) <= 9  # three, and what the oldest of three snapshots needs
    with host_on(folder, bench, options=SMALL) as host:
        assert host.ask("counter", TotalAsked()) == expected
        assert host.recovery.trusted
    report = replay(folder, topology())
    assert report.identical
    assert report.since > 1


def test_pruned_records_without_a_snapshot_start_fresh_and_untrusted(bench: Bench) -> None:
    with bench.host(topology(), options=SMALL) as host:
        for n in range(14, 300):
            host.tell("counter", Added(n))
            host.ask("counter", TotalAsked())
            if n % 40 == 0:
                host._keeper.tidy()
        folder = copy_as_if_killed(bench, host, "copy")
    shutil.rmtree(folder / "snapshots")
    with host_on(folder, bench, options=SMALL) as host:
        assert not host.recovery.trusted
        assert host.ask("counter", TotalAsked()) == 0
        assert host.boot == 2


def test_a_snapshot_never_outruns_the_journal(bench: Bench) -> None:
    with bench.host(topology()) as host:
        add(host, *range(14, 60))
        host.take_snapshot()
        newest = next(SnapshotFolder(bench.folder / "snapshots").newest_first())
        assert host.journal.synced_seq >= newest.seq
        assert all(one.seq <= newest.seq for one in newest.actors.values())


def test_after_sigkill_everything_that_left_the_process_is_still_known(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "journal"
    promised = 0
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-m", killed.__name__, str(folder)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
            env={**os.environ, "PYTHONPATH": "."},
            text=True,
        )
        with process:
            for _ in range(150):
                promised = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            promised = max([promised, *(int(line) for line in process.stdout if line.endswith("\n"))])
    with ThreadHost(killed.wiring(), folder, wall_clock(), 1, "1", on_fatal=print) as host:
        assert host.boot == 3
        assert host.ask("counter", TotalAsked()) >= promised > 299
        assert isinstance(host.cells["counter"].actor.state, CounterState)
    report = replay(folder, Topology((ActorSpec("counter", Counter), ActorSpec("risk", Sink), _edge())))
    assert (report.identical, report.since) == (True, 1)


def _edge() -> ActorSpec:
    return ActorSpec("sink", partial(killed.Printer))
