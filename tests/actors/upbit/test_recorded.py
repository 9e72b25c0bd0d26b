"""Everything recorded from the real exchange is read without loss, and written back it says the same."""

import datetime as dt
import json
from decimal import Decimal as D
from itertools import pairwise
from pathlib import Path

import pytest

from actors.upbit import quotes, rows, wire
from actors.upbit.frames import BookFrame, TickerFrame, TradeFrame, read_all
from actors.upbit.news import NEWS
from domain.market import MINUTE, Bar
from domain.money import plain
from domain.orders import Side

RAW = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "raw"
ZONE = dt.timezone(dt.timedelta(hours=9))
LEFT_OUT = {
    "trade": {"ty", "tms", "td", "ttm", "pcp", "c", "cp", "st"},
    "orderbook": {"ty", "tas", "tbs", "st"},
    "ticker": {
        "type", "acc_trade_price", "acc_trade_volume", "acc_ask_volume", "acc_bid_volume", "ask_bid", "change",
        "change_price", "change_rate", "signed_change_price", "trade_volume", "trade_date", "trade_time", "timestamp",
        "highest_52_week_price", "highest_52_week_date", "lowest_52_week_price", "lowest_52_week_date",
        "is_trading_suspended", "market_warning", "stream_type",
    },
    "minutes": {"market", "timestamp", "unit"},
    "days": {"market", "timestamp"},
    "market": set(),
}  # fmt: skip
"""What a value leaves out on purpose: what follows from its other fields, what REST or another stream tells better,
what nobody decides on; and the market of a candle, which is what was asked for."""


@pytest.fixture
def raw() -> Path:
    if not RAW.is_dir():
        pytest.skip("the captured frames are not beside this checkout")
    return RAW


@pytest.fixture(autouse=True)
def nothing_told_before():
    NEWS.forget()


def loaded(text: str | bytes):
    return json.loads(text, parse_float=D)


def texts(**fields: object) -> str:
    """A row, its numbers as they are in the values of ours."""
    parts = (
        f'"{name}":{plain(value) if isinstance(value, D) else json.dumps(value, ensure_ascii=False)}'
        for name, value in fields.items()
    )
    return "{" + ",".join(parts) + "}"


def utc(at: int, zone: dt.tzinfo = dt.UTC) -> str:
    return f"{dt.datetime.fromtimestamp(at / 1_000_000, zone):%Y-%m-%dT%H:%M:%S}"


def compare(kind: str, text: str, source: dict) -> None:
    """The text says what the source said, for every field but those that are left out on purpose."""
    assert loaded(text) == {name: value for name, value in source.items() if name not in LEFT_OUT[kind]}


def trade_text(frame: TradeFrame) -> str:
    trade = frame.trade
    return texts(
        cd=frame.market,
        ttms=trade.at // 1_000,
        tp=trade.price,
        tv=trade.volume,
        ab="BID" if trade.taker is Side.BUY else "ASK",
        sid=trade.sequential_id,
    )


def book_text(frame: BookFrame, depth: int) -> str:
    """The thin side is padded with zeros, as the exchange does it."""
    book = frame.book
    asks = [(level.price, level.size) for level in book.asks] + [(D(0), D(0))] * (depth - len(book.asks))
    bids = [(level.price, level.size) for level in book.bids] + [(D(0), D(0))] * (depth - len(book.bids))
    units = (
        texts(**{"ap": ask, "bp": bid, "as": asked, "bs": offered})
        for (ask, asked), (bid, offered) in zip(asks, bids, strict=True)
    )
    return texts(cd=frame.market, tms=book.at // 1_000)[:-1] + f',"obu":[{",".join(units)}]}}'


def ticker_text(frame: TickerFrame) -> str:
    told = frame.exact()
    return texts(
        code=told.market,
        trade_timestamp=told.at // 1_000,
        trade_price=told.price,
        opening_price=told.open,
        high_price=told.high,
        low_price=told.low,
        prev_closing_price=told.previous_close,
        signed_change_rate=told.change_rate,
        acc_trade_price_24h=told.value_24h,
        acc_trade_volume_24h=told.volume_24h,
        market_state=told.state,
        delisting_date=told.delisting or None,
    )


def bar_text(bar: Bar, **more: object) -> str:
    return texts(
        candle_date_time_utc=utc(bar.start),
        candle_date_time_kst=utc(bar.start, ZONE),
        opening_price=bar.open,
        high_price=bar.high,
        low_price=bar.low,
        trade_price=bar.close,
        candle_acc_trade_price=bar.value,
        candle_acc_trade_volume=bar.volume,
        **more,
    )


def test_every_recorded_trade_and_book_says_the_same_when_it_is_written_back(raw):
    lines = map(json.loads, (raw / "ws/upbit_ws_simple_2021-04-17.jsonl").read_text().splitlines())
    received = [line["raw"] for line in lines if line["event"] == "recv"]
    kinds = []
    for text in received:
        source = loaded(text)
        (frame,) = read_all(text.encode())
        kinds.append(type(frame))
        if isinstance(frame, TradeFrame):
            compare("trade", trade_text(frame), source)
        else:
            compare("orderbook", book_text(frame, len(source["obu"])), source)
        assert read_all(f"[{text}]".encode()) == (frame,)
    assert (kinds.count(TradeFrame), kinds.count(BookFrame)) == (304, 145)
    assert NEWS.counts() == {}


def test_every_recorded_ticker_says_the_same_when_it_is_written_back(raw):
    lines = (raw / "ws/upbit_ws_ticker_default_2025-07-14.jsonl").read_text().splitlines()
    assert len(lines) == 7
    for line in lines:
        (frame,) = read_all(line.encode())
        compare("ticker", ticker_text(frame), loaded(line))
        source = json.loads(line)
        assert (frame.price, frame.high, frame.value_24h) == (
            source["trade_price"],
            source["high_price"],
            source["acc_trade_price_24h"],
        )
    assert NEWS.counts() == {}


def test_every_recorded_candle_of_minutes_says_the_same_when_it_is_written_back(raw):
    count = 0
    for path in sorted((raw / "rest").glob("candles_upbit_*m_*.json")):
        told = [(rows.bar(row), row) for row in wire.load(path.read_bytes())]
        for bar, row in told:
            compare("minutes", bar_text(bar), row)
            assert bar.start % (row["unit"] * MINUTE) == 0
        assert all(new.start > old.start for (new, _), (old, _) in pairwise(told))
        count += len(told)
    assert count == 540
    assert NEWS.counts() == {}


def test_every_recorded_candle_of_a_day_says_the_same_when_it_is_written_back(raw):
    count = 0
    for path in sorted((raw / "rest").glob("candles_days_rows_*.jsonl")):
        for line in path.read_text().splitlines():
            row = wire.load(line)
            told = rows.day_candle(row)
            more = {
                "prev_closing_price": told.previous_close,
                "change_price": told.change,
                "change_rate": told.change_rate,
            }
            whole = row["candle_date_time_utc"] + "T00:00:00"  # the recorder kept the date only
            compare("days", bar_text(told.bar, **more), row | {"candle_date_time_utc": whole})
            count += 1
    assert count == 1_176
    assert NEWS.counts() == {}


def test_every_recorded_market_says_the_same_when_it_is_written_back(raw):
    listed = wire.load((raw / "rest/market_all_2021-04-17.json").read_bytes())
    for row in listed:
        told = quotes.listing(row)
        compare(
            "market",
            texts(market=told.market, korean_name=told.korean_name, english_name=told.english_name),
            row,
        )
        assert not told.warning
    assert len(listed) == 294
    assert NEWS.counts() == {}
