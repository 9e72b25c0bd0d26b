"""What a survey has read of the markets so far: their closed day candles, and their newest books."""

from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple, Protocol

from domain.market import DAY, Bar, Book
from domain.universe import day_figures, median, spreads

KEPT: Final = 60  # books of a market
DAY_UNIT: Final = 1_440  # minutes


class DayClient(Protocol):
    """The call it makes: at most `count` real candles that start before `to`, newest first; raises ExchangeError."""

    def candles(self, market: str, unit: int, to: int, count: int) -> tuple[Bar, ...]: ...  # noqa: D102


class _Days(NamedTuple):
    """Closed day candles, oldest first: all that traded before `until`, up to `asked` of them."""

    until: int
    asked: int
    bars: tuple[Bar, ...]


class DayCandles:
    """The closed day candles of markets. What was read once is not asked for again; times are microseconds UTC."""

    def __init__(self, client: DayClient) -> None:
        self._client = client
        self._known: dict[str, _Days] = {}

    def lacks(self, market: str, until: int, days: int) -> bool:
        """Whether the newest `days` day candles before `until` (a midnight) are not all known."""
        known = self._known.get(market)
        return known is None or known.until < until or known.asked < days

    def read(self, market: str, until: int, days: int) -> None:
        """Ask for what is not known; raises ExchangeError, and then what is known stays."""
        known = self._known.get(market)
        if known is None or known.asked < days:
            known = _Days(0, days, ())
        count = min(days, (until - known.until) // DAY)
        told = self._client.candles(market, DAY_UNIT, until, count)
        bars = {bar.start: bar for bar in (*known.bars, *told) if bar.start < until}
        self._known[market] = _Days(until, days, tuple(bars[start] for start in sorted(bars))[-days:])

    def figures(self, market: str, until: int, days: int) -> tuple[int, Decimal | None] | None:
        """Count and mean value as `day_figures`; None when what is known ends more than a day before `until`."""
        known = self._known.get(market)
        if known is None or known.until < until - DAY or known.asked < days:
            return None
        return day_figures(known.bars, days)

    def keep(self, markets: frozenset[str]) -> None:
        """Forget all other markets."""
        self._known = {market: days for market, days in self._known.items() if market in markets}


class Books:
    """How far the prices of the newest books lie apart: `KEPT` of each market."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[int, Decimal, Decimal]]] = {}

    def take(self, books: Mapping[str, Book], at: int) -> None:
        """Add one book each, seen at this time (microseconds UTC)."""
        for market, book in books.items():
            self._seen.setdefault(market, deque(maxlen=KEPT)).append((at, *spreads(book)))

    def medians(self, market: str, since: int) -> tuple[int, Decimal | None, Decimal | None]:
        """How many books were seen since a time, and the medians of their two spreads as fractions of the mid."""
        counted = [(first, second) for at, first, second in self._seen.get(market, ()) if at >= since]
        return len(counted), median([first for first, _ in counted]), median([second for _, second in counted])

    def keep(self, markets: frozenset[str]) -> None:
        """Forget all other markets."""
        self._seen = {market: seen for market, seen in self._seen.items() if market in markets}
