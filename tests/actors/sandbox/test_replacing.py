"""POST /v1/orders/cancel_and_new: one order goes, another comes, unless the first was filled before."""

from decimal import Decimal

import pytest

from tests.actors.sandbox.client import book, name_of, until

D = Decimal
FEE = D("0.0005")
OLD = {"market": "KRW-XRP", "side": "bid", "ord_type": "limit", "price": "1000", "volume": "20", "identifier": "old"}
NEW = {"prev_order_identifier": "old", "new_ord_type": "limit", "new_price": "1100", "new_volume": "10"}


def replaced(client, **fields):
    wish = {name: value for name, value in (NEW | fields).items() if value is not None}
    return client.post("/v1/orders/cancel_and_new", wish)


def test_the_answer_is_the_old_order_with_the_new_ones_ids(start):
    client = start()
    old = client.order(**OLD).json()["uuid"]
    answer = replaced(client, new_identifier="new")
    row = answer.json()
    assert (answer.status_code, row["uuid"], row["state"], row["identifier"]) == (201, old, "wait", "old")
    assert row["new_order_identifier"] == "new"
    assert client.get("/v1/order", {"uuid": old}).json()["state"] == "cancel"
    new = client.get("/v1/order", {"uuid": row["new_order_uuid"]}).json()
    assert (new["state"], new["price"], new["volume"], new["identifier"]) == ("wait", "1100", "10", "new")
    assert client.balance("KRW")[1] == 11_000 * (1 + FEE)


def test_an_old_order_is_found_by_its_uuid_too_and_a_new_identifier_may_be_left_out(start):
    client = start()
    old = client.order(**OLD).json()["uuid"]
    row = replaced(client, prev_order_identifier=None, prev_order_uuid=old).json()
    assert "new_order_identifier" not in row
    assert client.get("/v1/order", {"uuid": row["new_order_uuid"]}).json()["state"] == "wait"


def test_remain_only_takes_what_was_left_of_the_old_order(start):
    client = start(capital=D(10**9))
    asks, _ = book(client)
    price, size = asks[0]
    client.order(**OLD | {"price": str(price), "volume": str(size + 12)})
    row = replaced(client, new_volume="remain_only").json()
    assert client.get("/v1/order", {"uuid": row["new_order_uuid"]}).json()["volume"] == "12"


def test_a_new_order_may_use_the_money_the_old_one_locks(start):
    client = start(capital=D(20_100))
    client.order(**OLD)
    row = replaced(client, new_price="1000", new_volume="20").json()
    assert client.get("/v1/order", {"uuid": row["new_order_uuid"]}).json()["state"] == "wait"


def test_an_old_order_that_fills_first_is_followed_by_none_and_the_identifier_is_burned(start):
    client = start(faults={"match_delay_ms": 0.5, "cancel_delay_ms": 0.7})  # a thousand times longer for us
    asks, _ = book(client)
    socket = client.socket({"type": "myOrder"}, private=True)
    client.order(**OLD | {"price": str(asks[0][0] + 20)})
    answer = replaced(client, new_identifier="new")
    assert answer.status_code == 201
    lands_at = client.status()["now"] + 700
    end = until(socket, lambda event: event["state"] in {"done", "cancel"})[-1]
    assert (end["identifier"], end["state"]) == ("old", "done")
    while client.status()["now"] <= lands_at:
        pass
    missing = client.get("/v1/order", {"uuid": answer.json()["new_order_uuid"]})
    assert name_of(missing) == (404, "order_not_found")
    assert name_of(client.get("/v1/order", {"identifier": "new"})) == (404, "order_not_found")
    assert name_of(client.order(**OLD | {"identifier": "new"})) == (400, "duplicated_identifier")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"prev_order_identifier": None}, (400, "invalid_parameter")),
        ({"prev_order_identifier": "unknown"}, (404, "order_not_found")),
        ({"new_ord_type": None}, (400, "validation_error")),
        ({"new_identifier": "old"}, (400, "duplicated_identifier")),
        ({"new_price": "1100.5"}, (400, "invalid_price_bid")),
        ({"new_volume": "1"}, (400, "under_min_total_bid")),
        ({"new_volume": "100000"}, (400, "insufficient_funds_bid")),
        ({"new_ord_type": "price", "new_volume": "remain_only"}, (400, "create_bid_error")),
        ({"new_time_in_force": "gtc"}, (400, "invalid_time_in_force")),
        ({"new_volume": "half"}, (400, "invalid_parameter")),
    ],
)
def test_what_cannot_be_replaced_is_refused_and_the_old_order_stays(start, changes, expected):
    client = start()
    old = client.order(**OLD).json()["uuid"]
    before = client.balance("KRW")
    assert name_of(replaced(client, **{"new_identifier": "new"} | changes)) == expected
    assert client.get("/v1/order", {"uuid": old}).json()["state"] == "wait"
    assert client.balance("KRW") == before


def test_a_finished_order_cannot_be_replaced(start):
    client = start()
    old = client.order(**OLD).json()["uuid"]
    client.delete("/v1/order", {"uuid": old})
    assert name_of(replaced(client)) == (404, "order_not_found")


@pytest.mark.parametrize(
    "wrong",
    [
        {"new_price": "1100.5"},
        {"new_time_in_force": "gtc"},
        {"prev_order_identifier": "unknown"},
        {"new_ord_type": "price", "new_volume": "remain_only"},
    ],
)
def test_a_refused_replacement_uses_its_identifier_up(start, wrong):
    client = start()
    client.order(**OLD)
    assert replaced(client, new_identifier="new", **wrong).status_code in {400, 404}
    assert name_of(client.order(**OLD | {"identifier": "new"})) == (400, "duplicated_identifier")


def test_a_sale_is_replaced_by_a_market_sale_of_the_rest(start):
    client = start()
    client.deposit("XRP", "50")
    client.order(**OLD | {"side": "ask", "price": "9000", "volume": "50"})
    row = replaced(client, new_ord_type="market", new_price=None, new_volume="remain_only").json()
    new = client.get("/v1/order", {"uuid": row["new_order_uuid"]}).json()
    assert (new["state"], new["ord_type"], new["executed_volume"]) == ("done", "market", "50")
