"""Spans against sets of single points."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.spans import covers, joined, within, without

SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 8)).map(lambda pair: (pair[0], pair[0] + pair[1])), max_size=6
)


def points(spans):
    return {at for since, until in spans for at in range(since, until)}


@given(SPANS)
def test_joined_spans_hold_the_same_points_in_order_and_never_touch(spans):
    found = joined(spans)
    assert points(found) == points(spans)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(found))


@given(SPANS, SPANS)
def test_what_is_taken_away_is_gone_and_nothing_else(spans, taken):
    left = without(spans, taken)
    assert points(left) == points(spans) - points(taken)
    assert left == joined(left)


@given(SPANS, st.integers(0, 40), st.integers(0, 9))
def test_a_window_shows_only_what_lies_in_it(spans, since, length):
    until = since + length
    shown = within(spans, since, until)
    assert points(shown) == points(spans) & set(range(since, until))
    assert covers(spans, since, until) == (set(range(since, until)) <= points(spans))


def test_a_span_that_ends_before_it_begins_is_refused():
    with pytest.raises(ValueError, match="cannot end at 3"):
        joined([(5, 3)])
