"""A day on the sandbox with cut connections and a set that keeps changing: is what comes what is wanted, all along?

A stream subscribes to trades, tickers and candles through a relay that cuts it again and again. In every window between
two disturbances each type and market wanted must come, and nothing else, and the exchange is asked for its own list:
drift is any difference.
"""

import argparse
import json
import logging
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from actors.upbit.frames import Frame
from actors.upbit.staleness import key_of
from actors.upbit.streams import Stream, Timing

ROOT = Path(__file__).resolve().parents[2]
DAY_S = 86_400.0
KINDS = ("trade", "ticker", "candle.1m")
SETTLE_S = 1.0  # real seconds until a request and its snapshots have surely passed
LONGEST_S = 10.0  # real seconds of a window in which a market has not come yet


class Relay:
    """Passes bytes on between a client and the sandbox, until it is told to cut."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lines: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, as a broken line would."""
        for line in self._lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self._lines = []

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._lines += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                sink.sendall(data)
        for line in (source, sink):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class Watch:
    """A stream, what is wanted of it, and what came since the window began."""

    def __init__(self, url: str, markets: list[str], chance: random.Random) -> None:
        self.chance = chance
        self.markets = markets
        self.wanted: set[tuple[str, str]] = {
            (kind, market) for kind in KINDS for market in markets[: len(markets) // 2]
        }
        self.came: set[tuple[str, str]] = set()
        self.frames = self.connections = self.changes = 0
        self.up = threading.Event()
        first = [{"type": kind, "codes": sorted(m for k, m in self.wanted if k == kind)} for kind in KINDS]
        quick = Timing(backoff_s=0.05, backoff_max_s=0.2, stray_s=SETTLE_S)
        self.stream = Stream(url, first, on_frame=self._on_frame, on_state=self._on_state, timing=quick)

    def _on_frame(self, frame: Frame) -> None:
        self.frames += 1
        if (key := key_of(frame)) is not None:
            self.came.add(key)

    def _on_state(self, up: bool, _reason: str) -> None:  # noqa: FBT001 (the callback's own signature)
        if up:
            self.connections += 1
            self.up.set()
        else:
            self.up.clear()

    def change(self) -> None:
        """Want some markets more and some less."""
        self.changes += 1
        kind = self.chance.choice(KINDS)
        have = sorted(market for one, market in self.wanted if one == kind)
        more = self.chance.sample(self.markets, 3)
        less = [market for market in self.chance.sample(have, min(3, len(have) - 1)) if market not in more]
        self.stream.add(kind, more)
        self.stream.remove(kind, less)
        self.wanted = self.wanted - {(kind, one) for one in less} | {(kind, one) for one in more}

    def window(self) -> str:
        """Compare until the window is over; gives the difference in words, "" for none."""
        self.up.wait(10.0)
        time.sleep(SETTLE_S)
        self.came = set()
        self.stream.check()
        deadline = time.monotonic() + LONGEST_S
        time.sleep(SETTLE_S)
        while not self.wanted <= self.came and time.monotonic() < deadline:
            time.sleep(0.02)
        told = self.stream.staleness()
        parts = {
            "missing": sorted(self.wanted - self.came),
            "unasked": sorted(self.came - self.wanted),
            "unheard": list(told.unheard),
            "strays": list(told.strays),
        }
        return "; ".join(f"{name} {keys[:5]}" for name, keys in parts.items() if keys)


def main(arguments: Sequence[str] = ()) -> None:
    """Print the day; exit code 1 on any drift."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench drift", description=__doc__)
    parser.add_argument("--speed", type=float, default=1_200.0, help="simulated seconds in a real one")
    parser.add_argument("--hours", type=float, default=24.0, help="simulated length")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(list(arguments))
    logging.getLogger("actors").setLevel(logging.ERROR)  # each cut is a warning
    home = Path(tempfile.mkdtemp(prefix="baeu-drift-"))
    command = [sys.executable, "-m", "actors.sandbox", "--home", str(home), "--speed", str(options.speed)]
    command += ["--seed", str(options.seed), "--with-parent"]
    box = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        if box.stdout is None:
            raise RuntimeError("a child started with a pipe has one")
        ready = json.loads(box.stdout.readline())
        found = run(ready, options.hours * 3_600 / options.speed, random.Random(options.seed))
    finally:
        box.terminate()
        box.wait()
        shutil.rmtree(home, ignore_errors=True)
    if found:
        sys.exit("\n".join(found))


def run(ready: dict, seconds: float, chance: random.Random) -> list[str]:
    """Disturb and compare for so many real seconds; gives the drift found."""
    address, path = ready["ws"].removeprefix("ws://").split("/", 1)
    relay = Relay(int(address.rpartition(":")[2]))
    watch = Watch(f"ws://127.0.0.1:{relay.port}/{path}", ready["markets"], chance)
    watch.stream.start()
    drift, windows, cuts, end = [], 0, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        if chance.random() < 0.7:
            relay.cut()
            cuts += 1
        if chance.random() < 0.7:
            watch.change()
        if chance.random() < 0.3:
            relay.cut()
            cuts += 1
        windows += 1
        if difference := watch.window():
            drift.append(f"window {windows}: {difference}")
    drifts = watch.stream.staleness().drifts
    watch.stream.stop()
    relay.close()
    print(
        f"{windows} windows, {cuts} cuts, {watch.connections} connections, {watch.changes} changes, "
        f"{watch.frames} frames of {len(ready['markets'])} markets; drift in {len(drift)}, "
        f"{drifts} times by the exchange's own list"
    )
    return drift + ([f"{drifts} times the exchange's list differed"] if drifts else [])


if __name__ == "__main__":
    main(sys.argv[1:])
