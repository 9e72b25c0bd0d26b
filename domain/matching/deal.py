"""What happens to one order: it trades, loses volume to self-match prevention, or ends; each with its money."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TypeAlias

from domain.market import Level
from domain.matching.money import changed, release, settle, tied, withhold
from domain.matching.state import (
    ZERO,
    Event,
    Exchange,
    Executed,
    Finished,
    Prevented,
    Working,
    aside_of,
    report_of,
)
from domain.money import fee_of
from domain.orders import ExchangeState, Fill

NewId: TypeAlias = Callable[[], str]


def trade(  # noqa: PLR0913 (what a fill is made of)
    exchange: Exchange, order: Working, level: Level, at: int, new_id: NewId, *, maker: bool
) -> Iterator[Event]:
    """The order trades this volume at this price; the fee is that of its acceptance."""
    wish, funds = order.request, level.price * level.size
    fee = fee_of(funds, order.fee_rate)
    fill = Fill(
        trade_id=new_id(),
        order_id=order.order_id,
        identifier=wish.identifier,
        market=wish.market,
        side=wish.side,
        price=level.price,
        volume=level.size,
        funds=funds,
        fee=fee,
        at=at,
    )
    order.fills.append(fill)
    order.executed += level.size
    order.paid_fee += fee
    order.takes += not maker
    if wish.funds is None:
        order.left -= level.size
    else:
        order.funds_left -= funds
    settle(exchange, order, fill)
    yield Executed(report_of(order), fill, maker, fee, aside_of(order))
    yield from changed(exchange, order)


def prevent(  # noqa: PLR0913 (what was met, and what becomes of it)
    exchange: Exchange, order: Working, volume: Decimal, price: Decimal, at: int, *, ends: bool = False
) -> Iterator[Event]:
    """Self-match prevention takes this volume, met at this price, from the order; one with nothing left ends."""
    withhold(exchange, order, volume, price)
    if ends or order.spent_out:
        yield from finish(exchange, order, ExchangeState.CANCEL, at)
    else:
        yield Prevented(report_of(order), aside_of(order))
    yield tied(exchange, order)


def finish(exchange: Exchange, order: Working, state: ExchangeState, at: int) -> Iterator[Event]:
    """The order ends and gives back what it still locked."""
    order.state, order.finished_at, order.resting = state, at, False
    order.freed, order.freed_fee = order.locked, order.remaining_fee
    release(exchange, order)
    del exchange.orders[order.order_id]
    exchange.closed[order.order_id] = order
    yield Finished(report_of(order), aside_of(order))
    if order.freed != ZERO:
        yield tied(exchange, order)
