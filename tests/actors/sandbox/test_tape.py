"""The tape adds up to the candles it was made from, the value included, and stays plausible."""

import json
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.sandbox.history import DAYS, MONTHS, SECOND, WEEKS, YEARS, minutes
from actors.sandbox.live import LiveMarket
from actors.sandbox.player import Player
from actors.sandbox.prints import UNITS
from actors.sandbox.series import make_series
from actors.sandbox.source import load_candles
from actors.sandbox.synthetic import synthetic_universe
from actors.sandbox.tape import MAX_TRADES, minute_prints
from actors.sandbox.ticks import grid_at
from domain.errors import ConfigError
from domain.market import MINUTE
from domain.rules import tick_size

T0 = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC


def series_of(*minutes, market="KRW-XRP", seed=1):
    """Minutes given as (minute number, open, high, low, close, volume[, value])."""
    rows = [(*row, float("nan"))[:7] for row in minutes]
    number, first, high, low, last, volume, value = (
        np.array(column, dtype=np.float64) for column in zip(*rows, strict=True)
    )
    time = T0 + number.astype(np.int64) * MINUTE
    return make_series(market, seed, time, (first, high, low, last), (volume, value))


def tape(series, first=0, end=None):
    """The trades of some minutes."""
    end = len(series.time) if end is None else end
    return [trade for index in range(first, end) for trade in minute_prints(series, index)]


def rebuilt(prints):
    """Candles counted from trades alone, in exact numbers: minute -> open, high, low, close, units, value."""
    found = {}
    for trade in prints:
        minute, price = trade.at - trade.at % MINUTE, Decimal(str(trade.price))
        first, high, low, _, units, value = found.get(minute, (price, price, price, price, 0, Decimal(0)))
        worth = price * trade.units / UNITS
        found[minute] = (first, max(high, price), min(low, price), price, units + trade.units, value + worth)
    return {minute: (*map(float, row[:4]), row[4], float(row[5])) for minute, row in found.items()}


def source(series, value=None):
    """The same of the candles; their value is the one told, or `value`."""
    told = [each / series.per for each in series.value.tolist()] if value is None else value
    columns = (series.open, series.high, series.low, series.close, series.units)
    rows = zip(*(column.tolist() for column in columns), told, strict=True)
    return dict(zip(series.time.tolist(), rows, strict=True))


def test_a_day_of_every_real_market_rebuilt_from_its_tape_is_the_source(real_candles):
    for market, series in load_candles(real_candles, (), seed=3).items():
        prints = tape(series, 0, 1440)
        expected = dict(list(source(series).items())[:1440])
        assert rebuilt(prints) == expected, market
        assert min(trade.units for trade in prints) > 0
        times, ids = [trade.at for trade in prints], [trade.sequential_id for trade in prints]
        assert all(earlier < later for column in (times, ids) for earlier, later in pairwise(column))
        assert not any(at % 1000 for at in times)
        counts = [len(minute_prints(series, index)) for index in range(1440)]
        assert max(counts) <= MAX_TRADES
        assert np.corrcoef(counts, np.log(series.units[:1440]))[0, 1] > 0.3  # busy minutes have more trades


def test_real_minutes_with_a_value_are_met_in_their_value_too(real_candles):
    folder = real_candles.parent.parent / "raw" / "rest"
    for path in sorted(folder.glob("candles_upbit_[13]m_*.json")):
        rows = json.loads(path.read_text(encoding="utf-8"))[::-1]
        names = ("opening_price", "high_price", "low_price", "trade_price")
        prices = [np.array([float(row[name]) for row in rows]) for name in names]
        volume, value = (
            np.array([float(row[f"candle_acc_trade_{name}"]) for row in rows]) for name in ("volume", "price")
        )
        times = np.array([row["candle_date_time_utc"] for row in rows], dtype="datetime64[us]").astype(np.int64)
        series = make_series("KRW-BTC", 1, times, prices, (volume, value))
        assert series.missed == 0
        assert rebuilt(tape(series)) == source(series, value.tolist())


def test_prices_between_the_candles_own_lie_on_the_tick_of_the_time(real_candles):
    series = load_candles(real_candles, ("KRW-SOL",), seed=3)["KRW-SOL"]
    own = {minute: set(row[:4]) for minute, row in source(series).items()}
    for trade in tape(series, 0, 3000):
        minute = trade.at - trade.at % MINUTE
        prices = [*own[minute], trade.price]
        exact = [Decimal(str(price)) for price in prices]
        on_grid = [price % tick_size("KRW-SOL", price, trade.at) == 0 for price in exact]
        assert trade.price in own[minute] or on_grid[-1] or not all(on_grid[:-1])


