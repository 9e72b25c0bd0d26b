"""One coin: builds its candles from trades, keeps its indicators, and evaluates it at every base close."""

from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from actors.runtime import Actor, Recovered, Restarted
from domain.candles import BadBars, CandleBuilder, close_until, flat_bar, fold_trades, resample
from domain.config import Settings
from domain.features import MarketMemory, close_base_bar, evaluate, newest_atr, seed
from domain.market import BASE_FRAME, DAY, MINUTE, US_PER_S, Bar
from domain.message import Message
from domain.messages import (
    HistoryFailed,
    HistoryLoaded,
    HistoryWanted,
    IncidentRaised,
    IntervalEnded,
    MarketEvaluated,
    MinuteClosed,
    PriceSeen,
    SessionOpened,
    SettingsChanged,
    StreamChanged,
    TradesPrinted,
    WatchMarket,
)

ASK_AGAIN_S = 15.0  # real seconds until history that did not come is asked for again
GAP_MAX = 2 * DAY  # a longer gap is not filled minute by minute: the warm-up starts anew
HELD_MINUTES_MAX = 3_000  # minutes kept while waiting for history; beyond it the warm-up starts anew


class HistoryDue(Message, frozen=True):
    """Own timer: the history asked for did not come; `asked` tells a live timer from a stale one."""

    asked: int


Accepted: TypeAlias = (
    Recovered
    | Restarted
    | SessionOpened
    | SettingsChanged
    | StreamChanged
    | TradesPrinted
    | IntervalEnded
    | HistoryLoaded
    | HistoryFailed
    | HistoryDue
    | WatchMarket
)


@dataclass(slots=True)
class MarketState:
    """Candles and indicators of one market.

    While `holding`, minutes are only collected: something before them is missing and was asked for. `complete_until`
    is the end of the last minute known to be whole; `trusted_from` the minute from which the stream misses nothing.
    `minutes` are the real minutes not yet part of a base bar; `base_end` is the end of the newest base bar, 0 before.
    """

    speed: float = 1.0
    settings: Settings = field(default_factory=Settings)
    builder: CandleBuilder = field(default_factory=CandleBuilder)
    memory: MarketMemory = field(default_factory=MarketMemory)
    watched: bool = False
    connected: bool = False
    holding: bool = True
    asked: int = 0
    asking: bool = False
    complete_until: int = 0
    trusted_from: int = 0
    minutes: list[Bar] = field(default_factory=list)
    base_end: int = 0
    last: Bar | None = None


