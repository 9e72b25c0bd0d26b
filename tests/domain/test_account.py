from decimal import Decimal as D

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.account import SEEN_KEPT, Ledger, UnknownPrice, book_fill, book_flow, costs_in_won, equity, statement
from domain.orders import Balance, Fill, Side

M = "KRW-TST"


def a_fill(  # noqa: PLR0913, PLR0917 (each is what some test is about)
    trade_id: str = "t1",
    side: Side = Side.BUY,
    price: str = "1000",
    volume: str = "10",
    fee: str | None = None,
    market: str = M,
) -> Fill:
    funds = D(price) * D(volume)
    charged = funds * D("0.0005") if fee is None else D(fee)
    return Fill(trade_id, "o1", "i1", market, side, D(price), D(volume), funds, charged, at=1)


def a_ledger(*fills: Fill, cash: str = "100000") -> Ledger:
    ledger = Ledger()
    book_flow(ledger, "KRW", D(cash), D(0))
    for fill in fills:
        assert book_fill(ledger, fill)
    return ledger


def lines(ledger: Ledger, marks: dict[str, D]) -> dict[str, D]:
    return dict(statement(ledger, marks))


def check(ledger: Ledger) -> None:
    """Every won is somewhere and comes from somewhere."""
    assert ledger.cash + sum(ledger.costs.values()) == ledger.flows + ledger.realised
    assert ledger.coins.keys() == ledger.costs.keys()
    assert all(volume != 0 for volume in ledger.coins.values())


def test_a_buy_costs_its_funds_and_its_fee() -> None:
    ledger = a_ledger(a_fill())
    assert ledger.cash == D(100_000) - 10_005
    assert ledger.coins == {M: 10}
    assert ledger.costs == {M: 10_005}
    assert (ledger.fees, ledger.realised) == (5, 0)


def test_a_sale_realises_its_profit_after_both_fees() -> None:
    ledger = a_ledger(a_fill(), a_fill("t2", Side.SELL, "1100"))
    assert ledger.realised == 11_000 - D("5.5") - 10_005
    assert ledger.cash == 100_000 + ledger.realised
    assert ledger.coins == ledger.costs == {}
    assert ledger.fees == D("10.5")


def test_cost_is_a_moving_average_over_buys() -> None:
    ledger = a_ledger(a_fill(fee="0"), a_fill("t2", price="1200", fee="0"), a_fill("t3", Side.SELL, "1300", "5", "0"))
    assert ledger.costs == {M: 16_500}
    assert ledger.realised == 6_500 - 5_500


def test_an_endless_fraction_of_cost_is_rounded_against_us_and_the_last_sale_takes_the_rest() -> None:
    ledger = a_ledger(a_fill(volume="3", fee="0.00000001"))
    book_fill(ledger, a_fill("t2", Side.SELL, volume="1", fee="0"))
    assert ledger.costs[M] == D(2000)
    assert ledger.realised == D("-0.00000001")
    book_fill(ledger, a_fill("t3", Side.SELL, volume="2", fee="0"))
    assert ledger.realised == D("-0.00000001")
    check(ledger)


def test_a_fill_told_twice_counts_once() -> None:
    ledger = a_ledger(a_fill())
    before = msgspec.msgpack.encode(ledger)
    assert not book_fill(ledger, a_fill())
    assert msgspec.msgpack.encode(ledger) == before


def test_only_the_last_ten_thousand_trade_ids_are_remembered() -> None:
    ledger = a_ledger()
    for number in range(SEEN_KEPT + 1):
        book_fill(ledger, a_fill(f"t{number}", volume="0.00000001"))
    assert len(ledger.seen) == SEEN_KEPT
    assert not book_fill(ledger, a_fill("t1"))
    assert book_fill(ledger, a_fill("t0"))


def test_a_sale_told_before_its_buy_ends_where_the_right_order_ends() -> None:
    buy, sale = a_fill(), a_fill("t2", Side.SELL, "1100")
    early = a_ledger(sale)
    assert early.coins == {M: -10}
    assert early.realised == 0
    check(early)
    book_fill(early, buy)
    late = a_ledger(buy, sale)
    assert (early.cash, early.realised, early.coins, early.costs) == (late.cash, late.realised, {}, {})


def test_a_sale_of_more_than_is_known_realises_only_the_part_that_is() -> None:
    ledger = a_ledger(a_fill(fee="0"), a_fill("t2", Side.SELL, "1100", "15", "0"))
    assert ledger.realised == 1_000
    assert ledger.coins == {M: -5}
    assert ledger.costs == {M: -5_500}
    check(ledger)


def test_money_that_comes_and_goes_is_capital_and_not_profit() -> None:
    ledger = a_ledger(a_fill())
    book_flow(ledger, "KRW", D(-50_000), D(0))
    assert ledger.flows == 50_000
    assert ledger.realised == 0
    check(ledger)


