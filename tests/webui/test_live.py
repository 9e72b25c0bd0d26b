import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.readmodel import CommandAnswer
from tests.webui.conftest import Watch
from tests.webui.fake_engine import WAIT_S, FakeEngine
from tests.webui.samples import a_model, a_position, halted, some_kpis
from webui.engine import EngineClient
from webui.fragments import FRAGMENTS, Hints
from webui.hub import Outbox
from webui.live import Live
from webui.mirror import Link
from webui.render import Renderer


@pytest.fixture
def live(engine: FakeEngine) -> Iterator[Live]:
    made = Live(EngineClient(engine.path), Renderer(Hints()))
    watch = Watch(made.mirror)
    made.start()
    watch.until(lambda view: view.link is Link.LIVE)
    yield made
    made.close()


def a_seat(live: Live, *fragments: str, lang: str = "en") -> Outbox:
    outbox = live.hub.join(lang, fragments)
    assert outbox is not None
    return outbox


def next_with(outbox: Outbox, text: str) -> list[str]:
    """What is taken together with a fragment that holds `text`."""
    while True:
        taken = outbox.take(WAIT_S)
        assert taken, f"nothing with {text!r} came"
        if any(text in one for one in taken):
            return taken


def test_a_newcomer_gets_everything_its_page_shows(live: Live) -> None:
    outbox = a_seat(live, *FRAGMENTS)
    live.welcome(outbox)
    taken = outbox.take(0)
    assert len(taken) == len(FRAGMENTS)
    assert all("hx-swap-oob" in text for text in taken)


def test_a_change_is_pushed_to_the_pages_that_show_it_in_their_language(live: Live, engine: FakeEngine) -> None:
    english, korean, other = a_seat(live, "status"), a_seat(live, "status", lang="ko"), a_seat(live, "positions")
    engine.push("state", halted())
    next_with(english, "Trading is halted")
    next_with(korean, "거래가 정지되었습니다")
    engine.push("positions", (a_position("KRW-DOGE"),))
    assert [text for text in next_with(other, "pos-KRW-DOGE") if "halted" in text] == []


def test_an_engine_that_goes_is_told_at_once_and_its_return_too(socket_path: Path) -> None:
    live = Live(EngineClient(socket_path), Renderer(Hints()))
    outbox, lamps = a_seat(live, "status"), a_seat(live, "lamps")
    live.start()
    with FakeEngine(socket_path, a_model()):
        next_with(outbox, 'data-link="live"')
    next_with(outbox, 'data-link="gone"')
    next_with(lamps, "dot bad")
    with FakeEngine(socket_path, a_model()):
        next_with(outbox, 'data-link="live"')
    live.close()


def test_one_broken_fragment_does_not_stop_the_others(
    live: Live, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = live.renderer.environment.from_string("{{ nobody }}")
    good = live.renderer.environment.get_template

    def get(name: str, *others: Any) -> object:
        return broken if name == "partials/kpis.html" else good(name, *others)

    monkeypatch.setattr(live.renderer.environment, "get_template", get)
    outbox = a_seat(live, "kpis", "risk")
    with caplog.at_level(logging.ERROR):
        for count in (3, 4):
            engine.push("kpis", some_kpis(position_count=count))
            next_with(outbox, f">{count} <small>")
    assert [record.getMessage() for record in caplog.records] == ["fragment not rendered name=kpis"]


def test_an_answer_to_somebody_else_is_not_shown(live: Live, engine: FakeEngine) -> None:
    outbox = a_seat(live, "risk")
    engine.push("answer", CommandAnswer("invented", True, "x"))
    engine.push("kpis", some_kpis(position_count=5))
    assert [text for text in next_with(outbox, ">5 <small>") if "answer-" in text] == []


def test_after_closing_every_seat_is_told_to_go(engine: FakeEngine) -> None:
    live = Live(EngineClient(engine.path), Renderer(Hints()))
    outbox = a_seat(live, "kpis")
    live.start()
    live.close()
    assert outbox.closing == 1012
    assert not live._thread.is_alive()


def test_without_a_start_closing_is_harmless(engine: FakeEngine) -> None:
    live = Live(EngineClient(engine.path), Renderer(Hints()))
    live.mirror.replace(a_model())
    live.close()
