"""What the exchange lists and quotes: markets with their flags, tickers, ticks, past trades."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from actors.upbit import fields, wire
from actors.upbit.news import NEWS
from actors.upbit.wire import identity, number, positive, text
from domain.errors import BadPayload
from domain.market import Trade
from domain.message import Value
from domain.orders import Side

TAKERS: Final = {"BID": Side.BUY, "ASK": Side.SELL}


class Listing(Value, frozen=True):
    """One market as it is listed. `warning` usually comes before a delisting; `cautions` are the flags that are up."""

    market: str
    korean_name: str
    english_name: str
    warning: bool
    cautions: tuple[str, ...]


class Ticker(Value, frozen=True):
    """A market's day (from 00:00 UTC) and last 24 hours; `at` is its last trade, `change_rate` a signed fraction.

    `state` (ACTIVE, PREVIEW, DELISTED) and `delisting` (a date) come by stream only, else they are "".
    """

    market: str
    at: int
    price: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    previous_close: Decimal
    change_rate: Decimal
    volume_24h: Decimal
    value_24h: Decimal
    state: str = ""
    delisting: str = ""


class Instrument(Value, frozen=True):
    """A market's tick at its present price, and the steps its book can be grouped by (0: not grouped)."""

    market: str
    tick: Decimal
    levels: tuple[Decimal, ...]


def listing(row: Mapping[str, Any]) -> Listing:
    """A row of market/all; without its details every flag is down, also one that only an older host sends."""
    NEWS.fields("listing", row, fields.LISTING)
    event = row.get("market_event") or {}
    cautions = event.get("caution") or {}
    return Listing(
        market=identity(row, "market"),
        korean_name=text(row, "korean_name"),
        english_name=text(row, "english_name"),
        warning=bool(event.get("warning")) or row.get("market_warning") == "CAUTION",
        cautions=tuple(sorted(name for name, up in cautions.items() if up)),
    )


def ticker(row: Mapping[str, Any]) -> Ticker:
    """A ticker by REST (`market`) or by stream (`code`, long names)."""
    NEWS.fields("ticker", row, fields.KNOWN["ticker"])
    return Ticker(
        market=identity(row, "market" if "market" in row else "code"),
        at=wire.at_ms(row, "trade_timestamp"),
        price=number(row, "trade_price"),
        open=number(row, "opening_price"),
        high=number(row, "high_price"),
        low=number(row, "low_price"),
        previous_close=number(row, "prev_closing_price"),
        change_rate=number(row, "signed_change_rate"),
        volume_24h=number(row, "acc_trade_volume_24h"),
        value_24h=number(row, "acc_trade_price_24h"),
        state=text(row, "market_state"),
        delisting=date(row.get("delisting_date")),
    )


def instrument(row: Mapping[str, Any]) -> Instrument:
    """A row of orderbook/instruments, where every number is text."""
    NEWS.fields("instrument", row, fields.INSTRUMENT)
    levels = tuple(number({"level": level}, "level") for level in row["supported_levels"])
    return Instrument(identity(row, "market"), positive(row, "tick_size"), levels)


def trade(row: Mapping[str, Any]) -> Trade:
    """A row of trades/ticks; `ask_bid` is the side of the taker."""
    NEWS.fields("past trade", row, fields.PUBLIC_TRADE)
    return Trade(
        at=wire.at_ms(row, "timestamp"),
        price=positive(row, "trade_price"),
        volume=positive(row, "trade_volume"),
        taker=TAKERS[row["ask_bid"]],
        sequential_id=wire.whole(row, "sequential_id"),
    )


def date(told: object) -> str:
    """A date as `yyyy-mm-dd`, "" for none; raises BadPayload for anything else."""
    match told:
        case None | "":
            return ""
        case str():
            return told
        case {"year": int(year), "month": int(month), "day": int(day)}:
            return f"{year:04}-{month:02}-{day:02}"
        case _:
            raise BadPayload(f"expected a date, found {told!r:.80}")
