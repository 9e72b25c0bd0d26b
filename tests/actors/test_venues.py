"""What each place asks the exchange for, seen by the exchange's end of the socket."""

import json
import queue
import time
from decimal import Decimal as D

import pytest

from actors.venues import Place, sandbox_place, upbit_place
from domain.market import Bar
from tests.actors.upbit.peer import TEXT, Peer, frame

MARKETS = ("KRW-ETH",)


@pytest.fixture
def peer():
    one = Peer()
    yield one
    one.close()


def asked_for(place: Place, peer: Peer) -> set[str]:
    """The kinds of frames that the public stream of a place subscribes to."""
    stream = place.public(MARKETS)(*(lambda *_: None for _ in range(5)))
    stream.start()
    try:
        frame = json.loads(peer.read(peer.accept(), TEXT))
    finally:
        stream.stop()
        place.rest.close()
    return {part["type"] for part in frame if "type" in part}


def test_the_private_stream_asks_for_the_announcements_that_can_be_about_a_market(peer):
    place = sandbox_place(told_by(peer))
    stream = place.private(*(lambda *_: None for _ in range(3)))
    stream.start()
    try:
        frame = json.loads(peer.read(peer.accept(), TEXT))
    finally:
        stream.stop()
        place.rest.close()
    assert {"type": "announcement", "categories": ["notice", "trade"], "include_body": True} in frame
    assert [part["type"] for part in frame if "type" in part] == ["myOrder", "myAsset", "announcement"]


def told_by(peer: Peer) -> dict:
    clock = {"origin_us": 0, "anchor_ns": time.monotonic_ns(), "speed": 1.0}
    return {"clock": clock, "access_key": "a", "secret_key": "s", "rest": "http://127.0.0.1:9", "ws": peer.url}


def test_books_are_asked_for_where_the_exchange_is_in_this_process(peer):
    assert asked_for(upbit_place("http://127.0.0.1:9", peer.url), peer) == {"trade", "candle.1m", "orderbook"}


def test_no_books_are_asked_for_where_an_exchange_outside_fills_our_orders(peer):
    assert asked_for(sandbox_place(told_by(peer)), peer) == {"trade", "candle.1m"}


def test_other_markets_are_asked_for_on_the_running_stream_and_the_same_ones_are_not_asked_for_again(peer):
    place = upbit_place("http://127.0.0.1:9", peer.url)
    stream = place.public(MARKETS)(*(lambda *_: None for _ in range(5)))
    stream.start()
    try:
        line = peer.accept()
        first = json.loads(peer.read(line, TEXT))
        stream.watch((*MARKETS,))
        stream.watch(("KRW-XRP",))
        second = json.loads(peer.read(line, TEXT))
    finally:
        stream.stop()
        place.rest.close()
    codes = [{part["type"]: part["codes"] for part in frame if "type" in part} for frame in (first, second)]
    assert codes == [
        {
            "trade": [market, "KRW-BTC"],
            "candle.1m": [market, "KRW-BTC"],
            "orderbook": [f"{market}.15", "KRW-BTC.15"],
        }
        for market in ("KRW-ETH", "KRW-XRP")
    ]


def test_a_candle_of_the_stream_is_handed_on_with_its_market(peer):
    told: queue.Queue[tuple[str, Bar]] = queue.Queue()
    nothing = [lambda *_: None] * 3
    place = upbit_place("http://127.0.0.1:9", peer.url)
    stream = place.public(MARKETS)(*nothing, lambda *candle: told.put(candle), lambda *_: None)
    stream.start()
    try:
        line = peer.accept()
        asked = {part["type"]: part["codes"] for part in json.loads(peer.read(line, TEXT)) if "type" in part}
        prices = dict.fromkeys(("opening_price", "high_price", "low_price", "trade_price"), 100)
        amounts = {"candle_acc_trade_volume": 2, "candle_acc_trade_price": 200}
        head = {"type": "candle.1m", "code": "KRW-ETH", "candle_date_time_utc": "1970-01-01T00:01:00"}
        line.sendall(frame(json.dumps(head | prices | amounts).encode()))
        assert told.get(timeout=10) == ("KRW-ETH", Bar(60_000_000, *[D(100)] * 4, D(2), D(200)))
    finally:
        stream.stop()
        place.rest.close()
    assert asked["candle.1m"] == ["KRW-ETH", "KRW-BTC"]
    assert asked["trade"] == ["KRW-ETH", "KRW-BTC"]
