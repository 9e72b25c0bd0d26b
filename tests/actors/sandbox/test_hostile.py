"""Random and hostile requests: no crash, no hang, no 500, and the sandbox still does its work afterwards."""

import json
import resource

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.sandbox.rules import KINDS
from tests.actors.sandbox.client import hash_source, message, token, wire_query
from tests.actors.sandbox.raw import Raw, masked

PATHS = (
    "/v1/market/all",
    "/v1/candles/minutes/5",
    "/v1/candles/days",
    "/v1/trades/ticks",
    "/v1/ticker",
    "/v1/ticker/all",
    "/v1/orderbook",
    "/v1/orderbook/instruments",
    "/v1/accounts",
    "/v1/api_keys",
    "/v1/orders/chance",
    "/v1/orders",
    "/v1/orders/test",
    "/v1/order",
    "/v1/orders/uuids",
    "/v1/orders/open",
    "/v1/orders/closed",
    "/_sandbox/faults",
    "/_sandbox/faults/log",
    "/_sandbox/moment",
    "/_sandbox/requests",
)
NAMES = (
    *("market", "markets", "to", "count", "cursor", "days_ago", "level", "quote_currencies", "is_details"),
    *("uuid", "identifier", "uuids", "states", "state", "page", "limit", "order_by", "start_time", "end_time"),
    *("pairs", "excluded_pairs", "cancel_side", "side", "ord_type", "price", "volume", "time_in_force", "smp_type"),
    *("number", "fault", "name", "converting_price_unit"),
)
GOOD = ("KRW-BTC", "KRW-XRP", "krw-btc", "bid", "ask", "limit", "price", "market", "best", "ioc", "wait", "done")
ODD = ("", "0", "-1", "1e999", "NaN", "9" * 400, "0x10", "\0", "✓", "2026-01-01T00:00:00", "99999999999999999", "%")
QUICK = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)

values = st.sampled_from(GOOD + ODD) | st.text(max_size=12)
params = st.dictionaries(st.sampled_from(NAMES), values | st.lists(values, max_size=3), max_size=6)
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | values,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | st.text(), inner, max_size=4),
    max_leaves=8,
)
numbers = st.sampled_from(("5000", "0.1", "1e4", "600", "3000.5", "1000000000")) | values
orders = st.fixed_dictionaries(
    {
        "market": st.sampled_from(("KRW-XRP", "KRW-BTC", "krw-xrp", "KRW-NO")),
        "side": st.sampled_from(("bid", "ask")),
        "ord_type": st.sampled_from(("limit", "price", "market", "best")),
    },
    optional={
        "price": numbers,
        "volume": numbers,
        "time_in_force": st.sampled_from(("ioc", "fok", "post_only")),
        "smp_type": st.sampled_from(("cancel_maker", "reduce", "none")) | values,
        "identifier": values,
    },
)
faults = st.fixed_dictionaries(
    {"fault": st.sampled_from(sorted(KINDS - {"ws_half_open", "latency", "slow_answer", "drop_request"}))},
    optional={name: numbers | st.integers() for name in ("chance", "count", "seconds", "ms", "factor", "at", "for_s")}
    | {"path": st.just("/never"), "market": st.just("KRW-XRP"), "flag": values, "date": values, "title": values},
)


@pytest.fixture
def client(start):
    """A sandbox whose limits are far away: its time passes quickly."""
    return start(speed=3_000.0, markets=("KRW-XRP", "KRW-BTC"), days=20)


def fine(answer):
    """An answer that is a plain yes or no."""
    assert answer.status_code < 500, (answer.request.method, answer.request.url, answer.request.body, answer.text)
    if answer.content and answer.headers["content-type"].startswith("application/json"):
        json.loads(answer.content)


def alive(client):
    """It still answers, and its books still add up to plain numbers."""
    assert client.public("/v1/market/all").status_code in {200, 429, 418}
    assert client.status()["markets"] == ["KRW-XRP", "KRW-BTC"]


def test_random_signed_questions_are_answered_with_a_plain_yes_or_no(client):
    @given(st.sampled_from(("GET", "DELETE", "POST", "PUT")), st.sampled_from(PATHS), params)
    @QUICK
    def ask(method, path, fields):
        flat = {name: value if isinstance(value, str) else list(value) for name, value in fields.items()}
        auth = token(client.access, client.secret, hash_source(flat).encode("utf-8", "replace").decode())
        query = "?" + wire_query(flat) if flat else ""
        answer = client.session.request(method, client.base + path + query, headers={"Authorization": auth}, timeout=10)
        fine(answer)

    ask()
    client.disarm()
    alive(client)


