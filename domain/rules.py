"""Upbit's rule book as data, versioned in time: price steps, smallest and largest totals, fees.

Sources: docs.upbit.com krw-market-info, btc-market-info, usdt-market-info and their changelog, read 2026-11. A change
is taken to hold from 00:00 KST of its day. Times are int microseconds UTC; the oldest table holds for all time before.
"""

from bisect import bisect_right
from decimal import Decimal
from typing import NamedTuple

from domain.errors import TradingError
from domain.market import DAY, KST_OFFSET, Terms
from domain.money import ZERO, ceil_to, floor_to

KRW_FEE = Decimal("0.0005")
OTHER_FEE = Decimal("0.0025")
ACTIVE = "active"


class NoRule(TradingError, ValueError):
    """A market or price that no rule of Upbit speaks of."""


class TickTable(NamedTuple):
    """Price bands from `floors[i]` up move in steps of `ticks[i]`; ascending, in quote currency."""

    floors: tuple[Decimal, ...]
    ticks: tuple[Decimal, ...]


class TickEra(NamedTuple):
    """The tables in force from a time on: the common one, and those of single markets."""

    since: int
    common: TickTable
    special: dict[str, TickTable]


class LimitEra(NamedTuple):
    """Smallest and largest total of one order in quote currency from a time on; no largest where none is published."""

    since: int
    minimum: Decimal
    maximum: Decimal


def _kst(days_since_epoch: int) -> int:
    return days_since_epoch * DAY - KST_OFFSET


def _table(text: str) -> TickTable:
    """A table from `floor:tick` pairs, ascending."""
    pairs = [pair.split(":") for pair in text.split()]
    return TickTable(tuple(Decimal(low) for low, _ in pairs), tuple(Decimal(tick) for _, tick in pairs))


_2024_JAN_29 = _kst(19_751)
_2024_AUG_19 = _kst(19_954)
_2024_OCT_14 = _kst(20_010)
_2025_MAR_21 = _kst(20_168)
_2025_MAY_19 = _kst(20_227)
_2025_JUL_31 = _kst(20_300)

_UPPER = "10000:10 100000:50 500000:100 1000000:500 2000000:1000"
_DEEP = "0:0.00000001 0.0001:0.0000001 0.001:0.000001 0.01:0.00001 0.1:0.0001"
_KRW_OLD = _table(f"0:0.0001 0.1:0.001 1:0.01 10:0.1 100:1 1000:5 {_UPPER}")
_KRW_FINE = _table(f"{_DEEP} 1:0.001 10:0.01 100:0.1 1000:1 {_UPPER}")
_KRW_FINE_16 = _table(f"{_DEEP} 1:0.001 10:0.01 100:1 {_UPPER}")
_KRW_FINE_USD = _table(f"{_DEEP} 1:0.001 10:0.01 100:0.1 1000:0.5 {_UPPER}")
_KRW_NOW = _table(
    "0:0.00000001 0.00001:0.0000001 0.0001:0.000001 0.001:0.00001 0.01:0.0001 0.1:0.001 1:0.01 10:0.1 100:1 "
    "5000:5 10000:10 50000:50 100000:100 500000:500 1000000:1000"
)
_ONE_WON = "ADA ALGO BLUR CELO ELF EOS GRS GRT ICX MANA MINA POL SAND SEI STG TRX"
_SIXTEEN = {f"KRW-{coin}": _KRW_FINE_16 for coin in _ONE_WON.split()}
_DOLLARS = {"KRW-USDT": _KRW_FINE_USD, "KRW-USDC": _KRW_FINE_USD}

TICKS: dict[str, tuple[TickEra, ...]] = {
    "KRW": (
        TickEra(0, _KRW_OLD, {}),
        TickEra(_2024_JAN_29, _KRW_FINE, {}),
        TickEra(_2024_OCT_14, _KRW_FINE, _SIXTEEN),
        TickEra(_2025_MAR_21, _KRW_FINE, _SIXTEEN | _DOLLARS),
        TickEra(_2025_JUL_31, _KRW_NOW, {}),
    ),
    "BTC": (TickEra(0, _table("0:0.00000001"), {}),),
    "USDT": (
        TickEra(0, _table("0:0.001"), {}),
        TickEra(_2024_AUG_19, _table(f"{_DEEP} 1:0.001 10:0.01"), {}),
    ),
}

_UNPUBLISHED = Decimal(1_000_000_000)  # the USDT market names no largest total: this stands for none
LIMITS: dict[str, tuple[LimitEra, ...]] = {
    "KRW": (LimitEra(0, Decimal(5_000), Decimal(1_000_000_000)),),
    "BTC": (
        LimitEra(0, Decimal("0.0005"), Decimal(20)),
        LimitEra(_2024_AUG_19, Decimal("0.00005"), Decimal(20)),
        LimitEra(_2025_MAY_19, Decimal("0.00005"), Decimal(10)),
    ),
    "USDT": (
        LimitEra(0, Decimal("0.0005"), _UNPUBLISHED),
        LimitEra(_2024_AUG_19, Decimal("0.5"), _UNPUBLISHED),
    ),
}


def quote_of(market: str) -> str:
    """The currency prices of a market are in ("KRW" of "KRW-BTC"); raises NoRule if Upbit has no such market."""
    quote, _, base = market.partition("-")
    if quote not in TICKS or not base:
        raise NoRule(f"no market of Upbit is called {market!r}; expected one such as KRW-BTC")
    return quote


def base_of(market: str) -> str:
    """The currency a market trades ("BTC" of "KRW-BTC")."""
    return market.partition("-")[2]


def tick_size(market: str, price: Decimal, at: int) -> Decimal:
    """The price step in force at that price and time, in quote currency; raises NoRule for a price not above zero."""
    if not price.is_finite() or price <= ZERO:
        raise NoRule(f"{market}: a price must be above zero, found {price}")
    eras = TICKS[quote_of(market)]
    era = next((era for era in reversed(eras) if era.since <= at), eras[0])
    table = era.special.get(market, era.common)
    return table.ticks[bisect_right(table.floors, price) - 1]


def price_down(market: str, price: Decimal, at: int) -> Decimal:
    """The highest valid price not above this one; raises NoRule when there is none above zero."""
    low = floor_to(price, tick_size(market, price, at))
    if low <= ZERO:
        raise NoRule(f"{market}: no valid price at or below {price}")
    return low


def price_up(market: str, price: Decimal, at: int) -> Decimal:
    """The lowest valid price not below this one; entering the next band is fine, its edge is a step of both."""
    return ceil_to(price, tick_size(market, price, at))


def default_terms(market: str, at: int) -> Terms:
    """The published terms of a market, for when the exchange cannot be asked: backtests, paper, the sandbox."""
    quote = quote_of(market)
    eras = LIMITS[quote]
    limit = next((era for era in reversed(eras) if era.since <= at), eras[0])
    fee = KRW_FEE if quote == "KRW" else OTHER_FEE
    return Terms(market, fee, fee, limit.minimum, limit.minimum, limit.maximum, ACTIVE)
