"""Candle quality: spikes, broken candles, gaps and coverage, by hand and against plain loops."""

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.config import DataSettings
from domain.errors import ConfigError
from domain.market import MINUTE
from domain.quality import Coverage, broken, coverage, silences, spikes, uncovered

DATA = DataSettings()


def closes(*prices):
    return np.array(prices, dtype=np.float64)


def at(mask):
    return np.flatnonzero(mask).tolist()


# --- spikes


def test_a_price_that_goes_away_and_comes_back_is_a_spike():
    assert at(spikes(closes(100, 100, 100, 112, 101, 100))) == [3]


def test_a_fall_that_comes_back_is_a_spike_as_well():
    assert at(spikes(closes(100, 100, 88, 99, 99))) == [2]


def test_a_price_that_stays_away_is_none():
    assert at(spikes(closes(100, 100, 100, 112, 112, 100))) == []


def test_a_move_of_ten_per_cent_or_less_is_none():
    edge = 100 * math.exp(0.0999)
    assert at(spikes(closes(100, 100, edge, 100))) == []
    assert at(spikes(closes(100, 100, 100 * math.exp(0.1001), 100))) == [2]


def test_seventy_per_cent_of_the_move_must_come_back():
    peak = 100 * math.exp(0.2)
    assert at(spikes(closes(100, 100, peak, peak * math.exp(-0.1401)))) == [2]
    assert at(spikes(closes(100, 100, peak, peak * math.exp(-0.1399)))) == []


def test_the_newest_bar_is_never_a_spike_yet():
    assert at(spikes(closes(100, 100, 100, 120))) == []


def test_a_wild_market_needs_a_wilder_move():
    wild = [100 * math.exp(0.02 * (k % 2)) for k in range(300)]  # MAD 0.02: the limit is 0.24
    assert at(spikes(closes(*wild, wild[-1] * math.exp(0.23), wild[-1]))) == []
    assert at(spikes(closes(*wild, wild[-1] * math.exp(0.25), wild[-1]))) == [300]


def test_the_measure_is_taken_of_the_day_before_the_move_alone():
    calm, wild = [100.0] * 289, [100 * math.exp(0.02 * (k % 2)) for k in range(289)]
    peak = math.exp(0.15)
    assert at(spikes(closes(*wild, *calm, 100 * peak, 100))) == [578]  # the wild day is longer ago
    assert at(spikes(closes(*calm, 100 * peak, 100, *wild))) == [289]  # what comes later does not excuse it


def test_a_hole_in_what_is_known_has_no_move():
    assert at(spikes(closes(100, math.nan, 150, 100, 100))) == []
    assert at(spikes(closes(100, 150, math.nan, 100))) == []


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_bars_hold_no_spike(count):
    assert spikes(np.full(count, 100.0)).tolist() == [False] * count


def slow_spikes(prices):
    moves = [math.nan, *(math.log(new / old) for old, new in itertools.pairwise(prices))]
    found = []
    for bar in range(1, len(prices) - 1):
        usual = [abs(move) for move in moves[max(1, bar - 288) : bar]]
        limit = max(0.10, 12 * statistics.median(usual)) if usual else 0.10
        found += [bar] if abs(moves[bar]) > limit and -moves[bar + 1] / moves[bar] >= 0.7 else []
    return found


MOVES = st.lists(
    st.sampled_from([0.0, 0.001, -0.001, 0.01, -0.012, 0.13, -0.121, 0.31, -0.3]), min_size=0, max_size=400
)


@given(MOVES)
def test_spikes_are_those_of_a_plain_loop(moves):
    prices = (100 * np.exp(np.cumsum([0.0, *moves]))).tolist()
    assert at(spikes(closes(*prices))) == slow_spikes(prices)


@given(MOVES, st.integers(0, 400))
def test_what_comes_after_the_next_bar_changes_nothing(moves, cut):
    prices = 100 * np.exp(np.cumsum([0.0, *moves]))
    known = prices[:cut]
    assert spikes(known)[:-1].tolist() == spikes(prices)[: max(0, known.size - 1)].tolist()


# --- broken


def candles(*rows):
    """Rows of (time, open, high, low, close, volume, value)."""
    columns = np.array(rows, dtype=np.float64).T
    return columns[0].astype(np.int64), columns[1:5], columns[5:]


def test_sound_candles_are_not_broken():
    assert at(broken(*candles((0, 10, 12, 9, 11, 5, 50), (60, 10, 10, 10, 10, 0, 0)))) == []


