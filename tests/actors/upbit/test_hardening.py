"""Answers that come garbled, misplaced, shifted or from a newer exchange: each once cost an order its truth."""

import json
import threading
from decimal import Decimal as D
from itertools import pairwise
from urllib.parse import parse_qs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from actors.upbit import order_wire, private
from actors.upbit.limits import Urgency
from domain.errors import BadPayload, ExchangeUnavailable, OutcomeUnknown, RateLimited, RequestRefused
from domain.market import DAY, US_PER_S
from domain.orders import OrderRequest, OrderType, Side
from tests.actors.upbit.conftest import Answer
from tests.actors.upbit.hand import SECOND, Gate, HandClock, limiter_of

BUY = OrderRequest("abcd-e1", "KRW-BTC", Side.BUY, OrderType.MARKET, funds=D(10_000))
ROW = {
    "market": "KRW-BTC",
    "uuid": "u1",
    "side": "bid",
    "ord_type": "limit",
    "price": "3000",
    "state": "wait",
    "created_at": "2026-11-22T15:04:05+09:00",
    "volume": "2",
    "executed_volume": "0",
    "locked": "6003",
    "trades_count": 0,
}
EVENT = {
    "type": "myOrder",
    "code": "KRW-BTC",
    "uuid": "u1",
    "ask_bid": "BID",
    "order_type": "limit",
    "state": "trade",
    "trade_uuid": "t1",
    "price": D(3000),
    "volume": D(2),
    "executed_volume": D(2),
    "trade_fee": D(3),
    "trade_timestamp": 1_795_327_463_512,
    "timestamp": 1_795_327_463_530,
}
GARBLED = [b'{"error":{"name":"\xff"}}', b'{"error":{"name":1e99999999999999999999}}', b"[" * 5_000]
GARBLED_NAMES = ["not UTF-8 in a text", "a number beyond any", "brackets without end"]


@pytest.mark.parametrize("body", [*GARBLED, b'{"error":{"name":null}}'], ids=[*GARBLED_NAMES, "a name that is none"])
def test_a_refusal_of_an_order_that_cannot_be_read_leaves_its_outcome_unknown(exchange, rest, body):
    exchange.says(Answer(400, body))
    with pytest.raises(OutcomeUnknown):
        rest.place(BUY)


@pytest.mark.parametrize("body", GARBLED, ids=GARBLED_NAMES)
def test_an_order_taken_with_a_garbled_answer_is_unknown(exchange, rest, body):
    exchange.says(Answer(201, body))
    with pytest.raises(OutcomeUnknown):
        rest.place(BUY)


@pytest.mark.parametrize("body", GARBLED, ids=GARBLED_NAMES)
def test_an_error_page_that_is_garbled_is_an_unavailable_exchange(exchange, rest, body):
    exchange.says(Answer(502, body))
    with pytest.raises(ExchangeUnavailable):
        rest.accounts()


def test_an_answer_about_another_order_is_none_about_ours(exchange, rest):
    exchange.says(Answer(201, json.dumps(ROW | {"identifier": "abcd-e0"})))
    with pytest.raises(OutcomeUnknown, match="abcd-e0"):
        rest.place(BUY)
    with pytest.raises(OutcomeUnknown):
        rest.cancel(BUY.identifier)
    for name in ({"identifier": BUY.identifier}, {"order_id": "u2"}):
        with pytest.raises(BadPayload, match="abcd-e0"):
            rest.order(**name)


def test_only_the_exchanges_own_word_says_that_an_order_does_not_exist(exchange, rest):
    """A wrong path or a gateway answers 404 as well: taken for "no such order" it would make us order twice."""
    exchange.says(Answer(404, '{"error":{"name":"not_found","message":"no Route matched with those values"}}'))
    for look in (lambda: rest.order(identifier="abcd-e1"), lambda: rest.cancel("abcd-e1")):
        with pytest.raises(RequestRefused, match="not_found"):
            look()


def test_an_order_of_a_type_of_tomorrow_hides_none_of_the_others(exchange, rest):
    stranger = {name: value for name, value in ROW.items() if name != "price"} | {"uuid": "u2", "ord_type": "twap"}
    exchange.says(Answer(200, json.dumps([ROW, stranger])))
    assert {report.order_id: report.price for report in rest.open_orders()} == {"u1": D(3000), "u2": None}


def test_an_event_of_an_order_type_of_tomorrow_is_read_too():
    event = EVENT | {"order_type": "twap", "state": "wait", "price": None, "executed_volume": D(0)}
    assert private.order(event).price is None


