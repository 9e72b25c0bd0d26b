"""Pockets and their keys: what each sees, may do and is told, and the money that moves between them."""

from decimal import Decimal

import pytest

from actors.sandbox.accounts import read_accounts
from domain.errors import ConfigError
from tests.actors.sandbox.client import ask, book, message, name_of

D = Decimal
FEE = D("0.0005")
FILE = """
[[pocket]]
name = "home"
member = "ann"
balances = { KRW = "1000000", XRP = "100" }
[[pocket.key]]
name = "boss"
[[pocket.key]]
name = "looker"
permissions = ["view_account"]
[[pocket.key]]
name = "gone"
expires = 2026-01-01T00:00:00Z
[[pocket.key]]
name = "afar"
allowed_ips = ["203.0.113.7"]

[[pocket]]
name = "bot"
member = "ann"
balances = { KRW = "500000" }
[[pocket.key]]
name = "bot"

[[pocket]]
name = "other"
member = "ben"
balances = { KRW = "700000" }
[[pocket.key]]
name = "ben"
"""
BUY = {"market": "KRW-XRP", "side": "bid", "ord_type": "limit", "price": "1000", "volume": "10"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "accounts.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def boss(start, file):
    return start(accounts=file)


def uuids(boss):
    return {row["name"]: row["uuid"] for row in boss.get("/v1/pockets").json()}


def krw(client):
    return next(row["balance"] for row in client.get("/v1/accounts").json() if row["currency"] == "KRW")


def test_the_ready_line_names_every_key_and_the_first_is_the_usual_one(boss):
    keys = boss.ready["accounts"]
    names = [("boss", "home"), ("looker", "home"), ("gone", "home"), ("afar", "home"), ("bot", "bot"), ("ben", "other")]
    assert [(key["name"], key["pocket"]) for key in keys] == names
    assert (keys[0]["access_key"], keys[0]["secret_key"]) == (boss.ready["access_key"], boss.ready["secret_key"])
    assert len({key["access_key"] for key in keys}) == len(keys)


def test_without_a_file_there_is_one_main_pocket_with_one_key(start):
    client = start()
    (key,) = client.ready["accounts"]
    assert (key["name"], key["pocket"], key["access_key"]) == ("main", "main", client.access)
    (pocket,) = client.get("/v1/pockets").json()
    assert (pocket["name"], pocket["type"]) == ("main", "main")


def test_each_pocket_has_its_own_balances_orders_and_identifiers(boss):
    bot = boss.as_key("bot")
    assert (krw(boss), krw(bot), krw(boss.as_key("ben"))) == ("1000000", "500000", "700000")
    mine = boss.order(**BUY, identifier="same").json()["uuid"]
    theirs = bot.order(**BUY, identifier="same").json()["uuid"]
    for client, own, foreign in ((boss, mine, theirs), (bot, theirs, mine)):
        assert [row["uuid"] for row in client.get("/v1/orders/open").json()] == [own]
        assert client.get("/v1/order", {"identifier": "same"}).json()["uuid"] == own
        assert name_of(client.get("/v1/order", {"uuid": foreign})) == (404, "order_not_found")
        assert name_of(client.delete("/v1/order", {"uuid": foreign})) == (404, "order_not_found")
        assert client.get("/v1/orders/uuids", {"uuids": [foreign]}).json() == []
        assert client.delete("/v1/orders/uuids", {"uuids": [foreign]}).json()["success"]["count"] == 0
    assert boss.delete("/v1/orders/open").json()["success"]["count"] == 1
    assert [row["uuid"] for row in bot.get("/v1/orders/open").json()] == [theirs]
    assert bot.get("/v1/orders/closed").json() == []


def test_a_key_may_do_only_what_its_permissions_and_its_time_and_place_allow(boss):
    looker = boss.as_key("looker")
    assert looker.get("/v1/accounts").status_code == looker.get("/v1/api_keys").status_code == 200
    for answer in (
        looker.get("/v1/orders/open"),
        looker.order(**BUY),
        looker.delete("/v1/order", {"uuid": "x"}),
        looker.get("/v1/deposits"),
        looker.get("/v1/withdraws"),
        looker.get("/v1/pockets"),
        boss.as_key("bot").get("/v1/pockets"),
        boss.get("/v1/pockets/transfers"),
    ):
        assert name_of(answer) == (403, "out_of_scope")
    assert name_of(boss.as_key("gone").get("/v1/accounts")) == (401, "expired_access_key")
    assert name_of(boss.as_key("afar").get("/v1/accounts")) == (401, "no_authorization_ip")


def test_keys_are_listed_for_their_pocket_with_their_own_expiry(boss):
    rows = boss.get("/v1/api_keys").json()
    assert [row["access_key"] for row in rows] == [key["access_key"] for key in boss.ready["accounts"][:4]]
    assert rows[2]["expire_at"] == "2026-01-01T09:00:00+09:00"


def test_a_main_key_lists_the_keys_of_its_members_pockets_living_ones_unless_told_otherwise(boss):
    ids = uuids(boss)
    groups = boss.get("/v1/pockets/api_keys").json()
    assert [(group["uuid"], len(group["keys"])) for group in groups] == [(ids["home"], 3), (ids["bot"], 1)]
    (only,) = boss.get("/v1/pockets/api_keys", {"uuids": [ids["home"]], "include_expired": "true"}).json()
    assert len(only["keys"]) == 4
    usual, *_, afar = only["keys"]
    assert usual["allowed_ips"] == ["127.0.0.1"]
    assert (afar["allowed_ips"], afar["expired_at"]) == (["203.0.113.7"], "2027-01-03T09:00:00+09:00")
    assert "manage_pockets" in afar["permissions"]


def test_a_member_sees_the_assets_of_its_own_pockets_only(boss):
    ids = uuids(boss)
    assert set(ids) == {"home", "bot"}
    (row,) = boss.get("/v1/pockets/assets", {"uuid": ids["bot"]}).json()
    assert (row["currency"], row["balance"], row["unit_currency"]) == ("KRW", "500000", "KRW")
    foreign = uuids(boss.as_key("ben"))["other"]
    assert name_of(boss.get("/v1/pockets/assets", {"uuid": foreign})) == (404, "pocket_not_found")
    assert name_of(boss.get("/v1/pockets/assets")) == (400, "invalid_parameter")


def test_money_moves_between_the_pockets_of_a_member(boss):
    ids, bot = uuids(boss), boss.as_key("bot")
    wish = {"currency": "KRW", "amount": "100000.5", "to": ids["bot"], "identifier": "pay-1"}
    answer = boss.post("/v1/pockets/universal_transfers", wish)
    row = answer.json()
    assert (answer.status_code, row["state"], row["from"], row["to"]) == (201, "done", ids["home"], ids["bot"])
    assert (krw(boss), krw(bot)) == ("899999.5", "600000.5")
    back = bot.post("/v1/pockets/transfers", {"currency": "KRW", "amount": "0.5", "to": ids["home"]}).json()
    pulled = boss.post(
        "/v1/pockets/universal_transfers",
        {"currency": "KRW", "amount": "600000", "to": ids["home"], "from": ids["bot"]},
    ).json()
    assert (krw(boss), krw(bot)) == ("1500000", "0")
    moves = boss.get("/v1/pockets/universal_transfers").json()
    assert [move["uuid"] for move in moves] == [pulled["uuid"], back["uuid"], row["uuid"]]
    assert [move["uuid"] for move in bot.get("/v1/pockets/transfers", {"direction": "in"}).json()] == [row["uuid"]]
    assert len(bot.get("/v1/pockets/transfers").json()) == 3
    out = bot.get("/v1/pockets/transfers", {"direction": "out", "order_by": "asc", "limit": 1}).json()
    assert [move["uuid"] for move in out] == [back["uuid"]]
    (found,) = boss.get("/v1/pockets/universal_transfers", {"identifiers": ["pay-1"]}).json()
    assert (found["uuid"], found["identifier"]) == (row["uuid"], "pay-1")
    assert boss.get("/v1/pockets/universal_transfers", {"states": ["failed"]}).json() == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"to": "00000000-0000-4000-8000-000000000000"}, (404, "pocket_not_found")),
        ({"to": "self"}, (400, "invalid_parameter")),
        ({"currency": "NOPE"}, (404, "currency_not_found")),
        ({"amount": "0"}, (400, "invalid_parameter")),
        ({"amount": "-1"}, (400, "invalid_parameter")),
        ({"amount": "abc"}, (400, "invalid_parameter")),
        ({"amount": "1000000.01"}, (400, "insufficient_funds")),
        ({"identifier": "no spaces"}, (400, "invalid_parameter")),
    ],
)
def test_a_transfer_that_cannot_be_is_refused_and_moves_nothing(boss, changes, expected):
    ids = uuids(boss)
    wish = {"currency": "KRW", "amount": "1", "to": ids["bot"]} | changes
    wish["to"] = ids["home"] if wish["to"] == "self" else wish["to"]
    assert name_of(boss.post("/v1/pockets/universal_transfers", wish)) == expected
    assert krw(boss) == "1000000"


