"""ALL STOP and resume, click by click."""

import pytest
from playwright.sync_api import Page, expect

from domain.readmodel import CommandAnswer, ReadModel
from tests.browser.conftest import Console
from tests.webui.fake_engine import WAIT_S, FakeEngine
from tests.webui.samples import a_model, a_state, halted

pytestmark = pytest.mark.browser


def to_second_step(page: Page, mode: str) -> None:
    page.locator("#all-stop").click()
    page.locator(f"dialog [name=mode][value={mode}]").check()
    page.locator("dialog .btn.danger").click()
    expect(page.locator("dialog [name=phrase]")).to_be_focused()


def test_all_stop_sends_exactly_one_command_and_shows_the_answer(page: Page, engine: FakeEngine) -> None:
    to_second_step(page, "liquidate")
    expect(page.locator("dialog .does")).to_contain_text("포지션 2개 시장가 매도 (6,136,995원)")
    assert engine.commands.empty()
    page.locator("dialog [name=phrase]").fill("정지")
    page.locator("dialog .btn.danger").dblclick()
    command = engine.commands.get(timeout=WAIT_S)
    assert command.name == "stop_all_liquidate"
    expect(page.locator(f"#answer-{command.token}")).to_contain_text("엔진이 명령을 받았습니다")
    engine.push("state", halted())
    page.locator("dialog [data-close]").click()
    expect(page.locator("dialog")).to_be_hidden()
    expect(page.locator("#banner-state")).to_contain_text("거래가 정지되었습니다")
    assert engine.commands.empty()


def test_a_wrong_phrase_is_said_and_corrected_in_place(page: Page, engine: FakeEngine, console: Console) -> None:
    console.expect("422")
    to_second_step(page, "keep")
    page.locator("dialog [name=phrase]").fill("아니오")
    page.locator("dialog .btn.danger").click()
    expect(page.locator("dialog [role=alert]")).to_contain_text("입력한 문구가 다릅니다")
    assert engine.commands.empty()
    page.locator("dialog [name=phrase]").fill("stop")
    page.locator("dialog [name=phrase]").press("Enter")
    assert engine.commands.get(timeout=WAIT_S).name == "stop_all"


def test_a_push_does_not_disturb_what_is_being_typed(page: Page, engine: FakeEngine) -> None:
    to_second_step(page, "keep")
    page.locator("dialog [name=phrase]").press_sequentially("정")
    engine.push("state", a_state(state="REDUCING", reason="x"))
    expect(page.locator("#banner-state")).to_have_count(1)
    page.locator("dialog [name=phrase]").press_sequentially("지")
    expect(page.locator("dialog [name=phrase]")).to_have_value("정지")


def test_cancel_and_escape_send_nothing(page: Page, engine: FakeEngine) -> None:
    for leave in ("dialog [data-close]", None):
        to_second_step(page, "liquidate")
        if leave:
            page.locator(leave).click()
        else:
            page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_be_hidden()
        expect(page.locator("#modal")).to_be_empty()
    assert engine.commands.empty()


@pytest.mark.parametrize("model", [a_model(state=halted())], ids=["halted"])
def test_resume_asks_first_and_sends_one_command(page: Page, engine: FakeEngine, model: ReadModel) -> None:
    page.locator("#resume").click()
    expect(page.locator("dialog")).to_contain_text("거래 재개")
    assert engine.commands.empty()
    page.locator("dialog .btn.primary").click()
    assert engine.commands.get(timeout=WAIT_S).name == "resume"
    engine.push("state", a_state())
    expect(page.locator("#banner-state")).to_have_count(0)
    assert engine.commands.empty()


def test_an_answer_that_comes_late_is_waited_for(page: Page, engine: FakeEngine) -> None:
    engine.answers = False
    to_second_step(page, "keep")
    page.locator("dialog [name=phrase]").fill("STOP")
    page.locator("dialog .btn.danger").click()
    expect(page.locator("dialog")).to_contain_text("엔진의 응답을 기다리고 있습니다.")
    token = engine.commands.get(timeout=WAIT_S).token
    engine.push("answer", CommandAnswer(token, False, "not now"))
    expect(page.locator("dialog")).to_contain_text("엔진이 명령을 거절했습니다")
    expect(page.locator("dialog")).to_contain_text("not now")


def test_without_an_engine_the_dialog_says_that_nothing_was_done(
    page: Page, engine: FakeEngine, console: Console
) -> None:
    console.expect("503")
    to_second_step(page, "keep")
    engine.close()
    expect(page.locator("#banner-link")).to_have_count(1)
    page.locator("dialog [name=phrase]").fill("STOP")
    page.locator("dialog .btn.danger").click()
    expect(page.locator("dialog")).to_contain_text("보내지 못했습니다")
