"""Signed requests: the vectors of upbit-api.md 11.1, and each way to fail with its own name."""

import hashlib
import json
import uuid

import pytest

from actors.sandbox.accounts import Key, Pocket
from actors.sandbox.answers import Refused, Request
from actors.sandbox.auth import Gatekeeper, hashed_text
from actors.sandbox.choices import Choices
from actors.sandbox.faults import Faults
from tests.actors.sandbox.client import hash_source, token, wire_query
from tests.actors.vectors import ACCESS, HASHES, SECRET, TOKENS


@pytest.mark.parametrize(("params", "hs256", "hs512"), TOKENS)
def test_the_published_tokens_pass(params, hs256, hs512):
    for text in (hs256, hs512):
        a_keeper().check(f"Bearer {text}", hash_source(params or {}), Faults())


@pytest.mark.parametrize(("params", "text", "digest"), HASHES)
def test_the_text_that_is_hashed_is_that_of_the_published_vectors(params, text, digest):
    asked = [Request("GET", "/v1/orders", wire_query(params), {})]
    if all(isinstance(value, str) for value in params.values()):
        asked.append(Request("POST", "/v1/orders", "", {}, json.dumps(params).encode()))
    assert {hashed_text(request) for request in asked} == {text}
    assert hashlib.sha512(text.encode()).hexdigest() == digest


def test_a_hash_of_the_encoded_text_is_refused():
    (closed,) = (vector.values[0] for vector in HASHES if vector.id == "V4")
    encoded = wire_query(closed)
    assert hashlib.sha512(encoded.encode()).hexdigest().startswith("a63cf64f5bdee0f424715742bf18234d")
    assert refused(token(ACCESS, SECRET, encoded), hash_source(closed)) == (401, "invalid_query_payload")


def a_keeper(choices=None, now=0, **key):
    made = Key("test", ACCESS, SECRET, 0, 1_000, **{"permissions": ("view_account",)} | key)
    pocket = Pocket("main", "uuid", "member", "main", {}, (made,))
    return Gatekeeper((pocket,), lambda: choices or Choices(), lambda: now)


def refused(header, hashed="", faults=None, keeper=None):
    with pytest.raises(Refused) as caught:
        (keeper or a_keeper()).check(header, hashed, faults or Faults())
    return caught.value.status, caught.value.name


def test_each_failure_has_its_own_name():
    good = token(ACCESS, SECRET)
    assert refused(None) == (401, "no_authorization_token")
    assert refused("Basic abc") == (401, "no_authorization_token")
    assert refused("Bearer abc") == (401, "jwt_verification")
    assert refused("Bearer a.b.c") == (401, "jwt_verification")
    assert refused(good[:-4] + "AAAA") == (401, "jwt_verification")
    assert refused(token(ACCESS, "another secret")) == (401, "jwt_verification")
    assert refused(token(ACCESS, SECRET, alg="none")) == (401, "jwt_verification")
    assert refused(token("nobody", SECRET)) == (401, "invalid_access_key")
    assert refused(token(ACCESS, SECRET, claims={"nonce": None})) == (401, "jwt_verification")
    assert refused(good, "market=KRW-BTC") == (401, "invalid_query_payload")
    assert refused(token(ACCESS, SECRET, "a=1"), "a=2") == (401, "invalid_query_payload")
    assert refused(token(ACCESS, SECRET, "a=1"), "") == (401, "invalid_query_payload")
    assert refused(good, faults=Faults(expired_key=1)) == (401, "expired_access_key")
    assert refused(good, faults=Faults(wrong_ip=1)) == (401, "no_authorization_ip")
    assert refused(good, faults=Faults(out_of_scope=1)) == (403, "out_of_scope")


def test_a_nonce_is_good_once_even_for_another_request():
    keeper, nonce = a_keeper(), str(uuid.uuid4())
    keeper.check(token(ACCESS, SECRET, nonce=nonce), "", Faults())
    again = token(ACCESS, SECRET, "a=1", nonce=nonce)
    assert refused(again, "a=1", keeper=keeper) == (401, "nonce_used")


def test_a_bad_signature_does_not_use_the_nonce_up():
    keeper, nonce = a_keeper(), str(uuid.uuid4())
    refused(token(ACCESS, "another secret", nonce=nonce), keeper=keeper)
    keeper.check(token(ACCESS, SECRET, nonce=nonce), "", Faults())


def test_a_key_expires_by_the_exchanges_clock():
    a_keeper(now=999).check(token(ACCESS, SECRET), "", Faults())
    assert refused(token(ACCESS, SECRET), keeper=a_keeper(now=1_000)) == (401, "expired_access_key")


def test_a_key_is_good_from_its_own_addresses_only():
    keeper = a_keeper(allowed_ips=("127.0.0.2",))
    caller = keeper.check(token(ACCESS, SECRET), "", Faults(), "127.0.0.2")
    assert caller.pocket.name == "main"
    assert refused(token(ACCESS, SECRET), keeper=keeper) == (401, "no_authorization_ip")
    older = a_keeper(Choices(ip_error="no_authorization_i_p"), allowed_ips=("127.0.0.2",))
    assert refused(token(ACCESS, SECRET), keeper=older) == (401, "no_authorization_i_p")


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_key_may_do_only_what_it_permits(status):
    keeper = a_keeper(Choices(scope_status=status))
    caller = keeper.check(token(ACCESS, SECRET), "", Faults())
    keeper.check_scope(caller, "view_account")
    keeper.check_scope(caller, "")
    with pytest.raises(Refused) as caught:
        keeper.check_scope(caller, "make_orders")
    assert (caught.value.status, caught.value.name) == (int(status), "out_of_scope")


def test_over_the_wire_a_failure_is_a_401_with_a_name(start):
    client = start()
    answer = client.session.get(client.base + "/v1/accounts", timeout=5)
    assert (answer.status_code, answer.json()["error"]["name"]) == (401, "no_authorization_token")
    params = {"market": "KRW-BTC", "start_time": "2026-01-02T00:00:00+09:00"}
    assert client.get("/v1/orders/closed", params).status_code == 200
    encoded = token(client.access, client.secret, wire_query(params))
    url = client.base + "/v1/orders/closed?" + wire_query(params)
    answer = client.session.get(url, headers={"Authorization": encoded}, timeout=5)
    assert answer.json()["error"]["name"] == "invalid_query_payload"
    good = token(client.access, client.secret, hash_source(params), alg="HS256")
    assert client.session.get(url, headers={"Authorization": good}, timeout=5).status_code == 200


def test_a_delete_with_a_body_is_refused(start):
    client = start()
    header = {"Authorization": token(client.access, client.secret, "uuid=1")}
    answer = client.session.delete(client.base + "/v1/order", json={"uuid": "1"}, headers=header, timeout=5)
    assert (answer.status_code, answer.json()["error"]["name"]) == (400, "QUERY_PARAMETER_NOT_SUPPORTED")


def test_key_pair_and_expiry_are_told(start):
    client = start()
    (row,) = client.get("/v1/api_keys").json()
    assert row["access_key"] == client.access
    assert len(client.access) == len(client.secret) == 40
    assert row["expire_at"] == "2027-01-03T09:00:00+09:00"
