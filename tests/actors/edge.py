"""A host for one edge: what it says through its outlet or in a turn is kept in order."""

import queue
import time
from collections.abc import Iterator
from typing import Any

from domain.message import Message

WAIT_S = 30.0


class Ear:
    """Stands where the host stands for an edge under test."""

    seed = 1
    faulty = False

    def __init__(self) -> None:
        self.said: queue.Queue[tuple[str, Message]] = queue.Queue()

    def outlet(self, _name: str) -> "Ear":
        return self

    def send(self, name: str, message: Message) -> None:
        self.said.put((name, message))

    def publish(self, topic: str, message: Message) -> None:
        self.said.put((topic, message))

    def sync(self) -> None:
        """Everything here is as durable as it gets."""

    def run_loop(self, _name: str) -> None:
        """Turns are run by hand."""

    def stopped(self, _name: str) -> None:
        """There is no mail to account for."""

    def next(self) -> tuple[str, Message]:
        return self.said.get(timeout=10)

    def each(self) -> Iterator[tuple[str, Message]]:
        """What is said, as it is said; one who listens for something that is never said meets queue.Empty."""
        end = time.monotonic() + WAIT_S
        while True:
            yield self.said.get(timeout=max(0.0, end - time.monotonic()))

    def all(self) -> list[tuple[str, Message]]:
        heard = []
        while not self.said.empty():
            heard.append(self.said.get())
        return heard

    def of(self, kind: Any) -> list[Any]:
        return [message for _, message in self.all() if isinstance(message, kind)]
