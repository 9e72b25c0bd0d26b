"""Each way an answer can come, or not come, and what the client makes of it."""

import base64
import hashlib
import json
import socket
from decimal import Decimal as D
from urllib.parse import parse_qsl

import pytest

from actors.runtime import ScaledClock
from actors.upbit.rest import GET_TRIES, UpbitRest
from actors.upbit.sign import Keys, Secret
from domain.errors import (
    BadPayload,
    ConfigError,
    ExchangeUnavailable,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
)
from domain.market import MINUTE
from domain.orders import ExchangeState, OrderRequest, OrderType, Side
from tests.actors.upbit.conftest import Answer
from tests.actors.upbit.rows import BUY, ORDER, candle, error

# --- what is sent


def test_an_order_is_posted_once_with_numbers_as_text_and_a_hash_of_its_body(exchange, rest):
    exchange.says(Answer(201, json.dumps(ORDER)))
    report = rest.place(BUY)
    (sent,) = exchange.requests
    body = json.loads(sent.body)
    assert list(body) == ["market", "side", "ord_type", "volume", "price", "time_in_force", "identifier"]
    assert (body["volume"], body["price"], body["time_in_force"]) == ("0.0001", "155772000", "ioc")
    token = dict(sent.headers)["Authorization"].removeprefix("Bearer ").split(".")[1]
    told = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    text = "&".join(f"{key}={value}" for key, value in body.items())
    assert told["query_hash"] == hashlib.sha512(text.encode()).hexdigest()
    assert (report.state, report.locked, report.identifier) == (ExchangeState.WAIT, D("15584.9886"), "abcd-e1")


@pytest.mark.parametrize(
    ("request_", "kind", "amount"),
    [
        (OrderRequest("abcd-e1", "KRW-BTC", Side.BUY, OrderType.MARKET, funds=D(10_000)), "price", {"price": "10000"}),
        (
            OrderRequest("abcd-e1", "KRW-BTC", Side.SELL, OrderType.MARKET, volume=D("1E-8")),
            "market",
            {"volume": "0.00000001"},
        ),
    ],
    ids=["a buy by total", "a sale by volume"],
)
def test_market_orders_carry_the_one_amount_that_counts(exchange, rest, request_, kind, amount):
    exchange.says(Answer(201, json.dumps(ORDER)))
    rest.place(request_)
    body = json.loads(exchange.requests[0].body)
    assert body["ord_type"] == kind
    assert {key: body[key] for key in ("price", "volume") if key in body} == amount


def test_each_header_is_sent_once_and_no_origin(exchange, rest):
    exchange.says(Answer(201, json.dumps(ORDER)))
    rest.place(BUY)
    names = [name.lower() for name, _ in exchange.requests[0].headers]
    assert len(names) == len(set(names))
    assert "origin" not in names


def test_times_are_encoded_on_the_wire_and_hashed_unencoded(exchange, rest):
    exchange.says(Answer(200, "[]"))
    rest.candles("KRW-BTC", 5, 1_795_327_200_000_000, 10)
    query = exchange.requests[0].path.partition("?")[2]
    assert "to=2026-11-22T06%3A00%3A00Z" in query
    assert dict(parse_qsl(query)) == {"market": "KRW-BTC", "to": "2026-11-22T06:00:00Z", "count": "10"}


# --- what comes back


def test_a_definite_no_is_a_refusal_by_name(exchange, rest):
    exchange.says(error(400, "insufficient_funds_bid", "주문 가능한 금액(KRW)이 부족합니다."))
    with pytest.raises(RequestRefused) as caught:
        rest.place(BUY)
    assert (caught.value.status, caught.value.name) == (400, "insufficient_funds_bid")
    assert len(exchange.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(cut=True),
        Answer(502, "<html>bad gateway</html>"),
        error(500, "internal_server_error"),
        Answer(201, "{not json"),
        Answer(400, "what is this"),
    ],
    ids=["a cut connection", "an HTML page", "an error of the server", "an unreadable 201", "a nameless 400"],
)
def test_a_post_without_a_readable_answer_is_unknown_and_never_sent_again(exchange, rest, answer):
    exchange.says(answer)
    with pytest.raises(OutcomeUnknown):
        rest.place(BUY)
    assert len(exchange.requests) == 1


def test_a_post_that_could_not_be_sent_is_known_not_to_exist():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    client = UpbitRest(f"http://127.0.0.1:{port}", Keys("a", Secret("s")), ScaledClock(0, 0))
    with pytest.raises(ExchangeUnavailable, match="not sent"):
        client.place(BUY)


@pytest.mark.parametrize(
    "answer", [Answer(cut=True), Answer(503, "maintenance"), Answer(429, "Too many API requests.")]
)
def test_a_get_is_tried_again_and_then_given_up(exchange, rest, answer):
    exchange.says(answer, answer, Answer(200, "[]"))
    assert rest.accounts() == ()
    assert len(exchange.requests) == 3
    exchange.says(answer)
    with pytest.raises((ExchangeUnavailable, RateLimited)):
        rest.accounts()
    assert len(exchange.requests) == 3 + GET_TRIES


