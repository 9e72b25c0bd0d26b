"""The five properties of quant.md MTF-15: candles of all frames are whole, exact, and never tell what comes later."""

from collections.abc import Iterator, Sequence
from decimal import Decimal as D
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.candles import BadBars, CandleBuilder, close_until, fill, flat_bar, fold_trades, resample
from domain.config import Settings
from domain.decisions import Evaluation
from domain.features import MarketMemory, close_base_bar, evaluate, seed, view
from domain.market import BASE_FRAME, DAY, FOUR_HOURS, HOUR, MINUTE, US_PER_S, Bar, Trade
from domain.orders import Side
from domain.strategies.view import FrameView, MarketView, NotClosed

T0 = 1_767_225_600 * US_PER_S  # 2026-01-01T00:00Z
M = "KRW-TST"
FRAMES = (MINUTE, 3 * MINUTE, BASE_FRAME, 15 * MINUTE, 30 * MINUTE, HOUR, FOUR_HOURS, DAY)
PAIRS = [(fine, coarse) for fine in FRAMES for coarse in FRAMES if fine < coarse and coarse % fine == 0]


# --- (1) candles built live are candles built in one pass


class Arrival(NamedTuple):
    """What reaches the builder: a trade, or (None) word that everything before `at` is over."""

    at: int
    trade: Trade | None


