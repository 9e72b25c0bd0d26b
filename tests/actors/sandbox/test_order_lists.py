"""Orders over the wire: refused by name, found, listed, cancelled."""

import json
from decimal import Decimal

import pytest

from tests.actors.sandbox.client import hash_source, name_of, token

D = Decimal

BUY = {"market": "KRW-BTC", "side": "bid", "ord_type": "limit", "price": "100000000", "volume": "0.001"}


def test_an_order_of_a_body_that_is_no_object_is_a_bad_request(start):
    client = start()
    for body in (b"[]", b"{not json"):
        header = {"Authorization": token(client.access, client.secret), "Content-Type": "application/json"}
        answer = client.session.post(client.base + "/v1/orders", data=body, headers=header, timeout=5)
        assert name_of(answer) == (400, "bad_request")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_an_order_that_does_not_say_it_is_json_is_a_bad_request(start, kind):
    client = start()
    header = {"Authorization": token(client.access, client.secret, hash_source(BUY)), "Content-Type": kind}
    answer = client.session.post(client.base + "/v1/orders", data=json.dumps(BUY), headers=header, timeout=5)
    assert name_of(answer) == (400, "bad_request")
    assert answer.headers["remaining-req"] == "group=order; min=720; sec=11"
    assert client.balance("KRW") == (10_000_000, 0)


def test_a_test_order_answers_like_a_real_one_and_leaves_nothing_behind(start):
    client = start()
    answer = client.post("/v1/orders/test", {**BUY, "identifier": "probe"})
    assert (answer.status_code, answer.json()["state"], answer.json()["locked"]) == (201, "wait", "100050")
    uuid = answer.json()["uuid"]
    assert client.get("/v1/order", {"uuid": uuid}).status_code == 404
    assert client.post("/v1/orders/test", BUY).json()["uuid"] != uuid
    assert client.balance("KRW") == (10_000_000, 0)
    assert client.order(**BUY, identifier="probe").status_code == 201
    assert name_of(client.post("/v1/orders/test", {**BUY, "identifier": "probe"})) == (400, "duplicated_identifier")


def test_an_identifier_is_used_up_by_any_order_even_a_refused_one(start):
    client = start()
    assert client.order(**BUY, identifier="good").status_code == 201
    assert name_of(client.order(**BUY | {"price": "1"}, identifier="bad price")) == (400, "under_min_total_bid")
    assert name_of(client.order(**BUY | {"side": "up"}, identifier="unreadable")) == (400, "validation_error")
    for identifier in ("good", "bad price", "unreadable"):
        assert name_of(client.order(**BUY, identifier=identifier)) == (400, "duplicated_identifier")
    assert name_of(client.get("/v1/order", {"identifier": "bad price"})) == (404, "order_not_found")


def placed(client, count):
    return [client.order(**BUY, identifier=f"n{n}").json()["uuid"] for n in range(count)]


def test_open_orders_come_in_pages_newest_first(start):
    client = start()
    ids = placed(client, 5)
    pages = [client.get("/v1/orders/open", {"limit": 2, "page": page}).json() for page in (1, 2, 3)]
    assert [[row["uuid"] for row in page] for page in pages] == [ids[4:2:-1], ids[2:0:-1], ids[:1]]
    oldest = client.get("/v1/orders/open", {"states": ["wait", "watch"], "order_by": "asc"}).json()
    assert [row["uuid"] for row in oldest] == ids
    assert client.get("/v1/orders/open", {"market": "KRW-XRP"}).json() == []
    assert name_of(client.get("/v1/orders/open", {"state": "done"})) == (400, "invalid_parameter")
    assert name_of(client.get("/v1/orders/open", {"state": "wait", "states": ["wait"]})) == (400, "invalid_parameter")


def test_orders_are_found_by_up_to_a_hundred_ids_of_one_kind(start):
    client = start()
    ids = placed(client, 3)
    found = client.get("/v1/orders/uuids", {"uuids": [ids[0], "unknown", ids[2]], "order_by": "asc"}).json()
    assert [row["uuid"] for row in found] == [ids[0], ids[2]]
    assert [row["uuid"] for row in client.get("/v1/orders/uuids", {"identifiers": ["n1"]}).json()] == [ids[1]]
    for wrong in ({}, {"uuids": ["a"], "identifiers": ["b"]}, {"uuids": [f"id{n}" for n in range(101)]}):
        assert name_of(client.get("/v1/orders/uuids", wrong)) == (400, "invalid_parameter")


