"""Orders that meet each other: who trades with whom, what self-match prevention takes, and the queue they stand in."""

from decimal import Decimal as D
from typing import Any

import pytest

from domain import matching
from domain.matching import (
    MAIN,
    Account,
    BalanceChanged,
    Event,
    Exchange,
    Executed,
    Habits,
    Holding,
    Prevented,
    SelfMatch,
)
from domain.orders import OrderReport, OrderRequest, Side, TimeInForce
from tests.domain.matching_kit import (
    AT,
    FEE,
    Ids,
    M,
    a_book,
    a_limit,
    a_market_buy,
    a_market_sale,
    a_trade,
    an_exchange,
    order,
    states_of,
    traded,
)

CANCEL_MAKER, CANCEL_TAKER = SelfMatch.CANCEL_MAKER, SelfMatch.CANCEL_TAKER
REDUCE, NONE = SelfMatch.REDUCE, SelfMatch.NONE


def run(
    exchange: Exchange, request: OrderRequest, order_id: str, rule: SelfMatch | None = None, **where: Any
) -> tuple[Event, ...]:
    placed = matching.place(exchange, request, order_id, AT, smp_type=rule, **where)
    assert isinstance(placed, OrderReport), placed
    return matching.match_new(exchange, order_id, AT, Ids())


def with_own_ask(volume: str = "10", asks: str = "1001x50") -> Exchange:
    """An own ask of 1000 rests before the displayed asks."""
    exchange = an_exchange(asks, "990x50", coins="100")
    assert run(exchange, a_limit(Side.SELL, "1000", volume), "ask") == ()
    return exchange


def told(events: tuple[Event, ...]) -> list[tuple[str, str]]:
    """Order and what happened to it, in the words of myOrder."""
    words = []
    for event in events:
        if isinstance(event, Executed):
            words.append((event.fill.order_id, "trade"))
        elif isinstance(event, Prevented):
            words.append((event.report.order_id, "prevented"))
        elif not isinstance(event, BalanceChanged):
            words.append((event.report.order_id, event.report.state.value))
    return words


def test_case_k_a_prevented_bid_tells_its_volume_and_what_that_freed() -> None:
    exchange = an_exchange(market="KRW-BTC", coins="1")
    run(exchange, a_limit(Side.BUY, "155772000", "0.0003", market="KRW-BTC"), "bid")
    events = run(exchange, a_limit(Side.SELL, "155772000", "0.0003", market="KRW-BTC"), "ask", CANCEL_MAKER)
    bid = order(exchange, "bid")
    assert (bid.prevented, bid.prevented_locked) == (D("0.0003"), D("46754.9658"))
    assert told(events) == [("bid", "cancel")]
    assert exchange.balances["KRW"] == Holding(D(10_000_000))
    assert BalanceChanged("KRW", D(10_000_000), D(0)) in events
    assert order(exchange, "ask").resting


def test_cancel_maker_ends_the_resting_order_and_goes_on_to_the_next() -> None:
    exchange = with_own_ask()
    events = run(exchange, a_limit(price="1001", volume="30"), "bid", CANCEL_MAKER)
    assert told(events) == [("ask", "cancel"), ("bid", "trade"), ("bid", "done")]
    assert traded(events) == [(1001, 30)]
    assert (order(exchange, "ask").prevented, order(exchange, "ask").prevented_locked) == (10, 10)
    assert exchange.balances["TST"].locked == 0


def test_cancel_taker_ends_the_incoming_order_where_it_meets_its_own() -> None:
    exchange = an_exchange("999x5 1001x50", "990x50", coins="100")
    run(exchange, a_limit(Side.SELL, "1000", "10"), "ask")
    events = run(exchange, a_limit(price="1001", volume="30"), "bid", CANCEL_TAKER)
    assert told(events) == [("bid", "trade"), ("bid", "cancel")]
    bid = order(exchange, "bid")
    assert (bid.executed, bid.prevented, bid.prevented_locked) == (5, 25, 25 * 1001 * (1 + FEE))
    assert exchange.balances["KRW"].locked == 0
    assert (order(exchange, "ask").resting, order(exchange, "ask").left) == (True, 10)


