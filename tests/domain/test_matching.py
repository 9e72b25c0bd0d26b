"""Taking from the displayed book, cancelling and asking: what each type and time in force does."""

from decimal import Decimal as D

import msgspec
import pytest

from domain import matching
from domain.market import Level, Terms
from domain.matching import Exchange, Finished, Refusal, exchange_for_one
from domain.matching.depth import walk
from domain.orders import ExchangeState, OrderReport, Side, TimeInForce
from tests.domain.matching_kit import (
    ASKS,
    AT,
    BIDS,
    FEE,
    Ids,
    M,
    a_best,
    a_book,
    a_limit,
    a_market_buy,
    a_market_sale,
    accepted,
    an_exchange,
    order,
    run,
    some_terms,
    states_of,
    traded,
)

IOC, FOK, POST_ONLY = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY


# --- taking


def test_a_crossing_limit_takes_the_resting_prices_level_by_level_and_rests_with_the_remainder() -> None:
    exchange = an_exchange(ASKS)
    events = run(exchange, a_limit(price="1001", volume="100"))
    assert traded(events) == [(1000, 50), (1001, 40)]
    assert states_of(events) == []
    assert (order(exchange).left, order(exchange).resting) == (10, True)


def test_a_limit_below_the_best_ask_takes_nothing() -> None:
    exchange = an_exchange(ASKS)
    assert run(exchange, a_limit(price="999")) == ()
    assert order(exchange).resting


def test_a_filled_limit_is_done() -> None:
    exchange = an_exchange(ASKS)
    events = run(exchange, a_limit(price="1001", volume="60"))
    assert states_of(events) == ["done"]
    assert exchange.orders == {}
    assert order(exchange).executed == 60


def test_ioc_drops_what_does_not_fill() -> None:
    exchange = an_exchange(ASKS)
    events = run(exchange, a_limit(price="1000", volume="60", force=IOC))
    assert traded(events) == [(1000, 50)]
    assert states_of(events) == ["cancel"]
    assert exchange.balances["KRW"].locked == 0


@pytest.mark.parametrize(("volume", "state", "filled"), [("90", "done", 90), ("90.00000001", "cancel", 0)])
def test_fok_is_all_or_nothing(volume: str, state: str, filled: int) -> None:
    exchange = an_exchange(ASKS)
    events = run(exchange, a_limit(price="1001", volume=volume, force=FOK))
    assert states_of(events) == [state]
    assert order(exchange).executed == filled
    assert exchange.balances["KRW"].locked == 0


def test_post_only_that_would_take_is_accepted_and_then_cancelled() -> None:
    exchange = an_exchange(ASKS)
    events = run(exchange, a_limit(price="1000", force=POST_ONLY))
    assert traded(events) == []
    assert states_of(events) == ["cancel"]
    assert exchange.balances["KRW"].free == 10_000_000


def test_post_only_that_would_not_take_rests() -> None:
    exchange = an_exchange(ASKS)
    assert run(exchange, a_limit(price="999", force=POST_ONLY)) == ()
    assert order(exchange).resting


def test_a_best_buy_takes_only_the_best_price_of_its_arrival() -> None:
    exchange = an_exchange(ASKS)
    events = run(exchange, a_best(Side.BUY, IOC, "60000"))
    assert traded(events) == [(1000, 50)]
    assert states_of(events) == ["cancel"]
    assert exchange.balances["KRW"].free == 10_000_000 - 50_000 * (1 + FEE)


def test_a_best_buy_keeps_its_price_when_the_book_moves_before_it_is_matched() -> None:
    exchange = an_exchange(ASKS)
    accepted(exchange, a_best(Side.BUY, IOC, "60000"))
    matching.on_book(exchange, M, a_book("1001x100"))
    events = matching.match_new(exchange, "o1", AT, Ids())
    assert traded(events) == []
    assert states_of(events) == ["cancel"]


def test_a_best_order_that_meets_an_empty_side_takes_nothing_that_comes_later() -> None:
    exchange = an_exchange()
    accepted(exchange, a_best(Side.BUY, IOC, "60000"))
    matching.on_book(exchange, M, a_book(ASKS))
    events = matching.match_new(exchange, "o1", AT, Ids())
    assert (traded(events), states_of(events)) == ([], ["cancel"])


