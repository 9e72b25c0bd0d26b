"""Vectorised views against oracles: the exact candles of the domain, and plain loops over dictionaries."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.candles import fill
from domain.candles import resample as exact_resample
from domain.market import HOUR, MINUTE, Bar
from domain.spans import Spans, covers, joined, within, without
from storage.candle_merge import combined
from storage.columns import (
    COARSE,
    IMPORTED,
    PARTIAL,
    PROVISIONAL,
    REST,
    REVISED,
    SYNTHETIC,
    TRADES,
    CandleArrays,
    Known,
    arrays_of,
    covered,
    merged,
    nothing,
    spans_of,
    whole_steps,
)
from storage.frames import filled, laid_under, resampled, with_parts_marked
from tests.storage.conftest import NEW_YEAR, a_bar, at

FRAMES = (3, 5, 15, 60)
prices = st.decimals(min_value="0.00000001", max_value=10**8, places=8)
volumes = st.decimals(min_value="0.00000001", max_value=10**5, places=8)


def a_candle(minute: int, some: list[Decimal], volume: Decimal) -> Bar:
    return Bar(at(minute), some[0], max(some), min(some), some[-1], volume, volume * 3)


candles = st.lists(
    st.builds(a_candle, st.integers(0, 130), st.lists(prices, min_size=1, max_size=3), volumes),
    max_size=40,
    unique_by=lambda bar: bar.start,
).map(lambda bars: sorted(bars, key=lambda bar: bar.start))
stretches = st.lists(st.tuples(st.integers(0, 130), st.integers(0, 40)), max_size=5).map(
    lambda found: joined((at(first), at(first + length)) for first, length in found)
)


class Told(NamedTuple):
    """One put: price by minute, and what it says is whole."""

    prices: dict[int, int]
    whole: Spans
    provisional: bool

    def known(self) -> Known:
        bars = [a_bar(minute, str(price)) for minute, price in sorted(self.prices.items())]
        columns = arrays_of(bars, TRADES | PROVISIONAL if self.provisional else REST)
        return Known(columns, joined((*self.whole, *spans_of(columns.time, MINUTE))), nothing())


puts = st.lists(
    st.builds(
        Told,
        st.dictionaries(st.integers(0, 9), st.integers(2, 4), max_size=6),
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), max_size=2).map(
            lambda found: joined((at(first), at(first + length)) for first, length in found)
        ),
        st.booleans(),
    ),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(bars=candles, frame=st.sampled_from(FRAMES))
def test_a_coarser_frame_is_that_of_exact_numbers(bars: list[Bar], frame: int) -> None:
    found = resampled(arrays_of(bars, REST), frame * MINUTE)

    assert found.same_as(arrays_of(exact_resample(bars, frame * MINUTE), REST))


def test_an_amount_counts_as_the_decimal_it_stands_for() -> None:
    """This one, of KRW-SOL in September 2025, is no multiple of 1e-8 to a division that is rounded twice."""
    part = Decimal("16.03538964")
    bars = [Bar(at(minute), *[Decimal(1)] * 4, part, part) for minute in range(60)]
    found = resampled(arrays_of(bars, REST), HOUR)

    assert [found.volume[0], found.value[0]] == [float(60 * part)] * 2


@settings(max_examples=40, deadline=None)
@given(bars=candles)
def test_two_steps_to_a_frame_are_one(bars: list[Bar]) -> None:
    columns = arrays_of(bars, REST)
    one = resampled(columns, HOUR)
    two = resampled(resampled(columns, 5 * MINUTE), HOUR)

    assert two.picked(slice(None)).time.tolist() == one.time.tolist()
    assert all(np.array_equal(getattr(one, name), getattr(two, name)) for name in ("open", "high", "low", "close"))
    assert np.allclose(one.volume, two.volume, rtol=1e-15)


@settings(max_examples=60, deadline=None)
@given(bars=candles, frame=st.sampled_from((1, 5)), until=st.integers(0, 140))
def test_a_view_of_what_is_all_known_is_filled_as_exact_numbers_are(bars: list[Bar], frame: int, until: int) -> None:
    step, end = frame * MINUTE, at(until) // (frame * MINUTE) * frame * MINUTE
    coarse = [bar for bar in exact_resample(bars, step) if bar.start + step <= end]
    found = filled(arrays_of(coarse, REST), ((NEW_YEAR, end),) if until else (), step, NEW_YEAR, end)
    expected = fill(coarse, step, end)

    assert found.time.tolist() == [bar.start for bar in expected]
    assert found.close.tolist() == [float(bar.close) for bar in expected]
    assert found.open.tolist() == [float(bar.open) for bar in expected]
    assert found.volume.tolist() == [float(bar.volume) for bar in expected]
    assert found.marked(SYNTHETIC).tolist() == [not bar.real for bar in expected]


@settings(max_examples=80, deadline=None)
@given(bars=candles, whole=stretches, since=st.integers(0, 130), length=st.integers(0, 60))
def test_only_what_is_known_whole_since_the_candle_before_is_filled(
    bars: list[Bar], whole: Spans, since: int, length: int
) -> None:
    columns = arrays_of(bars, REST)
    found = filled(columns, whole, MINUTE, at(since), at(since + length))
    expected: dict[int, float] = {}
    real = {bar.start: float(bar.close) for bar in bars}
    for minute in range(since, since + length):
        start = at(minute)
        before = max((bar.start for bar in bars if bar.start <= start), default=None)
        if start in real or (before is not None and covers(whole, before, start + MINUTE)):
            expected[start] = real[start] if start in real else real[before or 0]

    assert dict(zip(found.time.tolist(), found.close.tolist(), strict=True)) == expected


@settings(max_examples=80, deadline=None)
@given(told=puts)
def test_what_is_known_after_any_puts_is_what_a_loop_over_minutes_says(told: list[Told]) -> None:
    known = Known(nothing(), (), nothing())
    best: dict[int, tuple[int, bool]] = {}
    seen: dict[int, int] = {}
    whole: Spans = ()
    for one in told:
        known = combined(known, one.known(), MINUTE)
        for minute, (price, provisional) in list(best.items()):
            if minute not in one.prices and covers(one.known().whole, at(minute), at(minute + 1)) and provisional:
                del best[minute]
                seen.setdefault(minute, price)
        for minute, price in one.prices.items():
            old, before = best.get(minute, (price, True))
            stays = minute in best and one.provisional and not before
            if price != old:
                seen.setdefault(minute, price if stays else old)
            if not stays:
                best[minute] = (price, one.provisional)
        whole = joined((*whole, *one.known().whole))

    found = known.candles
    assert known.whole == whole
    assert found.time.tolist() == [at(minute) for minute in sorted(best)]
    assert found.close.tolist() == [float(best[minute][0]) for minute in sorted(best)]
    assert found.marked(PROVISIONAL).tolist() == [best[minute][1] for minute in sorted(best)]
    assert found.marked(REVISED).tolist() == [minute in seen for minute in sorted(best)]
    assert known.as_seen.time.tolist() == [at(minute) for minute in sorted(seen)]
    assert known.as_seen.close.tolist() == [float(seen[minute]) for minute in sorted(seen)]


@settings(max_examples=40, deadline=None)
@given(told=puts)
def test_what_is_told_again_changes_nothing(told: list[Told]) -> None:
    known = Known(nothing(), (), nothing())
    for one in told:
        known = combined(known, one.known(), MINUTE)
        assert combined(known, one.known(), MINUTE).same_as(known)
        assert combined(known, known, MINUTE).same_as(known)


@settings(max_examples=60, deadline=None)
@given(fine=candles, whole=stretches, hours=st.sets(st.integers(0, 3)), gaps=stretches)
def test_a_bucket_takes_its_minutes_if_they_are_whole_else_the_exchanges_candle(
    fine: list[Bar], whole: Spans, hours: set[int], gaps: Spans
) -> None:
    coarse = arrays_of([a_bar(hour * 60, "5") for hour in sorted(hours)], IMPORTED)
    told = joined((*whole_steps(gaps, HOUR), *spans_of(coarse.time, HOUR)))
    minutes = Known(resampled(arrays_of(fine, REST), HOUR), whole, nothing())
    known = laid_under(minutes, Known(coarse, told, nothing()), HOUR)
    found = with_parts_marked(known.candles, known.whole, HOUR)
    rows = dict(zip(found.time.tolist(), zip(found.close.tolist(), found.flags.tolist(), strict=True), strict=True))
    built = dict(zip(minutes.candles.time.tolist(), minutes.candles.close.tolist(), strict=True))
    expected: dict[int, tuple[float, int]] = {}
    for hour in range(4):
        start = at(hour * 60)
        sure, instead = covers(whole, start, start + HOUR), covers(told, start, start + HOUR)
        if (sure or not instead) and start in built:
            expected[start] = (built[start], REST | (0 if sure else PARTIAL))
        elif not sure and hour in hours:
            expected[start] = (5.0, IMPORTED | COARSE)

    assert rows == expected


@given(first=candles, second=candles)
@settings(max_examples=40, deadline=None)
def test_the_later_of_two_sets_wins_where_both_have_a_candle(first: list[Bar], second: list[Bar]) -> None:
    found = merged(arrays_of(first, REST), arrays_of(second, IMPORTED))
    best = {bar.start: bar for bar in (*first, *second)}

    assert found.close.tolist() == [float(best[start].close) for start in sorted(best)]
    assert found.time.tolist() == sorted(best)


@given(whole=stretches, since=st.integers(0, 130), frame=st.sampled_from(FRAMES))
def test_spans_over_columns_are_those_of_the_domain(whole: Spans, since: int, frame: int) -> None:
    step = frame * MINUTE
    starts = np.arange(NEW_YEAR, at(130), step, dtype=np.int64)

    assert covered(whole, starts, step).tolist() == [covers(whole, start, start + step) for start in starts.tolist()]
    assert without(whole_steps(whole, step), whole) == ()
    assert whole_steps(whole, step) == spans_of(starts_in(whole, step), step)
    assert within(whole, at(since), at(since)) == ()


def starts_in(whole: Spans, step: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    starts = np.arange(NEW_YEAR // step * step, at(180), step, dtype=np.int64)
    return starts[covered(whole, starts, step)]


def test_no_candles_have_no_frame_and_nothing_to_fill() -> None:
    empty: CandleArrays = nothing()

    assert resampled(empty, HOUR).same_as(empty)
    assert filled(empty, ((NEW_YEAR, at(5)),), MINUTE, NEW_YEAR, at(5)).same_as(empty)
    assert spans_of(empty.time, MINUTE) == ()
