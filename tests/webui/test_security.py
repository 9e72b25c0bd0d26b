"""Headers, host names, origins, sessions and tokens, on every route the application has."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from webui.app import create_app, live_of
from webui.engine import EngineClient
from webui.security import COOKIE, HEADERS

HOME = "http://localhost"
OWN = {"Origin": HOME, "Sec-Fetch-Site": "same-origin"}

GETS = ("/", "/api/equity", "/stop", "/resume", "/commands/none", "/static/css/base.css", "/nowhere")
POSTS = ("/stop/choose", "/stop/execute", "/resume/execute", "/preferences")


def token_of(client: FlaskClient) -> str:
    """Open the page; the browser has its cookie from then on."""
    found = re.search(r'"X-CSRF-Token":"(\w+)"', client.get("/").text)
    assert found is not None
    return found[1]


def post(client: FlaskClient, path: str, token: str, **changes: Any) -> TestResponse:
    headers = {**OWN, "X-CSRF-Token": token, **changes}
    return client.post(path, headers={name: value for name, value in headers.items() if value is not None})


def routes(app: Flask) -> Iterator[tuple[str, str]]:
    for rule in app.url_map.iter_rules():
        for method in rule.methods or ():
            yield method, rule.rule


def test_the_tests_below_know_every_route(app: Flask) -> None:
    known = {("GET", path) for path in GETS} | {("POST", path) for path in POSTS}
    known |= {("GET", "/static/<path:filename>"), ("GET", "/commands/<token>"), ("GET", "/ws"), ("POST", "/csp")}
    assert {route for route in routes(app) if route[0] not in {"HEAD", "OPTIONS"}} <= known


@pytest.mark.parametrize("path", [*GETS, *POSTS, "/csp", "/ws"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS"])
def test_every_answer_has_the_headers_whatever_its_status(client: FlaskClient, method: str, path: str) -> None:
    with client.open(path, method=method, headers=OWN) as answer:
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        static = path.startswith("/static/") and answer.status_code == 200
        assert static or answer.headers["Cache-Control"] == "no-store"


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("path", [*GETS, *POSTS, "/csp", "/ws"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "192.168.0.7:8900", "localhost:x", ""])
def test_a_name_that_is_not_this_computer_is_refused_everywhere(client: FlaskClient, path: str, host: str) -> None:
    for method in ("GET", "POST"):
        answer = client.open(path, method=method, headers={**OWN, "Host": host})
        assert answer.status_code in {400, 421}
        assert COOKIE not in answer.headers.get("Set-Cookie", "")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:8900", "localhost:1"])
def test_names_of_this_computer_are_served(client: FlaskClient, host: str) -> None:
    assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", POSTS)
def test_a_post_needs_the_token_of_this_browser(app: Flask, path: str) -> None:
    mine, theirs = app.test_client(), app.test_client()
    token, other = token_of(mine), token_of(theirs)
    for bad in (None, "", "x" * 64, other, token[:-1], "토큰".encode().decode("latin-1")):
        assert post(mine, path, token, **{"X-CSRF-Token": bad}).status_code == 403
    assert post(mine, path, token).status_code in {400, 409}  # past the guard: the form is empty


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1234"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": None, "Sec-Fetch-Site": None},
        {"Origin": "http://evil.example", "Sec-Fetch-Site": None},
    ],
)
def test_a_post_from_another_site_is_refused_even_with_the_token(
    client: FlaskClient, path: str, headers: dict[str, str | None]
) -> None:
    assert post(client, path, token_of(client), **headers).status_code == 403


def test_a_browser_that_does_not_tell_its_site_is_judged_by_its_origin(client: FlaskClient) -> None:
    answer = post(client, "/stop/execute", token_of(client), **{"Sec-Fetch-Site": None})
    assert answer.status_code == 409


@pytest.mark.parametrize("path", ["/api/equity", "/stop", "/resume", "/commands/x"])
def test_without_a_session_there_is_nothing_but_the_page(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 401
    client.set_cookie(COOKIE, "too short")
    assert client.get(path).status_code == 401


def test_the_session_is_out_of_reach_of_scripts_and_other_sites(client: FlaskClient) -> None:
    cookie = client.get("/").headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Set-Cookie" not in client.get("/").headers  # known from then on


def test_a_link_on_another_site_does_not_renew_the_session(client: FlaskClient) -> None:
    token = token_of(client)
    answer = client.get("/", headers={"Sec-Fetch-Site": "cross-site"})
    assert 'http-equiv="refresh"' in answer.text
    assert "Set-Cookie" not in answer.headers
    assert token not in answer.text
    assert post(client, "/stop/execute", token).status_code == 409


def test_the_token_of_an_earlier_process_is_worth_nothing(app: Flask, client: FlaskClient) -> None:
    token = token_of(client)
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    other = create_app(EngineClient(live_of(app).engine.path)).test_client()
    other.set_cookie(COOKIE, cookie.value)
    assert post(other, "/stop/execute", token).status_code == 403


def test_a_large_body_is_refused(client: FlaskClient) -> None:
    headers = {**OWN, "X-CSRF-Token": token_of(client)}
    answer = client.post("/stop/choose", data={"mode": "x" * 70_000}, headers=headers)
    assert answer.status_code == 413


def test_reports_of_blocked_content_need_no_token_but_come_from_here(client: FlaskClient) -> None:
    assert client.post("/csp", data=b"{}", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 204
    assert client.post("/csp", data=b"{}").status_code == 204
    assert client.post("/csp", data=b"{}", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_preferences_are_kept_in_cookies_and_shown(client: FlaskClient) -> None:
    token = token_of(client)
    for field, value, seen in (("lang", "en", '<html lang="en"'), ("palette", "intl", 'data-palette="intl"')):
        answer = client.post("/preferences", data={field: value, "csrf": token}, headers=OWN)
        assert (answer.status_code, answer.location) == (303, "/")
        assert seen in client.get("/").text
    assert client.post("/preferences", data={"lang": "xx", "csrf": token}, headers=OWN).status_code == 400


def test_the_language_follows_the_browser_until_it_is_chosen(client: FlaskClient) -> None:
    assert '<html lang="ko"' in client.get("/").text
    assert '<html lang="en"' in client.get("/", headers={"Accept-Language": "en-GB,en;q=0.8,ko;q=0.5"}).text


def test_an_error_is_a_page_in_the_visitors_language(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers={"Accept-Language": "en"})
    assert answer.status_code == 404
    assert "There is no such address." in answer.text


def test_static_files_may_be_kept_because_their_address_changes(client: FlaskClient) -> None:
    with client.get("/static/css/base.css") as answer:
        assert "max-age=31536000" in answer.headers["Cache-Control"]


def test_when_all_seats_are_taken_the_socket_is_refused_before_it_opens(app: Flask, client: FlaskClient) -> None:
    token_of(client)
    hub = live_of(app).hub
    while hub.join("ko", ()) is not None:
        pass
    answer = client.get("/ws?page=home", headers={**OWN, "Upgrade": "websocket", "Connection": "Upgrade"})
    assert answer.status_code == 503
