"""The closed minutes of a market: told on, made into base bars, and evaluated at each base close."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from actors.runtime import Actor
from domain.candles import CandleBuilder
from domain.config import Settings
from domain.features import MarketMemory, close_base_bar, evaluate
from domain.finality import FINAL, PROVISIONAL, SETTLE, Finality, add, forget, oldest_needed
from domain.market import BASE_FRAME, MINUTE, US_PER_S, Bar
from domain.messages import CandlesTold, MarketEvaluated, Revision
from domain.restating import advance, base_bars, checkpoint, restate
from domain.spans import Span, Spans


@dataclass(slots=True)
class Check:
    """The talk with the exchange about our minutes.

    `number` is that of the newest timer, `planned` whether it is still to ring. `asked` is what was asked for at
    `asked_at` and not answered yet, `again` what was doubted since; `fails` counts failures in a row. `told` are the
    counters (late, doubled, disordered, given up) as they were told last.
    """

    number: int = 0
    planned: bool = False
    asked: Span | None = None
    asked_at: int = 0
    again: Spans = ()
    fails: int = 0
    told: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclass(slots=True)
class MarketState:
    """Candles and indicators of one market.

    `finality` has the closed minutes known to be whole, `mark` the memory as it was at their beginning. While `holding`
    something behind them is missing and was asked for: minutes are only collected in `held`. `trusted_from` is the
    minute from which the stream misses nothing, `base_end` the end of the newest base bar, 0 before. `streamed` is a
    candle of the exchange's stream whose minute is not closed here yet, `shown_at` when the open minute was last shown.
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
    trusted_from: int = 0
    held: list[Bar] = field(default_factory=list)
    base_end: int = 0
    last: Bar | None = None
    finality: Finality = field(default_factory=Finality)
    mark: MarketMemory = field(default_factory=MarketMemory)
    check: Check = field(default_factory=Check)
    streamed: Bar | None = None
    shown_at: int = 0


class Minutes(Actor[MarketState]):
    """What a market does with minutes that are whole; `actors.market` gets them, `actors.checking` has them checked."""

    State = MarketState

    @property
    def market(self) -> str:
        """The market's code, such as KRW-BTC."""
        return self.name.partition(":")[2]

    # --- minutes and base bars

    def _begin_at(self, base: int) -> None:
        """The memory is warmed up to `base`: what was known of minutes before counts no more."""
        old = self.state.finality
        self.state.finality = Finality(base, base, given_up=old.given_up + old.waiting)
        self.state.mark = checkpoint(self.state.memory)
        self.state.base_end = base

    def _keep(self, until: int, bars: Iterable[Bar], source: str, *, final: bool) -> None:
        """Take the next minutes up to `until` and tell them."""
        finality = self.state.finality
        if until <= finality.until:
            return
        kept = tuple(bar for bar in bars if finality.until <= bar.start < until)
        state = FINAL if final else PROVISIONAL
        self.publish("candles", CandlesTold(self.market, finality.until, until, kept, source, state))
        add(finality, until, kept, final=final, seen=source == "trades")

    def _keep_history(self, until: int, bars: Iterable[Bar]) -> None:
        """Take minutes as the exchange told them just now: the newest may still lack trades."""
        settled = self.now - SETTLE
        bars = tuple(bars)
        self._keep(min(until, settled - settled % MINUTE), bars, "rest", final=True)
        self._keep(until, bars, "rest", final=False)

    def _close_bases(self) -> bool:
        """Close every base bar that is over now; gives whether there was one."""
        state = self.state
        before = state.base_end
        while state.base_end + BASE_FRAME <= state.finality.until:
            self._close_base(state.base_end)
        if state.base_end == before:
            return False
        self._let_go()
        return True

    def _close_base(self, start: int) -> None:
        """One base bar is over: update every frame, and evaluate unless a later bar is over too."""
        state, end = self.state, start + BASE_FRAME
        state.base_end = end
        for bar in base_bars(state.memory, state.finality.bars, start, end):
            close_base_bar(state.memory, bar)
            state.last = bar
        if state.memory.closed_at == end and end + BASE_FRAME > state.finality.until:
            trusted = not state.finality.doubted
            told = evaluate(state.memory, self.market, end, state.settings, trusted=trusted)
            self.send("portfolio", MarketEvaluated(told))

    def _let_go(self) -> None:
        """Move the checkpoint on to the oldest minute that may still change."""
        state = self.state
        since = oldest_needed(state.finality, state.base_end)
        if since > state.finality.since:
            advance(state.mark, base_bars(state.mark, state.finality.bars, state.finality.since, since))
            forget(state.finality, since)

    def _restate(self, revisions: tuple[Revision, ...]) -> None:
        """Run the indicators again from the checkpoint when a minute of a closed base bar has changed."""
        state = self.state
        if any(one.start < state.base_end for one in revisions):
            bars = base_bars(state.mark, state.finality.bars, state.finality.since, state.base_end)
            restate(state.memory, state.mark, bars)
            state.last = bars[-1] if bars else None

    def _tell_final(self, span: Span, minutes: tuple[Bar, ...], revisions: tuple[Revision, ...]) -> None:
        since, until = span
        bars = tuple(bar for bar in minutes if since <= bar.start < until)
        changed = tuple(one for one in revisions if since <= one.start < until)
        self.publish("candles", CandlesTold(self.market, since, until, bars, "rest", FINAL, changed))

    def _real(self, seconds: float) -> int:
        """Transport time in microseconds of our clock."""
        return int(seconds * US_PER_S * self.state.speed)
