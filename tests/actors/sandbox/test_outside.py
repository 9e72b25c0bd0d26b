"""What is done to an account without the program that trades, and the page that shows it; for this computer only."""

from decimal import Decimal

import pytest
import requests

from tests.actors.sandbox.client import ask, message, name_of, token, until

D = Decimal
XRP = {"market": "KRW-XRP", "side": "bid", "ord_type": "price", "price": "10000"}


def test_a_deposit_is_told_by_balance_socket_and_list(start):
    client = start()
    socket = client.socket({"type": "myAsset"}, private=True)
    ask(socket, {"method": "LIST_SUBSCRIPTIONS"})
    message(socket)
    answer = client.outside("deposit", currency="KRW", amount="500000", txid="bank-1")
    (told,) = message(socket)["assets"]
    assert (told["currency"], told["balance"]) == ("KRW", 10_500_000)
    (row,) = client.get("/v1/deposits").json()
    assert row == answer.json()
    assert (row["type"], row["state"], row["amount"], row["fee"]) == ("deposit", "ACCEPTED", "500000", "0")
    assert (row["txid"], row["net_type"], row["transaction_type"]) == ("bank-1", None, "default")
    assert client.get("/v1/withdraws").json() == []
    assert client.get("/v1/accounts").json()[0]["balance"] == "10500000"


def test_a_withdrawal_takes_no_more_than_is_free(start):
    client = start()
    client.order(**XRP | {"ord_type": "limit", "price": "1000", "volume": "9000"})
    refused = client.outside("withdraw", currency="KRW", amount="2000000")
    assert (refused.status_code, refused.json()["error"]["name"]) == (400, "bad_request")
    assert client.outside("withdraw", currency="KRW", amount="500000").status_code == 201
    (row,) = client.get("/v1/withdraws").json()
    assert (row["type"], row["state"], row["is_cancelable"]) == ("withdraw", "DONE", False)
    free, locked = client.balance("KRW")
    assert free + locked == 9_500_000


def test_an_airdrop_is_in_the_balance_and_in_no_list(start):
    client = start()
    assert client.outside("airdrop", currency="XRP", amount="3.5").status_code == 201
    assert client.balance("XRP") == (D("3.5"), 0)
    assert client.get("/v1/deposits").json() == []
    (row,) = [row for row in client.get("/v1/accounts").json() if row["currency"] == "XRP"]
    assert row["avg_buy_price"] == "0"


def test_an_order_by_hand_has_no_identifier_and_is_told_like_any_other(start):
    client = start()
    socket = client.socket({"type": "myOrder"}, private=True)
    ask(socket, {"method": "LIST_SUBSCRIPTIONS"})
    message(socket)
    answer = client.outside("trade", **XRP, identifier="mine")
    assert (answer.status_code, "identifier" in answer.json()) == (201, False)
    events = until(socket, lambda event: event["state"] == "cancel")
    assert [event["identifier"] for event in events] == [None, None, None]
    assert client.get("/v1/order", {"uuid": answer.json()["uuid"]}).json()["trades_count"] == 1
    assert client.order(**XRP, identifier="mine").status_code == 201
    assert name_of(client.outside("trade", **XRP | {"price": "1"})) == (400, "under_min_total_bid")


@pytest.mark.parametrize(
    "fields",
    [
        {"currency": "NOPE", "amount": "1"},
        {"currency": "KRW", "amount": "0"},
        {"currency": "KRW", "amount": "-5"},
        {"currency": "KRW", "amount": "x"},
        {"currency": "KRW"},
        {"currency": ["KRW"], "amount": "1"},
    ],
)
def test_a_flow_that_cannot_be_is_refused(start, fields):
    client = start()
    assert name_of(client.outside("deposit", **fields)) == (400, "bad_request")
    assert name_of(client.outside("deposit", currency="KRW", amount="1", pocket="none")) == (404, "pocket_not_found")
    assert client.balance("KRW") == (10_000_000, 0)


