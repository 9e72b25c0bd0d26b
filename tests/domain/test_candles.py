import csv
from decimal import Decimal as D
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.candles import (
    SEEN_LIMIT,
    BadBars,
    CandleBuilder,
    close_until,
    fill,
    flat_bar,
    fold_trades,
    forming_bar,
    require_sound,
    resample,
)
from domain.market import BASE_FRAME, DAY, FOUR_HOURS, HOUR, MINUTE, US_PER_S, Bar, Trade
from domain.orders import Side

GOLDEN = Path(__file__).resolve().parents[2].parent / "shared" / "golden"
FRAMES = {"15m": 15 * MINUTE, "1h": HOUR, "4h": FOUR_HOURS, "1d": DAY}
T0 = 1_704_067_200 * US_PER_S
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden files are not beside this checkout")


def a_trade(number: int, at: int, price: int = 100, volume: str = "1") -> Trade:
    return Trade(T0 + at, D(price), D(volume), Side.BUY, number)


def a_bar(start: int, price: int = 100, *, real: bool = True) -> Bar:
    return Bar(T0 + start, D(price), D(price), D(price), D(price), D(1), D(price), real)


def read(name: str) -> tuple[Bar, ...]:
    with (GOLDEN / name).open() as file:
        return tuple(
            Bar(int(row[0]) * 1000, *(D(cell) for cell in row[1:7]), real=row[7:] != ["1"])
            for row in list(csv.reader(file))[1:]
        )


def assert_same(got: tuple[Bar, ...], want: tuple[Bar, ...]) -> None:
    """The golden sums are floats: volume and value agree to 1e-12, all else exactly."""
    assert [(b.start, b.open, b.high, b.low, b.close, b.real) for b in got] == [
        (b.start, b.open, b.high, b.low, b.close, b.real) for b in want
    ]
    for mine, golden in zip(got, want, strict=True):
        assert abs(mine.volume - golden.volume) <= D("1e-12") * golden.volume
        assert abs(mine.value - golden.value) <= D("1e-12") * golden.value


def tape_bars(trades: list[Trade], step: int) -> tuple[Bar, ...]:
    """Candles in one pass over a whole tape, the obvious way."""
    buckets: dict[int, list[Trade]] = {}
    for trade in sorted(trades, key=lambda each: each.at):  # stable: arrival settles equal times
        buckets.setdefault(trade.at - trade.at % step, []).append(trade)
    return tuple(
        Bar(
            start,
            inside[0].price,
            max(each.price for each in inside),
            min(each.price for each in inside),
            inside[-1].price,
            sum((each.volume for each in inside), D(0)),
            sum((each.price * each.volume for each in inside), D(0)),
        )
        for start, inside in sorted(buckets.items())
    )


@needs_golden
@pytest.mark.parametrize("frame", FRAMES)
def test_resampled_candles_with_gaps_equal_the_golden_ones(frame: str) -> None:
    assert_same(resample(read("gap_real_5m.csv"), FRAMES[frame]), read(f"gap_real_{frame}.csv"))


@needs_golden
@pytest.mark.parametrize(("frame", "step"), [("5m", BASE_FRAME), *FRAMES.items()])
def test_filled_candles_equal_the_golden_ones(frame: str, step: int) -> None:
    want = read(f"gap_filled_{frame}.csv")
    assert_same(fill(read(f"gap_real_{frame}.csv"), step, want[-1].start + step), want)


