from decimal import Decimal as D

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.config import ExitSettings, Settings, SizeSettings
from domain.decisions import Evaluation, Levels
from domain.exits import (
    ExitSignal,
    Guarded,
    Sale,
    close_exit,
    levels,
    on_bar,
    on_minute,
    on_price,
    partial_volume,
    ratchet,
    watch,
)
from domain.market import US_PER_S, Bar, Terms
from domain.messages import GuardPosition
from domain.rules import price_down, tick_size

AT = 1_767_225_600 * US_PER_S
M = "KRW-TST"
SET = Settings()


def a_guarded(*, atr: int = 100, volume: str = "249.75024975", **change: object) -> Guarded:
    """Bought at 10,010: stop 9,855, targets 10,220 and 10,420, break-even 10,030."""
    at = levels(M, D(10_010), D(atr), SET, AT)
    return replace(Guarded(M, D(volume), D(10_010), at, at.stop, D(10_010), AT), **change)


def a_bar(open_: int, high: int, low: int, close: int, *, real: bool = True) -> Bar:
    return Bar(AT, D(open_), D(high), D(low), D(close), D(1), D(close), real)


def sold(bar: Bar, *, entry_bar: bool = False, guarded: Guarded | None = None) -> list[tuple[str, D, D]]:
    return [tuple(sale) for sale in on_bar(guarded or a_guarded(), bar, SET, entry_bar=entry_bar)[1]]


# --- levels


def test_levels_are_on_the_tick_in_the_safe_direction() -> None:
    # 10,010*0.985 = 9,859.85 down to a tick of 5; *1.02 = 10,210.2 and *1.04 = 10,410.4 up to a tick of 10;
    # break-even 10,010*1.0005/0.9995^2 = 10,025.03
    assert levels(M, D(10_010), D(100), SET, AT) == Levels(D(9855), D(10_220), D(10_420), D(10_030))


@pytest.mark.parametrize(
    ("entry", "atr", "stop"), [("150075000", "2400000", 146_475_000), ("3152", "63", 3057), ("413", "20", 400)]
)
def test_stops_equal_the_worked_examples(entry: str, atr: str, stop: int) -> None:
    assert levels(M, D(entry), D(atr), SET, AT).stop == stop


def test_targets_and_break_even_equal_the_worked_example() -> None:
    assert levels(M, D(3152), D(63), SET, AT) == Levels(D(3057), D(3247), D(3341), D(3157))


def test_the_stop_distance_is_clipped_and_the_targets_follow_a_wide_range() -> None:
    wide = levels(M, D(10_000), D(500), SET, AT)
    assert (wide.stop, wide.tp1, wide.tp2) == (9700, 10_750, 11_500)


def test_fees_of_the_market_itself_move_break_even() -> None:
    dear = Terms(M, D("0.0025"), D("0.0025"), D(5000), D(5000), D(10**9), "active")
    # 10,010*1.0025/(0.9975*0.9995) = 10,065.2
    assert levels(M, D(10_010), D(100), SET, AT, dear).breakeven == 10_070


@given(st.integers(1, 10**11), st.integers(0, 10**4))
def test_levels_are_valid_prices_around_the_entry(scaled: int, atr_bp: int) -> None:
    entry = price_down(M, D(scaled) / 1000, AT)
    at = levels(M, entry, entry * atr_bp / 10_000, SET, AT)
    assert at.stop < entry < at.breakeven
    assert entry < at.tp1 <= at.tp2
    assert all(price % tick_size(M, price, AT) == 0 for price in (at.stop, at.tp1, at.tp2, at.breakeven))


# --- live triggers


def test_the_stop_comes_before_the_target_when_one_message_touched_both() -> None:
    assert on_price(a_guarded(), D(9855), D(10_500)) == ExitSignal("STOP", D(9855))


def test_touching_a_level_is_enough_and_one_tick_short_is_not() -> None:
    assert on_price(a_guarded(), D(9860), D(10_210)) is None
    assert on_price(a_guarded(), D(9860), D(10_220)) == ExitSignal("TP1", D(10_220))


def test_targets_come_one_after_the_other_and_each_once() -> None:
    assert on_price(a_guarded(), D(10_500), D(10_500)) == ExitSignal("TP1", D(10_500))
    first = a_guarded(tp1_done=True)
    assert on_price(first, D(10_500), D(10_500)) == ExitSignal("TP2", D(10_500))
    assert on_price(first, D(10_300), D(10_300)) is None
    assert on_price(replace(first, tp2_done=True), D(10_500), D(10_500)) is None


