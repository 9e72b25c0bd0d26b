"""Matching and cancelling, against displayed books, public trades and each other (upbit-api.md 12.2, quant.md EXE).

Order ids, trade ids and times come in as arguments. What an order takes from a displayed book stays taken until the
next book arrives, so that two orders cannot eat the same size.
"""

from collections.abc import Iterator
from decimal import Decimal

from domain.market import Book, Level, Trade
from domain.matching.deal import NewId, finish, trade
from domain.matching.depth import Offer, fills_whole, note_taken, offers, queue_at
from domain.matching.selfmatch import keeps_apart, part
from domain.matching.state import ZERO, Event, Exchange, SelfMatch, Working, report_of
from domain.money import volume_floor
from domain.order_rules import Refusal
from domain.orders import ExchangeState, OrderReport, OrderType, Side, TimeInForce


def match_new(exchange: Exchange, order_id: str, at: int, new_id: NewId) -> tuple[Event, ...]:
    """Match a new order with the displayed book and the orders resting here; what may rest then rests in the queue."""
    order = exchange.orders.get(order_id)
    if order is None or order.resting:
        return ()
    met = offers(exchange, order)
    if _stands_aside(exchange, order, met):
        return tuple(finish(exchange, order, ExchangeState.CANCEL, at))
    events = list(_take(exchange, order, met, at, new_id))
    if order.order_id not in exchange.orders:
        return tuple(events)  # self-match prevention left nothing of it
    if order.spent_out:
        events.extend(finish(exchange, order, ExchangeState.DONE, at))
    elif order.request.type is OrderType.LIMIT and order.request.time_in_force is not TimeInForce.IOC:
        order.resting = True
        order.ahead = queue_at(exchange.books.get(order.request.market), order.request.side, order.price)
    else:
        events.extend(finish(exchange, order, ExchangeState.CANCEL, at))
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
    return () if order is None else tuple(finish(exchange, order, ExchangeState.CANCEL, at))


def on_book(exchange: Exchange, market: str, book: Book) -> None:
    """A new displayed book: what was taken is forgotten, and a smaller size at an order's price shortens its queue."""
    exchange.books[market] = book
    exchange.taken.pop(market, None)
    for order in exchange.orders.values():
        shown = queue_at(book, order.request.side, order.price) if order.request.market == market else None
        if shown is not None:
            order.ahead = shown if order.ahead is None else min(order.ahead, shown)


def on_trade(exchange: Exchange, market: str, public: Trade, new_id: NewId) -> tuple[Event, ...]:
    """A public trade reaches resting orders: through their price it fills them, at it the queue comes first.

    Of one trade, what our better or older orders got is not there for the others; the queue they share is.
    """
    events: list[Event] = []
    ours = ZERO
    for order, price in _met(exchange, market, public):
        if public.price != price:
            order.ahead = ZERO
        if order.ahead is None:
            continue
        eaten = min(order.ahead, public.volume - ours)
        order.ahead -= eaten
        volume = min(public.volume - ours - eaten, order.left)
        if volume <= 0:
            continue
        ours += volume
        events.extend(trade(exchange, order, Level(price, volume), public.at, new_id, maker=True))
        if order.spent_out:
            events.extend(finish(exchange, order, ExchangeState.DONE, public.at))
    return tuple(events)


def _stands_aside(exchange: Exchange, order: Working, met: tuple[Offer, ...]) -> bool:
    """Whether its time in force forbids the order to take what it reaches."""
    match order.request.time_in_force:
        case TimeInForce.FOK:
            return not fills_whole(tuple(_allowed(exchange, order, met)), order.left, _funds(order))
        case TimeInForce.POST_ONLY:
            return bool(met)
        case TimeInForce.GTC | TimeInForce.IOC:
            return False


def _allowed(exchange: Exchange, order: Working, met: tuple[Offer, ...]) -> Iterator[Level]:
    """What the order may really trade with of what it meets, up to where self-match prevention would stop it."""
    for offer in met:
        if offer.maker is None or not keeps_apart(exchange, order, offer.maker):
            yield offer.level
        elif order.smp_type is not SelfMatch.CANCEL_MAKER:
            return


def _take(exchange: Exchange, order: Working, met: tuple[Offer, ...], at: int, new_id: NewId) -> Iterator[Event]:
    for offer in met:
        price = offer.level.price
        volume = min(offer.level.size, _wanted(order, price))
        if volume <= 0 or order.order_id not in exchange.orders:
            return
        level = Level(price, volume)
        if offer.maker is None:
            note_taken(exchange, order, price, volume)
            yield from trade(exchange, order, level, at, new_id, maker=False)
        elif keeps_apart(exchange, order, offer.maker):
            yield from part(exchange, order, offer.maker, level, at)
        else:
            yield from _trade_with(exchange, order, offer.maker, level, at, new_id)


def _trade_with(  # noqa: PLR0913, PLR0917 (a trade has two sides)
    exchange: Exchange, order: Working, maker: Working, level: Level, at: int, new_id: NewId
) -> Iterator[Event]:
    yield from trade(exchange, order, level, at, new_id, maker=False)
    yield from trade(exchange, maker, level, at, new_id, maker=True)
    if maker.spent_out:
        yield from finish(exchange, maker, ExchangeState.DONE, at)


def _wanted(order: Working, price: Decimal) -> Decimal:
    """The volume an order still wants at this price; of a total, what it buys, cut to 8 decimals."""
    return order.left if order.request.funds is None else volume_floor(order.funds_left / price)


def _funds(order: Working) -> Decimal | None:
    return None if order.request.funds is None else order.funds_left


def _met(exchange: Exchange, market: str, public: Trade) -> list[tuple[Working, Decimal]]:
    """Resting orders that this trade reaches and their prices, best price first, then oldest first."""
    buys = public.taker is Side.SELL
    found = [
        (order, order.price)
        for order in exchange.orders.values()
        if order.resting and order.request.market == market and order.buys is buys and order.price is not None
    ]
    met = [each for each in found if (public.price <= each[1] if buys else public.price >= each[1])]
    return sorted(met, key=lambda each: each[1], reverse=buys)
