"""What the tests on real threads and real files share."""

import queue
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from actors.runtime import ActorSpec, JournalOptions, ScaledClock, ThreadHost, Topology, wall_clock
from domain.message import Message

from .sample import Probe, topology

Mail = "queue.Queue[tuple[str, Message]]"


class Bench:
    """Makes thread hosts on one journal folder and stops whatever is still running in the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "home" / "journal"
        self.mail: queue.Queue[tuple[str, Message]] = queue.Queue()
        self.fatal: queue.Queue[str] = queue.Queue()
        self.hosts: list[ThreadHost] = []

    def probed(self, **topics: tuple[str, ...]) -> Topology:
        """The sample topology with a probe that hears incidents and whatever else is published."""
        probe = ActorSpec("probe", partial(Probe, out=self.mail))
        return topology(probe, topics={"incidents": ("risk", "probe"), **topics})

    def host(self, wiring: Topology | None = None, **more: Any) -> ThreadHost:
        options = {"clock": wall_clock(), "seed": 1, "code_version": "1", "on_fatal": self.fatal.put, **more}
        host = ThreadHost(wiring or self.probed(), self.folder, **options)
        self.hosts.append(host)
        return host

    def wait_for(self, wanted: Callable[[Message], bool], timeout_s: float = 10.0) -> Message:
        """The next message to the probe that is wanted."""
        while True:
            _, message = self.mail.get(timeout=timeout_s)
            if wanted(message):
                return message


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    for host in bench.hosts:
        host.stop()


@contextmanager
def disk_full_beyond(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: writing fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


SMALL = JournalOptions(segment_bytes=4_000, keep_segments=3, snapshot_records=100)
FAST = partial(ScaledClock, speed=1_000.0)
