"""The edge to the private stream: what happens to our orders, and what the exchange announces, as it happens."""

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from actors.runtime import Actor, Context
from actors.upbit.private import AnnouncementFrame
from domain.message import Message
from domain.messages import AnnouncementSeen, OrderSeen, StreamChanged
from domain.orders import OrderReport

TITLE_MAX: Final = 500  # characters of an announcement's title that are kept
BODY_MAX: Final = 8_000  # and of its text


class PrivateStream(Protocol):
    """A stream that is running from `start` to `stop`."""

    def start(self) -> None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102


OpenStream: TypeAlias = Callable[
    [Callable[[OrderReport], None], Callable[[AnnouncementFrame], None], Callable[[bool, str], None]], PrivateStream
]
"""Builds the stream: given what to call on an order event, an announcement, and a change of the connection."""


class UserStream(Actor[None]):
    """Owns the private socket.

    Edge: sends OrderSeen to gateway, publishes AnnouncementSeen on `announcements` and StreamChanged on `streams`.
    There is no replay after a gap: the reconciler and the gateway ask the exchange when the stream comes up again, and
    warnings has the listings read; an announcement of the gap itself is missed.
    """

    edge = True
    State = None

    def __init__(self, context: Context, name: str, *, open_stream: OpenStream, now: Callable[[], int]) -> None:
        super().__init__(context, name)
        self._now = now
        self._stream = open_stream(self._on_order, self._on_announcement, self._on_state)

    def on_begin(self) -> None:
        """Connect."""
        self._stream.start()

    def on_end(self) -> None:
        """Disconnect and wait for the socket's thread."""
        self._stream.stop()

    def handle(self, message: Message) -> None:
        """Nobody sends anything here."""
        raise TypeError(f"the user stream takes no messages, got {type(message).__name__}")

    def _on_order(self, report: OrderReport) -> None:
        self.outlet.send("gateway", OrderSeen(report))

    def _on_announcement(self, told: AnnouncementFrame) -> None:
        listed_at = told.listed_at or told.first_listed_at or 0
        self.outlet.publish(
            "announcements",
            AnnouncementSeen(
                told.event,
                told.id,
                told.title[:TITLE_MAX],
                told.category,
                told.url,
                listed_at,
                told.body[:BODY_MAX],
                self._now(),
            ),
        )

    def _on_state(self, connected: bool, reason: str) -> None:  # noqa: FBT001 (the stream's own signature)
        self.outlet.publish("streams", StreamChanged("private", connected, reason, self._now()))
