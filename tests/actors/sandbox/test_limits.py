"""Rate limits, counted in the exchange's own time."""

import pytest
import websocket

from actors.sandbox import limits
from actors.sandbox.limits import Limits

S = 1_000_000


def statuses(limiter, group, times, scope="me"):
    return [limiter.take(scope, group, at).status for at in times]


def test_a_quotation_group_has_ten_calls_in_each_second_and_no_credit():
    limiter = Limits()
    assert statuses(limiter, limits.TICKER, [0] * 11) == [200] * 10 + [429]
    assert statuses(limiter, limits.TICKER, [S - 1, S, 5 * S]) == [429, 200, 200]
    assert limiter.take("me", limits.TICKER, 5 * S).left == 8


def test_an_exchange_group_refills_little_by_little():
    limiter = Limits()
    assert statuses(limiter, limits.ORDER, [0] * 13) == [200] * 12 + [429]
    assert statuses(limiter, limits.ORDER, [S // 6 + 1] * 3) == [200, 200, 429]


def test_groups_and_scopes_are_counted_apart():
    limiter = Limits()
    statuses(limiter, limits.TICKER, [0] * 11)
    assert limiter.take("me", limits.CANDLES, 0).status == 200
    assert limiter.take("you", limits.TICKER, 0).status == 200


def test_cancelling_all_is_allowed_once_in_two_seconds():
    limiter = Limits()
    assert statuses(limiter, limits.CANCEL_ALL, [0, S, 2 * S]) == [200, 429, 200]


def test_who_keeps_hammering_is_shut_out_for_longer_each_time():
    limiter = Limits()
    assert statuses(limiter, limits.TICKER, [0] * 20) == [200] * 10 + [429] * 9 + [418]
    verdict = limiter.take("me", limits.TICKER, 30 * S)
    assert (verdict.status, verdict.seconds) == (418, 30)
    assert statuses(limiter, limits.TICKER, [60 * S] * 20)[-1] == 418
    assert limiter.take("me", limits.TICKER, 60 * S).seconds == 120


def test_over_the_wire_429_then_418_with_seconds_in_the_body(start):
    client = start()
    answers = [client.public("/v1/ticker", {"markets": "KRW-BTC"}) for _ in range(20)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 9 + [418]
    assert answers[0].headers["remaining-req"] == "group=ticker; min=600; sec=9"
    assert answers[9].headers["remaining-req"] == "group=ticker; min=600; sec=0"
    assert answers[10].json()["error"]["name"] == "too_many_requests"
    assert "60 seconds" in answers[19].json()["error"]["message"]
    assert client.public("/v1/orderbook", {"markets": "KRW-BTC"}).status_code == 418  # a block is of the address
    assert client.get("/v1/accounts").status_code == 200


def test_a_429_may_be_plain_text(start):
    client = start(faults={"text_429": 1})
    answers = [client.public("/v1/market/all") for _ in range(11)]
    assert (answers[10].status_code, answers[10].text) == (429, "Too many API requests.")


def shut_out(client):
    """The last answer of who hammers until the address is blocked, and the 429 before it."""
    answers = [client.public("/v1/market/all") for _ in range(20)]
    return answers[-2], answers[-1]


def test_a_418_may_keep_its_seconds_to_itself(start):
    _, blocked = shut_out(start(faults={"silent_418": 1}))
    assert blocked.json()["error"] == {
        "name": "rate_limit_exceeded_penalty",
        "message": "You have been temporarily blocked",
    }
    assert blocked.headers["remaining-req"] == "group=market; min=600; sec=0"
    assert "retry-after" not in blocked.headers


def test_refusals_may_have_a_retry_after_and_no_remaining_req(start):
    refused, blocked = shut_out(start(faults={"retry_after": 1, "bare_429": 1}))
    assert (refused.headers["retry-after"], blocked.headers["retry-after"]) == ("1", "60")
    assert not {"remaining-req", "limit-by-ip"} & (refused.headers.keys() | blocked.headers.keys())


def test_a_block_of_the_address_shuts_out_public_sockets_too_but_not_the_pocket(start):
    client = start()
    shut_out(client)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        client.socket()
    assert refused.value.status_code == 418
    client.socket({"type": "myOrder"}, private=True)


def test_the_private_groups_have_their_own_names_and_sizes(start):
    client = start()
    body = {"market": "KRW-BTC", "side": "bid", "ord_type": "price", "price": "1"}
    assert client.get("/v1/accounts").headers["remaining-req"] == "group=default; min=1800; sec=29"
    assert client.post("/v1/orders", body).headers["remaining-req"] == "group=order; min=720; sec=11"
    assert client.post("/v1/orders/test", body).headers["remaining-req"] == "group=order-test; min=480; sec=7"
    assert client.delete("/v1/orders/open").headers["remaining-req"] == "group=order-cancel-all; min=30; sec=0"
    assert client.delete("/v1/orders/open").status_code == 429
    assert "limit-by-ip" not in client.get("/v1/accounts").headers


def test_a_refused_order_was_never_looked_at(start):
    client = start()
    body = {"market": "KRW-BTC", "side": "bid", "ord_type": "price", "price": "6000"}
    answers = [client.post("/v1/orders", {**body, "identifier": f"n{n}"}) for n in range(13)]
    assert [answer.status_code for answer in answers] == [201] * 12 + [429]
    assert client.get("/v1/order", {"identifier": "n12"}).status_code == 404


def test_an_origin_puts_a_caller_into_the_browsers_bucket(start):
    client = start()
    one, two = (client.public("/v1/market/all", headers={"Origin": "http://example.com"}) for _ in range(2))
    assert (one.status_code, two.status_code) == (200, 429)
    assert one.headers["remaining-req"] == "group=origin; min=6; sec=0"
    assert client.public("/v1/market/all").status_code == 200