def test_reduce_takes_the_overlap_from_both_and_tells_the_one_that_goes_on() -> None:
    exchange = with_own_ask("10")
    events = run(exchange, a_limit(price="1000", volume="30"), "bid", REDUCE)
    assert told(events) == [("ask", "cancel"), ("bid", "prevented")]
    bid = order(exchange, "bid")
    assert (bid.left, bid.prevented, bid.prevented_locked) == (20, 10, 10_000 * (1 + FEE))
    assert exchange.balances["KRW"].locked == bid.locked == 20_000 * (1 + FEE)
    assert bid.remaining_fee == 10


def test_reduce_leaves_the_larger_resting_order_with_the_rest() -> None:
    exchange = with_own_ask("40")
    events = run(exchange, a_limit(price="1001", volume="30"), "bid", REDUCE)
    assert told(events) == [("ask", "prevented"), ("bid", "cancel")]
    assert (order(exchange, "ask").left, exchange.balances["TST"].locked) == (10, 10)


def test_a_buy_by_total_is_reduced_by_what_the_overlap_costs() -> None:
    exchange = with_own_ask("10")
    events = run(exchange, a_market_buy("30000"), "bid", REDUCE)
    assert told(events) == [("ask", "cancel"), ("bid", "prevented"), ("bid", "trade"), ("bid", "cancel")]
    bid = order(exchange, "bid")
    assert (bid.prevented, bid.prevented_locked) == (10, 10_000 * (1 + FEE))
    assert traded(events) == [(1001, D("19.98001998"))]
    assert exchange.balances["KRW"].locked == 0


def test_a_buy_by_total_that_meets_its_own_order_gives_everything_back() -> None:
    exchange = with_own_ask()
    events = run(exchange, a_market_buy("30000.000005"), "bid", CANCEL_TAKER)
    assert told(events) == [("bid", "cancel")]
    assert order(exchange, "bid").prevented == 30
    assert exchange.balances["KRW"] == Holding(D(10_000_000))


@pytest.mark.parametrize("rule", [NONE, None])
def test_without_prevention_an_order_trades_with_its_own(rule: SelfMatch | None) -> None:
    exchange = with_own_ask("10")
    events = run(exchange, a_limit(price="1001", volume="15"), "bid", rule)
    assert told(events) == [("bid", "trade"), ("ask", "trade"), ("ask", "done"), ("bid", "trade"), ("bid", "done")]
    assert [event.is_maker for event in events if isinstance(event, Executed)] == [False, True, False]
    ids = [event.fill.trade_id for event in events if isinstance(event, Executed)]
    assert len(set(ids)) == 3
    fees = 2 * 10_000 * FEE + 5 * 1001 * FEE
    assert exchange.balances["KRW"].free == 10_000_000 - 5 * 1001 - fees
    assert exchange.balances["TST"].free == 105


def test_the_displayed_queue_before_an_own_order_is_met_first() -> None:
    exchange = an_exchange("1000x20", coins="100")
    run(exchange, a_limit(Side.SELL, "1000", "10"), "ask")
    matching.on_book(exchange, M, a_book("1000x50"))
    assert order(exchange, "ask").ahead == 20
    events = run(exchange, a_limit(price="1000", volume="45"), "bid", NONE)
    assert traded(events) == [(1000, 20), (1000, 10), (1000, 10), (1000, 15)]
    assert exchange.taken[M] == {"1000": 35}


def test_what_an_order_takes_of_the_queue_moves_the_resting_order_up() -> None:
    exchange = an_exchange("1000x20", coins="100")
    run(exchange, a_limit(Side.SELL, "1000", "10"), "ask")
    run(exchange, a_limit(price="1000", volume="15"), "bid", CANCEL_MAKER)
    assert order(exchange, "ask").ahead == 5
    assert traded(matching.on_trade(exchange, M, a_trade("1000", "8", Side.BUY), Ids())) == [(1000, 3)]


def test_the_better_price_and_then_the_older_order_is_met_first() -> None:
    exchange = an_exchange(coins="100")
    for order_id, price in (("a", "1001"), ("b", "1000"), ("c", "1000")):
        run(exchange, a_limit(Side.SELL, price, "10"), order_id)
    events = run(exchange, a_limit(price="1001", volume="25"), "bid", NONE)
    makers = [event.fill.order_id for event in events if isinstance(event, Executed) and event.is_maker]
    assert makers == ["b", "c", "a"]
    assert order(exchange, "a").left == 5


