"""The exchange's open questions: the same flow of a client under every answer that can be chosen."""

from dataclasses import fields
from decimal import Decimal

import pytest

from actors.sandbox.choices import SMP_SWITCH, VALUES, Choices, parse_choices, with_choices
from domain.errors import ConfigError
from domain.rules import default_terms
from tests.actors.sandbox.client import ask, book, message, name_of, settled, token, until
from tests.actors.sandbox.process import Process

D = Decimal
FEE = D("0.0005")
REST = {"market": "KRW-XRP", "side": "bid", "ord_type": "limit", "price": "1000", "volume": "10"}
BUY = {"market": "KRW-XRP", "side": "bid", "ord_type": "price", "price": "10000"}


def replaced(client):
    client.order(**REST, identifier="old")
    wish = {"prev_order_identifier": "old", "new_ord_type": "limit", "new_price": "1100", "new_volume": "10"}
    return client.post("/v1/orders/cancel_and_new", wish).status_code


def crossing(client):
    asks, _ = book(client)
    answer = client.order(**REST | {"price": str(asks[0][0])}, time_in_force="post_only", identifier="maker")
    burned = name_of(client.order(**REST, identifier="maker")) == (400, "duplicated_identifier")
    return (settled(client, answer)["state"] if answer.status_code == 201 else name_of(answer)), burned


def rule_of_today(client):
    return client.order(**REST).json().get("smp_type")


def beyond_the_book(client):
    asks, _ = book(client, "KRW-MBL")
    depth = sum(price * size for price, size in asks).quantize(D(1))
    client.deposit("KRW", str(depth))
    return name_of(client.order(**BUY | {"market": "KRW-MBL", "price": str(depth + 2)}))[1]


def too_long(client):
    return name_of(client.order(**REST, identifier="x" * 65))[1]


def odd(client):
    return client.order(**REST, identifier="한글 id").status_code


def probed_before(client):
    client.post("/v1/orders/test", REST | {"identifier": "probe"})
    return client.order(**REST, identifier="probe").status_code


def abroad(client):
    client.running.world.desk.exchange.terms["BTC-ETH"] = default_terms("BTC-ETH", SMP_SWITCH)
    return name_of(client.order(**REST | {"market": "BTC-ETH", "price": "0.03"}))[1]


def poor_and_off_the_tick(client):
    return name_of(client.order(**REST | {"price": "1000.5", "volume": "100000"}))[1]


def improved(client):
    asks, _ = book(client)
    price, size = asks[0]
    client.deposit("KRW", "10000000000")
    order = settled(client, client.order(**REST | {"price": str(price + 1), "volume": str(size + asks[1][1] + 10)}))
    return D(order["locked"]) == 10 * (price + 1) * (1 + FEE)


def average(client):
    row = settled(client, client.order(**BUY))
    (held,) = [each for each in client.get("/v1/accounts").json() if each["currency"] == "XRP"]
    return (D(held["avg_buy_price"]) / D(row["trades"][0]["price"])).quantize(D("0.00001"))


def listed_funds(client):
    settled(client, client.order(**BUY))
    (row,) = client.get("/v1/orders/closed").json()
    return row.get("executed_funds") is not None


def absent(client):
    row = client.order(**BUY).json()
    return row.get("volume", "absent"), row.get("identifier", "absent")


def unknown(client):
    uuid = client.order(**REST).json()["uuid"]
    answer = client.get("/v1/orders/uuids", {"uuids": [uuid, "unknown"]})
    return answer.status_code


def ended(client):
    uuid = client.order(**REST).json()["uuid"]
    client.delete("/v1/order", {"uuid": uuid})
    row = client.get("/v1/order", {"uuid": uuid}).json()
    return row["locked"], row["remaining_fee"]


def sold_out(client):
    bought = settled(client, client.order(**BUY))
    client.order(market="KRW-XRP", side="ask", ord_type="market", volume=bought["executed_volume"])
    return [row["currency"] for row in client.get("/v1/accounts").json()]


def out_of_scope(client):
    client.faults(out_of_scope=1)
    return client.get("/v1/accounts").status_code


def from_elsewhere(client):
    client.faults(wrong_ip=1)
    return name_of(client.get("/v1/accounts"))[1]


