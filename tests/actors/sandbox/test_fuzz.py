"""Whatever a signed client asks of the private side: an answer with a name, never a crash, and exact books after it."""

import json
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actors.sandbox.client import TIMEOUT, hash_source, token

D = Decimal


def words(text):
    return st.sampled_from(text.split())


NAMES = words(
    "market side ord_type price volume identifier time_in_force smp_type prev_order_uuid prev_order_identifier "
    "new_ord_type new_volume new_price new_identifier new_time_in_force currency amount to from"
)
VALUES = st.one_of(
    words(
        "KRW-XRP bid ask limit price market best ioc fok post_only reduce none remain_only 1000 5000.5 10 0 -1 1e30 "
        "1e-30 1E400 NaN a XRP KRW"
    ),
    st.text(max_size=8),
    st.none(),
    st.booleans(),
    st.integers(),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
NEAR = st.fixed_dictionaries(
    {"market": st.just("KRW-XRP"), "side": words("bid ask"), "ord_type": words("limit price market best")},
    optional={"price": VALUES, "volume": VALUES, "identifier": VALUES, "time_in_force": VALUES, "smp_type": VALUES},
)
ODD = st.sampled_from(["", "[", "[]", "{", "null", "1", "[" * 5_000, '{"a":' * 5_000, '{"identifier":"\\ud800"}'])
BODIES = st.one_of(st.dictionaries(NAMES, VALUES, max_size=8).map(json.dumps), NEAR.map(json.dumps), ODD)
POSTS = words("orders orders/test orders/cancel_and_new pockets/universal_transfers pockets/transfers")
GETS = words(
    "orders/open orders/closed orders/uuids orders/chance order deposits withdraw pockets/api_keys pockets/assets "
    "pockets/universal_transfers accounts"
)
ARGUMENTS = words(
    "market state states limit page order_by start_time end_time uuids identifiers uuid identifier count from"
)
TEXTS = st.text("abcKRW-XP0123456789:T+Z.,", max_size=12)
PARAMS = st.dictionaries(
    ARGUMENTS, st.one_of(TEXTS, st.integers(-5, 10**30), st.lists(st.just("a"), max_size=3)), max_size=4
)


def hashed(body):
    """The text of a body as the exchange hashes it; nothing where it is no object."""
    try:
        fields = json.loads(body, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(fields, dict):
        return ""
    written = {name: _written(value) for name, value in fields.items() if value is not None}
    return "&".join(f"{name}={value}" for name, value in written.items()).encode(errors="replace").decode()


def _written(value):
    return value if isinstance(value, str) else json.dumps(value)


def test_random_signed_requests_are_answered_and_leave_exact_books(start):
    client = start(speed=2_000.0, markets=("KRW-XRP",), faults={})
    client.deposit("XRP", "1000")

    @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
    @given(POSTS, BODIES, GETS, PARAMS)
    def ask(post, body, get, params):
        headers = {"Authorization": token(client.access, client.secret, hashed(body))}
        url = f"{client.base}/v1/{post}"
        answer = client.session.post(url, data=body.encode(), headers=headers, timeout=TIMEOUT)
        assert answer.status_code < 500, (post, body)
        assert answer.status_code != 401, (post, body)  # or the handler would never have seen it
        found = client.get(f"/v1/{get}", params)
        assert found.status_code < 500, (get, params)
        assert found.status_code != 401, (get, params, hash_source(params))

    ask()
    books = client.books()
    for order in books["orders"]:
        assert order["state"] in {"wait", "done", "cancel"}
    krw, xrp = D(10_000_000), D(1_000)
    for fill in books["fills"]:
        sign = 1 if fill["side"] == "buy" else -1
        krw -= sign * D(fill["funds"]) + D(fill["fee"])
        xrp += sign * D(fill["volume"])
    held = {name: D(row["free"]) + D(row["locked"]) for name, row in books["balances"].items()}
    assert (held["KRW"], held["XRP"]) == (krw, xrp)
