"""Streams against a peer that breaks off, dribbles, refuses, or speaks TLS."""

import json
import queue
import socket

import pytest

from actors.upbit.limits import Limiter, Urgency
from actors.upbit.sign import Keys, Secret
from actors.upbit.streams import Stream, Timing
from domain.errors import RateLimited
from tests.actors.upbit.heard import STEADY, WAIT_S, WANTED, Heard, trade
from tests.actors.upbit.peer import BINARY, PING, PONG, TEXT, Peer, frame, loopback_tls
from tests.actors.upbit.test_limits import HandClock


def test_a_peer_that_answers_no_ping_is_left_for_a_new_connection(peer, listening):
    heard = listening(timing=Timing(ping_s=0.1, silent_s=0.3, backoff_s=0.01, backoff_max_s=0.02))
    peer.accept()
    assert heard.state() == (True, "connected")
    up, reason = heard.state()
    assert not up
    assert "silent" in reason
    assert peer.read(peer.accept(), TEXT)


def test_a_proxy_of_the_shell_is_not_asked(peer, listening, monkeypatch):
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    heard = listening(timing=Timing(ping_s=0.1, silent_s=5.0))
    peer.accept()
    assert heard.state() == (True, "connected")


def test_a_peer_that_only_answers_pings_is_kept_unless_data_must_come(peer, listening):
    patient = Timing(ping_s=0.05, silent_s=0.5, backoff_s=0.01, backoff_max_s=0.02)
    listening(timing=patient)
    line = peer.accept()
    for _ in range(20):  # a second of pongs and nothing else
        line.sendall(frame(peer.read(line, PING), PONG))
    hungry = listening(timing=Timing(0.05, 5.0, 0.01, 0.02, dataless_s=0.3))
    line = peer.accept()
    with pytest.raises(ConnectionError):
        peer.pong_forever(line)
    assert hungry.state()[0]
    assert hungry.state() == (False, "no data for 0 s")


def up_forever(peer, line) -> None:
    """Say that the exchange is there at every ping, until the client hangs up."""
    while peer.read(line, PING) == b"":
        line.sendall(frame(b'{"status":"UP"}'))


def test_the_exchanges_sign_of_life_is_no_data(peer, listening):
    hungry = listening(timing=Timing(0.05, 5.0, 0.01, 0.02, dataless_s=0.3))
    line = peer.accept()
    assert hungry.state()[0]
    with pytest.raises(OSError, match=r"hung up|reset|pipe"):
        up_forever(peer, line)
    assert hungry.state() == (False, "no data for 0 s")


def test_a_frame_that_comes_in_pieces_is_read_whole(peer, listening):
    heard = listening(timing=Timing(ping_s=0.1, silent_s=5.0))
    line = peer.accept()
    raw = frame(trade(7))
    for piece in (raw[:1], raw[1:3], raw[3:20]):
        line.sendall(piece)
        peer.read(line, PING)  # the client went on with its duties and kept the piece
    line.sendall(raw[20:] + frame(trade(8)))
    assert [heard.number(), heard.number()] == [7, 8]


def test_frames_that_tls_has_read_ahead_are_not_left_lying(tmp_path, monkeypatch):
    context, certificate = loopback_tls(tmp_path)
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(certificate))
    peer = Peer(context)
    heard = Heard(peer.url)
    line = peer.accept()
    line.sendall(b"".join(frame(trade(number)) for number in range(50)))  # one TLS record
    assert [heard.number() for _ in range(50)] == list(range(50))
    heard.stream.stop()
    peer.close()


def test_a_list_of_frames_is_read_one_by_one(peer, listening):
    heard = listening()
    peer.accept().sendall(frame(b"[" + trade(1) + b"," + trade(2) + b"]"))
    assert [heard.number(), heard.number()] == [1, 2]


@pytest.mark.parametrize("raw", [b'"text"', b"[]", b"null", b"7", b"[[]]", b"{not json", b'{"type":"trade"}', b"\xff"])
def test_no_nonsense_ends_the_stream(peer, listening, raw):
    heard = listening()
    peer.accept().sendall(frame(raw, BINARY) + frame(trade(3)))
    assert heard.number() == 3


def test_a_bug_in_whoever_is_told_costs_one_connection_not_the_stream(peer, listening, caplog):
    frames: queue.Queue = queue.Queue()
    bugs = [ValueError("a bug")]

    def on_frame(told) -> None:
        if bugs:
            raise bugs.pop()
        frames.put(told)

    heard = listening(on_frame=on_frame)
    peer.accept().sendall(frame(trade(1)))
    assert heard.state()[0]
    assert heard.state() == (False, "ValueError: a bug")
    peer.accept().sendall(frame(trade(2)))
    assert frames.get(timeout=WAIT_S).trade.sequential_id == 2
    assert "a bug" in caplog.text


