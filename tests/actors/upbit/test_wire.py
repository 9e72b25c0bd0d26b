"""The exchange's words and ours: real captured frames, the reference's samples, and round trips of generated values."""

import json
from decimal import Decimal as D
from itertools import pairwise
from pathlib import Path

import pytest

from actors.upbit import wire
from actors.upbit.fields import SHORT, SHORT_PARTS
from actors.upbit.frames import AssetsFrame, BarFrame, BookFrame, ErrorFrame, TradeFrame, read_all
from actors.upbit.quotes import Ticker
from domain.errors import BadPayload
from domain.money import plain
from domain.orders import ExchangeState, Side
from tests.actors.upbit.samples import BOOK, ORDER_EVENT, SIMPLE_BOOK

RAW = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "raw"


@pytest.fixture
def raw() -> Path:
    if not RAW.is_dir():
        pytest.skip("the captured frames are not beside this checkout")
    return RAW


@pytest.fixture(autouse=True)
def nothing_told_before(monkeypatch):
    """Each test hears what is new for itself."""
    monkeypatch.setattr(wire, "_told", set())


def one(text: str):
    (frame,) = read_all(text)
    return frame


# --- captured from the real exchange


def test_every_captured_frame_is_read_and_nothing_in_it_is_new_to_us(raw, caplog):
    texts = [json.loads(line) for line in (raw / "ws/upbit_ws_simple_2021-04-17.jsonl").read_text().splitlines()]
    received = [text["raw"] for text in texts if text["event"] == "recv"]
    told = [one(text) for text in received]
    assert len(told) == 449
    assert {type(frame) for frame in told} == {TradeFrame, BookFrame}
    for text, frame in zip(received, told, strict=True):
        source = json.loads(text, parse_float=D)
        assert frame.market == source["cd"]
        if isinstance(frame, TradeFrame):
            trade = frame.trade
            assert (trade.price, trade.volume, trade.at) == (source["tp"], source["tv"], source["ttms"] * 1_000)
            assert trade.taker is (Side.BUY if source["ab"] == "BID" else Side.SELL)
            assert trade.sequential_id == source["sid"]
        else:
            book = frame.book
            assert [(level.price, level.size) for level in book.asks] == [
                (unit["ap"], unit["as"]) for unit in source["obu"] if unit["ap"]
            ]
            assert all(near.price < far.price for near, far in pairwise(book.asks))
            assert all(level.price and level.size for level in book.bids)
    assert caplog.text == ""


def test_captured_tickers_are_read_and_nothing_in_them_is_new_to_us(raw, caplog):
    lines = (raw / "ws/upbit_ws_ticker_default_2025-07-14.jsonl").read_text().splitlines()
    tickers = [one(line) for line in lines]
    assert all(isinstance(ticker, Ticker) for ticker in tickers)
    assert (tickers[1].market, tickers[1].price, tickers[1].state) == ("KRW-BTC", D(166291000), "ACTIVE")
    assert tickers[1].value_24h > 0
    assert caplog.text == ""


def test_captured_candles_are_a_minute_apart_and_nothing_in_them_is_new_to_us(raw, caplog):
    rows = wire.load((raw / "rest/candles_upbit_1m_20200220_170000-20200220_202000.json").read_bytes())
    bars = [wire.bar(row) for row in rows]
    assert len(bars) == 200
    assert all(new.start - old.start == 60_000_000 for new, old in pairwise(bars))
    assert bars[0].start == 1_582_197_540_000_000  # 2020-02-20T11:19:00Z
    assert (bars[0].high, bars[0].volume) == (D(11511000), D("2.63267824"))
    days = (raw / "rest/candles_days_rows_KRW-BTC_2023.jsonl").read_text().splitlines()
    assert wire.bar(wire.load(days[0])).start == 1_670_198_400_000_000
    assert caplog.text == ""


# --- samples of the reference


def test_a_book_reads_alike_in_both_formats_as_text_and_as_bytes():
    long, short = one(BOOK), one(SIMPLE_BOOK.encode())
    assert long == short
    assert [(plain(level.price), plain(level.size)) for level in long.book.asks] == [
        ("145879000", "0.02054761"),
        ("145881000", "0.0007772"),
    ]
    assert len(long.book.bids) == 1


@pytest.mark.parametrize(
    "spoilt",
    [
        BOOK.replace("1.45881E8", "1.4E8"),
        BOOK.replace("1.45881E8", "-1"),
        BOOK.replace("1.45881E8", '"x"'),
        BOOK.replace("1.45881E8", "1E99"),
        BOOK.replace('"timestamp"', '"time"'),
        ORDER_EVENT.replace('"BID"', '"LONG"'),
        ORDER_EVENT.replace("116538000", "0"),
        ORDER_EVENT.replace('"uuid"', '"guid"', 1),
    ],
)
def test_a_frame_that_cannot_be_right_is_a_bad_payload_not_a_guess(spoilt):
    with pytest.raises(BadPayload):
        tuple(read_all(spoilt))


