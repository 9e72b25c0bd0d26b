"""The displayed book as orders meet it: what a price reaches, what is left of it, what a walk through it takes."""

from collections.abc import Iterable, Iterator
from decimal import Decimal

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


def reachable(exchange: Exchange, order: Working) -> Iterator[Level]:
    """What is still there of each opposite level that the order's price reaches, best first."""
    taken = exchange.taken.get(order.request.market, {})
    for level in opposite(exchange, order.request):
        if not _reaches(order, level.price):
            return
        size = level.size - taken.get(plain(level.price), ZERO)
        if size > 0:
            yield Level(level.price, size)


def note_taken(exchange: Exchange, order: Working, price: Decimal, volume: Decimal) -> None:
    """Remember what was taken, until the next book is shown."""
    taken, key = exchange.taken.setdefault(order.request.market, {}), plain(price)
    taken[key] = taken.get(key, ZERO) + volume


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
