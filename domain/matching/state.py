"""The whole state of an exchange and its accounts, as plain data that msgspec can encode."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from domain.market import Book, Terms
from domain.message import Value
from domain.orders import ExchangeState, Fill, OrderReport, OrderRequest, OrderType, Side

ZERO: Final = Decimal(0)
MAIN: Final = "main"
"""The account an exchange with one account has."""


class SelfMatch(StrEnum):
    """What becomes of two orders of one member that meet; the taker's rule decides (upbit-api.md 3.4)."""

    CANCEL_MAKER = "cancel_maker"
    CANCEL_TAKER = "cancel_taker"
    REDUCE = "reduce"
    NONE = "none"


class Habits(Value, frozen=True):
    """What the exchange does where its documentation is silent (upbit-api.md 12, 13).

    `release_at_fill`: the surplus of a fill below a buy's limit is free at the fill, else when the order ends.
    `fee_in_average`: average prices include fees. `smp_by_member`: accounts of one member are kept from matching each
    other, else only orders of the same account are.
    """

    release_at_fill: bool = False
    fee_in_average: bool = False
    smp_by_member: bool = True


@dataclass(slots=True)
class Holding:
    """One currency: `free` to use, `locked` in orders, `average_price` paid for it in the currency `unit`."""

    free: Decimal = ZERO
    locked: Decimal = ZERO
    average_price: Decimal = ZERO
    unit: str = "KRW"


@dataclass(slots=True)
class Account:
    """One account: what it holds, and every identifier it ever used with the order id, "" where it was refused.

    Accounts of one `member` belong to the same person.
    """

    balances: dict[str, Holding] = field(default_factory=dict)
    identifiers: dict[str, str] = field(default_factory=dict)
    member: str = ""


@dataclass(slots=True)
class Working:
    """An order at the exchange.

    `price` is the worst price it trades at, None for a market order; `left` the volume still wanted, `funds_left` what
    a buy by total may still spend without fee, `locked` what it ties up in `currency`. `fee_rate` is that of its
    acceptance; of a buy, `reserved_fee` was set aside then and `remaining_fee` still is. `ahead` is the volume queued
    before it at its price, None while its price lies deeper than the book shows. `prevented` is the volume that
    self-match prevention took from it, `prevented_locked` what that freed; `smp_type` None leaves self-matches alone
    and is not told. `freed` and `freed_fee` are what its end released. It was the taker of its first `takes` fills.
    """

    order_id: str
    request: OrderRequest
    created_at: int
    currency: str
    locked: Decimal
    price: Decimal | None
    left: Decimal
    funds_left: Decimal = ZERO
    state: ExchangeState = ExchangeState.WAIT
    resting: bool = False
    ahead: Decimal | None = ZERO
    executed: Decimal = ZERO
    paid_fee: Decimal = ZERO
    fills: list[Fill] = field(default_factory=list)
    finished_at: int = 0
    fee_rate: Decimal = ZERO
    reserved_fee: Decimal = ZERO
    remaining_fee: Decimal = ZERO
    account: str = MAIN
    smp_type: SelfMatch | None = None
    prevented: Decimal = ZERO
    prevented_locked: Decimal = ZERO
    freed: Decimal = ZERO
    freed_fee: Decimal = ZERO
    takes: int = 0

    @property
    def buys(self) -> bool:
        """Whether it takes from the asks."""
        return self.request.side is Side.BUY

    @property
    def spent_out(self) -> bool:
        """Whether it wants nothing more."""
        return self.left == 0 and self.funds_left == 0


@dataclass(slots=True)
class Exchange:
    """Accounts, terms, displayed books with what was taken from them since, and the orders of all accounts."""

    accounts: dict[str, Account]
    terms: dict[str, Terms] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    taken: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    orders: dict[str, Working] = field(default_factory=dict)
    closed: dict[str, Working] = field(default_factory=dict)
    habits: Habits = field(default_factory=Habits)

    @property
    def balances(self) -> dict[str, Holding]:
        """What the only account holds."""
        return self.accounts[MAIN].balances

    @property
    def identifiers(self) -> dict[str, str]:
        """The identifiers of the only account."""
        return self.accounts[MAIN].identifiers


