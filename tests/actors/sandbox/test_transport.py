"""HTTP as the exchange's gateway speaks it: kept connections, headers said once, methods, sizes, patience."""

import gzip
import json

import pytest

from tests.actors.sandbox.client import hash_source, token
from tests.actors.sandbox.raw import Raw

GET = b"GET /v1/market/all HTTP/1.1\r\nHost: sandbox\r\n"
BUY = {"market": "KRW-XRP", "side": "bid", "ord_type": "price", "price": "10000"}


def answer(raw, *, bodiless=False):
    """Status, headers and body of the next answer."""
    lines = raw.head().decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    body = b"" if bodiless else raw.exactly(int(headers["content-length"]))
    return int(lines[0].split()[1]), headers, body


def test_a_connection_is_kept_and_requests_on_it_are_answered_in_order(start):
    with Raw(start().base) as raw:
        raw.send((GET + b"\r\n") * 3)
        assert [answer(raw)[1]["remaining-req"][-5:] for _ in range(3)] == ["sec=9", "sec=8", "sec=7"]
        raw.send(GET + b"Connection: close\r\n\r\n")
        assert answer(raw)[0] == 200
        assert raw.rest() == b""


def test_header_names_are_told_in_lower_case(start):
    with Raw(start().base) as raw:
        raw.send(GET + b"\r\n")
        names = [line.split(b":")[0] for line in raw.head().split(b"\r\n")[1:] if line]
        assert names == [name.lower() for name in names]
        assert {b"date", b"cache-control", b"content-type", b"remaining-req", b"limit-by-ip"} <= set(names)


def test_only_the_quotation_side_is_packed_and_only_when_it_is_asked_to(start):
    client = start()
    for path, accepts, packed in (
        ("/v1/orderbook?markets=KRW-BTC", b"gzip, deflate", True),
        ("/v1/orderbook?markets=KRW-BTC", b"identity", False),
        ("/v1/orders/chance?market=KRW-BTC", b"gzip", False),
    ):
        with Raw(client.base) as raw:
            auth = token(client.access, client.secret, "market=KRW-BTC")
            head = f"GET {path} HTTP/1.1\r\nHost: sandbox\r\nAuthorization: {auth}\r\nAccept-Encoding: "
            raw.send(head.encode() + accepts + b"\r\n\r\n")
            status, headers, body = answer(raw)
            assert (status, "content-encoding" in headers) == (200, packed)
            assert json.loads(gzip.decompress(body) if packed else body)


@pytest.mark.parametrize("name", ["Content-Type", "Authorization", "Accept", "Origin"])
def test_a_header_said_twice_is_refused(start, name):
    client = start()
    with Raw(client.base) as raw:
        raw.send(GET + f"{name}: application/json\r\n{name}: application/json\r\n\r\n".encode())
        status, headers, body = answer(raw)
        assert status == 400
        assert name.lower() in json.loads(body)["error"]["message"]
        assert "remaining-req" not in headers


def test_a_doubled_content_type_does_not_reach_the_order_desk(start):
    client = start()
    auth = token(client.access, client.secret, hash_source(BUY))
    body = json.dumps(BUY).encode()
    with Raw(client.base) as raw:
        raw.send(
            f"POST /v1/orders HTTP/1.1\r\nHost: sandbox\r\nAuthorization: {auth}\r\nContent-Length: {len(body)}\r\n"
            "Content-Type: application/json\r\nContent-Type: application/json; charset=utf-8\r\n\r\n".encode()
            + body
        )
        assert answer(raw)[0] == 400
    assert client.books()["orders"] == []


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "PATCH", "TRACE", "DELETE", "POST", "NONSENSE", "CONNECT"])
def test_a_method_that_a_path_does_not_have_is_no_route(start, method):
    with Raw(start().base) as raw:
        raw.send(method.encode() + GET[3:] + b"\r\n")
        status, headers, body = answer(raw)
        assert (status, json.loads(body)["error"]["name"]) == (404, "not_found")
        assert json.loads(body)["error"]["message"] == "no Route matched with those values"
        assert "remaining-req" not in headers


def test_slashes_in_a_row_are_one(start):
    client = start()
    assert client.public("//v1//ticker", {"markets": "KRW-XRP"}).status_code == 200
    assert client.get("//v1/deposits").json() == []


def test_a_head_is_answered_without_a_body(start):
    with Raw(start().base) as raw:
        raw.send(b"HEAD" + GET[3:] + b"\r\n" + GET + b"\r\n")
        assert answer(raw, bodiless=True)[0] == 404
        assert answer(raw)[0] == 200


def test_a_body_that_is_too_large_is_refused_before_it_is_all_there(start):
    with Raw(start().base) as raw:
        raw.send(b"POST /v1/orders HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 1000000000\r\n\r\n")
        raw.send(b"x" * (1 << 17))
        assert answer(raw)[0] == 413
        assert raw.rest() == b""


def test_a_head_without_end_is_refused(start):
    client = start()
    with Raw(client.base) as raw:
        raw.send(GET + b"X: " + b"x" * (1 << 17))
        assert raw.head().startswith(b"HTTP/1.1 431 ")
    assert client.public("/v1/market/all").status_code == 200


@pytest.mark.parametrize("text", [b"nonsense\r\n\r\n", GET + b"Content-Length: x\r\n\r\n", b"\0"])
def test_what_is_no_http_is_a_bad_request_or_the_end(start, text):
    client = start()
    with Raw(client.base) as raw:
        raw.send(text)
        raw.line.shutdown(1)
        found = raw.rest()
        assert found == b"" or found.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 505 "))
    assert client.public("/v1/market/all").status_code == 200


def test_a_client_that_never_ends_its_request_is_not_waited_for(start):
    client = start(idle_s=0.5)
    with Raw(client.base) as dribbling, Raw(client.base) as cut:
        cut.send(b"POST /v1/orders HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 100\r\n\r\nhalf")
        sent = 0
        dribbling.line.settimeout(0.05)
        while sent < 200:
            try:
                dribbling.send(b"G")
                assert dribbling.line.recv(1) == b""
                break
            except TimeoutError:
                sent += 1
            except ConnectionError:
                break
        assert sent < 200
        assert cut.rest() == b""
    assert client.public("/v1/market/all").status_code == 200


def test_a_client_that_does_not_read_its_answer_is_not_waited_for(start):
    client = start(idle_s=0.5, speed=3_000.0, days=20)
    with Raw(client.base, buffer=4_096) as raw:
        raw.send((GET.replace(b"market/all", b"candles/minutes/1?market=KRW-BTC&count=200") + b"\r\n") * 400)
        with pytest.raises(ConnectionError):
            keep_sending(raw, client)  # the sandbox hangs up while there is more to tell
    assert client.public("/v1/market/all").status_code == 200


def keep_sending(raw, client):
    for _ in range(5_000):
        raw.send(b"\r\n")
        assert client.status()["sockets"] == 0
