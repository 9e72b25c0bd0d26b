"""The edge to the public stream: trades, books and the pulse that says an interval is really over."""

import threading
import time
from collections.abc import Callable
from typing import TypeAlias, assert_never

from actors.lookout import Outlets, Patience, TradeClient
from actors.pace import Minutely, Pace
from actors.public import OpenStream
from actors.runtime import Actor, Context
from actors.silence import measure
from actors.standin import StandIn
from actors.tape import Tape
from domain.market import MINUTE, US_PER_S, Bar, Book, Trade
from domain.messages import (
    BookSeen,
    CandleSeen,
    IntervalDue,
    IntervalEnded,
    MarketsWatched,
    SkewMeasured,
    StreamChanged,
    TickerSeen,
    TradesPrinted,
)

BOOK_EVERY_US = US_PER_S  # a market's book goes out once a second at the most
TICKER_EVERY_S = 0.5  # real seconds between two prices of one market for the eye
TRADES_MAX = 500  # trades of one message

Accepted: TypeAlias = IntervalDue | MarketsWatched


class Feed(Actor[None]):
    """Owns the public socket, and with a `client` the REST calls that stand in for it.

    Edge: follows MarketsWatched. Sends TradesPrinted to the market of each frame, and IntervalEnded to every market
    once a frame or the echo of a probe shows that all of the interval was received; CandleSeen with the exchange's own
    candle of a minute that is over, which nothing waits for; publishes StreamChanged on `streams`, which a market that
    joins a running stream is sent alone, and TickerSeen on `tickers`. Listeners get the trades, and alone the books
    (BookSeen), and StreamChanged, which outdates them. Frames of one socket come in order: an interval's end is told
    after all its trades. Every trade is told once. With a client the trades of a gap are told before those after it,
    REST takes over from a silent stream, and no end of an interval is told to a market that may miss trades; publishes
    SourceChanged and GapFilled on `tape`, StreamMeasured on `freshness`. `real` gives the seconds by which prices are
    paced for the eye, `markets` those watched before any MarketsWatched, `skew` the seconds by which the exchange's
    clock is ahead of ours: SkewMeasured goes to quality.
    """

    edge = True
    State = None

    def __init__(  # noqa: PLR0913 (what a feed is given, by name)
        self,
        context: Context,
        name: str,
        *,
        open_stream: OpenStream,
        now: Callable[[], int],
        markets: tuple[str, ...] = (),
        listeners: tuple[str, ...] = (),
        client: TradeClient | None = None,
        patience: Patience | None = None,
        skew: Callable[[], float | None] | None = None,
        real: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(context, name)
        self._real = real
        self._now = now
        self._tapes = {market: Tape(now()) for market in sorted(markets)}
        self._watched = frozenset(markets)
        self._joining: dict[str, int] = {}  # since when a new market waits to be heard on a stream that is up
        self._listeners = listeners
        self._candles = Minutely()
        self._stream = open_stream(self._on_trade, self._on_book, self._on_echo, self._on_candle, self._on_state)
        self._lock = threading.Lock()
        self._connected = False
        self._server_time = 0
        self._due: list[int] = []
        self._books: Pace[BookSeen] = Pace(BOOK_EVERY_US)
        self._tickers: Pace[TickerSeen] = Pace(TICKER_EVERY_S)
        self._patience = patience or Patience()
        self._skew = skew
        self._ahead: float | None = None
        self._standin: StandIn | None = None
        if client is not None:
            self._standin = StandIn(client, self._tapes, self._lock, self._outlets(), self._patience)

    def _outlets(self) -> Outlets:
        return Outlets(
            now=self._now,
            go_on=self._go_on,
            end=self._end,
            repair=self._repair,
            heal=lambda _: self._stream.check(),
            say=lambda message: self.outlet.publish("tape", message),
            measure=self._measure,
        )

    def on_begin(self) -> None:
        """Connect."""
        if self._standin is not None:
            self._standin.start()
        self._stream.start()

    def on_end(self) -> None:
        """Disconnect and wait for the socket's thread."""
        if self._standin is not None:
            self._standin.stop()
        self._stream.stop()

    def handle(self, message: Accepted) -> None:
        """Hand each message to its handler."""
        match message:
            case IntervalDue():
                self._on_due(message.end)
            case MarketsWatched():
                self._on_watched(message.markets)
            case _:
                assert_never(message)

    def _on_due(self, end: int) -> None:
        """An interval is over by the clock: say so now, or as soon as the server's time has passed its end."""
        with self._lock:
            self._due.append(end)
            self._end_intervals()
            for market, bar in self._candles.over(end):
                self._tell_candle(market, bar)
            quiet = bool(self._due)
        if quiet:
            self._stream.probe(end)

    def _on_watched(self, markets: tuple[str, ...]) -> None:
        """Follow the market actors that live."""
        with self._lock:
            before, self._watched = self._watched, frozenset(markets)
            new, gone = sorted(self._watched - before), sorted(before - self._watched)
            for market in new:
                self._begin(market)
            for market in gone:
                self._joining.pop(market, None)
            if self._standin is not None:
                self._standin.leave(gone)
        if new or gone:
            self._stream.watch(tuple(sorted(markets)))

    # --- the socket's thread

    def _on_trade(self, market: str, trade: Trade) -> None:
        with self._lock:
            self._pulse(trade.at)
            if market in self._watched:
                self._join(market)
                tape = self._tapes[market]
                behind = tape.behind
                self._go_on(market, tape.take(trade, self._real()))
                if (behind or tape.owed) and self._standin is not None:
                    self._standin.heard(market, trade.at, was_behind=behind)
            self._show_late(trade.at)

    def _on_book(self, market: str, book: Book) -> None:
        with self._lock:
            self._pulse(book.at)
            if market in self._watched and self._books.passes(market, seen := BookSeen(market, book), book.at):
                self._tell_listeners(seen)
            self._show_late(book.at)

    def _on_echo(self, end: int) -> None:
        """No trade came since, but the connection lives: all the exchange had to say about this interval is here."""
        with self._lock:
            self._pulse(end)

    def _on_candle(self, market: str, bar: Bar) -> None:
        with self._lock:
            if market in self._tapes and (before := self._candles.take(market, bar)) is not None:
                self._tell_candle(market, before)

    def _on_state(self, connected: bool, reason: str) -> None:  # noqa: FBT001 (the stream's own signature)
        with self._lock:
            self._connected = connected
            self._joining.clear()  # all are told of this change
            if self._standin is not None and connected:
                self._standin.connected()
            elif self._standin is not None:
                self._standin.lost(reason)
            changed = StreamChanged("public", connected, reason, self._now())
            self.outlet.publish("streams", changed)
            self._tell_listeners(changed)
            if not connected:
                self._books = Pace(BOOK_EVERY_US)  # what still waits in it is outdated

    # --- with the lock held

    def _begin(self, market: str) -> None:
        """A market is watched from now on; its actor hears of the stream once the stream is heard to tell of it."""
        tape = self._tapes.get(market)
        if self._standin is None or tape is None:  # otherwise one that is just leaving stays
            self._tapes[market] = Tape(self._now())
        if self._connected:
            self._joining[market] = self._now()
        if self._standin is not None:
            self._standin.join(market)

    def _join(self, market: str) -> None:
        """The stream tells of this market: if it is new, its actor goes on as after a reconnect."""
        if self._joining.pop(market, None) is not None:
            told = StreamChanged("public", True, "watched from here on", self._now())
            self.outlet.send(f"market:{market}", told)

    def _go_on(self, market: str, trades: tuple[Trade, ...]) -> None:
        """These are the market's next trades."""
        if market not in self._watched:
            return
        for at in range(0, len(trades), TRADES_MAX):
            printed = TradesPrinted(market, trades[at : at + TRADES_MAX], self._tapes[market].count_doubled())
            self.outlet.send(f"market:{market}", printed)
            self._tell_listeners(printed)
        if trades:
            self._show(TickerSeen(market, trades[-1].price, trades[-1].at))

    def _tell_listeners(self, message: TradesPrinted | BookSeen | StreamChanged) -> None:
        for listener in self._listeners:
            self.outlet.send(listener, message)

    def _show(self, seen: TickerSeen) -> None:
        if self._tickers.passes(seen.market, seen, self._real()):
            self.outlet.publish("tickers", seen)

    def _show_late(self, server_time: int) -> None:
        """A market that fell silent has still said its last word: the next frame of any market brings it along."""
        for book in self._books.late(server_time):
            self._tell_listeners(book)
        for ticker in self._tickers.late(self._real()):
            self.outlet.publish("tickers", ticker)

    def _pulse(self, server_time: int) -> None:
        """Frames of one socket come in order: an end that lies before this one is past, with all its trades."""
        if server_time > self._server_time:
            self._server_time = server_time
            self._end_intervals()

    def _end_intervals(self) -> None:
        while self._due and self._due[0] <= self._server_time:
            end = self._due.pop(0)
            for market in sorted(self._watched):
                if end - self._joining.get(market, end) >= MINUTE:  # without a trade it is subscribed by now, too
                    self._join(market)
                if self._standin is None or not self._standin.must_wait(market, end):
                    self._end(market, end)

    def _tell_candle(self, market: str, bar: Bar) -> None:
        self.outlet.send(f"market:{market}", CandleSeen(market, bar, self._now()))

    def _end(self, market: str, end: int) -> None:
        if market in self._watched:
            self.outlet.send(f"market:{market}", IntervalEnded(end))

    def _repair(self, market: str) -> None:
        """Trades of this market are lost: it is to load its candles, as after a loss of the stream."""
        lost = StreamChanged("public", self._connected, "trades were lost", self._now())
        self.outlet.send(f"market:{market}", lost)

    # --- the stand-in's thread

    def _measure(self, on_rest: tuple[str, ...]) -> None:
        """Tell how fresh the stream is; one that stays silent while REST stands in is tried anew."""
        measured = measure(self._stream.staleness(), self._tapes, on_rest, self._now())
        self.outlet.publish("freshness", measured)
        self._tell_skew()
        if on_rest and measured.silent_s is not None and measured.silent_s > self._patience.renew_s:
            self._stream.renew(f"no data for {measured.silent_s:.0f} s, although there were trades")

    def _tell_skew(self) -> None:
        """Tell how far the exchange's clock is from ours, when the client has learned something new of it."""
        ahead = self._skew() if self._skew is not None else None
        if ahead is not None and ahead != self._ahead:
            self._ahead = ahead
            self.outlet.send("quality", SkewMeasured("rest", ahead, self._now()))
