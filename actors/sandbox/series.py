"""The minute candles of one market as arrays: history up to now, and what the player will print after it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

import numpy as np

from actors.sandbox.noise import Flags, Floats, Integers, key_of
from domain.errors import ConfigError
from domain.market import MINUTE

UNITS: Final = 100_000_000  # volumes are counted in 1e-8 of a coin
MIN_UNITS: Final = 4  # open, high, low and close need a trade each
MAX_UNITS: Final = 1 << 62  # a minute's volume fits into 64 bits, rounding included
Checks: TypeAlias = tuple[tuple[Flags, str], ...]
_LAST_MS: Final = 59_500  # when nobody knows it, the last trade of a minute was about then


@dataclass(slots=True, eq=False)
class Series:
    """One market, oldest minute first; every array has shape (n,).

    `time` is the minute's start in microseconds UTC, `units` its volume in 1e-8 coins, `last_ms` the time of its last
    trade in milliseconds. Where minutes are played, `value` and `last_ms` are those of the tape (see `tape.settle`),
    which aims at `source_value`. A usual minute trades `usual_units` coins worth `usual_value` KRW.
    """

    market: str
    key: int
    time: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    units: Integers
    source_value: Floats
    value: Floats
    last_ms: Integers
    usual_units: float
    usual_value: float

    def index(self, at: int) -> int:
        """Index of the first minute that starts at `at` or later."""
        return int(np.searchsorted(self.time, at))

    def traded(self, part: slice) -> int:
        """Volume of some minutes in 1e-8 coins, exact: a day of a tiny coin is beyond 64 bits."""
        return sum(self.units[part].tolist())


def make_series(
    market: str, seed: int, time: Integers, prices: Sequence[Floats], turnover: tuple[Floats, Floats]
) -> Series:
    """Check one market's minutes and make them ready to play.

    `prices` are open, high, low, close; `turnover` is volume (coins) and value (KRW, NaN where nobody knows it).

    Raises:
        ConfigError: naming the first minute that no tape could print.
    """
    volume, value = turnover
    _check(
        market,
        time,
        (
            (np.isfinite(volume) & (volume >= 0), "its volume is missing or below zero"),
            (volume <= MAX_UNITS / UNITS, "its volume is too large to be counted in 1e-8 coins"),
            (~(value < 0), "its value is below zero"),
        ),
    )
    units = np.rint(volume * UNITS).astype(np.int64)
    traded = units > 0  # a minute without volume is a minute without trades, whatever prices it was filled with
    time, units = time[traded], units[traded]
    first, high, low, last = (np.ascontiguousarray(column[traded], dtype=np.float64) for column in prices)
    if not len(time):
        raise ConfigError(f"{market}: there is no minute with a trade in it")
    _check(market, time, _faults(time, (first, high, low, last), units))
    known = value[traded]
    middle = (first + high + low + last) / 4 * units / UNITS
    known = np.where(np.isfinite(known) & (known > 0), known, middle)
    return Series(
        market=market,
        key=key_of(seed, market),
        time=time,
        open=first,
        high=high,
        low=low,
        close=last,
        units=units,
        source_value=known,
        value=known.copy(),
        last_ms=time // 1000 + _LAST_MS,
        usual_units=max(float(np.median(units)), 1.0),
        usual_value=max(float(np.median(known)), 1.0),
    )


def _faults(time: Integers, prices: tuple[Floats, ...], units: Integers) -> Checks:
    """What the minutes that traded must be, each with the fault of one that is not."""
    first, high, low, last = prices
    return (
        (np.diff(time, prepend=time[0] - MINUTE) > 0, "its time is not after the one before it"),
        (time % MINUTE == 0, "its time is not the start of a minute"),
        (np.isfinite(first + high + low + last) & (low > 0), "a price is missing or not above zero"),
        (
            (low <= np.minimum(first, last)) & (high >= np.maximum(first, last)),
            "high and low do not hold open and close",
        ),
        ((high == low) | (units >= MIN_UNITS), "its volume is too small for prices that move"),
    )


def _check(market: str, time: Integers, checks: Checks) -> None:
    for good, fault in checks:
        if not good.all():
            at = datetime.fromtimestamp(int(time[int(np.argmin(good))]) // 1_000_000, UTC)
            raise ConfigError(f"{market}: candle {at:%Y-%m-%d %H:%M} cannot be played: {fault}")
