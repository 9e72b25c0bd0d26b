"""Money in exact decimals: the only two crossings to float64, safe rounding, fees, and numbers as text.

Everything here is exact as long as `strict_decimals` ran in the process: 60 digits hold any product of a price,
a volume and a fee that Upbit can name.
"""

import decimal
import math
import re
from decimal import Decimal
from typing import Literal

from domain.errors import TradingError

ZERO = Decimal(0)
WON = Decimal(1)
VOLUME_STEP = Decimal("0.00000001")
PRECISION = 60
_LARGEST_EXPONENT = 30
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?", re.ASCII)


class BadNumber(TradingError, ValueError):
    """A number that is none, is not finite, or is larger or finer than any money can be."""


def strict_decimals() -> None:
    """Make decimals exact to 60 digits and refuse floats beside them, here and in every thread started later.

    Call it once in each process before its first thread starts: a thread copies the default context when it starts.
    """
    for context in (decimal.DefaultContext, decimal.getcontext()):
        context.prec = PRECISION
        context.traps[decimal.FloatOperation] = True


def estimate(value: Decimal) -> float:
    """The nearest float64 of a claim; from here on the number is an estimate."""
    return float(value)


def exact(value: float, step: Decimal, direction: Literal["down", "up"]) -> Decimal:
    """The multiple of `step` next to an estimate in the safe direction; the estimate counts to 8 decimals.

    Raises:
        BadNumber: for NaN, infinity or a step that is not positive.
    """
    if not math.isfinite(value):
        raise BadNumber(f"{value} cannot become money: an unknown estimate must stop before it is an order")
    claim = Decimal(f"{value:.8f}")
    return ceil_to(claim, step) if direction == "up" else floor_to(claim, step)


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of `step` that is not above `value`; raises BadNumber unless the step is positive."""
    whole = _whole(value, step)
    return (whole - 1 if whole * step > value else whole) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of `step` that is not below `value`; raises BadNumber unless the step is positive."""
    whole = _whole(value, step)
    return (whole + 1 if whole * step < value else whole) * step


def volume_floor(value: Decimal) -> Decimal:
    """A volume cut to the 8 decimals the exchange keeps, never up."""
    return floor_to(value, VOLUME_STEP)


def won_floor(value: Decimal) -> Decimal:
    """An amount of KRW cut to whole won, never up."""
    return floor_to(value, WON)


def fee_of(funds: Decimal, rate: Decimal) -> Decimal:
    """The fee of a deal in its quote currency, unrounded as the exchange charges it; `rate` is a fraction."""
    return funds * rate


def plain(value: Decimal) -> str:
    """A number for the wire and for people: no exponent, no trailing zeros, no minus zero; raises BadNumber if none."""
    if not value.is_finite():
        raise BadNumber(f"{value} is not a number anybody can be told")
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def parse(value: str | int | Decimal) -> Decimal:
    """An exact number from text or from JSON read with Decimal; floats are refused, they have lost digits already.

    Raises:
        BadNumber: if it is not a finite number in ASCII digits, or is longer than money can be.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise BadNumber(f"expected a decimal as text, int or Decimal, found {type(value).__name__}: {value!r}")
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        raise BadNumber(f"expected a decimal number such as 1234.5, found {value[:80]!r}")
    number = Decimal(value)
    if not number.is_finite():
        raise BadNumber(f"expected a finite number, found {number}")
    if len(number.as_tuple().digits) > PRECISION or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise BadNumber(f"no amount of money has this many digits: {number!s:.80}")
    return number


def _whole(value: Decimal, step: Decimal) -> Decimal:
    """How many whole steps, towards zero: the result has no digits but those it needs."""
    if step <= 0:
        raise BadNumber(f"a step must be positive, found {step}")
    return value // step
