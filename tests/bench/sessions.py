"""How fast a session may run: late decisions, lag, CPU and disk at rising speeds, over the real candles."""

import argparse
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from actors.runtime.record import BrokenFrame, Record, decode_record, frames
from actors.runtime.segments import listing, load
from tests.bench._books import BenchError, exchange_of, totals_of, unequal

ROOT = Path(__file__).resolve().parents[2]
CANDLES = ROOT.parent / "shared" / "data" / "candles" / "1m"
MARKETS = ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-DOGE")
SPEEDS = (60, 300, 600, 1_200, 2_400)
LOOK_S = 0.005
ALLOWANCE_S = 90.0  # real seconds a session may need beside its simulated time
LAG = re.compile(r"sandbox: ([\d.]+) s behind the clock")
TROUBLE = re.compile(r" (?:WARNING|ERROR|CRITICAL) |^sandbox: |^error: |^Traceback")
TICKS = os.sysconf("SC_CLK_TCK")
COUNTS = """
with late as (select at from decisions where code = 'LATE'), first as (select min(at) as at from decisions)
select (select count(*) from decisions), (select count(*) from late),
    (select count(*) from late, first where late.at > first.at + 3600000000),
    (select count(*) from orders), (select count(*) from trades)
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds of a session's two processes (user and system together), and how long it ran, in real seconds."""

    engine_s: float
    sandbox_s: float
    wall_s: float


