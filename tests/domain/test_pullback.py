from decimal import Decimal as D
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from domain.config import PullbackSettings, Settings
from domain.decisions import Gate, Intent
from domain.errors import ConfigError
from domain.market import US_PER_S
from domain.strategies import by_names
from domain.strategies.pullback import Pullback
from domain.strategies.view import (
    BAR_CLOSE,
    BAR_EMA20,
    BAR_HIGH,
    BAR_LOW,
    BAR_REAL,
    BAR_RSI14,
    COLUMNS,
    FrameView,
    MarketView,
)

AT = 1_767_225_600 * US_PER_S
NAN = float("nan")
UP = FrameView(closed_at=AT, close=1000.0, ema20=990.0, ema50=980.0, macd=1.0, rsi14=55.0, atr14=10.0)
STEADY = Settings()


def a_history(bars: int = 25) -> np.ndarray:
    """A dip that ends on the newest bar: RSI was 25, close recrosses the average at 1000, the lowest low is 985."""
    history = np.zeros((bars, COLUMNS))
    history[:, [BAR_CLOSE, BAR_HIGH, BAR_LOW]] = 995.0, 996.0, 994.0
    history[:, BAR_REAL] = 1.0
    history[:, BAR_EMA20] = 1000.0
    history[:, BAR_RSI14] = 40.0
    history[-10, [BAR_LOW, BAR_RSI14]] = 985.0, 25.0
    history[-1, BAR_CLOSE] = 1001.0
    return history


def a_view(history: np.ndarray | None = None, **frames: FrameView) -> MarketView:
    history = a_history() if history is None else history
    base = replace(UP, close=history[-1, BAR_CLOSE], ema20=history[-1, BAR_EMA20], rsi14=history[-1, BAR_RSI14])
    shown: dict[str, Any] = {"base": base, "hour": UP, "four_hours": UP, **frames}
    return MarketView("KRW-TST", AT, history=history, **shown)


def changed(*cells: tuple[int, int, float], bars: int = 25) -> np.ndarray:
    history = a_history(bars)
    for row, column, value in cells:
        history[row, column] = value
    return history


def codes(view: MarketView, settings: Settings = STEADY) -> list[str]:
    answer = Pullback().on_close(view, settings)
    return [] if isinstance(answer, Intent) else [gate.code for gate in answer]


def test_the_end_of_a_dip_in_two_uptrends_is_an_intent_with_its_range_and_reasons() -> None:
    intent = Pullback().on_close(a_view(), STEADY)
    assert isinstance(intent, Intent)
    assert (intent.strategy, intent.market, intent.strength, intent.atr) == ("A", "KRW-TST", 1.0, D(10))
    assert "lowest RSI 25.0 in 24 bars, needs < 30" in intent.reasons


@pytest.mark.parametrize(
    ("view", "code"),
    [
        (a_view(hour=replace(UP, ema20=980.0)), "A.TREND_1H"),
        (a_view(hour=replace(UP, macd=0.0)), "A.TREND_1H"),
        (a_view(hour=replace(UP, ema50=NAN)), "A.TREND_1H"),
        (a_view(four_hours=replace(UP, ema20=980.0)), "A.TREND_4H"),
        (a_view(changed((-10, BAR_RSI14, 30.0))), "A.RSI_TOUCH"),
        (a_view(changed((-1, BAR_RSI14, 50.1))), "A.RSI_BACK"),
        (a_view(changed((-1, BAR_RSI14, 29.9))), "A.RSI_BACK"),
        (a_view(changed((-1, BAR_CLOSE, 1000.0))), "A.RECLAIM"),
        (a_view(changed((-2, BAR_CLOSE, 1000.1))), "A.RECLAIM"),
        (a_view(changed((-10, BAR_LOW, 979.9))), "A.DIP"),
        (a_view(changed((-1, BAR_REAL, 0.0))), "A.REAL_BAR"),
        (a_view(changed(*((-k, BAR_REAL, 0.0) for k in range(2, 7)))), "A.COVERAGE"),
        (a_view(a_history(24)), "A.HISTORY"),
    ],
)
def test_a_condition_not_met_is_told_alone(view: MarketView, code: str) -> None:
    assert codes(view) == [code]


@pytest.mark.parametrize(
    "history",
    [
        changed((-1, BAR_RSI14, 50.0)),
        changed((-1, BAR_RSI14, 30.0)),
        changed((-2, BAR_CLOSE, 1000.0)),
        changed((-10, BAR_LOW, 980.0)),
        changed(*((-k, BAR_REAL, 0.0) for k in range(2, 6))),
        changed((-10, BAR_RSI14, 40.0), (-24, BAR_RSI14, 29.9)),
    ],
    ids=["RSI 50", "RSI 30", "close on the average", "two ATR deep", "four bars missing", "touch on the oldest bar"],
)
def test_the_edge_of_a_condition_still_holds(history: np.ndarray) -> None:
    assert codes(a_view(history)) == []


def test_a_touch_before_the_window_does_not_count() -> None:
    assert codes(a_view(changed((-10, BAR_RSI14, 40.0), (-25, BAR_RSI14, 20.0)))) == ["A.RSI_TOUCH"]
    wider = Settings(pullback=PullbackSettings(window=25))
    history = changed((-10, BAR_RSI14, 40.0), (-25, BAR_RSI14, 20.0), bars=26)
    assert codes(a_view(history), wider) == []


def test_an_unknown_range_is_never_an_intent() -> None:
    assert codes(a_view(hour=replace(UP, atr14=NAN))) == ["A.ATR", "A.DIP"]


def test_every_condition_not_met_is_told_with_its_numbers() -> None:
    history = changed((-10, BAR_RSI14, 34.2), (-1, BAR_RSI14, 61.0))
    assert Pullback().on_close(a_view(history), STEADY) == (
        Gate("A.RSI_TOUCH", "lowest RSI 34.2 in 24 bars, needs < 30"),
        Gate("A.RSI_BACK", "RSI 61.0, needs 30 to 50"),
    )


def test_strategies_are_found_by_name_and_an_unknown_name_is_a_setting_to_mend() -> None:
    assert [strategy.name for strategy in by_names(("A",))] == ["A"]
    assert by_names(()) == ()
    with pytest.raises(ConfigError, match="Z"):
        by_names(("A", "Z"))
