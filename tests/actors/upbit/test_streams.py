"""A real socket on loopback: what the client sends, and how it comes back when the other side fails it."""

import json
import queue
import threading

import pytest
from flask import Flask, request
from flask_sock import Sock
from simple_websocket import ConnectionClosed
from werkzeug.serving import make_server

from actors.upbit.frames import TradeFrame
from actors.upbit.sign import Keys, Secret
from actors.upbit.streams import Stream, Timing

WAIT_S = 10.0
QUICK = Timing(ping_s=0.2, silent_s=1.0, backoff_s=0.01, backoff_max_s=0.02)
TRADE = {
    "type": "trade",
    "code": "KRW-BTC",
    "trade_timestamp": 1_795_327_198_842,
    "trade_price": 1.45878e8,
    "trade_volume": 0.00102831,
    "ask_bid": "BID",
    "sequential_id": 17_953_271_988_420_000,
    "of_tomorrow": 1,
}
SIMPLE = {"ty": "trade", "cd": "KRW-BTC", "ttms": 1_795_327_198_842, "tp": 1, "tv": 2, "ab": "ASK", "sid": 5}


class Server:
    """Hands each accepted socket to the test through `sockets`, with its handshake and first frame."""

    def __init__(self) -> None:
        app = Flask(__name__)
        self.sockets: queue.Queue = queue.Queue()
        self.done = threading.Event()

        @Sock(app).route("/websocket/v1")
        def accept(socket) -> None:
            self.sockets.put((socket, dict(request.headers), json.loads(socket.receive(timeout=WAIT_S))))
            try:
                while not self.done.is_set() and socket.connected:
                    socket.receive(timeout=0.2)
            except ConnectionClosed:
                pass

        self.http = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"ws://127.0.0.1:{self.http.port}/websocket/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def next(self):
        return self.sockets.get(timeout=WAIT_S)


@pytest.fixture
def server():
    one = Server()
    yield one
    one.done.set()
    one.http.shutdown()
    one.http.server_close()


class Heard:
    """What a stream told, and the stream itself."""

    def __init__(self, url: str, **more) -> None:
        self.frames: queue.Queue = queue.Queue()
        self.states: queue.Queue = queue.Queue()
        self.echoes: queue.Queue = queue.Queue()
        wanted = ({"type": "trade", "codes": ["KRW-BTC"]},)
        self.stream = Stream(
            url,
            wanted,
            on_frame=self.frames.put,
            on_state=lambda up, why: self.states.put((up, why)),
            on_echo=self.echoes.put,
            timing=more.pop("timing", QUICK),
            **more,
        )
        self.stream.start()


@pytest.fixture
def heard(server):
    one = Heard(server.url)
    yield one
    one.stream.stop()


def test_it_subscribes_to_the_whole_set_and_sends_no_origin(server, heard):
    _, headers, (ticket, wanted, form) = server.next()
    assert wanted == {"type": "trade", "codes": ["KRW-BTC"]}
    assert len(ticket["ticket"]) == 36
    assert form == {"format": "DEFAULT"}
    assert "Origin" not in headers
    assert "Authorization" not in headers
    assert heard.states.get(timeout=WAIT_S) == (True, "connected")


def test_binary_and_text_frames_long_and_short_names_are_read_alike(server, heard):
    socket, _, _ = server.next()
    socket.send(json.dumps(TRADE).replace("145878000.0", "1.45878E8").encode())
    socket.send(json.dumps(SIMPLE))
    one, two = heard.frames.get(timeout=WAIT_S), heard.frames.get(timeout=WAIT_S)
    assert isinstance(one, TradeFrame)
    assert (str(one.trade.price), str(one.trade.volume), one.trade.at) == (
        "1.45878E+8",
        "0.00102831",
        1_795_327_198_842_000,
    )
    assert (two.market, two.trade.taker, two.trade.sequential_id) == ("KRW-BTC", "sell", 5)


def test_a_frame_nobody_understands_costs_neither_the_socket_nor_the_next_frame(server, heard):
    socket, _, _ = server.next()
    for raw in (b"{not json", b'{"type":"trade","code":"KRW-BTC"}', b'{"type":"of tomorrow"}', b'{"status":"UP"}'):
        socket.send(raw)
    socket.send(json.dumps(SIMPLE))
    assert heard.frames.get(timeout=WAIT_S).kind == "of tomorrow"
    assert heard.frames.get(timeout=WAIT_S).status == "UP"
    assert heard.frames.get(timeout=WAIT_S).trade.sequential_id == 5


def test_after_a_drop_it_comes_back_and_subscribes_again(server, heard):
    socket, _, first = server.next()
    assert heard.states.get(timeout=WAIT_S)[0]
    socket.close(1012)
    up, reason = heard.states.get(timeout=WAIT_S)
    assert (up, reason) == (False, "closed by the exchange (1012)")
    _, _, second = server.next()
    assert second[1:] == first[1:]
    assert heard.states.get(timeout=WAIT_S) == (True, "connected")


def test_a_refusal_is_told_with_its_reason(server, heard):
    socket, _, _ = server.next()
    heard.states.get(timeout=WAIT_S)
    socket.send(json.dumps({"error": {"name": "INVALID_AUTH", "message": "인증 정보가 올바르지 않습니다."}}))
    up, reason = heard.states.get(timeout=WAIT_S)
    assert not up
    assert "INVALID_AUTH" in reason


def test_a_probe_comes_back_after_what_was_sent_before_it(server, heard):
    socket, _, _ = server.next()
    heard.states.get(timeout=WAIT_S)
    socket.send(json.dumps(SIMPLE))
    assert heard.frames.get(timeout=WAIT_S)
    heard.stream.probe(1_795_327_200_000_000)
    assert heard.echoes.get(timeout=WAIT_S) == 1_795_327_200_000_000


def test_every_attempt_on_a_private_socket_carries_a_token_of_its_own(server):
    private = Heard(server.url, keys=Keys("access", Secret("secret")))
    socket, one, _ = server.next()
    socket.close(1012)
    _, two, _ = server.next()
    private.stream.stop()
    assert one["Authorization"].startswith("Bearer ")
    assert one["Authorization"] != two["Authorization"]


def test_a_stop_ends_the_thread_and_says_so_last(server, heard):
    server.next()
    heard.states.get(timeout=WAIT_S)
    heard.stream.stop()
    assert heard.states.get(timeout=WAIT_S) == (False, "stopped")
    assert not heard.stream._thread.is_alive()


def test_half_an_open_connection_is_noticed_by_its_silence():
    """A peer that shakes hands and then never answers a ping."""
    import base64  # noqa: PLC0415
    import hashlib  # noqa: PLC0415
    import socket as sockets  # noqa: PLC0415

    with sockets.create_server(("127.0.0.1", 0)) as listener:
        silent = Heard(f"ws://127.0.0.1:{listener.getsockname()[1]}/websocket/v1", timing=Timing(0.1, 0.4, 5.0, 5.0))
        peer, _ = listener.accept()
        head = peer.recv(4096).decode()
        key = next(line.split(": ")[1] for line in head.splitlines() if line.lower().startswith("sec-websocket-key"))
        magic = hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()  # noqa: S324 (RFC 6455)
        accept = base64.b64encode(magic).decode()
        peer.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        assert silent.states.get(timeout=WAIT_S) == (True, "connected")
        up, reason = silent.states.get(timeout=WAIT_S)
        silent.stream.stop()
        peer.close()
    assert not up
    assert "silent" in reason
