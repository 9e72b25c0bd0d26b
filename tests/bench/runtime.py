"""What a journaled turn costs beside a raw pykka tell, and how fast a journal folds; CPU time, measured in one run."""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pykka

from actors.runtime import (
    Actor,
    ActorSpec,
    Recovered,
    Replay,
    Restarted,
    SimulatorHost,
    ThreadHost,
    Topology,
    replay_records,
    wall_clock,
)
from actors.runtime.journal import read
from domain.message import Message

COUNT = 30_000
ROUNDS = 5


class Measured(Message, frozen=True):
    """A message of a usual size."""

    market: str
    price: float
    volume: float
    count: int


MESSAGE = Measured("KRW-BTC", 151_000_000.0, 0.123, 1)


@dataclass(slots=True)
class MeasuredState:
    """What the measured actors keep."""

    total: int = 0


class Silent(Actor[MeasuredState]):
    """Counts; the whole turn is the runtime's cost."""

    State = MeasuredState
    mailbox_limit = 2 * COUNT
    done = threading.Event()

    def handle(self, message: Measured | Recovered | Restarted) -> None:
        """Count."""
        match message:
            case Measured():
                self.state.total += message.count
                if self.state.total % COUNT == 0:
                    self.done.set()
            case _:
                pass


class Forwarding(Silent):
    """Counts, and sends each message on."""

    def handle(self, message: Measured | Recovered | Restarted) -> None:
        """Send it on."""
        if isinstance(message, Measured):
            self.send("silent", message)


class Raw(pykka.ThreadingActor):
    """pykka as it comes."""

    use_daemon_thread = True

    def __init__(self, done: threading.Event) -> None:
        super().__init__()
        self.done = done
        self.total = 0

    def on_receive(self, message: Measured) -> None:
        """Count."""
        self.total += message.count
        if self.total % COUNT == 0:
            self.done.set()


class RawForwarding(pykka.ThreadingActor):
    """pykka as it comes, sending on."""

    use_daemon_thread = True

    def __init__(self, to: "pykka.ActorRef[Raw]") -> None:
        super().__init__()
        self.to = to

    def on_receive(self, message: Measured) -> None:
        """Send it on."""
        self.to.tell(message)


def cpu_us(send: Callable[[], object], done: threading.Event) -> float:
    """CPU microseconds of the whole process for one message, from its sending to the end of its handling."""
    done.clear()
    start = time.process_time()
    for _ in range(COUNT):
        send()
    done.wait()
    return (time.process_time() - start) / COUNT * 1e6


def main(arguments: Sequence[str] = ()) -> None:
    """Print the figures."""
    argparse.ArgumentParser(prog="python -m tests.bench runtime", description=__doc__).parse_args(list(arguments))
    wiring = Topology((ActorSpec("forwarding", Forwarding), ActorSpec("silent", Silent)))
    done = threading.Event()
    raw = Raw.start(done)
    raw_forwarding = RawForwarding.start(raw)
    names = ("raw pykka tell", "journaled turn", "raw pykka, sent on", "journaled turn, sent on")
    figures: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder, ThreadHost(wiring, Path(folder), wall_clock(), 1, "bench") as host:
        for _ in range(ROUNDS):
            figures["raw pykka tell"].append(cpu_us(lambda: raw.tell(MESSAGE), done))
            figures["journaled turn"].append(cpu_us(lambda: host.tell("silent", MESSAGE), Silent.done))
            figures["raw pykka, sent on"].append(cpu_us(lambda: raw_forwarding.tell(MESSAGE), done))
            sent_on = cpu_us(lambda: host.tell("forwarding", MESSAGE), Silent.done)
            figures["journaled turn, sent on"].append(sent_on)
        host.journal.sync()
        fold_us = folding(wiring, Path(folder))
    raw_forwarding.stop()
    raw.stop()
    for plain, ours in (names[:2], names[2:]):
        base = median(figures[plain])
        for name in (plain, ours):
            print(f"{name:28} {median(figures[name]):6.2f} us  x{median(figures[name]) / base:.2f}")
    print(f"{'fold, per turn':28} {fold_us:6.2f} us  {1e6 / fold_us:,.0f} turns/s")
    turn_us = simulating(wiring)
    print(f"{'simulator, per turn':28} {turn_us:6.2f} us  {1e6 / turn_us:,.0f} turns/s")


def folding(wiring: Topology, folder: Path) -> float:
    """CPU microseconds for each turn of a replay from disk."""
    start = time.process_time()
    report = replay_records(Replay(wiring, 1), read(folder))
    if not report.identical:
        raise RuntimeError(report.first_difference)
    return (time.process_time() - start) / report.turns * 1e6


def simulating(wiring: Topology) -> float:
    """CPU microseconds for each turn in virtual time."""
    host = SimulatorHost(wiring)
    host.start()
    start = time.process_time()
    for _ in range(COUNT // 4):
        host.tell("forwarding", MESSAGE)
    host.run_for(10_000_000)
    return (time.process_time() - start) / host.stats().turns * 1e6


if __name__ == "__main__":
    main(sys.argv[1:])
