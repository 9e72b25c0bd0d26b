"""A fake engine on a real socket, the application on top of it, and the dashboard as a process of its own."""

import queue
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.webui.fake_engine import WAIT_S, FakeEngine
from tests.webui.process import Dashboard, running
from tests.webui.samples import a_model
from webui.app import create_app, live_of
from webui.engine import EngineClient
from webui.mirror import Mirror


@pytest.fixture
def socket_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:  # a unix socket's path must be short
        yield Path(folder) / "engine.sock"


@pytest.fixture
def engine(socket_path: Path) -> Iterator[FakeEngine]:
    with FakeEngine(socket_path, a_model()) as fake:
        yield fake


class Watch:
    """Waits for what a mirror's listeners are told."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._told: queue.Queue[frozenset[str]] = queue.Queue()
        mirror.listen(self._told.put)

    def until(self, holds: Callable[[Any], bool]) -> None:
        """Return once the view fulfils `holds`; fails after WAIT_S without news."""
        while not holds(self._mirror.view()):
            self._told.get(timeout=WAIT_S)


@pytest.fixture
def app(socket_path: Path) -> Flask:
    """The application with a model in its mirror and no engine: nothing runs."""
    made = create_app(EngineClient(socket_path))
    live_of(made).mirror.replace(a_model())
    return made


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def dashboard(socket_path: Path) -> Iterator[Dashboard]:
    with running(socket_path) as started:
        yield started
