import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from domain.readmodel import Command
from tests.webui.conftest import Watch
from tests.webui.fake_engine import WAIT_S, FakeEngine
from tests.webui.test_security import OWN, token_of
from webui.app import create_app, live_of
from webui.desk import OPERATOR
from webui.engine import EngineClient
from webui.mirror import Link
from webui.views.commands import phrase_matches


class Visitor:
    """A browser in front of the page."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.token = token_of(client)

    def post(self, path: str, **form: str) -> TestResponse:
        return self.client.post(path, data=form, headers={**OWN, "X-CSRF-Token": self.token})

    def confirm(self, mode: str) -> str:
        """Go to the second step; the one-time token in it."""
        return one_time(self.post("/stop/choose", mode=mode).text)


def one_time(text: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', text)
    assert found is not None
    return found[1]


@pytest.fixture
def live_app(engine: FakeEngine) -> Iterator[Flask]:
    app = create_app(EngineClient(engine.path))
    live = live_of(app)
    watch = Watch(live.mirror)
    live.start()
    watch.until(lambda view: view.link is Link.LIVE)
    yield app
    live.close()


@pytest.fixture
def visitor(live_app: Flask) -> Visitor:
    return Visitor(live_app.test_client())


@pytest.mark.parametrize(("mode", "name"), [("keep", "stop_all"), ("liquidate", "stop_all_liquidate")])
def test_all_stop_sends_exactly_one_command(visitor: Visitor, engine: FakeEngine, mode: str, name: str) -> None:
    assert visitor.client.get("/stop").status_code == 200
    token = visitor.confirm(mode)
    assert engine.commands.empty()
    answer = visitor.post("/stop/execute", token=token, phrase=" 정지 ")
    assert answer.status_code == 202
    assert f'id="answer-{token}"' in answer.text
    assert engine.commands.get(timeout=WAIT_S) == Command(name, OPERATOR, token)
    assert visitor.post("/stop/execute", token=token, phrase="정지").status_code == 409
    assert engine.commands.empty()


@pytest.mark.parametrize("phrase", ["", "정지해", "stop it", "no", "정 지"])
def test_a_wrong_phrase_sends_nothing_and_may_be_corrected(visitor: Visitor, engine: FakeEngine, phrase: str) -> None:
    token = visitor.confirm("keep")
    answer = visitor.post("/stop/execute", token=token, phrase=phrase)
    assert answer.status_code == 422
    assert one_time(answer.text) == token
    assert 'aria-invalid="true"' in answer.text
    assert engine.commands.empty()
    assert visitor.post("/stop/execute", token=token, phrase="STOP").status_code == 202
    assert engine.commands.get(timeout=WAIT_S).token == token


def test_resume_sends_exactly_one_command(visitor: Visitor, engine: FakeEngine) -> None:
    token = one_time(visitor.client.get("/resume").text)
    assert visitor.post("/resume/execute", token=token).status_code == 202
    assert engine.commands.get(timeout=WAIT_S) == Command("resume", OPERATOR, token)
    assert visitor.post("/resume/execute", token=token).status_code == 409
    assert engine.commands.empty()


def test_a_token_serves_only_the_command_it_was_made_for(visitor: Visitor, engine: FakeEngine) -> None:
    resume = one_time(visitor.client.get("/resume").text)
    assert visitor.post("/stop/execute", token=resume, phrase="STOP").status_code == 409
    assert visitor.post("/resume/execute", token=visitor.confirm("liquidate")).status_code == 409
    assert engine.commands.empty()


def test_a_token_of_another_browser_is_refused(live_app: Flask, visitor: Visitor, engine: FakeEngine) -> None:
    other = Visitor(live_app.test_client())
    assert other.post("/stop/execute", token=visitor.confirm("keep"), phrase="STOP").status_code == 409
    assert engine.commands.empty()


def test_an_unknown_choice_is_refused(visitor: Visitor) -> None:
    assert visitor.post("/stop/choose", mode="everything").status_code == 400
    assert visitor.post("/stop/choose").status_code == 400


def test_the_state_of_a_command_can_be_asked_for_by_its_browser_alone(
    live_app: Flask, visitor: Visitor, engine: FakeEngine
) -> None:
    token = visitor.confirm("keep")
    assert visitor.client.get(f"/commands/{token}").status_code == 404  # not sent yet
    visitor.post("/stop/execute", token=token, phrase="STOP")
    engine.commands.get(timeout=WAIT_S)
    assert f"answer-{token}" in visitor.client.get(f"/commands/{token}").text
    other = Visitor(live_app.test_client())
    assert other.client.get(f"/commands/{token}").status_code == 404


def test_the_answer_of_the_engine_is_pushed_to_the_page(visitor: Visitor, live_app: Flask, engine: FakeEngine) -> None:
    live = live_of(live_app)
    outbox = live.hub.join("en", ())
    assert outbox is not None
    token = visitor.confirm("keep")
    visitor.post("/stop/execute", token=token, phrase="STOP")
    pushed = outbox.take(WAIT_S)
    assert len(pushed) == 1
    assert f'id="answer-{token}"' in pushed[0]
    assert "The engine took the command" in pushed[0]
    assert "on its way" in pushed[0]
    assert "hx-trigger" not in pushed[0]  # nothing left to ask for


def test_without_an_engine_nothing_is_sent_and_the_dialog_says_so(client: FlaskClient, app: Flask) -> None:
    live_of(app).mirror.lost()
    visitor = Visitor(client)
    assert "엔진이 실행 중이 아니" in client.get("/stop").text
    answer = visitor.post("/stop/execute", token=visitor.confirm("liquidate"), phrase="정지")
    assert answer.status_code == 503
    assert "보내지 못했습니다" in answer.text


def test_a_refused_request_of_a_button_is_told_inside_the_dialog(visitor: Visitor) -> None:
    answer = visitor.post("/stop/execute", token="spent", phrase="STOP")  # noqa: S106
    assert answer.status_code == 409
    assert "<html" not in answer.text
    assert "dialog-title" in answer.text


def test_the_phrase_counts_in_any_case_and_composition() -> None:
    decomposed = "\u110c\u1165\u11bc\u110c\u1175"
    assert all(phrase_matches(typed) for typed in ("정지", decomposed, "STOP", "stop", " Stop\n"))
    assert not any(phrase_matches(typed) for typed in ("", "정", "STOPP", "S T O P"))
