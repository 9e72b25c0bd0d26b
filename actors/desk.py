"""The orders a portfolio wants: entries, exits, and what to do when a sale did not get through."""

from dataclasses import dataclass, field
from decimal import Decimal

from actors.held import PARTIAL_EXITS, Held, entry_order, exit_order, minimum_sale
from actors.runtime import Actor
from domain.account import Ledger
from domain.config import Settings
from domain.decisions import Decision, Evaluation, OrderIntent
from domain.exits import PRIORITY, partial_volume
from domain.limits import DayLimits
from domain.market import US_PER_S, Terms
from domain.message import Message
from domain.messages import IncidentRaised, OrderIntended, TradingStateChanged
from domain.orders import Side

EXIT_RETRY_S = (0.5, 1.0, 2.0, 5.0, 15.0)  # real seconds between attempts of a sale that did not get through
ZERO = Decimal(0)


class ExitRetryDue(Message, frozen=True):
    """Own timer: try this position's sale again."""

    market: str
    reason: str


@dataclass(slots=True)
class PortfolioState:
    """Books, positions, intents under way, and what has arrived for the decision time being collected."""

    speed: float = 1.0
    settings: Settings = field(default_factory=Settings)
    universe: list[str] = field(default_factory=list)
    terms: dict[str, Terms] = field(default_factory=dict)
    trading: TradingStateChanged = field(default_factory=lambda: TradingStateChanged("REDUCING", "starting", "", 0))
    ledger: Ledger = field(default_factory=Ledger)
    opened: bool = False
    held: dict[str, Held] = field(default_factory=dict)
    pending: dict[str, OrderIntent] = field(default_factory=dict)
    atrs: dict[str, Decimal] = field(default_factory=dict)
    counter: int = 0
    arrived: dict[str, Evaluation] = field(default_factory=dict)
    marks: dict[str, Decimal] = field(default_factory=dict)
    decided_at: int = 0
    limits: DayLimits = field(default_factory=DayLimits)
    chain: int = 0


class Desk(Actor[PortfolioState]):
    """The half of the portfolio that wants orders; `actors.portfolio` has the half that keeps the books and decides.

    One sale is under way in a market at a time: a reason that comes meanwhile waits for its end, the highest of
    POS-02 first, and a sale that did not get through is tried again for as long as the position lives.
    """

    State = PortfolioState

    def _enter(self, decision: Decision) -> None:
        settings = self.state.settings
        order = entry_order(
            self._new_id("e"), decision, settings.costs.slip_cap, settings.sizes.entry_life_bars, self.now
        )
        if order is None or decision.atr is None:
            return
        self.state.atrs[order.market] = decision.atr
        self._want(order)

    def _exit(self, held: Held, reason: str, price: Decimal) -> None:
        """Order the sale; while one is under way a reason that ranks higher waits for its end (POS-02)."""
        if held.dust or reason == held.exit_reason:
            return
        if (reason == "TP1" and held.tp1_done) or (reason == "TP2" and held.tp2_done):
            return
        if self._selling(held.market):
            if not held.wanted or PRIORITY.index(reason) < PRIORITY.index(held.wanted):
                held.wanted = reason
            return
        volume, whole = held.volume, True
        if reason in PARTIAL_EXITS:
            volume, whole = partial_volume(held.volume, price, self.state.settings)
        if volume * price < minimum_sale(self.state.terms.get(held.market), self.state.settings.sizes.exchange_min):
            self._turn_to_dust(held, price)
            return
        held.exit_reason, held.wanted = reason, ""
        held.last_reason = f"{reason}_ALL" if whole and reason in PARTIAL_EXITS else reason
        self._want(exit_order(self._new_id("x"), held, volume, held.last_reason, price, self.now))
        self._show(held, reason)

    def _turn_to_dust(self, held: Held, price: Decimal) -> None:
        """Too small to sell: no position any more for risk and guard, its coins stay in the books (POS-04)."""
        held.dust = True
        held.exit_reason = held.wanted = ""
        text = f"{held.volume} worth {held.volume * price:.0f} KRW is below the exchange's minimum and cannot be sold"
        self.publish("incidents", IncidentRaised(self.now, "dust", held.market, text))
        self._guard(held)
        self._show(held, "DUST")

    def _liquidate(self) -> None:
        for market in sorted(self.state.held):
            held = self.state.held[market]
            self._exit(held, "FORCED", self.state.marks.get(market, held.entry))

    def _on_retry(self, due: ExitRetryDue) -> None:
        held = self.state.held.get(due.market)
        if held is not None:
            self._exit(held, due.reason, self.state.marks.get(due.market, held.entry))

    def _want(self, order: OrderIntent) -> None:
        self.state.pending[order.intent_id] = order
        self.send("risk", OrderIntended(order))

    def _sale_ended(self, order: OrderIntent, executed: Decimal, detail: str) -> None:
        """Go on after a sale: all sold, a part was meant, or the rest must be tried again."""
        held = self.state.held.get(order.market)
        if held is None:
            return
        meant, held.exit_reason = held.exit_reason, ""
        if order.reason in PARTIAL_EXITS and executed:
            held.tries = 0
            held.tp1_done = True
            held.tp2_done = held.tp2_done or meant == "TP2"
            self._guard(held)
            self._show(held, meant)
            follow = held.wanted
        else:
            follow = held.wanted or meant or "FORCED"
        held.wanted = follow
        if follow:
            wait = EXIT_RETRY_S[min(held.tries, len(EXIT_RETRY_S) - 1)] if follow == meant else 0.0
            if follow == meant:
                held.tries += 1
                text = f"the sale of {held.volume} did not get through ({detail}), trying again"
                self.publish("incidents", IncidentRaised(self.now, "exit_retry", held.market, text))
            self.after(self._real(wait), ExitRetryDue(held.market, follow))

    def _guard(self, held: Held) -> None:
        if message := held.guarded():
            self.send("guard", message)

    def _show(self, held: Held, reason: str) -> None:
        self.publish("positions", held.told(reason))

    def _selling(self, market: str) -> bool:
        return any(wish.market == market and wish.side is Side.SELL for wish in self.state.pending.values())

    def _new_id(self, kind: str) -> str:
        """An id no turn of any start gives again: the counter may be lost with a state, time moves on."""
        self.state.counter += 1
        return f"{kind}{self.now // 1000:x}-{self.state.counter}"

    def _real(self, seconds: float) -> int:
        """Transport time in microseconds of our clock."""
        return int(seconds * US_PER_S * self.state.speed)
