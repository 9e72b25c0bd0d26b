"""Recorded frames are played as they came: clients are told what was recorded, and orders meet the recorded books."""

import json
from collections import defaultdict
from decimal import Decimal

import pytest

from actors.sandbox.live import LiveMarket
from actors.sandbox.options import SandboxOptions
from actors.sandbox.recording import load_frames
from domain.errors import ConfigError
from tests.actors.sandbox.client import book, message, settled

AT = 1_618_678_262_000  # ms


@pytest.fixture(scope="module")
def recording(real_candles):
    return real_candles.parent.parent / "raw" / "ws" / "upbit_ws_simple_2021-04-17.jsonl"


def recorded(path):
    """The recorded messages by type and market, in the order of arrival."""
    found = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["event"] == "recv":
            told = json.loads(row["raw"], parse_float=Decimal)
            found[told["ty"], told["cd"]].append(told)
    return found


def test_a_client_receives_what_was_recorded(start, recording):
    expected = recorded(recording)
    client = start(frames=recording, markets=(), speed=60.0, start=(AT - 240_000) * 1000)  # four seconds to subscribe
    markets = client.ready["markets"]
    assert markets == sorted({market for _, market in expected})
    both = ({"type": "trade", "codes": markets}, {"type": "orderbook", "codes": [f"{market}.15" for market in markets]})
    socket = client.socket(*({**part, "is_only_realtime": True} for part in both), {"format": "SIMPLE"})
    heard = defaultdict(list)
    for _ in range(sum(map(len, expected.values()))):
        told = message(socket)
        heard[told["ty"], told["cd"]].append(told)
    assert heard.keys() == expected.keys()
    for key, rows in expected.items():
        assert [{name: told[name] for name in row} for row, told in zip(rows, heard[key], strict=True)] == rows


def test_candles_are_made_of_the_recorded_trades(start, recording):
    trades = recorded(recording)["trade", "KRW-LAMB"]
    minutes = defaultdict(list)
    for trade in trades:
        minutes[trade["ttm"][:5]].append(trade)
    client = start(frames=recording, markets=("KRW-LAMB",), speed=1000.0)
    while not client.status()["ended"]:
        pass
    found = client.public("/v1/candles/minutes/1", {"market": "KRW-LAMB", "count": 9}).json(parse_float=Decimal)
    assert [row["candle_date_time_utc"][11:16] for row in found] == sorted(minutes, reverse=True)
    for row in found:
        inside = minutes[row["candle_date_time_utc"][11:16]]
        prices = [trade["tp"] for trade in inside]
        assert (row["opening_price"], row["trade_price"]) == (prices[0], prices[-1])
        assert (row["high_price"], row["low_price"]) == (max(prices), min(prices))
        assert row["candle_acc_trade_volume"] == sum(trade["tv"] for trade in inside)
        assert row["candle_acc_trade_price"] == Decimal(str(float(sum(trade["tp"] * trade["tv"] for trade in inside))))
    ids = {
        row["sequential_id"] for row in client.public("/v1/trades/ticks", {"market": "KRW-LAMB", "count": 500}).json()
    }
    assert ids == {trade["sid"] for trade in trades}


def test_orders_meet_the_recorded_books_also_after_a_restart(start, recording):
    shown = recorded(recording)["orderbook", "KRW-LAMB"]
    options = {"frames": recording, "markets": ("KRW-LAMB",), "start": (shown[5]["tms"] + 1) * 1000}
    client = start(**options)
    asks, _ = book(client, "KRW-LAMB")
    best = shown[5]["obu"][0]
    assert asks[0] == (best["ap"], best["as"])
    order = settled(client, client.order(market="KRW-LAMB", side="bid", ord_type="price", price="10000"))
    (fill,) = order["trades"]
    assert Decimal(fill["price"]) == best["ap"]
    start.stop()
    client = start(**options)
    assert book(client, "KRW-LAMB")[0] == asks
    order = settled(client, client.order(market="KRW-LAMB", side="ask", ord_type="market", volume="60"))
    assert Decimal(order["trades"][0]["price"]) == best["bp"]


def test_a_market_of_which_no_trade_was_recorded_has_books_and_no_candles(start, recording):
    client = start(frames=recording, markets=("BTC-XTZ",), speed=1000.0)
    while not client.status()["ended"]:
        pass
    assert client.public("/v1/candles/minutes/1", {"market": "BTC-XTZ"}).json() == []
    assert client.public("/v1/trades/ticks", {"market": "BTC-XTZ"}).json() == []
    last = recorded(recording)["orderbook", "BTC-XTZ"][-1]
    asks, bids = book(client, "BTC-XTZ")
    assert (asks[0], bids[0]) == tuple((last["obu"][0][f"{side}p"], last["obu"][0][f"{side}s"]) for side in "ab")
    socket = client.socket({"type": "trade", "codes": ["BTC-XTZ"]}, {"type": "ticker", "codes": ["BTC-XTZ"]})
    assert message(socket)["type"] == "ticker"


