"""Placing, matching and cancelling, against a displayed book and the public trades (upbit-api.md 12.2, quant.md EXE).

Order ids, trade ids and times come in as arguments. What an order takes from a displayed book stays taken until the
next book arrives, so that two orders cannot eat the same size.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final, TypeAlias

from domain.market import Book, Level, Trade
from domain.matching.money import changed, charge, lock, release, settle
from domain.matching.state import ZERO, Event, Exchange, Executed, Finished, Working, report_of
from domain.money import fee_of, plain, volume_floor
from domain.order_rules import Refusal, check_request, total_of
from domain.orders import ExchangeState, Fill, OrderReport, OrderRequest, OrderType, Side, TimeInForce
from domain.rules import base_of, quote_of

NewId: TypeAlias = Callable[[], str]
VISIBLE_LEVELS: Final = 30


def place(exchange: Exchange, request: OrderRequest, order_id: str, at: int) -> OrderReport | Refusal:
    """Take an order in: it locks its money and waits to be matched. Its identifier is used up even if it is refused."""
    terms = exchange.terms.get(request.market)
    if request.identifier and request.identifier in exchange.identifiers:
        return Refusal("duplicated_identifier", "이미 사용된 identifier 입니다.")
    if request.identifier:
        exchange.identifiers[request.identifier] = ""
    if terms is None:
        return Refusal("notfoundmarket", f"다음 마켓에 없는 종목입니다: {request.market}")
    refusal = check_request(request, terms, at) or _check_book(exchange, request) or _check_funds(exchange, request)
    if refusal is not None:
        return refusal
    order = _working(exchange, request, order_id, at)
    lock(exchange, order)
    exchange.orders[order_id] = order
    if request.identifier:
        exchange.identifiers[request.identifier] = order_id
    return report_of(order)


def match_new(exchange: Exchange, order_id: str, at: int, new_id: NewId) -> tuple[Event, ...]:
    """Match a new order against the displayed book; what may rest then rests behind the size at its price."""
    order = exchange.orders.get(order_id)
    if order is None or order.resting or order.fills:
        return ()
    force = order.request.time_in_force
    events: list[Event] = []
    crossing = sum((size for _, size in _reachable(exchange, order)), ZERO)
    short = force is TimeInForce.FOK and not _fillable(exchange, order)
    if not short and not (force is TimeInForce.POST_ONLY and crossing):
        events.extend(_take(exchange, order, at, new_id))
    rests = order.request.type is OrderType.LIMIT and force in {TimeInForce.GTC, TimeInForce.POST_ONLY}
    if order.left == 0 and order.funds_left == 0:
        events.extend(_finish(exchange, order, ExchangeState.DONE, at))
    elif rests and not (force is TimeInForce.POST_ONLY and crossing):
        order.resting = True
        order.ahead = _displayed(exchange, order)
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
        if order.resting and order.request.market == market:
            shown = _displayed(exchange, order)
            if shown:  # nothing shown there may only mean that the level is out of sight
                order.ahead = min(order.ahead, shown)


def on_trade(exchange: Exchange, market: str, trade: Trade, new_id: NewId) -> tuple[Event, ...]:
    """A public trade reaches resting orders: through their price it fills them, at it the queue comes first."""
    events: list[Event] = []
    left = trade.volume
    for order in _resting(exchange, market, trade):
        if left <= 0 or order.price is None:
            break
        if trade.price != order.price:
            order.ahead = ZERO
        eaten = min(order.ahead, left)
        order.ahead -= eaten
        left -= eaten
        volume = min(left, order.left)
        if volume > 0:
            left -= volume
            events.extend(_fill(exchange, order, order.price, volume, trade.at, new_id, maker=True))
            if order.left == 0:
                events.extend(_finish(exchange, order, ExchangeState.DONE, trade.at))
    return tuple(events)


# --- taking an order in ----------------------------------------------------------------------------------------------


def _working(exchange: Exchange, request: OrderRequest, order_id: str, at: int) -> Working:
    buys = request.side is Side.BUY
    total, terms = total_of(request), exchange.terms[request.market]
    price = request.price
    if request.type is OrderType.BEST:
        levels = _opposite(exchange, request)
        price = levels[0].price if levels else None
    spends = total or ZERO
    locked = spends + fee_of(spends, terms.bid_fee) if buys else request.volume or ZERO
    return Working(
        order_id,
        request,
        at,
        quote_of(request.market) if buys else base_of(request.market),
        locked,
        price,
        request.volume or ZERO,
        request.funds or ZERO,
    )


def _check_book(exchange: Exchange, request: OrderRequest) -> Refusal | None:
    """What only the visible book can tell of an order without a price."""
    if request.type is OrderType.LIMIT:
        return None
    levels = _opposite(exchange, request)[:VISIBLE_LEVELS]
    if request.side is Side.BUY:
        deep = request.funds is not None and request.funds <= sum((x.price * x.size for x in levels), ZERO)
    else:
        deep = request.volume is not None and request.volume <= sum((x.size for x in levels), ZERO)
        worth = (request.volume or ZERO) * (levels[0].price if levels else ZERO)
        if levels and worth < exchange.terms[request.market].min_total_ask:
            text = (
                "주문 가능한 최소금액은 5000KRW 입니다. 시장가 매도 시 주문금액은 주문 수량 * 매수 1호가로 계산합니다."
            )
            return Refusal("under_min_total_market_ask", text)
    if request.type is OrderType.MARKET and not deep:
        return Refusal("market_order_exceeds_book", "주문이 호가 30단계의 잔량보다 큽니다.")
    return None


def _check_funds(exchange: Exchange, request: OrderRequest) -> Refusal | None:
    if request.side is Side.BUY:
        total = total_of(request) or ZERO
        need = total + fee_of(total, exchange.terms[request.market].bid_fee)
        holding = exchange.balances.get(quote_of(request.market))
        if holding is None or holding.free < need:
            return Refusal("insufficient_funds_bid", "주문 가능한 금액(KRW)이 부족합니다.")
    else:
        holding = exchange.balances.get(base_of(request.market))
        if holding is None or holding.free < (request.volume or ZERO):
            return Refusal("insufficient_funds_ask", "주문 가능한 수량이 부족합니다.")
    return None


# --- matching --------------------------------------------------------------------------------------------------------


def _opposite(exchange: Exchange, request: OrderRequest) -> tuple[Level, ...]:
    book = exchange.books.get(request.market)
    if book is None:
        return ()
    return book.asks if request.side is Side.BUY else book.bids


def _reachable(exchange: Exchange, order: Working) -> Iterator[tuple[Decimal, Decimal]]:
    """Price and size still there of each opposite level that the order's price reaches, best first."""
    buys, taken = order.request.side is Side.BUY, exchange.taken.get(order.request.market, {})
    unpriced = order.request.type is OrderType.MARKET
    for level in _opposite(exchange, order.request):
        if not unpriced and (order.price is None or (level.price > order.price if buys else level.price < order.price)):
            return
        size = level.size - taken.get(_key(order, level.price), ZERO)
        if size > 0:
            yield level.price, size


