"""Candles of every length come from the minutes that are over and traded, and from nothing else."""

import numpy as np
import pandas as pd
import pytest

from actors.sandbox.history import MINUTE_UNITS, Candle, History, step_of
from actors.sandbox.live import LiveMarket, minute_prints
from actors.sandbox.series import UNITS, make_series
from actors.sandbox.source import load_candles
from actors.sandbox.synthetic import synthetic_universe
from actors.sandbox.tape import print_tape, settle
from domain.market import DAY, HOUR, MINUTE

STEPS = [*(step_of(unit) for unit in MINUTE_UNITS), DAY]


@pytest.fixture(scope="module")
def gappy():
    """A made-up market of four days in which about half of the minutes have no trade."""
    return synthetic_universe(3, 4, ("KRW-MBL",))["KRW-MBL"]


def grouped(series, step, end):
    """Candles of the first `end` minutes by plain loops: start -> open, high, low, close, units."""
    found = {}
    columns = (series.time, series.open, series.high, series.low, series.close, series.units)
    for at, first, high, low, last, units in zip(*(column[:end].tolist() for column in columns), strict=True):
        start = at - at % step
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
        made = told(History(series).newest(HOUR, len(series.time), None, before=end, count=10_000))
        prices = zip(*(hours[name].tolist() for name in ("open", "high", "low", "close")), strict=True)
        theirs = dict(zip(starts, prices, strict=True))
        assert len(made.keys() & theirs.keys()) > 500
        for start in made.keys() & theirs.keys():
            assert made[start][:4] == theirs[start], (market, start)
        volumes = dict(zip(starts, hours["volume"].tolist(), strict=True))
        for start in made.keys() & volumes.keys():  # their file keeps floats, so the last digit of a large sum is lost
            assert made[start][4] / UNITS == pytest.approx(volumes[start], rel=1e-14)


@pytest.mark.parametrize("step", STEPS)
def test_candles_of_every_length_hold_the_minutes_that_traded(gappy, step):
    done = len(gappy.time) - 77
    before = int(gappy.time[done - 1]) + MINUTE
    expected = grouped(gappy, step, done)
    made = History(gappy).newest(step, done, None, before=before, count=1_000_000)
    assert told(made) == expected
    assert [candle.start for candle in made] == sorted(expected, reverse=True)


@pytest.mark.parametrize("step", STEPS)
def test_the_newest_are_given_and_what_starts_at_the_limit_is_left_out(gappy, step):
    history, done = History(gappy), len(gappy.time)
    everything = history.newest(step, done, None, before=int(gappy.time[-1]) + MINUTE, count=1_000_000)
    limit = everything[1].start
    earlier = [candle for candle in everything if candle.start < limit]
    assert history.newest(step, done, None, before=limit, count=3) == earlier[:3]
    assert history.newest(step, done, None, before=limit + 1, count=2) == everything[1:3]


def test_a_coarse_candle_still_forming_knows_only_what_is_over_and_the_minute_being_printed(gappy):
    middle, whole = int(gappy.time[0]) + 2 * DAY + 7 * HOUR + 31 * MINUTE, grouped(gappy, DAY, len(gappy.time))
    printing = set()
    for seconds in range(1, 600, 59):
        live = LiveMarket(gappy, middle + seconds * 1_000_000)
        (newest,) = live.candles(DAY, before=1 << 62, count=1)
        over = grouped(gappy, DAY, live.done)[newest.start]
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
    so_far = Candle(0, 100.0, 110.0, 90.0, 105.0, 7, 700.0, 50)
    wider = so_far.joined(Candle(MINUTE, 104.0, 120.0, 80.0, 95.0, 5, 500.0, 90))
    inside = so_far.joined(Candle(MINUTE, 104.0, 106.0, 99.0, 101.0, 5, 500.0, 90))
    assert wider == (0, 100.0, 120.0, 80.0, 95.0, 12, 1200.0, 90)
    assert inside == (0, 100.0, 110.0, 90.0, 101.0, 12, 1200.0, 90)


def test_a_candle_that_was_played_tells_the_value_of_its_own_trades():
    flat = np.ones(4)
    time = np.arange(4, dtype=np.int64) * MINUTE + 20_454 * DAY
    columns = (flat * 3000, flat * 3010, flat * 2990, flat * 3005)
    series = make_series("KRW-XRP", 5, time, columns, (flat * 10, flat * 90_000))  # no trades are worth 9,000 a coin
    settle(series, 2)
    traded = [sum(trade.price * trade.units / UNITS for trade in minute_prints(series, index)) for index in (2, 3)]
    candles = History(series).newest(MINUTE, 4, None, before=1 << 62, count=4)
    assert [candle.value for candle in reversed(candles)] == pytest.approx([90_000, 90_000, *traded], rel=1e-12)
    assert max(traded) <= 30_100


def test_real_minutes_are_played_at_nearly_the_value_they_had(real_candles):
    for market, series in load_candles(real_candles, (), seed=11).items():
        tape = print_tape(series, 0, len(series.time))
        assert np.abs(tape.minute_value / series.source_value - 1).max() < 0.005, market
