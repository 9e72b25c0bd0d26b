"""The edge to the public stream: trades, books and the pulse that says an interval is really over."""

import threading
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Protocol, TypeAlias

from actors.runtime import Actor, Context
from domain.market import US_PER_S, Book, Trade
from domain.messages import BookSeen, IntervalDue, IntervalEnded, StreamChanged, TickerSeen, TradesPrinted

BOOK_EVERY_US = US_PER_S  # a market's book goes to its actor once a second at the most
TICKER_EVERY_S = 0.5  # real seconds between two prices of one market for the eye

Accepted: TypeAlias = IntervalDue


class PublicStream(Protocol):
    """A stream that is running from `start` to `stop`."""

    def start(self) -> None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102
    def probe(self, mark: int) -> None: ...  # noqa: D102


OpenStream: TypeAlias = Callable[
    [
        Callable[[str, Trade], None],
        Callable[[str, Book], None],
        Callable[[int], None],
        Callable[[bool, str], None],
    ],
    PublicStream,
]
"""Builds the stream: given what to call on a trade, a book, the echo of a probe, and a change of the connection."""


class Feed(Actor[None]):
    """Owns the public socket.

    Edge: sends TradesPrinted and BookSeen to the market of each frame, IntervalEnded to every market once a frame or
    the echo of a probe shows that all of the interval was received; publishes StreamChanged on `streams` and TickerSeen
    on `tickers`. Frames of one socket come in order: an interval's end is told after all its trades.
    """

    edge = True
    State = None

    def __init__(  # noqa: PLR0913 (what a feed is given, by name)
        self,
        context: Context,
        name: str,
        *,
        open_stream: OpenStream,
        markets: tuple[str, ...],
        now: Callable[[], int],
        listeners: tuple[str, ...] = (),
    ) -> None:
        super().__init__(context, name)
        self._markets = frozenset(markets)
        self._now = now
        self._listeners = listeners
        self._stream = open_stream(self._on_trade, self._on_book, self._on_echo, self._on_state)
        self._lock = threading.Lock()
        self._server_time = 0
        self._due: list[int] = []
        self._book_at: dict[str, int] = {}
        self._ticker_at: dict[str, float] = {}

    def on_begin(self) -> None:
        """Connect."""
        self._stream.start()

    def on_end(self) -> None:
        """Disconnect and wait for the socket's thread."""
        self._stream.stop()

    def handle(self, message: Accepted) -> None:
        """An interval is over by the clock: say so now, or as soon as the server's time has passed its end."""
        with self._lock:
            self._due.append(message.end)
            self._end_intervals()
            quiet = bool(self._due)
        if quiet:
            self._stream.probe(message.end)

    # --- the socket's thread

    def _on_trade(self, market: str, trade: Trade) -> None:
        with self._lock:
            self._pulse(trade.at)
            if market in self._markets:
                self._forward(market, TradesPrinted(market, (trade,)))
                self._show(market, trade.price, trade.at)

    def _on_book(self, market: str, book: Book) -> None:
        with self._lock:
            self._pulse(book.at)
            if market in self._markets and book.at - self._book_at.get(market, 0) >= BOOK_EVERY_US:
                self._book_at[market] = book.at
                self._forward(market, BookSeen(market, book))

    def _on_echo(self, end: int) -> None:
        """No trade came since, but the connection lives: all the exchange had to say about this interval is here."""
        with self._lock:
            self._pulse(end)

    def _on_state(self, connected: bool, reason: str) -> None:  # noqa: FBT001 (the stream's own signature)
        with self._lock:
            self.outlet.publish("streams", StreamChanged("public", connected, reason, self._now()))

    def _forward(self, market: str, message: TradesPrinted | BookSeen) -> None:
        self.outlet.send(f"market:{market}", message)
        for listener in self._listeners:
            self.outlet.send(listener, message)

    def _show(self, market: str, price: Decimal, at: int) -> None:
        real = time.monotonic()
        if real - self._ticker_at.get(market, 0.0) >= TICKER_EVERY_S:
            self._ticker_at[market] = real
            self.outlet.publish("tickers", TickerSeen(market, price, at))

    def _pulse(self, server_time: int) -> None:
        """Frames of one socket come in order: an end that lies before this one is past, with all its trades."""
        if server_time > self._server_time:
            self._server_time = server_time
            self._end_intervals()

    def _end_intervals(self) -> None:
        while self._due and self._due[0] <= self._server_time:
            end = self._due.pop(0)
            for market in sorted(self._markets):
                self.outlet.send(f"market:{market}", IntervalEnded(end))
