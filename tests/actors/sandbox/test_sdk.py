"""The official Python SDK, as it is, works against the sandbox: a second opinion on our wire.

Where it is strict it checks every answer against its own types. They ask for a remaining volume of every order; the
documented sample of a buy by its total has none, so such orders are asked for without.
"""

import json
from decimal import Decimal

import pytest

MARKET = "KRW-XRP"
PUBLIC = ("ticker", "trade", "orderbook", "candle.1s", "candle.240m")


@pytest.fixture
def client(start):
    return start(choices={"smp_era": "after"}, days=40)


def sdk(client, *, strict):
    upbit = pytest.importorskip("upbit", reason="the official SDK (upbit-sdk) is not installed")
    return upbit.Upbit(
        access_key=client.access,
        secret_key=client.secret,
        base_url=client.base,
        websocket_base_url=client.ready["rest"].replace("http", "ws"),
        max_retries=0,
        _strict_response_validation=strict,
    )


@pytest.fixture
def upbit(client):
    with sdk(client, strict=True) as made:
        yield made


@pytest.fixture
def tolerant(client):
    with sdk(client, strict=False) as made:
        yield made


def low(upbit):
    """A price far below the market."""
    (ticker,) = upbit.tickers.list_by_trading_pairs(markets=MARKET)
    return str(int(Decimal(ticker.trade_price) * Decimal("0.8")))


def resting(upbit, price, **fields):
    return upbit.orders.create(market=MARKET, side="bid", ord_type="limit", price=price, volume="10", **fields)


def test_the_official_sdk_reads_the_markets(upbit):
    assert [pair.market for pair in upbit.trading_pairs.list(is_details=True)] == ["KRW-BTC", MARKET]
    (book,) = upbit.orderbooks.list(markets=MARKET, level="0", count=5)
    assert len(book.orderbook_units) == 5
    (instrument,) = upbit.orderbooks.list_instruments(markets=MARKET)
    assert (instrument.market, instrument.tick_size) == (MARKET, "1")
    first, second = upbit.trades.list(market=MARKET, count=2)
    (earlier,) = upbit.trades.list(market=MARKET, count=1, cursor=str(first.sequential_id))
    assert earlier.sequential_id == second.sequential_id
    assert {ticker.market for ticker in upbit.tickers.list_by_quote_currencies(quote_currencies="KRW")} == {
        "KRW-BTC",
        MARKET,
    }


def test_the_official_sdk_reads_candles_of_every_length(upbit):
    candles, wish = upbit.candles, {"market": MARKET, "count": 2, "to": "2026-01-12T00:00:00Z"}
    found = {
        "minutes": candles.list_minutes(unit=240, **wish),
        "days": candles.list_days(converting_price_unit="KRW", **wish),
        "weeks": candles.list_weeks(**wish),
        "months": candles.list_months(**wish),
        "years": candles.list_years(market=MARKET),
        "seconds": candles.list_seconds(market=MARKET),
    }
    starts = {name: rows[0].candle_date_time_utc for name, rows in found.items() if name != "seconds"}
    assert starts == {
        "minutes": "2026-01-11T20:00:00",
        "days": "2026-01-11T00:00:00",
        "weeks": "2026-01-05T00:00:00",
        "months": "2026-01-01T00:00:00",
        "years": "2026-01-01T00:00:00",
    }
    assert found["days"][0].converted_trade_price == found["days"][0].trade_price
    assert len(found["seconds"]) == 1


def test_the_official_sdk_trades(tolerant):
    assert tolerant.orders.retrieve_chance(market=MARKET).bid_fee == "0.0005"
    placed = tolerant.orders.create(market=MARKET, side="bid", ord_type="price", price="10000", identifier="sdk-1")
    assert placed.state == "wait"
    order = tolerant.orders.retrieve(uuid=placed.uuid)
    assert (order.state, order.identifier, order.smp_type) == ("cancel", "sdk-1", "cancel_maker")
    assert Decimal(order.executed_volume) == sum(Decimal(trade.volume) for trade in order.trades)
    best = tolerant.orders.create(
        market=MARKET, side="bid", ord_type="best", price="20000", time_in_force="ioc", smp_type="cancel_taker"
    )
    sold = tolerant.orders.create(market=MARKET, side="ask", ord_type="market", volume="5")
    ended = tolerant.orders.list_by_uuids(uuids=[best.uuid, sold.uuid], order_by="asc")
    assert [(each.state, each.side) for each in ended] == [("cancel", "bid"), ("done", "ask")]
    assert [each.uuid for each in tolerant.orders.list_closed(states=["done"])] == [sold.uuid]
    assert {account.currency for account in tolerant.accounts.list()} == {"KRW", "XRP"}