price_steps = st.integers(0, 25)


STEPS = (  # market, the step its prices move in, the first price in steps: inside bands and over their edges
    ("KRW-XRP", "1", 3000),
    ("KRW-BTC", "1000", 150_000),
    ("KRW-MBL", "0.01", 995),
    ("KRW-SUI", "5", 1995),
    ("BTC-XRP", "0.00000001", 2500),
    ("USDT-XRP", "0.001", 9990),
)


@st.composite
def candles(draw):
    """A market and its minutes as rows of (minute, open, high, low, close, volume, value), as real trades make them."""
    market, step, base = draw(st.sampled_from(STEPS))
    minute, rows = 0, []
    for _ in range(draw(st.integers(1, 8))):
        minute += draw(st.integers(1, 3))
        trades = draw(st.lists(st.tuples(price_steps, st.integers(1, 10**12)), min_size=1, max_size=8))
        prices = [float((base + place) * Decimal(step)) for place, _ in trades]
        units = sum(units for _, units in trades)
        value = sum((base + place) * Decimal(step) * units for place, units in trades) / UNITS
        rows.append((minute, prices[0], max(prices), min(prices), prices[-1], units / UNITS, float(value)))
    return market, rows


@settings(max_examples=150)
@example(("BTC-XRP", [(1, 2.5e-05, 2.514e-05, 2.5e-05, 2.514e-05, 10000.00000459, 0.2514000001149779)]), 0)
@given(candles(), st.integers(0, 5))
def test_any_candle_that_trades_made_is_met_exactly_its_value_included(made, seed):
    market, rows = made
    series = series_of(*rows, seed=seed, market=market)
    assert series.missed == 0
    assert rebuilt(tape(series)) == source(series, [row[6] for row in rows])


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), price_steps, price_steps, price_steps, price_steps, st.integers(4, 1 << 62)),
        min_size=1,
        max_size=20,
    ),
    st.floats(0, 1e18),
)
def test_a_value_no_trades_have_is_met_as_nearly_as_can_be_and_counted(rows, value):
    minute, minutes = 0, []
    for gap, first, last, up, down, units in rows:
        minute += 1 + gap
        high, low = 3000 + max(first, last) + up, 3000 + min(first, last) - down
        minutes.append((minute, 3000 + first, high, low, 3000 + last, units / UNITS, value))
    series = series_of(*minutes)
    assert rebuilt(tape(series)) == source(series)
    for row, met, units in zip(minutes, series.value.tolist(), series.units.tolist(), strict=True):
        few = 4 * int(row[2])
        least, most = int(row[3]) * units - few, int(row[2]) * units + few
        assert least <= met <= most
        if least + 2 * few < value * UNITS < most - 2 * few:
            assert met / UNITS == pytest.approx(value, rel=1e-15)
    assert series.missed == sum(met / UNITS != value for met in series.value.tolist() if value)


def test_an_impossible_value_is_counted_and_played_at_the_nearest():
    series = series_of((1, 3000, 3010, 2990, 3005, 10.0, 90_000.0), (2, 3000, 3000, 3000, 3000, 1.0, 3000.0))
    assert series.missed == 1
    (first, high, low, last, units, value), _ = rebuilt(tape(series)).values()
    assert (first, high, low, last, units) == (3000, 3010, 2990, 3005, 10 * UNITS)
    assert 30_099.99 < value < 30_100


def test_a_minute_off_the_steps_of_its_time_is_met_in_finer_ones_if_its_value_needs_them():
    old = (1, 299.1, 299.1, 299.1, 299.1, 1.0, 299.1)  # an order from before the steps changed: prices have a decimal
    series = series_of(old, (2, 299.0, 299.2, 299.0, 299.2, 0.00000003, 8.973e-06), market="KRW-DOGE")
    assert series.missed == 0
    assert [trade.price for trade in minute_prints(series, 1)] == [299.0, 299.1, 299.2]


def test_a_single_trade_is_a_candle():
    (trade,) = tape(series_of((1, 3000, 3000, 3000, 3000, 0.00000001)))
    assert (trade.price, trade.units) == (3000.0, 1)


def test_a_tape_is_the_same_whichever_minute_is_asked_for_first():
    one, two = (synthetic_universe(1, 2, ("KRW-ETH",))["KRW-ETH"] for _ in range(2))
    forwards = [minute_prints(one, index) for index in range(300)]
    backwards = [minute_prints(two, index) for index in reversed(range(300))]
    assert forwards == backwards[::-1]