def naive_candles(arrivals: Sequence[Arrival]) -> tuple[tuple[Bar, ...], set[int]]:
    """The candles in one pass over everything, and the numbers of late trades.

    A trade is late if, before it came, a minute after its own had begun or was told to be over.
    """
    taken: dict[int, Trade] = {}
    late: set[int] = set()
    over = 0
    for at, trade in arrivals:
        minute = at // MINUTE
        if trade is None:
            over = max(over, minute)
        elif trade.sequential_id not in taken and trade.sequential_id not in late:
            if minute < over:
                late.add(trade.sequential_id)
            else:
                taken[trade.sequential_id] = trade
                over = max(over, minute)
    bars = []
    for minute in sorted({trade.at // MINUTE for trade in taken.values()}):
        inside = sorted((one for one in taken.values() if one.at // MINUTE == minute), key=lambda one: one.at)
        prices, volumes = [one.price for one in inside], [one.volume for one in inside]
        value = sum((price * volume for price, volume in zip(prices, volumes, strict=True)), D(0))
        ends = prices[0], max(prices), min(prices), prices[-1]
        bars.append(Bar(minute * MINUTE, *ends, sum(volumes, D(0)), value))
    return tuple(bars), late


@st.composite
def tapes(draw: st.DrawFn) -> list[Arrival]:
    """Half an hour of trades, some of one time stamp, told in disorder, some twice, some after their minute's end.

    None comes later than in the minute after its own: so long the builder knows a double from a late trade.
    """
    seconds = draw(st.lists(st.integers(0, 30 * 60), max_size=60))
    trades = [
        Trade(T0 + at * US_PER_S, D(draw(st.integers(1, 9))), D(draw(st.integers(1, 99))) / 8, Side.BUY, number)
        for number, at in enumerate(seconds)
    ]
    trades += draw(st.lists(st.sampled_from(trades), max_size=10)) if trades else []
    delays = draw(st.lists(st.sampled_from((0, 0, 0, 2, 30, 60)), min_size=len(trades), max_size=len(trades)))
    told = [(one.at + delay * US_PER_S, Arrival(one.at, one)) for one, delay in zip(trades, delays, strict=True)]
    ends = draw(st.lists(st.integers(0, 31), max_size=10))
    told += [(T0 + end * MINUTE + 2 * US_PER_S, Arrival(T0 + end * MINUTE, None)) for end in ends]
    return [arrival for _, arrival in sorted(told, key=lambda each: each[0])]


def batches(arrivals: Sequence[Arrival], size: int) -> Iterator[list[Trade] | int]:
    """Up to `size` trades at a time, as messages bring them, and between them the ends of minutes."""
    batch: list[Trade] = []
    for at, trade in arrivals:
        if trade is not None:
            batch.append(trade)
        if batch and (trade is None or len(batch) == size):
            yield batch
            batch = []
        if trade is None:
            yield at
    if batch:
        yield batch


@settings(max_examples=400)
@given(tapes(), st.integers(1, 9))
def test_candles_built_live_are_those_of_one_naive_pass(arrivals: list[Arrival], size: int) -> None:
    builder, bars, late = CandleBuilder(), list[Bar](), list[Trade]()
    for batch in batches(arrivals, size):
        if isinstance(batch, int):
            bars += close_until(builder, batch)
            continue
        folded = fold_trades(builder, batch)
        bars += folded.bars
        late += folded.late
    bars += close_until(builder, T0 + DAY)
    want, want_late = naive_candles(arrivals)
    assert tuple(bars) == want
    assert {one.sequential_id for one in late} == want_late


# --- (2) and (4): resampling

prices = st.integers(1, 10**9)
rows = st.lists(
    st.tuples(st.integers(0, 3 * DAY // MINUTE), prices, prices, prices, prices),
    unique_by=lambda row: row[0],
    min_size=1,
    max_size=50,
).map(sorted)


def real_bars(told: list[tuple[int, ...]]) -> list[Bar]:
    return [
        Bar(T0 + k * MINUTE, D(a), D(max(a, b, c)), D(min(a, b, c)), D(b), D(d).scaleb(-8), D(c * d).scaleb(-4))
        for k, a, b, c, d in told
    ]


@pytest.mark.parametrize(("fine", "coarse"), PAIRS)
@settings(max_examples=25)
@given(told=rows)
def test_resampling_in_two_steps_is_resampling_at_once(fine: int, coarse: int, told: list[tuple[int, ...]]) -> None:
    bars = real_bars(told)
    assert resample(resample(bars, fine), coarse) == resample(bars, coarse)


@pytest.mark.parametrize("frame", FRAMES[1:])
@settings(max_examples=25)
@given(told=rows)
def test_a_coarse_candle_is_all_that_traded_in_it(frame: int, told: list[tuple[int, ...]]) -> None:
    bars = real_bars(told)
    for one in resample(bars, frame):
        inside = [bar for bar in bars if one.start <= bar.start < one.start + frame]
        assert one.start % frame == 0
        assert (one.open, one.close) == (inside[0].open, inside[-1].close)
        assert (one.high, one.low) == (max(bar.high for bar in inside), min(bar.low for bar in inside))
        sums = sum((bar.volume for bar in inside), D(0)), sum((bar.value for bar in inside), D(0))
        assert (one.volume, one.value) == sums


@pytest.mark.parametrize("frame", FRAMES[1:])
@settings(max_examples=25)
@given(told=rows, data=st.data())
def test_a_synthetic_bar_among_those_to_be_resampled_is_refused(
    frame: int, told: list[tuple[int, ...]], data: st.DataObject
) -> None:
    bars = real_bars(told)
    free = sorted(set(range(told[-1][0] + 2)) - {row[0] for row in told})
    added = data.draw(st.sets(st.sampled_from(free), min_size=1, max_size=3))
    mixed = sorted((*bars, *(flat_bar(T0 + k * MINUTE, D(5)) for k in added)), key=lambda bar: bar.start)
    with pytest.raises(BadBars, match="fills a gap"):
        resample(mixed, frame)


def test_what_was_filled_cannot_be_resampled() -> None:
    bars = real_bars([(0, 5, 6, 7, 8), (3, 5, 6, 7, 8)])
    with pytest.raises(BadBars, match="fills a gap"):
        resample(fill(bars, MINUTE, T0 + 5 * MINUTE), BASE_FRAME)


# --- (3) nothing after T is known at T


def a_walk(closes: Sequence[int], first: int = 0) -> list[Bar]:
    """Real base bars; a close of 0 stands for one in which nothing traded."""
    return [
        Bar(T0 + k * BASE_FRAME, D(c), D(c + 3), D(c - 3), D(c + 1), D(c % 7 + 1), D(c * 10))
        for k, c in enumerate(closes, first)
        if c
    ]


def what_is_decided(bars: Sequence[Bar], until: int) -> list[tuple[Evaluation, MarketView]]:
    """Everything evaluated up to `until`; what a view shows is looked at only after the last bar."""
    memory, found = MarketMemory(), list[tuple[Evaluation, MarketView]]()
    for bar in fill(bars, BASE_FRAME, until):
        close_base_bar(memory, bar)
        at = memory.closed_at
        found.append((evaluate(memory, M, at, Settings()), view(memory, M, at)))
    return found


def seen_bits(decided: tuple[Evaluation, MarketView]) -> tuple[object, ...]:
    """All of it, exactly; NaN is equal to itself."""
    evaluation, seen = decided
    return repr(evaluation), seen.at, repr((seen.base, seen.hour, seen.four_hours)), seen.history.tobytes()


walks = st.lists(st.one_of(st.integers(9_000, 11_000), st.just(0)), min_size=40, max_size=150)


@settings(max_examples=30, deadline=None)
@given(st.integers(9_000, 11_000), walks, st.data())
def test_bars_deleted_after_a_time_change_nothing_decided_up_to_it(
    first: int, closes: list[int], data: st.DataObject
) -> None:
    bars = a_walk([first, *closes])
    cut = data.draw(st.integers(1, len(closes)))
    at, end = T0 + cut * BASE_FRAME, T0 + (len(closes) + 1) * BASE_FRAME
    gone = data.draw(st.sets(st.sampled_from([bar.start for bar in bars if bar.start >= at] or [0])))
    left = [bar for bar in bars if bar.start not in gone]
    one, other = what_is_decided(bars, end), what_is_decided(left, end)
    assert [seen_bits(each) for each in one[:cut]] == [seen_bits(each) for each in other[:cut]]
    assert [each.at for each, _ in one[:cut]] == [T0 + (k + 1) * BASE_FRAME for k in range(cut)]


@settings(max_examples=30, deadline=None)
@given(walks, st.integers(1, 39))
def test_a_warm_up_with_a_bar_that_is_not_closed_is_refused(closes: list[int], cut: int) -> None:
    bars = a_walk([10_000, *closes])
    at = T0 + cut * BASE_FRAME
    for frame, place in ((BASE_FRAME, 0), (HOUR, 1), (FOUR_HOURS, 2)):
        told: list[Any] = [[], [], []]
        told[place] = resample(bars, frame)
        if told[place][-1].start + frame > at:
            with pytest.raises(BadBars, match="not closed"):
                seed(MarketMemory(), *told, at)


# --- (5) the newest closed candle of every frame is visible, and no other


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 575), st.integers(1, 100)), max_size=20))
def test_at_every_close_of_two_days_the_newest_closed_candles_are_seen(silences: list[tuple[int, int]]) -> None:
    silent = {k for first, length in silences for k in range(first, first + length)}
    bars = a_walk([0 if k in silent else 10_000 + k % 97 for k in range(576)])
    last: dict[int, Bar] = {}
    for evaluation, seen in what_is_decided(bars, T0 + 2 * DAY):
        at = evaluation.at
        last.update((bar.start + BASE_FRAME, bar) for bar in bars if bar.start + BASE_FRAME == at)
        for step, frame in ((BASE_FRAME, seen.base), (HOUR, seen.hour), (FOUR_HOURS, seen.four_hours)):
            assert at - step < frame.closed_at <= at
            assert frame.closed_at % step == 0
            known = [close for close in last if close <= frame.closed_at]
            assert not known or frame.close == float(last[max(known)].close)


@pytest.mark.parametrize("frame", ["base", "hour", "four_hours"])
@pytest.mark.parametrize("off", [-1, 1])
def test_a_view_with_a_frame_too_old_or_too_new_cannot_be_made(frame: str, off: int) -> None:
    steps = {"base": BASE_FRAME, "hour": HOUR, "four_hours": FOUR_HOURS}
    closed = {name: T0 - T0 % step + off * step * (name == frame) for name, step in steps.items()}
    frames = {name: FrameView(at, 1.0, 1.0, 1.0, 1.0, 50.0, 1.0) for name, at in closed.items()}
    history = what_is_decided(a_walk([10_000]), T0 + BASE_FRAME)[0][1].history
    with pytest.raises(NotClosed):
        MarketView(M, T0, **frames, history=history)
