"""The line to the exchange when the network is bad: what was sent, what may have been, and what surely was not."""

import socket
import ssl
import threading
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from actors.runtime import ScaledClock
from actors.upbit import line as line_of_ours
from actors.upbit.limits import Limiter, Urgency
from actors.upbit.line import GZIP, Patience, PlainConnection
from actors.upbit.retry import GET_TRIES, Timeouts
from actors.upbit.sign import Keys, Secret
from actors.upbit.transport import Transport
from domain.errors import (
    BadPayload,
    Blocked,
    ConfigError,
    ExchangeError,
    ExchangeUnavailable,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
)
from tests.actors.upbit.hand import SECOND, HandClock, limiter_of
from tests.actors.upbit.peer import loopback_tls
from tests.actors.upbit.raw import EMPTY, RawServer, ask, cancel, hang_up, order, reset, says, then

HASTY = Patience(0.5, 0.5, 10.0)

# --- nothing was sent


def test_an_address_that_is_none_is_refused_at_the_start():
    with pytest.raises(ConfigError, match="address, such as"):
        Transport("api.upbit.com", None, Limiter(ScaledClock(0, 0)))


def test_a_connection_the_exchange_closed_while_it_idled_costs_an_order_nothing(rig):
    server, transport = rig(then(EMPTY, hang_up), says(b'{"uuid":"u"}', "201 Created"))
    assert ask(transport) == []
    assert server.closed.acquire(timeout=10)
    assert order(transport) == {"uuid": "u"}
    assert [call.head.split()[0] for call in server.calls] == [b"GET", b"POST"]


def test_a_request_cut_off_before_its_last_byte_counts_as_not_sent():
    """The client looks whether the line is alive, finds it so, and it dies before the request: only writing tells."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = PlainConnection("127.0.0.1", listener.getsockname()[1])
        connection.connect()
        connection.request("GET", "/")
        assert line_of_ours.written.whole
        connection.close()
        connection.connect()
        listener.accept()[0].close()
        line_of_ours.written.whole = False
        reset(listener.accept()[0])
        with pytest.raises(ConnectionError):
            connection.request("POST", "/v1/orders", body=b"{}", headers={"Content-Length": "2"})
        assert not line_of_ours.written.whole
        connection.close()


def test_an_order_whose_line_dies_before_the_request_is_whole_was_not_sent(rig):
    """The exchange resets while the body is on its way: more of it than any buffer between the two holds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = rig.to(f"http://127.0.0.1:{listener.getsockname()[1]}")

        def cut() -> None:
            line, _ = listener.accept()
            line.recv(1)
            reset(line)

        cutting = threading.Thread(target=cut)
        cutting.start()
        with pytest.raises(ExchangeUnavailable, match="not sent"):
            transport.send("POST", "/v1/orders", {"market": "x" * 50_000_000}, "order")
        cutting.join(10)


@pytest.mark.parametrize("call", [order, cancel])
def test_a_handshake_that_fails_means_not_sent(rig, call, tmp_path):
    context, _ = loopback_tls(tmp_path)  # a certificate nobody vouches for
    server, transport = rig(EMPTY, tls=context)
    with pytest.raises(ExchangeUnavailable, match="SSLError; not sent"):
        call(transport)
    assert server.calls == []


def test_an_exchange_that_takes_no_connection_in_time_means_not_sent(rig):
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        queued = [socket.socket() for _ in range(4)]
        for one in queued:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with pytest.raises(ExchangeUnavailable, match="not sent"):
            order(rig.to(f"http://127.0.0.1:{full.getsockname()[1]}", HASTY))
        for one in queued:
            one.close()


# --- nobody knows

