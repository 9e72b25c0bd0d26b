"""Cases A to L of upbit-api.md 11.3: what is locked, filled, charged and given back, to the last digit."""

from decimal import Decimal as D

import pytest

from domain import matching
from domain.matching import BalanceChanged, Exchange, Habits
from domain.money import won_floor
from domain.orders import ExchangeState, OrderRequest, Side
from tests.domain.matching_kit import (
    AT,
    FEE,
    Ids,
    a_limit,
    a_market_buy,
    a_market_sale,
    a_trade,
    accepted,
    an_exchange,
    fills_of,
    order,
    refused,
    run,
    states_of,
    traded,
)

BTC = "KRW-BTC"


@pytest.mark.parametrize(
    ("price", "volume", "reserved", "locked"),
    [
        ("155772000", "0.0001", "7.7886", "15584.9886"),
        ("613", "10", "3.065", "6133.065"),
        ("100000000", "0.00008", "4", "8004"),
    ],
)
def test_case_a_a_limit_bid_locks_its_total_and_fee(price: str, volume: str, reserved: str, locked: str) -> None:
    exchange = an_exchange()
    report = accepted(exchange, a_limit(price=price, volume=volume))
    assert report.state is ExchangeState.WAIT
    assert report.locked == D(locked)
    assert order(exchange).reserved_fee == order(exchange).remaining_fee == D(reserved)
    assert exchange.balances["KRW"].locked == D(locked)
    assert exchange.balances["KRW"].free == D(10_000_000) - D(locked)


def improved_fill(*, release_at_fill: bool) -> Exchange:
    exchange = an_exchange(asks="99990000x0.0004")
    exchange.habits = Habits(release_at_fill=release_at_fill)
    accepted(exchange, a_limit(price="100000000", volume="0.001"))
    assert (order(exchange).reserved_fee, order(exchange).locked) == (50, 100_050)
    events = matching.match_new(exchange, "o1", AT, Ids())
    (fill,) = fills_of(events)
    assert (fill.funds, fill.fee) == (39_996, D("19.998"))
    return exchange


def test_case_b_a_surplus_stays_locked_until_the_order_ends() -> None:
    exchange = improved_fill(release_at_fill=False)
    assert order(exchange).locked == exchange.balances["KRW"].locked == D("60034.002")
    assert order(exchange).remaining_fee == D("30.002")
    matching.cancel_now(exchange, "o1", AT)
    assert order(exchange).locked == order(exchange).remaining_fee == exchange.balances["KRW"].locked == 0
    assert exchange.balances["KRW"].free == 10_000_000 - D("40015.998")


def test_case_b_switched_gives_the_surplus_back_at_once() -> None:
    exchange = improved_fill(release_at_fill=True)
    assert order(exchange).locked == exchange.balances["KRW"].locked == 60_030
    assert order(exchange).remaining_fee == 30
    assert exchange.balances["KRW"].free == 10_000_000 - 100_050 + D("4.002")


def test_a_buy_by_total_has_no_limit_to_release_a_surplus_from() -> None:
    exchange = an_exchange(asks="3000x2 3010x5")
    exchange.habits = Habits(release_at_fill=True)
    events = run(exchange, a_market_buy("10000"))
    assert states_of(events) == ["cancel"]
    assert exchange.balances["KRW"].free == 10_000_000 - D("9999.9999865") * (1 + FEE)


@pytest.mark.parametrize(
    ("total", "asks", "fills", "fee", "left", "state"),
    [
        ("10000", "30000x5", [("30000", "0.33333333")], "4.99999995", "0.0001", "cancel"),
        ("10000", "3000x2 3010x5", [("3000", "2"), ("3010", "1.32890365")], "4.99999999325", "0.0000135", "cancel"),
        ("6000", "3000x2 3010x5", [("3000", "2")], "3", "0", "done"),
        (
            "100000",
            "155772000x0.0005 155773000x0.01",
            [("155772000", "0.0005"), ("155773000", "0.00014196")],
            "49.99976754",
            "0.46492",
            "cancel",
        ),
    ],
)
def test_cases_c_to_f_a_market_buy_spends_its_total_down_to_less_than_a_unit(  # noqa: PLR0913, PLR0917 (a table)
    total: str, asks: str, fills: list[tuple[str, str]], fee: str, left: str, state: str
) -> None:
    exchange = an_exchange(asks=asks)
    report = accepted(exchange, a_market_buy(total))
    assert report.locked == D(total) * (1 + FEE)
    events = matching.match_new(exchange, "o1", AT, Ids())
    assert traded(events) == [(D(price), D(volume)) for price, volume in fills]
    assert states_of(events) == [state]
    assert order(exchange).paid_fee == D(fee)
    assert order(exchange).funds_left == D(left)
    krw, spent = exchange.balances["KRW"], D(total) - D(left)
    assert krw.locked == 0
    assert krw.free == 10_000_000 - spent - D(fee)
    assert exchange.balances["TST"].free == sum(D(volume) for _, volume in fills)


def test_case_g_a_market_sale_is_credited_its_funds_less_the_fee() -> None:
    exchange = an_exchange(bids="1375x100", krw="0", coins="5.377594")
    report = accepted(exchange, a_market_sale("5.377594"))
    assert (report.locked, order(exchange).reserved_fee) == (D("5.377594"), 0)
    events = matching.match_new(exchange, "o1", AT, Ids())
    (fill,) = fills_of(events)
    assert (fill.funds, fill.fee) == (D("7394.19175"), D("3.697095875"))
    assert states_of(events) == ["done"]
    assert exchange.balances["KRW"].free == D("7390.494654125")
    assert exchange.balances["TST"].free == exchange.balances["TST"].locked == 0


