"""The way to the exchange, and its clock."""

import socket
import threading
from contextlib import suppress

import pytest

from actors.doctor import network
from actors.doctor.examine import Check, Once, examine
from actors.doctor.network import Answered, answer_of
from actors.runtime import wall_clock
from domain.finding import Status
from domain.market import US_PER_S
from tests.actors.upbit.peer import BINARY, TEXT, Peer, frame, loopback_tls

GREEN, YELLOW, RED, GREY = Status.GREEN, Status.YELLOW, Status.RED, Status.GREY


@pytest.fixture
def peer():
    made = Peer()
    yield made
    made.close()


def test_a_server_that_is_not_there_is_red_and_its_clock_unknown(liar):
    liar.close()
    assert network.tcp(liar.url).status is RED
    assert network.websocket_frame(liar.socket, "KRW-BTC").status is RED
    ask = Once(lambda: answer_of(liar.url, wall_clock()))
    assert network.http(ask).status is RED
    (clock,) = examine([Check("clock", lambda: network.clock_skew(ask()))])
    assert clock.status is GREY


def test_a_name_nobody_knows_is_red_and_an_address_needs_none():
    assert network.dns("https://no-such-name.invalid").status is RED
    assert network.dns("https://localhost").status is GREEN
    assert network.dns("https://127.0.0.1").status is GREY


def test_a_maintenance_page_is_red(liar):
    liar.says("/v1/market/all", (503, "<html>maintenance</html>"))
    assert network.http(lambda: answer_of(liar.url, wall_clock())).status is RED


def test_a_certificate_nobody_vouches_for_is_red(tmp_path):
    context, _ = loopback_tls(tmp_path)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        line, _ = listener.accept()
        with suppress(OSError), context.wrap_socket(line, server_side=True):
            pass
        line.close()

    thread = threading.Thread(target=serve)
    thread.start()
    found = network.tls(f"https://127.0.0.1:{listener.getsockname()[1]}")
    thread.join(10)
    listener.close()
    assert found.status is RED
    assert "certificate refused" in found.found


def test_a_port_that_speaks_no_tls_is_red(liar):
    assert network.tls(liar.url.replace("http", "https")).status is RED
    assert network.tls(liar.url).status is GREY


@pytest.mark.parametrize(
    ("frames", "status"),
    [
        ((b'{"type":"ticker","code":"KRW-BTC"}',), GREEN),
        ((b'{"status":"UP"}', b'{"type":"ticker","code":"KRW-BTC"}'), GREEN),
        ((b'{"type":"ticker","code":"KRW-ETH"}',) * network.FRAMES, RED),
        ((b"<html>",), RED),
        ((), RED),
    ],
    ids=["at once", "after another", "another market", "no JSON", "hangs up"],
)
@pytest.mark.parametrize("opcode", [BINARY, TEXT])
def test_a_socket_is_well_when_what_was_asked_for_comes(peer, frames, status, opcode):
    def serve():
        line = peer.accept()
        peer.read(line, TEXT)
        line.sendall(b"".join(frame(each, opcode) for each in frames))
        if not frames:
            line.close()

    thread = threading.Thread(target=serve)
    thread.start()
    assert network.websocket_frame(peer.url, "KRW-BTC").status is status
    thread.join(10)
    assert "origin" not in peer.request.lower()


def test_an_exchange_without_sockets_is_red(liar):
    found = network.websocket_frame(liar.socket, "KRW-BTC")
    assert (found.status, found.found) == (RED, "upgrade refused: HTTP 404")


@pytest.mark.parametrize(
    ("skew_s", "status"), [(0, GREEN), (1, GREEN), (-1, GREEN), (9, YELLOW), (-9, YELLOW), (90, RED), (-90, RED)]
)
def test_a_clock_is_judged_by_what_the_date_proves(liar, skew_s, status):
    liar.skew_s = skew_s
    assert network.clock_skew(answer_of(liar.url, wall_clock())).status is status


@pytest.mark.parametrize("date", ["", "soon", "Tue, 99 Nov 2026 00:00:00 GMT"])
def test_no_date_is_no_time(liar, date):
    liar.date = date
    assert network.clock_skew(answer_of(liar.url, wall_clock())).status is GREY


@pytest.mark.parametrize(
    ("asked_s", "answered_s", "skew_s"), [(0.0, 0.9, 0), (0.99, 1.5, 0), (-5.0, -4.0, 4), (7.0, 8.0, -6), (-60, 60, 0)]
)
def test_a_whole_second_leaves_a_second_open(asked_s, answered_s, skew_s):
    base = 1_790_000_000
    told = Answered(200, "", int((base + asked_s) * US_PER_S), int((base + answered_s) * US_PER_S))
    date = network.parsedate_to_datetime("Mon, 21 Sep 2026 14:13:20 GMT")
    assert int(date.timestamp()) == base
    assert network.skew(date, told) == skew_s
