"""From a closed bar to an order, and between the gateway and the venue."""

from decimal import Decimal
from typing import ClassVar

from domain.decisions import Decision, Evaluation, OrderIntent
from domain.message import Message
from domain.orders import Balance, Fill, OrderReport, OrderRequest


class MarketEvaluated(Message, frozen=True):
    """Market to portfolio: all it knows at a decision time."""

    evaluation: Evaluation


class DecisionDue(Message, frozen=True):
    """Clock to portfolio: decide for `at` now, with what has arrived."""

    at: int


class DecisionsMade(Message, frozen=True):
    """Portfolio to whoever shows or keeps them: one decision for every market of the universe."""

    at: int
    decisions: tuple[Decision, ...]


class OrderIntended(Message, frozen=True):
    """Portfolio to risk."""

    intent: OrderIntent


class OrderApproved(Message, frozen=True):
    """Risk to gateway."""

    intent: OrderIntent


class OrderRefused(Message, frozen=True):
    """Risk or gateway to portfolio: this intent will never become an order."""

    intent_id: str
    market: str
    code: str
    numbers: str


class FillBooked(Message, frozen=True):
    """Gateway to all: an execution, exactly once for each trade id."""

    fill: Fill
    intent_id: str
    reason: str
    strategy: str


class OrderFinished(Message, frozen=True):
    """Gateway to portfolio and risk: nothing more will happen to this intent.

    All its fills were told before; they come along once more, for whoever did not survive hearing of them.
    """

    intent_id: str
    market: str
    stage: str
    executed_volume: Decimal
    detail: str
    fills: tuple[FillBooked, ...] = ()


class IntentAsked(Message, frozen=True):
    """Portfolio or risk to gateway: what became of this intent? Answered by OrderFinished, or by silence while open."""

    intent_id: str


class OrderChanged(Message, frozen=True):
    """Gateway to universe and whoever shows or keeps orders: one order of ours as it now stands."""

    conflate: ClassVar[str] = "intent_id"
    intent_id: str
    identifier: str
    market: str
    side: str
    type: str
    stage: str
    price: Decimal | None
    volume: Decimal | None
    funds: Decimal | None
    executed_volume: Decimal
    paid_fee: Decimal
    reason: str
    strategy: str
    created_at: int
    changed_at: int
    order_id: str = ""
    detail: str = ""


class SubmitOrder(Message, frozen=True):
    """Send this order; the intent is durable before this message leaves."""

    request: OrderRequest


class SubmitAnswered(Message, frozen=True):
    """Outcome of a submission: accepted, refused or unsent (never existed), limited (429), unknown (may exist)."""

    identifier: str
    outcome: str
    error: str = ""
    report: OrderReport | None = None


class CancelOrder(Message, frozen=True):
    """Ask the venue to cancel; only a wish until the order itself says so."""

    identifier: str


class CancelAnswered(Message, frozen=True):
    """Outcome of a cancel request: accepted, absent (finished or unknown there), failed."""

    identifier: str
    outcome: str
    error: str = ""


class LookUpOrder(Message, frozen=True):
    """Ask the venue for one order by our identifier, with all its fills."""

    identifier: str


class LookUpAnswered(Message, frozen=True):
    """Outcome of a look-up: found (with a complete report), absent (404), failed."""

    identifier: str
    outcome: str
    report: OrderReport | None = None
    error: str = ""


class OrderSeen(Message, frozen=True):
    """The private stream told of an order; may be late, doubled or out of order."""

    report: OrderReport


class AccountWanted(Message, frozen=True):
    """Ask the venue for balances and open orders."""

    request: int


class AccountLoaded(Message, frozen=True):
    """The venue's truth: all balances and all open orders."""

    request: int
    balances: tuple[Balance, ...]
    open_orders: tuple[OrderReport, ...]
    at: int


class AccountFailed(Message, frozen=True):
    """The venue could not be asked."""

    request: int
    error: str
