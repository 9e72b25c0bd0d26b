"""Indicators as compiled steps of one bar over a row of float64 cells; a batch is the same step in a loop.

So batch and stream are equal to the last bit. Rules and seeds are quant.md IND-00..07. Every step gives NaN until its
indicator is known; a NaN in its input makes it forget and warm up again. Kernels that call each other stay in this one
file: numba's disk cache notices a change only in the file of the caller.

Cells of an indicator, counted from its place `at` in the row:
    average (EMA, RMA): value, sum of seeds, number of seeds
    RSI:                close before, average gain, average loss
    ATR:                close before, average of the true range
    MACD:               bars seen, fast average, slow average, average of the line
"""

import functools
import math
from typing import Final, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Cells: TypeAlias = NDArray[np.float64]

AVERAGE_CELLS: Final = 3
RSI_CELLS: Final = 1 + 2 * AVERAGE_CELLS
ATR_CELLS: Final = 1 + AVERAGE_CELLS
MACD_CELLS: Final = 1 + 3 * AVERAGE_CELLS

# A frame's row begins with what `step_frame` publishes ...
CLOSE: Final = 0
EMA20: Final = 1
EMA50: Final = 2
MACD_LINE: Final = 3
MACD_SIGNAL: Final = 4
RSI14: Final = 5
ATR14: Final = 6
OUTPUTS: Final = 7
# ... and goes on with the cells of its indicators.
EMA20_AT: Final = OUTPUTS
EMA50_AT: Final = EMA20_AT + AVERAGE_CELLS
MACD_AT: Final = EMA50_AT + AVERAGE_CELLS
RSI_AT: Final = MACD_AT + MACD_CELLS
ATR_AT: Final = RSI_AT + RSI_CELLS
ROW_CELLS: Final = ATR_AT + ATR_CELLS

MACD_FAST: Final = 12
MACD_SLOW: Final = 26
MACD_SMOOTH: Final = 9

# Where the sums of an average stand behind its value.
_SUM: Final = 1
_COUNT: Final = 2


@njit(cache=True, nogil=True, fastmath=False)
def reset_average(row: Cells, at: int) -> None:
    """Make an average forget all it has seen."""
    row[at] = math.nan
    row[at + _SUM] = 0.0
    row[at + _COUNT] = 0.0


@njit(cache=True, nogil=True, fastmath=False)
def step_seed(row: Cells, at: int, n: int, x: float) -> float:
    """Take one of the first n values of an average; the n-th makes it their mean."""
    row[at + _SUM] += x
    row[at + _COUNT] += 1.0
    if row[at + _COUNT] < n:
        return math.nan
    mean: float = row[at + _SUM] / n
    row[at] = mean
    return mean


@njit(cache=True, nogil=True, fastmath=False)
def step_ema(row: Cells, at: int, n: int, x: float) -> float:
    """Exponential average, seeded with the mean of the first n (IND-02)."""
    if math.isnan(x):
        reset_average(row, at)
        return math.nan
    if math.isnan(row[at]):
        return step_seed(row, at, n, x)
    value: float = row[at] + 2.0 / (n + 1) * (x - row[at])
    row[at] = value
    return value


@njit(cache=True, nogil=True, fastmath=False)
def step_rma(row: Cells, at: int, n: int, x: float) -> float:
    """Wilder's average, seeded with the mean of the first n (IND-03)."""
    if math.isnan(x):
        reset_average(row, at)
        return math.nan
    if math.isnan(row[at]):
        return step_seed(row, at, n, x)
    value: float = (row[at] * (n - 1) + x) / n
    row[at] = value
    return value


@njit(cache=True, nogil=True, fastmath=False)
def step_rsi(row: Cells, at: int, n: int, close: float) -> float:
    """Relative strength in [0, 100]; 50 when nothing moved (IND-07)."""
    change = close - row[at]
    row[at] = close
    if math.isnan(close):
        reset_average(row, at + 1)
        reset_average(row, at + 1 + AVERAGE_CELLS)
    if math.isnan(change):
        return math.nan
    gain = step_rma(row, at + 1, n, max(change, 0.0))
    loss = step_rma(row, at + 1 + AVERAGE_CELLS, n, max(-change, 0.0))
    if gain + loss == 0.0:
        return 50.0
    return 100.0 * gain / (gain + loss)


@njit(cache=True, nogil=True, fastmath=False)
def step_atr(  # noqa: PLR0913, PLR0917 (a bar is three numbers, and kernels take no keywords)
    row: Cells, at: int, n: int, high: float, low: float, close: float
) -> float:
    """Average true range in the price's unit; the first bar has no range, for want of a close before it (IND-05)."""
    before = row[at]
    if math.isnan(high) or math.isnan(low) or math.isnan(close):
        row[at] = math.nan
        reset_average(row, at + 1)
        return math.nan
    row[at] = close
    if math.isnan(before):
        return math.nan
    return step_rma(row, at + 1, n, max(high, before) - min(low, before))


