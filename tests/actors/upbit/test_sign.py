"""Signatures against the vectors of the exchange's reference, computed by an independent implementation."""

import base64
import hashlib
import hmac
import json
from decimal import Decimal as D

import jwt
import msgspec
import pytest

from actors.runtime import ScaledClock
from actors.upbit.limits import Limiter, Urgency
from actors.upbit.order_wire import order_body
from actors.upbit.sign import Keys, Secret, bearer, hashed_text, wire_query
from actors.upbit.transport import Transport
from actors.upbit.wire import dump
from domain.errors import ConfigError
from domain.orders import OrderRequest, OrderType, Side, TimeInForce
from tests.actors.vectors import ACCESS, HASHES, NONCE, SECRET, TOKENS


def claims(token: str) -> dict:
    body = token.removeprefix("Bearer ").split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


@pytest.mark.parametrize(("params", "text", "sha512"), HASHES)
def test_the_hash_is_of_the_unencoded_text_in_the_order_sent(params, text, sha512):
    assert hashed_text(params) == text
    told = claims(bearer(Keys(ACCESS, Secret(SECRET)), params, NONCE))
    assert told == {"access_key": ACCESS, "nonce": NONCE, "query_hash": sha512, "query_hash_alg": "SHA512"}


@pytest.mark.parametrize(("params", "hs256", "hs512"), TOKENS)
def test_tokens_equal_the_reference_to_the_letter(params, hs256, hs512):
    assert bearer(Keys(ACCESS, Secret(SECRET), "HS256"), params, NONCE) == f"Bearer {hs256}"
    assert bearer(Keys(ACCESS, Secret(SECRET)), params, NONCE) == f"Bearer {hs512}"


def test_another_library_verifies_our_token():
    token = bearer(Keys(ACCESS, Secret(SECRET), "HS256"), {"market": "KRW-BTC"}).removeprefix("Bearer ")
    assert jwt.decode(token, SECRET, algorithms=["HS256"])["access_key"] == ACCESS


def test_on_the_wire_the_query_is_encoded_and_brackets_stay():
    sent = wire_query({"states": ["done"], "start_time": "2026-11-20T00:00:00+09:00", "identifier": "a b/c"})
    assert sent == "states[]=done&start_time=2026-11-20T00%3A00%3A00%2B09%3A00&identifier=a%20b%2Fc"


CLOSED = {
    "market": "KRW-BTC",
    "states": ["done", "cancel"],
    "start_time": "2026-11-20T00:00:00+09:00",
    "end_time": "2026-11-21T00:00:00+09:00",
    "limit": 1000,
}


def test_the_wire_text_of_vector_4_is_the_references():
    assert wire_query(CLOSED) == (
        "market=KRW-BTC&states[]=done&states[]=cancel&start_time=2026-11-20T00%3A00%3A00%2B09%3A00"
        "&end_time=2026-11-21T00%3A00%3A00%2B09%3A00&limit=1000"
    )


def test_the_hash_is_not_that_of_the_encoded_text():
    """V4-bad: what the exchange answers with invalid_query_payload."""
    bad = (
        "a63cf64f5bdee0f424715742bf18234d832c6e6caca464972b133580f10735c3e562f3a11075950916b86c29516286963c16bcda"
        "a4668fd4e62393721c6f8e8c"
    )
    assert hashlib.sha512(wire_query(CLOSED).encode()).hexdigest() == bad
    assert claims(bearer(Keys(ACCESS, Secret(SECRET)), CLOSED, NONCE))["query_hash"] != bad


def test_what_is_none_is_neither_sent_nor_hashed():
    assert hashed_text({"market": None, "limit": 5, "is_details": True}) == "limit=5&is_details=true"
    assert "query_hash" not in claims(bearer(Keys(ACCESS, Secret(SECRET)), {"market": None}))


@pytest.mark.parametrize(
    "params",
    [
        CLOSED,
        {"uuids": ["9ca023a5", "b9d3f1c0"]},
        {"pairs": "KRW-BTC,KRW-ETH", "cancel_side": "bid", "count": 20, "order_by": "desc"},
        {"identifier": "grid:KRW-BTC/0001 a"},
        {"identifier": "한글+%2B&=#?", "market": "KRW-BTC"},
    ],
)
def test_what_arrives_says_what_was_hashed(exchange, params):
    """Over real HTTP: whatever a library does to the address on its way, decoded it is the text of the hash."""
    http = Transport(exchange.url, Keys(ACCESS, Secret(SECRET)), Limiter(ScaledClock(0, 0)))
    http.get("/v1/orders/closed", params, "default", Urgency.QUERY, signed=True)
    (sent,) = exchange.requests
    assert "&".join(f"{name}={value}" for name, value in sent.query) == hashed_text(params)
    hashed = hashlib.sha512(hashed_text(params).encode()).hexdigest()
    assert claims(dict(sent.headers)["Authorization"])["query_hash"] == hashed
    http.close()


def test_the_bodies_of_vectors_5_and_6_are_those_of_our_orders():
    limit = OrderRequest(
        "bot1-20261122-000001", "KRW-BTC", Side.BUY, OrderType.LIMIT, D(155_772_000), D("0.0001"),
        time_in_force=TimeInForce.POST_ONLY,
    )  # fmt: skip
    market = OrderRequest("bot1-20261122-000002", "KRW-BTC", Side.BUY, OrderType.MARKET, funds=D(10_000))
    bodies = [(order_body(limit, "none"), HASHES[3]), (order_body(market), HASHES[4])]
    for body, vector in bodies:
        assert dump(body) == msgspec.json.encode(vector.values[0])
        assert hashed_text(body) == vector.values[1]


def test_the_wire_texts_of_the_other_vectors_are_the_references():
    texts = {vector.id: wire_query(vector.values[0]) for vector in HASHES}
    assert texts["V7"] == "pairs=KRW-BTC%2CKRW-ETH&cancel_side=bid&count=20&order_by=desc"
    assert texts["V8"] == "identifier=grid%3AKRW-BTC%2F0001%20a"
    assert all(texts[same] == hashed_text(HASHES[at].values[0]) for same, at in (("V2", 0), ("V3", 1), ("V9", 7)))


def test_every_attempt_has_a_nonce_of_its_own():
    keys = Keys(ACCESS, Secret(SECRET))
    assert claims(bearer(keys))["nonce"] != claims(bearer(keys))["nonce"]


def test_a_secret_shows_itself_to_nobody():
    keys = Keys(ACCESS, Secret(SECRET))
    assert SECRET not in repr(keys)
    assert ACCESS not in repr(keys)
    with pytest.raises(TypeError):
        msgspec.json.encode(keys.secret)


def test_a_key_is_signed_with_as_it_is_never_decoded():
    """Secrets of the exchange look like base64 and are none."""
    token = bearer(Keys(ACCESS, Secret("QUJD")), None, NONCE).removeprefix("Bearer ")
    head, _, signature = token.rpartition(".")
    wanted = hmac.new(b"QUJD", head.encode(), hashlib.sha512).digest()
    assert base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)) == wanted


@pytest.mark.parametrize("given", [("", "s", "HS512"), ("a", "", "HS512"), ("a", "s", "HS384"), ("a", "s", "none")])
def test_a_key_that_cannot_sign_is_refused_when_it_is_made(given):
    access, secret, algorithm = given
    with pytest.raises(ConfigError, match=r"empty|HS256"):
        Keys(access, Secret(secret), algorithm)