def test_a_bug_in_whoever_is_told_of_a_loss_does_not_end_the_stream(peer, caplog):
    states: queue.Queue = queue.Queue()
    bugs = [ValueError("a bug")]

    def on_state(up, reason) -> None:
        if not up and bugs:
            raise bugs.pop()
        states.put((up, reason))

    stream = Stream(peer.url, WANTED, on_frame=lambda _: None, on_state=on_state, timing=STEADY)
    stream.start()
    peer.accept().close()
    assert states.get(timeout=WAIT_S) == (True, "connected")
    line = peer.accept()
    peer.read(line, TEXT)
    line.close()
    assert not states.get(timeout=WAIT_S)[0]
    stream.stop()
    assert "a bug" in caplog.text


def test_another_set_of_subscriptions_replaces_the_first_and_outlives_a_drop(peer, listening):
    heard = listening()
    line = peer.accept()
    assert json.loads(peer.read(line, TEXT))[1]["codes"] == ["KRW-BTC"]
    heard.stream.replace_subscriptions(({"type": "orderbook", "codes": ["KRW-ETH"]},))
    changed = json.loads(peer.read(line, TEXT))
    assert [set(one) for one in changed] == [{"ticket"}, {"type", "codes"}, {"format"}]
    assert changed[1] == {"type": "orderbook", "codes": ["KRW-ETH"]}
    line.close()
    assert json.loads(peer.read(peer.accept(), TEXT))[1] == changed[1]


def test_many_changes_in_a_moment_are_one_message(peer, listening):
    heard = listening()
    line = peer.accept()
    peer.read(line, TEXT)
    for number in range(20):
        heard.stream.replace_subscriptions(({"type": "trade", "codes": [f"KRW-{number}"]},))
    assert json.loads(peer.read(line, TEXT))[1]["codes"] == ["KRW-19"]


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        ("401 Unauthorized", b'{"error":{"name":"jwt_verification","message":"x"}}', "HTTP 401 jwt_verification"),
        ("502 Bad Gateway", b"<html>", "HTTP 502 <html>"),
        ("301 Moved", b"", ""),
    ],
)
def test_a_refused_handshake_is_told_without_headers_and_tried_again(peer, listening, status, body, told):
    heard = listening(keys=Keys("access", Secret("secret")))
    head = f"HTTP/1.1 {status}\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    peer.accept(refusal=head + body)
    up, reason = heard.state()
    assert not up
    assert told in reason
    assert "Bearer" not in reason
    assert peer.read(peer.accept(), TEXT)


def test_a_refused_key_waits_as_long_as_we_ever_wait(peer, listening):
    heard = listening(keys=Keys("access", Secret("secret")), timing=Timing(backoff_s=0.0, backoff_max_s=600.0))
    peer.accept().sendall(frame(b'{"error":{"name":"INVALID_AUTH","message":"no"}}'))
    assert heard.state()[0]
    assert heard.state() == (False, "refused by the exchange: INVALID_AUTH no")
    heard.stream.stop()  # out of those ten minutes
    assert not heard.stream._thread.is_alive()


def test_a_418_at_the_handshake_shuts_everything_of_our_address(peer, listening):
    clock = HandClock(speed=1.0)
    limiter = Limiter(clock)
    heard = listening(limiter=limiter)
    body = b"blocked for 90 seconds"
    peer.accept(refusal=f"HTTP/1.1 418 I'm a teapot\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    assert not heard.state()[0]
    with pytest.raises(RateLimited) as caught:
        limiter.acquire("candles", Urgency.MARKET_DATA, timeout_s=1.0)
    assert caught.value.retry_after_s == pytest.approx(90)


def test_nobody_listening_is_told_once_and_a_stop_does_not_wait_for_the_next_try():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    heard = Heard(f"ws://127.0.0.1:{port}/websocket/v1", timing=Timing(backoff_s=600.0, backoff_max_s=600.0))
    up, reason = heard.state()
    assert not up
    assert "Refused" in reason
    heard.stream.stop()
    assert not heard.stream._thread.is_alive()
    assert heard.states.empty()


def test_a_stop_says_goodbye_and_tells_it_last(peer, listening):
    heard = listening()
    line = peer.accept()
    assert heard.state()[0]
    heard.stream.stop()
    assert heard.state() == (False, "stopped")
    assert peer.read(line, 8) == (1000).to_bytes(2, "big")
