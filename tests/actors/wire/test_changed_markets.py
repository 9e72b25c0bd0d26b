"""upbit-api.md 12.3: markets that close, change their tick, are delisted or empty; keys that end; unknown words."""

from decimal import Decimal as D

import pytest

from actors.market import Market
from actors.rest import Rest
from domain.config import Settings
from domain.errors import RequestRefused
from domain.market import DAY, MINUTE, US_PER_S
from domain.messages import (
    HistoryLoaded,
    HistoryWanted,
    IntervalEnded,
    MarketEvaluated,
    OrderChanged,
    ReconcileFinished,
    ResumeTrading,
    SettingsChanged,
    TradesPrinted,
    TradingStateChanged,
)
from domain.orders import ExchangeState, OrderRequest, OrderType, Side, TimeInForce
from tests.actors.edge import Ear
from tests.actors.stage import Stage, session
from tests.actors.wire.conftest import WAIT_S, XRP, booked, stages

BTC = "KRW-BTC"


def a_bid(identifier, price, volume=D(20), market=XRP):
    return OrderRequest(
        identifier, market, Side.BUY, OrderType.LIMIT, D(price), D(volume), time_in_force=TimeInForce.GTC
    )


def best(upbit, market=XRP):
    """The best bid and ask, price and size."""
    book = upbit.orderbook([market])[market]
    return book.bids[0], book.asks[0]


@pytest.mark.parametrize("hears", [True, False])
def test_an_order_filled_in_part_before_its_market_closed_ends_as_the_exchange_ends_it(trader, hears):
    one = trader(speed=1.0, options={"capital": D(10**9)})
    if not hears:
        one.client.arm("lose_event")
    _, ask = best(one.rest)
    closed = one.client.arm("maintenance", market=XRP, moment="night", for_s=3_600)
    intent = one.buy("a", price=D(str(ask.price)), volume=D(str(ask.size)) * 2 + 100, time_in_force=TimeInForce.GTC)
    one.approve(intent)
    told = one.until(lambda message: isinstance(message, OrderChanged) and message.executed_volume > 0)
    assert one.client.moment("night") == [closed]
    other = one.buy("b")
    refused = one.finish(other)
    assert [message.detail for message in refused if isinstance(message, OrderChanged)][-1] == "market_offline"
    one.client.arm("cancel_orders", market=XRP)
    told = one.end(intent, (*told, *refused))
    assert stages(told, intent)[-1] == "cancelled"
    at_exchange = {fill["trade_id"]: D(fill["volume"]) for fill in one.client.books()["fills"]}
    assert {fill.trade_id: fill.volume for fill in booked(told)} == at_exchange
    assert 0 < sum(at_exchange.values()) < intent.volume
    one.green()


def test_a_market_reopens_after_an_hour_and_takes_orders_again(rest):
    client, upbit = rest(speed=3_600.0)
    client.arm("market_offline", market=XRP, for_s=3_600)
    with pytest.raises(RequestRefused, match="market_offline"):
        upbit.rehearse(a_bid("test-0", 500))
    began = client.status()["now"]
    while client.status()["now"] < began + 3_700 * US_PER_S:
        pass
    upbit.rehearse(a_bid("test-1", 500))


