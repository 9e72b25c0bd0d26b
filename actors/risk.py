"""The last gate before money: owns the trading state, the latches and the reservations."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias, assert_never

from actors.runtime import Actor, Recovered, Restarted
from domain.blocks import Block, against
from domain.config import Settings
from domain.decisions import OrderIntent
from domain.listings import objections
from domain.market import US_PER_S, kst_day
from domain.message import Message
from domain.messages import (
    DataBlocked,
    EquityMeasured,
    HaltTrading,
    IntentAsked,
    LiquidatePositions,
    ListingStates,
    OrderApproved,
    OrderFinished,
    OrderIntended,
    OrderRefused,
    ReconcileFinished,
    ResumeTrading,
    RiskTripped,
    SessionOpened,
    SettingsChanged,
    StopAll,
    TradingStateChanged,
)
from domain.orders import Side

ASK_AGAIN_S = 60.0  # real seconds after which a reservation's fate is asked for
EXITS_PER_MINUTE = 30  # sales are never refused for risk, only for a rate no strategy of ours can mean
MINUTE_US = 60 * US_PER_S
ZERO = Decimal(0)


class ReservationsDue(Message, frozen=True):
    """Own timer: ask after reservations that stayed long; `chain` tells a live timer from a stale one."""

    chain: int


Accepted: TypeAlias = (
    Recovered
    | Restarted
    | SessionOpened
    | SettingsChanged
    | OrderIntended
    | OrderFinished
    | DataBlocked
    | EquityMeasured
    | ListingStates
    | ReconcileFinished
    | HaltTrading
    | StopAll
    | ResumeTrading
    | ReservationsDue
)


@dataclass(slots=True)
class RiskState:
    """Latches, reservations (intent to KRW and time) and the last account valuation this actor was told.

    `liquidated_by` is who ordered to sell all in this halt, "" when nobody did; `barred` are the markets that the
    exchange's word keeps us from entering, each with the reason; `blocks` what is against the data now.
    """

    speed: float = 1.0
    settings: Settings = field(default_factory=Settings)
    halted: bool = False
    halt_reason: str = ""
    halted_by: str = ""
    liquidated_by: str = ""
    green: bool = False
    red_reason: str = "not reconciled yet"
    blocked_day: int = -1
    measured: EquityMeasured | None = None
    reserved: dict[str, Decimal] = field(default_factory=dict)
    reserved_at: dict[str, int] = field(default_factory=dict)
    exits: list[int] = field(default_factory=list)
    barred: dict[str, str] = field(default_factory=dict)
    blocks: tuple[Block, ...] = ()
    chain: int = 0


class Risk(Actor[RiskState]):
    """Owns limits, latches, halts and reservations; judges every intent with its own numbers.

    Sends OrderApproved to gateway, OrderRefused to portfolio, halts to gateway; publishes TradingStateChanged and
    RiskTripped on `risk`. Sales are never refused for risk. A restart loses nothing; after a process start it repeats a
    halt, and the liquidation that belongs to it: its mail may have died on the way.
    """

    State = RiskState

    def handle(self, message: Accepted) -> None:  # noqa: C901, PLR0912 (a table of contents has as many lines as messages)
        """Hand each message to its handler."""
        match message:
            case SessionOpened():
                self.state.speed = message.speed
                self._upkeep()
                self._tell()
            case Recovered():
                self._on_recovered()
            case Restarted():
                self._upkeep()
                self._tell()
            case SettingsChanged():
                self.state.settings = message.settings
            case OrderIntended():
                self._on_intended(message.intent)
            case OrderFinished():
                self._release(message.intent_id)
            case DataBlocked():
                self.state.blocks = message.blocks
            case EquityMeasured():
                self._on_measured(message)
            case ListingStates():
                self.state.barred = objections(message.states)
            case ReconcileFinished():
                self._on_reconciled(message)
            case HaltTrading():
                self._halt(message)
            case StopAll():
                self._on_stop_all(message)
            case ResumeTrading():
                self._on_resume(message)
            case ReservationsDue():
                if message.chain == self.state.chain:
                    self._upkeep()
            case _:
                assert_never(message)

    # --- intents

    def _on_intended(self, intent: OrderIntent) -> None:
        if intent.intent_id in self.state.reserved:
            return
        if intent.side is Side.SELL:
            self._on_exit(intent)
        elif refusal := self._objection(intent):
            self.send("portfolio", OrderRefused(intent.intent_id, intent.market, *refusal))
        else:
            self._approve(intent, intent.funds or ZERO)

    def _approve(self, intent: OrderIntent, funds: Decimal) -> None:
        self.state.reserved[intent.intent_id] = funds
        self.state.reserved_at[intent.intent_id] = self.now
        self.send("gateway", OrderApproved(intent))

    def _on_exit(self, intent: OrderIntent) -> None:
        self.state.exits = [at for at in self.state.exits if at > self.now - MINUTE_US]
        if len(self.state.exits) >= EXITS_PER_MINUTE:
            text = f"{len(self.state.exits)} sales in a minute, allowed are {EXITS_PER_MINUTE}"
            self.send("portfolio", OrderRefused(intent.intent_id, intent.market, "EXIT_RATE", text))
            self._trip("EXIT_RATE", intent.market, text)
            return
        self.state.exits.append(self.now)
        self._approve(intent, ZERO)

    def _objection(self, intent: OrderIntent) -> tuple[str, str] | None:
        """The first reason against this buy; None lets it pass."""
        return self._closed_to(intent) or self._beyond(intent)

    def _closed_to(self, intent: OrderIntent) -> tuple[str, str] | None:
        """Why nothing may be bought now, or not in its market."""
        state = self.state
        if state.halted:
            return "HALT", f"halted by {state.halted_by}: {state.halt_reason}"
        if not state.green:
            return "NOT_RECONCILED", state.red_reason
        if barred := state.barred.get(intent.market):
            return "MARKET_HALT", barred
        for block in against(state.blocks, intent.market):
            return block.gate, block.numbers
        if intent.expires_at and self.now > intent.expires_at:
            return "EXPIRED", f"{(self.now - intent.expires_at) / US_PER_S:.1f} s too late"
        return None

    def _beyond(self, intent: OrderIntent) -> tuple[str, str] | None:
        """Which limit of the account it breaks, by our own numbers."""
        state, sizes, seen = self.state, self.state.settings.sizes, self.state.measured
        funds = intent.funds or ZERO
        if seen is None or not seen.marked:
            return "NO_EQUITY", "the account could not be valued, a price is missing"
        if state.blocked_day == kst_day(self.now):
            return "DAY_LOSS", f"the loss limit of {sizes.day_loss} was reached today"
        if funds < sizes.min_order:
            return "BELOW_MIN", f"{funds} KRW, at least {sizes.min_order}"
        if funds > sizes.max_weight * seen.equity:
            return "WEIGHT", f"{funds} KRW above {sizes.max_weight} of {seen.equity:.0f}"
        pending = sum(state.reserved.values(), ZERO)
        if seen.exposure + pending + funds > sizes.max_exposure * seen.equity:
            return "EXPOSURE", f"{seen.exposure:.0f} held, {pending} pending, {funds} more"
        if (pending + funds) * (1 + state.settings.costs.fee) > seen.cash:
            return "CASH", f"{pending + funds} KRW and fee out of {seen.cash:.0f}"
        return None

    def _release(self, intent_id: str) -> None:
        self.state.reserved.pop(intent_id, None)
        self.state.reserved_at.pop(intent_id, None)

    # --- limits and latches

    def _on_measured(self, measured: EquityMeasured) -> None:
        self.state.measured = measured
        today, limit = kst_day(measured.at), self.state.settings.sizes.day_loss
        if 0 <= self.state.blocked_day < today:
            self.state.blocked_day = -1
            text = "a new account day began"
            self.publish("risk", RiskTripped(self.now, "DAY_LOSS", "account", text, released=True))
            self._tell()
        lost = measured.marked and measured.equity <= measured.day_start * (1 - limit)
        if lost and self.state.blocked_day != today:
            self.state.blocked_day = today
            text = (
                f"equity {measured.equity:.0f} against {measured.day_start:.0f} at the start of the day, limit {limit}"
            )
            self._trip("DAY_LOSS", "account", text)
            self._tell()

    def _on_reconciled(self, result: ReconcileFinished) -> None:
        changed = self.state.green != result.green
        self.state.green = result.green
        self.state.red_reason = "" if result.green else "; ".join(result.differences)
        if changed:
            self._tell()

    def _halt(self, message: HaltTrading) -> None:
        state = self.state
        if not state.halted:
            state.halted, state.halt_reason, state.halted_by = True, message.reason, message.by
            self._trip("HALT", message.by, message.reason)
        self.send("gateway", HaltTrading(state.halt_reason, state.halted_by))
        self._tell()

    def _on_stop_all(self, message: StopAll) -> None:
        self._halt(HaltTrading("ALL STOP", message.by))
        if message.liquidate:
            self.state.liquidated_by = message.by
            self._liquidate()

    def _liquidate(self) -> None:
        self.send("portfolio", LiquidatePositions("ALL STOP", self.state.liquidated_by))

    def _on_resume(self, message: ResumeTrading) -> None:
        state = self.state
        if state.halted:
            state.halted, state.halt_reason, state.halted_by, state.liquidated_by = False, "", "", ""
            self.publish("risk", RiskTripped(self.now, "HALT", message.by, "resumed", True))
        self.send("gateway", ResumeTrading(message.by))
        self._tell()

    # --- upkeep

    def _on_recovered(self) -> None:
        state = self.state
        state.green, state.red_reason = False, "just started"
        self._upkeep()
        self._tell()
        if state.halted:
            self.send("gateway", HaltTrading(state.halt_reason, state.halted_by))
        if state.liquidated_by:
            self._liquidate()

    def _upkeep(self) -> None:
        """A waiter never trusts that an answer will come: ask the gateway about reservations that stay."""
        wait = int(ASK_AGAIN_S * US_PER_S * self.state.speed)
        for intent_id, since in self.state.reserved_at.items():
            if self.now - since >= wait:
                self.send("gateway", IntentAsked(intent_id))
        self.state.chain += 1
        self.after(wait, ReservationsDue(self.state.chain))

    def _trip(self, kind: str, subject: str, text: str) -> None:
        self.publish("risk", RiskTripped(self.now, kind, subject, text))

    def _tell(self) -> None:
        state = self.state
        if state.halted:
            told = TradingStateChanged("HALTED", state.halt_reason, state.halted_by, self.now)
        elif not state.green:
            told = TradingStateChanged("REDUCING", state.red_reason, "reconciler", self.now)
        elif state.blocked_day == kst_day(self.now):
            told = TradingStateChanged("REDUCING", "the loss limit of the day was reached", "risk", self.now)
        else:
            told = TradingStateChanged("ACTIVE", "", "", self.now)
        self.publish("risk", told)