@pytest.mark.parametrize(
    "body", ["Too many API requests.", '{"error":{"name":"too_many_requests","message":""}}'], ids=["text", "JSON"]
)
def test_a_429_on_an_order_is_a_limit_not_an_unknown(exchange, rest, body):
    exchange.says(Answer(429, body))
    with pytest.raises(RateLimited) as caught:
        rest.place(BUY)
    assert not caught.value.blocked


def test_a_418_shuts_the_group_for_the_seconds_it_names(exchange, rest):
    message = "You have been temporarily blocked for 120 seconds"
    exchange.says(error(418, "rate_limit_exceeded_penalty", message))
    with pytest.raises(RateLimited) as caught:
        rest.place(BUY)
    assert caught.value.blocked
    assert caught.value.retry_after_s == pytest.approx(0.12, abs=0.01)  # real seconds, at a clock 1000 times as fast
    assert len(exchange.requests) == 1


def test_an_unknown_order_is_none_and_so_is_a_cancel_of_a_finished_one(exchange, rest):
    exchange.says(error(404, "order_not_found"))
    assert rest.order(identifier="nope") is None
    assert rest.cancel("nope") is None


def test_a_private_call_without_keys_says_so(exchange):
    client = UpbitRest(exchange.url, None, ScaledClock(0, 0))
    with pytest.raises(ConfigError, match="keys"):
        client.accounts()
    assert exchange.requests == []


def test_no_error_shows_a_key(exchange, rest):
    exchange.says(error(401, "jwt_verification"))
    with pytest.raises(RequestRefused) as caught:
        rest.accounts()
    assert "access-key" not in str(caught.value)
    assert "secret-key" not in repr(caught.value.__context__) + repr(caught.value.__cause__)


def test_an_order_comes_with_all_its_fills_and_fees_that_add_up(exchange, rest):
    trades = [
        {
            "uuid": f"t{n}",
            "price": "3000",
            "volume": volume,
            "funds": funds,
            "created_at": "2026-11-22T15:05:00.118342+09:00",
        }
        for n, (volume, funds) in enumerate((("2", "6000"), ("1.32890365", "3986.71095")))
    ]
    row = ORDER | {"state": "cancel", "executed_volume": "3.32890365", "paid_fee": "4.993355475", "trades": trades}
    exchange.says(Answer(200, json.dumps(row)))
    report = rest.order(identifier="abcd-e1")
    assert report.complete
    assert report.finished
    assert [fill.fee for fill in report.fills] == [D(3), D("1.993355475")]
    assert sum(fill.fee for fill in report.fills) == report.paid_fee
    assert report.fills[0].at % 1_000_000 == 118_342


@pytest.mark.parametrize(
    "body", ['{"a": 1}', '[{"currency": "KRW"}]', '[{"currency": "KRW", "balance": "much", "locked": "0"}]']
)
def test_an_answer_that_is_not_as_documented_is_a_bad_payload(exchange, rest, body):
    exchange.says(Answer(200, body))
    with pytest.raises(BadPayload):
        rest.accounts()


def test_a_state_of_tomorrow_counts_as_still_alive(exchange, rest):
    exchange.says(Answer(200, json.dumps(ORDER | {"state": "dreaming", "trades": []})))
    assert not rest.order(identifier="abcd-e1").finished


# --- paging


def test_candles_are_paged_without_hole_or_overlap_over_gaps(exchange, rest):
    """A server of its own arithmetic: `to` is exclusive, newest first, and minutes 100 to 399 never traded."""
    there = [minute for minute in range(1_000) if not 100 <= minute < 400]
    midnight = 1_795_305_600_000_000

    def serve(path: str) -> Answer:
        query = dict(parse_qsl(path.partition("?")[2]))
        hour, minute = int(query["to"][11:13]), int(query["to"][14:16])
        before = [one for one in there if one < hour * 60 + minute]
        return Answer(200, json.dumps([candle(one) for one in before[: -int(query["count"]) - 1 : -1]]))

    class Scripted(list):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, _: object) -> Answer:
            return serve(exchange.requests[-1].path)

    exchange.answers = Scripted()
    bars = rest.candle_range("KRW-BTC", 1, midnight + 50 * MINUTE, midnight + 900 * MINUTE)
    assert [(bar.start - midnight) // MINUTE for bar in bars] == [one for one in there if 50 <= one < 900]
    assert bars[0].high == D(145920000)
    assert bars[0].value == D("4022470467.03403")


def test_open_orders_are_paged_and_counted_once_although_pages_shift(exchange, rest):
    rows = [ORDER | {"uuid": f"u{n}"} for n in range(130)]
    exchange.says(Answer(200, json.dumps(rows[:100])), Answer(200, json.dumps(rows[99:])))
    assert len(rest.open_orders()) == 130
    assert [dict(parse_qsl(one.path.partition("?")[2]))["page"] for one in exchange.requests[:2]] == ["1", "2"]
