"""What the private side tells of the account: policies, keys, pockets, transfers and wallets."""

import json
import traceback
from decimal import Decimal as D
from urllib.parse import unquote

import pytest

from actors.upbit.news import NEWS
from actors.upbit.pockets import Direction
from domain.errors import BadPayload
from domain.market import Terms
from domain.orders import Balance, OrderType, Side, TimeInForce
from domain.policy import OrderKind
from domain.transfers import (
    BlockState,
    Pocket,
    PocketKind,
    PocketTransfer,
    PocketTransferState,
    Transfer,
    TransferKind,
    TransferState,
    WalletState,
    WalletStatus,
)
from tests.actors.upbit.conftest import Answer

HOLDING = {
    "currency": "BTC", "balance": "0.00031", "locked": "0.0001", "avg_buy_price": "116538000",
    "avg_buy_price_modified": False, "unit_currency": "KRW",
}  # fmt: skip
CHANCE = {
    "bid_fee": "0.0005", "ask_fee": "0.0005", "maker_bid_fee": "0.0004", "maker_ask_fee": "0.0003",
    "market": {
        "id": "KRW-BTC", "name": "BTC/KRW", "order_types": ["limit"], "order_sides": ["ask", "bid"],
        "bid_types": ["best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc", "price"],
        "ask_types": ["best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc", "market"],
        "bid": {"currency": "KRW", "min_total": "5000"}, "ask": {"currency": "BTC", "min_total": "5000"},
        "max_total": "1000000000", "state": "active",
    },
    "bid_account": HOLDING | {"currency": "KRW", "balance": "1386929.37231066771348207123", "avg_buy_price": "0"},
    "ask_account": HOLDING,
}  # fmt: skip
DEPOSIT = {
    "type": "deposit", "uuid": "94332e99", "currency": "KRW", "net_type": None, "txid": "9e37c537",
    "state": "ACCEPTED", "created_at": "2026-11-22T15:00:00+09:00", "done_at": "2026-11-22T15:00:22+09:00",
    "amount": "500000", "fee": "0", "transaction_type": "default",
}  # fmt: skip
MOVE = {
    "uuid": "m1", "identifier": "a.b", "currency": "BTC", "amount": "0.25", "from": "p1", "to": "p2",
    "state": "done", "created_at": "2026-11-22T15:00:00+09:00",
}  # fmt: skip
AT = 1_795_327_200_000_000


@pytest.fixture(autouse=True)
def nothing_told_before():
    NEWS.forget()


def says(exchange, *rows: object) -> None:
    exchange.says(*(Answer(200, json.dumps(row)) for row in rows))


# --- policies


def test_a_policy_tells_what_may_be_ordered_on_which_terms_and_with_what(exchange, rest):
    says(exchange, CHANCE)
    policy = rest.order_policy("KRW-BTC")
    assert exchange.requests[0].path == "/v1/orders/chance?market=KRW-BTC"
    assert (
        policy.terms
        == Terms("KRW-BTC", D("0.0005"), D("0.0005"), D(5000), D(5000), D(1_000_000_000), "active")
        == rest.chance("KRW-BTC")
    )
    assert (policy.maker_bid_fee, policy.maker_ask_fee) == (D("0.0004"), D("0.0003"))
    assert policy.quote.free == D("1386929.37231066771348207123")
    assert policy.base == Balance("BTC", D("0.00031"), D("0.0001"), D(116538000), "KRW")
    assert NEWS.counts() == {}


@pytest.mark.parametrize(
    ("side", "kind", "allowed"),
    [
        (Side.BUY, OrderKind(OrderType.LIMIT), True),
        (Side.BUY, OrderKind(OrderType.BEST, TimeInForce.IOC), True),
        (Side.BUY, OrderKind(OrderType.BEST), False),
        (Side.BUY, OrderKind(OrderType.MARKET), True),
        (Side.SELL, OrderKind(OrderType.MARKET), True),
        (Side.SELL, OrderKind(OrderType.LIMIT, TimeInForce.FOK), True),
        (Side.SELL, OrderKind(OrderType.LIMIT, TimeInForce.POST_ONLY), False),
    ],
)
def test_kinds_of_orders_are_read_from_the_exchanges_words(exchange, rest, side, kind, allowed):
    says(exchange, CHANCE)
    assert rest.order_policy("KRW-BTC").allows(side, kind) is allowed