def told(client):
    """The frames of a buy that ends in a fill and of one that ends in a remainder."""
    socket = client.socket({"type": "myOrder"}, {"type": "myAsset"}, private=True)
    ask(socket, {"method": "LIST_SUBSCRIPTIONS"})
    message(socket)
    asks, _ = book(client)
    client.order(**BUY | {"price": str(asks[0][0] * 4)})
    client.order(**BUY)
    marker = client.order(**REST).json()["uuid"]
    frames = until(socket, lambda frame: frame.get("uuid") == marker)[:-1]
    return [frame.get("state", "asset") for frame in frames]


def waits_and_ends(client):
    return " ".join(state for state in told(client) if state != "asset")


def assets_first(client):
    return told(client)[0] == "asset"


def spelled_privately(client):
    """A price of eight digits and a balance of more digits than a double has."""
    client.deposit("KRW", "0.00000000012345678901")
    socket = client.socket({"type": "myOrder"}, {"type": "myAsset"}, private=True)
    ask(socket, {"method": "LIST_SUBSCRIPTIONS"})
    message(socket)
    client.order(**REST | {"market": "KRW-BTC", "price": "99000000", "volume": "0.001"})
    (_, order), (_, assets) = socket.recv_data(), socket.recv_data()
    return [
        text.partition(name)[2].partition(b",")[0] for text, name in ((order, b'"price":'), (assets, b'"balance":'))
    ]


def ticker_fields(client):
    socket = client.socket({"type": "ticker", "codes": ["KRW-XRP"]})
    rows = list(message(socket).items())
    names = [name for name, _ in rows]
    return rows[names.index("market_state") : names.index("timestamp")]


def many_candles(client):
    return client.public("/v1/candles/minutes/1", {"market": "KRW-XRP", "count": 201}).status_code


def bare(client):
    calls = ("candles/minutes/1?market=KRW-XRP&to=2026-01-03T00:00:00Z", "trades/ticks?market=KRW-XRP&to=00:00:00")
    return [client.session.get(f"{client.base}/v1/{call}", timeout=5).status_code for call in calls]


def spelled(client):
    text = client.public("/v1/candles/minutes/1", {"market": "KRW-XRP"}).text
    return text.partition('"trade_price":')[2].partition(",")[0].endswith(".0")


def cancelled_by_body(client):
    uuid = client.order(**REST).json()["uuid"]
    headers = {"Authorization": token(client.access, client.secret, f"uuid={uuid}")}
    answer = client.session.delete(f"{client.base}/v1/order", json={"uuid": uuid}, headers=headers, timeout=5)
    return answer.status_code, client.get("/v1/orders/open").json() == []


