"""What a strategy may see of one market: closed bars and nothing else (quant.md MTF-01)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.errors import TradingError
from domain.market import BASE_FRAME, FOUR_HOURS, HOUR
from domain.message import Value

# Columns of `MarketView.history`.
BAR_CLOSE: Final = 0
BAR_HIGH: Final = 1
BAR_LOW: Final = 2
BAR_VOLUME: Final = 3
BAR_VALUE: Final = 4
BAR_REAL: Final = 5
BAR_EMA20: Final = 6
BAR_RSI14: Final = 7
COLUMNS: Final = 8


class NotClosed(TradingError, ValueError):
    """Something was asked of a time whose bar is not closed, or not the newest any more: that would look ahead."""


class FrameView(Value, frozen=True):
    """The newest closed bar of a frame: `closed_at` in int microseconds UTC, indicators NaN until they are known."""

    closed_at: int
    close: float
    ema20: float
    ema50: float
    macd: float
    rsi14: float
    atr14: float

    @property
    def trend_up(self) -> bool:
        """Whether EMA20 lies above EMA50 and the MACD line above zero; unknown is not up."""
        return self.ema20 > self.ema50 and self.macd > 0


@dataclass(frozen=True, slots=True, eq=False)
class MarketView:
    """One market at decision time `at`.

    `history` is (n, COLUMNS) float64, oldest first, read-only, one row for each closed base bar that is remembered.

    Raises:
        NotClosed: when made of frames that are not exactly the newest ones closed at `at`.
    """

    market: str
    at: int
    base: FrameView
    hour: FrameView
    four_hours: FrameView
    history: NDArray[np.float64]

    def __post_init__(self) -> None:
        for step, frame in ((BASE_FRAME, self.base), (HOUR, self.hour), (FOUR_HOURS, self.four_hours)):
            if frame.closed_at != self.at - self.at % step:
                raise NotClosed(f"{self.market}: the frame of {step} us was closed at {frame.closed_at}, not {self.at}")

    @property
    def bars(self) -> int:
        """How many base bars are remembered."""
        return len(self.history)

    def last(self, column: int, n: int) -> NDArray[np.float64]:
        """Give one column of the newest n base bars, oldest first: fewer when fewer are remembered."""
        return self.history[max(0, len(self.history) - n) :, column]
