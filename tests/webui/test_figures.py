from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readmodel import DecisionRow, EquityPoint, TickerRow
from tests.webui.samples import MINUTE, NOON, SECOND, a_position, a_refusal, an_order, some_kpis
from webui import figures, shapes


def test_the_day_is_measured_from_its_start() -> None:
    account = figures.account(some_kpis(equity=D(970), day_start=D(1000)))
    assert account.today == D(-30)
    assert account.today_share == pytest.approx(-0.03)
    assert account.loss_share == pytest.approx(0.03)
    assert figures.account(some_kpis(equity=D(1030), day_start=D(1000))).loss_share == 0.0


def test_limits_the_engine_has_not_told_are_unknown_not_zero() -> None:
    account = figures.account(some_kpis(max_exposure=D(0), day_loss_limit=D(0), max_positions=0))
    assert (account.exposure_limit, account.loss_limit, account.slots) == (None, None, None)


def test_an_empty_account_has_no_shares() -> None:
    account = figures.account(some_kpis(equity=D(0), exposure=D(0), unrealised=D(0), day_start=D(0)))
    assert (account.cash_share, account.exposure_share, account.unrealised_share, account.today_share) == (None,) * 4


def test_a_position_is_valued_at_its_last_price() -> None:
    position = figures.position(a_position(volume=D(2), entry=D(100), price=D(110), stop=D(90), tp1=D(120), tp2=D(130)))
    assert (position.value, position.profit) == (D(220), D(20))
    assert position.profit_share == pytest.approx(0.1)
    assert position.span == shapes.Span(entry=25.0, price=50.0, first=75.0)


def test_a_position_without_a_price_has_no_value_and_no_profit() -> None:
    position = figures.position(a_position(price=None))
    assert (position.value, position.profit, position.profit_share) == (None, None, None)
    assert position.span is not None
    assert position.span.price is None


def test_a_price_beyond_stop_or_target_stays_inside_the_drawing() -> None:
    low = figures.position(a_position(price=D(1)))
    high = figures.position(a_position(price=D(10**12)))
    assert low.span is not None
    assert high.span is not None
    assert (low.span.price, high.span.price) == (0.0, 100.0)


def test_no_range_is_drawn_when_stop_and_target_are_one() -> None:
    assert shapes.span(a_position(stop=D(5), tp2=D(5))) is None


def test_an_order_by_volume_shows_how_much_is_filled() -> None:
    assert figures.order(an_order(volume=D(8), executed_volume=D(2))).filled == 25.0
    assert figures.order(an_order(volume=None)).filled is None


def test_want_of_a_signal_is_explained_by_the_first_condition_missed() -> None:
    assert figures.verdict(a_refusal()).lead == ("A.RSI_TOUCH", "lowest RSI 38.2 in 24 bars, needs < 30")
    held = DecisionRow("KRW-BTC", NOON, "HELD", "", D(0), (("COST", "dear"), ("HELD", "a position is open")))
    assert figures.verdict(held).lead == ("HELD", "a position is open")
    assert figures.verdict(DecisionRow("KRW-BTC", NOON, "ORDER", "A", D(5), ())).lead is None


def test_decisions_stand_by_how_near_they_came_to_an_order() -> None:
    def decided(market: str, code: str, reasons: int) -> DecisionRow:
        return DecisionRow(market, NOON, code, "", D(0), (("COST", ""),) * reasons)

    rows = (decided("A", "COST", 3), decided("C", "COST", 1), decided("B", "COST", 1), decided("Z", "ORDER", 0))
    assert [row.market for row in figures.nearest_first(rows)] == ["Z", "B", "C", "A"]


def test_prices_of_what_is_held_stand_first_then_the_large_coins() -> None:
    rows = tuple(TickerRow(f"KRW-{coin}", D(1), 0.0, NOON) for coin in ("ADA", "BTC", "ETH", "ZIL"))
    assert [row.market for row in figures.watched_first(rows, ["KRW-ZIL"])] == [
        "KRW-ZIL",
        "KRW-BTC",
        "KRW-ETH",
        "KRW-ADA",
    ]


@pytest.mark.parametrize("after", [0, 1, 299])
def test_the_next_close_is_the_end_of_the_running_five_minutes(after: int) -> None:
    assert figures.next_close(NOON + after * SECOND) == NOON + 5 * MINUTE
    assert figures.next_close(None) is None


def test_the_curve_has_one_ascending_point_a_bucket_and_the_last_value_of_it() -> None:
    second = NOON // SECOND
    points = tuple(EquityPoint(NOON + at * SECOND, D(value)) for at, value in ((0, 100), (3, 90), (10, 80), (9, 1)))
    curve = shapes.curve(points)
    assert curve.t == [second, second + 10]
    assert curve.v == [90.0, 80.0]
    assert curve.dd == [0.0, pytest.approx(-11.1111)]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(-(10**12), 10**12)), max_size=40))
def test_a_curve_is_always_what_the_chart_accepts(points: list[tuple[int, int]]) -> None:
    curve = shapes.curve(tuple(EquityPoint(at * SECOND, D(value)) for at, value in points))
    assert curve.t == sorted(set(curve.t))
    assert len(curve.t) == len(curve.v) == len(curve.dd)
    assert not [one for one in curve.dd if one > 0 and min(curve.v) >= 0]


@given(st.lists(st.floats(-1e12, 1e12), max_size=30))
def test_a_sparkline_stays_inside_its_box(values: list[float]) -> None:
    spark = shapes.spark(values, 160, 44)
    if len(values) < 2:
        assert spark is None
        return
    assert spark is not None
    heights = [float(point.split(" ")[1]) for point in spark.line[1:].split("L")]
    assert all(0 <= height <= 44 for height in heights)


def test_a_bar_never_leaves_its_place() -> None:
    assert [shapes.share(*pair) for pair in ((2, 1), (-1, 1), (1, 0), (None, 1), (1, None), (1, 4))] == [
        100.0,
        0.0,
        0.0,
        0.0,
        0.0,
        25.0,
    ]
