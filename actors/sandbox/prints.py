"""A public trade as the exchange prints it."""

from typing import Final, NamedTuple

UNITS: Final = 100_000_000  # volumes are counted in 1e-8 of a coin


class Print(NamedTuple):
    """One public trade: microseconds UTC, price, volume in 1e-8 coins, whether the taker bought, sequential id.

    `told_ms` is when the exchange told of it, in milliseconds; 0 stands for a millisecond later.
    """

    at: int
    price: float
    units: int
    buys: bool
    sequential_id: int
    told_ms: int = 0