def test_a_stop_at_break_even_or_above_is_called_trailing() -> None:
    raised = a_guarded(tp1_done=True, stop=D(10_030))
    assert on_price(raised, D(10_000), D(10_100)) == ExitSignal("TRAIL", D(10_000))


# --- trailing


def test_before_the_first_target_the_stop_stays_and_the_high_is_remembered() -> None:
    after = on_minute(a_guarded(), a_bar(10_100, 10_200, 10_000, 10_000), D(100), SET, AT)
    assert (after.stop, after.high) == (9855, 10_200)


def test_after_the_first_target_the_stop_follows_the_high_by_one_range_then_by_half() -> None:
    bar = a_bar(10_100, 10_430, 10_100, 10_400)
    first = on_minute(a_guarded(tp1_done=True), bar, D(100), SET, AT)
    assert first.stop == 10_330
    assert on_minute(replace(first, tp2_done=True), bar, D(100), SET, AT).stop == 10_380


def test_the_stop_never_falls_and_never_stays_below_break_even() -> None:
    first = a_guarded(tp1_done=True, high=D(10_230))
    assert ratchet(first, D(300), SET, AT).stop == 10_030
    raised = ratchet(first, D(100), SET, AT)
    assert raised.stop == 10_130
    assert ratchet(raised, D(190), SET, AT).stop == 10_130
    assert ratchet(raised, D(10**6), SET, AT).stop == 10_130


def test_an_unknown_range_still_protects_the_entry() -> None:
    assert ratchet(a_guarded(tp1_done=True), None, SET, AT).stop == 10_030
    assert ratchet(a_guarded(), None, SET, AT).stop == 9855


def test_a_bar_in_which_nothing_traded_makes_no_high() -> None:
    bar = a_bar(10_500, 10_500, 10_500, 10_500, real=False)
    assert on_minute(a_guarded(tp1_done=True), bar, D(100), SET, AT).high == 10_010


# --- what the portfolio tells the guard


def told(guarded: Guarded, **change: object) -> GuardPosition:
    message = GuardPosition(M, guarded.volume, guarded.entry, guarded.levels, AT, guarded.tp1_done, guarded.tp2_done)
    return replace(message, **change)


def test_a_watch_begins_at_the_levels_told_and_ends_without_volume() -> None:
    began = watch(None, told(a_guarded()))
    assert began == a_guarded()
    assert watch(began, told(a_guarded(), volume=D(0))) is None


def test_a_raised_stop_and_the_high_survive_what_the_portfolio_repeats() -> None:
    raised = a_guarded(tp1_done=True, stop=D(10_130), high=D(10_230))
    again = watch(raised, told(raised, volume=D(100)))
    assert again == replace(raised, volume=D(100))


def test_until_the_first_target_the_stop_moves_with_the_average_of_the_entry() -> None:
    lower = levels(M, D(9_900), D(100), SET, AT)
    again = watch(a_guarded(), told(a_guarded(), entry=D(9_900), levels=lower))
    assert again is not None
    assert again.stop == lower.stop < a_guarded().stop


def test_a_new_position_in_the_market_inherits_nothing() -> None:
    old = a_guarded(tp1_done=True, stop=D(10_330), high=D(10_430))
    fresh = a_guarded(opened_at=AT + 1)
    assert watch(old, told(fresh, opened_at=AT + 1)) == fresh


def test_a_guarded_position_survives_its_snapshot() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(a_guarded()), type=Guarded) == a_guarded()


# --- inside a bar


def test_a_level_inside_the_bar_sells_at_the_level_and_the_stop_first() -> None:
    assert sold(a_bar(10_000, 10_500, 9_855, 10_400)) == [("STOP", D(9855), D("249.75024975"))]
    assert sold(a_bar(10_000, 10_219, 9_856, 10_000)) == []
    assert sold(a_bar(10_000, 10_220, 9_856, 10_000)) == [("TP1", D(10_220), D("124.87512487"))]