def test_the_official_sdk_cancels_and_replaces(upbit):
    price = low(upbit)
    first, second = resting(upbit, price, identifier="sdk-2"), resting(upbit, price)
    replaced = upbit.orders.cancel_and_new(
        prev_order_uuid=first.uuid, new_ord_type="limit", new_price=price, new_volume="remain_only"
    )
    assert (replaced.uuid, upbit.orders.retrieve(identifier="sdk-2").state) == (first.uuid, "cancel")
    live = list(upbit.orders.list_open(market=MARKET, states=["wait"], limit=1))  # it turns the pages by itself
    assert {each.uuid for each in live} == {second.uuid, replaced.model_extra["new_order_uuid"]}
    result = upbit.orders.cancel_by_uuids(uuids=[first.uuid, second.uuid])
    assert [[each.uuid for each in half.orders] for half in (result.success, result.failed)] == [
        [second.uuid],
        [first.uuid],
    ]
    assert upbit.orders.cancel(uuid=replaced.model_extra["new_order_uuid"]).state == "wait"
    third = resting(upbit, price)
    assert [each.uuid for each in upbit.orders.cancel_open(pairs=MARKET, cancel_side="bid").success.orders] == [
        third.uuid
    ]
    assert list(upbit.orders.list_open()) == []


def test_the_official_sdk_looks_at_the_account(client, upbit):
    client.deposit("KRW", "5000")
    assert [key.access_key for key in upbit.api_keys.list()] == [client.access]
    assert {row.wallet_state for row in upbit.wallet_status.list()} == {"working"}
    assert [(each.currency, each.amount) for each in upbit.deposits.list()] == [("KRW", "5000")]
    assert list(upbit.withdraws.list()) == []
    (pocket,) = upbit.pockets.list()
    assert {row.currency for row in upbit.pockets.retrieve_balance(uuid=pocket.uuid)} == {"KRW"}
    (group,) = upbit.pockets.list_api_keys()
    assert "make_orders" in group.keys[0].permissions
    assert upbit.pockets.list_universal_transfers() == []


def held(event):
    return {asset.currency for asset in event.assets}


@pytest.mark.parametrize("form", ["DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"])
def test_the_official_sdk_listens_to_the_markets(upbit, form):
    wish = [{"type": kind, "codes": [MARKET]} for kind in PUBLIC] + [{"format": form}]
    with upbit.ws_public.connect_public() as socket:
        socket.send([{"ticket": "sdk"}, *wish])
        told = [socket.parse_event(socket.recv_bytes(timeout=10)) for _ in PUBLIC]
        events = [event[0] if isinstance(event, list) else event for event in told]
        name = "type" if form in {"DEFAULT", "JSON_LIST"} else "ty"
        assert {getattr(event, name) for event in events} == set(PUBLIC)
        assert all(isinstance(event, list) is form.endswith("_LIST") for event in told)
        socket.send_raw(json.dumps([{"ticket": "list"}, {"method": "LIST_SUBSCRIPTIONS"}]))
        listed = json.loads(socket.recv_bytes(timeout=10))
        assert [row.get("type") or row["ty"] for row in listed.get("result") or listed["rslt"]] == list(PUBLIC)


def test_the_official_sdk_hears_of_its_orders_and_balances(tolerant):
    with tolerant.ws_private.connect_private() as socket:
        socket.send([{"ticket": "sdk"}, {"type": "myOrder"}, {"type": "myAsset"}, {"type": "announcement"}])
        socket.send_raw(json.dumps([{"ticket": "list"}, {"method": "LIST_SUBSCRIPTIONS"}]))
        socket.recv_bytes(timeout=10)  # it listens now
        placed = tolerant.orders.create(market=MARKET, side="bid", ord_type="price", price="20000")
        heard = []
        while not any(event.type == "myAsset" and "XRP" in held(event) for event in heard):
            heard.append(socket.parse_event(socket.recv_bytes(timeout=10)))
        orders = [event for event in heard if event.type == "myOrder"]
    assert [event.state for event in orders] == ["wait", "trade", "cancel"]
    assert {event.uuid for event in orders} == {placed.uuid}


def test_the_official_sdk_names_a_refusal(upbit):
    errors = pytest.importorskip("upbit")
    with pytest.raises(errors.BadRequestError, match="under_min_total_bid"):
        upbit.orders.test_create(market=MARKET, side="bid", ord_type="price", price="1")
    with pytest.raises(errors.NotFoundError):
        upbit.orders.retrieve(uuid="00000000-0000-4000-8000-000000000000")
    with pytest.raises(errors.NotFoundError, match="Code not found"):
        upbit.tickers.list_by_trading_pairs(markets="KRW-NONE")
