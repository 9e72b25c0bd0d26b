"""The whole state of an exchange with one account, as plain data that msgspec can encode."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, TypeAlias

from domain.market import Book, Terms
from domain.message import Value
from domain.orders import ExchangeState, Fill, OrderReport, OrderRequest, OrderType, Side

ZERO: Final = Decimal(0)


@dataclass(slots=True)
class Holding:
    """One currency: `free` to use, `locked` in orders, `average_price` paid for it in KRW, fees not included."""

    free: Decimal = ZERO
    locked: Decimal = ZERO
    average_price: Decimal = ZERO


@dataclass(slots=True)
class Working:
    """An order at the exchange.

    `price` is the worst price it trades at, None for a market order; `left` the volume still wanted, `funds_left` what
    a buy by total may still spend without fee, `locked` what it ties up in `currency`. `fee_rate` is that of its
    acceptance; of a buy, `reserved_fee` was set aside then and `remaining_fee` still is. `ahead` is the volume queued
    before it at its price, None while its price lies deeper than the book shows.
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
    """Balances, terms, displayed books with what was taken from them since, orders, and every identifier ever used.

    `identifiers` leads to the order id, "" where the request was refused. `release_at_fill` chooses when the surplus
    of a fill below a buy's limit is free again: at the fill, or when the order ends (upbit-api.md 6: not known).
    """

    balances: dict[str, Holding] = field(default_factory=dict)
    terms: dict[str, Terms] = field(default_factory=dict)
    books: dict[str, Book] = field(default_factory=dict)
    taken: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    orders: dict[str, Working] = field(default_factory=dict)
    closed: dict[str, Working] = field(default_factory=dict)
    identifiers: dict[str, str] = field(default_factory=dict)
    release_at_fill: bool = False


class Executed(Value, frozen=True):
    """An order of the account traded; the report already counts this fill. `trade_fee` is the fill's own fee."""

    report: OrderReport
    fill: Fill
    is_maker: bool
    trade_fee: Decimal


class Finished(Value, frozen=True):
    """An order ended, DONE or CANCEL, and what it still locked is free again."""

    report: OrderReport


class BalanceChanged(Value, frozen=True):
    """A currency holds this now: absolute values."""

    currency: str
    free: Decimal
    locked: Decimal


Event: TypeAlias = Executed | Finished | BalanceChanged


def working(exchange: Exchange, order_id: str) -> Working | None:
    """One order, open or closed, with all that is kept of it; None if there is none."""
    return exchange.orders.get(order_id) or exchange.closed.get(order_id)


def report(exchange: Exchange, order_id: str) -> OrderReport | None:
    """One order with all its fills; None if there is none."""
    order = working(exchange, order_id)
    return None if order is None else report_of(order)


def by_identifier(exchange: Exchange, identifier: str) -> OrderReport | None:
    """The order that carries this identifier; None if none does, also when a refused request used it up."""
    return report(exchange, exchange.identifiers.get(identifier, ""))


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