@pytest.mark.parametrize(("funds", "state"), [("50000", "done"), ("50000.000009", "cancel"), ("50000.00002", "cancel")])
def test_a_best_buy_that_must_fill_whole(funds: str, state: str) -> None:
    exchange = an_exchange(ASKS)
    assert states_of(run(exchange, a_best(Side.BUY, FOK, funds))) == [state]
    # less than one unit left over still counts as whole, though Upbit calls the end of it `cancel`
    assert order(exchange).executed == (0 if funds == "50000.00002" else 50)


def test_a_best_sale_takes_only_the_best_bid() -> None:
    exchange = an_exchange(ASKS, BIDS, coins="100")
    events = run(exchange, a_best(Side.SELL, IOC, "40"))
    assert traded(events) == [(999, 30)]
    assert states_of(events) == ["cancel"]


def test_a_market_sale_walks_the_bids_and_is_done() -> None:
    exchange = an_exchange(ASKS, BIDS, coins="100")
    events = run(exchange, a_market_sale("80"))
    assert traded(events) == [(999, 30), (998, 50)]
    assert states_of(events) == ["done"]


def test_a_market_sale_that_finds_the_book_gone_is_cancelled_with_what_it_sold() -> None:
    exchange = an_exchange(ASKS, BIDS, coins="100")
    accepted(exchange, a_market_sale("80"))
    matching.on_book(exchange, M, a_book(bids="999x30"))
    events = matching.match_new(exchange, "o1", AT, Ids())
    assert states_of(events) == ["cancel"]
    assert (order(exchange).executed, exchange.balances["TST"].free) == (30, 70)


def test_two_orders_cannot_eat_the_same_size_until_the_next_book() -> None:
    exchange = an_exchange(ASKS)
    run(exchange, a_limit(price="1000", volume="45", force=IOC), "o1")
    assert traded(run(exchange, a_limit(price="1001", volume="10"), "o2")) == [(1000, 5), (1001, 5)]
    matching.on_book(exchange, M, a_book(ASKS))
    assert traded(run(exchange, a_limit(price="1001", volume="10"), "o3")) == [(1000, 10)]


def test_what_a_buy_took_of_the_asks_is_not_missing_from_the_bids() -> None:
    exchange = an_exchange("1000x50", "999x30", coins="30")
    run(exchange, a_limit(price="1000", volume="50"), "o1")
    matching.on_book(exchange, M, a_book("1001x50", "1000x50"))
    run(exchange, a_limit(price="1001", volume="50"), "o2")
    assert traded(run(exchange, a_limit(Side.SELL, price="1000", volume="30"), "o3")) == [(1000, 30)]


def test_an_order_is_matched_once() -> None:
    exchange = an_exchange(ASKS)
    run(exchange, a_limit(price="999"))
    matching.on_book(exchange, M, a_book("998x50"))
    assert matching.match_new(exchange, "o1", AT, Ids()) == ()
    assert matching.match_new(exchange, "unknown", AT, Ids()) == ()


# --- the oracle's walks through a book


def levels_of(rows: list[list[str]]) -> list[Level]:
    return [Level(D(price), D(size)) for price, size in rows]


def test_buys_walk_the_book_as_the_oracle_does(money_cases: dict[str, list[dict[str, str]]]) -> None:
    for case in money_cases["walk_buy"]:
        cap = D(case["ref"]) * (1 + D(case["cap"]))
        asks = [level for level in levels_of(case["asks"]) if level.price <= cap]  # type: ignore[arg-type]
        taken = walk(asks, D(0), D(case["funds"]))
        assert sum(level.size for level in taken) == D(case["qty"])
        assert sum(level.size * level.price for level in taken) == D(case["spent"])


def test_sales_walk_the_book_as_the_oracle_does(money_cases: dict[str, list[dict[str, str]]]) -> None:
    for case in money_cases["walk_sell"]:
        least = D(case["ref"]) * (1 - D(case["cap"])) if case["cap"] is not None else D(0)
        bids = [level for level in levels_of(case["bids"]) if level.price >= least]  # type: ignore[arg-type]
        taken = walk(bids, D(case["qty"]))
        assert sum(level.size for level in taken) == D(case["sold"])
        assert sum(level.size * level.price for level in taken) == D(case["received"])


# --- cancelling and asking