STANDING = [
    *(("market_state", "ACTIVE"), ("is_trading_suspended", False)),
    *(("delisting_date", None), ("market_warning", "NONE")),
]
FLOWS = [
    ("candle_count", many_candles, {"cut": 200, "refuse": 400}),
    ("bare_colon", bare, {"refuse": [400, 400], "accept": [200, 200]}),
    ("whole_numbers", spelled, {"fraction": True, "plain": False}),
    ("delete_body", cancelled_by_body, {"refuse": (400, False), "read": (200, True)}),
    ("cancel_and_new_status", replaced, {"201": 201, "200": 200}),
    ("post_only_crossing", crossing, {"cancel": ("cancel", True), "refuse": ((400, "invalid_post_only"), True)}),
    ("smp_era", rule_of_today, {"date": None, "before": None, "after": "cancel_maker"}),
    ("beyond_book_error", beyond_the_book, {name: name for name in VALUES["beyond_book_error"]}),
    ("identifier_error", too_long, {name: name for name in VALUES["identifier_error"]}),
    ("odd_identifiers", odd, {"accept": 201, "refuse": 400}),
    ("test_burns", probed_before, {"no": 201, "yes": 400}),
    ("consent", abroad, {"given": "insufficient_funds_bid", "missing": "thirdparty_agreement_required"}),
    (
        "checks",
        poor_and_off_the_tick,
        {"rules_first": "invalid_price_bid", "funds_first": "insufficient_funds_bid"},
    ),
    ("surplus_release", improved, {"close": False, "fill": True}),
    ("average_price", average, {"without_fees": D(1), "with_fees": D("1.0005")}),
    ("list_funds", listed_funds, {"yes": True, "no": False}),
    ("absent_fields", absent, {"omit": ("absent", "absent"), "null": (None, None)}),
    ("unknown_ids", unknown, {"omit": 200, "not_found": 404}),
    ("finished_residue", ended, {"zero": ("0", "0"), "kept": ("10005", "5")}),
    ("zero_balances", sold_out, {"hide": ["KRW"], "show": ["KRW", "XRP"]}),
    ("scope_status", out_of_scope, {"403": 403, "401": 401}),
    ("ip_error", from_elsewhere, {name: name for name in VALUES["ip_error"]}),
    ("deprecated_fields", ticker_fields, {"told": STANDING, "gone": STANDING[::2]}),
    ("leading_wait", waits_and_ends, {"yes": "wait trade done wait trade cancel", "no": "trade done trade cancel"}),
    (
        "trailing_done",
        waits_and_ends,
        {"yes": "wait trade done wait trade cancel", "no": "wait trade wait trade cancel"},
    ),
    ("asset_frames", assets_first, {"after": False, "before": True}),
    (
        "private_numbers",
        spelled_privately,
        {
            "plain": [b"99000000", b"9900950.50000000012345678901"],
            "exponent": [b"9.9E7", b"9900950.50000000012345678901"],
        },
    ),
]
ELSEWHERE = {"smp_scope": "test_accounts", "other_fee": "test_chance"}
CASES = [(name, value, flow, expected[value]) for name, flow, expected in FLOWS for value in VALUES[name]]


def test_every_choice_is_played_under_every_value():
    assert {name for name, _, _ in FLOWS} | set(ELSEWHERE) == {item.name for item in fields(Choices)}


@pytest.mark.parametrize(("name", "value", "flow", "expected"), CASES, ids=[f"{case[0]}={case[1]}" for case in CASES])
def test_a_client_meets_what_was_chosen(start, name, value, flow, expected):
    client = start(choices={name: value}, markets=("KRW-XRP", "KRW-MBL", "KRW-BTC"))
    assert flow(client) == expected


def test_the_default_is_the_first_value_of_each():
    assert {name: values[0] for name, values in VALUES.items()} == {
        item.name: getattr(Choices(), item.name) for item in fields(Choices)
    }


def test_the_rules_of_self_matching_change_at_midnight_in_korea():
    assert not Choices().smp_told(SMP_SWITCH - 1)
    assert Choices().smp_told(SMP_SWITCH)
    assert SMP_SWITCH == 1_794_150_000_000_000  # 2026-11-08 15:00 UTC


def test_choices_change_while_it_runs_and_stay_after_a_restart(start):
    client = start(choices={"scope_status": "401"})
    client.choose(cancel_and_new_status="200", surplus_release="fill")
    start.stop()
    client = start(choices={"cancel_and_new_status": "201"})
    now = client.session.get(client.base + "/_sandbox/choices", timeout=5).json()["now"]
    assert (now["cancel_and_new_status"], now["scope_status"], now["surplus_release"]) == ("201", "401", "fill")
    assert improved(client)


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"scope_status": "500"}, {"scope_status": 401}, ["a"]])
def test_what_cannot_be_chosen_is_refused(start, wrong):
    client = start()
    answer = client.session.post(client.base + "/_sandbox/choices", json=wrong, timeout=5)
    assert name_of(answer) == (400, "bad_request")


def test_a_faulty_choice_names_the_possible_ones():
    with pytest.raises(ConfigError, match=r"no choice is called 'x'.*smp_era"):
        parse_choices(("x=1",))
    with pytest.raises(ConfigError, match="expected 403 or 401"):
        with_choices(Choices(), {"scope_status": "402"})


def test_choices_are_given_on_the_command_line(tmp_path):
    options = ("--markets", "KRW-XRP", "--speed", "0.001", "--choice", "test_burns=yes", "--choice", "smp_era=after")
    process = Process(tmp_path / "home", *options)
    try:
        assert (probed_before(process.client), rule_of_today(process.client)) == (400, "cancel_maker")
    finally:
        process.kill()
