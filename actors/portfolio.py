"""Owns the books and the positions: values the account, decides at each base close, books fills, orders exits."""

from decimal import Decimal
from typing import TypeAlias, assert_never

from actors.desk import ExitRetryDue
from actors.exits import Exits
from actors.runtime import Recovered, Restarted
from domain.account import book_fill, book_flow, equity
from domain.decide import AccountView, RiskView, decide
from domain.decisions import Evaluation
from domain.limits import count_entry, entries_on, measure
from domain.market import kst_day
from domain.message import Message
from domain.messages import (
    BooksWanted,
    DataBlocked,
    DecisionDue,
    DecisionsMade,
    EquityMeasured,
    ExitTriggered,
    FillBooked,
    IncidentRaised,
    IntentAsked,
    LedgerCorrected,
    LedgerTold,
    LevelsMoved,
    LiquidatePositions,
    ListingStates,
    MarketEvaluated,
    OrderFinished,
    OrderRefused,
    RiskTripped,
    SessionOpened,
    SettingsChanged,
    TermsLoaded,
    TradingStateChanged,
    UniverseChanged,
)
from domain.orders import Side

ASK_AGAIN_S = 30.0  # real seconds after which the fate of an intent is asked for
ZERO = Decimal(0)


class UpkeepDue(Message, frozen=True):
    """Own timer: ask after intents that stayed long; `chain` tells a live timer from a stale one."""

    chain: int


Accepted: TypeAlias = (
    Recovered
    | Restarted
    | SessionOpened
    | SettingsChanged
    | UniverseChanged
    | DataBlocked
    | ListingStates
    | TermsLoaded
    | MarketEvaluated
    | DecisionDue
    | TradingStateChanged
    | RiskTripped
    | OrderRefused
    | OrderFinished
    | FillBooked
    | ExitTriggered
    | LevelsMoved
    | LedgerCorrected
    | BooksWanted
    | LiquidatePositions
    | UpkeepDue
    | ExitRetryDue
)


