"""upbit-api.md 12.3: 429 then 418 with N seconds, and clocks that disagree by minutes."""

from decimal import Decimal as D

import pytest

from domain.errors import RateLimited
from domain.market import DAY, MINUTE, US_PER_S
from domain.orders import ExchangeState, OrderRequest, OrderType, Side
from tests.actors.wire.conftest import XRP, posts, stages

PRIVATE = ("/v1/accounts", "/v1/order", "/v1/orders", "/v1/orders/open")
BLOCK_S = 45


def a_purchase(identifier):
    return OrderRequest(identifier, XRP, Side.BUY, OrderType.MARKET, funds=D(20_000))


def calls_inside_the_block(client):
    """Private calls between the answer 418 and its end, by the sandbox's own log."""
    calls = client.requests()
    (at,) = [call["at"] for call in calls if call["status"] == 418]
    return [call for call in calls if at < call["at"] < at + BLOCK_S * US_PER_S and call["path"] in PRIVATE]


@pytest.mark.parametrize("told", [{}, {"retry_after": 1, "silent_418": 1}, {"bare_429": 1, "text_429": 1}], ids=str)
def test_after_a_429_and_a_418_nothing_is_sent_before_the_time_is_over_and_then_orders_go_on(rest, told):
    client, upbit = rest(faults=told)
    client.arm("limited", path="/v1/orders", count=1)
    with pytest.raises(RateLimited) as refused:
        upbit.place(a_purchase("one"))
    assert not refused.value.blocked
    client.arm("blocked", path="/v1/orders", count=1, seconds=BLOCK_S)
    with pytest.raises(RateLimited) as blocked:
        upbit.place(a_purchase("two"))
    assert blocked.value.blocked
    assert BLOCK_S / 60 * 0.9 <= blocked.value.retry_after_s <= BLOCK_S / 60 * 1.6
    assert upbit.ticker([XRP])[0].market == XRP  # the address is another scope
    assert upbit.accounts()
    assert upbit.place(a_purchase("three")).state is ExchangeState.WAIT
    assert calls_inside_the_block(client) == []
    assert [call["status"] for call in posts(client)] == [429, 418, 201]


def test_the_gateway_waits_a_block_out_and_then_sends_the_same_order(trader):
    one = trader()
    one.client.arm("blocked", path="/v1/orders", count=1, seconds=BLOCK_S)
    intent = one.buy("a")
    told = one.finish(intent)
    assert stages(told, intent)[-1] in {"done", "cancelled"}
    assert calls_inside_the_block(one.client) == []
    assert [call["status"] for call in posts(one.client)] == [418, 201]
    one.green()


@pytest.mark.parametrize("off_s", [-300, 300])
def test_a_client_whose_clock_is_minutes_off_trades_and_reads_as_if_it_were_right(rest, off_s):
    client, upbit = rest(off_s=off_s, speed=1.0)
    assert upbit.place(a_purchase("skewed")).state is ExchangeState.WAIT
    report = upbit.order(identifier="skewed")
    now = client.status()["now"]
    assert abs(report.created_at - now) < MINUTE
    assert [one.identifier for one in upbit.closed_orders(start=now - DAY, end=now + MINUTE)] == ["skewed"]
    (newest,) = upbit.candles(XRP, 1, count=1)
    assert now - 2 * MINUTE < newest.start <= now
    since = now // MINUTE * MINUTE - 30 * MINUTE
    bars = upbit.candle_range(XRP, 1, since, since + 10 * MINUTE)
    assert [bar.start for bar in bars] == [since + n * MINUTE for n in range(10)]


@pytest.mark.parametrize("off_s", [-300, 300])
def test_the_newest_ended_orders_are_listed_whatever_our_clock_says(rest, off_s):
    _, upbit = rest(off_s=off_s, speed=1.0)
    upbit.place(a_purchase("skewed"))
    assert [one.identifier for one in upbit.closed_orders()] == ["skewed"]


@pytest.mark.parametrize("off_s", [-300, 300])
def test_a_date_header_that_is_minutes_off_changes_nothing(rest, off_s):
    client, upbit = rest(speed=1.0)
    before = upbit.candle_range(XRP, 1, (now := client.status()["now"]) - 20 * MINUTE, now - MINUTE)
    client.arm("clock_skew", seconds=off_s)
    assert upbit.candle_range(XRP, 1, now - 20 * MINUTE, now - MINUTE) == before
    assert upbit.place(a_purchase("dated")).state is ExchangeState.WAIT
    assert upbit.order(identifier="dated").state is ExchangeState.CANCEL
