"""Candles of the public REST side in every length, and what it says of markets that are not quoted in KRW."""

from decimal import Decimal

import pytest

from actors.sandbox.answers import Refused
from actors.sandbox.choices import Choices
from tests.actors.sandbox.worlds import Stage

CROSS = ("KRW-BTC", "KRW-ETH", "BTC-ETH", "USDT-BTC")
BASE = [
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
]


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    made = Stage(tmp_path_factory.mktemp("stage"), markets=CROSS, days=40, start=1_770_000_000_000_000)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("kind", "fields", "starts"),
    [
        ("days", ["prev_closing_price", "change_price", "change_rate"], ["2026-02-02", "2026-02-01", "2026-01-31"]),
        ("weeks", ["first_day_of_period"], ["2026-02-02", "2026-01-26", "2026-01-19"]),
        ("months", ["first_day_of_period"], ["2026-02-01", "2026-01-01"]),
        ("years", ["first_day_of_period"], ["2026-01-01"]),
    ],
)
def test_long_candles_have_their_fields_and_begin_with_their_period(stage, kind, fields, starts):
    rows = stage.get(getattr(stage.quotation.candles, kind), "market=krw-btc&count=3")
    assert list(rows[0]) == BASE + fields
    assert [row["candle_date_time_utc"] for row in rows] == [f"{start}T00:00:00" for start in starts]
    if fields == ["first_day_of_period"]:
        assert [row["first_day_of_period"] for row in rows] == starts
    days = stage.get(stage.quotation.candles.days, "market=KRW-BTC&count=200")
    inside = [day for day in days if day["candle_date_time_utc"] >= rows[0]["candle_date_time_utc"]]
    for name in ("candle_acc_trade_volume", "candle_acc_trade_price"):
        assert float(rows[0][name]) == pytest.approx(float(sum(day[name] for day in inside)), rel=1e-15)
    assert rows[0]["high_price"] == max(day["high_price"] for day in inside)


def test_seconds_add_up_to_their_minute_and_are_only_those_that_traded(stage):
    candles = stage.quotation.candles
    stage.run(90, every=1)
    seconds = stage.get(candles.seconds, "market=KRW-BTC&count=200")
    assert list(seconds[0]) == BASE
    newest = seconds[0]["candle_date_time_utc"][:16]
    inside = [row for row in seconds if row["candle_date_time_utc"].startswith(newest)]
    live = stage.world.markets["KRW-BTC"]
    assert sum(row["candle_acc_trade_volume"] for row in inside) * 10**8 == live.forming.units
    assert [row["candle_date_time_utc"] for row in seconds] == sorted(
        {row["candle_date_time_utc"] for row in seconds}, reverse=True
    )


def test_a_day_may_tell_its_close_in_krw(stage):
    days = stage.quotation.candles.days
    (own,) = stage.get(days, "market=KRW-BTC&to=2026-02-01T00%3A00%3A00Z&converting_price_unit=KRW")
    assert own["converted_trade_price"] == own["trade_price"]
    (cross,) = stage.get(days, "market=BTC-ETH&to=2026-02-01T00%3A00%3A00Z&converting_price_unit=KRW")
    assert float(cross["converted_trade_price"]) == pytest.approx(float(cross["trade_price"] * own["trade_price"]))
    (unknown,) = stage.get(days, "market=USDT-BTC&converting_price_unit=KRW")
    assert unknown["converted_trade_price"] is None  # nobody here deals USDT for KRW
    assert "converted_trade_price" not in stage.get(days, "market=BTC-ETH")[0]
    with pytest.raises(Refused, match="Invalid parameter"):
        stage.get(days, "market=BTC-ETH&converting_price_unit=EUR")


def test_more_than_200_candles_are_cut_or_refused_as_chosen(stage):
    query = "market=KRW-BTC&count=201"
    assert len(stage.get(stage.quotation.candles.seconds, query)) == 200
    stage.world.choices = Choices(candle_count="refuse")
    with pytest.raises(Refused, match="Invalid parameter"):
        stage.get(stage.quotation.candles.seconds, query)


@pytest.mark.parametrize(
    ("to", "good"),
    [
        ("2026-02-01T00%3A00%3A00Z", True),
        ("2026-02-01+00%3A00%3A00", True),  # a plus is a space
        ("2026-02-01T09%3A00%3A00%2B09%3A00", True),
        ("2026-02-01T09%3A00%3A00+09%3A00", False),
        ("2026-02-01T00:00:00Z", False),
        ("never", False),
        ("99999-01-01", False),
    ],
)
def test_to_must_be_encoded(stage, to, good):
    query = f"market=KRW-BTC&to={to}"
    if good:
        assert stage.get(stage.quotation.candles.days, query)[0]["candle_date_time_utc"] == "2026-01-31T00:00:00"
        return
    with pytest.raises(Refused, match="Invalid parameter"):
        stage.get(stage.quotation.candles.days, query)