def test_a_side_that_is_shut_allows_nothing_and_a_kind_of_tomorrow_is_noted(exchange, rest):
    market = CHANCE["market"] | {"order_sides": ["ask"], "ask_types": ["limit", "twap_ioc"]}
    says(exchange, CHANCE | {"market": market, "bid_account": None})
    policy = rest.order_policy("KRW-BTC")
    assert not policy.allows(Side.BUY, OrderKind(OrderType.LIMIT))
    assert (policy.sells, policy.quote) == ((OrderKind(OrderType.LIMIT),), None)
    assert NEWS.counts() == {"order kind=twap_ioc": 1}


# --- keys


def test_every_key_is_listed_and_shows_itself_to_nobody(exchange, rest):
    says(exchange, [{"access_key": "another", "expire_at": "2026-11-22T15:00:00+09:00"}])
    (key,) = rest.api_keys()
    assert (key.access, key.expires_at, key.permissions) == ("another", AT, ())
    assert "another" not in repr(key)
    says(exchange, [{"access_key": "another", "expire_at": "soon"}])
    with pytest.raises(BadPayload) as caught:
        rest.api_keys()
    assert "another" not in str(caught.value)
    assert caught.value.__cause__ is None
    exchange.says(Answer(200, '[{"access_key":"another"'))
    with pytest.raises(BadPayload) as caught:
        rest.api_keys()
    assert "another" not in "".join(traceback.format_exception(caught.value))


def test_the_keys_of_pockets_tell_what_they_may(exchange, rest):
    key = {
        "access_key": "k",
        "allowed_ips": ["203.0.113.7"],
        "created_at": "2026-11-22T15:00:00+09:00",
        "expired_at": "2027-11-22T15:00:00+09:00",
        "permissions": ["view_account", "make_orders"],
    }
    says(exchange, [{"uuid": "p1", "keys": [key]}])
    (pocket,) = rest.pocket_keys(["p1", "p2"], expired=True)
    assert exchange.requests[0].query == [("include_expired", "true"), ("uuids[]", "p1"), ("uuids[]", "p2")]
    (told,) = pocket.keys
    assert (pocket.pocket_id, told.created_at, told.allowed_ips) == ("p1", AT, ("203.0.113.7",))
    assert told.permissions == ("view_account", "make_orders")
    assert NEWS.counts() == {}


# --- pockets


def test_pockets_and_their_balances_are_read(exchange, rest):
    says(
        exchange,
        [
            {"uuid": "p0", "name": "main", "type": "main"},
            {"uuid": "p1", "name": "bot-A", "type": "user_spot_trading"},
            {"uuid": "p2", "name": "x", "type": "margin"},
        ],
        [HOLDING],
    )
    assert rest.pockets() == (
        Pocket("p0", "main", PocketKind.MAIN),
        Pocket("p1", "bot-A", PocketKind.SPOT),
        Pocket("p2", "x", PocketKind.UNKNOWN),
    )
    assert NEWS.counts() == {"pocket type=margin": 1}
    assert rest.pocket_assets("p1")[0].free == D("0.00031")
    assert exchange.requests[1].path == "/v1/pockets/assets?uuid=p1"


def test_moves_between_pockets_are_read_and_asked_for_by_their_filters(exchange, rest):
    says(exchange, [MOVE, MOVE | {"uuid": "m2", "identifier": None, "state": "thinking"}])
    first, second = rest.universal_transfers(
        source="p1", target="p2", states=(PocketTransferState.DONE,), start=AT, end=AT + 1
    )
    assert first == PocketTransfer("m1", "a.b", "BTC", D("0.25"), "p1", "p2", PocketTransferState.DONE, AT)
    assert (second.identifier, second.state) == ("", PocketTransferState.UNKNOWN)
    assert exchange.requests[0].query == [
        ("from", "p1"),
        ("to", "p2"),
        ("states[]", "done"),
        ("start_time", "1795327200000"),
        ("end_time", "1795327200001"),
        ("limit", "100"),
        ("order_by", "desc"),
    ]
    rest.pocket_transfers(direction=Direction.IN, currency="KRW", identifiers=("a",), limit=5)
    assert unquote(exchange.requests[1].path) == (
        "/v1/pockets/transfers?direction=in&currency=KRW&identifiers[]=a&limit=5&order_by=desc"
    )


def test_no_call_of_the_client_moves_money(rest):
    moving = {"deposit", "withdraw", "transfer_to", "send", "pay", "universal_transfer"}
    assert not {name for name in dir(rest) if not name.startswith("_")} & moving


