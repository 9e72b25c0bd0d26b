"""Our own books: cash, coins and what they cost, folded from fills and from money that came or went without one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from domain.errors import TradingError
from domain.money import ceil_to
from domain.orders import Balance, Fill, Side

ZERO: Final = Decimal(0)
WON: Final = "KRW"
COST_STEP: Final = Decimal("0.00000001")
SEEN_KEPT: Final = 10_000
"""Trade ids remembered: a fill told again after this many others would count twice, and the reconciler would see it."""


class UnknownPrice(TradingError):
    """A holding has no price: unknown is never zero, so the account has no value now."""


@dataclass(slots=True)
class Ledger:
    """Exact books in KRW and coins: cash + all costs = flows + realised, to the last digit, after every booking.

    `coins` holds volume by market and `costs` what it cost, buy fees included (moving average). `realised` is profit
    after all fees, `fees` all fees paid; `flows` is KRW value that came in from outside minus what went out. Volume and
    cost are below zero while a sale is known and the buy before it is not yet.
    """

    cash: Decimal = ZERO
    coins: dict[str, Decimal] = field(default_factory=dict)
    costs: dict[str, Decimal] = field(default_factory=dict)
    fees: Decimal = ZERO
    realised: Decimal = ZERO
    flows: Decimal = ZERO
    seen: dict[str, int] = field(default_factory=dict)


class Line(NamedTuple):
    """One line of a statement, in KRW."""

    name: str
    amount: Decimal


def book_fill(ledger: Ledger, fill: Fill) -> bool:
    """Book one execution; False, and nothing happens, when its trade id was booked before."""
    if fill.trade_id in ledger.seen:
        return False
    _remember(ledger, fill)
    buys = fill.side is Side.BUY
    worth = fill.funds + fill.fee if buys else fill.fee - fill.funds
    ledger.cash -= worth
    ledger.fees += fill.fee
    _move(ledger, fill.market, fill.volume if buys else -fill.volume, worth)
    return True


def book_flow(ledger: Ledger, currency: str, amount: Decimal, average_price: Decimal) -> None:
    """Book money that came (or went, below zero) without a fill of ours: capital, not profit.

    A coin counts at `average_price` KRW each when it comes, and at what it cost us when it goes.
    """
    if currency == WON:
        ledger.cash += amount
        ledger.flows += amount
        return
    market = f"KRW-{currency}"
    held = ledger.coins.get(market, ZERO)
    leaving = max(amount, -held) if amount < 0 < held else ZERO
    worth = -_cost_of(ledger, market, -leaving) if leaving else ZERO
    coming = amount - leaving
    for volume, value in ((leaving, worth), (coming, coming * average_price)):
        ledger.flows += value
        _move(ledger, market, volume, value)


def equity(ledger: Ledger, marks: Mapping[str, Decimal]) -> Decimal:
    """The account's value in KRW at these prices; raises UnknownPrice when a holding has none."""
    missing = sorted(market for market in ledger.coins if market not in marks)
    if missing:
        raise UnknownPrice(f"no price is known for {', '.join(missing)}: wait for a trade there")
    return ledger.cash + sum((volume * marks[market] for market, volume in ledger.coins.items()), ZERO)


def costs_in_won(balances: Iterable[Balance]) -> dict[str, Decimal]:
    """What one of each currency cost in KRW, by what the exchange tells; those nobody can tell are missing.

    An average told in another currency, as of a coin bought in a BTC market, counts at what that one cost on average.
    """
    told = {balance.currency: balance for balance in balances}
    costs = {WON: ZERO} | {name: one.average_price for name, one in told.items() if one.average_unit == WON}
    for name, one in told.items():
        if name not in costs and costs.get(one.average_unit):
            costs[name] = ceil_to(one.average_price * costs[one.average_unit], COST_STEP)
    return costs


def statement(ledger: Ledger, marks: Mapping[str, Decimal]) -> tuple[Line, ...]:
    """Where the account's value comes from; the lines add up to `equity` exactly. Fees are inside the profits."""
    unrealised = equity(ledger, marks) - ledger.cash - sum(ledger.costs.values(), ZERO)
    return (
        Line("capital", ledger.flows),
        Line("realised profit", ledger.realised),
        Line("unrealised profit", unrealised),
    )


def _remember(ledger: Ledger, fill: Fill) -> None:
    ledger.seen[fill.trade_id] = fill.at
    if len(ledger.seen) > SEEN_KEPT:
        del ledger.seen[next(iter(ledger.seen))]


def _move(ledger: Ledger, market: str, volume: Decimal, worth: Decimal) -> None:
    """Change a holding by `volume` coins for `worth` KRW put in, both below zero when they go.

    What turns back towards zero realises its profit; what goes beyond zero opens the other side.
    """
    held = ledger.coins.get(market, ZERO)
    if held * volume < 0:
        part = min(abs(volume), abs(held))
        cost = _cost_of(ledger, market, part)
        closing = _share(worth, part, abs(volume))
        ledger.realised -= closing + cost
        worth = worth - closing - cost
    ledger.coins[market] = held + volume
    ledger.costs[market] = ledger.costs.get(market, ZERO) + worth
    if ledger.coins[market] == 0:
        del ledger.coins[market], ledger.costs[market]


def _cost_of(ledger: Ledger, market: str, volume: Decimal) -> Decimal:
    """What this much of a holding stands for in its cost."""
    return _share(ledger.costs[market], volume, abs(ledger.coins[market]))


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The share of an amount, whole or rounded up to 8 decimals, so that amounts never grow without end."""
    return amount if part == whole else ceil_to(amount * part / whole, COST_STEP)
