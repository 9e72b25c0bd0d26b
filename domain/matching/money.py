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
    holding = exchange.balances[order.currency]
    holding.free -= order.locked
    holding.locked += order.locked


def settle(exchange: Exchange, order: Working, fill: Fill) -> None:
    """Move the money of a fill of this order between the account and the market."""
    quote = exchange.balances.setdefault(quote_of(fill.market), Holding())
    base = exchange.balances.setdefault(base_of(fill.market), Holding())
    if fill.side is Side.BUY:
        _average(base, fill)
        quote.locked -= fill.funds + fill.fee
        base.free += fill.volume
        order.locked -= fill.funds + fill.fee
        order.remaining_fee -= fill.fee
        if exchange.release_at_fill and order.request.price is not None:
            _release_surplus(quote, order, order.request.price)
        return
    base.locked -= fill.volume
    quote.free += fill.funds - fill.fee
    order.locked -= fill.volume
    if base.free + base.locked == 0:
        base.average_price = ZERO


def release(exchange: Exchange, order: Working) -> None:
    """Give back what an ended order still had tied up."""
    _unlock(exchange.balances[order.currency], order, order.locked)
    order.remaining_fee = ZERO


def changed(exchange: Exchange, market: str) -> Iterator[Event]:
    """Both currencies of a market as they stand."""
    for currency in (quote_of(market), base_of(market)):
        if holding := exchange.balances.get(currency):
            yield BalanceChanged(currency, holding.free, holding.locked)


def _average(base: Holding, fill: Fill) -> None:
    held = base.free + base.locked
    average = (held * base.average_price + fill.funds) / (held + fill.volume)
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