def test_both_targets_in_one_bar_sell_a_half_and_a_quarter() -> None:
    after, sales = on_bar(a_guarded(), a_bar(10_100, 10_430, 10_100, 10_400), SET, entry_bar=False)
    assert sales == (Sale("TP1", D(10_220), D("124.87512487")), Sale("TP2", D(10_420), D("62.43756244")))
    assert (after.volume, after.tp1_done, after.tp2_done, after.high) == (D("62.43756244"), True, True, 10_430)


def test_a_gap_sells_at_the_open_but_not_on_the_entry_bar() -> None:
    under, over = a_bar(9_700, 9_900, 9_600, 9_800), a_bar(10_300, 10_320, 9_800, 9_900)
    assert sold(under) == [("STOP_GAP", D(9700), D("249.75024975"))]
    assert sold(under, entry_bar=True) == [("STOP", D(9855), D("249.75024975"))]
    assert sold(over) == [("TP1_GAP", D(10_300), D("124.87512487")), ("STOP", D(9855), D("124.87512488"))]
    assert [sale[0] for sale in sold(a_bar(10_500, 10_500, 10_500, 10_500))] == ["TP1_GAP", "TP2_GAP"]


def test_nothing_happens_in_a_bar_in_which_nothing_traded() -> None:
    guarded = a_guarded()
    assert on_bar(guarded, a_bar(9_000, 9_000, 9_000, 9_000, real=False), SET, entry_bar=False) == (guarded, ())


@given(
    open_=st.integers(8_000, 12_000),
    up=st.integers(0, 900),
    down=st.integers(0, 900),
    first=st.booleans(),
    entry_bar=st.booleans(),
)
def test_a_sale_in_a_bar_is_at_a_price_of_the_bar_and_never_of_more_than_is_held(
    *, open_: int, up: int, down: int, first: bool, entry_bar: bool
) -> None:
    guarded, bar = a_guarded(tp1_done=first), a_bar(open_, open_ + up, open_ - down, open_)
    after, sales = on_bar(guarded, bar, SET, entry_bar=entry_bar)
    assert after.volume + sum(sale.volume for sale in sales) == guarded.volume
    if not entry_bar:
        assert all(bar.low <= sale.base <= bar.high for sale in sales)


# --- at the close of a base bar


def seen(**change: object) -> Evaluation:
    plain = Evaluation(M, AT, D(10_000), True, D(1), D(100), True, True, False, (), (), ())
    return replace(plain, **change)


def due(bars: int, *, done: bool = False, **change: object) -> str:
    entry = D(9_900)
    return close_exit(entry=entry, tp1_done=done, bars_held=bars, evaluation=seen(**change), settings=SET.exits)


def test_time_ends_a_position_that_does_not_earn() -> None:
    assert [due(bars) for bars in (47, 48, 287, 288)] == ["", "TIME_TARGET", "TIME_TARGET", "TIME_MAX"]
    assert [due(bars, done=True) for bars in (48, 287, 288)] == ["", "", "TIME_MAX"]


def test_a_lost_trend_ends_a_position_after_an_hour_unless_the_target_was_reached() -> None:
    assert [due(bars, trend_up_1h=False) for bars in (11, 12)] == ["", "TIME_TREND"]
    assert due(12, done=True, trend_up_1h=False) == ""


def test_a_spike_is_sold_only_with_a_gain_and_before_every_other_reason() -> None:
    assert due(288, spike=True) == "SPIKE"
    assert due(1, spike=True, close=D(9_900)) == ""


def test_a_market_that_is_not_trusted_is_sold_for_time_alone() -> None:
    assert due(12, spike=True, trend_up_1h=False, trusted=False) == ""
    assert due(48, spike=True, trend_up_1h=False, trusted=False) == "TIME_TARGET"


# --- parts


def test_a_part_leaves_two_legs_that_can_be_sold_or_takes_all() -> None:
    assert partial_volume(D("3.001998"), D(10_220), SET) == (D("1.500999"), False)
    assert partial_volume(D("1.17"), D(10_220), SET) == (D("1.17"), True)  # half is worth 5,978.7
    assert partial_volume(D("1.2"), D(10_000), SET) == (D("0.6"), False)  # exactly 6,000
    odd = partial_volume(D("249.75024975"), D(10_220), SET)
    assert odd == (D("124.87512487"), False)


def test_the_larger_part_also_counts_when_little_is_left() -> None:
    most = Settings(exits=ExitSettings(tp_fraction=D("0.9")), sizes=SizeSettings())
    assert partial_volume(D(5), D(10_000), most) == (D(5), True)
