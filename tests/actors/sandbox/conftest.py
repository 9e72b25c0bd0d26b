"""Real sandboxes on loopback, each on a port and a folder of its own."""

import asyncio
import queue
import threading
from pathlib import Path

import pytest

from actors.sandbox.faults import Faults
from actors.sandbox.options import SandboxOptions
from actors.sandbox.server import Server
from domain.money import strict_decimals
from tests.actors.sandbox.client import Client

REAL = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "candles" / "1m"
FROZEN = 0.001  # a speed at which nothing moves by itself during a test


class Running:
    """A sandbox in a thread."""

    def __init__(self, options):
        self._server = Server(options)
        told = queue.Queue()
        self._failure = None
        self._thread = threading.Thread(target=self._run, args=(told.put,), name="sandbox")
        self._thread.start()
        ready = told.get(timeout=30)
        if isinstance(ready, BaseException):
            self._thread.join()
            raise ready
        self.client = Client(ready)
        self.client.running = self

    @property
    def world(self):
        """The world it plays, for tests that turn what its desks of faults and listings would."""
        return self._server.world

    def _run(self, tell):
        strict_decimals()
        try:
            asyncio.run(self._server.run(tell))
        except BaseException as error:  # noqa: BLE001 (handed to the test)
            tell(error)

    def stop(self):
        self.client.close()
        self._server.stop()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def start(tmp_path):
    """Start a sandbox and give its client; `home` is the test's own folder unless told otherwise."""
    running = []

    def make(*, speed=FROZEN, faults=None, markets=("KRW-BTC", "KRW-XRP"), home=None, **options):
        options.setdefault("days", 4)
        made = SandboxOptions(
            home=home or tmp_path / "home", speed=speed, faults=Faults(**(faults or {})), markets=markets, **options
        )
        running.append(Running(made))
        return running[-1].client

    def stop():
        while running:
            running.pop().stop()

    make.stop = stop
    yield make
    stop()


@pytest.fixture(scope="session")
def real_candles():
    if not REAL.is_dir():
        pytest.skip("the folder `shared` with real candles is not beside the repository")
    return REAL
