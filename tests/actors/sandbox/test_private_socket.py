"""The private socket: what it tells of orders, fills and balances."""

from decimal import Decimal
from uuid import UUID

from tests.actors.sandbox.client import ask, book, message, until

D = Decimal
FEE = D("0.0005")
ORDER = {"market": "KRW-XRP", "side": "bid", "ord_type": "price", "price": "10000"}


def test_my_order_tells_wait_trade_and_the_end_with_nulls(start):
    client = start()
    socket = client.socket({"type": "myOrder"}, {"type": "myAsset"}, private=True)
    uuid = client.order(**ORDER, identifier='quo"ted').json()["uuid"]
    told = until(socket, lambda event: event.get("state") == "cancel")
    wait, trade, end = (event for event in told if event["type"] == "myOrder")
    assert (wait["state"], wait["volume"], wait["trade_uuid"], wait["is_maker"]) == ("wait", None, None, None)
    assert (wait["order_type"], wait["ask_bid"], wait["identifier"], wait["locked"]) == (
        "price",
        "BID",
        'quo"ted',
        10005,
    )
    order = client.get("/v1/order", {"uuid": uuid}).json()
    (fill,) = order["trades"]
    assert (trade["state"], trade["trade_uuid"], trade["is_maker"]) == ("trade", fill["uuid"], False)
    assert (trade["price"], trade["volume"]) == (Decimal(fill["price"]), Decimal(fill["volume"]))
    assert trade["trade_fee"] == Decimal(order["paid_fee"])
    assert (end["executed_funds"], end["locked"], end["trade_uuid"]) == (Decimal(fill["funds"]), 0, None)
    assets = {asset["currency"]: asset for asset in message(socket)["assets"]}
    assert assets["XRP"]["balance"] == Decimal(fill["volume"])
    free, locked = client.balance("KRW")
    assert (assets["KRW"]["balance"], assets["KRW"]["locked"]) == (free, locked)


def test_my_order_may_be_asked_for_some_markets_only(start):
    client = start()
    socket = client.socket({"type": "myOrder", "codes": ["KRW-BTC"]}, private=True)
    ask(socket, {"method": "LIST_SUBSCRIPTIONS"})
    message(socket)
    client.order(**ORDER)
    client.order(**ORDER | {"market": "KRW-BTC"})
    assert message(socket)["code"] == "KRW-BTC"


def test_my_asset_tells_only_of_what_moved_and_has_an_id_like_any_other(start):
    client = start()
    client.deposit("XRP", "100")
    socket = client.socket({"type": "myAsset"}, private=True)
    ask(socket, {"method": "LIST_SUBSCRIPTIONS"})
    message(socket)
    for side, currency in (("bid", "KRW"), ("ask", "XRP")):
        price = "1000" if side == "bid" else "9000"
        uuid = client.order(market="KRW-XRP", side=side, ord_type="limit", price=price, volume="10").json()["uuid"]
        client.delete("/v1/order", {"uuid": uuid})
        frames = [message(socket), message(socket)]
        assert [[asset["currency"] for asset in frame["assets"]] for frame in frames] == [[currency], [currency]]
        assert [UUID(frame["asset_uuid"]).version for frame in frames] == [4, 4]


def test_the_tape_fills_a_resting_bid_and_money_adds_up(start):
    client = start(speed=600.0, markets=("KRW-XRP",), faults={"match_delay_ms": 300})
    socket = client.socket({"type": "myOrder"}, {"type": "myAsset"}, private=True)
    _, bids = book(client)
    answer = client.order(market="KRW-XRP", side="bid", ord_type="limit", price=str(bids[0][0]), volume="20")
    assert answer.status_code == 201
    events = until(socket, lambda event: event.get("state") in {"done", "cancel"})
    orders = [event for event in events if event["type"] == "myOrder"]
    assert [event["state"] for event in orders][:1] == ["wait"]
    assert orders[-1]["state"] == "done"
    fills = [event for event in orders if event["state"] == "trade"]
    assert sum(event["volume"] for event in fills) == 20
    assert all(event["price"] <= bids[0][0] for event in fills)
    assert sum((event["trade_fee"] for event in fills), D(0)) == orders[-1]["paid_fee"]
    final = message(socket)
    assert {asset["currency"] for asset in final["assets"]} == {"KRW", "XRP"}
    spent = sum((event["price"] * event["volume"] * (1 + FEE) for event in fills), D(0))
    assert client.balance("KRW") == (D(10_000_000) - spent, 0)
    assert client.balance("XRP") == (20, 0)
