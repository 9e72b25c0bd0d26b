"""The minute candles of one market as arrays: history up to now, and what the player will print after it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeAlias

import numpy as np

from actors.sandbox import exact
from actors.sandbox.exact import Exact
from actors.sandbox.noise import Flags, Floats, Integers, key_of, uniform
from actors.sandbox.prints import UNITS, Print
from actors.sandbox.recorded import Recorded
from actors.sandbox.ticks import ticks_of
from domain.errors import ConfigError
from domain.market import MINUTE

MAX_UNITS: Final = 1 << 62  # a minute's volume fits into 64 bits, rounding included
Checks: TypeAlias = tuple[tuple[Flags, str], ...]
_EARLIEST_MS, _SPREAD_MS = 500, 59_400  # the last trade of a minute is so far into it


@dataclass(slots=True, eq=False)
class Series:
    """One market, oldest minute first; every array has shape (n,).

    `time` is the minute's start in microseconds UTC, `units` its volume in 1e-8 coins, `last_ms` the time of its last
    trade in milliseconds. Prices are whole numbers of 10**-digits and multiples of the minute's `step` (counted in
    those); `value` is counted in 10**-(digits+8) of the quote currency. A usual minute trades `usual_units` 1e-8 coins
    worth `usual_value` quote currency. `missed` minutes had a value that no trades of theirs can have. What was
    recorded from the real exchange is played as it was.
    """

    market: str
    key: int
    digits: int
    time: Integers
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    step: Integers
    units: Integers
    value: Exact
    last_ms: Integers
    usual_units: float
    usual_value: float
    missed: int = 0
    recorded: Recorded | None = None
    printed: dict[int, tuple[tuple[Print, ...], ...]] = field(default_factory=dict)

    @property
    def per(self) -> int:
        """How many of what values are counted in make one of the quote currency."""
        return int(10 ** (self.digits + 8))

    def index(self, at: int) -> int:
        """Index of the first minute that starts at `at` or later."""
        return int(np.searchsorted(self.time, at))

    def worth(self, price: float, units: int) -> int:
        """What so much is worth at this price, exactly, counted as `value` is."""
        return int(round(price * 10**self.digits) * units)


def make_series(
    market: str, seed: int, time: Integers, prices: Sequence[Floats], turnover: tuple[Floats, Floats]
) -> Series:
    """Check one market's minutes and make them ready to play.

    `prices` are open, high, low, close; `turnover` is volume (coins) and value (quote currency, NaN where nobody
    knows it).

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
    columns = tuple(np.ascontiguousarray(column[traded], dtype=np.float64) for column in prices)
    if not len(time):
        raise ConfigError(f"{market}: there is no minute with a trade in it")
    _check(market, time, _faults(time, columns))
    return _made(market, key_of(seed, market), time, columns, (units, value[traded]))


def _made(
    market: str, key: int, time: Integers, columns: tuple[Floats, ...], turnover: tuple[Integers, Floats]
) -> Series:
    units, source = turnover
    ticks = ticks_of(market, time, columns[2])
    digits = exact.digits_of(*columns, ticks)
    if digits is None:
        raise ConfigError(f"{market}: a price has more than {exact.MAX_DIGITS} decimals")
    minutes = exact.scaled(columns, ticks, digits)
    fewest, _ = exact.forced(minutes)
    _check(market, time, ((units >= fewest, "its volume is too small for prices that move"),))
    value, step, missed = exact.values(minutes, units, source, digits)
    first, high, low, last = columns
    usual_value = float(np.median(value.astype(np.float64))) / 10 ** (digits + 8)
    return Series(
        market=market,
        key=key,
        digits=digits,
        time=time,
        open=first,
        high=high,
        low=low,
        close=last,
        step=step,
        units=units,
        value=value,
        last_ms=_last_ms(key, time),
        usual_units=float(np.median(units)),
        usual_value=usual_value,
        missed=missed,
    )


def _last_ms(key: int, time: Integers) -> Integers:
    """When the last trade of every minute is printed."""
    draws = uniform(key ^ 0x1A57, (time[:, None] // MINUTE * 4 + np.arange(3)).astype(np.uint64)).max(axis=1)
    ms: Integers = time // 1000 + _EARLIEST_MS + np.floor(draws * _SPREAD_MS).astype(np.int64)
    return ms


def _faults(time: Integers, prices: tuple[Floats, ...]) -> Checks:
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
    )


def _check(market: str, time: Integers, checks: Checks) -> None:
    for good, fault in checks:
        if not good.all():
            at = datetime.fromtimestamp(int(time[int(np.argmin(good))]) // 1_000_000, UTC)
            raise ConfigError(f"{market}: candle {at:%Y-%m-%d %H:%M} cannot be played: {fault}")
