"""Faults that last: they begin, hold and end, and the exchange is as usual again."""

from email.utils import parsedate_to_datetime

import pytest

from tests.actors.sandbox.client import ask, book, message, name_of, settled

BUY = {"market": "KRW-XRP", "side": "bid", "ord_type": "price", "price": "10000"}
OFFLINE = (403, "market_offline")


def wait_until(client, condition):
    """Ask the exchange again and again until it is so."""
    for _ in range(2_000):
        if condition(found := client.status()):
            return found
    pytest.fail("never so")


def resting(client, price, side="bid"):
    order = {"market": "KRW-XRP", "side": side, "ord_type": "limit", "price": str(price), "volume": "20"}
    return settled(client, client.order(**order))


def test_a_lasting_fault_begins_at_its_exchange_time_and_ends_by_itself(start):
    client = start(speed=600.0)
    now = client.status()["now"]
    client.arm("clock_skew", at=now + 60_000_000, for_s=600, seconds=300)
    assert client.strikes() == []
    wait_until(client, lambda status: status["now"] > now + 700_000_000)
    assert [(strike["fault"], strike["hit"]) for strike in client.strikes()] == [
        ("clock_skew", "begins"),
        ("clock_skew", "ends"),
    ]
    assert client.session.get(client.base + "/_sandbox/faults", timeout=5).json()["rules"] == []


def test_a_lasting_fault_may_wait_for_requests(start):
    client = start()
    client.arm("warning", market="KRW-XRP", after=2, path="/v1/market/all")

    def warned():
        rows = client.public("/v1/market/all", {"is_details": "true"}).json()
        return {row["market"]: row["market_event"]["warning"] for row in rows}

    assert [warned()["KRW-XRP"] for _ in range(3)] == [False, False, True]
    assert not warned()["KRW-BTC"]


def test_flags_of_a_market_come_and_go(start):
    client = start()
    number = client.arm("caution", market="KRW-XRP", flag="TRADING_VOLUME_SOARING")

    def caution():
        rows = client.public("/v1/market/all", {"is_details": "true"}).json()
        return [row["market"] for row in rows if row["market_event"]["caution"]["TRADING_VOLUME_SOARING"]]

    assert caution() == ["KRW-XRP"]
    client.disarm(number)
    assert caution() == []


def test_a_tick_that_changes_is_told_by_instruments_and_asked_of_every_order(start):
    client = start()

    def tick():
        (row,) = client.public("/v1/orderbook/instruments", {"markets": "KRW-XRP"}).json()
        return int(row["tick_size"])

    before = tick()
    odd = int(book(client)[1][0][0]) // before * before - 20 * before
    odd += before if odd % (5 * before) == 0 else 0
    order = {"market": "KRW-XRP", "side": "bid", "ord_type": "limit", "volume": "20"}
    assert client.order(**order, price=str(odd)).status_code == 201
    client.arm("tick_change", market="KRW-XRP", factor=5)
    assert tick() == 5 * before
    assert name_of(client.order(**order, price=str(odd))) == (400, "invalid_price_bid")
    assert client.order(**order, price=str(odd - odd % (5 * before))).status_code == 201


def test_the_date_header_may_be_minutes_wrong_and_nothing_else_is(start):
    client = start()

    def date():
        return parsedate_to_datetime(client.public("/v1/market/all").headers["date"]).timestamp()

    before = date()
    client.arm("clock_skew", seconds=-300)
    assert abs(before - 300 - date()) < 2
    assert abs(client.status()["now"] / 1e6 - before) < 2


def test_lags_and_delays_may_be_rules_too(start):
    client = start()
    lag = client.arm("order_lag", ms=60_000)
    uuid = client.order(**BUY).json()["uuid"]
    assert client.get("/v1/order", {"uuid": uuid}).status_code == 404
    client.disarm(lag)
    assert client.get("/v1/order", {"uuid": uuid}).status_code == 200


