"""Numbers as the exchange writes them: plain, or the way Java prints a double."""

from decimal import Decimal
from functools import lru_cache
from typing import Final

from actors.sandbox.prints import UNITS

_JAVA_LARGE: Final = 1e7
_JAVA_SMALL: Final = 1e-3
_SMALL_UNITS: Final = 100_000


@lru_cache(maxsize=100_000)
def plain(value: float) -> str:
    """A float without exponent; whole numbers without decimals."""
    if value == int(value):
        return str(int(value))
    text = repr(value)
    return format(Decimal(text), "f") if "e" in text else text


@lru_cache(maxsize=100_000)
def java(value: float) -> str:
    """A float as Java's Double.toString does: 1.45878E8, 978000.0, 7.9276E-4."""
    if value == 0:
        return "0.0"
    if _JAVA_SMALL <= abs(value) < _JAVA_LARGE:
        return repr(float(value))
    sign, digits, exponent = Decimal(repr(float(value))).as_tuple()
    text = "".join(map(str, digits))
    power = len(text) - 1 + int(exponent)
    fraction = text[1:].rstrip("0") or "0"
    return f"{'-' if sign else ''}{text[0]}.{fraction}E{power}"


def coins(units: int) -> str:
    """A volume in 1e-8 coins as a plain number of coins."""
    whole, rest = divmod(units, UNITS)
    return f"{whole}.{rest:08d}".rstrip("0") if rest else str(whole)


def sized(units: int) -> str:
    """A volume in 1e-8 coins with the 8 decimals the exchange keeps, zeros included: 0.00077720."""
    whole, rest = divmod(units, UNITS)
    return f"{whole}.{rest:08d}"


def small(units: int) -> str:
    """A volume in 1e-8 coins in the SIMPLE format: plain, but small ones with Java's exponent (7.772E-4)."""
    return java(units / UNITS) if 0 < units < _SMALL_UNITS else coins(units)