NO_ANSWERS = {
    "reset after the request": reset,
    "closed after the request": hang_up,
    "no answer in time": lambda line: line.recv(1),
    "a body that stops": lambda line: says(b"[", length=10)(line) or line.recv(1),
    "a body cut off": then(says(b"[", length=10), hang_up),
    "a length too short": says(b"[]", length=1),
    "no content": says(b"", "204 No Content"),
    "a redirect": says(b"", "307 Temporary Redirect", "Location: /v1/elsewhere"),
    "an HTML page": says(b"<html>Bad Gateway</html>", "502 Bad Gateway", "Content-Type: text/html"),
    "an HTML page that looks well": says(b"<html>maintenance</html>"),
    "an HTML page that forbids": says(b"<html>blocked</html>", "403 Forbidden"),
    "not HTTP": lambda line: line.sendall(b"220 mail.example ESMTP\r\n\r\n") or hang_up(line),
    "a packed body without its end": says(zlib.compress(b"[]", wbits=GZIP)[:-4], "200 OK", "Content-Encoding: gzip"),
    "a packed body that is none": says(b"[]", "200 OK", "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("act", NO_ANSWERS.values(), ids=NO_ANSWERS)
@pytest.mark.parametrize("call", [order, cancel])
def test_an_order_or_cancel_without_a_readable_answer_is_unknown_and_was_sent_once(rig, call, act):
    server, transport = rig(act, patience=HASTY)
    with pytest.raises(OutcomeUnknown):
        call(transport)
    assert len(server.calls) == 1


@pytest.mark.parametrize("act", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_a_question_without_a_readable_answer_is_asked_again_and_then_given_up(rig, act):
    server, transport = rig(act, EMPTY, patience=HASTY)
    assert ask(transport) == []
    assert len(server.calls) == 2
    server.acts = [act]
    with pytest.raises((ExchangeUnavailable, BadPayload)):
        ask(transport)
    assert len(server.calls) == 2 + GET_TRIES


@pytest.mark.parametrize("status", ["418 I'm a teapot", "429 Too Many Requests"])
def test_a_limit_counts_although_its_text_is_cut_off(rig, status):
    server, transport = rig(then(says(b"blocked for 7", status, "Retry-After: 90000", length=1_000), hang_up))
    for sent in (True, False):
        with pytest.raises(RateLimited) as caught:
            order(transport)
        assert caught.value.sent is sent
        assert caught.value.retry_after_s == pytest.approx(90.0, rel=0.3)  # at a clock 1000 times as fast
    assert len(server.calls) == 1


def test_clients_of_two_pockets_share_a_limiter_and_not_its_blocks(rig):
    server, _ = rig(says(b"for 9 seconds", "418 I'm a teapot"), EMPTY)
    limiter, keys = Limiter(ScaledClock(0, 0)), Keys("a", Secret("s"))
    main, bot = (Transport(server.url, keys, limiter, pocket=pocket) for pocket in ("main", "bot"))
    rig.transports += [main, bot]
    for _ in range(2):
        with pytest.raises(Blocked):
            order(bot)
    assert order(main) == []
    assert len(server.calls) == 2


def test_a_batch_of_cancels_waits_for_the_one_turn_it_has_in_two_seconds(rig):
    clock = HandClock(speed=1.0)
    server, _ = rig(EMPTY)
    transport = Transport(server.url, Keys("a", Secret("s")), limiter_of(clock))
    rig.transports.append(transport)
    began = clock.time
    for _ in range(3):
        transport.send("DELETE", "/v1/orders/open", {}, "order-cancel-all")
    assert clock.time - began >= 4 * SECOND
    assert len(server.calls) == 3


def test_a_turn_that_came_at_the_very_end_still_gets_its_try(rig):
    server, transport = rig(EMPTY, patience=Patience(2.0, 2.0, 0.0))
    assert ask(transport) == []
    assert len(server.calls) == 1


HEADS = some.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 400 No\r\n", b"HTTP/1.1 429 \r\n", b"HTTP/1.1 ", b""])
FIELDS = some.lists(
    some.sampled_from(
        [
            b"Content-Length: 2\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: 1, 2\r\n",
            b"Content-Encoding: gzip\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Remaining-Req: group=order; sec=x\r\n",
            b"Date: \xff\r\n",
            b"no colon\r\n",
            b"\r\n",
        ]
    ),
    max_size=5,
)
BODIES = some.one_of(some.binary(max_size=40), some.sampled_from([b"[]", b"2\r\n[]\r\n0\r\n\r\n", b"\x1f\x8b\x08"]))


def test_whatever_bytes_come_back_an_order_ends_in_an_answer_or_an_error_of_ours(rig):
    said: list[bytes] = []
    server, transport = rig(lambda line: (line.sendall(said[-1]), hang_up(line)))

    @settings(max_examples=150)
    @given(HEADS, FIELDS, BODIES)
    def answers(head: bytes, fields: list[bytes], body: bytes) -> None:
        said.append(head + b"".join(fields) + b"\r\n" + body)
        count = len(server.calls)
        try:
            cancel(transport)
        except ExchangeError as error:
            assert isinstance(error, OutcomeUnknown | RequestRefused | RateLimited)  # noqa: PT017 (one of three)
        assert server.closed.acquire(timeout=10)  # a request to a line that is just closing is lost, and says so
        assert len(server.calls) == count + 1

    answers()


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_an_answer_that_trickles_in_ends_with_the_time_of_the_call(rig, head):
    over = threading.Event()

    def trickle(line: socket.socket) -> None:
        line.sendall(head)
        while not over.wait(0.01):
            line.sendall(b" ")

    server, transport = rig(trickle, patience=Patience(1.0, 1.0, 0.3))
    with pytest.raises(ExchangeUnavailable):
        ask(transport)
    with pytest.raises(OutcomeUnknown, match="takes too long"):
        order(transport)
    over.set()
    assert len(server.calls) <= 3


def test_a_question_ends_within_its_time_even_when_tries_are_left(rig):
    pauses: list[float] = []
    server = RawServer(says(b"", "503 Service Unavailable"))
    rig.servers.append(server)
    limiter = Limiter(ScaledClock(0, 0, 1000.0))
    brief = Timeouts(*[Patience(2.0, 2.0, 0.25)] * 4)
    transport = Transport(server.url, None, limiter, pause=pauses.append, timeouts=brief)
    rig.transports.append(transport)
    with pytest.raises(ExchangeUnavailable):
        transport.get("/v1/ticker", {}, "ticker", Urgency.MARKET_DATA)
    assert (len(server.calls), pauses) == (1, [])  # the first pause is longer than what is left


def test_the_tests_own_tls_is_good_for_those_who_trust_it(tmp_path, rig):
    """Otherwise the failed handshake above would prove nothing."""
    context, certificate = loopback_tls(tmp_path)
    server = RawServer(EMPTY, tls=context)
    rig.servers.append(server)
    trusting = ssl.create_default_context(cafile=str(certificate))
    plain = socket.create_connection(("127.0.0.1", server.port))
    with trusting.wrap_socket(plain, server_hostname="127.0.0.1") as line:
        line.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert line.recv(12) == b"HTTP/1.1 200"
