"""A headless Chromium in front of a real dashboard with a fake engine. Every test ends with an empty console."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from domain.readmodel import ReadModel
from tests.webui.fake_engine import FakeEngine
from tests.webui.process import Dashboard, running
from tests.webui.samples import a_model

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--font-render-hinting=none")
PATIENCE_MS = 10_000


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        reason = f"no Chromium found: install one of {', '.join(NAMES)}, or name it in CHROMIUM"
        if os.environ.get("CI") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def socket_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:  # a unix socket's path must be short
        yield Path(folder) / "engine.sock"


@pytest.fixture
def model() -> ReadModel:
    """What the engine begins with; a test overrides it by a parameter of this name."""
    return a_model()


@pytest.fixture
def engine(socket_path: Path, model: ReadModel) -> Iterator[FakeEngine]:
    with FakeEngine(socket_path, model) as fake:
        yield fake


@pytest.fixture
def dashboard(socket_path: Path) -> Iterator[Dashboard]:
    with running(socket_path) as started:
        yield started


class Console:
    """What the browser complained about; `expect` names a complaint that belongs to the test."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._expected: list[str] = []

    def watch(self, page: Page) -> None:
        page.on("console", lambda one: self.told.append(one.text) if one.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.told.append(str(error)))
        page.on("dialog", lambda dialog: self.told.append(f"dialog {dialog.message}"))

    def expect(self, text: str) -> None:
        self._expected.append(text)

    def unexpected(self) -> list[str]:
        return [one for one in self.told if not any(text in one for text in self._expected)]


@pytest.fixture
def console() -> Console:
    return Console()


Open = Callable[..., Page]


@pytest.fixture
def open_page(chromium: Browser, console: Console) -> Iterator[Open]:
    """Open an address in a browser of its own and wait until its socket is there."""
    contexts: list[BrowserContext] = []

    def open_one(url: str, *, locale: str = "ko-KR", size: tuple[int, int] = (1440, 900), **options: Any) -> Page:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]}, locale=locale, reduced_motion="reduce", **options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        console.watch(page)
        page.goto(url)
        page.wait_for_selector('[data-socket="open"]')
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert console.unexpected() == []


@pytest.fixture
def page(engine: FakeEngine, dashboard: Dashboard, open_page: Open) -> Page:
    """The home page in Korean on a desk's screen, live."""
    return open_page(dashboard.url)
