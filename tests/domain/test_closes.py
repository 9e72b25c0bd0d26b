"""The closes of base bars, told minute by minute, again and again, against the minutes themselves."""

from decimal import Decimal as D

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.candles import fill, resample
from domain.closes import KEPT, BaseCloses, suspects, take
from domain.config import DataSettings
from domain.market import BASE_FRAME, MINUTE, Bar
from domain.quality import spikes

DATA = DataSettings()
T0 = 400 * BASE_FRAME


def bar(minute, close=1_000):
    price = D(close)
    return Bar(T0 + minute * MINUTE, price, price, price, price, D(1), price)


def tell(known, since, until, bars):
    take(
        known,
        T0 + since * MINUTE,
        T0 + until * MINUTE,
        [one for one in bars if since <= (one.start - T0) // MINUTE < until],
    )


TAPES = st.dictionaries(st.integers(0, 119), st.sampled_from([1_000, 1_010, 1_200, 800]), max_size=120)
CUTS = st.lists(st.integers(1, 119), max_size=6, unique=True).map(sorted)


@given(TAPES, CUTS, st.tuples(st.integers(0, 119), st.integers(1, 60)))
def test_in_however_many_parts_minutes_are_told_the_spikes_are_those_of_the_resampled_candles(tape, cuts, again):
    bars = [bar(minute, close) for minute, close in sorted(tape.items())]
    known = BaseCloses()
    for since, until in zip([0, *cuts], [*cuts, 120], strict=True):
        tell(known, since, until, bars)
    tell(known, again[0], min(120, sum(again)), bars)  # REST tells some once more
    filled = fill(resample(bars, BASE_FRAME), BASE_FRAME, T0 + 120 * MINUTE)
    found = np.flatnonzero(spikes(np.array([float(one.close) for one in filled]), DATA))
    assert [start for start, _ in suspects(known, DATA)] == [filled[place].start for place in found]


def test_what_rest_tells_of_a_minute_counts_from_then_on():
    known = BaseCloses()
    bars = [bar(minute) for minute in range(15)]
    tell(known, 0, 15, bars)
    assert suspects(known, DATA) == ()
    tell(known, 9, 10, [bar(9, 1_200)])
    ((start, move),) = suspects(known, DATA)
    assert (start, round(move, 6)) == (T0 + BASE_FRAME, 0.2)


def test_an_earlier_minute_does_not_change_the_close():
    known = BaseCloses()
    tell(known, 0, 15, [bar(minute) for minute in range(15)])
    tell(known, 7, 8, [bar(7, 1_200)])
    assert suspects(known, DATA) == ()


def test_the_base_bar_that_is_not_over_is_not_judged():
    known = BaseCloses()
    bars = [*(bar(minute) for minute in range(5)), *(bar(minute, 1_200) for minute in range(5, 10)), bar(10)]
    tell(known, 0, 11, bars)
    assert suspects(known, DATA) == ()
    tell(known, 11, 15, bars)
    assert [start for start, _ in suspects(known, DATA)] == [T0 + BASE_FRAME]


def test_minutes_nobody_told_make_no_move():
    known = BaseCloses()
    tell(known, 0, 10, [bar(0), bar(5)])
    tell(known, 15, 30, [bar(15, 1_200), bar(20), bar(25)])
    assert suspects(known, DATA) == ()
    assert known.first == T0 + 15 * MINUTE


def test_what_is_older_than_a_day_and_an_hour_is_forgotten():
    known = BaseCloses()
    for since in range(0, 3_000, 100):
        tell(known, since, since + 100, [bar(minute) for minute in range(since, since + 100)])
    assert known.closes.size == known.minutes.size == KEPT
    assert known.first == T0 + 3_000 * MINUTE - KEPT * BASE_FRAME
    tell(known, 0, 5, [bar(0, 1_200)])  # too long ago to be kept
    assert suspects(known, DATA) == ()


def test_nothing_told_is_nothing_suspected():
    assert suspects(BaseCloses(), DATA) == ()
