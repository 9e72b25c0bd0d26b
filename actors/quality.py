"""Owns the belief in the data: what may not be entered because of it, what was counted, what a person should know."""

from typing import Final, TypeAlias, assert_never

from actors.belief import StreamBelief
from actors.judge import LOOK, Judge
from actors.runtime import Recovered, Restarted
from domain.market import BASE_FRAME, HEARTBEAT, HOUR, MINUTE, US_PER_S
from domain.message import Message
from domain.messages import (
    CandlesDoubted,
    CandlesTold,
    DataBlocked,
    GapFilled,
    MinutesChecked,
    QualityMeasured,
    QualityRow,
    SessionOpened,
    SettingsChanged,
    SkewMeasured,
    SourceChanged,
    StreamChanged,
    StreamMeasured,
    UniverseChanged,
)

UNMEASURED_S: Final = 30.0  # real seconds without a measure of a stream that was measured before
ASK_AGAIN_S: Final = 60.0  # real seconds until REST is asked again for what is still in doubt
SLOW: Final = frozenset({"checked", "missing"})  # these alone are told once an hour


class LookDue(Message, frozen=True):
    """Own timer: look for what should have come; `chain` tells a live timer from a stale one."""

    chain: int


Accepted: TypeAlias = (
    Recovered
    | Restarted
    | SessionOpened
    | SettingsChanged
    | UniverseChanged
    | CandlesTold
    | MinutesChecked
    | StreamMeasured
    | StreamChanged
    | SourceChanged
    | GapFilled
    | SkewMeasured
    | LookDue
)


