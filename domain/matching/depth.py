"""What orders meet: the displayed book with what is left of it, and the orders that rest here, best price first."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from domain.market import Book, Level
from domain.matching.state import ZERO, Exchange, Working
from domain.money import plain, volume_floor
from domain.orders import OrderRequest, OrderType, Side


def opposite(exchange: Exchange, request: OrderRequest) -> tuple[Level, ...]:
    """The side an order takes from as displayed, best first; empty when no book has been shown."""
    book = exchange.books.get(request.market)
    if book is None:
        return ()
    return book.asks if request.side is Side.BUY else book.bids


class Offer(NamedTuple):
    """Something an order can meet: a displayed size, or the resting order of an account."""

    level: Level
    maker: Working | None = None


def offers(exchange: Exchange, order: Working) -> tuple[Offer, ...]:
    """All that the order's price reaches, in price-time order: at a price the queue before a resting order is first."""
    shown = {level.price: level.size for level in _reachable(exchange, order)}
    makers = _makers(exchange, order)
    prices = sorted(shown.keys() | makers.keys(), reverse=not order.buys)
    return tuple(offer for price in prices for offer in _queue(price, shown.get(price, ZERO), makers.get(price, [])))


def would_take(exchange: Exchange, order: Working) -> bool:
    """Whether there is anything this order could take now."""
    return bool(offers(exchange, order))


def _reachable(exchange: Exchange, order: Working) -> Iterator[Level]:
    """What is still there of each opposite level that the order's price reaches, best first."""
    taken = exchange.taken.get(order.request.market, {})
    for level in opposite(exchange, order.request):
        if not _reaches(order, level.price):
            return
        size = level.size - taken.get(plain(level.price), ZERO)
        if size > 0:
            yield Level(level.price, size)


def _makers(exchange: Exchange, order: Working) -> dict[Decimal, list[Working]]:
    """Resting orders of the other side that the order's price reaches, oldest first, by price."""
    found: dict[Decimal, list[Working]] = defaultdict(list)
    for other in exchange.orders.values():
        opposes = other.resting and other.buys is not order.buys and other.request.market == order.request.market
        if opposes and other.price is not None and _reaches(order, other.price):
            found[other.price].append(other)
    return found


def _queue(price: Decimal, shown: Decimal, makers: list[Working]) -> Iterator[Offer]:
    """What stands at one price: displayed sizes and resting orders in turn."""
    passed = ZERO
    for maker in makers:
        ahead = shown if maker.ahead is None else min(maker.ahead, shown)
        if ahead > passed:
            yield Offer(Level(price, ahead - passed))
            passed = ahead
        yield Offer(Level(price, maker.left), maker)
    if shown > passed:
        yield Offer(Level(price, shown - passed))


def note_taken(exchange: Exchange, order: Working, price: Decimal, volume: Decimal) -> None:
    """Remember what was taken, until the next book is shown; resting orders behind it move up."""
    taken, key = exchange.taken.setdefault(order.request.market, {}), plain(price)
    taken[key] = taken.get(key, ZERO) + volume
    for maker in _makers(exchange, order).get(price, ()):
        if maker.ahead is not None:
            maker.ahead = max(ZERO, maker.ahead - volume)


def walk(levels: Iterable[Level], volume: Decimal, funds: Decimal | None = None) -> tuple[Level, ...]:
    """What an order takes of these levels, best first: `volume`, or what `funds` buy, cut to 8 decimals a level."""
    taken: list[Level] = []
    for level in levels:
        wanted = volume if funds is None else volume_floor(funds / level.price)
        size = min(level.size, wanted)
        if size <= 0:
            break
        taken.append(Level(level.price, size))
        volume -= size
        if funds is not None:
            funds -= size * level.price
    return tuple(taken)


def fills_whole(levels: tuple[Level, ...], volume: Decimal, funds: Decimal | None = None) -> bool:
    """Whether a walk leaves nothing: no volume, or less than what one unit costs at the deepest of these levels."""
    taken = walk(levels, volume, funds)
    if funds is None:
        return sum((level.size for level in taken), ZERO) == volume
    rest = funds - sum((level.price * level.size for level in taken), ZERO)
    return bool(levels) and volume_floor(rest / levels[-1].price) == 0


def queue_at(book: Book | None, side: Side, price: Decimal | None) -> Decimal | None:
    """Size displayed at a price on its own side; None when the price lies deeper than the book shows."""
    levels = () if book is None else book.bids if side is Side.BUY else book.asks
    if book is None or price is None:
        return None
    size = next((level.size for level in levels if level.price == price), None)
    if size is None and levels:
        last = levels[-1].price
        return None if (price < last if side is Side.BUY else price > last) else ZERO
    return size or ZERO


def _reaches(order: Working, price: Decimal) -> bool:
    if order.request.type is OrderType.MARKET:
        return True
    if order.price is None:  # a best order that met an empty book
        return False
    return price <= order.price if order.buys else price >= order.price
