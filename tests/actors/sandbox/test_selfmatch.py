"""Self-match prevention and its change of rules, as a client of the sandbox sees them."""

from decimal import Decimal

import pytest

from tests.actors.sandbox.client import ask, book, message, name_of, until

D = Decimal
FEE = D("0.0005")
XRP = {"market": "KRW-XRP", "ord_type": "limit"}


@pytest.fixture
def met(start):
    """An own bid of 20 at the best bid and an own sale that comes 30 too large: what is told, then both rows."""

    def make(rule, **choices):
        client = start(choices={"smp_era": "after"} | choices)
        client.deposit("XRP", "100000000")
        _, ((price, size), *_) = book(client)
        socket = client.socket({"type": "myOrder"}, private=True)
        ask(socket, {"method": "LIST_SUBSCRIPTIONS"})
        message(socket)
        bid = client.order(**XRP, side="bid", price=str(price), volume="20").json()["uuid"]
        answer = client.order(**XRP, side="ask", price=str(price), volume=str(size + 30), smp_type=rule)
        assert answer.status_code == 201, answer.text
        ids = {bid: "bid", answer.json()["uuid"]: "ask"}
        marker = client.order(**XRP, side="bid", price="1000", volume="10").json()["uuid"]
        told = until(socket, lambda event: event["uuid"] == marker)[:-1]
        rows = {name: client.get("/v1/order", {"uuid": uuid}).json() for uuid, name in ids.items()}
        return [(ids[event["uuid"]], event["state"], event) for event in told], rows["bid"], rows["ask"], price

    return make


def states(told):
    return [(name, state) for name, state, _ in told[2:]]  # after the two that were taken in


def prevented(row):
    return row["state"], D(row["prevented_volume"]), D(row["prevented_locked"])


def test_cancel_maker_cancels_the_resting_order(met):
    told, bid, sale, price = met("cancel_maker")
    assert states(told) == [("ask", "trade"), ("bid", "cancel")]
    assert prevented(bid) == ("cancel", 20, 20 * price * (1 + FEE))
    assert (sale["state"], sale["remaining_volume"], sale["smp_type"]) == ("wait", "30", "cancel_maker")
    _, _, end = told[-1]
    assert (end["prevented_volume"], end["prevented_locked"]) == (20, 20 * price * (1 + FEE))
    assert (bid["remaining_volume"], bid["locked"]) == ("0", "0")


def test_cancel_taker_cancels_the_incoming_order(met):
    told, bid, sale, _ = met("cancel_taker")
    assert states(told) == [("ask", "trade"), ("ask", "cancel")]
    assert prevented(sale) == ("cancel", 30, 30)
    assert prevented(bid) == ("wait", 0, 0)


def test_reduce_makes_both_smaller_and_tells_prevented_of_the_one_that_goes_on(met):
    told, bid, sale, price = met("reduce")
    assert states(told) == [("ask", "trade"), ("bid", "cancel"), ("ask", "prevented")]
    assert prevented(bid) == ("cancel", 20, 20 * price * (1 + FEE))
    assert prevented(sale) == ("wait", 20, 20)
    _, _, event = told[-1]
    assert (event["remaining_volume"], event["trade_uuid"], event["is_maker"]) == (10, None, None)


def test_none_lets_an_order_trade_with_its_own(met):
    told, bid, sale, price = met("none")
    assert states(told) == [("ask", "trade"), ("ask", "trade"), ("bid", "trade"), ("bid", "done")]
    assert [event["is_maker"] for _, state, event in told if state == "trade"] == [False, False, True]
    assert (bid["executed_volume"], sale["remaining_volume"]) == ("20", "10")
    assert D(bid["trades"][0]["price"]) == price
    assert {(trade["side"], trade["trend"]) for trade in sale["trades"]} == {("ask", "down")}
    assert [(trade["side"], trade["trend"]) for trade in bid["trades"]] == [("bid", "down")]


def test_before_the_change_nothing_is_prevented_unless_asked_for_and_none_is_no_value(start):
    client = start(start=1_767_571_200_000_000)  # 2026-01-05
    row = client.order(**XRP, side="bid", price="1000", volume="10").json()
    assert "smp_type" not in row
    wish = XRP | {"side": "bid", "price": "1000", "volume": "10"}
    assert name_of(client.order(**wish, smp_type="none")) == (400, "validation_error")
    assert client.order(**wish, smp_type="reduce", time_in_force="post_only").json()["smp_type"] == "reduce"


def test_from_the_change_on_a_rule_is_never_absent(start):
    client = start(start=1_794_182_400_000_000)  # 2026-11-09 09:00 KST
    wish = XRP | {"side": "bid", "price": "1000", "volume": "10"}
    assert client.order(**wish).json()["smp_type"] == "cancel_maker"
    assert client.order(**wish, smp_type="none").json()["smp_type"] == "none"
    assert client.order(**wish, time_in_force="post_only").json()["smp_type"] == "none"
    refused = client.order(**wish, time_in_force="post_only", smp_type="cancel_taker")
    assert name_of(refused) == (400, "invalid_post_only")
