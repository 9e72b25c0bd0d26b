"""Runs a sandbox: a local exchange that speaks Upbit's REST and WebSocket protocol on loopback."""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from actors.sandbox.app import App
from actors.sandbox.fault_desk import FaultDesk
from actors.sandbox.hub import Hub
from actors.sandbox.listener import Listener
from actors.sandbox.opening import Opened, open_sandbox, remarks
from actors.sandbox.options import SandboxOptions
from actors.sandbox.scenario import read_scenario
from actors.sandbox.world import World
from domain.errors import ConfigError, StorageError, TradingError

HOST: Final = "127.0.0.1"
MIN_NAP_S: Final = 0.002
MAX_NAP_S: Final = 0.05
LATE_S: Final = 1.0
COMPLAIN_EVERY_S: Final = 60.0
EXIT_FAILED: Final = 1
EXIT_CONFIG: Final = 2


def serve(options: SandboxOptions) -> None:
    """Run until SIGTERM, SIGINT or (with `with_parent`) the end of stdin; its one line on stdout says where.

    Exits with one line on stderr and code 2 when it cannot start, 1 when it cannot go on.
    """
    server = Server(options)
    try:
        asyncio.run(server.run(_announce))
    except TradingError as error:
        complain(str(error))
        sys.exit(EXIT_FAILED if server.started else EXIT_CONFIG)


def complain(text: str) -> None:
    """One line for a person."""
    print(f"sandbox: {text}", file=sys.stderr, flush=True)  # noqa: T201 (stdout and stderr are its interface)


class Server:
    """One sandbox. `run` lasts until `stop`, which any thread may call; `started` says that it has begun to play.

    `world` is what it plays, None before it has opened.
    """

    def __init__(self, options: SandboxOptions) -> None:
        self.started = False
        self.world: World | None = None
        self._options = options
        self._ending = threading.Event()
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._failure: StorageError | None = None
        self._complained_at = -COMPLAIN_EVERY_S
        self._end_told = False

    def stop(self) -> None:
        """End it."""
        self._ending.set()
        if self._loop is not None:
            with suppress(RuntimeError):  # it may have ended by itself just now
                self._loop.call_soon_threadsafe(self._woken.set)

    async def run(self, ready: Callable[[dict[str, Any]], None]) -> None:
        """Open the world, listen, say so, and play; raises TradingError when it cannot start or go on."""
        self._loop = asyncio.get_running_loop()
        opened = open_sandbox(self._options)
        self.world = opened.world
        try:
            hub = Hub(opened.world)
            desk = self._fault_desk(opened.world)
            app = App(opened.world, opened.identity, desk)
            listener = Listener(app, hub, idle_s=self._options.idle_s, fatal=self._fail)
            server = await self._listen(listener)
            async with server:
                self._watch()
                self.started = True
                for text in remarks(live.series for live in opened.world.markets.values()):
                    complain(text)
                ready(ready_line(opened, server.sockets[0].getsockname()[1]))
                try:
                    await self._play(opened.world, desk)
                finally:
                    server.close()
                    await listener.close()
            opened.world.tell()
            opened.world.desk.snapshot()
        finally:
            opened.store.close()

    def _fault_desk(self, world: World) -> FaultDesk:
        world.mischief.log.path = self._options.home.expanduser() / "faults.jsonl"
        desk = FaultDesk(world)
        if self._options.scenario is not None:
            desk.play(read_scenario(self._options.scenario.expanduser()))
        return desk

    async def _listen(self, listener: Listener) -> asyncio.Server:
        try:
            return await asyncio.start_server(listener.serve, HOST, self._options.port)
        except OSError as error:
            raise ConfigError(f"cannot listen on {HOST}:{self._options.port}: {error.strerror or error}") from error

    def _fail(self, error: StorageError) -> None:
        self._failure = error
        self.stop()

    def _watch(self) -> None:
        """End with a signal, and with the parent if asked to."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, self.stop)
        if self._options.with_parent:
            threading.Thread(target=self._outlive, name="sandbox-parent", daemon=True).start()

    def _outlive(self) -> None:
        while os.read(0, 1024):  # not sys.stdin: its lock must not be held when the interpreter ends
            pass
        self.stop()

    async def _play(self, world: World, desk: FaultDesk) -> None:
        while not self._ending.is_set():
            done = world.catch_up()
            desk.tick(world.clock.now())
            self._remark(world)
            with suppress(TimeoutError):
                async with asyncio.timeout(_nap(world, desk) if done else 0):
                    await self._woken.wait()
        if self._failure is not None:
            raise self._failure

    def _remark(self, world: World) -> None:
        """Say when the markets have fallen behind, and when they have ended."""
        real = time.monotonic()
        if world.lag_s > LATE_S and real >= self._complained_at + COMPLAIN_EVERY_S:
            self._complained_at = real
            complain(f"{world.lag_s:.1f} s behind the clock: a lower --speed or fewer --markets would keep up")
        if not self._end_told and world.player.next_at() is None:
            self._end_told = True
            complain("the candles have ended: the clock goes on, the markets are quiet from here on")


def _nap(world: World, desk: FaultDesk) -> float:
    """Real seconds until something happens by itself, within bounds."""
    longest = min(MAX_NAP_S, max(MIN_NAP_S, MAX_NAP_S / world.clock.speed))
    times = [at for at in (world.next_at, desk.next_at) if at is not None]
    if not times:
        return longest
    left = (min(times) - world.clock.now()) / 1_000_000 / world.clock.speed
    return min(max(left, MIN_NAP_S), longest)


def ready_line(opened: Opened, port: int) -> dict[str, Any]:
    """Where to find the sandbox, with which keys, and what time it is there."""
    keys = [(pocket, key) for pocket in opened.identity.pockets for key in pocket.keys]
    return {
        "rest": f"http://{HOST}:{port}",
        "ws": f"ws://{HOST}:{port}/websocket/v1",
        "access_key": keys[0][1].access_key,
        "secret_key": keys[0][1].secret_key,
        "accounts": [
            {"name": key.name, "pocket": pocket.name, "access_key": key.access_key, "secret_key": key.secret_key}
            for pocket, key in keys
        ],
        "clock": opened.clock._asdict(),
        "markets": list(opened.world.markets),
    }


def _announce(line: dict[str, Any]) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201 (the parent reads it)
