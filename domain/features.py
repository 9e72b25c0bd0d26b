"""What one market remembers between base bars, and its evaluation at a close: the same code live and in backtests.

Prices become float64 estimates here. Times are int microseconds UTC.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from domain.candles import BadBars, fill, require_sound
from domain.config import Settings
from domain.decisions import Evaluation, Gate, Intent
from domain.indicators.batch import fresh_row
from domain.indicators.kernels import ATR14, CLOSE, EMA20, EMA50, MACD_LINE, RSI14, step_frame
from domain.market import BASE_FRAME, FOUR_HOURS, HOUR, Bar
from domain.market_config import WINDOW_LIMIT
from domain.money import VOLUME_STEP, estimate, exact
from domain.quality import coverage, uncovered
from domain.strategies import by_names
from domain.strategies.view import (
    BAR_CLOSE,
    BAR_HIGH,
    BAR_REAL,
    BAR_VALUE,
    BAR_VOLUME,
    COLUMNS,
    FrameView,
    MarketView,
    NotClosed,
)

HISTORY = WINDOW_LIMIT
"""Base bars remembered: a day (288) for the traded value, and what windows of strategies look back."""

DAY_BARS = 288
HOUR_BARS = 12
VOLUME_BARS = 20
SPIKE_RISE = 1.05
SPIKE_RSI = 80.0
SPIKE_VOLUME = 3.0
SPIKE_NEAR_HIGH = 0.99


@dataclass(slots=True)
class FrameMemory:
    """Indicators of one frame up to its newest closed bar, and the real part of the bar forming behind it.

    `row` is laid out in `indicators.kernels`. High, low and close are NaN while nothing traded in the forming bar.
    """

    step: int
    row: NDArray[np.float64] = field(default_factory=fresh_row)
    closed_at: int = 0
    high: float = math.nan
    low: float = math.nan
    close: float = math.nan


@dataclass(slots=True)
class MarketMemory:
    """All a market needs to be evaluated; `history` is (bars known, COLUMNS), oldest first, HISTORY at the most.

    An array in `history` is never changed, only replaced. `close` is the newest close as a claim.
    """

    base: FrameMemory = field(default_factory=lambda: FrameMemory(BASE_FRAME))
    hour: FrameMemory = field(default_factory=lambda: FrameMemory(HOUR))
    four_hours: FrameMemory = field(default_factory=lambda: FrameMemory(FOUR_HOURS))
    history: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, COLUMNS)))
    close: Decimal | None = None

    @property
    def closed_at(self) -> int:
        """End of the newest base bar, 0 before the first one."""
        return self.base.closed_at


def seed(
    memory: MarketMemory, fives: Sequence[Bar], hours: Sequence[Bar], four_hours: Sequence[Bar], until: int
) -> None:
    """Forget everything and warm up from real bars, oldest first, all closed at or before `until`.

    Gaps are filled up to `until`; the forming coarse bars are made of the five-minute bars.

    Raises:
        BadBars: for filled, impossible, unordered, off-grid or unclosed bars; the memory is unchanged then.
    """
    filled = fill(_checked(fives), BASE_FRAME, until)
    fresh = MarketMemory()
    coarse = (fresh.hour, hours), (fresh.four_hours, four_hours)
    for frame, bars in coarse:
        for bar in fill(_checked(bars), frame.step, until):
            _step(frame, bar)
        frame.closed_at = until - until % frame.step
    for bar in filled:
        _close_base(fresh, bar)
        for frame, _ in coarse:
            if bar.real and bar.start >= frame.closed_at:
                _gather(frame, bar)
    memory.base, memory.hour, memory.four_hours = fresh.base, fresh.hour, fresh.four_hours
    memory.history, memory.close = fresh.history, fresh.close


def close_base_bar(memory: MarketMemory, bar: Bar) -> None:
    """Take the next closed base bar, filled if nothing traded; coarse bars that end with it close too.

    Raises:
        BadBars: unless it is a sound bar on the grid that follows the newest one without a gap.
    """
    require_sound(bar)
    if bar.start % BASE_FRAME or memory.closed_at not in {0, bar.start}:
        raise BadBars(f"expected the base bar starting at {memory.closed_at}, found {bar.start}: fill gaps before")
    _close_base(memory, bar)
    _close_coarse(memory.hour, bar)
    _close_coarse(memory.four_hours, bar)


def view(memory: MarketMemory, market: str, at: int) -> MarketView:
    """Show the market at `at`; raises NotClosed unless its newest base bar ended exactly then."""
    if memory.closed_at != at:
        raise NotClosed(f"{market}: the newest base bar ended at {memory.closed_at}, asked for {at}")
    history = memory.history[:]
    history.flags.writeable = False
    return MarketView(market, at, _shown(memory.base), _shown(memory.hour), _shown(memory.four_hours), history)


def evaluate(  # noqa: PLR0913 (two of them say how far the market can be believed)
    memory: MarketMemory, market: str, at: int, settings: Settings, *, trusted: bool = True, stale: str = ""
) -> Evaluation:
    """Ask every strategy that is switched on, and tell all that is known at the close `at`.

    `trusted` is false while bars behind this close are incomplete; `stale` says why the market cannot be believed now.

    Raises:
        NotClosed: unless the newest base bar ended exactly at `at`.
    """
    seen = view(memory, market, at)
    close = memory.close
    if close is None:
        raise NotClosed(f"{market}: no bar has closed yet")
    answers = [strategy.on_close(seen, settings) for strategy in by_names(settings.strategies)]
    real = bool(memory.history[-1, BAR_REAL])
    gates = [Gate("DATA_STALE", stale)] if stale else []
    if not real:
        gates.append(Gate("SYNTHETIC", "nothing traded in the newest bar"))
    if thin := uncovered(coverage(memory.history[:, BAR_REAL] > 0, settings.data), settings.data):
        gates.append(Gate("COVERAGE", thin))
    for answer in answers:
        gates.extend(() if isinstance(answer, Intent) else answer)
    return Evaluation(
        market=market,
        at=at,
        close=close,
        real=real,
        value_24h=exact(math.fsum(seen.last(BAR_VALUE, DAY_BARS).tolist()), VOLUME_STEP, "down"),
        atr=newest_atr(memory),
        trend_up_1h=seen.hour.trend_up,
        trend_up_4h=seen.four_hours.trend_up,
        spike=is_spike(seen),
        features=_features(seen),
        intents=tuple(answer for answer in answers if isinstance(answer, Intent)),
        gates=tuple(gates),
        trusted=trusted,
    )


def newest_atr(memory: MarketMemory) -> Decimal | None:
    """Give the ATR14 of the newest closed hour in KRW, None while it is not known."""
    atr = float(memory.hour.row[ATR14])
    return None if math.isnan(atr) else exact(atr, VOLUME_STEP, "down")


def is_spike(seen: MarketView) -> bool:
    """Tell a blow-off: up 5 % in an hour, RSI above 80, triple volume, close near the hour's high (EXIT-06).

    A bar in which nothing traded has no volume and so is none.
    """
    if seen.bars < VOLUME_BARS + 1 or not seen.base.rsi14 > SPIKE_RSI:
        return False
    close, volumes = seen.base.close, seen.last(BAR_VOLUME, VOLUME_BARS + 1).tolist()
    usual = math.fsum(volumes[:-1]) / VOLUME_BARS
    rise = close >= SPIKE_RISE * seen.history[-1 - HOUR_BARS, BAR_CLOSE]
    near_high = close >= SPIKE_NEAR_HIGH * seen.last(BAR_HIGH, HOUR_BARS).max()
    return bool(rise and usual > 0 and volumes[-1] >= SPIKE_VOLUME * usual and near_high)


def _checked(bars: Sequence[Bar]) -> Sequence[Bar]:
    for bar in bars:
        require_sound(bar)
        if not bar.real:
            raise BadBars(f"the bar at {bar.start} fills a gap; warm up from real bars only")
    return bars


def _step(frame: FrameMemory, bar: Bar) -> None:
    step_frame(frame.row, estimate(bar.high), estimate(bar.low), estimate(bar.close))


def _close_base(memory: MarketMemory, bar: Bar) -> None:
    frame = memory.base
    _step(frame, bar)
    frame.closed_at = bar.start + BASE_FRAME
    memory.close = bar.close
    claims = (bar.close, bar.high, bar.low, bar.volume, bar.value)
    estimates = [estimate(claim) for claim in claims]
    newest = np.array([[*estimates, float(bar.real), frame.row[EMA20], frame.row[RSI14]]])
    memory.history = np.concatenate((memory.history[1 - HISTORY :], newest))


def _close_coarse(frame: FrameMemory, bar: Bar) -> None:
    if frame.closed_at == 0:
        frame.closed_at = bar.start - bar.start % frame.step
    while frame.closed_at + frame.step <= bar.start:  # only before the first trade ever: no base bar told of these
        _end(frame)
    if bar.real:
        _gather(frame, bar)
    if (bar.start + BASE_FRAME) % frame.step == 0:
        _end(frame)


def _gather(frame: FrameMemory, bar: Bar) -> None:
    high, low = estimate(bar.high), estimate(bar.low)
    first = math.isnan(frame.close)
    frame.high = high if first else max(frame.high, high)
    frame.low = low if first else min(frame.low, low)
    frame.close = estimate(bar.close)


def _end(frame: FrameMemory) -> None:
    """Close the forming bar: flat at the close before if nothing traded, no bar at all before the first trade."""
    flat = float(frame.row[CLOSE])
    if not math.isnan(frame.close):
        step_frame(frame.row, frame.high, frame.low, frame.close)
    elif not math.isnan(flat):
        step_frame(frame.row, flat, flat, flat)
    frame.high = frame.low = frame.close = math.nan
    frame.closed_at += frame.step


def _shown(frame: FrameMemory) -> FrameView:
    close, ema20, ema50, macd, rsi14, atr14 = (
        float(frame.row[k]) for k in (CLOSE, EMA20, EMA50, MACD_LINE, RSI14, ATR14)
    )
    return FrameView(frame.closed_at, close, ema20, ema50, macd, rsi14, atr14)


def _features(seen: MarketView) -> tuple[tuple[str, float], ...]:
    return (
        ("rsi14_5m", seen.base.rsi14),
        ("ema20_5m", seen.base.ema20),
        ("ema20_1h", seen.hour.ema20),
        ("ema50_1h", seen.hour.ema50),
        ("macd_1h", seen.hour.macd),
        ("atr14_1h", seen.hour.atr14),
        ("ema20_4h", seen.four_hours.ema20),
        ("ema50_4h", seen.four_hours.ema50),
        ("macd_4h", seen.four_hours.macd),
    )
