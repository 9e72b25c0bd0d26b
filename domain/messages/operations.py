"""The truth of money, a person's commands, and what went wrong."""

from decimal import Decimal

from domain.message import Message
from domain.orders import OrderReport


class BooksWanted(Message, frozen=True):
    """Reconciler to portfolio and gateway: what do you believe?"""

    request: int


class LedgerTold(Message, frozen=True):
    """Portfolio to reconciler: total of each currency in our books (free and locked together)."""

    request: int
    totals: tuple[tuple[str, Decimal], ...]
    opened: bool


class OrdersTold(Message, frozen=True):
    """Gateway to reconciler: our unfinished identifiers, and whether an order ended or filled just now."""

    request: int
    open_identifiers: tuple[str, ...]
    last_change_at: int


class OrderAdopted(Message, frozen=True):
    """Reconciler to gateway: the exchange holds this order under our prefix."""

    report: OrderReport


class LedgerCorrected(Message, frozen=True):
    """Reconciler to portfolio, universe and recorder: money came or went without a fill of ours; the exchange is right.

    `opening` marks the first look at an account: its balances are the capital, not a gain.
    """

    currency: str
    amount: Decimal
    average_price: Decimal
    reason: str
    opening: bool
    at: int


class ReconcileFinished(Message, frozen=True):
    """Reconciler: green when books and exchange agree; otherwise the differences in words."""

    at: int
    green: bool
    differences: tuple[str, ...]


class ReconcileNow(Message, frozen=True):
    """Command: compare now (start, stream gap, a person)."""

    reason: str


class HaltTrading(Message, frozen=True):
    """Command: nothing new; bids in flight are cancelled. Exits stay possible. Only a person resumes."""

    reason: str
    by: str


class StopAll(Message, frozen=True):
    """A person's ALL STOP: halt, and sell every position if `liquidate`."""

    by: str
    liquidate: bool


class ResumeTrading(Message, frozen=True):
    """A person's command: leave the halt."""

    by: str


class LiquidatePositions(Message, frozen=True):
    """Risk to portfolio: sell everything now."""

    reason: str
    by: str


class IncidentRaised(Message, frozen=True):
    """Something an operator should read: its kind (crash, restart, give_up, dead_letter, …), whom, what."""

    at: int
    kind: str
    subject: str
    text: str
