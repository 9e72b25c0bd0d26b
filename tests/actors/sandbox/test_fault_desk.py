"""The fault desk over the wire: rules are armed, strike and are logged, and a run can be repeated."""

import json

import pytest
import requests

from tests.actors.sandbox.client import name_of

BUY = {"market": "KRW-XRP", "side": "bid", "ord_type": "price", "price": "10000"}
OFFLINE = (403, "market_offline")


def test_only_the_order_a_rule_counts_to_loses_its_answer(start):
    client = start()
    number = client.arm("lose_response", after=1, count=1, market="KRW-XRP")
    assert client.order(**BUY, identifier="one").status_code == 201
    assert client.order(**BUY | {"market": "KRW-BTC"}, identifier="other").status_code == 201
    with pytest.raises(requests.ConnectionError):
        client.order(**BUY, identifier="two")
    assert client.order(**BUY, identifier="three").status_code == 201
    (strike,) = client.strikes()
    assert (strike["sequence"], strike["fault"], strike["rule"]) == (1, "lose_response", number)
    assert strike["hit"] == "POST /v1/orders KRW-XRP bid two"
    assert client.get("/v1/order", {"identifier": "two"}).status_code == 200


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_5xx_after_the_order_was_taken_in(start, status):
    client = start()
    client.arm("error_after", status=status, count=1)
    answer = client.order(**BUY, identifier="hidden")
    assert (answer.status_code, answer.headers["content-type"].startswith("text/html")) == (status, status != 500)
    assert client.get("/v1/order", {"identifier": "hidden"}).status_code == 200


def test_a_gateway_page_in_place_of_an_order_leaves_nothing(start):
    client = start()
    client.arm("bad_gateway", method="POST", path="/v1/orders", status=504)
    answer = client.order(**BUY, identifier="never")
    assert (answer.status_code, answer.headers["content-type"]) == (504, "text/html")
    assert client.get("/v1/order", {"identifier": "never"}).status_code == 404


def test_an_answer_may_come_late_after_the_order_was_worked_on(start):
    client = start()
    client.arm("slow_answer", ms=100)
    socket = client.socket({"type": "myOrder"}, private=True)
    assert client.order(**BUY).json()["state"] == "wait"
    states = [json.loads(socket.recv())["state"] for _ in range(3)]
    assert states == ["wait", "trade", "cancel"]


def test_a_limit_may_strike_that_was_not_reached_with_seconds_of_its_own(start):
    client = start(faults={"retry_after": 1})
    client.arm("limited", path="/v1/accounts", count=1, seconds=3)
    refused = client.get("/v1/accounts")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3")
    assert client.get("/v1/accounts").status_code == 200
    client.arm("blocked", path="/v1/accounts", count=1, seconds=7)
    blocked = client.get("/v1/accounts")
    assert (blocked.status_code, blocked.headers["retry-after"]) == (418, "7")
    assert "7 seconds" in blocked.json()["error"]["message"]
    assert client.get("/v1/orders/open").status_code == 418  # the whole pocket is shut out
    assert client.public("/v1/market/all").status_code == 200


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("expired_key", (401, "expired_access_key")),
        ("wrong_ip", (401, "no_authorization_ip")),
        ("out_of_scope", (403, "out_of_scope")),
    ],
)
def test_a_key_may_be_denied_for_one_path_only(start, fault, expected):
    client = start()
    client.arm(fault, path="/v1/orders/chance", account="main")
    assert name_of(client.get("/v1/orders/chance", {"market": "KRW-XRP"})) == expected
    assert client.get("/v1/accounts").status_code == 200


def test_a_market_may_be_offline_alone_and_for_one_side(start):
    client = start()
    client.arm("market_offline", market="KRW-XRP", side="bid")
    assert name_of(client.order(**BUY)) == OFFLINE
    assert name_of(client.post("/v1/orders/test", BUY)) == OFFLINE
    assert client.order(**BUY | {"market": "KRW-BTC"}).status_code == 201
    assert client.order(market="KRW-XRP", side="ask", ord_type="market", volume="1").status_code == 400


def test_a_named_moment_begins_what_waits_for_it(start):
    client = start()
    number = client.arm("market_offline", moment="night")
    assert client.order(**BUY).status_code == 201
    assert client.moment("noon") == []
    assert client.moment("night") == [number]
    assert name_of(client.order(**BUY)) == OFFLINE


def test_every_call_is_logged_with_its_status_and_our_own_are_not(start):
    client = start()
    client.public("/v1/market/all")
    client.get("/v1/nowhere")
    client.arm("drop_request", count=1)
    with pytest.raises(requests.ConnectionError):
        client.order(**BUY)
    calls = client.requests()
    told = [(call["number"], call["method"], call["path"], call["market"], call["status"]) for call in calls]
    assert told == [
        (1, "GET", "/v1/market/all", "", 200),
        (2, "GET", "/v1/nowhere", "", 404),
        (3, "POST", "/v1/orders", "KRW-XRP", 0),
    ]


def test_the_same_seed_and_the_same_calls_give_the_same_strikes(start, tmp_path):
    scenario = tmp_path / "night.toml"
    scenario.write_text(
        """
        [dials]
        latency = 0.3
        latency_ms = 0

        [[fault]]
        fault = "error_after"
        chance = 0.4

        [[fault]]
        fault = "expired_key"
        path = "/v1/accounts"
        chance = 0.3
        """
    )

    def run(home, seed):
        client = start(home=tmp_path / home, scenario=scenario, seed=seed)
        for number in range(15):
            client.order(**BUY, identifier=f"n{number}")
            client.get("/v1/accounts")
        struck = [(strike["sequence"], strike["fault"], strike["rule"], strike["hit"]) for strike in client.strikes()]
        written = [json.loads(line) for line in (tmp_path / home / "faults.jsonl").read_text().splitlines()]
        assert written == client.strikes()
        start.stop()
        return struck

    first = run("one", 5)
    assert {fault for _, fault, _, _ in first} == {"latency", "error_after", "expired_key"}
    assert first == run("two", 5)
    assert first != run("three", 6)


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("POST", "faults", '{"fault": "typo"}', "there are: accounts_lag"),
        ("POST", "faults", '[{"fault": "warning", "market": "KRW-NO"}]', "there are: KRW-BTC, KRW-XRP"),
        ("POST", "faults", '{"fault": "announcement", "title": "x"', "not JSON"),
        ("POST", "faults", '{"storm": "often"}', "storm='often'"),
        ("POST", "moment", "{}", "name None"),
        ("DELETE", "faults?number=9", "", "number '9'"),
    ],
)
def test_what_the_desk_cannot_do_is_refused_with_400(start, method, path, body, expected):
    client = start()
    answer = client.session.request(method, f"{client.base}/_sandbox/{path}", data=body, timeout=5)
    assert answer.status_code == 400
    assert expected in answer.json()["error"]["message"]


def test_a_list_with_one_wrong_rule_arms_none(start):
    client = start()
    rules = [{"fault": "market_offline"}, {"fault": "typo"}]
    assert client.session.post(client.base + "/_sandbox/faults", json=rules, timeout=5).status_code == 400
    assert client.order(**BUY).status_code == 201


def test_deleting_all_ends_what_lasts_and_turns_every_dial_back(start):
    client = start(faults={"market_offline": 1})
    client.arm("warning")
    client.disarm()
    shown = client.session.get(client.base + "/_sandbox/faults", timeout=5).json()
    assert (shown["market_offline"], shown["rules"]) == (0, [])
    rows = client.public("/v1/market/all", {"is_details": "true"}).json()
    assert not any(row["market_event"]["warning"] for row in rows)