# --- deposits and withdrawals


def test_deposits_and_withdrawals_are_read(exchange, rest):
    withdrawal = DEPOSIT | {"type": "withdraw", "state": "WAITING", "done_at": None, "net_type": "BTC", "txid": None}
    says(exchange, [DEPOSIT], [withdrawal | {"is_cancelable": True, "transaction_type": "internal"}])
    (came,) = rest.transfers(TransferKind.DEPOSIT, currency="KRW", state=TransferState.ACCEPTED, ids=("a", "b"))
    assert came == Transfer(
        TransferKind.DEPOSIT, "94332e99", "KRW", D(500000), D(0), TransferState.ACCEPTED, AT, AT + 22_000_000, "",
        "9e37c537", internal=False,
    )  # fmt: skip
    assert came.arrived
    assert unquote(exchange.requests[0].path) == (
        "/v1/deposits?currency=KRW&state=ACCEPTED&uuids[]=a&uuids[]=b&limit=100&page=1&order_by=desc"
    )
    (went,) = rest.transfers(TransferKind.WITHDRAWAL, txids=("t",), after="a", before="b", page=2, oldest_first=True)
    assert (went.kind, went.done_at, went.network, went.internal) == (TransferKind.WITHDRAWAL, None, "BTC", True)
    assert not went.arrived
    assert unquote(exchange.requests[1].path) == "/v1/withdraws?txids[]=t&limit=100&page=2&order_by=asc&from=a&to=b"
    assert NEWS.counts() == {}


def test_one_transfer_is_read_by_its_id_or_its_transaction(exchange, rest):
    says(exchange, DEPOSIT, DEPOSIT | {"type": "withdraw", "state": "LOST_AT_SEA"})
    assert rest.transfer(TransferKind.DEPOSIT, "94332e99").amount == D(500000)
    assert rest.transfer(TransferKind.WITHDRAWAL, txid="t", currency="BTC").state is TransferState.UNKNOWN
    paths = ["/v1/deposit?uuid=94332e99", "/v1/withdraw?txid=t&currency=BTC"]
    assert [one.path for one in exchange.requests] == paths
    assert NEWS.counts() == {"transfer state=LOST_AT_SEA": 1}


def test_transfers_are_read_back_to_a_time_page_by_page_although_pages_shift(exchange, rest):
    rows = [
        DEPOSIT | {"uuid": f"t{n}", "created_at": f"2026-11-{20 - n // 24:02}T{23 - n % 24:02}:00:00+09:00"}
        for n in range(250)
    ]

    def serve(request) -> Answer:
        page = int(dict(request.query)["page"])
        there = rows if len(exchange.requests) == 1 else [DEPOSIT | {"uuid": "new"}, *rows]
        return Answer(200, json.dumps(there[(page - 1) * 100 : page * 100]))

    exchange.serves(serve)
    since = AT - 7 * 86_400_000_000
    found = rest.transfers_since(TransferKind.DEPOSIT, since)
    assert len({one.transfer_id for one in found}) == len(found) == 129
    assert all(one.created_at >= since for one in found)
    assert len(exchange.requests) == 2


def test_an_exchange_that_ignores_the_page_of_transfers_is_a_bad_payload(exchange, rest):
    says(exchange, [DEPOSIT | {"uuid": f"t{n}"} for n in range(100)])
    with pytest.raises(BadPayload, match="page 2"):
        rest.transfers_since(TransferKind.DEPOSIT, 0)


# --- wallets


def test_wallets_are_read_with_what_is_not_told_left_unknown(exchange, rest):
    row = {
        "currency": "BTC", "wallet_state": "working", "block_state": "normal", "block_height": 921532,
        "block_updated_at": "2026-11-22T06:00:00.000+00:00", "block_elapsed_minutes": 8, "net_type": "BTC",
        "network_name": "Bitcoin",
    }  # fmt: skip
    bare = {"currency": "X", "wallet_state": "asleep", "block_state": None, "block_height": None}
    says(exchange, [row, bare])
    assert rest.wallets() == (
        WalletStatus("BTC", "BTC", "Bitcoin", WalletState.WORKING, BlockState.NORMAL, 921532, AT, 8),
        WalletStatus("X", "", "", WalletState.UNKNOWN, BlockState.UNKNOWN, None, None, None),
    )
    assert NEWS.counts() == {"wallet state=asleep": 1}
