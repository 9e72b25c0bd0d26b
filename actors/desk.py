"""The positions of a portfolio and the orders it wants: entries, sales, and sales that did not get through."""

from dataclasses import dataclass, field
from decimal import Decimal

from msgspec.structs import replace

from actors.held import PARTIAL_EXITS, Held, entry_order, exit_order, first_held, minimum_sale, sale_volume
from actors.runtime import Actor
from domain.account import Ledger
from domain.blocks import Block
from domain.config import Settings
from domain.decisions import Decision, Evaluation, Levels, OrderIntent
from domain.exits import PRIORITY, levels
from domain.limits import DayLimits
from domain.listings import HALTED, Standing
from domain.market import US_PER_S, Terms
from domain.message import Message
from domain.messages import FillBooked, IncidentRaised, LevelsMoved, OrderIntended, TradingStateChanged
from domain.orders import Side

EXIT_RETRY_S = (0.5, 1.0, 2.0, 5.0, 15.0)  # real seconds between attempts of a sale that did not get through
ZERO = Decimal(0)


class ExitRetryDue(Message, frozen=True):
    """Own timer: try this position's sale again."""

    market: str
    reason: str


@dataclass(slots=True)
class PortfolioState:
    """Books, positions, intents under way, and what has arrived for the decision time being collected.

    `venue` is where the books are kept, "" before the first start; `asked_for` when each pending intent was sent. While
    `liquidating`, what is still bought is sold again at once. `standings` are the markets that are not NORMAL at the
    exchange, `blocks` is as in DataBlocked.
    """

    venue: str = ""
    speed: float = 1.0
    settings: Settings = field(default_factory=Settings)
    universe: list[str] = field(default_factory=list)
    halted: dict[str, str] = field(default_factory=dict)
    standings: dict[str, Standing] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    terms: dict[str, Terms] = field(default_factory=dict)
    trading: TradingStateChanged = field(default_factory=lambda: TradingStateChanged("REDUCING", "starting", "", 0))
    ledger: Ledger = field(default_factory=Ledger)
    opened: bool = False
    held: dict[str, Held] = field(default_factory=dict)
    pending: dict[str, OrderIntent] = field(default_factory=dict)
    asked_for: dict[str, int] = field(default_factory=dict)
    liquidating: bool = False
    atrs: dict[str, Decimal] = field(default_factory=dict)
    counter: int = 0
    arrived: dict[str, Evaluation] = field(default_factory=dict)
    marks: dict[str, Decimal] = field(default_factory=dict)
    decided_at: int = 0
    limits: DayLimits = field(default_factory=DayLimits)
    chain: int = 0