def test_closed_orders_are_listed_by_creation_within_seven_days(start):
    client = start()
    ids = placed(client, 3)
    client.delete("/v1/order", {"uuid": ids[0]})
    client.order(market="KRW-XRP", side="bid", ord_type="price", price="10000", identifier="bought")
    rows = client.get("/v1/orders/closed").json()
    assert [row.get("identifier") for row in rows] == ["bought", "n0"]
    assert len(client.get("/v1/orders/closed", {"limit": 1}).json()) == 1
    assert client.get("/v1/orders/closed", {"states": ["done"]}).json() == []
    now = client.status()["now"] // 1000
    assert client.get("/v1/orders/closed", {"end_time": now - 60_000}).json() == []
    assert len(client.get("/v1/orders/closed", {"start_time": "2026-01-03T09:00:00+09:00"}).json()) == 2
    window = {"start_time": now - 8 * 86_400_000, "end_time": now}
    assert name_of(client.get("/v1/orders/closed", window)) == (400, "invalid_parameter")


def test_several_orders_are_cancelled_by_id(start):
    client = start()
    ids = placed(client, 2)
    answer = client.delete("/v1/orders/uuids", {"uuids": [ids[0], "00000000-0000-4000-8000-000000000000"]}).json()
    assert answer["success"] == {"count": 1, "orders": [{"uuid": ids[0], "market": "KRW-BTC", "identifier": "n0"}]}
    assert answer["failed"] == {"count": 1, "orders": [{"uuid": "00000000-0000-4000-8000-000000000000"}]}
    assert [row["uuid"] for row in client.get("/v1/orders/open").json()] == [ids[1]]


def test_an_order_that_is_not_there_is_told_by_the_identifier_it_was_asked_for_by(start):
    answer = start().delete("/v1/orders/uuids", {"identifiers": ["nobody"]}).json()
    assert answer["failed"] == {"count": 1, "orders": [{"identifier": "nobody"}]}


def test_a_market_may_be_written_in_lower_case(start):
    client = start()
    ids = [client.order(**BUY | {"market": "krw-btc"}).json()["uuid"] for _ in range(2)]
    asked = {"market": "krw-btc"}
    assert [row["uuid"] for row in client.get("/v1/orders/open", asked).json()] == ids[::-1]
    assert len(client.get("/v1/orders/uuids", asked | {"uuids": ids}).json()) == 2
    assert client.get("/v1/orders/chance", asked).json()["market"]["id"] == "KRW-BTC"
    client.delete("/v1/order", {"uuid": ids[0]})
    assert [row["uuid"] for row in client.get("/v1/orders/closed", asked).json()] == ids[:1]
    assert client.delete("/v1/orders/open", {"pairs": "krw-btc"}).json()["success"]["count"] == 1


def test_cancel_all_takes_the_side_and_the_pairs_it_was_told(start):
    client = start()
    placed(client, 2)
    xrp = client.order(market="KRW-XRP", side="bid", ord_type="limit", price="1000", volume="10").json()["uuid"]
    answer = client.delete("/v1/orders/open", {"excluded_pairs": "KRW-XRP", "cancel_side": "bid"}).json()
    assert answer["success"]["count"] == 2
    assert [row["uuid"] for row in client.get("/v1/orders/open").json()] == [xrp]


def test_cancel_all_takes_the_newest_twenty_unless_told_otherwise(start):
    client = start(speed=1_000.0)
    ids = placed(client, 25)
    twenty = client.delete("/v1/orders/open").json()["success"]
    assert (twenty["count"], [row["uuid"] for row in twenty["orders"]]) == (20, ids[:4:-1])
    while (answer := client.delete("/v1/orders/open", {"count": 3, "order_by": "asc"})).status_code in {418, 429}:
        pass  # once in two seconds of the exchange
    assert [row["uuid"] for row in answer.json()["success"]["orders"]] == ids[:3]
    while (answer := client.delete("/v1/orders/open", {"count": 301, "quote_currencies": "KRW"})).status_code in {
        418,
        429,
    }:
        pass
    assert answer.json()["success"]["count"] == 2


def test_cancel_all_takes_pairs_or_quote_currencies_and_at_most_twenty(start):
    client = start(speed=1_000.0)
    for wrong in (
        {"pairs": "KRW-BTC", "quote_currencies": "KRW"},
        {"pairs": ",".join(f"KRW-C{n}" for n in range(21))},
        {"cancel_side": "both"},
        {"count": "many"},
        {"order_by": "up"},
    ):
        while (answer := client.delete("/v1/orders/open", wrong)).status_code in {418, 429}:
            pass
        assert name_of(answer) == (400, "invalid_parameter")


def test_a_matched_order_may_come_to_its_match_later(start):
    client = start(faults={"match_delay_ms": 500, "cancel_delay_ms": 500})
    bought = client.order(market="KRW-XRP", side="bid", ord_type="price", price="10000").json()["uuid"]
    resting = client.order(**BUY).json()["uuid"]
    client.delete("/v1/order", {"uuid": resting})
    for order in (bought, resting):
        assert client.get("/v1/order", {"uuid": order}).json()["state"] == "wait"