def test_a_bad_payload_names_what_was_wrong():
    with pytest.raises(BadPayload, match="trade_price"):
        tuple(read_all('{"type":"trade","code":"A","trade_timestamp":1,"trade_volume":1,"ask_bid":"ASK"}'))
    with pytest.raises(BadPayload, match="JSON"):
        tuple(read_all("<html>"))


def test_a_fill_told_by_the_stream_carries_its_own_fee_and_counts_as_complete():
    report = one(ORDER_EVENT)
    (fill,) = report.fills
    assert (fill.price, fill.volume, fill.funds, fill.fee) == (D(116538000), D("0.0001"), D("11653.8"), D("5.8269"))
    assert (fill.trade_id, fill.at) == ("6831", 1_795_327_463_512_000)
    assert (report.state, report.price, report.volume) == (ExchangeState.WAIT, None, None)
    assert (report.complete, report.created_at) == (True, 1_795_327_445_000_000)


def test_a_fill_without_its_fee_is_left_for_rest_to_tell():
    report = one(ORDER_EVENT.replace('"trade_fee":5.8269', '"trade_fee":null'))
    assert (report.fills, report.complete, report.executed_volume) == ((), False, D("0.0001"))


def test_the_end_of_a_partly_filled_order_is_not_complete_without_its_fills():
    report = one(ORDER_EVENT.replace('"trade"', '"cancel"').replace('"trade_fee":5.8269', '"trade_fee":null'))
    assert (report.state, report.price, report.volume) == (ExchangeState.CANCEL, D(116538000), D("0.0001"))
    assert not report.complete


def test_short_names_of_orders_and_assets_are_read_like_the_long_ones():
    short = {long: name for name, long in SHORT["myOrder"].items()}
    row = json.loads(ORDER_EVENT)
    assert one(json.dumps({short[name]: value for name, value in row.items()})) == one(json.dumps(row))
    assets = '{"ty":"myAsset","astuid":"e6","ast":[{"cu":"KRW","b":1386929.37231066771348207123,"l":10.5}],"tms":1}'
    told = one(assets)
    assert isinstance(told, AssetsFrame)
    assert str(told.balances[0].free) == "1386929.37231066771348207123"
    assert (told.balances[0].locked, told.at) == (D("10.5"), 1_000)


def test_a_candle_is_read_with_its_unit():
    row = {
        "candle_date_time_utc": "2026-11-22T05:59:00",
        "opening_price": 1.4585e8,
        "high_price": 1.45881e8,
        "low_price": 1.4585e8,
        "trade_price": 1.45878e8,
        "candle_acc_trade_volume": 1.28830711,
        "candle_acc_trade_price": 1.8790211034881e8,
        "timestamp": 1_795_327_198_901,
        "stream_type": "REALTIME",
    }
    long = one(json.dumps(row | {"type": "candle.1m", "code": "KRW-BTC"}))
    assert isinstance(long, BarFrame)
    assert (long.unit, long.bar.start, long.bar.close) == ("1m", 1_795_327_140_000_000, D(145878000))
    names = {name: short for short, name in SHORT["candle"].items()}
    assert one(json.dumps({names[name]: row[name] for name in row} | {"ty": "candle.1m", "cd": "KRW-BTC"})) == long


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"error":{"name":"WRONG_FORMAT","message":"Format"}}', ErrorFrame("WRONG_FORMAT", "Format")),
        ('{"error":{"message":"x","name":"NO_TYPE"}}', ErrorFrame("NO_TYPE", "x")),
        ('{"error":"teapot"}', ErrorFrame("teapot", "")),
    ],
)
def test_an_error_frame_is_read_in_any_order(text, frame):
    assert one(text) == frame


def test_a_short_name_means_one_long_name_within_its_kind():
    for names in (*SHORT.values(), *SHORT_PARTS.values()):
        assert len(set(names.values())) == len(names)


# --- what is new is said once, and never lost


def test_new_fields_kinds_and_states_are_each_logged_once(caplog):
    for _ in range(3):
        assert list(read_all('{"type":"of_tomorrow","code":"KRW-BTC"}')) == []
        frame = one(ORDER_EVENT.replace('"state":"trade"', '"state":"dreaming","news":1'))
        assert not frame.finished
        assert list(read_all('{"status":"UP"}')) == []
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3
    assert all(any(name in text for text in told) for name in ("of_tomorrow", "dreaming", "news"))
