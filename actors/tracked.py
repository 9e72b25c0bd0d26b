"""One order of ours as the gateway tracks it, from intent to its last fill."""

from dataclasses import dataclass, field
from decimal import Decimal

from domain.decisions import OrderIntent
from domain.messages import FillBooked, OrderChanged
from domain.order_state import FINAL, Stage, advance, is_settled
from domain.orders import Fill, OrderReport, OrderRequest, OrderType, Side

ZERO = Decimal(0)


@dataclass(slots=True)
class TrackedOrder:
    """What we know of one order. `turn` numbers its timers, so that a stale one is recognised.

    `misses` counts look-ups in a row that found nothing since the last submission; `may_resend` is lost with the
    process, because nobody can know then whether the last submission was the last.
    """

    intent: OrderIntent
    identifier: str
    created_at: int
    changed_at: int
    stage: Stage = Stage.INTENDED
    order_id: str = ""
    turn: int = 0
    submissions: int = 0
    submitted_at: int = 0
    looks: int = 0
    misses: int = 0
    burned: bool = False
    may_resend: bool = True
    want_cancel: bool = False
    executed: Decimal = ZERO
    booked: Decimal = ZERO
    paid_fee: Decimal = ZERO
    detail: str = ""
    fills: dict[str, Fill] = field(default_factory=dict)

    @property
    def final(self) -> bool:
        """Whether this order was told finished."""
        return self.stage in FINAL

    @property
    def buys(self) -> bool:
        """Whether it adds risk."""
        return self.intent.side is Side.BUY

    def fresh(self, now: int) -> bool:
        """Whether the intent may still be sent; an exit never goes stale."""
        return self.intent.expires_at == 0 or now <= self.intent.expires_at

    def move(self, stage: Stage, now: int, detail: str = "") -> None:
        """Go to another stage; an impossible transition raises, and so crashes the turn."""
        if stage is not self.stage:
            self.stage = advance(self.stage, stage)
        self.changed_at = now
        self.detail = detail or self.detail

    def request(self) -> OrderRequest:
        """The order as the exchange is asked for it; the funds of a limit order are our reservation, not its field."""
        wish = self.intent
        return OrderRequest(
            identifier=self.identifier,
            market=wish.market,
            side=wish.side,
            type=wish.type,
            price=wish.price,
            volume=wish.volume,
            funds=None if wish.type is OrderType.LIMIT else wish.funds,
            time_in_force=wish.time_in_force,
        )

    def take(self, fill: Fill) -> bool:
        """Count a fill; False when its trade id was counted before."""
        if fill.trade_id in self.fills:
            return False
        self.fills[fill.trade_id] = fill
        self.booked += fill.volume
        self.paid_fee += fill.fee
        return True

    def booked_as(self, fill: Fill) -> FillBooked:
        """A fill of this order as it is told to all, the first time and again."""
        return FillBooked(fill, self.intent.intent_id, self.intent.reason, self.intent.strategy)

    def heard(self, report: OrderReport) -> bool:
        """Note what the exchange says; True when nothing more can come: finished, and every fill counted."""
        self.order_id = report.order_id or self.order_id
        self.executed = max(self.executed, report.executed_volume)
        return is_settled(report, self.booked)

    def told(self) -> OrderChanged:
        """The order as it now stands, for those who show or keep it."""
        wish = self.intent
        return OrderChanged(
            intent_id=wish.intent_id,
            identifier=self.identifier,
            market=wish.market,
            side=wish.side,
            type=wish.type,
            stage=self.stage,
            price=wish.price,
            volume=wish.volume,
            funds=wish.funds,
            executed_volume=self.executed,
            paid_fee=self.paid_fee,
            reason=wish.reason,
            strategy=wish.strategy,
            created_at=self.created_at,
            changed_at=self.changed_at,
            order_id=self.order_id,
            detail=self.detail,
        )
