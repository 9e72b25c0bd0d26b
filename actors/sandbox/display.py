"""One order book as it is shown."""

from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, zip_longest
from typing import Final, NamedTuple

from domain.market import Book, Level

_WHOLE: Final = 10**8  # prices have eight decimals at the most


class Touch(NamedTuple):
    """The best prices of a book and what is displayed there, in 1e-8 coins; zeros where nobody quotes."""

    ask: float
    bid: float
    ask_size: int
    bid_size: int


@dataclass(frozen=True, slots=True)
class Displayed:
    """Best first, sizes in 1e-8 coins; `at_ms` is when it last changed. A side may be empty."""

    at_ms: int
    ask_prices: tuple[float, ...]
    bid_prices: tuple[float, ...]
    ask_sizes: list[int]
    bid_sizes: list[int]

    def grouped(self, level: float) -> "Displayed":
        """The same book with prices brought together in steps of `level`: bids down, asks up."""
        asks = _grouped(self.ask_prices, self.ask_sizes, level, up=True)
        bids = _grouped(self.bid_prices, self.bid_sizes, level, up=False)
        return Displayed(self.at_ms, tuple(asks), tuple(bids), list(asks.values()), list(bids.values()))

    def units(self, count: int) -> list[tuple[float, float, int, int]]:
        """Ask price, bid price, ask size, bid size of the first levels; the thinner side ends in zeros."""
        rows = zip_longest(self.ask_prices, self.bid_prices, self.ask_sizes, self.bid_sizes, fillvalue=0)
        return list(islice(rows, count))

    def touch(self) -> Touch:
        """Its best prices and sizes."""
        return Touch(*(self.units(1) or [(0.0, 0.0, 0, 0)])[0])

    def book(self) -> Book:
        """The same book in exact numbers."""
        return Book(
            self.at_ms * 1000,
            _levels(self.ask_prices, self.ask_sizes),
            _levels(self.bid_prices, self.bid_sizes),
        )


def _grouped(prices: tuple[float, ...], sizes: list[int], level: float, *, up: bool) -> dict[float, int]:
    found: dict[float, int] = {}
    step = round(level * _WHOLE)  # whole numbers: 0.3 // 0.1 is 2 in floats
    for price, size in zip(prices, sizes, strict=True):
        whole = round(price * _WHOLE)
        place = (-(-whole // step) if up else whole // step) * step / _WHOLE
        found[place] = found.get(place, 0) + size
    found.pop(0.0, None)
    return found


def _levels(prices: tuple[float, ...], sizes: list[int]) -> tuple[Level, ...]:
    return tuple(
        Level(Decimal(f"{price:.8f}"), Decimal(size).scaleb(-8)) for price, size in zip(prices, sizes, strict=True)
    )
