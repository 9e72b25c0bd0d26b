"""The home page in a real browser: it lives, moves, and fits."""

from decimal import Decimal as D
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Page, expect

from domain.readmodel import EquityPoint, ReadModel, TapeLine
from tests.browser.conftest import Console, Open
from tests.webui.fake_engine import FakeEngine
from tests.webui.process import Dashboard, running
from tests.webui.samples import NOON, SECOND, a_fresh_model, a_position, a_refusal, a_state, some_kpis, some_tickers
from tests.webui.test_render import an_evil_model

pytestmark = pytest.mark.browser

SIZES = ((1440, 900), (1180, 820), (820, 1180), (390, 844))


@pytest.mark.parametrize("words", [("ko-KR", "대시보드", "실시간"), ("en-GB", "Dashboard", "Live")])
def test_the_page_goes_live_in_the_browsers_language(
    engine: FakeEngine, dashboard: Dashboard, open_page: Open, words: tuple[str, str, str]
) -> None:
    locale, title, live = words
    page = open_page(dashboard.url, locale=locale)
    expect(page).to_have_title(f"{title} · Baeu")
    expect(page.locator("#clock .live")).to_have_text(live)
    expect(page.locator("#k-equity .big")).to_contain_text("10,324,318")


def test_every_card_follows_the_engine(page: Page, engine: FakeEngine) -> None:
    engine.push("tickers", (msgspec.structs.replace(some_tickers()[0], price=D(1_234)),))
    expect(page.locator("#ticker li")).to_have_count(1)
    expect(page.locator("#ticker li span")).to_have_text("1,234")
    engine.push("kpis", some_kpis(equity=D(9_000_000), position_count=1))
    expect(page.locator("#k-equity .big")).to_contain_text("9,000,000")
    expect(page.locator("#risk")).to_contain_text("1 / 2")
    engine.push("positions", (a_position("KRW-DOGE"),))
    expect(page.locator("#positions tbody tr")).to_have_count(1)
    engine.push("orders", ())
    expect(page.locator("#orders")).to_contain_text("미체결 주문이 없습니다")
    engine.push("tape", (TapeLine(900, NOON, "trade", "fill.buy", "the newest"),))
    expect(page.locator("#tape-list li").first).to_contain_text("the newest")


def test_the_clock_runs_with_the_engines_speed(page: Page, engine: FakeEngine) -> None:
    clock = page.locator("#engine-clock")
    seen = clock.inner_text()
    expect(clock).not_to_have_text(seen)  # by itself, sixty times as fast
    engine.push("kpis", some_kpis(at=NOON + 3_600 * SECOND))
    expect(clock).to_contain_text("13:0")


def test_a_decision_opens_to_all_its_reasons_and_stays_open(page: Page, engine: FakeEngine) -> None:
    why = page.locator("#why-KRW-XRP")
    why.locator("summary").click()
    expect(why.locator(".gates tr")).to_have_count(4)
    gates = (("NO_SIGNAL", "strategies asked: A"), ("A.DIP", "deep"))
    engine.push("decisions", (a_refusal("KRW-ADA"), a_refusal("KRW-XRP", gates=gates)))
    expect(why.locator(".gates tr")).to_have_count(2)
    expect(why).to_have_attribute("open", "")
    expect(page.locator("#why-KRW-ADA")).not_to_have_attribute("open", "")


