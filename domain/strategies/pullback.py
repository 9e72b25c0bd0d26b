"""Strategy A: buy the end of a dip inside an uptrend of one and four hours (quant.md STR-A)."""

from typing import Final

from domain.config import PullbackSettings, Settings
from domain.decisions import Gate, Intent
from domain.money import VOLUME_STEP, exact
from domain.strategies.protocol import Answer
from domain.strategies.view import BAR_CLOSE, BAR_EMA20, BAR_LOW, BAR_REAL, BAR_RSI14, FrameView, MarketView

OVERSOLD: Final = 30.0
RECOVERED: Final = 50.0
WHOLE_FROM: Final = 10_000.0


class Pullback:
    """All conditions must hold on the newest closed base bar; those that do not are told with their numbers."""

    name = "A"

    def on_close(self, view: MarketView, settings: Settings) -> Answer:
        """Give the intent of a dip that has just ended, or every condition that was not met."""
        rules = settings.pullback
        if view.bars < rules.window + 1:
            return (self._gate("HISTORY", f"{view.bars} base bars known, needs {rules.window + 1}"),)
        told = (
            *self._coverage(view, rules),
            *self._trends(view),
            *self._rsi(view, rules),
            *self._reclaim(view),
            *self._dip(view, rules),
        )
        gates = tuple(self._gate(code, numbers) for holds, code, numbers in told if not holds)
        if gates:
            return gates
        reasons = tuple(numbers for _, _, numbers in told)
        # The conditions hold or they do not: there is no half signal to weigh against another strategy's.
        return Intent(self.name, view.market, 1.0, exact(view.hour.atr14, VOLUME_STEP, "down"), reasons)

    def _gate(self, code: str, numbers: str) -> Gate:
        return Gate(f"{self.name}.{code}", numbers)

    @staticmethod
    def _coverage(view: MarketView, rules: PullbackSettings) -> tuple[tuple[bool, str, str], ...]:
        traded = view.last(BAR_REAL, rules.window)
        missing = rules.window - int(traded.sum())
        return (
            (bool(traded[-1]), "REAL_BAR", f"the newest bar {'traded' if traded[-1] else 'did not trade'}"),
            (
                missing <= rules.max_synthetic,
                "COVERAGE",
                f"{missing} of {rules.window} bars without a trade, allowed are {rules.max_synthetic}",
            ),
        )

    @staticmethod
    def _trends(view: MarketView) -> tuple[tuple[bool, str, str], ...]:
        return (
            (view.hour.trend_up, "TREND_1H", _trend_text("1h", view.hour)),
            (view.four_hours.trend_up, "TREND_4H", _trend_text("4h", view.four_hours)),
        )

    @staticmethod
    def _rsi(view: MarketView, rules: PullbackSettings) -> tuple[tuple[bool, str, str], ...]:
        window = view.last(BAR_RSI14, rules.window)
        lowest, now = float(window.min()), float(window[-1])
        return (
            (
                bool((window < OVERSOLD).any()),
                "RSI_TOUCH",
                f"lowest RSI {lowest:.1f} in {rules.window} bars, needs < {OVERSOLD:.0f}",
            ),
            (OVERSOLD <= now <= RECOVERED, "RSI_BACK", f"RSI {now:.1f}, needs {OVERSOLD:.0f} to {RECOVERED:.0f}"),
        )

    @staticmethod
    def _reclaim(view: MarketView) -> tuple[tuple[bool, str, str], ...]:
        before, now = (float(x) for x in view.last(BAR_CLOSE, 2))
        average_before, average = (float(x) for x in view.last(BAR_EMA20, 2))
        text = (
            f"close {_plain(before)} then {_plain(now)}, EMA20 {_plain(average_before)} then {_plain(average)}, "
            "needs a close at or below, then one above"
        )
        return ((before <= average_before and now > average, "RECLAIM", text),)

    @staticmethod
    def _dip(view: MarketView, rules: PullbackSettings) -> tuple[tuple[bool, str, str], ...]:
        atr = view.hour.atr14
        depth = view.base.ema20 - float(view.last(BAR_LOW, rules.window).min())
        known = atr == atr  # noqa: PLR0124 (NaN is the only number that is not itself)
        text = f"EMA20 {_plain(depth)} above the lowest low, allowed {rules.dip_atr:g} x ATR14 of 1h {_plain(atr)}"
        return (
            (known, "ATR", f"ATR14 of 1h {_plain(atr)}, must be known"),
            (depth <= rules.dip_atr * atr, "DIP", text),
        )


def _trend_text(name: str, frame: FrameView) -> str:
    return (
        f"{name} EMA20 {_plain(frame.ema20)} needs > EMA50 {_plain(frame.ema50)}, MACD {_plain(frame.macd)} needs > 0"
    )


def _plain(value: float) -> str:
    """An estimate as people write prices: won without decimals, small coins with the digits they need."""
    return f"{value:,.0f}" if abs(value) >= WHOLE_FROM else f"{value:.6g}"
