import queue
from pathlib import Path
from typing import Self

from domain.framing import FRAME_MAX, frame
from domain.readmodel import Command, CommandAnswer, EquityPoint
from tests.webui.conftest import Watch
from tests.webui.fake_engine import WAIT_S, FakeEngine
from tests.webui.samples import NOON, a_model, a_position, some_kpis
from webui.engine import EngineClient
from webui.mirror import Link


class Running:
    """A started client, stopped at the end of the block."""

    def __init__(self, path: Path) -> None:
        self.client = EngineClient(path)
        self.watch = Watch(self.client.mirror)
        self.answers: queue.Queue[CommandAnswer] = queue.Queue()
        self.client.on_answer(self.answers.put)

    def __enter__(self) -> Self:
        self.client.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.stop()

    def until_live(self) -> None:
        self.watch.until(lambda view: view.link is Link.LIVE)


def test_the_snapshot_and_every_section_arrive_as_they_were_sent(engine: FakeEngine) -> None:
    with Running(engine.path) as running:
        running.until_live()
        assert running.client.mirror.view().model == a_model()
        engine.push("kpis", some_kpis(position_count=1))
        engine.push("positions", (a_position(price=None),))
        engine.push("equity", (EquityPoint(NOON + 1, some_kpis().equity),))
        running.watch.until(lambda view: len(view.model.equity) == 601)
        assert running.client.mirror.seq == engine.seq
        model = running.client.mirror.view().model
        assert model is not None
        assert model.kpis == some_kpis(position_count=1)
        assert model.positions == (a_position(price=None),)


def test_no_account_yet_is_told_as_none(engine: FakeEngine) -> None:
    with Running(engine.path) as running:
        running.until_live()
        engine.push("kpis", None)
        running.watch.until(lambda view: view.model.kpis is None)


def test_a_command_arrives_once_and_its_answer_comes_back(engine: FakeEngine) -> None:
    with Running(engine.path) as running:
        running.until_live()
        assert running.client.send(Command("stop_all", "me", "t1"))
        assert engine.commands.get(timeout=WAIT_S) == Command("stop_all", "me", "t1")
        assert running.answers.get(timeout=WAIT_S) == CommandAnswer("t1", True, "on its way")
        assert engine.commands.empty()


def test_without_an_engine_a_command_is_not_sent(socket_path: Path) -> None:
    client = EngineClient(socket_path)
    assert not client.send(Command("stop_all", "me", "t1"))


def test_the_client_waits_for_an_engine_that_starts_later_and_comes_back_to_one_that_restarts(
    socket_path: Path,
) -> None:
    with Running(socket_path) as running:
        with FakeEngine(socket_path, a_model()) as first:
            running.until_live()
            assert first.since.get(timeout=WAIT_S) == 0
        running.watch.until(lambda view: view.link is Link.GONE)
        assert not running.client.send(Command("stop_all", "me", "t1"))
        with FakeEngine(socket_path, a_model(orders=())) as second:
            running.watch.until(lambda view: view.link is Link.LIVE and view.model.orders == ())
            assert second.since.get(timeout=WAIT_S) == 100


def test_nonsense_from_the_engine_costs_the_connection_and_nothing_else(engine: FakeEngine) -> None:
    with Running(engine.path) as running:
        running.until_live()
        for nonsense in (frame(b"\xff\x00"), (FRAME_MAX + 1).to_bytes(4, "little"), frame(b"")):
            assert engine.since.get(timeout=WAIT_S) in (0, 100)
            engine.raw(nonsense)
            running.watch.until(lambda view: view.link is Link.GONE)
            running.until_live()
        assert running.client.mirror.view().model == a_model()


def test_a_section_this_page_does_not_know_is_passed_over(engine: FakeEngine) -> None:
    with Running(engine.path) as running:
        running.until_live()
        engine._tell("weather", b"\xc0")
        engine.push("kpis", some_kpis(position_count=7))
        running.watch.until(lambda view: view.model.kpis.position_count == 7)
        assert engine.since.get(timeout=WAIT_S) == 0
        assert engine.since.empty()  # still the first connection


def test_stop_ends_the_thread_even_while_it_waits_for_news(engine: FakeEngine) -> None:
    running = Running(engine.path)
    running.client.start()
    running.until_live()
    running.client.stop()
    running.client.stop()
    assert not running.client._thread.is_alive()
