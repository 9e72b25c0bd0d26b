"""A process that the SIGKILL test starts and kills: `python -m tests.actors.runtime.killed FOLDER`."""

import sys
import threading
from functools import partial
from pathlib import Path

from actors.runtime import ActorSpec, Context, ThreadHost, Topology, wall_clock
from domain.message import Message

from .sample import Added, Counter, Probe, Sink, TotalTold


class Printer(Probe):
    """Prints every total once it is durable: the parent may believe what it reads."""

    def __init__(self, context: Context, name: str) -> None:
        super().__init__(context, name, out=None)

    def handle(self, message: Message) -> None:
        if isinstance(message, TotalTold):
            sys.stdout.write(f"{message.total}\n")
            sys.stdout.flush()


def wiring() -> Topology:
    """The counter's totals leave the process."""
    specs = (ActorSpec("counter", Counter), ActorSpec("risk", Sink), ActorSpec("sink", partial(Printer)))
    return Topology(specs, {}, frozenset({"sink"}))


def main() -> None:
    """Count until killed."""
    with ThreadHost(wiring(), Path(sys.argv[1]), wall_clock(), 1, "1") as host:
        pause = threading.Event()
        while not pause.wait(0.0005):
            host.tell("counter", Added(1))


if __name__ == "__main__":
    main()