minutes = st.lists(
    st.tuples(st.integers(0, 2 * DAY // MINUTE), st.integers(1, 10**9), st.integers(1, 10**9)),
    unique_by=lambda row: row[0],
    max_size=60,
)


@given(minutes)
def test_resampling_in_two_steps_is_resampling_in_one(rows: list[tuple[int, int, int]]) -> None:
    bars = [
        Bar(k * MINUTE, D(p), D(max(p, q)), D(min(p, q)), D(q), D(q).scaleb(-8), D(p * q)) for k, p, q in sorted(rows)
    ]
    assert resample(resample(bars, BASE_FRAME), HOUR) == resample(bars, HOUR)


@given(st.lists(st.tuples(st.integers(0, 3 * HOUR), st.integers(1, 10**6), st.integers(1, 10**6)), max_size=60))
def test_candles_built_live_equal_candles_built_in_one_pass(rows: list[tuple[int, int, int]]) -> None:
    # Trades of one minute arrive in any order, but those of a later minute never before them.
    rows.sort(key=lambda row: row[0] // MINUTE)
    tape = [a_trade(k, at, price, str(size)) for k, (at, price, size) in enumerate(rows)]
    builder = CandleBuilder()
    bars = [bar for trade in tape for bar in fold_trades(builder, (trade,)).bars]
    bars.extend(close_until(builder, T0 + 4 * HOUR))
    assert tuple(bars) == tape_bars(tape, MINUTE)
    assert builder.late == 0


@given(st.lists(st.integers(0, 3 * HOUR), max_size=40), st.integers(1, 7))
def test_how_trades_are_batched_does_not_matter(times: list[int], size: int) -> None:
    tape = tuple(a_trade(k, at, 100 + k) for k, at in enumerate(times))
    whole, pieces = CandleBuilder(), CandleBuilder()
    together = fold_trades(whole, tape).bars
    batches = [tape[i : i + size] for i in range(0, len(tape), size)]
    assert together == tuple(bar for batch in batches for bar in fold_trades(pieces, batch).bars)
    assert whole == pieces


def test_equal_times_open_with_the_first_arrival_and_close_with_the_last() -> None:
    builder = CandleBuilder()
    fold_trades(builder, (a_trade(1, 5, 101), a_trade(2, 5, 102), a_trade(3, 5, 103)))
    (bar,) = close_until(builder, T0 + MINUTE)
    assert (bar.open, bar.close) == (101, 103)


def test_a_minute_told_out_of_order_is_ordered_by_time_and_then_by_arrival_never_by_number() -> None:
    builder = CandleBuilder()
    tape = (a_trade(5, 10, 105), a_trade(9, 20, 109), a_trade(2, 5, 102), a_trade(1, 5, 101), a_trade(3, 20, 103))
    fold_trades(builder, tape)
    (bar,) = close_until(builder, T0 + MINUTE)
    assert (bar.open, bar.close) == (102, 103)
    assert builder.disordered == 3


def test_trades_in_order_of_time_and_number_are_not_disordered() -> None:
    builder = CandleBuilder()
    fold_trades(builder, (a_trade(1, 5), a_trade(2, 5), a_trade(3, MINUTE), a_trade(3, MINUTE)))
    assert builder.disordered == 0


def test_the_open_candle_is_shown_as_it_stands() -> None:
    builder = CandleBuilder()
    assert forming_bar(builder) is None
    fold_trades(builder, (a_trade(1, 0, 100), a_trade(2, 1, 103)))
    shown = forming_bar(builder)
    assert shown is not None
    assert (shown.open, shown.close, shown.volume) == (100, 103, 2)


def test_a_trade_told_twice_counts_once_even_after_its_minute() -> None:
    builder = CandleBuilder()
    first, second = a_trade(1, 0), a_trade(2, MINUTE)
    folded = fold_trades(builder, (first, first, second, first, second))
    assert [bar.volume for bar in folded.bars] == [1]
    assert (folded.doubled, folded.late, builder.doubled) == (3, (), 3)


def test_a_double_of_the_trade_that_opened_a_minute_is_no_late_trade() -> None:
    builder = CandleBuilder()
    first, opening = a_trade(1, 0), a_trade(2, MINUTE)
    fold_trades(builder, (first, opening))
    close_until(builder, T0 + 2 * MINUTE)
    assert fold_trades(builder, (opening,)) == ((), (), 1)


def test_the_numbers_remembered_are_bounded() -> None:
    builder = CandleBuilder()
    fold_trades(builder, (a_trade(k, 0) for k in range(3 * SEEN_LIMIT)))
    assert len(builder.seen) + len(builder.seen_before) <= 2 * SEEN_LIMIT
    assert fold_trades(builder, (a_trade(3 * SEEN_LIMIT - 1, 0),)).doubled == 1


def test_a_late_trade_is_told_and_changes_no_candle() -> None:
    builder = CandleBuilder()
    fold_trades(builder, (a_trade(1, 0),))
    closed = close_until(builder, T0 + MINUTE)
    late = a_trade(2, 1, 999)
    assert closed == (a_bar(0),)
    assert fold_trades(builder, (late,)) == ((), (late,), 0)
    assert (builder.late, builder.forming) == (1, None)


def test_a_trade_at_the_end_of_the_minute_closes_it_and_opens_the_next() -> None:
    builder = CandleBuilder()
    folded = fold_trades(builder, (a_trade(1, MINUTE - 1), a_trade(2, MINUTE)))
    assert [bar.start for bar in folded.bars] == [T0]
    assert builder.forming is not None
    assert builder.forming.start == T0 + MINUTE


def test_closing_a_minute_keeps_the_candle_that_forms_behind_it() -> None:
    builder = CandleBuilder()
    fold_trades(builder, (a_trade(1, MINUTE + 5),))
    assert close_until(builder, T0 + MINUTE) == ()
    assert len(close_until(builder, T0 + 2 * MINUTE)) == 1
    assert close_until(builder, T0 + 2 * MINUTE) == ()


def test_a_builder_survives_its_snapshot() -> None:
    builder = CandleBuilder()
    fold_trades(builder, (a_trade(1, 0), a_trade(2, MINUTE), a_trade(3, 2 * MINUTE), a_trade(3, 2 * MINUTE)))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(builder), type=CandleBuilder) == builder


def test_closing_in_the_middle_of_a_minute_closes_only_the_minutes_before_it() -> None:
    builder = CandleBuilder()
    fold_trades(builder, (a_trade(1, MINUTE),))
    assert close_until(builder, T0 + 2 * MINUTE - 1) == ()
    assert fold_trades(builder, (a_trade(2, 2 * MINUTE - 1),)).late == ()


def test_resampling_a_filled_bar_is_refused() -> None:
    with pytest.raises(BadBars, match="fills a gap"):
        resample((a_bar(0), a_bar(MINUTE, real=False)), HOUR)


@pytest.mark.parametrize("starts", [(MINUTE, 0), (0, 0)])
def test_unordered_bars_are_refused(starts: tuple[int, ...]) -> None:
    bars = [a_bar(start) for start in starts]
    with pytest.raises(BadBars, match="ascend"):
        resample(bars, HOUR)
    with pytest.raises(BadBars, match="ascend"):
        fill(bars, MINUTE, T0 + HOUR)


def test_filling_refuses_bars_off_the_grid_and_bars_not_closed() -> None:
    with pytest.raises(BadBars, match="off the grid"):
        fill((a_bar(1),), MINUTE, T0 + HOUR)
    with pytest.raises(BadBars, match="not closed"):
        fill((a_bar(HOUR),), MINUTE, T0 + HOUR)


def test_nothing_is_filled_before_the_first_bar() -> None:
    assert fill((), MINUTE, T0 + HOUR) == ()
    assert fill((a_bar(58 * MINUTE),), MINUTE, T0 + HOUR)[0].start == T0 + 58 * MINUTE


def test_filling_after_a_known_bar_bridges_the_gap_behind_it_and_does_not_repeat_it() -> None:
    got = fill((a_bar(3 * MINUTE, 105),), MINUTE, T0 + 5 * MINUTE, after=a_bar(0))
    assert [(bar.start - T0, int(bar.close), bar.real) for bar in got] == [
        (MINUTE, 100, False),
        (2 * MINUTE, 100, False),
        (3 * MINUTE, 105, True),
        (4 * MINUTE, 105, False),
    ]
    assert got[0] == flat_bar(T0 + MINUTE, D(100))


@pytest.mark.parametrize("broken", [{"low": 101}, {"high": 99}, {"low": 0}, {"volume": -1}, {"value": -1}])
def test_an_impossible_candle_is_refused(broken: dict[str, int]) -> None:
    require_sound(a_bar(0))
    with pytest.raises(BadBars, match="cannot look like this"):
        require_sound(msgspec.structs.replace(a_bar(0), **{name: D(value) for name, value in broken.items()}))