def test_maintenance_refuses_orders_by_name_and_everything_else_by_a_page(start):
    client = start()
    number = client.arm("maintenance", reopen_s=0)
    assert name_of(client.order(**BUY)) == OFFLINE
    page = client.get("/v1/accounts")
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html")
    assert client.public("/v1/ticker", {"markets": "KRW-XRP"}).status_code == 503
    client.disarm(number)
    assert client.order(**BUY).status_code == 201
    assert client.get("/v1/accounts").status_code == 200


def test_orders_of_a_closed_market_do_not_fill_and_those_beyond_the_last_price_are_cancelled_when_it_opens(start):
    client = start(speed=600.0, markets=("KRW-XRP",))
    (best, _), *_ = book(client)[1]
    number = client.arm("maintenance", market="KRW-XRP")
    assert name_of(client.order(**BUY)) == OFFLINE
    client.disarm(number)
    limit = int(best) * 998 // 1_000
    near, far = resting(client, limit), resting(client, limit // 2)
    number = client.arm("maintenance", market="KRW-XRP")

    def fell(_):
        return client.public("/v1/ticker", {"markets": "KRW-XRP"}).json()[0]["trade_price"] < limit

    wait_until(client, fell)
    assert client.get("/v1/order", {"uuid": near["uuid"]}).json()["state"] == "wait"
    client.disarm(number)
    wait_until(client, lambda status: status["open_orders"] == 1)
    ends = [client.get("/v1/order", {"uuid": one["uuid"]}).json() for one in (near, far)]
    assert [(one["state"], one["executed_volume"]) for one in ends] == [("cancel", "0"), ("wait", "0")]


def test_markets_reopen_one_after_the_other(start):
    client = start()
    number = client.arm("maintenance", reopen_s=3_600)
    client.disarm(number)
    assert client.order(**BUY | {"market": "KRW-BTC"}).status_code == 201  # the first of two opens at once
    assert name_of(client.order(**BUY)) == OFFLINE
    assert client.get("/v1/accounts").status_code == 200


def test_the_exchange_may_cancel_the_orders_of_one_side_of_a_market(start):
    client = start()
    bid = resting(client, int(book(client)[1][0][0] * 9) // 10)
    client.arm("cancel_orders", market="KRW-BTC")
    client.arm("cancel_orders", market="KRW-XRP", side="ask")
    assert client.get("/v1/order", {"uuid": bid["uuid"]}).json()["state"] == "wait"
    client.arm("cancel_orders", market="KRW-XRP", side="bid")
    assert client.get("/v1/order", {"uuid": bid["uuid"]}).json()["state"] == "cancel"


def test_an_announcement_reaches_those_who_listen_with_what_the_rule_says(start):
    client = start()
    socket = client.socket({"type": "announcement", "include_body": True}, private=True)
    ask(socket, {"method": "LIST_SUBSCRIPTIONS"})
    message(socket)  # it listens now
    client.arm("announcement", title="Delisting", category="trade", body="why")
    told = message(socket)
    assert (told["event_type"], told["title"], told["category"], told["body"]) == (
        "CREATED",
        "Delisting",
        "trade",
        "why",
    )
    assert told["uuid"] in told["url"]
    assert told["first_listed_at"] == told["listed_at"]


def test_a_delisting_is_dated_first_and_then_the_market_is_gone(start):
    client = start()
    client.arm("delisting", market="KRW-XRP", date="2026-12-31")
    socket = client.socket({"type": "ticker", "codes": ["KRW-XRP"], "is_only_snapshot": True})
    assert message(socket)["delisting_date"] == {"year": 2026, "month": 12, "day": 31}
    client.arm("delisted", market="KRW-XRP")
    assert [row["market"] for row in client.public("/v1/market/all").json()] == ["KRW-BTC"]
    assert name_of(client.order(**BUY)) == (400, "notfoundmarket")
