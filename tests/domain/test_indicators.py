import csv
import math
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.indicators import batch
from domain.indicators.kernels import (
    ATR14,
    EMA20,
    EMA50,
    MACD_LINE,
    MACD_SIGNAL,
    OUTPUTS,
    RSI14,
    SIGNATURES,
    Cells,
    step_frame,
    warm_kernels,
)

GOLDEN = Path(__file__).resolve().parents[2].parent / "shared" / "golden"
pytestmark = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden files are not beside this checkout")


@cache
def columns(name: str) -> dict[str, Cells]:
    with (GOLDEN / name).open() as file:
        rows = list(csv.DictReader(file))
    return {
        key: np.array([float(row[key]) if row[key] else math.nan for row in rows]) for key in rows[0] if key != "regime"
    }


def prices() -> tuple[Cells, Cells, Cells]:
    bars = columns("ohlcv_600.csv")
    return bars["high"], bars["low"], bars["close"]


def assert_golden(got: Cells, want: Cells) -> None:
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9, equal_nan=True)


def assert_bits(got: Cells, want: Cells) -> None:
    assert np.ascontiguousarray(got).tobytes() == np.ascontiguousarray(want).tobytes()


@pytest.mark.parametrize("n", [9, 21, 50, 200])
def test_ema_equals_the_golden_column(n: int) -> None:
    assert_golden(batch.ema(prices()[2], n), columns("indicators_600.csv")[f"ema_{n}"])


@pytest.mark.parametrize("n", [7, 14])
def test_rsi_equals_the_golden_column(n: int) -> None:
    assert_golden(batch.rsi(prices()[2], n), columns("indicators_600.csv")[f"rsi_{n}"])


def test_rma_equals_the_golden_column() -> None:
    assert_golden(batch.rma(prices()[2], 14), columns("indicators_600.csv")["rma_14"])


@pytest.mark.parametrize(
    ("column", "name"),
    [(RSI14, "rsi_14"), (ATR14, "atr_14"), (MACD_LINE, "macd_line"), (MACD_SIGNAL, "macd_signal"), (EMA50, "ema_50")],
)
def test_the_fused_frame_equals_the_golden_column(column: int, name: str) -> None:
    assert_golden(batch.frame(*prices())[:, column], columns("indicators_600.csv")[name])


def test_the_fused_frame_equals_its_single_indicators_to_the_bit() -> None:
    fused, closes = batch.frame(*prices()), prices()[2]
    assert_bits(fused[:, EMA20], batch.ema(closes, 20))
    assert_bits(fused[:, EMA50], batch.ema(closes, 50))
    assert_bits(fused[:, RSI14], batch.rsi(closes, 14))


def test_one_bar_at_a_time_equals_the_batch_to_the_bit() -> None:
    highs, lows, closes = prices()
    row, stream = batch.fresh_row(), []
    for high, low, close in zip(highs, lows, closes, strict=True):
        step_frame(row, high, low, close)
        stream.append(row[:OUTPUTS].copy())
    assert_bits(np.array(stream), batch.frame(highs, lows, closes))


def test_what_comes_later_changes_nothing_to_the_bit() -> None:
    highs, lows, closes = prices()
    whole = batch.frame(highs, lows, closes)
    for t in range(0, len(closes) + 1, 7):
        poisoned = [np.concatenate((series[:t], series[t:] * 1000.0)) for series in (highs, lows, closes)]
        assert_bits(batch.frame(highs[:t], lows[:t], closes[:t]), whole[:t])
        assert_bits(batch.frame(*poisoned)[:t], whole[:t])


@given(st.lists(st.floats(1.0, 1e9), max_size=80), st.sampled_from([2, 9, 14]))
def test_averages_and_rsi_step_as_the_plain_formula_says_to_the_bit(values: list[float], n: int) -> None:
    def plain_average(series: list[float], after: float, *, wilder: bool) -> list[float]:
        out, value = [], math.nan
        for i, x in enumerate(series):
            if i == n - 1:
                value = sum(series[:n]) / n
            elif i >= n:
                value = (value * (n - 1) + x) / n if wilder else value + after * (x - value)
            out.append(value)
        return out

    closes = np.array(values)
    assert_bits(batch.ema(closes, n), np.array(plain_average(values, 2.0 / (n + 1), wilder=False)))
    assert_bits(batch.rma(closes, n), np.array(plain_average(values, 0.0, wilder=True)))
    changes = [b - a for a, b in pairwise(values)]
    gains = plain_average([max(x, 0.0) for x in changes], 0.0, wilder=True)
    losses = plain_average([max(-x, 0.0) for x in changes], 0.0, wilder=True)
    want = [math.nan] * min(1, len(values)) + [
        50.0 if g + x == 0 else 100.0 * g / (g + x) for g, x in zip(gains, losses, strict=True)
    ]
    np.testing.assert_array_equal(batch.rsi(closes, n), np.array(want))


def test_short_and_empty_input_gives_nan_and_no_error() -> None:
    empty = np.empty(0)
    assert batch.frame(empty, empty, empty).shape == (0, OUTPUTS)
    assert batch.ema(empty, 9).shape == (0,)
    assert np.isnan(batch.ema(np.ones(8), 9)).all()
    assert np.isnan(batch.rsi(np.ones(14), 14)).all()


def test_a_nan_makes_an_average_warm_up_again() -> None:
    edge = columns("edge_120.csv")
    assert_golden(batch.ema(edge["nan_close"], 9), edge["nan_ema_9"])
    assert_golden(batch.rsi(edge["nan_close"], 14), edge["nan_rsi_14"])


def test_after_a_nan_a_frame_is_as_if_it_began_there() -> None:
    highs, lows, closes = (series.copy() for series in prices())
    closes[200] = math.nan
    got = batch.frame(highs, lows, closes)
    assert np.isnan(got[200]).all()
    assert_bits(got[201:], batch.frame(highs[201:], lows[201:], closes[201:]))


def test_a_flat_market_has_rsi_fifty_and_a_dead_one_a_shrinking_range() -> None:
    edge = columns("edge_120.csv")
    flat = np.full(120, edge["flat_close"][0])
    assert_golden(batch.rsi(flat, 14), edge["flat_rsi_14"])
    dead = batch.frame(edge["dead_high"], edge["dead_low"], edge["dead_close"])
    assert_golden(dead[:, ATR14], edge["dead_atr_14"])
    assert_golden(dead[:, RSI14], edge["dead_rsi_14"])


def test_doubling_all_prices_keeps_rsi_and_doubles_averages_to_the_bit() -> None:
    once = batch.frame(*prices())
    twice = batch.frame(*(series * 2.0 for series in prices()))
    assert_bits(twice[:, RSI14], once[:, RSI14])
    assert_bits(twice[:, [EMA20, ATR14, MACD_LINE]], once[:, [EMA20, ATR14, MACD_LINE]] * 2.0)


def test_warm_kernels_refuse_to_compile_for_any_other_type() -> None:
    warm_kernels()
    known = {kernel: list(kernel.signatures) for kernel, _ in SIGNATURES}
    with pytest.raises(TypeError):
        step_frame(batch.fresh_row().astype(np.float32), 1.0, 1.0, 1.0)
    batch.frame(*prices())
    assert known == {kernel: list(kernel.signatures) for kernel, _ in SIGNATURES}