def test_random_orders_are_answered_with_a_plain_yes_or_no(client):
    @given(st.sampled_from(("/v1/orders", "/v1/orders/test")), orders | jsons)
    @QUICK
    def post(path, body):
        fields = {name: value for name, value in body.items() if value is not None} if isinstance(body, dict) else {}
        source = "&".join(
            f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in fields.items()
        )
        auth = token(client.access, client.secret, source.encode("utf-8", "replace").decode())
        headers = {"Authorization": auth, "Content-Type": "application/json"}
        fine(client.session.post(client.base + path, data=json.dumps(body), headers=headers, timeout=10))

    post()
    alive(client)


def test_random_faults_are_armed_or_refused_with_a_reason(client):
    @given(st.sampled_from(("/_sandbox/faults", "/_sandbox/moment")), faults | jsons)
    @QUICK
    def post(path, body):
        answer = client.session.post(client.base + path, data=json.dumps(body), timeout=10)
        assert answer.status_code in {200, 400}
        assert b"internal_server_error" not in client.public("/v1/market/all").content

    post()
    client.disarm()
    alive(client)


def test_random_tokens_are_refused_by_name(client):
    @given(st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
    @QUICK
    def knock(noise):
        value = "Bearer " + noise.decode("latin-1").translate(dict.fromkeys((*range(32), 127), ".")).strip()
        answer = client.session.get(
            client.base + "/v1/accounts", headers={"Authorization": value.encode("latin-1")}, timeout=10
        )
        assert answer.status_code == 401, value

    knock()
    alive(client)


def test_random_bytes_and_broken_requests_end_in_an_answer_or_a_closed_connection(client):
    good = b"GET /v1/ticker?markets=KRW-XRP HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc"

    @given(st.binary(max_size=80), st.integers(0, len(good)), st.integers(0, len(good)))
    @QUICK
    def send(noise, cut, again):
        with Raw(client.base) as raw:
            raw.send(good[:cut] + noise + good[again:])
            raw.line.shutdown(1)
            found = raw.rest()
        assert b"HTTP/1.1 5" not in found.replace(b"HTTP/1.1 505", b"")

    send()
    alive(client)


def test_random_frames_end_in_an_answer_or_a_closed_socket(client):
    frames = st.builds(
        masked,
        st.binary(max_size=200) | st.sampled_from((b"PING", b"[]", b'[{"ticket":"t"},{"type":"ticker"}]')),
        st.integers(0, 15),
        final=st.booleans(),
        mask=st.sampled_from((None, b"\0\0\0\0", b"\x01\x02\x03\x04")),
        reserved=st.sampled_from((0, 0, 0, 1, 4)),
    )

    @given(st.sampled_from(("/websocket/v1", "/websocket/v1/private")), st.lists(frames, max_size=6), st.integers(0, 9))
    @QUICK
    def send(path, sent, cut):
        with Raw(client.base) as raw:
            head = raw.upgrade(path)
            assert head[:12] in {b"HTTP/1.1 101", b"HTTP/1.1 429", b"HTTP/1.1 418"}
            data = b"".join(sent)
            try:
                raw.send(data[: len(data) - cut])
                raw.line.shutdown(1)
            except ConnectionError:
                return
            raw.rest()

    send()
    alive(client)


def test_random_requests_on_a_socket_give_an_error_frame_or_what_was_asked_for(client):
    part = st.dictionaries(
        st.sampled_from(("ticket", "type", "codes", "level", "format", "method", "is_only_snapshot")),
        st.sampled_from(("t", "ticker", "orderbook", "candle.1m", "DEFAULT", "SIMPLE_LIST", "LIST_SUBSCRIPTIONS"))
        | st.lists(st.sampled_from(("KRW-BTC", "KRW-XRP.5", "x", 3)), max_size=3)
        | jsons,
        max_size=4,
    )

    @given(st.lists(part, max_size=4) | jsons)
    @QUICK
    def ask(request):
        socket = client.socket()
        socket.send(json.dumps(request))
        socket.send('[{"ticket":"end"},{"method":"LIST_SUBSCRIPTIONS"},{"format":"DEFAULT"}]')
        told = message(socket)
        while not (isinstance(told, dict) and ("error" in told or told.get("ticket") == "end")):
            told = message(socket)
        client.close_last()

    ask()
    alive(client)


def test_memory_stays_bounded_under_hostile_input(start):
    client = start()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(40):
        with Raw(client.base) as raw:
            raw.send(b"POST /v1/orders HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n" + b"x" * (1 << 18))
            raw.rest()
    for _ in range(5):
        with Raw(client.base) as raw:
            raw.upgrade()
            try:
                for _ in range(64):
                    raw.send(masked(b"x" * (1 << 16), opcode=1, final=False))
            except ConnectionError:
                continue
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 64 << 10