class Portfolio(Exits):
    """Owns ledger, positions and pending intents.

    Sends OrderIntended to risk, GuardPosition to guard; publishes DecisionsMade, PositionChanged, PositionClosed and
    EquityMeasured. Every input may come twice. A restart loses nothing; after a process start it asks the gateway
    about every pending intent and tells the guard every position again.
    """

    def handle(self, message: Accepted) -> None:  # noqa: C901, PLR0912 (a table of contents has as many lines as messages)
        """Hand each message to its handler."""
        match message:
            case Recovered() | Restarted():
                self._on_back(started=isinstance(message, Recovered))
            case SessionOpened():
                self.state.venue, self.state.speed = message.venue, message.speed
                self._upkeep()
            case SettingsChanged():
                self.state.settings = message.settings
            case UniverseChanged():
                self.state.universe, self.state.halted = list(message.markets), dict(message.halted)
            case ListingStates():
                self._on_listings(message)
            case DataBlocked():
                self.state.blocks = message.blocks
            case TermsLoaded():
                self.state.terms[message.terms.market] = message.terms
            case MarketEvaluated():
                self._on_evaluated(message.evaluation)
            case DecisionDue():
                self._decide(message.at)
            case TradingStateChanged():
                self.state.trading = message
                self.state.liquidating = self.state.liquidating and message.state == "HALTED"
            case RiskTripped():
                pass  # the state that follows from it comes as TradingStateChanged
            case OrderRefused():
                self._on_refused(message)
            case OrderFinished():
                self._on_finished(message)
            case FillBooked():
                self._on_fill(message)
            case ExitTriggered():
                self._on_triggered(message)
            case LevelsMoved():
                self._on_levels_moved(message)
            case LedgerCorrected():
                self._on_corrected(message)
            case BooksWanted():
                self.send("reconciler", LedgerTold(message.request, self._totals(), self.state.opened))
            case LiquidatePositions():
                self._liquidate()
            case UpkeepDue():
                if message.chain == self.state.chain:
                    self._upkeep()
            case ExitRetryDue():
                self._on_retry(message)
            case _:
                assert_never(message)

    # --- deciding

    def _on_evaluated(self, evaluation: Evaluation) -> None:
        state = self.state
        state.marks[evaluation.market] = evaluation.close
        if evaluation.at <= state.decided_at:
            return
        state.arrived[evaluation.market] = evaluation
        at = evaluation.at
        holding = (market for market, held in state.held.items() if not held.dust)  # maybe where nothing may be entered
        if all(market in state.arrived and state.arrived[market].at == at for market in (*state.universe, *holding)):
            self._decide(at)

    def _decide(self, at: int) -> None:
        """One decision for every market of the universe, on what has arrived for `at` (quant.md CTL-08).

        What is held elsewhere is decided on when it has arrived; a market that is only watched never is.
        """
        state = self.state
        if at <= state.decided_at or not state.venue:  # no market may be entered at times: what is held goes on
            return
        state.decided_at = at
        evaluations = tuple(each for each in state.arrived.values() if each.at == at)
        state.arrived = {market: each for market, each in state.arrived.items() if each.at > at}
        measured = self._measure(at)
        self._leave()
        self._close_exits(at, evaluations)
        concerned = tuple(each for each in evaluations if each.market in {*state.universe, *state.held})
        decisions = decide(
            at, concerned, self._account(measured), self._risk(), state.settings, expected=tuple(state.universe)
        )
        for decision in decisions:
            if decision.code == "ORDER":
                self._enter(decision)
        self.publish("decisions", DecisionsMade(at, decisions))

    def _measure(self, at: int) -> EquityMeasured:
        """Value the account at the marks known, and move the day's limit along."""
        state, ledger = self.state, self.state.ledger
        missing = [market for market, volume in ledger.coins.items() if volume and market not in state.marks]
        marks = state.marks | dict.fromkeys(missing, ZERO)
        total = equity(ledger, marks)
        positions = [held for held in state.held.values() if not held.dust]
        exposure = sum((held.volume * marks.get(held.market, ZERO) for held in positions), ZERO)
        if state.opened and not missing:
            measure(state.limits, at, total, ledger.flows, state.settings.sizes.day_loss)
        measured = EquityMeasured(
            at=at,
            cash=ledger.cash,
            equity=total,
            exposure=exposure,
            day_start=state.limits.day_start,
            realised=ledger.realised,
            fees=ledger.fees,
            flows=ledger.flows,
            marked=state.opened and not missing,
        )
        self.publish("equity", measured)
        return measured

    def _account(self, measured: EquityMeasured) -> AccountView:
        state = self.state
        fee = state.settings.costs.fee
        buys = {wish.market: wish.funds or ZERO for wish in state.pending.values() if wish.side is Side.BUY}
        reserved = sum(buys.values(), ZERO)
        selling = {wish.market for wish in state.pending.values() if wish.side is Side.SELL}  # their ends are not told
        positions = selling | {market for market, held in state.held.items() if not held.dust}
        today = kst_day(measured.at)
        return AccountView(
            equity=measured.equity,
            terms=tuple(state.terms[market] for market in sorted(state.terms)),
            cash_free=measured.cash - reserved * (1 + fee),
            exposure=measured.exposure + reserved,
            held=tuple(sorted(positions)),
            pending=tuple(sorted(buys)),
            entries=tuple((market, entries_on(state.limits, market, today)) for market in state.universe),
            day_blocked=state.limits.blocked,
        )

    def _risk(self) -> RiskView:
        state = self.state
        halted = tuple(state.halted.items())
        return RiskView(state.trading.state, state.trading.reason, tuple(state.universe), halted, state.blocks)

    # --- what became of an intent

    def _on_refused(self, refused: OrderRefused) -> None:
        order = self._settled(refused.intent_id)
        if order is not None and order.side is Side.SELL:
            self._sale_ended(order, ZERO, f"{refused.code}: {refused.numbers}")

    def _on_finished(self, finished: OrderFinished) -> None:
        for booked in finished.fills:
            self._on_fill(booked)
        order = self._settled(finished.intent_id)
        if order is None:
            return
        if order.side is Side.SELL:
            self._sale_ended(order, finished.executed_volume, finished.detail)
        else:
            if finished.executed_volume:
                count_entry(self.state.limits, order.market, kst_day(self.now))
            self._entry_ended(order.market)
        self._measure(self.now)

    # --- the books

    def _on_fill(self, booked: FillBooked) -> None:
        fill = booked.fill
        if not book_fill(self.state.ledger, fill):
            return
        self.state.marks[fill.market] = fill.price
        if fill.side is Side.BUY:
            self._on_bought(booked)
        else:
            self._on_sold(booked)
        self._measure(self.now)

    def _on_corrected(self, corrected: LedgerCorrected) -> None:
        """Money came or went without an order of ours; the exchange is right."""
        state, market = self.state, f"KRW-{corrected.currency}"
        book_flow(state.ledger, corrected.currency, corrected.amount, corrected.average_price)
        state.opened = state.opened or corrected.opening
        self._shrink(market)
        if corrected.currency != "KRW" and corrected.amount > 0:
            text = f"{corrected.amount} {corrected.currency} is not explained by orders of ours; it is not traded"
            self.publish("incidents", IncidentRaised(self.now, "unexplained_coins", market, text))
        if not corrected.opening:
            text = f"{corrected.currency} {corrected.amount:+f}: {corrected.reason}"
            self.publish("incidents", IncidentRaised(self.now, "books_corrected", corrected.currency, text))
        self._measure(self.now)

    def _totals(self) -> tuple[tuple[str, Decimal], ...]:
        ledger = self.state.ledger
        coins = ((market.partition("-")[2], volume) for market, volume in sorted(ledger.coins.items()) if volume)
        return (("KRW", ledger.cash), *coins)

    # --- upkeep

    def _on_back(self, *, started: bool) -> None:
        for held in self.state.held.values():
            self._guard(held)
            self._show(held, "")
            if held.wanted and not self._under_way(held.market, Side.SELL):  # its timer may have died with the process
                self._follow(held, held.wanted, self._real(1.0))
        self._upkeep(started=started)

    def _upkeep(self, *, started: bool = False) -> None:
        """A waiter never trusts that an answer will come: ask the gateway about every intent that stayed long.

        One that is young may still be on its way there, and the gateway would call it absent. After a process start
        none is on its way: that mail died.
        """
        for intent_id in self.state.pending:
            if started or self.now - self.state.asked_for.get(intent_id, 0) >= self._real(ASK_AGAIN_S):
                self.send("gateway", IntentAsked(intent_id))
        self.state.chain += 1
        self.after(self._real(ASK_AGAIN_S), UpkeepDue(self.state.chain))
