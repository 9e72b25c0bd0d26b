"""How the exchange spells things: field names and their order, numbers of either kind, formats, error names."""

import json
from decimal import Decimal

import pytest

from actors.sandbox.numerals import coins, java, plain, sized, small
from tests.actors.sandbox.client import ask, frame

TICKER = (
    "type:ty code:cd opening_price:op high_price:hp low_price:lp trade_price:tp prev_closing_price:pcp "
    "acc_trade_price:atp change:c change_price:cp signed_change_price:scp change_rate:cr signed_change_rate:scr "
    "ask_bid:ab trade_volume:tv acc_trade_volume:atv trade_date:tdt trade_time:ttm trade_timestamp:ttms "
    "acc_ask_volume:aav acc_bid_volume:abv highest_52_week_price:h52wp highest_52_week_date:h52wdt "
    "lowest_52_week_price:l52wp lowest_52_week_date:l52wdt market_state:ms is_trading_suspended:its "
    "delisting_date:dd market_warning:mw timestamp:tms acc_trade_price_24h:atp24h acc_trade_volume_24h:atv24h "
    "stream_type:st"
)
TRADE = (
    "type:ty code:cd timestamp:tms trade_date:td trade_time:ttm trade_timestamp:ttms trade_price:tp trade_volume:tv "
    "ask_bid:ab prev_closing_price:pcp change:c change_price:cp sequential_id:sid best_ask_price:bap "
    "best_ask_size:bas best_bid_price:bbp best_bid_size:bbs stream_type:st"
)
BOOK = "type:ty code:cd timestamp:tms total_ask_size:tas total_bid_size:tbs orderbook_units:obu stream_type:st level:lv"
CANDLE = (
    "type:ty code:cd candle_date_time_utc:cdttmu candle_date_time_kst:cdttmk opening_price:op high_price:hp "
    "low_price:lp trade_price:tp candle_acc_trade_volume:catv candle_acc_trade_price:catp timestamp:tms stream_type:st"
)
KINDS = {"ticker": TICKER, "trade": TRADE, "orderbook": BOOK, "candle.1s": CANDLE, "candle.1m": CANDLE}
REST = {
    "/v1/ticker?markets=KRW-XRP": (
        "market trade_date trade_time trade_date_kst trade_time_kst trade_timestamp opening_price high_price low_price "
        "trade_price prev_closing_price change change_price change_rate signed_change_price signed_change_rate "
        "trade_volume acc_trade_price acc_trade_price_24h acc_trade_volume acc_trade_volume_24h highest_52_week_price "
        "highest_52_week_date lowest_52_week_price lowest_52_week_date timestamp"
    ),
    "/v1/trades/ticks?market=KRW-XRP": (
        "market trade_date_utc trade_time_utc timestamp trade_price trade_volume prev_closing_price change_price "
        "ask_bid sequential_id"
    ),
    "/v1/orderbook?markets=KRW-XRP": "market timestamp total_ask_size total_bid_size orderbook_units level",
    "/v1/orderbook/instruments?markets=KRW-XRP": "market quote_currency tick_size supported_levels",
    "/v1/market/all?is_details=true": "market korean_name english_name market_event",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_has_its_long_and_short_names_in_order_in_every_format(start, kind):
    pairs = [pair.split(":") for pair in KINDS[kind].split()]
    socket = start().socket()
    told = {}
    for form in ("DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"):
        ask(socket, {"type": kind, "codes": ["KRW-XRP"]}, {"format": form})
        _, message = frame(socket)
        if form.endswith("LIST"):
            (message,) = message
        assert list(message) == [names[form.startswith("SIMPLE")] for names in pairs]
        told[form] = message
    assert told["DEFAULT"] == told["JSON_LIST"]
    assert told["SIMPLE"] == told["SIMPLE_LIST"]
    same = {short: told["DEFAULT"][long] for long, short in pairs}
    if kind == "orderbook":
        names = {"ask_price": "ap", "bid_price": "bp", "ask_size": "as", "bid_size": "bs"}
        same["obu"] = [{names[long]: value for long, value in unit.items()} for unit in same["obu"]]
    assert told["SIMPLE"] == same


@pytest.mark.parametrize("path", REST)
def test_rows_of_rest_have_their_fields_in_order(start, path):
    answer = start().public(path)
    assert answer.status_code == 200
    assert list(answer.json()[0]) == REST[path].split()


def test_numbers_of_the_quotation_side_are_json_numbers_without_an_exponent(start):
    client = start(markets=("KRW-BTC", "KRW-BTT", "BTC-XRP"))
    for path in ("/v1/ticker", "/v1/orderbook"):
        answer = client.public(path, {"markets": "KRW-BTC,KRW-BTT,BTC-XRP"})
        spelled = []
        json.loads(answer.content, parse_float=spelled.append, parse_int=spelled.append)
        assert len(spelled) > 30
        assert not [text for text in spelled if "e" in text.lower()]
    (row,) = client.public("/v1/orderbook", {"markets": "KRW-BTC", "count": 1}).json()
    assert isinstance(row["orderbook_units"][0]["ask_price"], float)
    assert list(row["orderbook_units"][0]) == ["bid_price", "bid_size", "ask_price", "ask_size"]  # a socket: ask first


@pytest.mark.parametrize(
    ("value", "default", "simple"),
    [
        (145_878_000.0, "1.45878E8", "145878000"),
        (93_211_204_411.51, "9.321120441151E10", "93211204411.51"),
        (978_000.0, "978000.0", "978000"),
        (9_999_999.0, "9999999.0", "9999999"),
        (10_000_000.0, "1.0E7", "10000000"),
        (0.0067494824, "0.0067494824", "0.0067494824"),
        (0.001, "0.001", "0.001"),
        (0.00079276, "7.9276E-4", "0.00079276"),
        (0.00002533, "2.533E-5", "0.00002533"),
        (-978_000.0, "-978000.0", "-978000"),
        (0.0, "0.0", "0"),
    ],
)
def test_amounts_are_spelled_as_java_does_by_default_and_plainly_in_the_simple_format(value, default, simple):
    assert (java(value), plain(value)) == (default, simple)
    assert Decimal(default) == Decimal(simple) == Decimal(repr(value))


@pytest.mark.parametrize(
    ("units", "default", "simple", "rest"),
    [
        (77_720, "0.00077720", "7.772E-4", "0.0007772"),
        (79_276, "0.00079276", "7.9276E-4", "0.00079276"),
        (100_000, "0.00100000", "0.001", "0.001"),
        (2_054_761, "0.02054761", "0.02054761", "0.02054761"),
        (251_469_375, "2.51469375", "2.51469375", "2.51469375"),
        (30_000_000_000, "300.00000000", "300", "300"),
        (1, "0.00000001", "1.0E-8", "0.00000001"),
        (0, "0.00000000", "0", "0"),
        (123_456_789_012_345_678_901, "1234567890123.45678901", "1234567890123.45678901", "1234567890123.45678901"),
    ],
)
def test_sizes_keep_their_zeros_by_default_and_small_ones_have_an_exponent_in_the_simple_format(
    units, default, simple, rest
):
    assert (sized(units), small(units), coins(units)) == (default, simple, rest)
    assert Decimal(default) == Decimal(simple) == Decimal(units).scaleb(-8)


def test_errors_are_compact_json(start):
    client = start()
    unknown = b'{"error":{"name":"not_found","message":"no Route matched with those values"}}'
    assert client.public("/v1/nope").content == unknown
    assert client.public("/v1/ticker", {"markets": "KRW-NO"}).content == (
        b'{"error":{"name":404,"message":"Code not found"}}'
    )
    assert client.get("/v1/order", {"uuid": "none"}).text == (
        '{"error":{"name":"order_not_found","message":"주문을 찾지 못했습니다."}}'
    )


def test_errors_of_the_quotation_side_have_numbers_for_names(start):
    client = start()
    for path, status in (("/v1/ticker", 400), ("/v1/ticker?markets=KRW-NOPE", 404), ("/v1/candles/weeks", 400)):
        answer = client.public(path)
        assert answer.status_code == status
        assert answer.json()["error"]["name"] == status
        assert isinstance(answer.json()["error"]["name"], int)