def line(event="recv", **frame):
    return json.dumps({"event": event, "recv": 1.0, "raw": json.dumps(frame)})


def trade(number, *, ms=0, price=100.0, **other):
    return line(
        **{
            "type": "trade",
            "code": "KRW-LAMB",
            "timestamp": AT + ms,
            "trade_timestamp": AT + ms,
            "trade_price": price,
            "trade_volume": 2.5,
            "ask_bid": "BID",
            "prev_closing_price": 90.0,
            "sequential_id": number,
            "stream_type": "REALTIME",
        }
        | other
    )


def orderbook(*levels, ms=0):
    names = ("ask_price", "bid_price", "ask_size", "bid_size")
    units = [dict(zip(names, level, strict=True)) for level in levels]
    return line(type="orderbook", code="KRW-LAMB", timestamp=AT + ms, orderbook_units=units, level=0)


def test_long_names_lists_snapshots_doubles_and_padding_are_understood(tmp_path):
    path = tmp_path / "frames.jsonl"
    inside = json.loads(trade(3, ms=500))["raw"]
    lines = [
        json.dumps({"event": "connect", "recv": 1.0}),
        line("sent"),
        trade(1, ms=-90_000, price=99.0, stream_type="SNAPSHOT"),
        orderbook((101, 100, 1.5, 2), (102, 0, 3, 0), ms=10),
        trade(2, ms=20),
        trade(2, ms=20),
        line(status="UP"),
        json.dumps({"event": "recv", "raw": f"[{inside}]"}),
        "",
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    series = load_frames(path, (), seed=1)["KRW-LAMB"]
    fresh, later = LiveMarket(series, (AT - 1) * 1000), LiveMarket(series, (AT + 100) * 1000)
    assert (fresh.last.price, fresh.day.prior, fresh.book.ask_prices) == (99.0, 90.0, ())
    assert (later.book.ask_prices, later.book.bid_prices) == ((101.0, 102.0), (100.0,))
    assert [each.sequential_id for each in later.printed(0)] == [2]
    assert series.units.tolist() == [500_000_000]


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        ("nonsense", "the line is no JSON"),
        ("[]", "expected an object whose event is one of"),
        ('{"event":"heard"}', "expected an object whose event is one of"),
        ('{"event":"recv"}', "must have its text in raw"),
        ('{"event":"recv","raw":"{"}', "the frame in raw is no JSON"),
        ('{"event":"recv","raw":"[7]"}', "is no object"),
        (trade(1, price="dear"), "trade_price must be a number, found 'dear'"),
        (trade(1, price=-1), "must not be negative"),
        (trade(1, price=0), "must have a price"),
        (trade(1, trade_volume=0.000000001), "eight decimals at the most"),
        (trade(1, ask_bid="BUY"), "ASK or BID"),
        (trade(1, code="EUR-BTC"), "no market of Upbit is called 'EUR-BTC'"),
        (trade(1, sequential_id=None), "sequential_id must be a number"),
        (line(type="orderbook", code="KRW-LAMB", timestamp=AT, orderbook_units={}), "must be a list of levels"),
        (orderbook((101, 100, 1, 1), (100.5, 99, 1, 1)), "ask prices are not in order"),
    ],
)
def test_a_line_that_cannot_be_played_is_named(tmp_path, bad, fault):
    path = tmp_path / "frames.jsonl"
    path.write_text(f"{trade(7)}\n{bad}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"frames\.jsonl, line 2: ") as caught:
        load_frames(path, (), seed=1)
    assert fault in str(caught.value)


def test_a_recording_without_anything_to_play_and_an_absent_market_are_named(tmp_path):
    path = tmp_path / "frames.jsonl"
    path.write_text(line(status="UP"), encoding="utf-8")
    with pytest.raises(ConfigError, match="holds no trade and no order book"):
        load_frames(path, (), seed=1)
    path.write_text(trade(1), encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no frames of KRW-BTC .* there are: KRW-LAMB"):
        load_frames(path, ("KRW-BTC",), seed=1)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_frames(tmp_path / "absent.jsonl", (), seed=1)
    with pytest.raises(ConfigError, match="only one of them"):
        SandboxOptions(home=tmp_path, frames=path, candles=tmp_path)
