"""The official Python SDK, as it is, works against the sandbox: a second opinion on our wire."""

from decimal import Decimal

import pytest


@pytest.fixture
def upbit(start):
    upbit = pytest.importorskip("upbit", reason="the official SDK (upbit-sdk) is not installed")
    client = start()
    with upbit.Upbit(
        access_key=client.access,
        secret_key=client.secret,
        base_url=client.base,
        websocket_base_url=client.ready["rest"].replace("http", "ws"),
        max_retries=0,
    ) as sdk:
        yield sdk


def test_the_official_sdk_trades_on_the_sandbox(upbit):
    assert [pair.market for pair in upbit.trading_pairs.list()] == ["KRW-BTC", "KRW-XRP"]
    candles = upbit.candles.list_minutes(unit=5, market="KRW-XRP", count=3)
    assert len(candles) == 3
    (book,) = upbit.orderbooks.list(markets="KRW-XRP")
    assert len(book.orderbook_units) == 30
    assert upbit.orders.retrieve_chance(market="KRW-XRP").bid_fee == "0.0005"
    placed = upbit.orders.create(market="KRW-XRP", side="bid", ord_type="price", price="10000", identifier="sdk-1")
    assert placed.state == "wait"
    order = upbit.orders.retrieve(uuid=placed.uuid)
    assert (order.state, order.identifier) == ("cancel", "sdk-1")
    assert Decimal(order.executed_volume) == sum(Decimal(trade.volume) for trade in order.trades)
    resting = upbit.orders.create(market="KRW-XRP", side="bid", ord_type="limit", price="1000", volume="10")
    assert [each.uuid for each in upbit.orders.list_open(market="KRW-XRP", states=["wait"])] == [resting.uuid]
    assert upbit.orders.cancel(uuid=resting.uuid).state == "wait"
    assert [each.uuid for each in upbit.orders.list_closed(states=["cancel"])] == [resting.uuid, placed.uuid]
    assert {account.currency for account in upbit.accounts.list()} == {"KRW", "XRP"}


def test_the_official_sdk_names_a_refusal(upbit):
    sdk = pytest.importorskip("upbit")
    with pytest.raises(sdk.BadRequestError, match="under_min_total_bid"):
        upbit.orders.test_create(market="KRW-XRP", side="bid", ord_type="price", price="1")
    with pytest.raises(sdk.NotFoundError):
        upbit.orders.retrieve(uuid="00000000-0000-4000-8000-000000000000")