def test_what_is_locked_in_orders_cannot_be_moved(boss):
    boss.order(**BUY | {"volume": "990"})
    wish = {"currency": "KRW", "amount": "20000", "to": uuids(boss)["bot"]}
    assert name_of(boss.post("/v1/pockets/universal_transfers", wish)) == (400, "insufficient_funds")


def test_private_sockets_are_told_of_their_own_pocket_only(boss):
    bot = boss.as_key("bot")
    sockets = []
    for client in (boss, bot):
        sockets.append(client.socket({"type": "myOrder"}, {"type": "myAsset"}, private=True))
        ask(sockets[-1], {"method": "LIST_SUBSCRIPTIONS"})
        message(sockets[-1])
    theirs = bot.order(**BUY).json()["uuid"]
    mine = boss.order(**BUY).json()["uuid"]
    for socket, uuid, balance in zip(sockets, (mine, theirs), (989_995, 489_995), strict=True):
        order, assets = message(socket), message(socket)
        assert (order["uuid"], order["state"]) == (uuid, "wait")
        assert {row["currency"]: row["balance"] for row in assets["assets"]}["KRW"] == balance


def test_a_socket_may_not_ask_for_what_its_key_does_not_permit(boss):
    socket = boss.as_key("looker").socket({"type": "myOrder"}, private=True)
    assert message(socket)["error"]["name"] == "INVALID_AUTH"


