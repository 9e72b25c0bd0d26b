"""What an order does to balances: lock, charge, settle, release. Exact, and nothing is ever created or lost."""

from collections.abc import Iterator

from domain.matching.state import ZERO, BalanceChanged, Event, Exchange, Holding, Working
from domain.orders import Fill, Side
from domain.rules import base_of, quote_of


def lock(exchange: Exchange, order: Working) -> None:
    """Tie up what the order may spend: total and fee of a buy, volume of a sale."""
    holding = exchange.balances[order.currency]
    holding.free -= order.locked
    holding.locked += order.locked


def charge(order: Working, fill: Fill) -> None:
    """Take what a fill spent out of the order's own lock (price improvement stays locked until the order ends)."""
    order.locked -= fill.funds + fill.fee if fill.side is Side.BUY else fill.volume


def settle(exchange: Exchange, fill: Fill) -> None:
    """Move the money of a fill between the account and the market."""
    quote = exchange.balances.setdefault(quote_of(fill.market), Holding())
    base = exchange.balances.setdefault(base_of(fill.market), Holding())
    if fill.side is Side.BUY:
        quote.locked -= fill.funds + fill.fee
        held = base.free + base.locked
        base.average_price = (held * base.average_price + fill.funds) / (held + fill.volume)
        base.free += fill.volume
    else:
        base.locked -= fill.volume
        quote.free += fill.funds - fill.fee
        if base.free + base.locked == 0:
            base.average_price = ZERO


def release(exchange: Exchange, order: Working) -> None:
    """Give back what an ended order still had tied up."""
    holding = exchange.balances[order.currency]
    holding.locked -= order.locked
    holding.free += order.locked
    order.locked = ZERO


def changed(exchange: Exchange, market: str) -> Iterator[Event]:
    """Both currencies of a market as they stand."""
    for currency in (quote_of(market), base_of(market)):
        if holding := exchange.balances.get(currency):
            yield BalanceChanged(currency, holding.free, holding.locked)
