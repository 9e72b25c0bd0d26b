"""Every name by which an order is refused (upbit-api.md 3.4), in earnest and in test, and which comes first."""

from decimal import ROUND_DOWN, Decimal

import pytest

from actors.sandbox.listing import Listing
from tests.actors.sandbox.client import book, name_of, settled, token

D = Decimal
BUY = {"market": "KRW-BTC", "side": "bid", "ord_type": "limit", "price": "100000000", "volume": "0.001"}
SALE = {"side": "ask"}
FAULTY = [
    ({"side": None}, "validation_error"),
    ({"side": "buy"}, "validation_error"),
    ({"ord_type": "stop"}, "validation_error"),
    ({"market": None}, "validation_error"),
    ({"smp_type": "other"}, "validation_error"),
    ({"identifier": "x" * 65}, "validation_error"),
    ({"volume": "abc"}, "invalid_parameter"),
    ({"price": "1e99"}, "invalid_parameter"),
    ({"price": None}, "create_bid_error"),
    ({"volume": None}, "create_bid_error"),
    ({"volume": "-1"}, "create_bid_error"),
    ({"ord_type": "market"}, "create_bid_error"),
    ({"ord_type": "price"}, "create_bid_error"),
    ({"ord_type": "price", "side": "ask"}, "create_ask_error"),
    ({"ord_type": "market", "side": "ask"}, "create_ask_error"),
    ({"time_in_force": "gtc"}, "invalid_time_in_force"),
    ({"ord_type": "price", "volume": None, "time_in_force": "ioc"}, "invalid_time_in_force"),
    ({"ord_type": "best", "volume": None, "time_in_force": "post_only"}, "invalid_time_in_force"),
    ({"time_in_force": "post_only", "smp_type": "reduce"}, "invalid_post_only"),
    ({"market": "KRW-NOPE"}, "notfoundmarket"),
    ({"market": "nothing"}, "notfoundmarket"),
    ({"identifier": "used"}, "duplicated_identifier"),
    ({"price": "100000001"}, "invalid_price_bid"),
    (SALE | {"price": "100000500"}, "invalid_price_ask"),
    ({"volume": "0.00004999"}, "under_min_total_bid"),
    (SALE | {"volume": "0.00004999"}, "under_min_total_ask"),
    (SALE | {"ord_type": "market", "price": None, "volume": "0.00001"}, "under_min_total_market_ask"),
    ({"volume": "11"}, "over_krw_funds_bid"),
    (SALE | {"volume": "11"}, "over_krw_funds_ask"),
    ({"volume": "0.1"}, "insufficient_funds_bid"),
    ({"ord_type": "price", "volume": None, "price": "999999999"}, "insufficient_funds_bid"),
    (SALE, "insufficient_funds_ask"),
]


@pytest.mark.parametrize(("changes", "name"), FAULTY)
def test_a_faulty_order_is_refused_by_name_in_earnest_and_in_test(start, changes, name):
    client = start(choices={"smp_era": "after"})
    used = client.order(**BUY, identifier="used").json()["uuid"]
    client.delete("/v1/order", {"uuid": used})
    wish = {field: value for field, value in (BUY | changes).items() if value is not None}
    assert name_of(client.post("/v1/orders/test", wish)) == (400, name)
    assert name_of(client.post("/v1/orders", wish)) == (400, name)
    assert client.balance("KRW") == (10_000_000, 0)
    assert [row["uuid"] for row in client.books()["orders"]] == [used]


def test_a_field_without_a_possible_value_is_named_and_one_that_is_absent_twice(start):
    client = start()
    wrong = client.order(market="KRW-BTC", side="up").json()["error"]["message"]
    assert wrong == "side does not have a valid value, ord_type is missing, ord_type does not have a valid value"
    uuid = client.order(**BUY).json()["uuid"]
    wrong = client.post("/v1/orders/cancel_and_new", {"prev_order_uuid": uuid}).json()["error"]
    assert (wrong["name"], wrong["message"].partition(",")[0]) == ("validation_error", "new_ord_type is missing")


def test_half_a_character_is_no_text_and_poisons_nothing(start):
    client = start()
    body = b'{"identifier":"\\ud800","market":"KRW-BTC"}'
    signed = token(client.access, client.secret, "identifier=?&market=KRW-BTC")
    header = {"Authorization": signed, "Content-Type": "application/json"}
    answer = client.session.post(client.base + "/v1/orders", data=body, headers=header, timeout=5)
    assert name_of(answer) == (400, "bad_request")
    assert client.order(**BUY).status_code == 201


