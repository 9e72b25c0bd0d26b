"""What faults do to a socket, and what a socket does with what no honest client sends."""

import json
import socket as network

import pytest
import websocket
from websockets.sync.client import connect

from tests.actors.sandbox.client import ask, drain, message
from tests.actors.sandbox.raw import Raw, masked

BUY = {"market": "KRW-XRP", "side": "bid", "ord_type": "price", "price": "10000"}
TRADES = {"type": "trade", "codes": ["KRW-BTC"]}
CLOSE, PING, PONG = 8, 9, 10


def private(client):
    return client.socket({"type": "myOrder"}, private=True)


def test_a_socket_of_one_kind_is_dropped_and_the_other_is_not(start):
    client = start()
    mine, public = private(client), client.socket()
    client.arm("ws_drop", socket="public")
    ask(public, TRADES)
    with pytest.raises((websocket.WebSocketConnectionClosedException, OSError)):
        drain(public)
    client.order(**BUY)
    assert message(mine)["state"] == "wait"
    assert client.strikes()[0]["hit"].startswith("public socket, frame ")


def test_a_silent_socket_answers_pings_and_says_nothing_else_until_it_speaks_again(start):
    client = start()
    socket = private(client)
    number = client.arm("ws_silence", seconds=1_000, count=1)
    client.order(**BUY)
    socket.ping("still there")
    code, _ = socket.recv_data(control_frame=True)
    assert code == PONG
    assert [strike["rule"] for strike in client.strikes()] == [number]
    assert client.balance("XRP")[0] > 0


def test_a_half_open_socket_neither_reads_nor_answers_and_stays_connected(start):
    client = start()
    socket = client.socket()
    client.arm("ws_half_open", count=1)
    socket.ping("anybody?")
    ask(socket, TRADES)
    socket.settimeout(0.3)
    with pytest.raises(websocket.WebSocketTimeoutException):
        socket.recv_data(control_frame=True)
    assert client.socket(TRADES).recv()


def test_a_half_open_socket_ends_after_its_time(start):
    client = start()
    socket = client.socket()
    client.arm("ws_half_open", count=1, seconds=0.1)
    socket.ping()
    with pytest.raises((websocket.WebSocketConnectionClosedException, OSError)):
        drain(socket)


def test_one_public_frame_is_lost_doubled_or_late(start):
    client = start()
    for fault, expected in (
        ("lose_event", ["trade", "orderbook"]),
        ("duplicate_event", ["ticker", "ticker", "trade", "orderbook"]),
        ("reorder_events", ["trade", "ticker", "orderbook"]),
    ):
        socket = client.socket()
        number = client.arm(fault, socket="public", count=1)
        ask(socket, *({"type": kind, "codes": ["KRW-BTC"]} for kind in ("ticker", "trade", "orderbook")))
        assert [message(socket)["type"] for _ in expected] == expected, fault
        client.disarm(number)


def test_the_last_frame_is_not_held_back_for_ever(start):
    client = start()
    client.arm("reorder_events", socket="public", count=1)
    assert message(client.socket(TRADES))["type"] == "trade"


def test_compression_is_used_when_it_is_offered_and_only_then(start):
    client = start()
    with connect(client.ready["ws"], compression="deflate") as packed:
        assert "permessage-deflate" in packed.response.headers["Sec-WebSocket-Extensions"]
        ask(packed, TRADES)
        assert json.loads(packed.recv())["type"] == "trade"
        packed.send("PING" * 2)
        assert json.loads(packed.recv())["error"]["name"] == "WRONG_FORMAT"
    with connect(client.ready["ws"], compression=None) as plain:
        assert "Sec-WebSocket-Extensions" not in plain.response.headers
        ask(plain, TRADES)
        assert json.loads(plain.recv())["type"] == "trade"


def test_a_list_of_subscriptions_counts_as_a_message_and_a_text_ping_does_not(start):
    client = start()
    socket = client.socket()
    for _ in range(20):
        socket.send("PING")
    for _ in range(6):
        socket.send(json.dumps([{"ticket": "t"}, {"method": "LIST_SUBSCRIPTIONS"}]))
    told = [message(socket) for _ in range(6)]
    assert [one.get("method") for one in told] == ["LIST_SUBSCRIPTIONS"] * 5 + [None]
    assert told[5]["error"]["name"] == "TOO_MANY_REQUEST"


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (masked(b'[{"ticket":"t"}]', mask=None), 1002),
        (masked(b"\xff\xfe"), 1007),
        (masked(b"x", opcode=0), 1002),
        (masked(b"x", opcode=3), 1002),
        (masked(b"x", reserved=4), 1002),
        (masked(b"x" * 126, opcode=PING), 1002),
        (masked(b"x", opcode=PING, final=False), 1002),
        (masked(b"x" * (1 << 20), final=False) + masked(b"x", opcode=0), 1009),
        (masked(b"\x03\xe8\xff", opcode=CLOSE), 1007),
    ],
    ids=["unmasked", "utf-8", "continuation", "opcode", "reserved", "long ping", "split ping", "endless", "close"],
)
def test_a_frame_that_must_not_be_ends_the_socket_with_its_code(start, frames, code):
    client = start()
    with Raw(client.base) as raw:
        assert raw.upgrade().startswith(b"HTTP/1.1 101 ")
        raw.send(frames)
        opcode, payload = raw.frame()
        assert (opcode, int.from_bytes(payload[:2], "big")) == (CLOSE, code)
        assert raw.rest() == b""
    assert client.public("/v1/market/all").status_code == 200


def test_a_message_in_pieces_with_a_ping_between_is_one_message(start):
    client = start()
    request = json.dumps([{"ticket": "t"}, TRADES]).encode()
    with Raw(client.base) as raw:
        raw.upgrade()
        raw.send(masked(request[:9], final=False) + masked(b"p", opcode=PING) + masked(request[9:], opcode=0))
        assert raw.frame() == (PONG, b"p")
        assert json.loads(raw.frame()[1])["type"] == "trade"


def test_a_packed_message_that_would_be_huge_ends_the_socket(start):
    client = start()
    with connect(client.ready["ws"], compression="deflate") as packed:
        packed.send("x" * (8 << 20))
        with pytest.raises(Exception, match="1009"):
            packed.recv(timeout=10)
    assert client.public("/v1/market/all").status_code == 200


def test_an_upgrade_that_is_none_is_refused_and_the_sandbox_goes_on(start):
    client = start()
    old = b"Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 8\r\n"
    wanted = b"Upgrade: websocket\r\n"
    for path, headers, status in (
        (b"/websocket/v1", wanted, b"400"),
        (b"/websocket/v1", wanted + old, b"400"),
        (b"/websocket/v1", b"", b"404"),
        (b"/websocket/v2", wanted + b"Connection: Upgrade\r\n", b"404"),
    ):
        head = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n"
        with Raw(client.base) as raw:
            raw.send(head)
            assert raw.head().startswith(b"HTTP/1.1 " + status), head
    assert client.socket(TRADES).recv()


def test_the_server_sends_no_pings_and_dies_silent_after_its_time(start):
    client = start(idle_s=0.4)
    with Raw(client.base) as raw:
        raw.upgrade()
        assert raw.rest() == b""  # no ping, no close frame
        assert raw.line.type is network.SOCK_STREAM