class Running:
    """`run.py paper --sandbox …` without a dashboard, in a process group of its own.

    What it says goes to the files `out` and `err` of `folder`, so that no pipe can fill; its home is `folder/home`.
    """

    def __init__(self, folder: Path, candles: Path, speed: float, *more: str) -> None:
        self.home, self.err, self.out = folder / "home", folder / "err", folder / "out"
        self.began = time.monotonic()
        self._place = (0, 0)  # in the journal: number of a segment, offset in it
        arguments = ["--candles", str(candles), "--markets", ",".join(MARKETS), "--speed", str(speed), *more]
        with self.out.open("w") as out, self.err.open("a") as err:
            self.said_before = err.tell()
            self.process = subprocess.Popen(
                [sys.executable, "run.py", "paper", "--sandbox", "--no-web", "--json", *arguments, "--home", self.home],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    @property
    def sandbox(self) -> int:
        """Process id of its exchange, 0 when there is none."""
        with suppress(OSError):
            for task in Path(f"/proc/{self.process.pid}/task").iterdir():
                if children := (task / "children").read_text().split():
                    return int(children[0])
        return 0

    def fresh(self) -> list[Record]:
        """The records its journal got since the last call, as far as they are whole on disk by now."""
        with suppress(OSError, IndexError, BrokenFrame):  # not there yet, just packed, or a frame half written
            segment = listing(self.home / "journal")[-1]
            if (segment.number, segment.packed) != (self._place[0], False):
                self._place = (segment.number, 0)
            with segment.path.open("rb") as file:
                file.seek(self._place[1])
                return list(self._decoded(file.read()))
        return []

    def _decoded(self, data: bytes) -> Iterator[Record]:
        number, start = self._place
        with suppress(BrokenFrame):
            for end, body in frames(data):
                header = self._place[1] == 0
                self._place = (number, start + end)
                if not header:
                    yield decode_record(body)

    def until(self, done: Callable[[Record], bool], timeout_s: float) -> Record:
        """Wait for a record; raises BenchError when none such comes in time, or the session ends before."""
        for _ in looks(time.monotonic() + timeout_s):
            if found := next(filter(done, self.fresh()), None):
                return found
            if self.process.poll() is not None:
                raise BenchError(f"ended by itself with exit code {self.process.returncode}: {self.last_words()}")
        raise BenchError(f"its journal did not get there within {timeout_s:.0f} s: {self.last_words()}")

    def said(self) -> list[str]:
        """The lines this start wrote to stderr."""
        with self.err.open(errors="replace") as file:
            file.seek(self.said_before)
            return file.read().splitlines()

    def trouble(self) -> list[str]:
        """Those of its lines a person should look at."""
        return [line for line in self.said() if TROUBLE.search(line)]

    def kill(self) -> None:
        """Kill engine and sandbox at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def wait(self, timeout_s: float) -> Usage:
        """Wait for its end and give what it used; raises BenchError when it does not end, or ends badly."""
        end = time.monotonic() + timeout_s
        for _ in looks(end):
            if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
        else:
            self.kill()
            raise BenchError(f"did not end within {timeout_s:.0f} s, was killed: {self.last_words()}")
        used = _cpu(self.process.pid, time.monotonic() - self.began)
        if code := self.process.wait():
            raise BenchError(f"ended with exit code {code}: {self.last_words()}")
        return used

    def last_words(self) -> str:
        """The last line it wrote to stderr."""
        return (self.said() or ["it said nothing"])[-1]


def looks(end: float) -> Iterator[None]:
    """Turns of a loop that looks at something again and again, until `time.monotonic()` is `end`."""
    tick = threading.Event()
    while time.monotonic() < end:
        yield
        tick.wait(LOOK_S)


def _cpu(pid: int, wall_s: float) -> Usage:
    """Of a process that has ended and was not waited for yet; its ended children are the sandbox."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, child_user, child_system = (int(field) / TICKS for field in fields[11:15])
    return Usage(user + system, child_user + child_system, wall_s)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one session came to. `late_from` counts late decisions after the first hour, in which a start warms up.

    `lag_s` is the most the sandbox told of, in real seconds; `journal_mb` is for a simulated day, not compressed.
    """

    speed: float
    decisions: int
    late: int
    late_from: int
    orders: int
    fills: int
    lag_s: float
    used: Usage
    journal_mb: float
    trouble: list[str]
    gaps: list[str]


def measured(folder: Path, candles: Path, speed: float, hours: float) -> Figures:
    """Run one session of so many simulated hours; raises BenchError."""
    running = Running(folder, candles, speed, "--for", f"{hours}h")
    try:
        used = running.wait(hours * 3_600 / speed + ALLOWANCE_S)
    finally:
        running.kill()
    lags = [float(found[1]) for line in running.said() if (found := LAG.search(line))]
    with closing(sqlite3.connect(running.home / "baeu.sqlite3")) as database:
        counts = database.execute(COUNTS).fetchone()
    journal_mb = sum(len(load(segment)) for segment in listing(running.home / "journal")) / 1e6 * 24 / hours
    gaps = list(unequal(totals_of(exchange_of(running.home / "sandbox")), totals_told(running.out)))
    return Figures(speed, *counts, max(lags, default=0.0), used, journal_mb, running.trouble(), gaps)


def totals_told(out: Path) -> dict[str, Decimal]:
    """What the summary of a session says it holds of each currency."""
    summary = json.loads(out.read_text())
    coins = {market.partition("-")[2]: Decimal(volume) for market, volume in summary["positions"].items()}
    return {"KRW": Decimal(summary["cash"]), **coins}


HEAD = (
    f"{'speed':>6} {'decisions':>9} {'LATE':>12} {'after 1 h':>9} {'orders':>6} {'fills':>5} {'lag s':>5} "
    f"{'engine s':>8} {'sandbox s':>9} {'wall s':>7} {'CPU/wall':>8} {'MB/day':>6} {'real ratio':>10}"
)


def row(told: Figures, hours: float) -> str:
    """One line of the table."""
    used = told.used
    late = f"{told.late} ({told.late / told.decisions:.1%})" if told.decisions else "no decision"
    return (
        f"{told.speed:6g} {told.decisions:9} {late:>12} {told.late_from:9} {told.orders:6} {told.fills:5} "
        f"{told.lag_s:5.1f} {used.engine_s:8.1f} {used.sandbox_s:9.1f} {used.wall_s:7.1f} "
        f"{(used.engine_s + used.sandbox_s) / used.wall_s:8.0%} {told.journal_mb:6.1f} "
        f"{hours * 3_600 / used.wall_s:10.0f}"
    )


def existing(text: str) -> Path:
    """The path an option names; raises argparse's error when nothing is there."""
    if not Path(text).exists():
        raise argparse.ArgumentTypeError(f"there is no {text}")
    return Path(text).resolve()


def main(arguments: Sequence[str] = ()) -> None:
    """Run every speed in turn, print the table, and name the highest that kept up."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench sessions", description=__doc__)
    parser.add_argument("--speeds", type=float, nargs="+", default=SPEEDS, help="simulated seconds in a real one")
    parser.add_argument("--hours", type=float, default=6.0, help="simulated hours of each session")
    parser.add_argument("--candles", type=existing, default=str(CANDLES))
    options = parser.parse_args(list(arguments))
    print(f"{options.hours:g} simulated hours over {len(MARKETS)} markets at each speed", HEAD, sep="\n")
    every: list[Figures] = []
    for speed in options.speeds:
        folder = Path(tempfile.mkdtemp(prefix="baeu-sessions-"))
        try:
            told = measured(folder, options.candles, speed, options.hours)
        except BenchError as error:
            sys.exit(f"at speed {speed:g}: {error}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        print(row(told, options.hours), *told.trouble, *told.gaps, sep="\n       ", flush=True)
        every.append(told)
    kept_up = [told for told in every if not told.late_from and not told.lag_s]
    never = max((told.speed for told in kept_up if not told.late), default="none")
    settled = max((told.speed for told in kept_up), default="none")
    print(f"highest speed without lag and without a late decision: {never}; after the first hour: {settled}")
    sys.exit(any(told.gaps for told in every))


if __name__ == "__main__":
    main(sys.argv[1:])