def test_a_bare_colon_may_be_taken_as_well(stage):
    stage.world.choices = Choices(bare_colon="accept")
    (row,) = stage.get(stage.quotation.candles.days, "market=KRW-BTC&to=2026-02-01T00:00:00Z")
    assert row["candle_date_time_utc"] == "2026-01-31T00:00:00"


def test_markets_of_every_quote_currency_are_told_apart(stage):
    quotation = stage.quotation
    assert [row["market"] for row in stage.get(quotation.markets)] == list(CROSS)
    names = {row["market"]: row["english_name"] for row in stage.get(quotation.markets)}
    assert names["BTC-ETH"] == names["KRW-ETH"] == "Ethereum"
    for quotes, expected in (("KRW", CROSS[:2]), ("btc,USDT", CROSS[2:]), ("KRW,BTC,USDT", CROSS)):
        rows = stage.get(quotation.all_tickers, f"quote_currencies={quotes}")
        assert [row["market"] for row in rows] == list(expected)
    rows = stage.get(quotation.instruments, "markets=KRW-BTC,BTC-ETH,USDT-BTC")
    assert [row["quote_currency"] for row in rows] == ["KRW", "BTC", "USDT"]
    assert [row["tick_size"] for row in rows] == ["1000", "0.00000001", "0.01"]
    assert [len(row["supported_levels"]) for row in rows] == [6, 1, 1]
    levels = stage.get(quotation.levels, "markets=KRW-BTC,BTC-ETH")
    assert levels[0] == {"market": "KRW-BTC", "supported_levels": [0, 10_000, 100_000, 10**6, 10**7, 10**8]}
    assert levels[1]["supported_levels"] == [0]


def test_grouping_is_for_krw_markets_only(stage):
    books = stage.quotation.books
    assert stage.get(books, "markets=BTC-ETH&level=0")[0]["market"] == "BTC-ETH"
    assert stage.get(books, "markets=BTC-ETH&level=0.0000001") == []
    assert stage.get(books, "markets=KRW-BTC&level=7") == []
    assert stage.get(books, "markets=KRW-BTC,BTC-ETH&level=10000") == []
    (row,) = stage.get(books, "markets=krw-btc&level=10000&count=99")
    assert row["level"] == 10_000
    assert not any(unit["ask_price"] % 10_000 or unit["bid_price"] % 10_000 for unit in row["orderbook_units"])
    with pytest.raises(Refused, match="Type mismatch"):
        stage.get(books, "markets=KRW-BTC&level=deep")


def test_trades_are_paged_by_cursor_without_a_gap_over_days(stage):
    trades = stage.quotation.trades
    seen, cursor = [], ""
    for _ in range(4):
        page = stage.get(trades, f"market=KRW-BTC&count=60&days_ago=1{cursor}")
        seen += [row["sequential_id"] for row in page]
        cursor = f"&cursor={seen[-1]}"
    assert seen == sorted(set(seen), reverse=True)
    whole = stage.get(trades, "market=KRW-BTC&count=240&days_ago=1")
    assert [row["sequential_id"] for row in whole] == seen
    with pytest.raises(Refused, match="Type mismatch"):
        stage.get(trades, "market=KRW-BTC&cursor=x")
    assert len(stage.get(trades, "market=KRW-BTC&count=501")) == 500
    assert {row["trade_date_utc"] for row in whole} == {"2026-02-01"}


def test_a_weak_tag_names_the_content_of_an_answer(start):
    client = start()
    one, same, other = (client.public("/v1/market/all", params) for params in ({}, {}, {"is_details": "true"}))
    assert one.headers["etag"].startswith('W/"')
    assert one.headers["etag"] == same.headers["etag"] != other.headers["etag"]
    assert one.headers["cache-control"] == "no-cache, no-store, max-age=0, must-revalidate"


def test_small_prices_have_no_exponent_over_rest_and_one_in_the_default_format(start):
    client = start(markets=("KRW-BTT", "BTC-DOGE"))
    text = client.public("/v1/ticker", {"markets": "KRW-BTT,BTC-DOGE"}).text
    assert "E" not in text.replace("EVEN", "").replace("RISE", "").replace("DOGE", "")
    assert '"trade_price":0.000' in text
    socket = client.socket({"type": "ticker", "codes": ["BTC-DOGE"]})
    raw = socket.recv().decode()
    assert 'E-6,"prev_closing_price"' in raw
    assert isinstance(Decimal(raw.partition('"trade_price":')[2].partition(",")[0]), Decimal)
