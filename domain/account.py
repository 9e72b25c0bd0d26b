"""Our own books: cash, coins and what they cost, folded from fills and from money that came or went without one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from domain.errors import TradingError
from domain.orders import Fill, Side

ZERO: Final = Decimal(0)
SEEN_KEPT: Final = 10_000
"""Trade ids remembered: a fill told again after this many others would count twice, and the reconciler would see it."""


class UnknownPrice(TradingError):
    """A holding has no price: unknown is never zero, so the account has no value now."""


@dataclass(slots=True)
class Ledger:
    """Exact books in KRW and coins; nothing is ever rounded.

    `coins` holds volume by market and `costs` what it cost, buy fees included (moving average). `realised` is profit
    after all fees, `fees` all fees paid; `flows` is KRW value that came in from outside minus what went out.
    """

    cash: Decimal = ZERO
    coins: dict[str, Decimal] = field(default_factory=dict)
    costs: dict[str, Decimal] = field(default_factory=dict)
    fees: Decimal = ZERO
    realised: Decimal = ZERO
    flows: Decimal = ZERO
    seen: dict[str, int] = field(default_factory=dict)


class Line(NamedTuple):
    """One line of a statement."""

    name: str
    amount: Decimal


def book_fill(ledger: Ledger, fill: Fill) -> bool:
    """Book one execution; False, and nothing happens, when its trade id was booked before."""
    if fill.trade_id in ledger.seen:
        return False
    _remember(ledger, fill)
    ledger.fees += fill.fee
    volume, cost = ledger.coins.get(fill.market, ZERO), ledger.costs.get(fill.market, ZERO)
    if fill.side is Side.BUY:
        ledger.cash -= fill.funds + fill.fee
        ledger.coins[fill.market] = volume + fill.volume
        ledger.costs[fill.market] = cost + fill.funds + fill.fee
        return True
    left = volume - fill.volume
    sold = cost if left == 0 else cost * fill.volume / volume if volume else ZERO
    ledger.cash += fill.funds - fill.fee
    ledger.realised += fill.funds - fill.fee - sold
    ledger.coins[fill.market] = left
    ledger.costs[fill.market] = cost - sold
    _drop_empty(ledger, fill.market)
    return True


def book_flow(ledger: Ledger, currency: str, amount: Decimal, average_price: Decimal) -> None:
    """Book money that came (or went, below zero) without a fill of ours: capital, not profit.

    A coin counts at `average_price` KRW each when it comes, and at what it cost us when it goes.
    """
    if currency == "KRW":
        ledger.cash += amount
        ledger.flows += amount
        return
    market = f"KRW-{currency}"
    volume, cost = ledger.coins.get(market, ZERO), ledger.costs.get(market, ZERO)
    worth = amount * average_price if amount > 0 or not volume else cost * amount / volume
    ledger.coins[market] = volume + amount
    ledger.costs[market] = cost + worth
    ledger.flows += worth
    _drop_empty(ledger, market)


def equity(ledger: Ledger, marks: Mapping[str, Decimal]) -> Decimal:
    """The account's value in KRW at these prices; raises UnknownPrice when a holding has none."""
    missing = sorted(market for market in ledger.coins if market not in marks)
    if missing:
        raise UnknownPrice(f"no price is known for {', '.join(missing)}: wait for a trade there")
    return ledger.cash + sum((volume * marks[market] for market, volume in ledger.coins.items()), ZERO)


def statement(ledger: Ledger, marks: Mapping[str, Decimal]) -> tuple[Line, ...]:
    """Where the account's value comes from; the lines add up to `equity` exactly. Fees are inside the profits."""
    unrealised = equity(ledger, marks) - ledger.cash - sum(ledger.costs.values(), ZERO)
    return (
        Line("capital", ledger.flows),
        Line("realised profit", ledger.realised),
        Line("unrealised profit", unrealised),
        Line("rounding of average costs", equity(ledger, marks) - ledger.flows - ledger.realised - unrealised),
    )


def _remember(ledger: Ledger, fill: Fill) -> None:
    ledger.seen[fill.trade_id] = fill.at
    if len(ledger.seen) > SEEN_KEPT:
        del ledger.seen[next(iter(ledger.seen))]


def _drop_empty(ledger: Ledger, market: str) -> None:
    if ledger.coins.get(market) == 0:
        del ledger.coins[market]
        ledger.costs.pop(market, None)