def test_the_chart_moves_and_stays_the_same_chart(page: Page, engine: FakeEngine) -> None:
    page.wait_for_selector("equity-chart[data-ready]")
    page.evaluate("document.querySelector('equity-chart').mark = 1")
    for step in range(1, 5):
        at = NOON + step * 60 * SECOND
        engine.push("equity", (EquityPoint(at, D(10_400_000)),))
        engine.push("kpis", some_kpis(at=at, equity=D(10_400_000 + step)))
        page.wait_for_function(f"() => document.querySelector('equity-chart').updates >= {step}")
    assert page.evaluate("document.querySelector('equity-chart').mark") == 1
    assert page.evaluate("document.querySelector('equity-chart').end") == (NOON // SECOND) + 240
    for label in ("1H", "1W", "전체"):
        button = page.locator("[data-range] button", has_text=label)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("locale", ["ko-KR", "en-GB"])
def test_nothing_scrolls_sideways(engine: FakeEngine, dashboard: Dashboard, open_page: Open, locale: str) -> None:
    engine.push("state", a_state(state="HALTED", reason="ALL STOP", by="operator"))
    page = open_page(dashboard.url, locale=locale)
    page.wait_for_selector("equity-chart[data-ready]")
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        expect(page.locator("#all-stop")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("model", [a_fresh_model()], ids=["fresh"])
def test_an_engine_that_has_just_started_reads_well(page: Page, model: ReadModel) -> None:
    expect(page.locator("#positions")).to_contain_text("보유 중인 포지션이 없습니다.")
    expect(page.locator("#decisions")).to_contain_text("첫 판단은 다음 5분봉이 마감되는 12:05에 나옵니다.")
    expect(page.locator("#equity-empty")).to_be_visible()
    expect(page.locator("#k-equity .big")).to_contain_text("—")


@pytest.mark.parametrize("model", [an_evil_model()], ids=["evil"])
def test_text_of_the_engine_is_shown_and_never_run(page: Page, engine: FakeEngine, model: ReadModel) -> None:
    engine.push("tape", (msgspec.structs.replace(model.tape[0], seq=2),))
    expect(page.locator("#tape-list li")).to_have_count(2)
    expect(page.locator("#tape-list li p").first).to_have_text(model.tape[0].text)
    assert page.locator("img").count() == 0
    assert page.locator("main script").count() == 0


def test_language_and_colours_are_a_click_away(page: Page) -> None:
    page.get_by_role("button", name="EN").click()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    expect(page.locator("#all-stop")).to_have_text("ALL STOP")
    page.get_by_role("button", name="up red").click()
    expect(page.locator("html")).to_have_attribute("data-palette", "intl")
    expect(page.locator("html")).to_have_attribute("lang", "en")


def test_an_engine_that_is_gone_is_said_at_once_and_everything_comes_back(
    socket_path: Path, dashboard: Dashboard, open_page: Open, model: ReadModel
) -> None:
    with FakeEngine(socket_path, model):
        page = open_page(dashboard.url)
        expect(page.locator(".status")).to_have_attribute("data-link", "live")
    banner = page.locator("#banner-link")
    expect(banner).to_contain_text("엔진이 실행 중이 아닙니다")
    expect(banner).to_contain_text("초 전 데이터")
    expect(banner.locator("code").first).to_have_text("python run.py paper")
    expect(page.locator(".told")).to_have_css("filter", "grayscale(1) brightness(0.88)")
    expect(page.locator("#k-equity .big")).to_contain_text("10,324,318")
    with FakeEngine(socket_path, msgspec.structs.replace(model, kpis=some_kpis(equity=D(7_654_321)))):
        expect(page.locator("#k-equity .big")).to_contain_text("7,654,321")
        expect(banner).to_have_count(0)
        expect(page.locator(".told")).to_have_css("filter", "none")


def test_a_dashboard_that_restarts_is_waited_for_and_its_pages_work_again(
    engine: FakeEngine, open_page: Open, console: Console
) -> None:
    for complaint in ("WebSocket connection", "htmx:ws:error"):  # each attempt while it is away
        console.expect(complaint)
    with running(engine.path) as first:
        page = open_page(first.url)
        page.evaluate("window.mark = 1")
    expect(page.locator("#offline")).to_be_visible()
    with running(engine.path, first.port):
        expect(page.locator("#offline")).to_be_hidden()
        page.wait_for_function("() => window.mark === undefined && document.body.dataset.socket === 'open'")
        page.locator("#all-stop").click()
        page.locator("dialog .btn.danger").click()
        expect(page.locator("dialog [name=phrase]")).to_be_focused()
