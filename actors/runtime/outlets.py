"""The way into a host for an edge's own threads."""

from collections.abc import Callable
from typing import Protocol

from domain.message import Message


class _Mail(Protocol):
    def tell(self, name: str, message: Message, sender: str = "outside") -> None: ...

    def tell_topic(self, topic: str, message: Message, sender: str) -> None: ...

    def sync(self) -> None: ...


class HostOutlet:
    """Mail with the edge's name as the sender; it leads nowhere once `alive()` says no."""

    def __init__(self, host: _Mail, name: str, alive: Callable[[], bool]) -> None:
        self._host = host
        self._name = name
        self._alive = alive

    def send(self, name: str, message: Message) -> None:
        """Put a message into the mailbox of `name`; an unknown name is a dead letter. Never blocks."""
        if self._alive():
            self._host.tell(name, message, self._name)

    def publish(self, topic: str, message: Message) -> None:
        """Send a message to every subscriber of `topic`."""
        if self._alive():
            self._host.tell_topic(topic, message, self._name)

    def sync(self) -> None:
        """Return when everything journaled so far is durable; raises StorageError."""
        self._host.sync()