def test_case_h_a_limit_sale_locks_its_volume_and_no_fee() -> None:
    exchange = an_exchange(krw="0", coins="0.0001", market=BTC)
    report = accepted(exchange, a_limit(Side.SELL, "155772000", "0.0001", market=BTC))
    assert report.locked == exchange.balances["BTC"].locked == D("0.0001")
    assert order(exchange).reserved_fee == 0
    matching.match_new(exchange, "o1", AT, Ids())
    matching.on_trade(exchange, BTC, a_trade("155773000", "1", Side.BUY), Ids())
    assert exchange.balances["KRW"].free == D("15569.4114")
    assert order(exchange).locked == 0


def test_case_i_an_order_below_the_minimum_is_refused() -> None:
    exchange = an_exchange(market=BTC)
    assert refused(exchange, a_limit(price="155772000", volume="0.00003209", market=BTC)).name == "under_min_total_bid"
    assert accepted(exchange, a_limit(price="155772000", volume="0.0000321", market=BTC)).locked > 5_000


@pytest.mark.parametrize(
    ("balance", "total", "needs"),
    [("10000", "9995", "9999.9975"), ("1386929.37231066771348207123", "1386236", "1386929.118")],
)
def test_case_j_everything_can_be_spent_but_for_the_fee(balance: str, total: str, needs: str) -> None:
    exchange = an_exchange(asks="1000x100000", krw=balance)
    assert won_floor(D(balance) / (1 + FEE)) == D(total)
    assert refused(exchange, a_market_buy(str(D(total) + 1))).name == "insufficient_funds_bid"
    assert accepted(exchange, a_market_buy(total)).locked == D(needs)
    assert exchange.balances["KRW"].free == D(balance) - D(needs)


def test_case_k_what_an_untraded_bid_ties_up_comes_back_whole() -> None:
    exchange = an_exchange(market=BTC)
    assert accepted(exchange, a_limit(price="155772000", volume="0.0003", market=BTC)).locked == D("46754.9658")
    matching.match_new(exchange, "o1", AT, Ids())
    events = matching.cancel_now(exchange, "o1", AT)
    assert BalanceChanged("KRW", D(10_000_000), D(0)) in events


def test_case_l_a_position_that_fell_below_the_minimum_is_dust() -> None:
    exchange = an_exchange(asks="1000x100", bids="988x100")
    run(exchange, a_market_buy("5000"))
    held = exchange.balances["TST"].free
    assert held == 5
    assert refused(exchange, a_market_sale("5"), "o2").name == "under_min_total_market_ask"


def test_a_fill_pays_the_fee_of_the_acceptance_whatever_the_terms_say_later() -> None:
    exchange = an_exchange()
    run(exchange, a_limit(price="1000", volume="10"))
    terms = exchange.terms["KRW-TST"]
    exchange.terms["KRW-TST"] = type(terms)("KRW-TST", FEE * 5, FEE * 5, D(5_000), D(5_000), D(10**9), "active")
    (fill,) = fills_of(matching.on_trade(exchange, "KRW-TST", a_trade("999", "10"), Ids()))
    assert fill.fee == 5
    assert exchange.balances["KRW"].locked == 0


def test_the_average_price_leaves_fees_out_and_forgets_what_was_sold_out() -> None:
    exchange = an_exchange(asks="1000x10 1100x100", bids="1200x100")
    run(exchange, a_limit(price="1100", volume="30", identifier="i1"))
    holding = exchange.balances["TST"]
    assert holding.average_price == D("1066.66666667")
    run(exchange, a_market_sale("10"), "o2")
    assert holding.average_price == D("1066.66666667")
    run(exchange, a_market_sale("20"), "o3")
    assert holding.average_price == 0


def test_two_balances_are_told_after_each_fill_and_one_after_each_release() -> None:
    exchange = an_exchange(asks="30000x5")
    events = run(exchange, a_market_buy("10000"))
    told = [event for event in events if isinstance(event, BalanceChanged)]
    assert [event.currency for event in told] == ["KRW", "TST", "KRW"]
    assert told[1] == BalanceChanged("TST", D("0.33333333"), D(0))
    assert told[2] == BalanceChanged("KRW", exchange.balances["KRW"].free, D(0))
    assert told[0].locked == D("0.0001") * (1 + FEE)


def test_only_the_currency_that_is_tied_up_is_told_while_nothing_trades() -> None:
    exchange = an_exchange(coins="5")
    for number, (request, currency) in enumerate(((a_limit(), "KRW"), (a_limit(Side.SELL, volume="5"), "TST"))):
        accepted(exchange, request, f"o{number}")
        events = matching.opened(exchange, f"o{number}") + matching.cancel_now(exchange, f"o{number}", AT)
        assert [event.currency for event in events if isinstance(event, BalanceChanged)] == [currency, currency]


def test_quote_currencies_other_than_krw_pay_in_their_own() -> None:
    exchange = an_exchange(market="BTC-ETH", coins="0", krw="0")
    exchange.balances["BTC"] = matching.Holding(D(1))
    exchange.terms["BTC-ETH"] = type(exchange.terms["BTC-ETH"])(
        "BTC-ETH", D("0.0025"), D("0.0025"), D("0.00005"), D("0.00005"), D(10), "active"
    )
    request = OrderRequest("", "BTC-ETH", Side.BUY, a_limit().type, D("0.03"), D(2))
    assert accepted(exchange, request).locked == D("0.06015")
    assert exchange.balances["BTC"].free == D("0.93985")
