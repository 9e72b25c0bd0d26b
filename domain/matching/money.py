"""What an order does to balances: lock, charge, settle, release. Exact, and nothing is ever created or lost."""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from domain.matching.state import ZERO, BalanceChanged, Event, Exchange, Holding, Working
from domain.money import fee_of
from domain.orders import Fill, Side
from domain.rules import base_of, quote_of

AVERAGE_STEP: Final = Decimal("0.00000001")


def lock(exchange: Exchange, order: Working) -> None:
    """Tie up what the order may spend: total and fee of a buy, volume of a sale."""
    holding = exchange.accounts[order.account].balances[order.currency]
    holding.free -= order.locked
    holding.locked += order.locked


def settle(exchange: Exchange, order: Working, fill: Fill) -> None:
    """Move the money of a fill of this order between the account and the market."""
    balances, quoted = exchange.accounts[order.account].balances, quote_of(fill.market)
    quote = balances.setdefault(quoted, Holding())
    base = balances.setdefault(base_of(fill.market), Holding())
    if fill.side is Side.BUY:
        _average(exchange, base, fill, quoted)
        quote.locked -= fill.funds + fill.fee
        base.free += fill.volume
        order.locked -= fill.funds + fill.fee
        order.remaining_fee -= fill.fee
        if exchange.habits.release_at_fill and order.request.price is not None:
            _release_surplus(quote, order, order.request.price)
        return
    base.locked -= fill.volume
    quote.free += fill.funds - fill.fee
    order.locked -= fill.volume
    if base.free + base.locked == 0:
        base.average_price = ZERO


def withhold(exchange: Exchange, order: Working, volume: Decimal, price: Decimal) -> None:
    """Take a volume that met an order of the same member at `price` from this one, and free what it tied up for it."""
    money, fee = volume, ZERO
    if order.buys:
        own = order.request.price
        money = volume * (price if own is None else own)
        fee = fee_of(money, order.fee_rate)
    if order.request.funds is None:
        order.left -= volume
    else:
        order.funds_left -= money
    order.remaining_fee -= fee
    order.prevented += volume
    order.prevented_locked += money + fee
    _unlock(exchange.accounts[order.account].balances[order.currency], order, money + fee)


def release(exchange: Exchange, order: Working) -> None:
    """Give back what an ended order still had tied up."""
    _unlock(exchange.accounts[order.account].balances[order.currency], order, order.locked)
    order.remaining_fee = ZERO


def changed(exchange: Exchange, order: Working) -> Iterator[Event]:
    """Both currencies of an order's market as its account holds them now: a fill moves both."""
    market = order.request.market
    for currency in (quote_of(market), base_of(market)):
        yield _held(exchange, order, currency)


def tied(exchange: Exchange, order: Working) -> Event:
    """The currency an order ties up as its account holds it now: all that moves while nothing trades."""
    return _held(exchange, order, order.currency)


def _held(exchange: Exchange, order: Working, currency: str) -> Event:
    holding = exchange.accounts[order.account].balances[currency]
    return BalanceChanged(currency, holding.free, holding.locked, order.account)


def _average(exchange: Exchange, base: Holding, fill: Fill, quoted: str) -> None:
    """The price paid on average. What was bought for another currency counts at that currency's best bid.

    Where no book tells that, the average stays as it is: nothing is known that could change it.
    """
    held = base.free + base.locked
    paid: Decimal | None = fill.funds + (fill.fee if exchange.habits.fee_in_average else ZERO)
    if held == 0:
        base.unit = quoted
    elif quoted != base.unit:
        book = exchange.books.get(f"{base.unit}-{quoted}")
        paid = paid * book.bids[0].price if paid is not None and book is not None and book.bids else None
    if paid is not None:
        average = (held * base.average_price + paid) / (held + fill.volume)
        base.average_price = average.quantize(AVERAGE_STEP, ROUND_HALF_EVEN)


def _release_surplus(quote: Holding, order: Working, price: Decimal) -> None:
    """Keep locked only what the rest of a limit buy can cost."""
    total = order.left * price
    order.remaining_fee = fee_of(total, order.fee_rate)
    _unlock(quote, order, order.locked - total - order.remaining_fee)


def _unlock(holding: Holding, order: Working, amount: Decimal) -> None:
    holding.locked -= amount
    holding.free += amount
    order.locked -= amount
