"""What the feed needs of a public stream, whichever place it leads to."""

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from actors.rhythm import Staleness
from domain.market import Bar, Book, Trade

CANDLES: Final = "candle.1m"
"""The type of the stream's candles of a minute."""


class PublicStream(Protocol):
    """A stream that is running from `start` to `stop`."""

    def start(self) -> None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102
    def watch(self, markets: tuple[str, ...], /) -> None: ...  # noqa: D102
    def probe(self, mark: int) -> None: ...  # noqa: D102
    def check(self) -> None: ...  # noqa: D102
    def renew(self, reason: str) -> None: ...  # noqa: D102
    def staleness(self) -> Staleness: ...  # noqa: D102


OpenStream: TypeAlias = Callable[
    [
        Callable[[str, Trade], None],
        Callable[[str, Book], None],
        Callable[[int], None],
        Callable[[str, Bar], None],
        Callable[[bool, str], None],
    ],
    PublicStream,
]
"""Builds the stream: given what to call on a trade, a book, the echo of a probe, a candle of a minute as it stands, and
a change of the connection."""
