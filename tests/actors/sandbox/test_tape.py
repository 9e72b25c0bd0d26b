"""The tape adds up to the candles it was made from, whatever part of it is made, and stays plausible."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.sandbox.live import LiveMarket
from actors.sandbox.player import Player
from actors.sandbox.series import UNITS, make_series
from actors.sandbox.source import load_candles
from actors.sandbox.synthetic import synthetic_universe
from actors.sandbox.tape import MAX_TRADES, print_tape, settle
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


def rebuilt(tape):
    """Candles counted from trades alone: minute -> open, high, low, close, units."""
    found = {}
    for at, price, units in zip(tape.at.tolist(), tape.price.tolist(), tape.units.tolist(), strict=True):
        minute = at - at % MINUTE
        first, high, low, _, sum_ = found.get(minute, (price, price, price, price, 0))
        found[minute] = (first, max(high, price), min(low, price), price, sum_ + units)
    return found


def source(series):
    columns = (series.open, series.high, series.low, series.close, series.units)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return dict(zip(series.time.tolist(), rows, strict=True))


def test_candles_rebuilt_from_the_tape_of_real_markets_are_the_source(real_candles):
    for market, series in load_candles(real_candles, (), seed=3).items():
        tape = print_tape(series, 0, len(series.time))
        assert rebuilt(tape) == source(series), market
        assert (np.diff(tape.at) > 0).all()
        assert (tape.units > 0).all()
        assert (tape.at % 1000 == 0).all()
        ids = tape.at * 10 + tape.number
        assert (np.diff(ids) > 0).all()
        counts = np.bincount(np.searchsorted(series.time, tape.at, side="right") - 1)
        assert 4 <= counts.min() <= counts.max() <= MAX_TRADES
        assert np.corrcoef(counts, np.log(series.units))[0, 1] > 0.5  # busy minutes have more trades


def test_prices_between_the_candles_own_lie_on_the_tick_of_the_time(real_candles):
    series = load_candles(real_candles, ("KRW-SOL",), seed=3)["KRW-SOL"]
    tape = print_tape(series, 0, 3000)
    own = {minute: set(row[:4]) for minute, row in source(series).items()}
    for at, price in zip(tape.at.tolist(), tape.price.tolist(), strict=True):
        exact = Decimal(f"{price:.8f}")
        assert price in own[at - at % MINUTE] or exact % tick_size("KRW-SOL", exact, at) == 0


prices = st.integers(3000, 3020)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), prices, prices, st.integers(0, 5), st.integers(0, 5), st.integers(4, 10**15)),
        min_size=1,
        max_size=20,
    ),
    st.integers(0, 5),
)
def test_any_candle_is_met_exactly(rows, seed):
    minute, minutes = 0, []
    for gap, first, last, up, down, units in rows:
        minute += 1 + gap
        minutes.append((minute, first, max(first, last) + up, min(first, last) - down, last, units / UNITS))
    series = series_of(*minutes, seed=seed)
    assert rebuilt(print_tape(series, 0, len(minutes))) == source(series)


def test_the_value_of_the_tape_is_close_to_the_candles():
    universe = synthetic_universe(5, 2, ("KRW-BTC", "KRW-DOGE"))
    for series in universe.values():
        tape = print_tape(series, 0, len(series.time))
        assert np.abs(tape.minute_value / series.source_value - 1).max() < 1e-6


def test_a_tape_made_in_parts_is_the_same_tape():
    series = synthetic_universe(1, 2, ("KRW-ETH",))["KRW-ETH"]
    whole = print_tape(series, 0, 300)
    parts = [print_tape(series, first, end) for first, end in ((0, 7), (7, 8), (8, 150), (150, 300))]
    for name in ("at", "price", "units", "buys"):
        assert (np.concatenate([getattr(part, name) for part in parts]) == getattr(whole, name)).all()


def test_another_seed_prints_another_tape_of_the_same_candles():
    rows = [(n, 3000, 3010, 2990, 3005, 1234.5) for n in range(20)]
    one, two = (print_tape(series_of(*rows, seed=seed), 0, 20) for seed in (1, 2))
    assert rebuilt(one) == rebuilt(two)
    assert one.units.tolist() != two.units.tolist()


def test_a_tape_over_a_change_of_the_tick_table_uses_each_table_in_its_time():
    change = 1_753_887_600_000_000  # 2025-07-31 00:00 KST: steps of 0.1 become steps of 1 below 1000 KRW
    time = change + np.arange(-30, 30) * MINUTE
    flat = np.full(60, 1.0)
    columns = (flat * 300, flat * 310, flat * 290, flat * 300)
    series = make_series("KRW-DOGE", 1, time, columns, (flat * 1000, flat * 300_000))
    tape = print_tape(series, 0, 60)
    fine = tape.price[tape.at < change] % 1
    assert fine.any()
    assert not (tape.price[tape.at >= change] % 1).any()


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
    assert sorted(rebuilt(print_tape(series, 0, 2))) == [T0 + MINUTE, T0 + 3 * MINUTE]


def test_the_player_hands_out_every_trade_once_in_the_order_of_time_and_ends():
    universe = synthetic_universe(2, 2, ("KRW-BTC", "KRW-MBL"))
    now = T0 + 1440 * MINUTE + 12_345_000
    player, played = Player(universe, now), []
    while player.next_at() is not None:
        played.append(player.take())
    assert [trade.at for _, trade in played] == sorted(trade.at for _, trade in played)
    for market, series in universe.items():
        tape = print_tape(series, series.index(now - MINUTE), len(series.time))
        expected = [at for at in tape.at.tolist() if at > now]
        assert [trade.at for name, trade in played if name == market] == expected
    assert player.end == max(int(series.time[-1]) for series in universe.values()) + MINUTE


def test_a_market_opened_late_is_where_one_that_played_all_along_is():
    series = synthetic_universe(2, 2, ("KRW-XRP",))["KRW-XRP"]
    opening, later = T0 + 1440 * MINUTE, T0 + 1500 * MINUTE + 31_000_000
    settle(series, series.index(opening))
    played, player = LiveMarket(series, opening), Player({"KRW-XRP": series}, opening)
    while (player.next_at() or later + 1) <= later:
        played.take(player.take()[1])
    fresh = LiveMarket(series, later)
    assert (played.last, played.forming, played.book) == (fresh.last, fresh.forming, fresh.book)
    for step in (MINUTE, 5 * MINUTE, 240 * MINUTE, 1440 * MINUTE):
        assert played.candles(step, before=later, count=200) == fresh.candles(step, before=later, count=200)
    assert (played.day.open, played.day.high, played.day.low) == (fresh.day.open, fresh.day.high, fresh.day.low)
    assert played.rolling() == pytest.approx(fresh.rolling())


def test_a_book_has_two_sides_on_the_grid_that_never_cross():
    universe = synthetic_universe(4, 2, ())
    for market, series in universe.items():
        book = LiveMarket(series, T0 + 1440 * MINUTE).book
        grid = grid_at(market, T0)
        assert list(book.ask_prices) == sorted(set(book.ask_prices))
        assert list(book.bid_prices) == sorted(set(book.bid_prices), reverse=True)
        assert book.bid_prices[0] < book.ask_prices[0]
        assert 15 <= len(book.ask_prices) <= 30
        assert 15 <= len(book.bid_prices) <= 30
        assert min(book.ask_sizes + book.bid_sizes) > 0
        for price in (*book.ask_prices, *book.bid_prices):
            exact = Decimal(f"{price:.8f}")
            assert exact % tick_size(market, exact, T0) == 0, (market, price)
            assert grid.floor(np.array([price]))[0] == price


def test_a_ladder_crosses_the_edge_of_a_band_both_ways():
    grid = grid_at("KRW-XRP", T0)
    assert grid.climb(998, 4) == [998, 999, 1000, 1001]
    assert grid.descend(100.0, 3) == [100.0, 99.9, 99.8]
    assert grid.climb(9990.0, 4) == [9990, 9995, 10000, 10010]
    assert grid.descend(10010.0, 3) == [10010, 10000, 9995]