BOTH_WRONG = [
    ({"side": "up", "ord_type": "market"}, "validation_error"),
    ({"price": None, "time_in_force": "gtc"}, "create_bid_error"),
    ({"time_in_force": "gtc", "market": "KRW-NOPE"}, "invalid_time_in_force"),
    ({"time_in_force": "post_only", "smp_type": "reduce", "market": "KRW-NOPE"}, "invalid_post_only"),
    ({"market": "KRW-NOPE", "identifier": "used"}, "notfoundmarket"),
    ({"identifier": "used", "price": "100000001"}, "duplicated_identifier"),
    ({"price": "100000001", "volume": "0.00000001"}, "invalid_price_bid"),
    ({"volume": "0.00004999", "price": "90000000"}, "under_min_total_bid"),
    ({"volume": "11", "market": "KRW-BTC"}, "over_krw_funds_bid"),
]


@pytest.mark.parametrize(("changes", "name"), BOTH_WRONG)
def test_of_two_faults_the_one_that_is_checked_first_is_named(start, changes, name):
    client = start(choices={"smp_era": "after"}, capital=D(6_000), faults={"market_offline": 1})
    client.post("/v1/orders", BUY | {"identifier": "used"})
    wish = {field: value for field, value in (BUY | changes).items() if value is not None}
    assert name_of(client.post("/v1/orders", wish)) == (400, name)


def test_a_halt_is_the_last_thing_to_be_told_and_has_its_own_status(start):
    client = start(faults={"market_offline": 1})
    assert name_of(client.order(**BUY | {"volume": "1"})) == (400, "insufficient_funds_bid")
    for path in ("/v1/orders", "/v1/orders/test"):
        assert name_of(client.post(path, BUY)) == (403, "market_offline")


@pytest.mark.parametrize(
    ("listing", "price", "expected"),
    [
        (Listing(offline=True), "100000000", (403, "market_offline")),
        (Listing(state="PREVIEW"), "100000000", (403, "market_offline")),
        (Listing(state="DELISTED"), "100000000", (400, "notfoundmarket")),
        (Listing(tick_factor=10), "100001000", (400, "invalid_price_bid")),
    ],
)
def test_a_market_takes_orders_as_it_is_listed(start, listing, price, expected):
    client = start()
    client.running.world.listings["KRW-BTC"] = listing
    wish = BUY | {"price": price}
    assert name_of(client.post("/v1/orders/test", wish)) == expected
    assert name_of(client.post("/v1/orders", wish)) == expected
    client.running.world.listings["KRW-BTC"] = Listing(tick_factor=10)
    assert client.order(**BUY | {"price": "100010000"}).status_code == 201


def test_a_market_order_larger_than_the_visible_book_is_refused(start):
    client = start(capital=D(10**9), markets=("KRW-MBL",))
    asks, bids = book(client, "KRW-MBL")
    depth = sum((price * size for price, size in asks), D(0)).quantize(D(1), ROUND_DOWN)
    buy = {"market": "KRW-MBL", "side": "bid", "ord_type": "price"}
    assert name_of(client.order(**buy, price=str(depth + 2))) == (400, "market_order_exceeds_book")
    assert client.order(**buy, price=str(depth - 1)).status_code == 201
    volume = sum(size for _, size in bids)
    client.deposit("MBL", str(volume * 2))
    sale = {"market": "KRW-MBL", "side": "ask", "ord_type": "market"}
    assert name_of(client.order(**sale, volume=str(volume + 1))) == (400, "market_order_exceeds_book")
    assert client.order(**sale, volume=str(volume)).status_code == 201


def test_dust_cannot_be_sold(start):
    client = start()
    bought = settled(client, client.order(market="KRW-XRP", side="bid", ord_type="price", price="5000"))
    wish = {"market": "KRW-XRP", "side": "ask", "ord_type": "market", "volume": bought["executed_volume"]}
    assert name_of(client.order(**wish)) == (400, "under_min_total_market_ask")


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("/v1/orders/uuids", {"uuids": [f"id{n}" for n in range(100)]}, 200),
        ("/v1/orders/uuids", {"uuids": [f"id{n}" for n in range(101)]}, 400),
        ("/v1/orders/open", {"limit": 101}, 200),
        ("/v1/orders/open", {"limit": 0}, 400),
        ("/v1/orders/open", {"page": "x"}, 400),
        ("/v1/orders/closed", {"limit": 1_001}, 200),
        ("/v1/orders/closed", {"start_time": "yesterday"}, 400),
        ("/v1/orders/closed", {"start_time": "9" * 30}, 400),
        ("/v1/orders/closed", {"order_by": "up"}, 400),
    ],
)
def test_counts_are_cut_and_what_has_no_meaning_is_refused(start, path, params, status):
    answer = start().get(path, params)
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"]["name"] == "invalid_parameter"


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"uuids": [f"id{n}" for n in range(20)]}, 200),
        ({"uuids": [f"id{n}" for n in range(21)]}, 400),
        ({"uuids": ["a"], "identifiers": ["b"]}, 400),
        ({}, 400),
    ],
)
def test_at_most_twenty_orders_of_one_kind_are_cancelled_by_id(start, params, status):
    assert start().delete("/v1/orders/uuids", params).status_code == status
