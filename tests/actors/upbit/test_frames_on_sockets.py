"""What a peer may send, over real sockets: fragments, compression, garbage, and sizes nobody wants."""

import json
import socket
import struct
import threading
import zlib

import pytest

from actors.upbit.connection import ABORT, Bell, Connection
from tests.actors.upbit.heard import Heard, trade
from tests.actors.upbit.peer import CLOSE, CONTINUED, PING, PONG, TEXT, Peer, frame, loopback_tls

TAIL = b"\x00\x00\xff\xff"


def test_fragments_with_a_ping_between_them_are_one_message_and_the_ping_is_answered(peer, listening):
    heard = listening()
    line = peer.accept()
    raw = trade(4)
    line.sendall(frame(raw[:9], TEXT, fin=False) + frame(b"are you there", PING))
    assert peer.read(line, PONG) == b"are you there"
    line.sendall(frame(raw[9:30], CONTINUED, fin=False) + frame(raw[30:], CONTINUED))
    assert heard.number() == 4


def test_compression_is_used_both_ways_when_the_server_agrees(peer, listening):
    heard = listening(compress=True)
    line = peer.accept(extensions="permessage-deflate")
    assert "Sec-WebSocket-Extensions: permessage-deflate" in peer.request
    unpacking = zlib.decompressobj(-15)
    asked = json.loads(unpacking.decompress(peer.read(line, TEXT) + TAIL))
    assert asked[1] == {"type": "trade", "codes": ["KRW-BTC"]}
    heard.stream.add("trade", ["KRW-ETH"])
    assert json.loads(unpacking.decompress(peer.read(line, TEXT) + TAIL))[1]["codes"] == ["KRW-BTC", "KRW-ETH"]
    packing = zlib.compressobj(wbits=-15)
    for number in range(3):
        body = (packing.compress(trade(number)) + packing.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)
        line.sendall(frame(body, rsv=4))
    assert [heard.number() for _ in range(3)] == [0, 1, 2]


def test_compression_is_not_used_when_the_server_says_nothing_of_it(peer, listening):
    heard = listening(compress=True)
    line = peer.accept()
    assert json.loads(peer.read(line, TEXT))[1]["type"] == "trade"
    line.sendall(frame(trade(1)))
    assert heard.number() == 1


def test_compression_is_not_offered_unless_it_is_asked_for(peer, listening):
    heard = listening()
    peer.accept()
    assert "extensions" not in peer.request.lower()
    assert "origin" not in peer.request.lower()
    assert heard.state()[0]


def test_an_extension_nobody_offered_costs_the_handshake(peer, listening):
    heard = listening()
    peer.accept(extensions="permessage-deflate")
    up, reason = heard.state()
    assert not up
    assert "did not offer" in reason


@pytest.mark.parametrize(
    ("raw", "code", "why"),
    [
        (bytes([0x82, 0x81, 1, 2, 3, 4, 5]), 1002, "masked"),
        (frame(b"x", rsv=4), 1002, "reserved bits"),
        (frame(b"x", CONTINUED), 1002, "no place"),
        (frame(bytes(126), PING), 1002, "control frame"),
        (b"\x82\x7f" + (9 << 20).to_bytes(8, "big"), 1009, "beyond our limit"),
    ],
)
def test_a_breach_is_told_with_its_code_and_answered_with_a_new_connection(peer, listening, raw, code, why):
    heard = listening()
    line = peer.accept()
    line.sendall(frame(trade(1)) + raw)
    assert heard.number() == 1
    assert heard.state()[0]
    up, reason = heard.state()
    assert not up
    assert why in reason
    assert peer.read(line, CLOSE) == code.to_bytes(2, "big")
    peer.accept().sendall(frame(trade(2)))
    assert heard.number() == 2


def test_a_bomb_of_compressed_zeros_is_refused_and_survived(peer, listening):
    heard = listening(compress=True)
    line = peer.accept(extensions="permessage-deflate")
    packing = zlib.compressobj(wbits=-15)
    bomb = packing.compress(bytes(64 << 20)) + packing.flush(zlib.Z_SYNC_FLUSH)
    line.sendall(frame(bomb.removesuffix(TAIL), rsv=4))
    assert heard.state()[0]
    up, reason = heard.state()
    assert not up
    assert "1009" in reason
    peer.accept().sendall(frame(trade(2)))
    assert heard.number() == 2


def test_a_drop_without_goodbye_is_told_as_one(peer, listening):
    heard = listening()
    line = peer.accept()
    peer.read(line, TEXT)
    line.sendall(frame(trade(1)))
    assert heard.number() == 1
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()
    assert heard.state()[0]
    assert not heard.state()[0]
    line = peer.accept()
    peer.read(line, TEXT)
    line.shutdown(socket.SHUT_WR)
    assert heard.state()[0]
    assert "1006" in heard.state()[1]


def test_a_large_message_that_comes_in_many_pieces_is_read_whole(peer, listening):
    heard = listening()
    line = peer.accept()
    rows = b",".join(trade(number) for number in range(20_000))  # two megabytes: many reads, one message
    line.sendall(frame(b"[" + rows + b"]"))
    assert [heard.number() for _ in range(20_000)] == list(range(20_000))


def test_over_tls_a_large_message_and_what_came_with_the_handshake_are_read_at_once(tmp_path, monkeypatch):
    context, certificate = loopback_tls(tmp_path)
    monkeypatch.setenv("WEBSOCKET_CLIENT_CA_BUNDLE", str(certificate))
    peer = Peer(context)
    heard = Heard(peer.url)
    line = peer.accept(first=frame(trade(0)))  # in the same TLS record as the handshake's answer
    assert heard.number() == 0
    rows = b",".join(trade(number) for number in range(1, 2_000))
    line.sendall(frame(b"[" + rows + b"]"))
    assert [heard.number() for _ in range(1_999)] == list(range(1, 2_000))
    heard.stream.stop()
    peer.close()


def test_a_connection_gives_all_frames_of_one_read_and_none_when_the_bell_rings(peer):
    bell = Bell()
    opened = []

    opener = threading.Thread(
        target=lambda: opened.append(Connection(peer.url, bell, authorization=None, timeout_s=10.0))
    )
    opener.start()
    line = peer.accept(first=frame(b"one") + frame(b"two"))
    opener.join()
    (connection,) = opened
    assert [one.data for one in connection.receive(10.0)] == [b"one", b"two"]
    bell.ring()
    assert connection.receive(10.0) == []
    line.close()
    with pytest.raises(ABORT):
        connection.receive(10.0)
    connection.hang_up()
    bell.close()