def test_limits_count_for_the_pocket_and_not_for_its_keys(boss):
    for name, status in (("boss", 200), ("afar", 401), ("bot", 200)):
        client = boss if name == "boss" else boss.as_key(name)
        assert client.delete("/v1/orders/open").status_code == status
    assert boss.delete("/v1/orders/open").status_code == 429


def test_pockets_of_two_members_trade_with_each_other(boss):
    asks, _ = book(boss)
    price, size = asks[0]
    ben = boss.as_key("ben")
    boss.outside("deposit", currency="KRW", amount="1000000000")
    ben.outside("deposit", currency="XRP", amount="50")
    sale = ben.order(market="KRW-XRP", side="ask", ord_type="limit", price=str(price), volume="50").json()["uuid"]
    bought = boss.order(market="KRW-XRP", side="bid", ord_type="limit", price=str(price), volume=str(size + 20)).json()
    (fill,) = ben.get("/v1/order", {"uuid": sale}).json()["trades"]
    assert (D(fill["volume"]), D(fill["price"])) == (20, price)
    order = boss.get("/v1/order", {"uuid": bought["uuid"]}).json()
    assert [D(trade["volume"]) for trade in order["trades"]] == [size, 20]
    assert D(krw(ben)) == 700_000 + 20 * price * (1 - FEE)


@pytest.mark.parametrize(("scope", "state"), [("member", "cancel"), ("pocket", "done")])
def test_pockets_of_one_member_are_kept_apart_or_trade_as_was_chosen(start, file, scope, state):
    boss = start(accounts=file, choices={"smp_era": "after", "smp_scope": scope})
    bot = boss.as_key("bot")
    _, ((price, size), *_) = book(boss)
    boss.deposit("XRP", str(size + 100))
    bid = bot.order(**BUY | {"price": str(price), "volume": "20"}).json()["uuid"]
    boss.order(market="KRW-XRP", side="ask", ord_type="limit", price=str(price), volume=str(size + 30))
    row = bot.get("/v1/order", {"uuid": bid}).json()
    assert (row["state"], row["prevented_volume"]) == (state, "20" if state == "cancel" else "0")


def test_pockets_keys_and_moves_outlive_a_restart(start, file):
    boss = start(accounts=file)
    keys, ids = boss.ready["accounts"], uuids(boss)
    boss.post("/v1/pockets/universal_transfers", {"currency": "XRP", "amount": "7", "to": ids["bot"]})
    start.stop()
    again = start()
    assert again.ready["accounts"] == keys
    assert uuids(again) == ids
    assert len(again.get("/v1/pockets/universal_transfers").json()) == 1
    bot = again.as_key("bot")
    assert bot.balance("XRP") == (7, 0)
    start.stop()
    file.write_text(FILE.replace("500000", "500001"))
    with pytest.raises(ConfigError, match="accounts"):
        start(accounts=file)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("pocket = 1", "accounts file"),
        ("", "at least one"),
        ("[[pocket]]\nname = 'a'", "at least one"),
        ("[[pocket]]\nname = 'a'\ncolour = 1", "unknown colour"),
        ("[[pocket]]\nname = 'a'\nbalances = { KRW = '-1' }\n[[pocket.key]]\nname = 'k'", "negative"),
        ("[[pocket]]\nname = 'a'\n[[pocket.key]]\nname = 'k'\npermissions = ['all']", "has no all"),
        ("[[pocket]]\nname = 'a'\n[[pocket.key]]\nname = 'k'\npermissions = ['transfer']", "has no transfer"),
        ("[[pocket]]\nname = 'a'\n[[pocket.key]]\nname = 'k'\nexpires = 2027-01-01T00:00:00", "its zone"),
        ("[[pocket]]\nname = 'a'\n[[pocket.key]]\nname = 'k'\n" * 2, "must differ"),
        ("[[pocket]]\n[[pocket.key]]\nname = 'k'", "needs a name"),
        ("[[pocket]]\nname = 'a'\nmember = 1\n[[pocket.key]]\nname = 'k'", "must be a text"),
        ("[[pocket]]\nname = 'a'\n[[pocket.key]]\nname = 'k'\nallowed_ips = ['home']", "'home'"),
        ("[[pocket]]\nname = 'a'\n[[pocket.key]]\nname = 'k'\nallowed_ips = []", "1 to 10 allowed_ips"),
        ("[[[", "accounts file"),
    ],
)
def test_a_faulty_file_says_what_is_wrong(tmp_path, text, match):
    path = tmp_path / "accounts.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=match):
        read_accounts(path, 0)


def test_a_key_shows_no_secret(file):
    pockets = read_accounts(file, 0)
    assert all(key.secret_key not in repr(pockets) for pocket in pockets for key in pocket.keys)
