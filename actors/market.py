"""One coin: builds its candles from trades, keeps its indicators, and evaluates it at every base close."""

from typing import TypeAlias, assert_never

from actors.checking import Checking, RecheckDue
from actors.minutes import Check, MarketState
from actors.runtime import Recovered, Restarted
from domain.candles import BadBars, close_until, flat_bar, fold_trades, forming_bar
from domain.features import newest_atr, seed
from domain.finality import recheck, require_minutes
from domain.market import BASE_FRAME, DAY, MINUTE, Bar
from domain.message import Message
from domain.messages import (
    BarMoved,
    CandlesDoubted,
    CandleSeen,
    CandlesRead,
    CandlesUnread,
    HistoryFailed,
    HistoryLoaded,
    HistoryWanted,
    IncidentRaised,
    IntervalEnded,
    MinuteClosed,
    PriceSeen,
    SessionOpened,
    SettingsChanged,
    StreamChanged,
    TradesPrinted,
    WatchMarket,
)

__all__ = ["Market", "MarketState"]

SHOW_EVERY_S = 2.0  # real seconds between two pictures of the open minute
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
    | CandleSeen
    | CandlesDoubted
    | CandlesRead
    | CandlesUnread
    | RecheckDue
    | WatchMarket
)


class Market(Checking):
    """Owns candles and indicators of one market.

    Sends MarketEvaluated to portfolio at every base close, PriceSeen and MinuteClosed to guard while watched; publishes
    CandlesTold on `candles`, MinutesChecked on `checks`, BarMoved on `bars`. After a gap it sends HistoryWanted to rest
    and decides on nothing before the gap is filled; CandlesWanted asks for closed minutes again. A restart loses
    nothing.
    """

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
            case CandleSeen():
                self._on_candle(message)
            case CandlesDoubted():
                self._on_doubted(message)
            case CandlesRead():
                self._on_read(message)
            case CandlesUnread():
                self._on_unread(message)
            case RecheckDue():
                self._on_recheck(message)
            case StreamChanged():
                self._on_stream(message)
            case WatchMarket():
                self.state.watched = message.on
            case SettingsChanged():
                self.state.settings = message.settings
            case SessionOpened():
                self.state.speed = message.speed
            case Recovered():
                self._on_recovered()
            case Restarted():
                self.state.asking = False
            case _:
                assert_never(message)

    # --- the tape

    def _on_trades(self, printed: TradesPrinted) -> None:
        state = self.state
        state.builder.doubled += printed.doubled
        folded = fold_trades(state.builder, printed.trades)
        self._take(folded.bars)
        if folded.late and not self._on_late(folded.late) and not state.holding:
            self._start_anew()
        newest = printed.trades[-1]
        if state.watched:
            prices = [trade.price for trade in printed.trades]
            self.send("guard", PriceSeen(self.market, prices[-1], min(prices), max(prices), newest.at))
        if newest.at - state.shown_at >= self._real(SHOW_EVERY_S) and (bar := forming_bar(state.builder)) is not None:
            state.shown_at = newest.at
            self.publish("bars", BarMoved(self.market, bar))

    def _on_interval(self, end: int) -> None:
        self._take(close_until(self.state.builder, end))
        state = self.state
        if state.holding and state.connected and not state.asking and end >= state.trusted_from:
            self._ask()

    def _take(self, bars: tuple[Bar, ...]) -> None:
        """Keep closed minutes, tell the guard, and close every base bar that is over now."""
        state = self.state
        if state.watched:
            for bar in bars:
                self.send("guard", MinuteClosed(self.market, bar.start + MINUTE, bar, newest_atr(state.memory)))
        if not state.holding:
            self._keep(state.builder.closed_until, bars, "trades", final=False)
            self._minutes_came()
            return
        state.held.extend(bars)
        if len(state.held) > HELD_MINUTES_MAX:
            self._start_anew()

    # --- gaps

    def _on_recovered(self) -> None:
        """Mail, timers and calls under way have died with the process, and with them what was told of minutes."""
        state = self.state
        state.watched = False  # the guard says so again, and its word to stop may have been lost
        state.check = Check(state.check.number, told=state.check.told)
        state.finality.lags = 0
        recheck(state.finality)
        self._lose_track()

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
        state.held.clear()

    def _start_anew(self) -> None:
        """Nothing known is of use any more: warm up again."""
        self._lose_track()
        self._begin_at(0)

    def _ask(self) -> None:
        state = self.state
        state.asking = True
        state.asked += 1
        known, until = state.finality.until, state.builder.closed_until
        self.send("rest", HistoryWanted(self.market, known if known and until - known <= GAP_MAX else 0, until))
        self.after(self._real(ASK_AGAIN_S), HistoryDue(state.asked))

    def _ask_later(self) -> None:
        self.state.asked += 1
        self.after(self._real(ASK_AGAIN_S / 3), HistoryDue(self.state.asked))

    def _on_history(self, loaded: HistoryLoaded) -> None:
        state = self.state
        if not state.holding or not state.connected or loaded.until < state.trusted_from:
            return
        unknown = loaded.since and not state.base_end  # a gap's answer, asked for before this actor was begun again
        if unknown or loaded.since > state.finality.until or not self._is_sound(loaded):
            return
        state.holding = state.asking = False
        held = tuple(state.held)
        state.held.clear()
        self._keep_history(loaded.until, loaded.minutes)
        self._keep(state.builder.closed_until, held, "trades", final=False)
        self._minutes_came()
        self._ask_doubts()

    def _is_sound(self, loaded: HistoryLoaded) -> bool:
        """Warm up if need be; with impossible bars the market stays without data, and so without orders, for now."""
        try:
            require_minutes(loaded.minutes)
            if loaded.since == 0:
                self._seed(loaded)
        except BadBars as error:
            self.publish("incidents", IncidentRaised(self.now, "bad_history", self.market, str(error)))
            self._ask_later()
            return False
        return True

    def _seed(self, loaded: HistoryLoaded) -> None:
        state = self.state
        base = loaded.until - loaded.until % BASE_FRAME
        seed(state.memory, loaded.fives, loaded.hours, loaded.four_hours, base)
        if loaded.fives:
            newest = loaded.fives[-1]
            state.last = newest if newest.start + BASE_FRAME == base else flat_bar(base - BASE_FRAME, newest.close)
        self._begin_at(base)