def test_an_accepted_cancel_leaves_the_order_waiting_until_it_lands() -> None:
    exchange = an_exchange(ASKS)
    run(exchange, a_limit(price="999"))
    answer = matching.cancel(exchange, "o1", AT)
    assert isinstance(answer, OrderReport)
    assert answer.state is ExchangeState.WAIT
    events = matching.cancel_now(exchange, "o1", AT + 1)
    assert states_of(events) == ["cancel"]
    assert exchange.balances["KRW"].free == 10_000_000
    assert (order(exchange).finished_at, order(exchange).resting) == (AT + 1, False)


def test_a_cancel_that_lands_before_the_matching_wins() -> None:
    exchange = an_exchange(ASKS)
    accepted(exchange, a_limit(price="1000"))
    assert states_of(matching.cancel_now(exchange, "o1", AT)) == ["cancel"]
    assert matching.match_new(exchange, "o1", AT, Ids()) == ()


def test_a_cancel_lost_to_a_fill_changes_nothing() -> None:
    exchange = an_exchange(ASKS)
    run(exchange, a_limit(price="1000"))
    before = msgspec.msgpack.encode(exchange)
    assert matching.cancel_now(exchange, "o1", AT) == ()
    assert msgspec.msgpack.encode(exchange) == before


@pytest.mark.parametrize("order_id", ["o1", "never"])
def test_cancelling_what_is_over_or_unknown_finds_no_order(order_id: str) -> None:
    exchange = an_exchange(ASKS)
    run(exchange, a_limit(price="1000"))
    answer = matching.cancel(exchange, order_id, AT)
    assert isinstance(answer, Refusal)
    assert (answer.name, answer.status) == ("order_not_found", 404)


def test_a_report_tells_every_fill() -> None:
    exchange = an_exchange(ASKS)
    events = run(exchange, a_limit(price="1001", volume="60", identifier="mine"))
    told = matching.report(exchange, "o1")
    (finished,) = [event for event in events if isinstance(event, Finished)]
    assert told == finished.report
    assert told is not None
    assert told.complete
    assert [fill.trade_id for fill in told.fills] == ["t1", "t2"]
    assert {fill.identifier for fill in told.fills} == {"mine"}
    assert told.executed_volume == 60
    assert told.paid_fee == (50_000 + 10_010) * FEE
    assert matching.report(exchange, "never") is None


def test_only_a_limit_tells_a_price() -> None:
    exchange = an_exchange(ASKS)
    assert accepted(exchange, a_limit(price="990"), "o1").price == 990
    assert accepted(exchange, a_best(Side.BUY, IOC, "9000"), "o2").price is None
    assert accepted(exchange, a_market_buy("9000"), "o3").price is None


def test_open_and_closed_orders_are_listed_by_market() -> None:
    exchange = an_exchange(ASKS)
    exchange.terms["KRW-ABC"] = replace_market(exchange.terms[M], "KRW-ABC")
    run(exchange, a_limit(price="990"), "o1")
    run(exchange, a_limit(price="991", market="KRW-ABC"), "o2")
    run(exchange, a_limit(price="1000"), "o3")
    matching.cancel_now(exchange, "o1", AT)
    assert [report.order_id for report in matching.open_orders(exchange)] == ["o2"]
    assert matching.open_orders(exchange, M) == ()
    assert [report.order_id for report in matching.closed_orders(exchange)] == ["o3", "o1"]
    assert matching.closed_orders(exchange, "KRW-ABC") == ()


def replace_market(terms: Terms, market: str) -> Terms:
    return msgspec.structs.replace(terms, market=market)


def test_the_request_is_kept() -> None:
    exchange = an_exchange(ASKS)
    accepted(exchange, a_market_buy("9000"))
    assert matching.request_of(exchange, "o1") == a_market_buy("9000")
    assert matching.request_of(exchange, "o2") is None


def test_an_exchange_starts_empty_and_on_its_own() -> None:
    one, other = exchange_for_one({}), exchange_for_one({})
    one.identifiers["x"] = ""
    one.terms[M] = some_terms()
    assert other == exchange_for_one({})


def test_a_state_of_the_time_before_accounts_is_refused_and_not_read_as_an_empty_one() -> None:
    with pytest.raises(msgspec.DecodeError, match="accounts"):
        msgspec.msgpack.decode(msgspec.msgpack.encode({"balances": {}, "identifiers": {}}), type=Exchange)
