"""Whatever is sent, the application answers with a refusal and not with a failure."""

import string
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webui.samples import a_model
from tests.webui.test_security import OWN, POSTS, token_of
from webui.app import create_app, live_of
from webui.engine import EngineClient

TYPES = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json", "text/plain", "")
FIELDS = st.sampled_from(("mode", "token", "phrase", "lang", "palette", "csrf", "x"))


@pytest.fixture(scope="module")
def served() -> Flask:
    app = create_app(EngineClient(Path("nowhere.sock")))
    live_of(app).mirror.replace(a_model())
    return app


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from((*POSTS, "/csp")), body=st.binary(max_size=400), kind=st.sampled_from(TYPES))
def test_random_bodies_never_fail_inside(served: Flask, path: str, body: bytes, kind: str) -> None:
    client = served.test_client()
    headers = {**OWN, "X-CSRF-Token": token_of(client)}
    assert client.post(path, data=body, content_type=kind, headers=headers).status_code < 500


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(POSTS), form=st.dictionaries(FIELDS, st.text(max_size=60), max_size=5))
def test_random_forms_never_fail_inside(served: Flask, path: str, form: dict[str, str]) -> None:
    client = served.test_client()
    headers = {**OWN, "X-CSRF-Token": token_of(client)}
    assert client.post(path, data=form, headers=headers).status_code < 500


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.text(string.printable, max_size=40),
    headers=st.dictionaries(
        st.sampled_from(("Origin", "Sec-Fetch-Site", "Cookie", "Accept-Language", "X-CSRF-Token", "HX-Request")),
        st.text(string.ascii_letters + string.digits + " ,;=-_.:/", max_size=40),
        max_size=4,
    ),
)
def test_random_addresses_and_headers_never_fail_inside(served: Flask, path: str, headers: dict[str, Any]) -> None:
    client = served.test_client()
    for method in ("GET", "POST", "DELETE"):
        with client.open("/" + path.lstrip("/"), method=method, headers=headers) as answer:
            assert answer.status_code < 500