def test_deposits_are_filtered_paged_and_found_one_by_one(start):
    client = start()
    ids = [client.outside("deposit", currency=code, amount="1").json() for code in ("KRW", "XRP", "KRW")]
    uuids = [row["uuid"] for row in ids]

    def listed(**params):
        return [row["uuid"] for row in client.get("/v1/deposits", params).json()]

    assert listed(order_by="asc") == uuids
    assert listed(order_by="asc", limit=2, page=2) == uuids[2:]
    assert listed(currency="XRP") == uuids[1:2]
    assert listed(uuids=[uuids[0]]) == listed(txids=[ids[0]["txid"]]) == uuids[:1]
    assert listed(state="PROCESSING") == []
    assert listed(order_by="asc", **{"from": uuids[0], "to": uuids[2]}) == uuids[1:2]
    assert name_of(client.get("/v1/deposits", {"state": "NOPE"})) == (400, "invalid_parameter")
    assert client.get("/v1/deposit", {"uuid": uuids[0]}).json()["uuid"] == uuids[0]
    assert client.get("/v1/deposit").json()["uuid"] == uuids[2]
    assert name_of(client.get("/v1/deposit", {"uuid": "none"})) == (404, "deposit_not_found")
    assert name_of(client.get("/v1/withdraw")) == (404, "withdraw_not_found")


def test_every_wallet_works(start):
    rows = start().get("/v1/status/wallet").json()
    assert {row["currency"]: row["wallet_state"] for row in rows} == {"BTC": "working", "XRP": "working"}
    assert rows[0]["block_updated_at"].endswith(".000+00:00")


def test_flows_outlive_a_restart(start):
    client = start()
    client.deposit("XRP", "5")
    client.outside("withdraw", currency="XRP", amount="2")
    before = client.get("/v1/deposits").json(), client.get("/v1/withdraws").json()
    start.stop()
    client = start()
    assert client.balance("XRP") == (3, 0)
    assert (client.get("/v1/deposits").json(), client.get("/v1/withdraws").json()) == before


# --- who may


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "[bad"},
    ],
)
def test_a_page_from_elsewhere_can_neither_change_nor_read_anything(start, headers):
    client = start()
    body = {"currency": "KRW", "amount": "1"}
    for method, path in (("POST", "deposit"), ("POST", "faults"), ("GET", "books"), ("GET", "")):
        url = f"{client.base}/_sandbox/{path}"
        answer = requests.request(method, url, json=body, headers=headers, timeout=5)
        assert name_of(answer) == (403, "forbidden")
    assert client.balance("KRW") == (10_000_000, 0)


def test_programs_and_pages_of_this_computer_may(start):
    client = start()
    url, body = client.base + "/_sandbox/deposit", {"currency": "KRW", "amount": "1"}
    port = client.base.rpartition(":")[2]
    for headers in ({}, {"Origin": client.base, "Sec-Fetch-Site": "same-origin"}, {"Host": f"localhost:{port}"}):
        assert requests.post(url, json=body, headers=headers, timeout=5).status_code == 201


def test_the_page_shows_accounts_orders_fills_markets_and_faults_escaped(start):
    client = start(faults={"latency_ms": 7})
    client.order(**XRP)
    open_id = client.order(
        **XRP | {"ord_type": "limit", "price": "1000", "volume": "10"}, identifier="<script>alert(1)</script>"
    ).json()["uuid"]
    client.choose(test_burns="yes")
    answer = client.session.get(client.base + "/_sandbox/", timeout=5)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    page = answer.text
    for wanted in (open_id, "KRW-XRP", "latency_ms", "test_burns", 'http-equiv="refresh"', "Pocket main", "10005"):
        assert wanted in page
    (fill,) = client.books()["fills"]
    assert fill["trade_id"] in page
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_signed_request_is_no_pass_to_the_sandboxs_own_paths(start):
    client = start()
    headers = {"Authorization": token(client.access, client.secret), "Origin": "https://evil.example"}
    assert requests.get(client.base + "/_sandbox/status", headers=headers, timeout=5).status_code == 403
