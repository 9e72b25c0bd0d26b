"""Money that comes and goes without a trade: deposits, withdrawals, airdrops, transfers between accounts."""

from decimal import Decimal

from domain.errors import TradingError
from domain.matching.money import AVERAGE_STEP
from domain.matching.state import ZERO, BalanceChanged, Event, Exchange, Holding


class NotEnough(TradingError):
    """An account has less free than was to leave it; nothing was moved."""


def credit(exchange: Exchange, account: str, currency: str, amount: Decimal) -> tuple[Event, ...]:
    """Something arrives from outside. What was not bought has no price: the average stays as it is."""
    holding = exchange.accounts[account].balances.setdefault(currency, Holding())
    holding.free += _positive(amount)
    return (_told(account, currency, holding),)


def debit(exchange: Exchange, account: str, currency: str, amount: Decimal) -> tuple[Event, ...]:
    """Something leaves; raises NotEnough."""
    holding = exchange.accounts[account].balances.get(currency, Holding())
    if holding.free < _positive(amount):
        raise NotEnough(f"{holding.free} {currency} are free, {amount} were to leave")
    holding.free -= amount
    if holding.free + holding.locked == 0:
        holding.average_price = ZERO
    return (_told(account, currency, holding),)


def transfer(exchange: Exchange, sender: str, receiver: str, currency: str, amount: Decimal) -> tuple[Event, ...]:
    """Move something to another account, which takes over the price that was paid for it; raises NotEnough."""
    source = exchange.accounts[sender].balances.get(currency, Holding())
    price, unit = source.average_price, source.unit
    left = debit(exchange, sender, currency, amount)
    target = exchange.accounts[receiver].balances.setdefault(currency, Holding())
    held = target.free + target.locked
    if held == 0:
        target.average_price, target.unit = price, unit
    elif target.unit == unit:
        average = (held * target.average_price + amount * price) / (held + amount)
        target.average_price = average.quantize(AVERAGE_STEP)
    return left + credit(exchange, receiver, currency, amount)


def _positive(amount: Decimal) -> Decimal:
    if amount <= 0:
        raise NotEnough(f"an amount that moves must be above zero, found {amount}")
    return amount


def _told(account: str, currency: str, holding: Holding) -> BalanceChanged:
    return BalanceChanged(currency, holding.free, holding.locked, account)