@njit(cache=True, nogil=True, fastmath=False)
def step_macd(row: Cells, at: int, close: float) -> tuple[float, float]:
    """MACD (12, 26, 9) line and signal, both NaN until the signal is known (IND-04).

    The fast average skips the first bars, so that both averages begin at the same one.
    """
    fast_at = at + 1
    slow_at = fast_at + AVERAGE_CELLS
    line_at = slow_at + AVERAGE_CELLS
    fast = math.nan
    if math.isnan(close):
        row[at] = 0.0
        reset_average(row, fast_at)
    elif row[at] < MACD_SLOW - MACD_FAST:
        row[at] += 1.0
    else:
        fast = step_ema(row, fast_at, MACD_FAST, close)
    line = fast - step_ema(row, slow_at, MACD_SLOW, close)
    signal = step_ema(row, line_at, MACD_SMOOTH, line)
    if math.isnan(signal):
        return math.nan, math.nan
    return line, signal


@njit(cache=True, nogil=True, fastmath=False)
def reset_frame(row: Cells) -> None:
    """Make a frame's row that of a frame which has seen no bar."""
    row[:] = math.nan
    row[MACD_AT] = 0.0
    for at in (
        EMA20_AT,
        EMA50_AT,
        MACD_AT + 1,
        MACD_AT + 1 + AVERAGE_CELLS,
        MACD_AT + 1 + 2 * AVERAGE_CELLS,
        RSI_AT + 1,
        RSI_AT + 1 + AVERAGE_CELLS,
        ATR_AT + 1,
    ):
        reset_average(row, at)


@njit(cache=True, nogil=True, fastmath=False)
def step_frame(row: Cells, high: float, low: float, close: float) -> None:
    """Step every indicator of a frame by one closed bar; the head of the row publishes the values."""
    row[CLOSE] = close
    row[EMA20] = step_ema(row, EMA20_AT, 20, close)
    row[EMA50] = step_ema(row, EMA50_AT, 50, close)
    row[MACD_LINE], row[MACD_SIGNAL] = step_macd(row, MACD_AT, close)
    row[RSI14] = step_rsi(row, RSI_AT, 14, close)
    row[ATR14] = step_atr(row, ATR_AT, 14, high, low, close)


@njit(cache=True, nogil=True, fastmath=False)
def run_frame(row: Cells, bars: Cells, out: Cells) -> None:
    """Step a frame over bars (n, 3: high, low, close), oldest first; out (n, OUTPUTS) receives what each published."""
    for i in range(bars.shape[0]):
        step_frame(row, bars[i, 0], bars[i, 1], bars[i, 2])
        for k in range(OUTPUTS):
            out[i, k] = row[k]


@njit(cache=True, nogil=True, fastmath=False)
def run_ema(row: Cells, n: int, values: Cells, out: Cells) -> None:
    """Step an EMA over values (m,) into out (m,)."""
    for i in range(values.shape[0]):
        out[i] = step_ema(row, 0, n, values[i])


@njit(cache=True, nogil=True, fastmath=False)
def run_rma(row: Cells, n: int, values: Cells, out: Cells) -> None:
    """Step an RMA over values (m,) into out (m,)."""
    for i in range(values.shape[0]):
        out[i] = step_rma(row, 0, n, values[i])


@njit(cache=True, nogil=True, fastmath=False)
def run_rsi(row: Cells, n: int, values: Cells, out: Cells) -> None:
    """Step an RSI over closes (m,) into out (m,)."""
    for i in range(values.shape[0]):
        out[i] = step_rsi(row, 0, n, values[i])


_ROW = "float64[::1]"
_TABLE = "float64[:, ::1]"
_SERIES = f"void({_ROW}, int64, {_ROW}, {_ROW})"
SIGNATURES = (
    (reset_frame, f"void({_ROW})"),
    (step_frame, f"void({_ROW}, float64, float64, float64)"),
    (run_frame, f"void({_ROW}, {_TABLE}, {_TABLE})"),
    (run_ema, _SERIES),
    (run_rma, _SERIES),
    (run_rsi, _SERIES),
)
"""What Python calls, and the only types it may call it with."""


@functools.cache
def warm_kernels() -> None:
    """Compile all that trading calls, or load it from disk, and forbid any later compilation: a wrong type raises.

    Once in a process is enough: a second call does nothing.
    """
    for kernel, signature in SIGNATURES:
        kernel.compile(signature)
        kernel.disable_compile()
