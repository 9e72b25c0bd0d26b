"""Every fault strikes when it is switched on, and what it leaves behind is what its name says."""

import time

import pytest
import requests
import websocket

from actors.sandbox.faults import Faults, Mischief, parse_faults
from actors.sandbox.rules import Subject
from domain.errors import ConfigError
from tests.actors.sandbox.client import drain, message

BUY = {"market": "KRW-XRP", "side": "bid", "ord_type": "price", "price": "10000"}


def test_faults_are_written_as_names_and_numbers():
    assert parse_faults("lose_response=0.05, latency_ms=900") == Faults(lose_response=0.05, latency_ms=900)
    assert parse_faults("") == Faults()
    for wrong, expected in (
        ("typo=1", "no fault"),
        ("storm", "NAME=NUMBER"),
        ("storm=2", "chance"),
        ("storm=-1", "chance"),
    ):
        with pytest.raises(ConfigError, match=expected):
            parse_faults(wrong)


def test_a_dial_strikes_with_its_chance_and_only_at_its_target():
    mischief = Mischief(Faults(lose_response=0.3, latency=0), 7)
    order, question = Subject("order", "POST", "/v1/orders"), Subject("question", "GET", "/v1/accounts")
    struck = [mischief.strike("lose_response", order, 0) for _ in range(200)]
    assert 30 < sum(one is not None for one in struck) < 90
    assert not any(mischief.strike("lose_response", question, 0) for _ in range(200))
    assert not any(mischief.strike("latency", order, 0) for _ in range(200))


def test_a_lost_response_belongs_to_an_order_that_exists(start):
    client = start(faults={"lose_response": 1})
    with pytest.raises(requests.ConnectionError):
        client.order(**BUY, identifier="lost")
    assert client.get("/v1/order", {"identifier": "lost"}).json()["state"] == "cancel"
    assert len(client.books()["fills"]) == 1


def test_a_dropped_request_leaves_nothing_and_its_identifier_free(start):
    client = start(faults={"drop_request": 1})
    with pytest.raises(requests.ConnectionError):
        client.order(**BUY, identifier="never")
    assert client.get("/v1/order", {"identifier": "never"}).status_code == 404
    client.faults(drop_request=0)
    assert client.order(**BUY, identifier="never").status_code == 201


def test_a_500_after_execution_hides_an_order_that_exists(start):
    client = start(faults={"error_after": 1})
    answer = client.order(**BUY, identifier="hidden")
    assert (answer.status_code, answer.json()["error"]["name"]) == (500, "internal_server_error")
    assert client.get("/v1/order", {"identifier": "hidden"}).status_code == 200


def test_a_bad_gateway_answers_a_get_with_a_page(start):
    client = start(faults={"bad_gateway": 1})
    answer = client.get("/v1/accounts")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html")
    assert client.order(**BUY).status_code == 201


def test_latency_holds_an_answer_back(start):
    client = start(faults={"latency": 1, "latency_ms": 150})
    began = time.monotonic()
    assert client.public("/v1/market/all").status_code == 200
    assert time.monotonic() - began >= 0.15


def test_a_storm_refuses_everything_while_it_lasts(start):
    client = start(faults={"storm": 1, "storm_ms": 1000})
    assert client.public("/v1/market/all").status_code == 429
    client.faults(storm=0)
    assert client.get("/v1/accounts").status_code == 429


def test_maintenance_refuses_orders_with_403(start):
    client = start(faults={"market_offline": 1})
    answer = client.order(**BUY)
    assert (answer.status_code, answer.json()["error"]["name"]) == (403, "market_offline")
    assert client.post("/v1/orders/test", BUY).status_code == 403
    client.faults(market_offline=0)
    assert client.order(**BUY).status_code == 201


def test_a_new_order_may_be_invisible_for_a_while(start):
    client = start(faults={"order_lag_ms": 60_000})
    uuid = client.order(**BUY).json()["uuid"]
    assert client.get("/v1/order", {"uuid": uuid}).status_code == 404
    client.faults(order_lag_ms=0)
    assert client.get("/v1/order", {"uuid": uuid}).status_code == 200


def test_accounts_may_lag_behind_the_fills(start):
    client = start(faults={"accounts_lag_ms": 60_000})
    client.order(**BUY)
    (row,) = client.get("/v1/accounts").json()
    assert row["balance"] == "10000000"
    client.faults(accounts_lag_ms=0)
    assert {row["currency"] for row in client.get("/v1/accounts").json()} == {"KRW", "XRP"}


def private(client):
    return client.socket({"type": "myOrder"}, private=True)


def test_a_private_event_may_be_doubled(start):
    client = start(faults={"duplicate_event": 1})
    socket = private(client)
    client.order(**BUY)
    told = [message(socket) for _ in range(6)]
    assert [event["state"] for event in told] == ["wait", "wait", "trade", "trade", "cancel", "cancel"]
    assert told[2] == told[3]


def test_a_private_event_may_be_lost(start):
    client = start(faults={"lose_event": 1})
    socket = private(client)
    client.order(**BUY)
    client.faults(lose_event=0)
    second = client.order(**BUY).json()["uuid"]
    assert message(socket)["uuid"] == second


def test_private_events_may_come_out_of_order_but_none_is_missing(start):
    client = start(faults={"reorder_events": 1})
    socket = private(client)
    client.order(**BUY)
    assert [message(socket)["state"] for _ in range(3)] == ["trade", "wait", "cancel"]


def test_a_socket_may_be_cut_at_any_frame(start):
    client = start(speed=600.0, faults={"ws_drop": 0.2})
    socket = client.socket({"type": "trade", "codes": ["KRW-BTC"]})
    with pytest.raises((websocket.WebSocketConnectionClosedException, OSError)):
        drain(socket)


def test_faults_can_be_switched_at_run_time_and_a_wrong_one_is_refused(start):
    client = start()
    client.faults(storm=0.5)
    assert client.session.get(client.base + "/_sandbox/faults", timeout=5).json()["storm"] == 0.5
    wrong = client.session.post(client.base + "/_sandbox/faults", json={"typo": 1}, timeout=5)
    assert wrong.status_code == 400
    assert "typo" in wrong.json()["error"]["message"]