def test_coins_that_come_count_at_the_price_given() -> None:
    ledger = a_ledger()
    book_flow(ledger, "TST", D(4), D(900))
    assert ledger.coins == {M: 4}
    assert ledger.costs == {M: 3_600}
    assert (ledger.flows, ledger.cash, ledger.realised) == (103_600, 100_000, 0)


def test_coins_that_go_take_their_cost_with_them() -> None:
    ledger = a_ledger(a_fill(fee="0"))
    book_flow(ledger, "TST", D(-4), D(99_999))
    assert ledger.coins == {M: 6}
    assert ledger.costs == {M: 6_000}
    assert (ledger.flows, ledger.realised) == (96_000, 0)


def test_more_coins_going_than_are_known_count_at_the_price_given() -> None:
    ledger = a_ledger(a_fill(fee="0"))
    book_flow(ledger, "TST", D(-12), D(500))
    assert ledger.coins == {M: -2}
    assert ledger.costs == {M: -1_000}
    assert ledger.flows == 100_000 - 10_000 - 1_000
    check(ledger)


def test_equity_is_cash_and_every_holding_at_its_price() -> None:
    ledger = a_ledger(a_fill(fee="0"))
    assert equity(ledger, {M: D(1_100), "KRW-OTHER": D(1)}) == 101_000


def test_a_holding_without_a_price_has_no_value_and_not_zero() -> None:
    ledger = a_ledger(a_fill())
    with pytest.raises(UnknownPrice, match=M):
        equity(ledger, {})
    with pytest.raises(UnknownPrice, match=M):
        statement(ledger, {})
    assert equity(a_ledger(), {}) == 100_000


def test_a_statement_tells_capital_from_profits() -> None:
    ledger = a_ledger(a_fill(fee="0"), a_fill("t2", Side.SELL, "1100", "5", "0"))
    assert lines(ledger, {M: D(1_200)}) == {
        "capital": D(100_000),
        "realised profit": D(500),
        "unrealised profit": D(1_000),
    }


AMOUNTS = st.integers(1, 10**13).map(lambda units: D(units).scaleb(-8))
EVENTS = st.one_of(
    st.tuples(st.sampled_from(Side), st.sampled_from([M, "KRW-ABC"]), AMOUNTS, AMOUNTS),
    st.tuples(st.sampled_from(["in", "out"]), st.sampled_from(["KRW", "TST", "ABC"]), AMOUNTS, AMOUNTS),
)


@given(st.lists(EVENTS, max_size=25), AMOUNTS, AMOUNTS)
@settings(max_examples=300)
def test_the_books_balance_to_the_last_digit_after_anything(events: list[tuple], mark: D, other: D) -> None:
    ledger, cash, coins = Ledger(), D(0), {M: D(0), "KRW-ABC": D(0)}
    for number, (kind, where, volume, price) in enumerate(events):
        if isinstance(kind, Side):
            fill = a_fill(f"t{number}", kind, str(price), str(volume), market=where)
            book_fill(ledger, fill)
            sign = 1 if kind is Side.BUY else -1
            cash -= sign * fill.funds + fill.fee
            coins[where] += sign * volume
        else:
            amount = volume if kind == "in" else -volume
            book_flow(ledger, where, amount, price)
            if where == "KRW":
                cash += amount
            else:
                coins[f"KRW-{where}"] += amount
        check(ledger)
        ledger = msgspec.msgpack.decode(msgspec.msgpack.encode(ledger), type=Ledger)
    assert ledger.cash == cash
    assert ledger.coins == {market: volume for market, volume in coins.items() if volume}
    marks = {M: mark, "KRW-ABC": other}
    assert sum(line.amount for line in statement(ledger, marks)) == equity(ledger, marks)


@given(st.permutations([a_fill(f"t{n}", side, str(900 + n)) for n, side in enumerate([*Side, *Side, *Side])]))
def test_cash_and_coins_do_not_depend_on_the_order_fills_are_told_in(fills: list[Fill]) -> None:
    ledger = a_ledger(*fills)
    expected = a_ledger(*sorted(fills, key=lambda fill: fill.trade_id))
    assert (ledger.cash, ledger.coins, ledger.realised) == (expected.cash, expected.coins, expected.realised)


def test_a_cost_told_in_another_currency_counts_at_what_that_one_cost() -> None:
    balances = (
        Balance("KRW", D(5), D(0)),
        Balance("ETH", D(1), D(0), D("0.03"), "BTC"),
        Balance("BTC", D("0.5"), D(0), D(100_000_000)),
        Balance("AIR", D(7), D(0), D(0)),
        Balance("USD", D(1), D(0), D(3), "USDT"),
    )
    assert costs_in_won(balances) == {"KRW": D(0), "BTC": D(100_000_000), "AIR": D(0), "ETH": D(3_000_000)}


def test_a_cost_told_in_a_currency_that_itself_cost_nothing_is_not_known() -> None:
    balances = (Balance("BTC", D(0), D(0), D(0)), Balance("ETH", D(1), D(0), D("0.03"), "BTC"))
    assert "ETH" not in costs_in_won(balances)
