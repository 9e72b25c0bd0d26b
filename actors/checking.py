"""The talk with the exchange about a market's closed minutes: when to ask, and what follows from the answer."""

import zlib

from msgspec.structs import replace

from actors.minutes import Minutes
from domain.candles import BadBars
from domain.finality import SETTLE, doubt, is_moved, note_candle, note_late, recheck, require_minutes, settle, to_ask
from domain.market import MINUTE, US_PER_S, Trade
from domain.message import Message
from domain.messages import (
    CandlesDoubted,
    CandleSeen,
    CandlesRead,
    CandlesUnread,
    CandlesWanted,
    IncidentRaised,
    MinutesChecked,
)
from domain.spans import joined, within

SPREAD = 200 * US_PER_S  # the markets' checks after a base close are spread over this much: it ends before the next one
ANSWER_S = 30.0  # real seconds until an answer that did not come counts as failed
LAG_S = 2.0  # real seconds before the exchange is asked again for what it did not know yet, doubled each time
FAIL_S = 5.0  # the same when it could not be asked
FAIL_MAX_S = 300.0


class RecheckDue(Message, frozen=True):
    """Own timer: ask the exchange for the minutes not confirmed; `number` tells a live timer from a stale one."""

    number: int


class Checking(Minutes):
    """The half of a market that asks the exchange about its minutes.

    One question is under way at a time. It is asked once after each base close, at a moment of the market's own, and at
    once when something is in doubt; the answer alone decides, and what comes next runs on it.
    """

    def _minutes_came(self) -> None:
        """More minutes are whole: close what is over by them, and have them checked in a while."""
        self._compare_streamed()
        if self._close_bases() and not self.state.check.planned:
            self._plan(SETTLE + (zlib.crc32(self.market.encode()) * SPREAD >> 32))

    # --- doubts

    def _on_late(self, trades: tuple[Trade, ...]) -> bool:
        """Trades came for closed minutes: ask at once; False when the indicators behind them cannot be run again."""
        known = note_late(self.state.finality, trades)
        times = [trade.at for trade in trades]
        self._ask_about(min(times), max(times) + 1, "late")
        return known

    def _on_candle(self, seen: CandleSeen) -> None:
        self.state.streamed = seen.bar
        self._compare_streamed()

    def _compare_streamed(self) -> None:
        """Compare the stream's candle with ours, once its minute is closed here."""
        state = self.state
        bar = state.streamed
        if bar is None or bar.start >= state.finality.until:
            return
        state.streamed = None
        if bar.start >= state.finality.since and note_candle(state.finality, bar):
            self._ask_about(bar.start, bar.start + MINUTE, "stream")

    def _on_doubted(self, doubted: CandlesDoubted) -> None:
        since = self.state.finality.since
        if doubted.since < since:  # long final here: told on as the exchange tells it now
            until = min(doubted.until, since)
            self.send("rest", CandlesWanted(self.market, doubted.since, until, doubted.reason))
        self._ask_about(doubted.since, doubted.until, doubted.reason)

    def _ask_about(self, since: int, until: int, reason: str) -> None:
        check, finality = self.state.check, self.state.finality
        if not doubt(finality, since, until):
            return
        if check.asked is not None:
            check.again = joined((*check.again, (since, until)))
        elif not check.fails and not finality.lags:  # otherwise it is asked again soon
            self._ask_exchange(reason)

    def _ask_doubts(self) -> None:
        """Ask about what was in doubt before a restart."""
        if self.state.finality.doubted and self.state.check.asked is None:
            self._ask_exchange("again")

    # --- the exchange's word

    def _ask_exchange(self, reason: str) -> None:
        """Ask for all that is not confirmed."""
        span = to_ask(self.state.finality, self.now)
        if span is not None:
            self.state.check.asked, self.state.check.asked_at = span, self.now
            self.send("rest", CandlesWanted(self.market, *span, reason))
            self._plan(self._real(ANSWER_S))

    def _plan(self, delay_us: int) -> None:
        """Ask in a while; an earlier plan is dropped."""
        check = self.state.check
        check.number += 1
        check.planned = True
        self.after(delay_us, RecheckDue(check.number))

    def _on_recheck(self, due: RecheckDue) -> None:
        check = self.state.check
        if due.number != check.number or not check.planned:
            return
        check.planned = False
        if check.asked is not None:
            self._failed()
        else:
            self._ask_exchange("check")

    def _on_unread(self, unread: CandlesUnread) -> None:
        if (unread.since, unread.until) == self.state.check.asked:
            self._failed()

    def _failed(self) -> None:
        """The exchange could not be asked: later again, and whoever watches the data is told that minutes wait."""
        check = self.state.check
        since, until = check.asked or (0, 0)
        check.asked, check.again = None, ()
        check.fails += 1
        self._plan(self._real(min(FAIL_S * 2.0 ** min(check.fails - 1, 16), FAIL_MAX_S)))
        self._tell_checked(MinutesChecked(self.market, since, until, 0, 0))

    def _on_read(self, read: CandlesRead) -> None:
        """Take the exchange's word, run on it from here, and tell what it changed."""
        state, check = self.state, self.state.check
        is_answer = (read.since, read.until) == check.asked
        try:
            require_minutes(read.minutes)
        except BadBars as error:
            self.publish("incidents", IncidentRaised(self.now, "bad_candles", self.market, str(error)))
            if is_answer:
                self._failed()
            return
        before = within([(read.since, read.until)], 0, state.finality.since)
        done = settle(state.finality, read.since, read.until, read.minutes)
        for span in (*before, *done.spans):
            self._tell_final(span, read.minutes, done.revisions)
        self._restate(done.revisions)
        moved = any(is_moved(self.market, one) for one in done.revisions)
        counts = (done.checked, len(done.revisions), moved)
        self._tell_checked(MinutesChecked(self.market, read.since, read.until, *counts, lost=done.lost))
        if is_answer:
            recheck(state.finality, check.asked_at - SETTLE)  # of a doubt that was too young, the answer may be, too
        self._let_go()
        if is_answer:
            self._go_on()

    def _go_on(self) -> None:
        """An answer has come: ask again for what it did not know yet, and for what was doubted meanwhile."""
        check, finality = self.state.check, self.state.finality
        check.asked, check.planned, check.fails = None, False, 0
        again, check.again = check.again, ()
        for since, until in again:
            doubt(finality, since, until)
        if finality.lags:
            self._plan(self._real(LAG_S * 2.0 ** (finality.lags - 1)))
        elif again:
            self._ask_exchange("again")

    def _tell_checked(self, counted: MinutesChecked) -> None:
        """Tell what was compared, and how the counters of trades moved since the last time."""
        builder, check, finality = self.state.builder, self.state.check, self.state.finality
        counters = (builder.late, builder.doubled, builder.disordered, finality.given_up)
        late, doubled, disordered, given_up = (now - told for now, told in zip(counters, check.told, strict=True))
        check.told = counters
        counts = {"late": late, "doubled": doubled, "disordered": disordered, "given_up": given_up}
        self.publish("checks", replace(counted, **counts, waiting=finality.waiting))
