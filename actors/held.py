"""One position as the portfolio keeps it, and the orders it wants for it."""

from dataclasses import dataclass
from decimal import Decimal

from msgspec.structs import replace

from domain.config import Settings
from domain.decisions import Decision, Levels, OrderIntent
from domain.exits import partial_volume
from domain.market import BASE_FRAME, Terms
from domain.messages import GuardPosition, PositionChanged, PositionClosed
from domain.money import volume_floor
from domain.orders import Fill, OrderType, Side, TimeInForce
from domain.rules import price_down

ZERO = Decimal(0)
PARTIAL_EXITS = frozenset({"TP1", "TP2"})


@dataclass(slots=True)
class Held:
    """A position from its first fill to its last. `cost` and `proceeds` include fees; `bought` is all ever bought.

    `exit_reason` is the exit that is being worked on, "" when none, and `exit_id` its intent; `wanted` one that must
    follow it, not before `retry_at` where nothing can be sold just now. `tighten` is the smallest part of its distance
    that the stop ever had to keep.
    """

    market: str
    strategy: str
    opened_at: int
    atr: Decimal
    volume: Decimal = ZERO
    bought: Decimal = ZERO
    funds: Decimal = ZERO
    cost: Decimal = ZERO
    proceeds: Decimal = ZERO
    levels: Levels | None = None
    high: Decimal = ZERO
    tp1_done: bool = False
    tp2_done: bool = False
    exit_reason: str = ""
    exit_id: str = ""
    wanted: str = ""
    last_reason: str = ""
    tries: int = 0
    dust: bool = False
    tighten: Decimal = Decimal(1)
    retry_at: int = 0

    @property
    def entry(self) -> Decimal:
        """Volume-weighted average price bought at, fees not included."""
        return self.funds / self.bought

    @property
    def state(self) -> str:
        """POS-01's name for where this position is."""
        if self.dust:
            return "DUST"
        if self.exit_reason and self.exit_reason not in PARTIAL_EXITS:
            return "EXITING"
        return "RUNNER2" if self.tp2_done else "RUNNER1" if self.tp1_done else "OPEN"

    def take(self, fill: Fill) -> None:
        """Count one fill, in either direction."""
        if fill.side is Side.BUY:
            self.volume += fill.volume
            self.bought += fill.volume
            self.funds += fill.funds
            self.cost += fill.funds + fill.fee
        else:
            self.volume = max(ZERO, self.volume - fill.volume)
            self.proceeds += fill.funds - fill.fee

    def leave(self, volume: Decimal) -> None:
        """Let coins go that were not sold by us: at their cost, so that it is neither a profit nor a loss."""
        before = self.remaining_cost()
        self.volume -= volume
        self.proceeds += before - self.remaining_cost()

    def turn_to_dust(self, at: int) -> PositionClosed | None:
        """End the position with a rest too small to sell; gives the round trip of what was sold, None if nothing was.

        The rest keeps its own cost, for the position it will be sold with (POS-04).
        """
        rest, sold, closed = self.remaining_cost(), self.bought - self.volume, None
        if sold:
            cost = self.cost - rest
            closed = replace(self.closed(at), volume=sold, cost=cost, pnl=self.proceeds - cost)
        self.bought, self.funds, self.cost, self.proceeds = self.volume, self.entry * self.volume, rest, ZERO
        self.exit_reason = self.exit_id = self.wanted = ""
        self.dust = True
        return closed

    def bars_held(self, at: int) -> int:
        """Base bars held at the decision time `at`, the entry bar included."""
        return (at - (self.opened_at - self.opened_at % BASE_FRAME)) // BASE_FRAME

    def remaining_cost(self) -> Decimal:
        """The part of the cost that what is still held stands for."""
        return self.cost if self.volume == self.bought else self.cost * self.volume / self.bought

    def guarded(self) -> GuardPosition | None:
        """What the guard must watch; None while there are no levels."""
        if self.levels is None:
            return None
        return GuardPosition(
            self.market,
            ZERO if self.dust else self.volume,
            self.entry,
            self.levels,
            self.opened_at,
            self.tp1_done,
            self.tp2_done,
            self.tighten,
        )

    def told(self, reason: str) -> PositionChanged:
        """The position as it stands, for those who show or keep it."""
        return PositionChanged(
            market=self.market,
            volume=self.volume,
            entry=self.entry,
            cost=self.remaining_cost(),
            state=self.state,
            strategy=self.strategy,
            levels=self.levels,
            opened_at=self.opened_at,
            realised=self.proceeds - (self.cost - self.remaining_cost()),
            reason=reason,
        )

    def closed(self, at: int) -> PositionClosed:
        """The round trip, once nothing is left."""
        return PositionClosed(
            self.market,
            self.strategy,
            self.opened_at,
            at,
            self.entry,
            self.bought,
            self.cost,
            self.proceeds,
            self.proceeds - self.cost,
            self.last_reason,
        )


def first_held(fill: Fill, strategy: str, atr: Decimal, dust: Held | None) -> Held:
    """A position as its first fill finds it; dust that lay in the market joins it at the price of this fill (POS-04).

    At that price the dust moves no level; what it cost before stays its cost.
    """
    held = Held(fill.market, strategy, fill.at, atr)
    if dust is not None:
        held.volume = held.bought = dust.volume
        held.funds, held.cost = dust.volume * fill.price, dust.remaining_cost()
    return held


def sale_volume(held: Held, reason: str, price: Decimal, settings: Settings, minimum: Decimal) -> tuple[Decimal, bool]:
    """Give the volume an exit sells and whether that is all: neither a part nor its rest may be too small to sell."""
    if reason not in PARTIAL_EXITS:
        return held.volume, True
    part, whole = partial_volume(held.volume, price, settings)
    if whole or min(part, held.volume - part) * price < minimum:
        return held.volume, True
    return part, False


def entry_order(intent_id: str, decision: Decision, slip_cap: Decimal, life_bars: int, at: int) -> OrderIntent | None:
    """The buy of an ORDER decision: an immediate-or-cancel limit at the highest price allowed (EXE-02).

    None when the funds do not buy one unit of 8 decimals at that price, or no price is known.
    """
    if decision.reference is None:
        return None
    cap = price_down(decision.market, decision.reference * (1 + slip_cap), at)
    volume = volume_floor(decision.funds / cap)
    if not volume:
        return None
    return OrderIntent(
        intent_id,
        decision.market,
        Side.BUY,
        OrderType.LIMIT,
        price=cap,
        volume=volume,
        funds=decision.funds,
        time_in_force=TimeInForce.IOC,
        reason="ENTRY",
        strategy=decision.strategy,
        reference=decision.reference,
        at=decision.at,
        expires_at=decision.at + life_bars * BASE_FRAME,
    )


def exit_order(intent_id: str, held: Held, volume: Decimal, reason: str, price: Decimal, at: int) -> OrderIntent:  # noqa: PLR0913, PLR0917 (what a sale is made of)
    """The sale at market of a part or all of a position (EXIT-10); it never goes stale."""
    return OrderIntent(
        intent_id,
        held.market,
        Side.SELL,
        OrderType.MARKET,
        price=None,
        volume=volume,
        funds=None,
        time_in_force=TimeInForce.GTC,
        reason=reason,
        strategy=held.strategy,
        reference=price,
        at=at,
        expires_at=0,
    )


def minimum_sale(terms: Terms | None, fallback: Decimal) -> Decimal:
    """The smallest KRW total the exchange sells; the rule book's until its terms are known."""
    return terms.min_total_ask if terms else fallback