class Market(Actor[MarketState]):
    """Owns candles and indicators of one market.

    Sends MarketEvaluated to portfolio at every base close, PriceSeen and MinuteClosed to guard while watched, and
    HistoryWanted to rest after a gap; it decides on nothing before the gap is filled. A restart loses nothing.
    """

    State = MarketState
    mailbox_limit = 50_000

    def handle(self, message: Accepted) -> None:  # noqa: C901, PLR0912 (a table of contents has as many lines as messages)
        """Hand each message to its handler."""
        match message:
            case TradesPrinted():
                self._on_trades(message)
            case IntervalEnded():
                self._on_interval(message.end)
            case HistoryLoaded():
                self._on_history(message)
            case HistoryFailed():
                self._ask_later()
            case HistoryDue():
                if message.asked == self.state.asked and self.state.holding:
                    self.state.asking = False
            case StreamChanged():
                self._on_stream(message)
            case WatchMarket():
                self.state.watched = message.on
            case SettingsChanged():
                self.state.settings = message.settings
            case SessionOpened():
                self.state.speed = message.speed
            case Recovered():
                self.state.watched = False  # the guard says so again, and its word to stop may have been lost
                self._lose_track()
            case Restarted():
                self.state.asking = False
            case _:
                assert_never(message)

    @property
    def market(self) -> str:
        """The market's code, such as KRW-BTC."""
        return self.name.partition(":")[2]

    # --- the tape

    def _on_trades(self, printed: TradesPrinted) -> None:
        state = self.state
        folded = fold_trades(state.builder, printed.trades)
        self._take(folded.bars)
        if state.watched:
            prices = [trade.price for trade in printed.trades]
            self.send("guard", PriceSeen(self.market, prices[-1], min(prices), max(prices), printed.trades[-1].at))

    def _on_interval(self, end: int) -> None:
        self._take(close_until(self.state.builder, end))
        state = self.state
        if state.holding and state.connected and not state.asking and end >= state.trusted_from:
            self._ask()

    def _take(self, bars: tuple[Bar, ...]) -> None:
        """Keep closed minutes, tell the guard, and close every base bar that is over now."""
        state = self.state
        for bar in bars:
            state.minutes.append(bar)
            if state.watched:
                self.send("guard", MinuteClosed(self.market, bar.start + MINUTE, bar, newest_atr(state.memory)))
        if state.holding:
            if len(state.minutes) > HELD_MINUTES_MAX:
                state.minutes.clear()
                state.complete_until = 0
            return
        state.complete_until = max(state.complete_until, state.builder.closed_until)
        while state.base_end and state.base_end + BASE_FRAME <= state.builder.closed_until:
            self._close_base(state.base_end)

    def _close_base(self, start: int) -> None:
        """One base bar is over: update every frame, and evaluate unless a later bar is over too."""
        state, end = self.state, start + BASE_FRAME
        inside = [bar for bar in state.minutes if start <= bar.start < end]
        state.minutes = [bar for bar in state.minutes if bar.start >= end]
        state.base_end = end
        if inside:
            state.last = resample(inside, BASE_FRAME)[0]
        elif state.last is not None:
            state.last = flat_bar(start, state.last.close)
        else:
            return
        close_base_bar(state.memory, state.last)
        if end + BASE_FRAME > state.builder.closed_until:
            self.send(
                "portfolio", MarketEvaluated(evaluate(state.memory, self.market, end, state.settings, trusted=True))
            )

    # --- gaps

    def _on_stream(self, change: StreamChanged) -> None:
        if change.stream != "public":
            return
        self.state.connected = change.connected
        self._lose_track()
        if change.connected:
            self.state.trusted_from = -(-change.at // MINUTE) * MINUTE

    def _lose_track(self) -> None:
        """From here on minutes may be incomplete: collect only, until the gap is filled."""
        state = self.state
        state.holding, state.asking = True, False
        state.minutes = [bar for bar in state.minutes if bar.start < state.complete_until]

    def _ask(self) -> None:
        state = self.state
        state.asking = True
        state.asked += 1
        until = state.builder.closed_until
        fillable = state.base_end and until - state.complete_until <= GAP_MAX
        self.send("rest", HistoryWanted(self.market, state.complete_until if fillable else 0, until))
        self.after(self._real(ASK_AGAIN_S), HistoryDue(state.asked))

    def _ask_later(self) -> None:
        self.state.asked += 1
        self.after(self._real(ASK_AGAIN_S / 3), HistoryDue(self.state.asked))

    def _on_history(self, loaded: HistoryLoaded) -> None:
        state = self.state
        if not state.holding or not state.connected or loaded.until < state.trusted_from:
            return
        if loaded.since and not state.base_end:  # a gap's answer, asked for before this actor was begun again
            return
        if loaded.since == 0 and not self._seed(loaded):
            return
        known = [bar for bar in state.minutes if bar.start < loaded.since or bar.start >= loaded.until]
        state.minutes = sorted((*known, *loaded.minutes), key=lambda bar: bar.start)
        state.holding = state.asking = False
        self._take(())

    def _seed(self, loaded: HistoryLoaded) -> bool:
        """Warm up; with impossible bars the market stays without data, and so without orders, until others come."""
        state = self.state
        base = loaded.until - loaded.until % BASE_FRAME
        try:
            seed(state.memory, loaded.fives, loaded.hours, loaded.four_hours, base)
        except BadBars as error:
            self.publish("incidents", IncidentRaised(self.now, "bad_history", self.market, str(error)))
            self._ask_later()
            return False
        state.base_end = base
        if loaded.fives:
            newest = loaded.fives[-1]
            state.last = newest if newest.start + BASE_FRAME == base else flat_bar(base - BASE_FRAME, newest.close)
        state.minutes = [bar for bar in state.minutes if bar.start >= base]
        return True

    def _real(self, seconds: float) -> int:
        """Transport time in microseconds of our clock."""
        return int(seconds * US_PER_S * self.state.speed)
