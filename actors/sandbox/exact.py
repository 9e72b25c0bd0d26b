"""What a minute turned over as a whole number: the nearest to its source that trades of its prices can add up to.

Prices are whole numbers of 10**-digits, volumes of 1e-8 coins, so a value is a whole number of 10**-(digits+8); and
as every price of a minute is a multiple of its `step`, so is its value.
"""

from fractions import Fraction
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from actors.sandbox.noise import Flags, Floats, Integers

MAX_DIGITS: Final = 8
Exact: TypeAlias = NDArray[Any]  # int64, or Python integers where 64 bits are too few
_FITS: Final = float(1 << 61)
_LIMB: Final = 31  # bits


class Scaled(NamedTuple):
    """Open, high, low, close and the step of every minute in whole numbers of 10**-digits; arrays of shape (n,)."""

    open: Integers
    high: Integers
    low: Integers
    close: Integers
    step: Integers


def digits_of(*columns: Floats) -> int | None:
    """The decimals that all these prices need; None when eight do not suffice."""
    for digits in range(MAX_DIGITS + 1):
        scale = 10.0**digits
        if all((np.rint(column * scale) / scale == column).all() for column in columns):
            return digits
    return None


def scaled(prices: tuple[Floats, ...], ticks: Floats, digits: int) -> Scaled:
    """Prices in whole numbers, with the largest step that they and the rule book's tick are multiples of."""
    first, high, low, last, tick = (np.rint(column * 10.0**digits).astype(np.int64) for column in (*prices, ticks))
    step: Integers = np.gcd.reduce(np.stack((tick, first, high, low, last)), axis=0)
    return Scaled(first, high, low, last, step)


def forced(minute: Scaled) -> tuple[Integers, Integers]:
    """The fewest trades that show open, high, low and close, and the sum of their prices."""
    first, high, low, last, _ = minute
    above = (high != first) & (high != last)
    below = (low != first) & (low != last)
    one = high == low
    count: Integers = np.where(one, 1, 2 + above + below)
    total: Integers = np.where(one, first, first + last + above * high + below * low)
    return count, total


class Values(NamedTuple):
    """The value of every minute, the step its prices must move in for it, and how many known values cannot be met."""

    value: Exact
    step: Integers
    missed: int


def values(minute: Scaled, units: Integers, source: Floats, digits: int) -> Values:
    """Values as near to their source (NaN where nobody knows it) as trades at the prices of the minute come.

    A minute off the rule book's steps may have traded in finer ones than its own four prices tell: where only these
    meet its value, they are taken.
    """
    per = 10 ** (digits + 8)
    known = np.isfinite(source) & (source > 0)
    wanted = np.where(known, source, 0.0)
    largest = max(float((minute.high * 4.0 * units).max()), float(wanted.max()) * per)
    kind: Any = np.int64 if largest < _FITS else object
    first, high, low, last = (column.astype(kind) for column in minute[:4])
    size = units.astype(kind)
    aim = np.where(known, _whole(wanted, per, kind), (first + high + low + last) * size // 4)
    count, total = forced(minute)
    free, least = size - count.astype(kind), total.astype(kind)
    lowest, highest = least + low * free, least + high * free
    value = np.minimum(np.maximum((aim + minute.step // 2) // minute.step * minute.step, lowest), highest)
    missed = known & ~_same(value, source, per)
    finer = np.minimum(np.maximum(aim, lowest), highest)
    mended = missed & _same(finer, source, per)
    return Values(np.where(mended, finer, value), np.where(mended, 1, minute.step), int((missed & ~mended).sum()))


def _whole(amounts: Floats, per: int, kind: Any) -> Exact:
    """Amounts in whole numbers of 1/`per`; floor and fraction apart, as a product of floats would lose digits."""
    even = np.floor(amounts)
    units = even.astype(np.int64) if kind is np.int64 else np.array([int(each) for each in even.tolist()], dtype=object)
    told: Exact = units * per + np.rint((amounts - even) * per).astype(np.int64).astype(kind)
    for place in np.flatnonzero(~_same(told, amounts, per)).tolist():  # the fraction's product was rounded, too
        told[place] = round(Fraction(float(amounts[place])) * per)
    return told


def _same(value: Exact, source: Floats, per: int) -> Flags:
    """Whether the float nearest to a value is its source."""
    same: Flags = np.array([each / per for each in value.tolist()]) == source
    return same


def total(array: Exact, part: slice) -> int:
    """The exact sum of a part, also where it is beyond 64 bits."""
    piece = array[part]
    if piece.dtype == object:
        return int(sum(piece.tolist()))
    return (int((piece >> _LIMB).sum()) << _LIMB) + int((piece & ((1 << _LIMB) - 1)).sum())


def totals(array: Exact, starts: Integers) -> list[int]:
    """The exact sums of the stretches that begin at `starts`."""
    if array.dtype == object:
        return [int(each) for each in np.add.reduceat(array, starts)]
    high, low = np.add.reduceat(array >> _LIMB, starts), np.add.reduceat(array & ((1 << _LIMB) - 1), starts)
    return [(above << _LIMB) + below for above, below in zip(high.tolist(), low.tolist(), strict=True)]
