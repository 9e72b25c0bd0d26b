"""Edges on the production host: their hooks, their threads, their numbers, and what a stop and a hang mean for them."""

import logging
import queue
import threading
from functools import partial

import pytest

from actors.runtime import ActorSpec, Status, Topology
from actors.runtime.journal import read
from domain.errors import ConfigError
from domain.message import Message

from .conftest import Bench
from .sample import Added, Counter, Probe, Sink, TotalAsked


def test_stop_is_idempotent_and_runs_the_edges_hooks_once_in_order(bench: Bench) -> None:
    host = bench.host()
    host.start()
    probe = host.cells["probe"].actor
    host.stop()
    host.stop()
    assert probe.calls == ["begin", "end", "drained"]


def test_stop_waits_for_mail_that_is_already_there(bench: Bench) -> None:
    entered, release = threading.Event(), threading.Event()

    class Slow(Probe):
        def handle(self, message: Message) -> None:
            entered.set()
            release.wait(30)
            super().handle(message)

    host = bench.host(Topology((ActorSpec("slow", partial(Slow, out=bench.mail)),)))
    host.start()
    for n in range(5):
        host.tell("slow", Added(n))
    assert entered.wait(10)
    stopping = threading.Thread(target=host.stop)
    stopping.start()
    release.set()
    stopping.join(10)
    assert bench.mail.qsize() == 5


def test_an_edge_speaks_from_its_own_threads_and_is_sent_its_journal_number(bench: Bench) -> None:
    numbers: queue.Queue[int] = queue.Queue()

    class Feed(Probe):
        def handle(self, message: Message) -> None:  # noqa: ARG002 (the signature is the base's)
            numbers.put(self.seq)

        def on_begin(self) -> None:
            self.thread = threading.Thread(target=self.run)
            self.thread.start()

        def run(self) -> None:
            for _ in range(3):
                self.outlet.send("counter", Added(1))
            self.outlet.publish("news", Added(5))

        def on_end(self) -> None:
            self.thread.join(5)

    specs = (ActorSpec("counter", Counter), ActorSpec("sink", Sink), ActorSpec("feed", partial(Feed, out=bench.mail)))
    with bench.host(Topology(specs, {"news": ("counter", "feed")})) as host:
        own = numbers.get(timeout=10)
        host.cells["feed"].actor.thread.join(5)
    with bench.host(Topology(specs[:2])) as host:
        assert host.ask("counter", TotalAsked()) == 8
    assert {record.sender for record in read(bench.folder) if record.type == "Added" and record.seq < 20} == {"feed"}
    assert next(r.seq for r in read(bench.folder) if r.status is Status.EDGE and r.type == "Added") == own


def test_an_edge_can_wait_until_the_number_it_was_given_is_durable(bench: Bench) -> None:
    durable: queue.Queue[tuple[int, int]] = queue.Queue()

    class Projection(Probe):
        def handle(self, message: Message) -> None:  # noqa: ARG002 (the signature is the base's)
            seq = self.seq
            self.outlet.sync()
            durable.put((seq, host.journal.synced_seq))

    host = bench.host(Topology((ActorSpec("projection", partial(Projection, out=bench.mail)),)))
    with host:
        host.tell("projection", Added(1))
        seq, synced = durable.get(timeout=10)
    assert 0 < seq <= synced


def test_a_crashed_edge_goes_on_with_the_same_object(bench: Bench) -> None:
    with bench.host() as host:
        host.plant_fault("probe", "before", "Added")
        probe = host.cells["probe"].actor
        host.tell("probe", Added(1))
        bench.wait_for(lambda message: message == Added(1))
        assert host.cells["probe"].actor is probe
        assert probe.calls == ["begin"]


def test_an_edge_that_cannot_begin_fails_the_start_and_frees_the_home(bench: Bench) -> None:
    class Broken(Probe):
        def on_begin(self) -> None:
            raise ConfigError("port 80 is taken")

    host = bench.host(Topology((ActorSpec("probe", partial(Broken, out=bench.mail)),)))
    with pytest.raises(ConfigError, match="port 80"):
        host.start()
    with bench.host():
        pass


def test_a_handler_that_hangs_is_reported_once_with_every_stack(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    release, hung = threading.Event(), queue.Queue()

    class Stuck(Probe):
        def handle(self, message: Message) -> None:  # noqa: ARG002 (the signature is the base's)
            release.wait(30)

    wiring = Topology((ActorSpec("stuck", partial(Stuck, out=bench.mail)),))
    with (
        caplog.at_level(logging.CRITICAL),
        bench.host(wiring, hang_s=0.1, on_hang=lambda *what: hung.put(what)) as host,
    ):
        host.tell("stuck", Added(1))
        name, seconds = hung.get(timeout=10)
        release.set()
    assert (name, hung.empty()) == ("stuck", True)
    assert seconds >= 0.1
    assert "release.wait(30)" in caplog.text
