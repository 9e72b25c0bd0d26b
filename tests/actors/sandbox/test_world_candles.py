"""Candles of every length come from the minutes that are over and traded, and from nothing else."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from actors.sandbox.history import (
    DAYS,
    MINUTE_UNITS,
    MONTHS,
    SECOND,
    WEEKS,
    YEARS,
    Candle,
    History,
    minutes,
)
from actors.sandbox.live import LiveMarket
from actors.sandbox.prints import UNITS
from actors.sandbox.series import make_series
from actors.sandbox.source import load_candles
from actors.sandbox.synthetic import synthetic_universe
from actors.sandbox.tape import minute_prints
from domain.market import DAY, HOUR, MINUTE

T0 = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC
LENGTHS = [*map(minutes, MINUTE_UNITS), DAYS, WEEKS, MONTHS, YEARS]


@pytest.fixture(scope="module")
def gappy():
    """A made-up market of four days in which about half of the minutes have no trade."""
    return synthetic_universe(3, 4, ("KRW-MBL",))["KRW-MBL"]


def grouped(series, period, end):
    """Candles of the first `end` minutes by plain loops: start -> open, high, low, close, units."""
    found = {}
    columns = (series.time, series.open, series.high, series.low, series.close, series.units)
    for at, first, high, low, last, units in zip(*(column[:end].tolist() for column in columns), strict=True):
        start = period.start(period.number(at))
        opened, highest, lowest, _, sum_ = found.get(start, (first, high, low, last, 0))
        found[start] = (opened, max(highest, high), min(lowest, low), last, sum_ + units)
    return found


def told(candles):
    return {candle.start: (candle.open, candle.high, candle.low, candle.close, candle.units) for candle in candles}


def test_hours_made_of_real_minutes_are_the_hours_the_exchange_told(real_candles):
    folder = real_candles.parent / "60m-2025-09"
    for market, series in load_candles(real_candles, (), seed=1).items():
        hours = pd.read_parquet(folder / f"{market}.parquet")
        starts = hours["time"].dt.as_unit("us").astype("int64").tolist()
        end = int(series.time[-1]) + MINUTE
        made = told(History(series).newest(minutes(60), len(series.time), None, before=end, count=10_000))
        prices = zip(*(hours[name].tolist() for name in ("open", "high", "low", "close")), strict=True)
        theirs = dict(zip(starts, prices, strict=True))
        assert len(made.keys() & theirs.keys()) > 500
        for start in made.keys() & theirs.keys():
            assert made[start][:4] == theirs[start], (market, start)
        volumes = dict(zip(starts, hours["volume"].tolist(), strict=True))
        for start in made.keys() & volumes.keys():  # their file keeps floats, so the last digit of a large sum is lost
            assert made[start][4] / UNITS == pytest.approx(volumes[start], rel=1e-14)


@pytest.mark.parametrize("period", LENGTHS)
def test_candles_of_every_length_hold_the_minutes_that_traded(gappy, period):
    done = len(gappy.time) - 77
    before = int(gappy.time[done - 1]) + MINUTE
    expected = grouped(gappy, period, done)
    made = History(gappy).newest(period, done, None, before=before, count=1_000_000)
    assert told(made) == expected
    assert [candle.start for candle in made] == sorted(expected, reverse=True)


@pytest.mark.parametrize("period", [*map(minutes, MINUTE_UNITS), DAYS])
def test_the_newest_are_given_and_what_starts_at_the_limit_is_left_out(gappy, period):
    history, done = History(gappy), len(gappy.time)
    everything = history.newest(period, done, None, before=int(gappy.time[-1]) + MINUTE, count=1_000_000)
    limit = everything[1].start
    earlier = [candle for candle in everything if candle.start < limit]
    assert history.newest(period, done, None, before=limit, count=3) == earlier[:3]
    assert history.newest(period, done, None, before=limit + 1, count=2) == everything[1:3]


def test_a_coarse_candle_still_forming_knows_only_what_is_over_and_the_minute_being_printed(gappy):
    middle, whole = int(gappy.time[0]) + 2 * DAY + 7 * HOUR + 31 * MINUTE, grouped(gappy, DAYS, len(gappy.time))
    printing = set()
    for seconds in range(1, 600, 59):
        live = LiveMarket(gappy, middle + seconds * 1_000_000)
        (newest,) = live.candles(DAYS, before=1 << 62, count=1)
        over = grouped(gappy, DAYS, live.done)[newest.start]
        forming = live.forming
        printing.add(forming is not None)
        if forming is None:
            assert told([newest])[newest.start] == over
        else:
            assert newest.units == over[4] + forming.units
            assert (newest.high, newest.low) == (max(over[1], forming.high), min(over[2], forming.low))
            assert newest.close == forming.close
        assert newest.units < whole[newest.start][4]
    assert printing == {True, False}


def test_what_is_printed_beyond_the_candle_so_far_widens_it():
    so_far = Candle(0, 100.0, 110.0, 90.0, 105.0, 7, 700, 50, 10)
    wider = so_far.joined(Candle(MINUTE, 104.0, 120.0, 80.0, 95.0, 5, 500, 90, 10))
    inside = so_far.joined(Candle(MINUTE, 104.0, 106.0, 99.0, 101.0, 5, 500, 90, 10))
    assert wider == (0, 100.0, 120.0, 80.0, 95.0, 12, 1200, 90, 10)
    assert inside == (0, 100.0, 110.0, 90.0, 101.0, 12, 1200, 90, 10)
    assert wider.turnover == 120.0


def starts_of(moment):
    """When the week, the month and the year of a moment begin, by the calendar alone."""
    midnight = moment.replace(hour=0, minute=0)
    return {
        WEEKS: midnight - timedelta(days=midnight.weekday()),
        MONTHS: midnight.replace(day=1),
        YEARS: midnight.replace(month=1, day=1),
    }


@pytest.mark.parametrize("period", [WEEKS, MONTHS, YEARS])
def test_weeks_begin_on_monday_months_on_the_first_and_years_in_january(period):
    moments = [datetime(2023, 12, 30, 5, 7, tzinfo=UTC) + timedelta(hours=31 * n) for n in range(400)]
    flat, times = np.full(400, 3000.0), np.array([int(at.timestamp()) * 1_000_000 for at in moments])
    series = make_series("KRW-XRP", 1, times, (flat, flat, flat, flat), (flat, flat * flat))
    made = History(series).newest(period, 400, None, before=1 << 62, count=1_000)
    expected = Counter(int(starts_of(at)[period].timestamp()) * 1_000_000 for at in moments)
    assert {candle.start: candle.units // (3000 * UNITS) for candle in made} == expected
    assert sum(candle.turnover for candle in made) == 400 * 9_000_000


def test_a_second_is_made_of_its_trades_and_only_of_those_printed(gappy):
    now = int(gappy.time[500]) + 40_000_000
    live = LiveMarket(gappy, now)
    prints = [trade for index in range(501) for trade in minute_prints(gappy, index) if trade.at <= now]
    expected = Counter()
    for trade in prints:
        expected[trade.at // 1_000_000] += trade.units
    made = live.candles(SECOND, before=now + 1, count=300)
    assert [candle.start // 1_000_000 for candle in made] == sorted(expected, reverse=True)[:300]
    assert all(candle.units == expected[candle.start // 1_000_000] for candle in made)
    assert live.candles(SECOND, before=made[3].start, count=2) == made[4:6]


def test_seconds_older_than_three_months_are_told_no_more():
    times = T0 + np.array([0, 1, 91 * 1440, 92 * 1440]) * MINUTE
    flat = np.full(4, 3000.0)
    live = LiveMarket(make_series("KRW-XRP", 1, times, (flat,) * 4, (flat, flat * flat)), int(times[3]) + 59_999_000)
    found = live.candles(SECOND, before=1 << 62, count=200)
    assert {candle.start // MINUTE for candle in found} == {int(at) // MINUTE for at in times[2:]}


def test_every_candle_tells_the_value_of_its_own_trades_exactly():
    flat = np.ones(4)
    columns = (flat * 3000, flat * 3010, flat * 2990, flat * 3005)
    told = np.array([30_000.5, 90_000.0, np.nan, 30_010.0])  # no trades are worth 9,000 a coin
    series = make_series("KRW-XPR", 5, np.arange(4) * MINUTE + T0, columns, (flat * 10, told))
    traded = [sum(int(trade.price) * trade.units for trade in minute_prints(series, index)) for index in range(4)]
    candles = History(series).newest(minutes(1), 4, None, before=1 << 62, count=4)
    assert [candle.value for candle in reversed(candles)] == traded
    assert [candle.turnover for candle in reversed(candles)][::3] == [30_000.5, 30_010.0]
    (whole,) = History(series).newest(DAYS, 4, None, before=1 << 62, count=4)
    assert whole.value == sum(traded)
