"""Resting orders: only trades fill them, and only once the queue ahead has traded (quant.md EXE-05)."""

from decimal import Decimal as D
from typing import Any

import pytest

from domain import matching
from domain.matching import Exchange, Executed
from domain.orders import Side
from tests.domain.matching_kit import (
    AT,
    Ids,
    M,
    a_book,
    a_limit,
    a_trade,
    accepted,
    an_exchange,
    order,
    run,
    states_of,
    traded,
)


def trade(exchange: Exchange, price: str, volume: str, taker: Side = Side.SELL) -> list[tuple[D, D]]:
    return traded(matching.on_trade(exchange, M, a_trade(price, volume, taker), Ids()))


def resting(ahead: str, volume: str = "40") -> Exchange:
    """A bid of 1000 behind `ahead`."""
    exchange = an_exchange("1001x50", f"1000x{ahead} 990x5")
    run(exchange, a_limit(volume=volume))
    return exchange


def test_resting_orders_fill_as_the_oracle_says(money_cases: dict[str, list[dict[str, Any]]]) -> None:
    for case in money_cases["queue_fill"]:
        side = Side.BUY if case["side"] == "bid" else Side.SELL
        exchange = an_exchange("1001x10", "1000x60", coins="100")
        run(exchange, a_limit(side, case["price"], case["qty"]))
        fills: list[tuple[D, D]] = []
        for event in case["events"]:
            if event[0] == "book":
                _, price, size = event
                matching.on_book(exchange, M, a_book("1001x10", f"{price}x{size}"))
                continue
            _, price, volume, aggressor = event
            fills += trade(exchange, price, volume, Side.SELL if aggressor == "ask" else Side.BUY)
        assert fills == [(D(price), D(volume)) for price, volume in case["fills"]]
        assert order(exchange).executed == D(case["filled"])
        assert order(exchange).ahead == D(case["ahead"])


def test_the_queue_ahead_is_the_size_displayed_at_our_price() -> None:
    exchange = resting("60")
    assert trade(exchange, "1000", "50") == []
    assert order(exchange).ahead == 10
    assert trade(exchange, "1000", "30") == [(1000, 20)]
    assert order(exchange).left == 20


def test_a_resting_sale_is_filled_by_buyers() -> None:
    exchange = an_exchange("1001x10", "1000x60", coins="40")
    run(exchange, a_limit(Side.SELL, "1001", "40"))
    assert trade(exchange, "1001", "30", Side.BUY) == [(1001, 20)]
    assert trade(exchange, "1005", "100", Side.BUY) == [(1001, 20)]
    assert order(exchange).state.value == "done"


def test_a_trade_through_our_price_fills_us_at_our_price_up_to_its_size() -> None:
    exchange = resting("60")
    assert trade(exchange, "999", "15") == [(1000, 15)]
    assert trade(exchange, "999", "100") == [(1000, 25)]
    assert order(exchange).state.value == "done"
    assert exchange.balances["KRW"].locked == 0


@pytest.mark.parametrize(("price", "taker"), [("1000", Side.BUY), ("999", Side.BUY), ("1001", Side.SELL)])
def test_other_trades_do_not_touch_us(price: str, taker: Side) -> None:
    exchange = resting("5")
    assert trade(exchange, price, "100", taker) == []
    assert order(exchange).ahead == 5


def test_a_trade_of_another_market_does_not_touch_us() -> None:
    exchange = resting("5")
    assert matching.on_trade(exchange, "KRW-ABC", a_trade("999", "100"), Ids()) == ()


def test_an_order_not_matched_yet_does_not_trade() -> None:
    exchange = an_exchange("1001x50")
    accepted(exchange, a_limit())
    assert trade(exchange, "999", "100") == []
    matching.on_book(exchange, M, a_book("999x1", "998x1"))
    assert not order(exchange).resting


def test_a_smaller_displayed_size_caps_the_queue_and_a_larger_one_does_not_grow_it() -> None:
    exchange = resting("60")
    matching.on_book(exchange, M, a_book("1001x50", "1000x20 990x5"))
    assert order(exchange).ahead == 20
    matching.on_book(exchange, M, a_book("1001x50", "1000x80 990x5"))
    assert order(exchange).ahead == 20


def test_a_price_inside_the_displayed_range_where_nothing_stands_has_no_queue() -> None:
    exchange = resting("60")
    matching.on_book(exchange, M, a_book("1001x50", "1001x3 990x5"))
    assert order(exchange).ahead == 0
    assert trade(exchange, "1000", "7") == [(1000, 7)]


