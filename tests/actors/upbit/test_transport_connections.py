"""Kept connections: used again, never shared, never read past an answer; and answers that are packed or endless."""

import json
import socket
import threading
import tracemalloc
import zlib

import pytest

from actors.upbit.limits import Urgency
from actors.upbit.line import ANSWER_MAX, GZIP, IDLE_MAX_S, PlainConnection
from domain.errors import ExchangeUnavailable, OutcomeUnknown
from tests.actors.upbit.raw import EMPTY, ask, cancel, order, says

# --- the connection itself


def test_calls_one_after_the_other_share_a_connection_whoever_makes_them(rig):
    server, transport = rig(EMPTY)
    ask(transport)
    other = threading.Thread(target=order, args=(transport,))
    other.start()
    other.join(10)
    transport.get("/v1/ticker", {}, "ticker", Urgency.MARKET_DATA)
    cancel(transport)
    assert len(server.calls) == 4
    assert len({call.port for call in server.calls}) == 1


def test_a_connection_left_alone_for_long_is_not_used_again():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = PlainConnection("127.0.0.1", listener.getsockname()[1])
        connection.request("GET", "/")
        assert connection.is_connected
        connection._used_at -= IDLE_MAX_S
        assert not connection.is_connected
        connection.close()


def test_a_refusal_and_a_page_of_the_gateway_do_not_cost_the_connection(rig):
    server, transport = rig(says(b"<html>", "502 Bad Gateway"), says(b"no", "429 Too Many Requests"), EMPTY)
    ask(transport)
    assert len(server.calls) == 3
    assert len({call.port for call in server.calls}) == 1


def test_an_answer_nobody_asked_for_is_never_read_as_the_next_one(rig):
    asked, sent = threading.Event(), threading.Event()

    def babble(line: socket.socket) -> None:
        EMPTY(line)
        assert asked.wait(10)
        says(b'{"uuid":"of another"}')(line)
        sent.set()

    server, transport = rig(babble, EMPTY)
    assert ask(transport) == []
    asked.set()
    assert sent.wait(10)
    assert order(transport) == []
    assert len({call.port for call in server.calls}) == 2


def test_an_answer_after_an_interim_word_is_never_read_as_the_next_one(rig):
    def hint(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    server, transport = rig(hint, says(b'{"uuid":"of the first"}', "201 Created"))
    with pytest.raises(OutcomeUnknown):
        order(transport)
    order(transport)
    assert len({call.port for call in server.calls}) == 2


def test_a_connection_in_use_is_not_shared(rig):
    arrived, release = threading.Semaphore(0), threading.Event()

    def wait(line: socket.socket) -> None:
        arrived.release()
        assert release.wait(10)
        EMPTY(line)

    server, transport = rig(wait)
    threads = [threading.Thread(target=ask, args=(transport,)) for _ in range(3)]
    for thread in threads:
        thread.start()
        assert arrived.acquire(timeout=10)
    release.set()
    for thread in threads:
        thread.join(10)
    assert len({call.port for call in server.calls}) == 3


@pytest.mark.parametrize("call", [ask, order, cancel])
def test_each_header_goes_out_once(rig, call):
    server, transport = rig(says(b"[]", "200 OK", "Set-Cookie: spy=1"))
    call(transport)
    call(transport)
    for sent in server.calls:
        names = [line.partition(b":")[0].lower() for line in sent.head.split(b"\r\n")[1:]]
        assert len(names) == len(set(names))
        assert not {b"origin", b"cookie", b"referer"} & set(names)
        assert b"authorization" in names


# --- packed answers


def test_a_gzip_bomb_is_refused_before_it_fills_the_memory(rig):
    packer = zlib.compressobj(wbits=GZIP)
    bomb = b"".join(packer.compress(bytes(1_048_576)) for _ in range(3 * ANSWER_MAX >> 20)) + packer.flush()
    assert len(bomb) * 100 < ANSWER_MAX
    _, transport = rig(says(bomb, "200 OK", "Content-Encoding: gzip"))
    tracemalloc.start()
    try:
        with pytest.raises(ExchangeUnavailable, match="more than"):
            transport.get("/v1/ticker", {}, "ticker", Urgency.MARKET_DATA)
        assert tracemalloc.get_traced_memory()[1] < 2 * ANSWER_MAX
    finally:
        tracemalloc.stop()


def test_a_long_packed_answer_is_read_whole(rig):
    rows = json.dumps([{"n": n} for n in range(50_000)]).encode()
    _, transport = rig(says(zlib.compress(rows, wbits=GZIP), "200 OK", "Content-Encoding: gzip"))
    assert len(transport.get("/v1/ticker", {}, "ticker", Urgency.MARKET_DATA)) == 50_000


def test_an_answer_in_pieces_is_read_whole(rig):
    def pieces(line: socket.socket) -> None:
        line.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n3\r\n,2]\r\n0\r\n\r\n")

    server, transport = rig(pieces)
    assert ask(transport) == ask(transport) == [1, 2]
    assert len({call.port for call in server.calls}) == 1