def test_after_a_change_of_tick_the_next_order_is_right_once_the_instruments_are_read_again(rest):
    client, upbit = rest(speed=1.0)
    (before,) = upbit.instruments([XRP])
    step = before.tick
    bid = D(str(best(upbit)[0].price)) * D("0.8") // step * step
    bid += step if bid % (5 * step) == 0 else 0
    assert upbit.place(a_bid("old", bid)).state is ExchangeState.WAIT
    client.arm("tick_change", market=XRP, factor=5)
    with pytest.raises(RequestRefused) as refused:
        upbit.place(a_bid("stale", bid))
    assert refused.value.name == "invalid_price_bid"
    (after,) = upbit.instruments([XRP])
    assert after.tick == 5 * step
    assert upbit.place(a_bid("new", bid // after.tick * after.tick)).state is ExchangeState.WAIT


@pytest.mark.parametrize("field", ["state", "smp_type", "time_in_force"])
def test_a_word_the_exchange_did_not_have_before_leaves_an_order_alive(rest, field):
    client, upbit = rest(speed=1.0)
    bid = D(str(best(upbit)[0].price)) // 2
    upbit.place(a_bid("new", bid))
    client.arm("novelty", field=field, value="hitherto_unheard_of")
    report = upbit.order(identifier="new")
    assert not report.finished
    assert (report.identifier, report.price, report.volume) == ("new", bid, D(20))
    assert [one.identifier for one in upbit.open_orders()] == ["new"]


def test_fields_that_are_new_everywhere_change_nothing_that_was_there(rest):
    client, upbit = rest(speed=1.0)
    readings = (
        lambda: [(one.market, one.english_name, one.warning) for one in upbit.listings()],
        lambda: upbit.candles(XRP, 5, to=client.status()["now"] // DAY * DAY, count=3),
        lambda: upbit.instruments([XRP]),
        upbit.accounts,
        lambda: upbit.chance(XRP),
    )
    before = [read() for read in readings]
    client.arm("novelty")
    assert [read() for read in readings] == before
    assert upbit.ticker([XRP])[0].market == XRP
    assert upbit.orderbook([XRP])[XRP].bids
    assert upbit.place(a_bid("new", 500)).state is ExchangeState.WAIT


@pytest.mark.parametrize("field", ["", "state", "smp_type", "type", "stream_type"])
def test_an_order_is_followed_to_its_end_though_the_stream_speaks_of_things_unknown(trader, field):
    one = trader()
    one.client.arm("novelty", socket="private", field=field, value="hitherto_unheard_of")
    intent = one.buy("a")
    told = one.finish(intent)
    assert stages(told, intent)[-1] in {"done", "cancelled"}
    fills = booked(told)
    assert len(fills) == len({fill.trade_id for fill in fills}) == len(one.client.books()["fills"])
    one.green()


def stopped(message):
    return isinstance(message, TradingStateChanged) and message.state != "ACTIVE"


def red(message):
    return isinstance(message, ReconcileFinished) and not message.green


@pytest.mark.parametrize("fault", ["expired_key", "wrong_ip", "out_of_scope"])
def test_a_key_that_is_refused_stops_trading_says_why_and_leaves_the_market_data(trader, fault):
    one = trader(speed=600.0)
    one.until(lambda message: isinstance(message, TradingStateChanged) and message.state == "ACTIVE")
    one.client.arm(fault)
    name = {"expired_key": "expired_access_key", "wrong_ip": "no_authorization_ip"}.get(fault, fault)
    intent = one.buy("a")
    told = one.finish(intent)
    assert [message.detail for message in told if isinstance(message, OrderChanged)][-1] == name
    if not any(map(stopped, told)):
        told += one.until(stopped)
    if not any(map(red, told)):
        told += one.until(red)
    assert any(name in text for message in filter(red, told) for text in message.differences)
    while not one.market.empty():
        one.market.get()
    for _ in range(3):
        while not isinstance(one.market.get(timeout=WAIT_S), TradesPrinted):
            pass
    one.client.disarm()
    one.host.tell("risk", ResumeTrading("the operator"))
    one.until(lambda message: isinstance(message, TradingStateChanged) and message.state == "ACTIVE")


def test_an_order_for_a_market_that_was_delisted_is_refused_by_name_and_the_books_stay_right(trader):
    one = trader()
    number = one.client.arm("delisted", market=XRP)
    told = one.finish(one.buy("a"))
    assert [message.detail for message in told if isinstance(message, OrderChanged)][-1] == "notfoundmarket"
    one.green()
    one.client.disarm(number)
    assert stages(one.finish(intent := one.buy("b")), intent)[-1] in {"done", "cancelled"}


def test_no_candles_are_no_signal_and_no_crash(rest):
    _, upbit = rest(speed=1.0)
    assert upbit.candles(XRP, 1, to=DAY, count=200) == ()
    assert upbit.candle_range(XRP, 1, 20 * DAY, 21 * DAY) == ()
    ear = Ear()
    edge = Rest(ear, "rest", client=upbit)
    until = 20 * DAY
    edge.run_turn("market", HistoryWanted(XRP, 0, until), until)
    asker, loaded = ear.next()
    edge.on_end()
    assert (asker, loaded) == ("market", HistoryLoaded(XRP, 0, until, (), (), (), ()))
    stage = Stage(Market, f"market:{XRP}")
    stage.now = until
    stage.tell(SettingsChanged(Settings(), "test", "")).tell(session(XRP)).tell(loaded, "rest")
    evaluated = []
    for minute in range(1, 11):
        stage.tell(IntervalEnded(until + minute * MINUTE), "feed", after_s=60)
        evaluated += stage.to("portfolio", MarketEvaluated)
    assert not any(one.evaluation.intents for one in evaluated)
