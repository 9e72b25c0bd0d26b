"""upbit-api.md 12.3: an order whose answer is lost, an order that never arrived, a fill before the answer."""

from decimal import Decimal as D

import pytest

from domain.errors import OutcomeUnknown
from domain.orders import ExchangeState, OrderRequest, OrderType, Side, TimeInForce
from tests.actors.wire.conftest import PREFIX, XRP, booked, posts, stages


def a_purchase(identifier="bot-1"):
    return OrderRequest(identifier, XRP, Side.BUY, OrderType.MARKET, funds=D(20_000))


@pytest.mark.parametrize(
    ("fault", "more"),
    [
        ("lose_response", {}),
        ("error_after", {"status": 500}),
        ("error_after", {"status": 502}),
        ("error_after", {"status": 503}),
        ("error_after", {"status": 504}),
        ("slow_answer", {"ms": 1_000}),
    ],
    ids=str,
)
def test_an_order_whose_answer_is_lost_is_unknown_and_found_by_its_identifier(rest, fault, more):
    client, upbit = rest(timeout_s=(2.0, 0.3))
    client.arm(fault, count=1, **more)
    with pytest.raises(OutcomeUnknown):
        upbit.place(a_purchase())
    found = upbit.order(identifier="bot-1")
    assert (found.state, len(found.fills) > 0) == (ExchangeState.CANCEL, True)
    assert len(posts(client)) == 1
    assert len(client.books()["orders"]) == 1


@pytest.mark.parametrize("fault", ["lose_response", "error_after"])
def test_the_gateway_finds_the_order_whose_answer_was_lost_and_sends_no_second(trader, fault):
    one = trader()
    one.client.arm(fault, count=1)
    one.client.arm("lose_event")  # the stream does not help: only the look-up can
    intent = one.buy("a")
    told = one.finish(intent)
    assert "unknown" in stages(told, intent)
    assert stages(told, intent)[-1] in {"done", "cancelled"}
    assert len(posts(one.client)) == 1
    fills = one.client.books()["fills"]
    assert {fill.trade_id for fill in booked(told)} == {fill["trade_id"] for fill in fills}
    one.green()


def test_an_order_that_never_arrived_is_looked_for_and_then_sent_again_once(trader):
    one = trader()
    one.client.arm("drop_request", count=1)
    intent = one.buy("a")
    told = one.finish(intent)
    assert "unknown" in stages(told, intent)
    assert stages(told, intent)[-1] in {"done", "cancelled"}
    calls = [call for call in one.client.requests() if call["path"] in {"/v1/orders", "/v1/order"}]
    assert [(call["method"], call["status"]) for call in calls[:3]] == [("POST", 0), ("GET", 404), ("POST", 201)]
    (order,) = one.client.books()["orders"]
    assert order["identifier"] == f"{PREFIX}-a"
    one.green()


def test_a_fill_that_comes_before_the_answer_is_matched_by_its_identifier(trader):
    one = trader(timeout_s=(2.0, 1.0))
    one.client.arm("slow_answer", ms=60_000)
    intent = one.buy("a")
    told = one.finish(intent)
    assert booked(told)
    assert "unknown" not in stages(told, intent)  # it was over before the answer failed to come
    assert stages(told, intent)[-1] in {"done", "cancelled"}
    assert len(posts(one.client)) == 1


def test_a_page_instead_of_json_is_asked_for_again_and_makes_an_order_unknown(rest):
    client, upbit = rest()
    client.arm("bad_gateway", path="/v1/accounts", count=2)
    assert upbit.accounts()[0].free == D(10_000_000)
    assert [call["status"] for call in client.requests()] == [502, 502, 200]
    client.arm("bad_gateway", method="POST", path="/v1/orders", count=1)
    with pytest.raises(OutcomeUnknown):
        upbit.place(a_purchase())
    assert upbit.order(identifier="bot-1") is None
    assert len(posts(client)) == 1


def test_a_resting_order_that_lost_its_answer_can_be_cancelled_by_its_identifier(rest):
    client, upbit = rest(speed=1.0)
    bid = D(str(upbit.orderbook([XRP])[XRP].bids[0].price)) // 2
    client.arm("lose_response", count=1)
    order = OrderRequest("bot-2", XRP, Side.BUY, OrderType.LIMIT, bid // 1, D(20), time_in_force=TimeInForce.GTC)
    with pytest.raises(OutcomeUnknown):
        upbit.place(order)
    assert upbit.cancel("bot-2").state is ExchangeState.WAIT
    assert upbit.order(identifier="bot-2").state is ExchangeState.CANCEL