def test_a_queue_below_the_displayed_book_is_unknown_and_not_zero() -> None:
    exchange = an_exchange("1001x50", "1000x10 999x10")
    run(exchange, a_limit(price="990", volume="10"))
    assert order(exchange).ahead is None
    assert trade(exchange, "990", "100") == []
    matching.on_book(exchange, M, a_book("995x5", "991x10 990x30"))
    assert order(exchange).ahead == 30
    matching.on_book(exchange, M, a_book("1001x50", "1000x10 999x10"))
    assert order(exchange).ahead == 30


def test_a_sale_above_the_displayed_book_waits_the_same_way() -> None:
    exchange = an_exchange("1001x50", "1000x10", coins="10")
    run(exchange, a_limit(Side.SELL, price="1010", volume="10"))
    assert order(exchange).ahead is None
    assert trade(exchange, "1011", "100", Side.BUY) == [(1010, 10)]


def test_a_book_alone_never_fills_a_resting_order() -> None:
    exchange = resting("0.5")
    matching.on_book(exchange, M, a_book("900x50", "899x5"))
    assert order(exchange).executed == 0


def test_of_our_own_orders_the_better_price_comes_first_and_then_the_older() -> None:
    exchange = an_exchange("1010x1", "990x1")
    for order_id, price in (("o1", "1000"), ("o2", "1002"), ("o3", "1000")):
        run(exchange, a_limit(price=price, volume="10"), order_id)
    events = matching.on_trade(exchange, M, a_trade("1000", "25"), Ids())
    filled = [(event.fill.order_id, event.fill.volume) for event in events if isinstance(event, Executed)]
    assert filled == [("o2", 10), ("o1", 10), ("o3", 5)]
    assert states_of(events) == ["done", "done"]


def test_sales_of_ours_are_met_cheapest_first() -> None:
    exchange = an_exchange("1020x1", "990x1", coins="30")
    for order_id, price in (("o1", "1002"), ("o2", "1000")):
        run(exchange, a_limit(Side.SELL, price, "10"), order_id)
    events = matching.on_trade(exchange, M, a_trade("1005", "15", Side.BUY), Ids())
    filled = [(event.fill.order_id, event.fill.volume) for event in events if isinstance(event, Executed)]
    assert filled == [("o2", 10), ("o1", 5)]


def test_two_orders_behind_one_queue_wait_for_it_once() -> None:
    exchange = an_exchange("1001x50", "1000x20")
    run(exchange, a_limit(volume="5"), "o1")
    run(exchange, a_limit(volume="50"), "o2")
    assert trade(exchange, "1000", "40") == [(1000, 5), (1000, 15)]
    assert (order(exchange, "o2").ahead, order(exchange, "o2").left) == (0, 35)


def test_what_a_better_order_of_ours_got_does_not_also_eat_the_queue_of_the_next() -> None:
    exchange = an_exchange("1010x1", "1000x20")
    run(exchange, a_limit(price="1002", volume="10"), "o1")
    run(exchange, a_limit(price="1000", volume="10"), "o2")
    assert trade(exchange, "1000", "15") == [(1002, 10)]
    assert order(exchange, "o2").ahead == 15


def test_the_book_of_another_market_leaves_our_queue_alone() -> None:
    exchange = resting("60")
    matching.on_book(exchange, "KRW-ABC", a_book("1001x50", "1000x20"))
    assert order(exchange).ahead == 60


def test_without_a_book_the_queue_is_unknown_and_only_trades_through_fill() -> None:
    exchange = an_exchange()
    exchange.books.clear()
    run(exchange, a_limit())
    assert trade(exchange, "1000", "100") == []
    assert trade(exchange, "999", "4") == [(1000, 4)]


def test_one_trade_never_gives_more_than_its_volume() -> None:
    exchange = an_exchange("1010x1", "980x1")
    for number in range(4):
        run(exchange, a_limit(price=str(1000 + number), volume="10"), f"o{number}")
    assert sum(volume for _, volume in trade(exchange, "990", "25")) == 25


def test_a_resting_fill_is_a_makers_and_has_the_time_of_the_trade() -> None:
    exchange = resting("1")
    events = matching.on_trade(exchange, M, a_trade("999", "10"), Ids())
    (executed,) = [event for event in events if isinstance(event, Executed)]
    assert executed.is_maker
    assert executed.fill.at == AT
    assert executed.trade_fee == executed.fill.fee == 5
    taker = an_exchange("1000x50")
    (took,) = [event for event in run(taker, a_limit()) if isinstance(event, Executed)]
    assert not took.is_maker
