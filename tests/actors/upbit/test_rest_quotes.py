"""The public side of REST, and the line that all calls share."""

import gzip
import json
from decimal import Decimal as D
from urllib.parse import parse_qsl

import pytest

from actors.upbit.wire import seconds_told
from domain.errors import BadPayload, ExchangeUnavailable, RateLimited
from domain.market import MINUTE
from tests.actors.upbit.conftest import Answer
from tests.actors.upbit.rows import BUY, candle, error

# --- the market's own figures


def test_listings_carry_their_warnings(exchange, rest):
    flags = {"PRICE_FLUCTUATIONS": True, "GLOBAL_PRICE_DIFFERENCES": False, "OF_TOMORROW": True}
    rows = [
        {"market": "KRW-BTC", "korean_name": "비트코인", "english_name": "Bitcoin"},
        {"market": "KRW-X", "korean_name": "엑스", "english_name": "X", "market_event": {"warning": True}},
        {"market": "KRW-Y", "korean_name": "", "english_name": "", "market_event": {"caution": flags}},
    ]
    exchange.says(Answer(200, json.dumps(rows)))
    plain, warned, cautioned = rest.listings()
    assert (plain.korean_name, plain.warning, plain.cautions) == ("비트코인", False, ())
    assert warned.warning
    assert cautioned.cautions == ("OF_TOMORROW", "PRICE_FLUCTUATIONS")
    assert rest.market_all() == ("KRW-BTC", "KRW-X", "KRW-Y")
    assert dict(parse_qsl(exchange.requests[0].path.partition("?")[2])) == {"is_details": "true"}


def test_books_come_by_market_best_first_without_padding(exchange, rest):
    units = [
        {"bid_price": 145878000, "ask_price": 145879000, "ask_size": 0.02054761, "bid_size": 0.08120946},
        {"bid_price": 0, "ask_price": 145881000, "ask_size": 1, "bid_size": 0},
    ]
    row = {"market": "KRW-BTC", "timestamp": 1_795_327_199_106, "orderbook_units": units, "level": 0}
    exchange.says(Answer(200, json.dumps([row])))
    book = rest.orderbook(["KRW-BTC"], 2)["KRW-BTC"]
    assert [(level.price, level.size) for level in book.asks] == [(D(145879000), D("0.02054761")), (D(145881000), D(1))]
    assert [level.price for level in book.bids] == [D(145878000)]
    exchange.says(Answer(200, json.dumps([row | {"orderbook_units": units[::-1]}])))
    with pytest.raises(BadPayload, match="order"):
        rest.orderbook(["KRW-BTC"])


def test_ticks_and_tickers_are_read_exactly(exchange, rest):
    tick = {"market": "KRW-BTC", "quote_currency": "KRW", "tick_size": "1000", "supported_levels": ["0", "10000"]}
    exchange.says(Answer(200, json.dumps([tick])))
    (one,) = rest.instruments(["KRW-BTC", "KRW-ETH"])
    assert (one.tick, one.levels) == (D(1000), (D(0), D(10000)))
    assert exchange.requests[0].path.endswith("markets=KRW-BTC%2CKRW-ETH")
    figures = (
        '[{"market":"KRW-BTC","trade_timestamp":1795327198842,"opening_price":144900000,"high_price":146100000,'
        '"low_price":144500000,"trade_price":145878000,"prev_closing_price":144900000,'
        '"signed_change_rate":0.0067494824,"acc_trade_price_24h":2.1093441002093E11,"acc_trade_volume_24h":1449.01920017}]'
    )
    exchange.says(Answer(200, figures))
    for (ticker,) in (rest.ticker(["KRW-BTC"]), rest.ticker_all()):
        assert (ticker.at, ticker.price, ticker.change_rate) == (1_795_327_198_842_000, D(145878000), D("0.0067494824"))
        assert (ticker.value_24h, ticker.state) == (D("210934410020.93"), "")


def test_day_candles_have_a_path_of_their_own(exchange, rest):
    day = candle(0) | {"candle_date_time_utc": "2026-11-21T00:00:00", "prev_closing_price": 1, "change_rate": 0.1}
    exchange.says(Answer(200, json.dumps([day])))
    (bar,) = rest.candles("KRW-BTC", 1440)
    assert bar.start == 1_795_219_200_000_000
    assert exchange.requests[0].path == "/v1/candles/days?market=KRW-BTC&count=200"


def test_an_exchange_that_ignores_where_to_end_is_a_bad_payload_not_an_endless_loop(exchange, rest):
    exchange.says(Answer(200, json.dumps([candle(200), candle(199)])))
    midnight = 1_795_305_600_000_000
    with pytest.raises(BadPayload, match="before"):
        rest.candle_range("KRW-BTC", 1, midnight, midnight + 300 * MINUTE)
    assert len(exchange.requests) == 2


# --- the line itself


def test_only_the_public_side_is_asked_to_compress_and_its_answer_is_read(exchange, rest):
    packed = gzip.compress(b'[{"market": "KRW-BTC", "korean_name": "", "english_name": ""}]')
    exchange.says(Answer(200, packed, {"Content-Encoding": "gzip"}), Answer(200, "[]"))
    assert rest.market_all() == ("KRW-BTC",)
    rest.accounts()
    assert [dict(one.headers)["Accept-Encoding"] for one in exchange.requests] == ["gzip", "identity"]
    assert "Authorization" not in dict(exchange.requests[0].headers)


def test_an_unreadable_answer_to_a_get_is_asked_for_again(exchange, rest):
    exchange.says(Answer(200, "<html>"), Answer(200, "[]"))
    assert rest.accounts() == ()
    exchange.says(Answer(200, "<html>"))
    with pytest.raises(BadPayload):
        rest.accounts()


def test_after_a_418_nothing_of_the_pocket_is_sent_but_quotations_go_on(exchange, rest):
    exchange.says(error(418, "blocked", "for 90000 seconds"))
    with pytest.raises(RateLimited):
        rest.place(BUY)
    exchange.says(Answer(200, "[]"))
    with pytest.raises(RateLimited) as caught:
        rest.accounts()
    assert caught.value.blocked
    assert len(exchange.requests) == 1
    assert rest.market_all() == ()


@pytest.mark.parametrize(
    ("text", "header", "seconds"),
    [
        ("blocked for 60 seconds", None, 60),
        ("60s", None, 60),
        ("1분 후 다시 시도해주세요.", None, 60),
        ("90.5초", None, 90.5),
        ("no number", "30", 30),
        ("no number", "Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("error 418", None, None),
    ],
)
def test_how_long_to_stay_away_is_read_wherever_it_is_told(text, header, seconds):
    assert seconds_told(text, header) == seconds


def test_a_closed_client_sends_nothing_more(exchange, rest):
    rest.accounts()
    rest.close()
    with pytest.raises(ExchangeUnavailable, match="not sent"):
        rest.place(BUY)
    with pytest.raises(ExchangeUnavailable):
        rest.accounts()
    assert len(exchange.requests) == 1