def _wanted(order: Working, price: Decimal) -> Decimal:
    """Volume the order would take at this price: a buy by total takes what its remaining KRW buy, cut to 8 decimals."""
    return volume_floor(order.funds_left / price) if order.request.funds is not None else order.left


def _fillable(exchange: Exchange, order: Working) -> bool:
    volume, funds = order.left, order.funds_left
    for price, size in _reachable(exchange, order):
        if order.request.funds is None:
            volume -= min(size, volume)
            if volume == 0:
                return True
        else:
            wanted = volume_floor(funds / price)
            if wanted <= size:
                return True
            funds -= size * price
    return False


def _take(exchange: Exchange, order: Working, at: int, new_id: NewId) -> Iterator[Event]:
    taken = exchange.taken.setdefault(order.request.market, {})
    for price, size in tuple(_reachable(exchange, order)):
        volume = min(size, _wanted(order, price))
        if volume <= 0:
            return
        key = _key(order, price)
        taken[key] = taken.get(key, ZERO) + volume
        yield from _fill(exchange, order, price, volume, at, new_id, maker=False)


def _key(order: Working, price: Decimal) -> str:
    return f"{order.request.side}:{plain(price)}"


def _displayed(exchange: Exchange, order: Working) -> Decimal:
    """Size displayed on the order's own side at its own price."""
    book = exchange.books.get(order.request.market)
    levels = () if book is None else book.bids if order.request.side is Side.BUY else book.asks
    return next((level.size for level in levels if level.price == order.price), ZERO)


def _resting(exchange: Exchange, market: str, trade: Trade) -> list[Working]:
    """Resting orders that this trade reaches, best price first, then oldest first."""
    buys = trade.taker is Side.SELL
    found = [
        order
        for order in exchange.orders.values()
        if order.resting
        and order.request.market == market
        and order.price is not None
        and (order.request.side is Side.BUY) is buys
        and (trade.price <= order.price if buys else trade.price >= order.price)
    ]
    return sorted(found, key=lambda order: -(order.price or ZERO) if buys else order.price or ZERO)


def _fill(  # noqa: PLR0913, PLR0917 (a fill has that many sides)
    exchange: Exchange, order: Working, price: Decimal, volume: Decimal, at: int, new_id: NewId, *, maker: bool
) -> Iterator[Event]:
    terms = exchange.terms[order.request.market]
    funds = price * volume
    fee = fee_of(funds, terms.bid_fee if order.request.side is Side.BUY else terms.ask_fee)
    wish = order.request
    fill = Fill(new_id(), order.order_id, wish.identifier, wish.market, wish.side, price, volume, funds, fee, at)
    order.fills.append(fill)
    order.executed += volume
    order.paid_fee += fee
    if wish.funds is None:
        order.left -= volume
    else:
        order.funds_left -= funds
    charge(order, fill)
    settle(exchange, fill)
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