def test_a_limit_order_without_its_price_is_a_bad_payload():
    with pytest.raises(BadPayload, match="price"):
        order_wire.order_report({name: value for name, value in ROW.items() if name != "price"})
    with pytest.raises(BadPayload, match="price"):
        private.order(EVENT | {"state": "wait", "price": None})


@pytest.mark.parametrize("name", ["uuid", "trade_uuid"])
@pytest.mark.parametrize("value", [None, "", 7])
def test_a_fill_without_an_identity_is_not_read(name, value):
    """Two of them would count as one and the same."""
    with pytest.raises(BadPayload, match=name):
        private.order(EVENT | {name: value})


def test_an_order_that_a_shifting_page_hides_is_found(exchange, rest):
    """The first order ends between page one and page two, so the hundred-and-first moves onto the page read before."""
    rows = [ROW | {"uuid": f"u{n}"} for n in range(130)]

    class Shifting(list):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, _: object) -> Answer:
            page = int(parse_qs(exchange.requests[-1].path.partition("?")[2])["page"][0])
            live = rows if len(exchange.requests) == 1 else rows[1:]
            return Answer(200, json.dumps(live[(page - 1) * 100 : page * 100]))

    exchange.answers = Shifting()
    found = {report.order_id for report in rest.open_orders()}
    assert found >= {f"u{n}" for n in range(1, 130)}


def test_an_exchange_that_ignores_the_page_does_not_keep_us_for_ever(exchange, rest):
    exchange.says(Answer(200, json.dumps([ROW | {"uuid": f"u{n}"} for n in range(100)])))
    assert len(rest.open_orders()) == 100


def test_no_window_of_closed_orders_is_longer_than_the_exchange_takes(exchange, rest):
    """Microseconds are rounded outwards to milliseconds, which made seven days a millisecond too many."""
    end = 1_795_327_200_123_456
    rest.closed_orders(start=end - 7 * DAY, end=end)
    windows = []
    for sent in exchange.requests:
        query = parse_qs(sent.path.partition("?")[2])
        windows.append((int(query["start_time"][0]), int(query["end_time"][0])))
    windows.sort()
    assert all(until - since <= 7 * 86_400_000 for since, until in windows)
    assert windows[0][0] * 1_000 <= end - 7 * DAY
    assert windows[-1][1] * 1_000 >= end
    assert all(early[1] >= late[0] for early, late in pairwise(windows))


def test_a_candle_that_starts_within_the_last_second_is_asked_for(exchange, rest):
    rest.candles("KRW-BTC", 1, 1_795_327_200 * US_PER_S + 1)
    assert "to=2026-11-22T06%3A00%3A01Z" in exchange.requests[0].path


AMOUNTS = some.decimals("0.0001", "1000000000", places=8)


@settings(max_examples=200)
@given(some.lists(AMOUNTS, min_size=1, max_size=8), some.decimals("0", "0.0025", places=12))
def test_shares_of_a_fee_add_up_and_none_is_below_nothing(funds, rate):
    paid = sum(each * rate for each in funds)
    shares = order_wire.fee_shares(funds, paid)
    assert sum(shares) == paid
    assert min(shares) >= 0


@settings(max_examples=200)
@given(some.lists(AMOUNTS, min_size=1, max_size=8), some.sampled_from([D("0.0005"), D("0.0025"), D("0.00139"), D(0)]))
def test_at_a_round_rate_each_share_is_what_the_stream_says(funds, rate):
    shares = order_wire.fee_shares(funds, sum(each * rate for each in funds))
    assert list(shares) == [each * rate for each in funds]


def test_a_rate_rounded_up_does_not_make_the_last_fee_negative():
    assert order_wire.fee_shares([D(10**9), D("0.0001")], D("666666.6666666"))[1] >= 0


def test_an_urgent_call_that_gives_up_leaves_the_way_free_for_the_others():
    clock = HandClock()
    gate = Gate(clock)
    limiter = limiter_of(clock, wait=gate)
    limiter.acquire("order-cancel-all", Urgency.ORDER)
    passed, gone = threading.Event(), threading.Event()

    def urgent() -> None:
        try:
            limiter.acquire("order-cancel-all", Urgency.ORDER, timeout_s=0.0025)
        except RateLimited:
            gone.set()

    patient = gate.start(lambda: (limiter.acquire("order-cancel-all", Urgency.QUERY, timeout_s=30.0), passed.set()))
    hasty = gate.start(urgent)
    limiter.refused("order-cancel-all", blocked=False, seconds=5)
    gate.move(2_500_000)
    assert gone.wait(10)
    gate.move(4 * SECOND)
    assert passed.wait(10)
    for thread in (patient, hasty):
        thread.join(10)