class Quality(Judge):
    """Owns the blocks of the data and the counters of its quality.

    Publishes DataBlocked on `data` whenever the set of blocks changes, QualityMeasured on `quality`, IncidentRaised on
    `incidents`; sends CandlesDoubted to a market whose candle looks wrong. It blocks entries alone, and never decides
    what is true: REST does. A restart loses nothing; after a process start everything has its time to come again.
    """

    mailbox_limit = 50_000

    def handle(self, message: Accepted) -> None:  # noqa: C901, PLR0912 (a table of contents has as many lines as messages)
        """Hand each message to its handler, then tell what has changed by it."""
        match message:
            case CandlesTold():
                self._on_candles(message)
            case MinutesChecked():
                self._on_checked(message)
            case StreamMeasured():
                self._on_measured(message)
            case StreamChanged():
                self._on_stream(message)
            case SourceChanged():
                self._on_source(message)
            case GapFilled():
                self._count("", message.stream, "lost", message.trades)
            case SkewMeasured():
                self._on_skew(message)
            case UniverseChanged():
                self._expect(message.markets)
            case SettingsChanged():
                self.state.settings = message.settings.data
            case SessionOpened():
                self.state.speed = message.speed
                self._expect(message.markets)
                self._begin()
            case Recovered():
                self._on_recovered()
            case Restarted():
                self._begin()
            case LookDue():
                if message.chain == self.state.chain:
                    self._look()
            case _:
                assert_never(message)
        self._settle()

    # --- streams and clocks

    def _on_measured(self, told: StreamMeasured) -> None:
        """Silent is a stream without data for ten seconds, or for longer if the markets' habits explain that."""
        self._stream(told.stream).measured_at = self.now
        self._heal("", "STREAM_UNMEASURED")
        if told.silent_s is None:
            self._look_at_streams()
            return
        expected_s = max(float(self.state.settings.silent_s), told.expected_s or 0.0)
        if told.silent_s > expected_s:
            text = f"{told.stream}: no data for {told.silent_s:.0f} s, expected within {expected_s:.0f} s"
            self._fall_silent(told.stream, text)
        elif not self._stream(told.stream).down_since:
            self._heal("", "STREAM_SILENT")

    def _on_stream(self, told: StreamChanged) -> None:
        if told.stream != "public":
            return  # what the private stream misses is the reconciler's
        one = self._stream(told.stream)
        if told.connected:
            one.down_since = 0
            if not one.measured_at:
                self._heal("", "STREAM_SILENT")  # nobody measures it: its coming up is all there is
        elif not one.down_since:
            one.down_since = told.at

    def _on_source(self, told: SourceChanged) -> None:
        if told.source == "rest":
            for market in told.markets:
                self._count(market, told.stream, "stale", 1)

    def _on_skew(self, told: SkewMeasured) -> None:
        limit = self.state.settings.skew_s
        if abs(told.ahead) > float(limit):
            text = f"{told.source}: the exchange's clock is {told.ahead:+.1f} s from ours, at most {limit} s"
            self._hold("", "CLOCK_SKEW", text)
        else:
            self._heal("", "CLOCK_SKEW")

    def _fall_silent(self, stream: str, text: str) -> None:
        if self._hold("", "STREAM_SILENT", text):
            self._count("", stream, "stale", 1)

    # --- what did not come

    def _look(self) -> None:
        """Look at every clock, tell what was counted, and come back."""
        self._look_at_streams()
        self._look_for_candles()
        for market in [market for market in self.state.expected if self._of(market).alerted]:
            self._judge_checks(market)  # an hour moves on
        self._judge_checks("")
        self._ask_again()
        self._measure()
        self.state.chain += 1
        self.after(max(LOOK, self._real(1.0)), LookDue(self.state.chain))

    def _look_at_streams(self) -> None:
        for name, stream in self.state.streams.items():
            if stream.down_since and self.now - stream.down_since > self._real(self.state.settings.silent_s):
                text = f"{name}: down for {self._seconds(stream.down_since):.0f} s"
                self._fall_silent(name, f"{text}, expected within {self.state.settings.silent_s} s")
            if stream.measured_at and self.now - stream.measured_at > self._real(UNMEASURED_S):
                text = f"{name}: its freshness is not known for {self._seconds(stream.measured_at):.0f} s"
                self._hold("", "STREAM_UNMEASURED", f"{text}, expected within {UNMEASURED_S:.0f} s")

    def _look_for_candles(self) -> None:
        """Every minute is told of every market, quiet ones too: one that is not may hide trades."""
        limit, expected = MINUTE + self._late_us(), self.state.expected
        ages = {market: self.now - self._of(market).told_until for market in expected}
        late = {market: age for market, age in ages.items() if age > limit}
        if len(late) == len(expected) > 1:
            self._hold_late("", f"of {len(late)} markets all, ", min(late.values()), limit)
            return
        self._heal("", "CANDLE_LATE")
        for market, age in late.items():
            self._hold_late(market, "", age, limit)

    def _hold_late(self, market: str, which: str, age: int, limit: int) -> None:
        told = f"trades: {which}the newest minute ended {age / US_PER_S:.0f} s ago"
        if self._hold(market, "CANDLE_LATE", f"{told}, expected within {limit / US_PER_S:.0f} s"):
            self._count(market, "trades", "stale", 1)

    def _ask_again(self) -> None:
        """A waiter never trusts that an answer will come."""
        for market in self.state.expected:
            one = self._of(market)
            if one.doubted and self.now - one.asked_at > self._real(ASK_AGAIN_S):
                one.asked_at = self.now
                for code, spans in one.doubted.items():
                    for span in spans:
                        self.send(f"market:{market}", CandlesDoubted(market, *span, code.lower()))

    # --- counters

    def _measure(self) -> None:
        """Tell what was counted, every five minutes; what is merely usual once an hour."""
        state = self.state
        slot = self.now - self.now % BASE_FRAME
        if slot == state.slot:
            return
        hourly = slot // HOUR != state.slot // HOUR
        state.slot = slot
        due = {key: counts for key, counts in state.counts.items() if hourly or counts.keys() - SLOW}
        if due:
            state.counts = {key: counts for key, counts in state.counts.items() if key not in due}
            named = ((key.split(" "), counts) for key, counts in sorted(due.items()))
            rows = tuple(QualityRow(market, source, **counts) for (market, source), counts in named)
            self.publish("quality", QualityMeasured(slot, rows))

    # --- a start, and what all need

    def _begin(self) -> None:
        """Tell all blocks again: mail may be lost. A new chain of timers begins."""
        self.state.retell = True
        self._look()

    def _on_recovered(self) -> None:
        """What was on its way is lost: every clock begins anew, and REST is asked again."""
        state = self.state
        state.streams = {}
        for one in state.markets.values():
            one.told_until = max(one.told_until, self.now)
            one.asked_at = 0
        self._begin()

    def _expect(self, markets: tuple[str, ...]) -> None:
        """These markets must be told; one that may not be entered any more is nobody's concern."""
        state = self.state
        state.expected = list(dict.fromkeys((*markets, HEARTBEAT)))
        gone = state.markets.keys() - set(state.expected)
        state.causes.drop(gone)
        state.markets = {market: self._of(market) for market in state.expected}

    def _settle(self) -> None:
        state = self.state
        ended = state.causes.settle(self.now)
        blocks = state.causes.blocks
        if blocks != state.told or state.retell:
            changed = tuple(block for block in blocks if block not in state.told)
            state.told, state.retell = blocks, False
            self.publish("data", DataBlocked(blocks, self.now, changed, ended))

    def _stream(self, name: str) -> StreamBelief:
        return self.state.streams.setdefault(name, StreamBelief())

    def _seconds(self, since: int) -> float:
        """Real seconds since then."""
        return (self.now - since) / US_PER_S / self.state.speed
