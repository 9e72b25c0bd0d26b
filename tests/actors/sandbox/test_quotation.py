"""The public REST side: shapes and types of the documentation, paging, and its ways to say no."""

import gzip
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import requests

from domain.rules import tick_size

BTC = {"market": "KRW-BTC"}


def rows(client, path, params=None):
    answer = client.public(path, params)
    assert answer.status_code == 200, answer.text
    return answer.json(parse_float=Decimal)


def minute(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_markets_are_listed_with_and_without_details(start):
    client = start()
    assert rows(client, "/v1/market/all") == [
        {"market": "KRW-BTC", "korean_name": "비트코인", "english_name": "Bitcoin"},
        {"market": "KRW-XRP", "korean_name": "리플", "english_name": "XRP"},
    ]
    for name in ("is_details", "isDetails"):
        event = rows(client, "/v1/market/all", {name: "true"})[0]["market_event"]
        assert event["warning"] is False
        assert len(event["caution"]) == 5


def test_candles_have_the_documented_fields_as_json_numbers_newest_first(start):
    client = start()
    found = rows(client, "/v1/candles/minutes/5", {**BTC, "count": 3})
    assert list(found[0]) == [
        "market",
        "candle_date_time_utc",
        "candle_date_time_kst",
        "opening_price",
        "high_price",
        "low_price",
        "trade_price",
        "timestamp",
        "candle_acc_trade_price",
        "candle_acc_trade_volume",
        "unit",
    ]
    assert [row["candle_date_time_utc"] for row in found] == [f"2026-01-02T23:{at}:00" for at in (55, 50, 45)]
    assert found[0]["candle_date_time_kst"] == "2026-01-03T08:55:00"
    assert isinstance(found[0]["trade_price"], Decimal)
    assert found[0]["unit"] == 5
    assert len(rows(client, "/v1/candles/minutes/1", BTC)) == 1


def test_paging_by_to_has_no_overlap_and_no_hole(start):
    client = start(markets=("KRW-BTC",))
    seen, to = [], "2026-01-02 12:00:00"  # without a zone it is UTC
    for _ in range(4):
        page = rows(client, "/v1/candles/minutes/3", {**BTC, "count": 7, "to": to})
        seen += [minute(row["candle_date_time_utc"]) for row in page]
        to = page[-1]["candle_date_time_utc"] + "Z"
    expected = datetime(2026, 1, 2, 11, 57, tzinfo=UTC)
    assert seen == [expected - timedelta(minutes=3 * n) for n in range(28)]


def test_to_is_exclusive_and_may_be_in_another_zone(start):
    client = start()
    for to in ("2026-01-02T12:00:00Z", "2026-01-02T21:00:00+09:00"):
        (row,) = rows(client, "/v1/candles/minutes/60", {**BTC, "to": to})
        assert row["candle_date_time_utc"] == "2026-01-02T11:00:00"
    (inside,) = rows(client, "/v1/candles/minutes/60", {**BTC, "to": "2026-01-02T12:00:01Z"})
    assert inside["candle_date_time_utc"] == "2026-01-02T12:00:00"
    raw = client.session.get(
        client.base + "/v1/candles/minutes/1?market=KRW-BTC&to=2026-01-02T21:00:00+09:00", timeout=5
    )
    assert (raw.status_code, raw.json()["error"]["name"]) == (400, 400)  # the plus sign was not encoded


def test_count_is_cut_to_200(start):
    client = start()
    assert len(rows(client, "/v1/candles/minutes/1", {**BTC, "count": 500})) == 200


@pytest.mark.parametrize("unit", [3, 15, 60, 240])
def test_long_candles_are_made_of_the_minutes_that_traded(start, unit):
    client = start(markets=("KRW-BTT",), days=2)
    params = {"market": "KRW-BTT", "to": "2026-01-01T20:00:00Z"}
    minutes = rows(client, "/v1/candles/minutes/1", {**params, "count": 200})
    assert len({row["candle_date_time_utc"] for row in minutes}) == 200
    oldest = minute(minutes[-1]["candle_date_time_utc"])
    for big in rows(client, f"/v1/candles/minutes/{unit}", {**params, "count": 10}):
        begins = minute(big["candle_date_time_utc"])
        if begins < oldest:
            continue
        ends = begins + timedelta(minutes=unit)
        inside = [row for row in minutes if begins <= minute(row["candle_date_time_utc"]) < ends][::-1]
        assert big["opening_price"] == inside[0]["opening_price"]
        assert big["trade_price"] == inside[-1]["trade_price"]
        assert big["high_price"] == max(row["high_price"] for row in inside)
        assert big["low_price"] == min(row["low_price"] for row in inside)
        assert big["candle_acc_trade_volume"] == sum(row["candle_acc_trade_volume"] for row in inside)
        assert big["timestamp"] == inside[-1]["timestamp"]


def test_a_day_tells_of_the_close_before_it(start):
    client = start()
    today, before = rows(client, "/v1/candles/days", {**BTC, "count": 2})
    assert today["candle_date_time_kst"] == "2026-01-02T09:00:00"
    assert today["prev_closing_price"] == before["trade_price"]
    assert today["change_price"] == today["trade_price"] - before["trade_price"]
    assert float(today["change_rate"]) == pytest.approx(float(today["change_price"]) / float(before["trade_price"]))


def test_a_ticker_agrees_with_the_day_candle(start):
    client = start()
    (ticker,) = rows(client, "/v1/ticker", {"markets": "KRW-BTC"})
    (day,) = rows(client, "/v1/candles/days", BTC)
    for one, other in (
        ("opening_price", "opening_price"),
        ("high_price", "high_price"),
        ("low_price", "low_price"),
        ("trade_price", "trade_price"),
        ("prev_closing_price", "prev_closing_price"),
        ("acc_trade_volume", "candle_acc_trade_volume"),
    ):
        assert ticker[one] == day[other]
    assert ticker["change"] == ("RISE" if day["change_price"] > 0 else "FALL" if day["change_price"] < 0 else "EVEN")
    assert ticker["signed_change_price"] == day["change_price"]
    assert ticker["lowest_52_week_price"] <= ticker["low_price"] <= ticker["high_price"]
    assert "best_ask_price" not in ticker
    assert [row["market"] for row in rows(client, "/v1/ticker/all", {"quote_currencies": "KRW"})] == [
        "KRW-BTC",
        "KRW-XRP",
    ]


def test_a_book_is_best_first_and_as_deep_as_asked(start):
    client = start()
    (book,) = rows(client, "/v1/orderbook", {"markets": "krw-btc"})
    units = book["orderbook_units"]
    assert len(units) == 30
    asks, bids = [unit["ask_price"] for unit in units], [unit["bid_price"] for unit in units]
    assert asks == sorted(asks)
    assert bids == sorted(bids, reverse=True)
    assert bids[0] < asks[0]
    assert book["total_ask_size"] == sum(unit["ask_size"] for unit in units)
    assert book["level"] == 0
    (short,) = rows(client, "/v1/orderbook", {"markets": "KRW-BTC", "count": 3})
    assert short["orderbook_units"] == units[:3]
    (cut,) = rows(client, "/v1/orderbook", {"markets": "KRW-BTC", "count": 99})
    assert len(cut["orderbook_units"]) == 30


def test_a_grouped_book_holds_the_same_sizes_in_wider_steps(start):
    client = start()
    (instrument,) = rows(client, "/v1/orderbook/instruments", {"markets": "KRW-BTC"})
    assert (instrument["tick_size"], instrument["supported_levels"][:2]) == ("1000", ["0", "10000"])
    (book,) = rows(client, "/v1/orderbook", {"markets": "KRW-BTC"})
    (wide,) = rows(client, "/v1/orderbook", {"markets": "KRW-BTC", "level": "10000"})
    assert wide["level"] == 10000
    assert (wide["total_ask_size"], wide["total_bid_size"]) == (book["total_ask_size"], book["total_bid_size"])
    first = wide["orderbook_units"][0]
    assert first["ask_price"] % 10000 == first["bid_price"] % 10000 == 0
    assert first["ask_price"] >= book["orderbook_units"][0]["ask_price"]
    assert first["bid_price"] <= book["orderbook_units"][0]["bid_price"]
    assert rows(client, "/v1/orderbook", {"markets": "KRW-BTC", "level": "7"}) == []


def test_the_thin_side_of_a_book_ends_in_zeros(start):
    client = start(markets=("KRW-MBL",))
    (book,) = rows(client, "/v1/orderbook", {"markets": "KRW-MBL"})
    last = book["orderbook_units"][-1]
    assert (last["ask_price"] == last["ask_size"] == 0) != (last["bid_price"] == last["bid_size"] == 0)


def test_instruments_tell_the_step_of_the_rule_book(start):
    client = start(markets=())
    markets = [row["market"] for row in rows(client, "/v1/market/all")]
    prices = {row["market"]: row["trade_price"] for row in rows(client, "/v1/ticker", {"markets": ",".join(markets)})}
    for row in rows(client, "/v1/orderbook/instruments", {"markets": ",".join(markets)}):
        price = Decimal(str(prices[row["market"]]))
        assert Decimal(row["tick_size"]) == tick_size(row["market"], price, 1_767_398_400_000_000)


def test_trades_page_backwards_by_cursor_and_add_up_to_the_candle(start):
    client = start(speed=60.0, markets=("KRW-XRP",))
    found = []
    params = {"market": "KRW-XRP", "to": "23:00:00", "days_ago": 1, "count": 5}
    for _ in range(6):
        page = rows(client, "/v1/trades/ticks", params)
        found += page
        params["cursor"] = page[-1]["sequential_id"]
    ids = [row["sequential_id"] for row in found]
    assert ids == sorted(set(ids), reverse=True)
    assert all(row["sequential_id"] // 10_000 == row["timestamp"] for row in found)
    assert {row["ask_bid"] for row in found} == {"ASK", "BID"}
    inside = [row for row in found if row["trade_time_utc"].startswith("22:59")]
    to = {"market": "KRW-XRP", "to": "2026-01-02T23:00:00Z"}
    (candle,) = rows(client, "/v1/candles/minutes/1", to)
    assert sum(row["trade_volume"] for row in inside) == candle["candle_acc_trade_volume"]
    assert (inside[-1]["trade_price"], inside[0]["trade_price"]) == (candle["opening_price"], candle["trade_price"])


@pytest.mark.parametrize(
    ("path", "params", "status", "text"),
    [
        ("/v1/ticker", {}, 400, "Missing request parameter error. Check the required parameters!"),
        ("/v1/candles/minutes/1", {}, 400, "Missing request parameter error. Check the required parameters!"),
        ("/v1/candles/minutes/1", {**BTC, "count": "abc"}, 400, "Type mismatch error. Check the parameters type!"),
        ("/v1/candles/minutes/7", BTC, 400, "Invalid parameter. Check the given value!"),
        ("/v1/candles/minutes/1", {**BTC, "to": "yesterday"}, 400, "Invalid parameter. Check the given value!"),
        ("/v1/trades/ticks", {**BTC, "days_ago": "8"}, 400, "Invalid parameter. Check the given value!"),
        ("/v1/ticker", {"markets": "KRW-BTC,KRW-NOPE"}, 404, "Code not found"),
        ("/v1/candles/days", {"market": "KRW-NOPE"}, 404, "Code not found"),
    ],
)
def test_a_quotation_error_has_a_number_for_a_name(start, path, params, status, text):
    answer = start().public(path, params)
    assert (answer.status_code, answer.json()) == (status, {"error": {"name": status, "message": text}})
    assert "remaining-req" in answer.headers


def test_an_unknown_path_is_nobodys(start):
    client = start()
    for answer in (client.public("/v2/ticker"), client.get("/v1/nothing"), client.public("/v1/candles/minutes/1/2")):
        assert answer.status_code == 404
        assert answer.json() == {"error": {"name": "not_found", "message": "no Route matched with those values"}}
        assert "remaining-req" not in answer.headers


def test_headers_tell_limit_time_and_compression(start):
    client = start()
    answer = client.public(
        "/v1/candles/minutes/1", {**BTC, "count": 20}, headers={"Accept-Encoding": "gzip"}, stream=True
    )
    assert gzip.decompress(answer.raw.read(decode_content=False)).startswith(b"[{")
    assert answer.headers["remaining-req"] == "group=candles; min=600; sec=9"
    assert answer.headers["limit-by-ip"] == "Yes"
    assert answer.headers["date"] == "Sat, 03 Jan 2026 00:00:00 GMT"
    plain = client.public("/v1/candles/minutes/1", {**BTC, "count": 20}, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["remaining-req"] == "group=candles; min=600; sec=8"


def test_a_request_that_is_no_http_is_answered_400(start):
    client = start()
    answer = requests.request("GET", client.base + "/v1/ticker", headers={"Content-Length": "nonsense"}, timeout=5)
    assert answer.status_code == 400
    big = client.session.post(client.base + "/v1/orders", data=b"x" * 200_000, timeout=5)
    assert big.status_code == 413
