"""The lengths of candles the exchange tells, by the names people give them."""

from typing import Final

from domain.errors import ConfigError
from domain.market import DAY, HOUR, MINUTE

FRAMES: Final = {
    "1m": MINUTE,
    "3m": 3 * MINUTE,
    "5m": 5 * MINUTE,
    "10m": 10 * MINUTE,
    "15m": 15 * MINUTE,
    "30m": 30 * MINUTE,
    "60m": HOUR,
    "240m": 4 * HOUR,
    "1d": DAY,
}
"""Microseconds by name."""

ALIASES: Final = {"1h": "60m", "4h": "240m", "24h": "1d"}
_NAMES: Final = {step: name for name, step in FRAMES.items()}


def step_of(name: str) -> int:
    """The microseconds of a candle by its name; raises ConfigError for one the exchange does not have."""
    step = FRAMES.get(ALIASES.get(name, name))
    if step is None:
        raise ConfigError(f"there are no candles of {name!r}; there are: {', '.join(FRAMES)}")
    return step


def frame_of(step: int) -> str:
    """The name of a candle's length in microseconds; raises ConfigError for one the exchange does not have."""
    if step not in _NAMES:
        raise ConfigError(f"there are no candles of {step} microseconds; there are: {', '.join(FRAMES)}")
    return _NAMES[step]