@pytest.mark.parametrize(
    "row",
    [
        (10, 12, 11, 11, 1, 1),  # open below low
        (13, 12, 9, 11, 1, 1),  # open above high
        (10, 12, 9, 8, 1, 1),  # close below low
        (10, 12, 9, 13, 1, 1),  # close above high
        (0, 0, 0, 0, 1, 1),
        (-1, 12, -2, 11, 1, 1),
        (math.nan, 12, 9, 11, 1, 1),
        (10, math.inf, 9, 11, 1, 1),
        (10, 12, 9, 11, -1, 1),
        (10, 12, 9, 11, 1, -1),
        (10, 12, 9, 11, math.inf, 1),
    ],
)
def test_a_candle_that_cannot_be_is_broken(row):
    assert at(broken(*candles((0, 10, 12, 9, 11, 5, 50), (60, *row)))) == [1]


def test_a_volume_nobody_knows_breaks_nothing():
    assert at(broken(*candles((0, 10, 12, 9, 11, math.nan, math.nan)))) == []


def test_of_doubles_and_candles_out_of_order_those_behind_are_broken():
    sound = (10, 12, 9, 11, 5, 50)
    assert at(broken(*candles(*((time, *sound) for time in (0, 60, 60, 120, 60, 120, 180))))) == [2, 4, 5]


def test_no_candles_are_not_broken():
    assert broken(np.empty(0, np.int64), np.empty((4, 0)), np.empty((2, 0))).size == 0


# --- silences


def test_a_silence_counts_only_where_all_is_known_and_if_it_is_long():
    whole = ((0, 10 * MINUTE), (20 * MINUTE, 30 * MINUTE))
    minutes = [start * MINUTE for start in (0, 1, 4, 7, 9, 23, 24)]
    found = silences(whole, minutes, 3 * MINUTE)
    assert found == ((20 * MINUTE, 23 * MINUTE), (25 * MINUTE, 30 * MINUTE))
    assert silences(whole, minutes, 2 * MINUTE)[:2] == ((2 * MINUTE, 4 * MINUTE), (5 * MINUTE, 7 * MINUTE))


# --- coverage


def bars(known, synthetic=()):
    """Real bars, oldest first, but for those so many bars from the end."""
    real = np.ones(known, dtype=np.bool_)
    for back in synthetic:
        real[-1 - back] = False
    return real


def test_four_synthetic_bars_of_two_hours_are_enough_and_five_are_too_many():
    assert uncovered(coverage(bars(300, (1, 5, 9, 23))), DATA) == ""
    seen = coverage(bars(300, (1, 5, 9, 13, 23)))
    assert seen == Coverage(5, 24, 283, 288)
    assert uncovered(seen, DATA) == "synthetic=5 of 24, at most 4"


def test_a_synthetic_bar_longer_ago_than_two_hours_is_not_among_the_recent():
    assert coverage(bars(300, (24, 25))).synthetic == 0


def test_a_real_share_of_ninety_five_per_cent_over_a_day_is_needed():
    assert uncovered(coverage(bars(300, range(30, 44))), DATA) == ""  # 274 of 288 are 95.1 %
    assert uncovered(coverage(bars(300, range(30, 45))), DATA) == "real=273 of 288: 94.8%, at least 95%"


def test_what_is_longer_ago_than_a_day_does_not_count():
    assert coverage(bars(300, range(288, 300))) == Coverage(0, 24, 288, 288)


def test_with_fewer_bars_the_share_is_of_those_known_and_says_so():
    seen = coverage(bars(40, (30, 31, 32)))
    assert seen == Coverage(0, 24, 37, 40)
    assert uncovered(seen, DATA) == "real=37 of 40 (of 288 only these are known): 92.5%, at least 95%"


def test_fewer_bars_than_two_hours_are_no_ground_at_all():
    assert uncovered(coverage(bars(23)), DATA) == "known=23 of at least 24 base bars"
    assert uncovered(coverage(bars(24)), DATA) == ""
    assert coverage(bars(0)).share == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"coverage_recent": 0},
        {"coverage_recent": 289},
        {"coverage_day": 301},
        {"coverage_synthetic": 25},
        {"coverage_share": -1},
        {"spike_move": 0},
        {"spike_mad": -1},
        {"spike_reversal": 2},
        {"revised_alert": DATA.revised_block * 2},
        {"silent_s": 4},
        {"late_s": 4},
        {"skew_s": 0},
        {"healthy_s": -1},
        {"maintenance_minutes": 1},
        {"maintenance_rest_minutes": -1},
    ],
)
def test_a_setting_out_of_its_range_is_refused(wrong):
    with pytest.raises(ConfigError, match=f"data: .*{next(iter(wrong))}"):
        DataSettings(**wrong)
