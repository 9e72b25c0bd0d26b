"""What is known over time: by hand, and against a count of every minute one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.market import HOUR, MINUTE
from domain.outages import Starts, lengths, outages, split, stretches, uncollected, untraded
from domain.spans import joined

BTC, ETH, XRP = "KRW-BTC", "KRW-ETH", "KRW-XRP"


def known(market, minutes, *whole, step=MINUTE):
    return Starts(market, np.array(sorted(minutes), np.int64) * step, joined((a * step, b * step) for a, b in whole))


def told(found, step=MINUTE):
    return [(since // step, until // step) for since, until in found.tolist()]


def test_a_minute_without_candle_inside_of_what_is_known_had_no_trade():
    assert told(untraded(known(BTC, [2, 3, 7], (1, 9)), MINUTE)) == [(1, 2), (4, 7), (8, 9)]


def test_what_lies_between_two_known_spans_was_not_collected_and_says_nothing_of_trades():
    one = known(BTC, [0, 1, 2, 800, 801], (0, 3), (800, 802))
    assert told(untraded(one, MINUTE)) == []
    assert told(uncollected(one.whole)) == [(3, 800)]


def test_a_candle_outside_of_what_is_known_counts_for_nothing():
    assert told(untraded(known(BTC, [1, 5, 50], (4, 7)), MINUTE)) == [(4, 5), (6, 7)]


def test_nothing_known_is_nothing_found():
    nothing = known(BTC, [])
    assert len(untraded(nothing, MINUTE)) == len(uncollected(nothing.whole)) == len(outages([nothing], MINUTE)) == 0
    assert len(outages([], MINUTE)) == 0


def test_the_exchange_was_down_where_no_market_traded_for_three_minutes():
    btc = known(BTC, [0, 1, 5, 6, 9], (0, 10))
    eth = known(ETH, [0, 1, 5, 9], (0, 10))
    assert told(outages([btc, eth], MINUTE)) == [(2, 5)]


def test_one_market_that_traded_says_the_exchange_was_up():
    btc = known(BTC, [0, 9], (0, 10))
    assert told(outages([btc, known(ETH, [0, 6, 9], (0, 10))], MINUTE)) == [(1, 6)]


def test_a_market_of_which_nothing_is_known_there_says_nothing():
    btc = known(BTC, [0, 9], (0, 10))
    assert told(outages([btc, known(ETH, [20, 22], (20, 23))], MINUTE)) == [(1, 9)]


def test_thin_markets_alone_are_believed_only_when_they_are_silent_for_an_hour_together():
    eth, xrp = known(ETH, [0, 30, 200], (0, 201)), known(XRP, [0, 100, 200], (0, 201))
    assert told(outages([eth, xrp], MINUTE)) == [(31, 100), (101, 200)]
    assert told(outages([eth], MINUTE)) == []


def test_a_missing_hour_of_the_heartbeat_alone_is_an_outage():
    assert told(outages([known(BTC, [0, 1, 3], (0, 4), step=HOUR)], HOUR), HOUR) == [(2, 3)]


spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted), max_size=4)
minutes = st.sets(st.integers(0, 60))


@given(whole=spans, traded=minutes)
def test_untraded_is_what_a_count_of_every_minute_finds(whole, traded):
    one = known(BTC, traded, *whole)
    inside = {minute for since, until in whole for minute in range(since, until)}
    found = {minute for since, until in told(untraded(one, MINUTE)) for minute in range(since, until)}
    assert found == inside - traded


@given(parts=st.lists(st.tuples(spans, minutes), min_size=1, max_size=3))
def test_outages_are_what_a_count_of_every_minute_finds(parts):
    markets = [known(name, traded, *whole) for name, (whole, traded) in zip((BTC, ETH, XRP), parts, strict=False)]
    quiet = []
    for minute in range(62):
        aware = [one for one in markets if any(a <= minute * MINUTE < b for a, b in one.whole)]
        heard = any(one.market == BTC for one in aware)
        enough = heard or len(aware) > 1
        silent = enough and all(minute * MINUTE not in one.times for one in aware)
        quiet.append((2 if heard else 1) if silent else 0)
    runs, since = [], 0
    for minute in range(1, 62):
        if quiet[minute] != quiet[since]:
            if quiet[since] and minute - since >= (3 if quiet[since] == 2 else 60):
                runs.append((since, minute))
            since = minute
    assert told(outages(markets, MINUTE)) == runs


@given(first=spans, second=spans)
def test_silence_is_split_as_a_count_of_every_minute_does(first, second):
    quiet, down = joined(map(tuple, first)), joined(map(tuple, second))
    silent = {m for a, b in quiet for m in range(a, b)}
    off = {m for a, b in down for m in range(a, b)}
    found = split(stretches(quiet), stretches(down))
    assert [{m for a, b in part.tolist() for m in range(a, b)} for part in found] == [silent & off, silent - off]
    assert [tuple(map(tuple, part.tolist())) for part in found] == [joined(map(tuple, part.tolist())) for part in found]
    assert sum(lengths(part).sum() for part in found) == len(silent)
