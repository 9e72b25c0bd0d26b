"""upbit-api.md 12.3: sockets that are silent, half open or cut, and frames that are lost, doubled or out of order."""

import queue
from decimal import Decimal as D

import pytest

from actors.upbit.frames import TradeFrame
from actors.upbit.streams import Stream, Timing
from domain.messages import StreamChanged
from domain.orders import OrderReport
from tests.actors.wire.conftest import QUICK, SPEED, WAIT_S, XRP, booked, keys_of, stages

BUY = {"market": XRP, "side": "bid", "ord_type": "price", "price": "10000"}
NEVER_QUIET = Timing(ping_s=0.1, silent_s=5.0, backoff_s=0.02, backoff_max_s=0.2, dataless_s=0.5)


@pytest.fixture
def listen(start):
    """A stream of the real client; gives the sandbox's client and what is heard of it."""
    streams = []

    def make(*wanted, private, timing, speed=SPEED, **faults):
        client, heard = start(speed=speed, markets=(XRP, "KRW-BTC"), faults=faults), queue.SimpleQueue()
        streams.append(
            Stream(
                client.ready["ws"] + ("/private" if private else ""),
                wanted,
                on_frame=heard.put,
                on_state=lambda up, reason: heard.put((up, reason)),
                keys=keys_of(client.ready) if private else None,
                timing=timing,
            )
        )
        streams[-1].start()
        return client, heard

    yield make
    for stream in streams:
        stream.stop()


def until(heard, wanted):
    while not wanted(found := heard.get(timeout=WAIT_S)):
        pass
    return found


def is_down(found):
    return isinstance(found, tuple) and not found[0]


def is_up(found):
    return isinstance(found, tuple) and found[0]


def test_a_half_open_socket_is_noticed_and_everything_is_subscribed_again(listen):
    client, heard = listen({"type": "myOrder"}, {"type": "myAsset"}, private=True, timing=QUICK)
    until(heard, is_up)
    client.arm("ws_half_open", socket="private", count=1)
    assert "silent" in until(heard, is_down)[1]
    until(heard, is_up)
    client.order(**BUY)
    assert until(heard, lambda one: isinstance(one, OrderReport)).market == XRP


def test_a_socket_that_pongs_but_says_nothing_is_given_up_and_all_markets_come_again(listen):
    wanted = {"type": "trade", "codes": [XRP, "KRW-BTC"]}
    client, heard = listen(wanted, private=False, timing=NEVER_QUIET, speed=600.0)
    until(heard, lambda one: isinstance(one, TradeFrame))
    client.arm("ws_silence", socket="public", count=1, seconds=1_000)
    assert "no data" in until(heard, is_down)[1]
    until(heard, is_up)
    markets = set()
    while markets != {XRP, "KRW-BTC"}:
        markets.add(until(heard, lambda one: isinstance(one, TradeFrame)).market)


def test_a_socket_that_is_cut_comes_back_and_a_handshake_that_is_refused_is_tried_again(listen):
    client, heard = listen({"type": "myOrder"}, private=True, timing=QUICK)
    until(heard, is_up)
    client.arm("limited", path="/websocket/v1/private", count=1)
    client.arm("expired_key", path="/websocket/v1/private", count=1)
    client.arm("ws_drop", socket="private", count=1)
    until(heard, is_down)
    until(heard, is_up)
    statuses = [call["status"] for call in client.requests() if call["path"] == "/websocket/v1/private"]
    assert statuses[:2] == [101, 429]
    assert statuses[-1] == 101


def test_what_happened_while_the_private_socket_was_half_open_is_fetched_by_rest(trader):
    one = trader()
    one.client.arm("ws_half_open", socket="private", count=1)
    intent = one.buy("a")
    told = one.finish(intent)
    assert stages(told, intent)[-1] in {"done", "cancelled"}
    assert {fill.trade_id for fill in booked(told)} == {fill["trade_id"] for fill in one.client.books()["fills"]}
    rest = one.green()
    downs = [one.connected for one in (*told, *rest) if isinstance(one, StreamChanged) and one.stream == "private"]
    assert downs == [False, True]


@pytest.mark.parametrize(
    "faults",
    [("lose_event",), ("duplicate_event",), ("reorder_events",), ("lose_event", "duplicate_event", "reorder_events")],
    ids=" ".join,
)
def test_every_fill_is_booked_once_whatever_happens_to_its_frames(trader, faults):
    one = trader(options={"capital": D(10**8)})
    for fault in faults:
        one.client.arm(fault, chance=1.0 if len(faults) == 1 and fault != "lose_event" else 0.5)
    fills = []
    for name in "abcdef":
        intent = one.buy(name)
        told = one.finish(intent)
        fills += booked(told)
        assert stages(told, intent)[-1] in {"done", "cancelled"}
    at_exchange = {fill["trade_id"]: D(fill["volume"]) for fill in one.client.books()["fills"]}
    assert {fill.trade_id: fill.volume for fill in fills} == at_exchange
    assert len(fills) == len(at_exchange)
    assert {strike["fault"] for strike in one.client.strikes()} == set(faults)
    one.green()
