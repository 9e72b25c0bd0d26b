"""What the exchange lists and quotes, beyond trades, books and candles: markets with their flags, tickers, ticks."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from actors.upbit import fields
from actors.upbit.wire import note_fields, number
from domain.errors import BadPayload
from domain.message import Value

US_PER_MS = 1_000


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
    note_fields("listing", row, fields.LISTING)
    event = row.get("market_event") or {}
    cautions = event.get("caution") or {}
    return Listing(
        market=row["market"],
        korean_name=str(row.get("korean_name") or ""),
        english_name=str(row.get("english_name") or ""),
        warning=bool(event.get("warning")) or row.get("market_warning") == "CAUTION",
        cautions=tuple(sorted(name for name, up in cautions.items() if up)),
    )


def ticker(row: Mapping[str, Any]) -> Ticker:
    """A ticker by REST (`market`) or by stream (`code`, long names)."""
    note_fields("ticker", row, fields.TICKER)
    return Ticker(
        market=row["market"] if "market" in row else row["code"],
        at=int(row["trade_timestamp"]) * US_PER_MS,
        price=number(row, "trade_price"),
        open=number(row, "opening_price"),
        high=number(row, "high_price"),
        low=number(row, "low_price"),
        previous_close=number(row, "prev_closing_price"),
        change_rate=number(row, "signed_change_rate"),
        volume_24h=number(row, "acc_trade_volume_24h"),
        value_24h=number(row, "acc_trade_price_24h"),
        state=str(row.get("market_state") or ""),
        delisting=_date(row.get("delisting_date")),
    )


def instrument(row: Mapping[str, Any]) -> Instrument:
    """A row of orderbook/instruments, where every number is text."""
    note_fields("instrument", row, fields.INSTRUMENT)
    levels = tuple(number({"level": level}, "level") for level in row["supported_levels"])
    return Instrument(row["market"], number(row, "tick_size"), levels)


def _date(told: object) -> str:
    match told:
        case None | "":
            return ""
        case str():
            return told
        case {"year": int(year), "month": int(month), "day": int(day)}:
            return f"{year:04}-{month:02}-{day:02}"
        case _:
            raise BadPayload(f"expected a delisting date, found {told!r:.80}")
