"""Placing: which order is refused by what name, and what becomes of its identifier."""

from decimal import Decimal as D

import msgspec
import pytest

from domain import matching
from domain.matching.entry import BEYOND_BOOK
from domain.orders import OrderRequest, Side, TimeInForce
from tests.domain.matching_kit import (
    ASKS,
    BIDS,
    M,
    a_best,
    a_limit,
    a_market_buy,
    a_market_sale,
    accepted,
    an_exchange,
    refused,
    run,
    some_terms,
)

IOC = TimeInForce.IOC


# --- refusals


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (a_limit(price="1000.5"), "invalid_price_bid"),
        (a_limit(market="KRW-NONE"), "notfoundmarket"),
        (a_limit(volume="1"), "under_min_total_bid"),
        (a_limit(volume="9999"), "insufficient_funds_bid"),
        (a_limit(Side.SELL, volume="101"), "insufficient_funds_ask"),
        (a_market_sale("5"), "under_min_total_market_ask"),
        (a_best(Side.SELL, IOC, "5"), "under_min_total_market_ask"),
        (a_market_buy("200000"), BEYOND_BOOK),
        (a_market_sale("91"), BEYOND_BOOK),
        (a_best(Side.BUY, TimeInForce.GTC, "9000"), "invalid_time_in_force"),
    ],
)
def test_the_exchange_names_what_is_wrong(request_: OrderRequest, name: str) -> None:
    exchange = an_exchange(ASKS, BIDS, krw="1000000", coins="100")
    before = msgspec.msgpack.encode(exchange)
    assert refused(exchange, request_).name == name
    assert msgspec.msgpack.encode(exchange) == before


def test_a_sale_at_market_is_too_large_by_the_best_bid() -> None:
    exchange = an_exchange(bids="1000000x5000", coins="2000")
    assert refused(exchange, a_market_sale("1000.00000001")).name == "over_krw_funds_ask"


def test_a_total_without_its_fee_is_not_enough() -> None:
    exchange = an_exchange(ASKS, krw="10004.99")
    assert refused(exchange, a_limit(volume="10")).name == "insufficient_funds_bid"
    exchange.balances["KRW"].free = D(10005)
    accepted(exchange, a_limit(volume="10"))


def test_what_is_locked_cannot_be_spent_twice() -> None:
    exchange = an_exchange(krw="15000")
    accepted(exchange, a_limit(volume="10"))
    assert refused(exchange, a_limit(volume="10"), "o2").name == "insufficient_funds_bid"


def test_a_halted_market_says_so_with_another_status() -> None:
    exchange = an_exchange(ASKS)
    exchange.terms[M] = some_terms(state="maintenance")
    refusal = refused(exchange, a_limit())
    assert (refusal.name, refusal.status) == ("market_offline", 403)


def test_a_market_without_a_book_takes_limits_and_no_market_orders() -> None:
    exchange = an_exchange(coins="10")
    exchange.books.clear()
    assert refused(exchange, a_market_buy("5000")).name == BEYOND_BOOK
    assert refused(exchange, a_market_sale("10")).name == BEYOND_BOOK
    assert run(exchange, a_limit()) == ()


def test_only_the_first_thirty_levels_count_for_a_market_order() -> None:
    asks = " ".join(f"{price}x1" for price in range(1000, 1040))
    exchange = an_exchange(asks)
    thirty = sum(range(1000, 1030))
    assert refused(exchange, a_market_buy(str(thirty + 1))).name == BEYOND_BOOK
    accepted(exchange, a_market_buy(str(thirty)))


# --- identifiers


def test_an_identifier_is_used_up_by_an_order() -> None:
    exchange = an_exchange(ASKS)
    accepted(exchange, a_limit(identifier="mine"))
    assert refused(exchange, a_limit(identifier="mine"), "o2").name == "duplicated_identifier"
    found = matching.by_identifier(exchange, "mine")
    assert found is not None
    assert found.order_id == "o1"


@pytest.mark.parametrize("wrong", [a_limit(price="1000.5", identifier="mine"), a_limit(volume="1", identifier="mine")])
def test_an_identifier_is_used_up_by_a_refusal_too(wrong: OrderRequest) -> None:
    exchange = an_exchange(ASKS)
    refused(exchange, wrong)
    assert refused(exchange, a_limit(identifier="mine"), "o2").name == "duplicated_identifier"
    assert matching.by_identifier(exchange, "mine") is None


def test_a_duplicate_does_not_take_the_identifier_from_its_order() -> None:
    exchange = an_exchange(ASKS)
    accepted(exchange, a_limit(identifier="mine"))
    refused(exchange, a_limit(identifier="mine"), "o2")
    found = matching.by_identifier(exchange, "mine")
    assert found is not None
    assert found.order_id == "o1"


def test_orders_without_an_identifier_do_not_collide() -> None:
    exchange = an_exchange(ASKS)
    accepted(exchange, a_limit(), "o1")
    accepted(exchange, a_limit(), "o2")
    assert matching.by_identifier(exchange, "") is None
