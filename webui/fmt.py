"""Numbers and times as people read them. None is shown as a dash: unknown is never zero."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_EVEN, Decimal

DASH = "—"
KST = timezone(timedelta(hours=9), "KST")
_WON = Decimal(1)
_PRICE_STEPS = (
    (1000, Decimal(1)),
    (100, Decimal("0.1")),
    (10, Decimal("0.01")),
    (1, Decimal("0.001")),
    (0, Decimal("0.00000001")),
)
_SMALL_QUANTITY = 100


def krw(value: Decimal | None, *, sign: bool = False) -> str:
    """Whole won with thousands separators; with `sign` a plus before gains."""
    if value is None:
        return DASH
    whole = value.quantize(_WON, ROUND_HALF_EVEN)
    if not whole:
        return "0"  # also for -0
    return f"{whole:+,f}" if sign else f"{whole:,f}"


def price(value: Decimal | None) -> str:
    """A price with the decimals Upbit's ticks can need at its height: none from 1,000 KRW on."""
    if value is None:
        return DASH
    step = next(step for floor, step in _PRICE_STEPS if abs(value) >= floor)
    text = f"{value.quantize(step, ROUND_HALF_EVEN):,f}"
    return text.rstrip("0") + "0" if abs(value) < 1 else text


def quantity(value: Decimal | None) -> str:
    """A volume in coins: up to 8 decimals, two from 100 coins on, no trailing zeros."""
    if value is None:
        return DASH
    step = Decimal("0.00000001") if abs(value) < _SMALL_QUANTITY else Decimal("0.01")
    text = f"{value.quantize(step, ROUND_HALF_EVEN):,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(fraction: float | None, *, digits: int = 2, sign: bool = True) -> str:
    """A fraction as percent: 0.0123 is +1.23%."""
    if fraction is None:
        return DASH
    text = f"{fraction * 100:+.{digits}f}" if sign else f"{fraction * 100:.{digits}f}"
    zero = not text.strip("+-0.")
    return f"{text.lstrip('+-') if zero else text}%"


def kst(at: int | None, pattern: str = "%H:%M:%S") -> str:
    """A time in microseconds UTC on the Korean clock, formatted as `strftime` does."""
    if at is None:
        return DASH
    return datetime.fromtimestamp(at // 1_000_000, KST).strftime(pattern)


def iso(at: int | None) -> str:
    """A time in microseconds UTC for `<time datetime>`; empty when unknown."""
    return "" if at is None else datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def direction(value: Decimal | float | None) -> str:
    """The class of a gain (`up`), a loss (`down`), or neither (`flat`)."""
    if value is None or not value:
        return "flat"
    return "up" if value > 0 else "down"


def coin(market: str) -> str:
    """The coin of a market: BTC of KRW-BTC."""
    return market.split("-", 1)[-1]


def pair(market: str) -> str:
    """How a market is called: BTC for KRW-BTC, and ETH/BTC for BTC-ETH, where the won is not what it costs."""
    quote, _, base = market.rpartition("-")
    return base if quote in {"", "KRW"} else f"{base}/{quote}"


def number(value: float) -> str:
    """A coordinate for an SVG attribute: two decimals, no exponent."""
    return f"{value:.2f}"