class Desk(Actor[PortfolioState]):
    """The part of the portfolio that has positions and wants orders; `actors.exits` has the reasons to sell.

    One sale is under way in a market at a time: a reason that comes meanwhile waits for its end, the highest of
    POS-02 first, and a sale that did not get through is tried again for as long as the position lives: ever more slowly
    where the market takes no orders; where it is gone only while trades are seen all the same.
    """

    State = PortfolioState

    def _enter(self, decision: Decision) -> None:
        costs, sizes = self.state.settings.costs, self.state.settings.sizes
        order = entry_order(self._new_id("e"), decision, costs.slip_cap, sizes.entry_life_bars, self.now)
        if order is None or decision.atr is None:
            return
        self.state.atrs[order.market] = decision.atr
        self._want(order)

    # --- the sale

    def _exit(self, held: Held, reason: str, price: Decimal, *, traded: bool = False) -> None:
        """Order the sale; while one is under way a reason waits for its end, the highest of all first (POS-02).

        `traded` tells that the price is a trade of just now: then the market is not gone, whatever was said of it.
        """
        if held.dust or reason == held.exit_reason:
            return
        if (reason == "TP1" and held.tp1_done) or (reason == "TP2" and held.tp2_done):
            return
        settings, reason = self.state.settings, _higher(held.wanted, reason)
        if self._is_shut(held, traded=traded):
            self._await_opening(held, reason)
            return
        minimum = minimum_sale(self.state.terms.get(held.market), settings.sizes.exchange_min)
        small = held.volume * price < minimum
        if self._under_way(held.market, Side.SELL) or (small and self._under_way(held.market, Side.BUY)):
            held.wanted = reason  # of a buy more may come: too small is judged at its end
            return
        if small:
            self._turn_to_dust(held, price)
            return
        volume, whole = sale_volume(held, reason, price, settings, minimum)
        held.exit_reason, held.exit_id = reason, self._new_id("x")
        if whole or held.wanted == reason:
            held.wanted = ""
        held.last_reason = f"{reason}_ALL" if whole and reason in PARTIAL_EXITS else reason
        self._want(exit_order(held.exit_id, held, volume, held.last_reason, price, self.now))
        self._show(held, reason)

    def _turn_to_dust(self, held: Held, price: Decimal) -> None:
        """Too small to sell: no position any more for risk and guard, its coins stay in the books (POS-04)."""
        text = f"{held.volume} worth {held.volume * price:.0f} KRW is too small to sell; it goes with the next position"
        closed = held.turn_to_dust(self.now)
        self.publish("incidents", IncidentRaised(self.now, "dust", held.market, text))
        self._guard(held)
        self._show(held, "DUST")
        if closed is not None:
            self.publish("positions", closed)

    def _sale_ended(self, order: OrderIntent, executed: Decimal, detail: str) -> None:
        """Go on after a sale: all sold, a part was meant, or the rest must be tried again."""
        held = self.state.held.get(order.market)
        if held is None:
            return
        if held.exit_id != order.intent_id:  # of the position before this one, which had to wait for it
            self._follow(held, held.wanted, 0)
            return
        meant, held.exit_reason, held.exit_id = held.exit_reason, "", ""
        if order.reason in PARTIAL_EXITS and executed:
            held.tries = 0
            held.tp1_done = True
            held.tp2_done = held.tp2_done or meant == "TP2"
            self._guard(held)
            self._show(held, meant)
            self._follow(held, held.wanted, 0)
            return
        follow = _higher(held.wanted, meant)
        wait = self._patience(held) if follow == meant or self._is_halted(held.market) else 0
        held.tries += 1
        if held.tries & (held.tries - 1) == 0:  # the 1st, 2nd, 4th, 8th …: what lasts must not bury all else
            text = f"the sale of {held.volume} did not get through ({detail}), attempt {held.tries}; trying again"
            self.publish("incidents", IncidentRaised(self.now, "exit_retry", held.market, text))
        self._follow(held, follow, wait)

    def _follow(self, held: Held, reason: str, wait: int) -> None:
        held.wanted = reason
        if reason:
            self.after(wait, ExitRetryDue(held.market, reason))

    def _patience(self, held: Held) -> int:
        """How long to wait before a sale is tried again, in microseconds; ever longer where no orders are taken."""
        if not self._is_halted(held.market):
            return self._real(EXIT_RETRY_S[min(held.tries, len(EXIT_RETRY_S) - 1)])
        rules = self.state.settings.listings
        wait = US_PER_S * min(rules.halted_retry_s << min(held.tries, 16), rules.halted_retry_max_s)
        held.retry_at = self.now + wait
        return wait

    def _is_halted(self, market: str) -> bool:
        one = self.state.standings.get(market)
        return one is not None and one.state == HALTED

    def _is_shut(self, held: Held, *, traded: bool = False) -> bool:
        """Whether a sale there would only be refused: the market is gone, or refused one a short while ago."""
        one = self.state.standings.get(held.market)
        if one is None or one.state != HALTED:
            return False
        return self.now < held.retry_at or (one.gone and not traded)

    def _await_opening(self, held: Held, reason: str, *, timed: bool = False) -> None:
        """Keep the wish until the market may take it; with `timed` the wish has no timer of its own any more."""
        gone = self.state.standings[held.market].gone
        if not gone and (timed or held.wanted != reason):
            self._follow(held, reason, held.retry_at - self.now)
        held.wanted = reason

    def _entry_ended(self, market: str) -> None:
        """Nothing more is bought: too little is dust, and an exit that waited for the buy's end may go (POS-01)."""
        held = self.state.held.get(market)
        if held is None or held.dust or self._under_way(market, Side.SELL):
            return
        price, settings = self.state.marks.get(market, held.entry), self.state.settings
        minimum = minimum_sale(self.state.terms.get(market), settings.sizes.exchange_min)
        if held.volume * price < max(settings.sizes.min_leg, minimum):
            self._turn_to_dust(held, price)
        else:
            self._follow(held, held.wanted, 0)

    # --- what changes a position

    def _on_bought(self, booked: FillBooked) -> None:
        state, fill = self.state, booked.fill
        held = state.held.get(fill.market)
        if held is None or held.dust:
            held = first_held(fill, booked.strategy, state.atrs.get(fill.market, ZERO), held)
            state.held[fill.market] = held
        held.take(fill)
        held.high = max(held.high, fill.price)
        raised, held.levels = held.levels if held.tp1_done else None, self._levels(held, fill.at)
        if raised is not None:  # a trailing stop only rises
            held.levels = replace(held.levels, stop=max(held.levels.stop, raised.stop))
        self._guard(held)
        self._show(held, booked.reason)
        if state.liquidating:
            self._exit(held, "FORCED", fill.price)

    def _levels(self, held: Held, at: int) -> Levels:
        """The levels of what was bought so far, the stop as tight as the exchange's word on its market ever made it."""
        one = self.state.standings.get(held.market)
        held.tighten = min(held.tighten, one.tighten if one and one.tighten is not None else held.tighten)
        terms = self.state.terms.get(held.market)
        return levels(held.market, held.entry, held.atr, self.state.settings, at, terms, tighten=held.tighten)

    def _on_sold(self, booked: FillBooked) -> None:
        fill = booked.fill
        held = self.state.held.get(fill.market)
        if held is None:
            text = f"{fill.volume} sold by {booked.intent_id} ({booked.reason}), but no position holds them any more"
            self.publish("incidents", IncidentRaised(self.now, "sale_without_position", fill.market, text))
            return
        held.take(fill)
        held.last_reason = booked.reason
        if held.volume:
            self._guard(held)
            self._show(held, booked.reason)
        else:
            self._close(held, fill.at)

    def _close(self, held: Held, at: int) -> None:
        del self.state.held[held.market]
        self._guard(held)
        self._show(held, held.last_reason)
        self.publish("positions", held.closed(at))

    def _on_levels_moved(self, moved: LevelsMoved) -> None:
        held = self.state.held.get(moved.market)
        if held is None or held.levels is None or not held.tp1_done or moved.stop <= held.levels.stop:
            return  # nothing trails before the first target: that would be of the position before this one
        held.levels = replace(held.levels, stop=moved.stop)
        held.high = moved.high
        self._show(held, "TRAIL")

    def _shrink(self, market: str) -> None:
        """A position is never larger than the coins that are there; those no position of ours holds go first."""
        held, there = self.state.held.get(market), max(ZERO, self.state.ledger.coins.get(market, ZERO))
        if held is None or held.volume <= there:
            return
        held.leave(held.volume - there)
        held.last_reason = "MANUAL"
        if held.volume:
            self._guard(held)
            self._show(held, "MANUAL")
        else:
            self._close(held, self.now)

    # --- what both need

    def _want(self, order: OrderIntent) -> None:
        self.state.pending[order.intent_id] = order
        self.state.asked_for[order.intent_id] = self.now
        self.send("risk", OrderIntended(order))

    def _settled(self, intent_id: str) -> OrderIntent | None:
        """Take an intent off the list; None when its end was told before."""
        self.state.asked_for.pop(intent_id, None)
        return self.state.pending.pop(intent_id, None)

    def _guard(self, held: Held) -> None:
        if message := held.guarded():
            self.send("guard", message)

    def _show(self, held: Held, reason: str) -> None:
        self.publish("positions", held.told(reason))

    def _under_way(self, market: str, side: Side) -> bool:
        return any(wish.market == market and wish.side is side for wish in self.state.pending.values())

    def _new_id(self, kind: str) -> str:
        """An id no turn of any start gives again: the counter may be lost with a state, time moves on."""
        self.state.counter += 1
        return f"{kind}{self.now // 1000:x}-{self.state.counter}"

    def _real(self, seconds: float) -> int:
        """Transport time in microseconds of our clock."""
        return int(seconds * US_PER_S * self.state.speed)


def _higher(one: str, two: str) -> str:
    """The exit reason that outranks the other (POS-02); "" is none."""
    return min((reason for reason in (one, two) if reason), key=PRIORITY.index, default="")
