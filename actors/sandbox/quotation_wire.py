"""Rows of the public REST side: every number a JSON number without exponent."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeAlias

import msgspec

from actors.sandbox.history import Candle
from actors.sandbox.live import LiveMarket
from actors.sandbox.numerals import coins, plain
from actors.sandbox.prints import Print
from actors.sandbox.ticks import grid_at
from domain.market import KST_OFFSET
from domain.rules import quote_of

Row: TypeAlias = dict[str, object]


def number(value: float) -> msgspec.Raw:
    """A JSON number without exponent, with a fraction even if it is whole: 11509000.0."""
    return _raw(plain(value))


def volume(units: int) -> msgspec.Raw:
    """A volume in 1e-8 coins as a JSON number of coins."""
    return _raw(coins(units))


def _raw(text: str) -> msgspec.Raw:
    return msgspec.Raw((text if "." in text else f"{text}.0").encode())


def stamp(at: int, form: str) -> str:
    """A time in microseconds as UTC text."""
    return _stamp(at // 1_000_000, form)


@lru_cache(maxsize=10_000)
def _stamp(second: int, form: str) -> str:
    return datetime.fromtimestamp(second, UTC).strftime(form)


def supported_levels(live: LiveMarket) -> dict[str, float]:
    """Steps by which a market's book may be grouped, by their text; "0" is the book itself. Only KRW books may be."""
    if quote_of(live.market) != "KRW":
        return {"0": 0.0}
    steps = [round(tick_of(live) * 10**power, 8) for power in range(1, 6)]
    return {"0": 0.0, **{plain(step): step for step in steps}}


def tick_of(live: LiveMarket) -> float:
    """The price step at the last price."""
    return grid_at(live.market, live.last.at).tick(live.last.price)


def direction(change: float) -> str:
    """The exchange's word for a change of price."""
    return "EVEN" if change == 0 else "RISE" if change > 0 else "FALL"


def _changes(price: float, prior: float) -> Row:
    change, rate = round(price - prior, 8), round((price - prior) / prior, 10)
    return {
        "change": direction(change),
        "change_price": number(abs(change)),
        "change_rate": number(abs(rate)),
        "signed_change_price": number(change),
        "signed_change_rate": number(rate),
    }


def candle_row(market: str, candle: Candle) -> Row:
    """A candle."""
    return {
        "market": market,
        "candle_date_time_utc": stamp(candle.start, "%Y-%m-%dT%H:%M:%S"),
        "candle_date_time_kst": stamp(candle.start + KST_OFFSET, "%Y-%m-%dT%H:%M:%S"),
        "opening_price": number(candle.open),
        "high_price": number(candle.high),
        "low_price": number(candle.low),
        "trade_price": number(candle.close),
        "timestamp": candle.last_ms,
        "candle_acc_trade_price": number(candle.turnover),
        "candle_acc_trade_volume": volume(candle.units),
    }


def ticker_row(live: LiveMarket, now: int) -> Row:
    """A ticker; `now` in microseconds."""
    last, day = live.last, live.day
    value_24h, units_24h = live.rolling()
    (high, high_at), (low, low_at) = live.year_high, live.year_low
    return {
        "market": live.market,
        "trade_date": stamp(last.at, "%Y%m%d"),
        "trade_time": stamp(last.at, "%H%M%S"),
        "trade_date_kst": stamp(last.at + KST_OFFSET, "%Y%m%d"),
        "trade_time_kst": stamp(last.at + KST_OFFSET, "%H%M%S"),
        "trade_timestamp": last.at // 1000,
        "opening_price": number(day.open),
        "high_price": number(day.high),
        "low_price": number(day.low),
        "trade_price": number(last.price),
        "prev_closing_price": number(day.prior),
        **_changes(last.price, day.prior),
        "trade_volume": volume(last.units),
        "acc_trade_price": number(day.value / live.series.per),
        "acc_trade_price_24h": number(value_24h),
        "acc_trade_volume": volume(day.units),
        "acc_trade_volume_24h": volume(units_24h),
        "highest_52_week_price": number(high),
        "highest_52_week_date": stamp(high_at, "%Y-%m-%d"),
        "lowest_52_week_price": number(low),
        "lowest_52_week_date": stamp(low_at, "%Y-%m-%d"),
        "timestamp": now // 1000,
    }


def trade_row(market: str, trade: Print, prior: float) -> Row:
    """A trade; `prior` is the close of the UTC day before."""
    return {
        "market": market,
        "trade_date_utc": stamp(trade.at, "%Y-%m-%d"),
        "trade_time_utc": stamp(trade.at, "%H:%M:%S"),
        "timestamp": trade.at // 1000,
        "trade_price": number(trade.price),
        "trade_volume": volume(trade.units),
        "prev_closing_price": number(prior),
        "change_price": number(round(trade.price - prior, 8)),
        "ask_bid": "BID" if trade.buys else "ASK",
        "sequential_id": trade.sequential_id,
    }


def book_row(live: LiveMarket, level: str, count: int) -> Row:
    """A book of up to `count` levels, grouped by `level` (one of `supported_levels`)."""
    step = supported_levels(live)[level]
    book = live.book.grouped(step) if step else live.book
    units = [
        {"bid_price": number(bid), "bid_size": volume(offered), "ask_price": number(ask), "ask_size": volume(asked)}
        for ask, bid, asked, offered in book.units(count)
    ]
    return {
        "market": live.market,
        "timestamp": book.at_ms,
        "total_ask_size": volume(sum(book.ask_sizes)),
        "total_bid_size": volume(sum(book.bid_sizes)),
        "orderbook_units": units,
        "level": _raw(level),
    }
