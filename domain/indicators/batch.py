"""Indicators over whole series, by the very steps that live bars take. Arrays are float64, oldest first."""

import numpy as np

from domain.indicators.kernels import (
    AVERAGE_CELLS,
    OUTPUTS,
    ROW_CELLS,
    RSI_CELLS,
    Cells,
    reset_frame,
    run_ema,
    run_frame,
    run_rma,
    run_rsi,
)


def fresh_row() -> Cells:
    """Give the row (ROW_CELLS,) of a frame that has seen no bar."""
    row = np.empty(ROW_CELLS)
    reset_frame(row)
    return row


def frame(highs: Cells, lows: Cells, closes: Cells) -> Cells:
    """Give what a frame publishes after each bar: (n, OUTPUTS), columns as named in `kernels`."""
    out = np.empty((len(closes), OUTPUTS))
    run_frame(fresh_row(), np.column_stack((highs, lows, closes)), out)
    return out


def ema(values: Cells, n: int) -> Cells:
    """Exponential average of n, NaN until defined."""
    row, out = _average(), np.empty(len(values))
    run_ema(row, n, values, out)
    return out


def rma(values: Cells, n: int) -> Cells:
    """Wilder's average of n, NaN until defined."""
    row, out = _average(), np.empty(len(values))
    run_rma(row, n, values, out)
    return out


def rsi(closes: Cells, n: int) -> Cells:
    """Relative strength of n in [0, 100], NaN until defined."""
    row, out = np.full(RSI_CELLS, np.nan), np.empty(len(closes))
    row[1 : 1 + AVERAGE_CELLS] = row[1 + AVERAGE_CELLS :] = _average()
    run_rsi(row, n, closes, out)
    return out


def _average() -> Cells:
    return np.array((np.nan, 0.0, 0.0))