def test_another_seed_prints_another_tape_of_the_same_candles():
    rows = [(n, 3000, 3010, 2990, 3005, 1234.5) for n in range(20)]
    one, two = (tape(series_of(*rows, seed=seed)) for seed in (1, 2))
    assert rebuilt(one) == rebuilt(two)
    assert [trade.units for trade in one] != [trade.units for trade in two]


def test_a_tape_over_a_change_of_the_tick_table_uses_each_table_in_its_time():
    change = 1_753_887_600_000_000  # 2025-07-31 00:00 KST: steps of 0.1 become steps of 1 below 1000 KRW
    time = change + np.arange(-30, 30) * MINUTE
    flat = np.full(60, 1.0)
    columns = (flat * 300, flat * 310, flat * 290, flat * 300)
    series = make_series("KRW-DOGE", 1, time, columns, (flat * 1000, flat * 300_000))
    fine = [trade.price % 1 for trade in tape(series) if trade.at < change]
    coarse = [trade.price % 1 for trade in tape(series) if trade.at >= change]
    assert any(fine)
    assert not any(coarse)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ((1, 3000, 2999, 2990, 2995, 5.0), "high and low"),
        ((1, 0, 0, 0, 0, 5.0), "above zero"),
        ((1, 3000, 3001, 2999, 3000, 0.00000003), "too small"),
    ],
)
def test_a_candle_no_tape_can_print_is_named(row, fault):
    with pytest.raises(ConfigError, match=f"2026-01-01 00:01.*{fault}"):
        series_of(row)


def test_minutes_out_of_order_are_named():
    with pytest.raises(ConfigError, match=r"2026-01-01 00:01.*not after"):
        series_of((2, 3000, 3000, 3000, 3000, 1.0), (1, 3000, 3000, 3000, 3000, 1.0))


def test_a_minute_without_volume_has_no_trades():
    series = series_of(
        (1, 3000, 3000, 3000, 3000, 1.0), (2, 3000, 3000, 3000, 3000, 0.0), (3, 3001, 3001, 3001, 3001, 1.0)
    )
    assert sorted(rebuilt(tape(series))) == [T0 + MINUTE, T0 + 3 * MINUTE]


def test_the_player_hands_out_every_trade_once_in_the_order_of_time_and_ends():
    universe = synthetic_universe(2, 2, ("KRW-BTC", "KRW-MBL"))
    now = T0 + 1440 * MINUTE + 12_345_000
    player, played = Player(universe, now), []
    while player.next_at() is not None:
        played.append(player.take())
    assert [trade.at for _, trade in played] == sorted(trade.at for _, trade in played)
    for market, series in universe.items():
        expected = [trade.at for trade in tape(series, series.index(now - MINUTE)) if trade.at > now]
        assert [trade.at for name, trade in played if name == market] == expected
    assert player.end == max(int(series.time[-1]) for series in universe.values()) + MINUTE


def test_a_market_opened_late_is_where_one_that_played_all_along_is():
    series = synthetic_universe(2, 2, ("KRW-XRP",))["KRW-XRP"]
    opening, later = T0 + 1440 * MINUTE, T0 + 1500 * MINUTE + 31_000_000
    played, player = LiveMarket(series, opening), Player({"KRW-XRP": series}, opening)
    while (player.next_at() or later + 1) <= later:
        played.take(player.take()[1])
    fresh = LiveMarket(series, later)
    assert (played.last, played.forming, played.book) == (fresh.last, fresh.forming, fresh.book)
    for period in (SECOND, *map(minutes, (1, 5, 240)), DAYS, WEEKS, MONTHS, YEARS):
        assert played.candles(period, before=later, count=200) == fresh.candles(period, before=later, count=200)
    assert (played.day.open, played.day.high, played.day.low) == (fresh.day.open, fresh.day.high, fresh.day.low)
    assert played.rolling() == fresh.rolling()
    assert (played.day.value, played.day.units) == (fresh.day.value, fresh.day.units)
    assert played.taken() == fresh.taken()
    assert sum(fresh.taken()) == fresh.day.units


def test_a_ladder_crosses_the_edge_of_a_band_both_ways():
    grid = grid_at("KRW-XRP", T0)
    assert grid.climb(998, 4) == [998, 999, 1000, 1001]
    assert grid.descend(100.0, 3) == [100.0, 99.9, 99.8]
    assert grid.climb(9990.0, 4) == [9990, 9995, 10000, 10010]
    assert grid.descend(10010.0, 3) == [10010, 10000, 9995]
