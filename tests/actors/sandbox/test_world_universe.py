"""The made-up universe behaves like a market, is the same in every process, and its books carry an order."""

import os
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from actors.sandbox import exact
from actors.sandbox.live import LiveMarket
from actors.sandbox.prints import UNITS
from actors.sandbox.source import load_candles
from actors.sandbox.synthetic import UNIVERSE, synthetic_universe
from domain.errors import ConfigError
from domain.market import DAY, MINUTE
from domain.rules import tick_size

DAYS = 14
STAKE = 2_500_000  # KRW, an order of a quarter of the usual capital
LAUNCH = """
from actors.sandbox.synthetic import synthetic_universe
from actors.sandbox import exact
from actors.sandbox.live import LiveMarket
from actors.sandbox.tape import minute_prints
series = synthetic_universe(6, 2, ("BTC-DOGE",))["BTC-DOGE"]
print([trade for index in range(100, 200) for trade in minute_prints(series, index)])
print(LiveMarket(series, int(series.time[150])).book)
"""


@pytest.fixture(scope="module")
def universe():
    return synthetic_universe(1, DAYS, ())


def closes(series, length):
    frame = pd.Series(series.close, pd.to_datetime(series.time, unit="us"))
    return frame.resample(length).last().ffill()


def strength(prices):
    """Relative strength of 14 candles, 0..100."""
    change = prices.diff()
    gain, loss = (part.clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean() for part in (change, -change))
    return 100 - 100 / (1 + gain / loss)


def rising(prices):
    """Whether the candle before stood in an up-trend."""
    fast, slow = (prices.ewm(span=span).mean() for span in (20, 50))
    return (fast > slow).shift(1, fill_value=False)


def test_nearly_all_markets_move_with_bitcoin_and_the_dollar_coin_does_not(universe):
    moves = {market: np.log(closes(series, "15min")).diff() for market, series in universe.items()}
    company = {market: moves["KRW-BTC"].corr(own) for market, own in moves.items()}
    assert sum(value > 0.2 for value in company.values()) >= 25
    assert abs(company["KRW-USDT"]) < 0.2


def test_small_coins_have_minutes_without_trades_and_large_ones_have_none(universe):
    share = {market: len(series.time) / (DAYS * 1440) for market, series in universe.items()}
    for coin in UNIVERSE:
        if coin.busy >= 1:
            assert share[f"KRW-{coin.code}"] == 1
        elif coin.busy <= 0.75:
            assert 0.3 < share[f"KRW-{coin.code}"] < 0.85


def test_a_day_turns_over_what_markets_of_that_size_do(universe):
    daily = {market: exact.total(series.value, slice(None)) / series.per / DAYS for market, series in universe.items()}
    assert 100e9 < daily["KRW-BTC"] < 500e9
    for market in ("KRW-BTT", "KRW-MBL", "KRW-ZIL"):
        assert 0.3e9 < daily[market] < 5e9


def test_every_made_up_price_is_on_the_tick_of_the_rule_book(universe):
    for market, series in universe.items():
        at = int(series.time[0])
        prices = np.unique(np.concatenate([column[::199] for column in (series.open, series.high, series.low)]))
        for price in prices.tolist():
            exact = Decimal(f"{price:.8f}")
            assert exact % tick_size(market, exact, at) == 0, (market, price)


def test_up_trends_have_dips_that_a_pullback_strategy_can_buy(universe):
    entries = {}
    for market in ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL", "KRW-LINK", "KRW-SUI"):
        series = universe[market]
        weak = strength(closes(series, "5min")) < 30
        for length in ("1h", "4h"):
            trend = rising(closes(series, length))
            weak &= trend.reindex(weak.index, method="ffill", fill_value=False)
        entries[market] = int((weak & ~weak.shift(1, fill_value=False)).sum())
    assert min(entries.values()) >= 3, entries


@pytest.mark.parametrize("seed", [9, 19])
def test_the_wildest_minute_of_a_tiny_coin_is_not_lost(seed):
    universe = synthetic_universe(seed, 28, ("KRW-BTT", "KRW-PEPE", "KRW-SHIB"))
    assert max(int(series.units.max()) for series in universe.values()) == 1 << 62


def test_another_process_makes_the_same_minutes_and_the_same_tape():
    told = []
    for salt in ("1", "2"):
        env = os.environ | {"PYTHONHASHSEED": salt, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run([sys.executable, "-c", LAUNCH], env=env, capture_output=True, check=True, timeout=60)
        told.append(done.stdout)
    assert told[0] == told[1] != b""


def test_a_quarter_of_the_capital_buys_a_busy_coin_near_its_price(universe):
    for coin in (coin for coin in UNIVERSE if coin.turnover >= 18e6):
        series = universe[f"KRW-{coin.code}"]
        for minute in range(0, 2000, 97):
            book = LiveMarket(series, int(series.time[0]) + 7 * DAY + minute * MINUTE).book
            spent = bought = 0.0
            for price, units in zip(book.ask_prices, book.ask_sizes, strict=True):
                part = min(STAKE - spent, price * units / UNITS)
                spent, bought = spent + part, bought + part / price
            assert spent == pytest.approx(STAKE)
            assert STAKE / bought < book.ask_prices[0] * 1.005, series.market


def test_the_first_market_shows_tens_of_millions_of_krw_at_a_price(universe):
    series = universe["KRW-BTC"]
    shown = []
    for minute in range(0, 2000, 97):
        book = LiveMarket(series, int(series.time[0]) + 7 * DAY + minute * MINUTE).book
        assert len(book.ask_prices) == len(book.bid_prices) == 30
        shown += [price * units / UNITS for price, units in zip(book.bid_prices, book.bid_sizes, strict=True)]
    assert 5e6 < np.median(shown) < 100e6


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "cannot be read"),
        ("time,open,high,low,close,volume\n", "has no column value"),
        ("time,open,high,low,close,volume,value\n", "no minute with a trade"),
        ("time,open,high,low,close,volume,value\n2026-01-01T00:00:30,1,1,1,1,9,9\n", "not the start of a minute"),
        ("time,open,high,low,close,volume,value\n2026-01-01T00:00,1,,1,1,9,9\n", "price is missing"),
        ("time,open,high,low,close,volume,value\n2026-01-01T00:00,1,1,1,x,9,9\n", "cannot be played: .*'x'"),
        ("time,open,high,low,close,volume,value\n,1,1,1,1,9,9\n", "row 0 has no time"),
        ("time,open,high,low,close,volume,value\n2026-01-01T00:00,-1,-1,-1,-1,9,9\n", "not above zero"),
    ],
)
def test_a_file_that_cannot_be_played_is_named_with_its_fault_in_one_line(tmp_path, text, fault):
    path = tmp_path / "KRW-AAA.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=fault) as caught:
        load_candles(tmp_path, (), seed=1)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
