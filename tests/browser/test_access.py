"""WCAG 2.1 A and AA, as far as a program can tell, in every state of the page."""

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Open
from tests.webui.fake_engine import FakeEngine
from tests.webui.process import Dashboard
from tests.webui.samples import a_fresh_model, halted

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}"


def violations(page: Page) -> list[str]:
    page.wait_for_selector("equity-chart[data-ready]")
    page.evaluate(AXE)
    found = page.evaluate(f"axe.run(document, {RULES}).then((told) => told.violations)")
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize("palette", ["kr", "intl"])
@pytest.mark.parametrize("locale", ["ko-KR", "en-GB"])
def test_the_running_page(engine: FakeEngine, dashboard: Dashboard, open_page: Open, locale: str, palette: str) -> None:
    engine.push("state", halted())
    page = open_page(dashboard.url, locale=locale)
    page.evaluate(f"document.documentElement.dataset.palette = '{palette}'")
    page.locator("#why-KRW-XRP summary").click()
    assert violations(page) == []


def test_the_page_on_a_phone(engine: FakeEngine, dashboard: Dashboard, open_page: Open) -> None:
    assert violations(open_page(dashboard.url, size=(390, 844))) == []


@pytest.mark.parametrize("model", [a_fresh_model()], ids=["fresh"])
def test_the_page_of_an_engine_that_has_just_started(page: Page) -> None:
    assert violations(page) == []


def test_the_page_without_an_engine(dashboard: Dashboard, open_page: Open) -> None:
    assert violations(open_page(dashboard.url)) == []


def test_both_steps_of_all_stop(page: Page) -> None:
    page.locator("#all-stop").click()
    page.wait_for_selector("dialog[open] fieldset")
    assert violations(page) == []
    page.locator("dialog .btn.danger").click()
    page.wait_for_selector("dialog[open] [name=phrase]")
    assert violations(page) == []
