"""What the private side tells of the account: policies and keys."""

import json
from decimal import Decimal as D

import pytest

from actors.upbit.news import NEWS
from domain.errors import BadPayload
from domain.market import Terms
from domain.orders import Balance, OrderType, Side, TimeInForce
from domain.policy import OrderKind
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
