"""Matching and cancelling, against a displayed book and the public trades (upbit-api.md 12.2, quant.md EXE).

Order ids, trade ids and times come in as arguments. What an order takes from a displayed book stays taken until the
next book arrives, so that two orders cannot eat the same size.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TypeAlias

from domain.market import Book, Level, Trade
from domain.matching.depth import fills_whole, note_taken, queue_at, reachable, walk
from domain.matching.money import changed, release, settle
from domain.matching.state import ZERO, Event, Exchange, Executed, Finished, Working, report_of
from domain.money import fee_of
from domain.order_rules import Refusal
from domain.orders import ExchangeState, Fill, OrderReport, OrderType, Side, TimeInForce

NewId: TypeAlias = Callable[[], str]


def match_new(exchange: Exchange, order_id: str, at: int, new_id: NewId) -> tuple[Event, ...]:
    """Match a new order against the displayed book; what may rest then rests behind the size at its price."""
    order = exchange.orders.get(order_id)
    if order is None or order.resting:
        return ()
    levels = tuple(reachable(exchange, order))
    if _stands_aside(order, levels):
        return tuple(_finish(exchange, order, ExchangeState.CANCEL, at))
    events = list(_take(exchange, order, levels, at, new_id))
    if order.spent_out:
        events.extend(_finish(exchange, order, ExchangeState.DONE, at))
    elif order.request.type is OrderType.LIMIT and order.request.time_in_force is not TimeInForce.IOC:
        order.resting = True
        order.ahead = queue_at(exchange.books.get(order.request.market), order.request.side, order.price)
    else:
        events.extend(_finish(exchange, order, ExchangeState.CANCEL, at))
    return tuple(events)


def cancel(exchange: Exchange, order_id: str, at: int) -> OrderReport | Refusal:  # noqa: ARG001 (a cancel has a time)
    """Accept a cancel: the order is still WAIT, and may still fill before `cancel_now`."""
    order = exchange.orders.get(order_id)
    if order is None:
        return Refusal("order_not_found", "주문을 찾지 못했습니다.", 404)
    return report_of(order)


def cancel_now(exchange: Exchange, order_id: str, at: int) -> tuple[Event, ...]:
    """The cancel lands: nothing happens when the order ended before."""
    order = exchange.orders.get(order_id)
    return () if order is None else tuple(_finish(exchange, order, ExchangeState.CANCEL, at))


def on_book(exchange: Exchange, market: str, book: Book) -> None:
    """A new displayed book: what was taken is forgotten, and a smaller size at an order's price shortens its queue."""
    exchange.books[market] = book
    exchange.taken.pop(market, None)
    for order in exchange.orders.values():
        shown = queue_at(book, order.request.side, order.price) if order.request.market == market else None
        if shown is not None:
            order.ahead = shown if order.ahead is None else min(order.ahead, shown)


def on_trade(exchange: Exchange, market: str, trade: Trade, new_id: NewId) -> tuple[Event, ...]:
    """A public trade reaches resting orders: through their price it fills them, at it the queue comes first.

    Of one trade, what our better or older orders got is not there for the others; the queue they share is.
    """
    events: list[Event] = []
    ours = ZERO
    for order, price in _met(exchange, market, trade):
        if trade.price != price:
            order.ahead = ZERO
        if order.ahead is None:
            continue
        eaten = min(order.ahead, trade.volume - ours)
        order.ahead -= eaten
        volume = min(trade.volume - ours - eaten, order.left)
        if volume <= 0:
            continue
        ours += volume
        events.extend(_fill(exchange, order, Level(price, volume), trade.at, new_id, maker=True))
        if order.spent_out:
            events.extend(_finish(exchange, order, ExchangeState.DONE, trade.at))
    return tuple(events)


def _stands_aside(order: Working, levels: tuple[Level, ...]) -> bool:
    """Whether its time in force forbids the order to take what it reaches."""
    match order.request.time_in_force:
        case TimeInForce.FOK:
            return not fills_whole(levels, order.left, _funds(order))
        case TimeInForce.POST_ONLY:
            return bool(levels)
        case TimeInForce.GTC | TimeInForce.IOC:
            return False


def _take(exchange: Exchange, order: Working, levels: tuple[Level, ...], at: int, new_id: NewId) -> Iterator[Event]:
    for level in walk(levels, order.left, _funds(order)):
        note_taken(exchange, order, level.price, level.size)
        yield from _fill(exchange, order, level, at, new_id, maker=False)


def _funds(order: Working) -> Decimal | None:
    return None if order.request.funds is None else order.funds_left


def _met(exchange: Exchange, market: str, trade: Trade) -> list[tuple[Working, Decimal]]:
    """Resting orders that this trade reaches and their prices, best price first, then oldest first."""
    buys = trade.taker is Side.SELL
    found = [
        (order, order.price)
        for order in exchange.orders.values()
        if order.resting and order.request.market == market and order.buys is buys and order.price is not None
    ]
    met = [each for each in found if (trade.price <= each[1] if buys else trade.price >= each[1])]
    return sorted(met, key=lambda each: each[1], reverse=buys)


def _fill(  # noqa: PLR0913 (what a fill is made of)
    exchange: Exchange, order: Working, level: Level, at: int, new_id: NewId, *, maker: bool
) -> Iterator[Event]:
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
    if wish.funds is None:
        order.left -= level.size
    else:
        order.funds_left -= funds
    settle(exchange, order, fill)
    yield Executed(report_of(order), fill, maker, fee)
    yield from changed(exchange, wish.market)


def _finish(exchange: Exchange, order: Working, state: ExchangeState, at: int) -> Iterator[Event]:
    order.state, order.finished_at, order.resting = state, at, False
    released = order.locked
    release(exchange, order)
    del exchange.orders[order.order_id]
    exchange.closed[order.order_id] = order
    yield Finished(report_of(order))
    if released:
        yield from changed(exchange, order.request.market)