@pytest.mark.parametrize(("rule", "state"), [(CANCEL_MAKER, "done"), (NONE, "done"), (REDUCE, "cancel")])
def test_a_fok_counts_only_what_it_may_trade_with(rule: SelfMatch, state: str) -> None:
    exchange = with_own_ask(volume="10", asks="1001x20")
    volume = "20" if rule is CANCEL_MAKER else "30"
    events = run(exchange, a_limit(price="1001", volume=volume, force=TimeInForce.FOK), "bid", rule)
    assert states_of(events)[-1] == state
    assert (order(exchange, "bid").executed == D(volume)) is (state == "done")
    assert rule is not REDUCE or order(exchange, "ask").resting


def test_post_only_does_not_take_an_own_order_either() -> None:
    exchange = with_own_ask()
    events = run(exchange, a_limit(price="1000", force=TimeInForce.POST_ONLY), "bid", NONE)
    assert told(events) == [("bid", "cancel")]
    assert order(exchange, "ask").resting


def test_a_sale_meets_its_own_bids() -> None:
    exchange = an_exchange(bids="998x100", coins="50")
    run(exchange, a_limit(price="999", volume="10"), "bid")
    events = run(exchange, a_market_sale("30"), "ask", CANCEL_MAKER)
    assert told(events) == [("bid", "cancel"), ("ask", "trade"), ("ask", "done")]
    assert traded(events) == [(998, 30)]


# --- several accounts


def two_accounts(members: tuple[str, str], **habits: bool) -> Exchange:
    exchange = an_exchange("1001x50", "990x50", coins="100")
    exchange.habits = Habits(**habits)
    exchange.accounts[MAIN].member = members[0]
    exchange.accounts["other"] = Account({"KRW": Holding(D(1_000_000))}, member=members[1])
    run(exchange, a_limit(Side.SELL, "1000", "10"), "ask")
    return exchange


def test_orders_of_two_members_trade_whatever_their_rule() -> None:
    exchange = two_accounts(("ann", "ben"))
    events = run(exchange, a_limit(price="1000", volume="10"), "bid", CANCEL_TAKER, account="other")
    assert told(events) == [("bid", "trade"), ("ask", "trade"), ("ask", "done"), ("bid", "done")]
    other = exchange.accounts["other"].balances
    assert (other["KRW"].free, other["TST"].free) == (1_000_000 - 10_000 * (1 + FEE), 10)
    assert exchange.balances["KRW"].free == 10_000_000 + 10_000 * (1 - FEE)
    assert {event.account for event in events if isinstance(event, BalanceChanged)} == {MAIN, "other"}


@pytest.mark.parametrize(("by_member", "executed"), [(True, 0), (False, 10)])
def test_accounts_of_one_member_are_kept_apart_or_not(by_member: bool, executed: int) -> None:  # noqa: FBT001 (a table)
    exchange = two_accounts(("ann", "ann"), smp_by_member=by_member)
    run(exchange, a_limit(price="1000", volume="10"), "bid", CANCEL_MAKER, account="other")
    assert order(exchange, "bid").executed == executed


def test_two_accounts_cannot_take_the_same_displayed_size() -> None:
    exchange = an_exchange("1000x10")
    exchange.accounts["other"] = Account({"KRW": Holding(D(1_000_000))}, member="ben")
    assert traded(run(exchange, a_limit(volume="10"), "o1")) == [(1000, 10)]
    assert run(exchange, a_limit(volume="10"), "o2", account="other") == ()


def test_one_public_trade_is_shared_by_the_orders_of_all_accounts() -> None:
    exchange = an_exchange("1010x1", "980x1")
    exchange.accounts["other"] = Account({"KRW": Holding(D(1_000_000))}, member="ben")
    run(exchange, a_limit(volume="10"), "o1")
    run(exchange, a_limit(volume="10"), "o2", account="other")
    assert traded(matching.on_trade(exchange, M, a_trade("999", "15"), Ids())) == [(1000, 10), (1000, 5)]


def test_each_account_has_its_own_identifiers() -> None:
    exchange = two_accounts(("ann", "ben"))
    for account in (MAIN, "other"):
        placed = matching.place(exchange, a_limit(identifier="one", price="900"), f"o{account}", AT, account=account)
        assert isinstance(placed, OrderReport)
    mine, other = (matching.by_identifier(exchange, "one", account) for account in (MAIN, "other"))
    assert mine is not None
    assert other is not None
    assert (mine.order_id, other.order_id) == ("omain", "oother")