def exchange_for_one(
    balances: dict[str, Holding], terms: dict[str, Terms] | None = None, habits: Habits | None = None
) -> Exchange:
    """An exchange with a single account that holds this."""
    return Exchange({MAIN: Account(balances)}, terms or {}, habits=habits or Habits())


class Aside(Value, frozen=True):
    """What a report leaves out of an order: its account, the fee still set aside, and what was prevented."""

    account: str
    remaining_fee: Decimal
    prevented: Decimal
    prevented_locked: Decimal


class Opened(Value, frozen=True):
    """An order was taken in."""

    report: OrderReport
    aside: Aside


class Executed(Value, frozen=True):
    """An order of the account traded; the report already counts this fill. `trade_fee` is the fill's own fee."""

    report: OrderReport
    fill: Fill
    is_maker: bool
    trade_fee: Decimal
    aside: Aside


class Prevented(Value, frozen=True):
    """Self-match prevention took volume from an order, which goes on with the rest."""

    report: OrderReport
    aside: Aside


class Finished(Value, frozen=True):
    """An order ended, DONE or CANCEL, and what it still locked is free again."""

    report: OrderReport
    aside: Aside


class BalanceChanged(Value, frozen=True):
    """A currency of an account holds this now: absolute values."""

    currency: str
    free: Decimal
    locked: Decimal
    account: str = MAIN


Event: TypeAlias = Opened | Executed | Prevented | Finished | BalanceChanged


def working(exchange: Exchange, order_id: str) -> Working | None:
    """One order, open or closed, with all that is kept of it; None if there is none."""
    return exchange.orders.get(order_id) or exchange.closed.get(order_id)


def report(exchange: Exchange, order_id: str) -> OrderReport | None:
    """One order with all its fills; None if there is none."""
    order = working(exchange, order_id)
    return None if order is None else report_of(order)


def by_identifier(exchange: Exchange, identifier: str, account: str = MAIN) -> OrderReport | None:
    """The order that carries this identifier; None if none does, also when a refused request used it up."""
    return report(exchange, exchange.accounts[account].identifiers.get(identifier, ""))


def request_of(exchange: Exchange, order_id: str) -> OrderRequest | None:
    """The order as it was asked for."""
    order = working(exchange, order_id)
    return None if order is None else order.request


def open_orders(exchange: Exchange, market: str | None = None) -> tuple[OrderReport, ...]:
    """Orders that may still trade, oldest first."""
    return tuple(report_of(order) for order in exchange.orders.values() if market in {None, order.request.market})


def closed_orders(exchange: Exchange, market: str | None = None) -> tuple[OrderReport, ...]:
    """Orders that ended, in the order they ended."""
    return tuple(report_of(order) for order in exchange.closed.values() if market in {None, order.request.market})


def report_of(order: Working) -> OrderReport:
    """An order as the exchange tells it."""
    wish = order.request
    return OrderReport(
        order_id=order.order_id,
        identifier=wish.identifier,
        market=wish.market,
        side=wish.side,
        type=wish.type,
        state=order.state,
        price=order.price if wish.type is OrderType.LIMIT else None,
        volume=wish.volume,
        executed_volume=order.executed,
        paid_fee=order.paid_fee,
        locked=order.locked,
        created_at=order.created_at,
        time_in_force=wish.time_in_force,
        trades_count=len(order.fills),
        fills=tuple(order.fills),
        complete=True,
    )


def aside_of(order: Working) -> Aside:
    """What the report of this order leaves out."""
    return Aside(order.account, order.remaining_fee, order.prevented, order.prevented_locked)
