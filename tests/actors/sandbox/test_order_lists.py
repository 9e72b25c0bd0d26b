"""Orders over the wire: refused by name, found, listed, cancelled."""

from decimal import ROUND_DOWN, Decimal

import pytest

from tests.actors.sandbox.client import book, name_of, settled, token

D = Decimal

BUY = {"market": "KRW-BTC", "side": "bid", "ord_type": "limit", "price": "100000000", "volume": "0.001"}


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"side": None}, "validation_error"),
        ({"side": "buy"}, "validation_error"),
        ({"ord_type": "stop"}, "validation_error"),
        ({"volume": "abc"}, "invalid_parameter"),
        ({"smp_type": "other"}, "validation_error"),
        ({"price": None}, "create_bid_error"),
        ({"ord_type": "market"}, "create_bid_error"),
        ({"ord_type": "price", "side": "ask"}, "create_ask_error"),
        ({"time_in_force": "gtc"}, "invalid_time_in_force"),
        ({"market": "KRW-NOPE"}, "notfoundmarket"),
        ({"price": "100000001"}, "invalid_price_bid"),
        ({"side": "ask", "price": "100000500"}, "invalid_price_ask"),
        ({"volume": "0.00004999"}, "under_min_total_bid"),
        ({"side": "ask", "volume": "0.00004999"}, "under_min_total_ask"),
        ({"volume": "11"}, "over_krw_funds_bid"),
        ({"volume": "0.1"}, "insufficient_funds_bid"),
        ({"side": "ask"}, "insufficient_funds_ask"),
        ({"side": "ask", "ord_type": "market", "price": None, "volume": "0.00001"}, "under_min_total_market_ask"),
        ({"ord_type": "price", "volume": None, "price": "999999999"}, "insufficient_funds_bid"),
        ({"identifier": "x" * 65}, "validation_error"),
    ],
)
def test_a_faulty_order_is_refused_by_name_in_earnest_and_in_test(start, changes, name):
    client = start()
    wish = {field: value for field, value in (BUY | changes).items() if value is not None}
    assert name_of(client.post("/v1/orders/test", wish)) == (400, name)
    assert name_of(client.post("/v1/orders", wish)) == (400, name)
    assert client.balance("KRW") == (10_000_000, 0)
    assert client.books()["orders"] == []


def test_a_market_order_larger_than_the_visible_book_is_refused(start):
    client = start(capital=D(10**9), markets=("KRW-MBL",))
    asks, _ = book(client, "KRW-MBL")
    depth = sum((price * size for price, size in asks), D(0)).quantize(D(1), ROUND_DOWN)
    wish = {"market": "KRW-MBL", "side": "bid", "ord_type": "price"}
    assert client.order(**wish, price=str(depth + 2)).status_code == 400
    assert client.order(**wish, price=str(depth - 1)).status_code == 201


def test_dust_cannot_be_sold(start):
    client = start()
    bought = settled(client, client.order(market="KRW-XRP", side="bid", ord_type="price", price="5000"))
    wish = {"market": "KRW-XRP", "side": "ask", "ord_type": "market", "volume": bought["executed_volume"]}
    assert name_of(client.order(**wish)) == (400, "under_min_total_market_ask")


def test_an_order_of_a_body_that_is_no_object_is_a_bad_request(start):
    client = start()
    header = {"Authorization": token(client.access, client.secret)}
    for body in (b"[]", b"{not json"):
        answer = client.session.post(client.base + "/v1/orders", data=body, headers=header, timeout=5)
        header = {"Authorization": token(client.access, client.secret)}
        assert name_of(answer) == (400, "bad_request")


def test_a_test_order_answers_like_a_real_one_and_leaves_nothing_behind(start):
    client = start()
    answer = client.post("/v1/orders/test", {**BUY, "identifier": "probe"})
    assert (answer.status_code, answer.json()["state"], answer.json()["locked"]) == (201, "wait", "100050")
    assert client.get("/v1/order", {"uuid": answer.json()["uuid"]}).status_code == 404
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
    assert answer["failed"]["count"] == 1
    assert [row["uuid"] for row in client.get("/v1/orders/open").json()] == [ids[1]]


def test_cancel_all_takes_the_side_and_the_pairs_it_was_told(start):
    client = start()
    placed(client, 2)
    xrp = client.order(market="KRW-XRP", side="bid", ord_type="limit", price="1000", volume="10").json()["uuid"]
    answer = client.delete("/v1/orders/open", {"excluded_pairs": "KRW-XRP", "cancel_side": "bid"}).json()
    assert answer["success"]["count"] == 2
    assert [row["uuid"] for row in client.get("/v1/orders/open").json()] == [xrp]


def test_chance_tells_fees_limits_and_both_accounts(start):
    client = start()
    row = client.get("/v1/orders/chance", {"market": "KRW-XRP"}).json()
    assert (row["bid_fee"], row["market"]["bid"]["min_total"], row["market"]["max_total"]) == (
        "0.0005",
        "5000",
        "1000000000",
    )
    assert (row["bid_account"]["balance"], row["ask_account"]["currency"]) == ("10000000", "XRP")
    assert name_of(client.get("/v1/orders/chance", {"market": "KRW-NOPE"})) == (400, "notfoundmarket")
    assert name_of(client.get("/v1/orders/chance")) == (400, "invalid_parameter")


def test_a_matched_order_may_come_to_its_match_later(start):
    client = start(faults={"match_delay_ms": 500, "cancel_delay_ms": 500})
    bought = client.order(market="KRW-XRP", side="bid", ord_type="price", price="10000").json()["uuid"]
    resting = client.order(**BUY).json()["uuid"]
    client.delete("/v1/order", {"uuid": resting})
    for order in (bought, resting):
        assert client.get("/v1/order", {"uuid": order}).json()["state"] == "wait"
