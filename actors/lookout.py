"""Whether REST shows trades that a stream has not told."""

from collections.abc import Sequence
from typing import Protocol

from domain.errors import RequestRefused
from domain.market import Trade


class Quote(Protocol):
    """A market's newest trade: when it was, in microseconds UTC."""

    @property
    def market(self) -> str: ...  # noqa: D102
    @property
    def at(self) -> int: ...  # noqa: D102


class TradeClient(Protocol):
    """The calls of REST it makes; each raises ExchangeError."""

    def ticker(self, markets: Sequence[str]) -> Sequence[Quote]: ...  # noqa: D102
    def ticker_all(self, quote: str, /) -> Sequence[Quote]: ...  # noqa: D102
    def trade_range(self, market: str, since: int, until: int) -> tuple[Trade, ...]: ...  # noqa: D102


class Lookout:
    """Compares REST's newest trades with the stream's. REST may show a trade `confirm_s` real seconds before it.

    `doubts` are the trades in question: by market since when, and the trade's own time.
    """

    def __init__(self, client: TradeClient, confirm_s: float) -> None:
        self._client = client
        self._confirm_s = confirm_s
        self.doubts: dict[str, tuple[float, int]] = {}

    def newest(self, markets: list[str]) -> dict[str, int]:
        """When the newest trade of each was (microseconds UTC), without markets that are gone; raises ExchangeError."""
        try:
            quotes = self._client.ticker(markets)
        except RequestRefused:  # one unknown market fails the call: it may have been delisted
            currencies = sorted({market.partition("-")[0] for market in markets})
            quotes = [quote for currency in currencies for quote in self._client.ticker_all(currency)]
        return {quote.market: quote.at for quote in quotes}

    def settle(self, market: str) -> None:
        """REST shows nothing that the stream has not told."""
        self.doubts.pop(market, None)

    def is_certain(self, market: str, newest: int, told: int, now: float) -> bool:
        """Whether a trade that REST shows was in doubt for long enough; `told` is the time of the stream's newest."""
        since, at = self.doubts.get(market, (now, newest))
        if at <= told:  # the stream told that one since: only REST's newest is in doubt
            since, at = now, newest
        self.doubts[market] = (since, at)
        if now - since < self._confirm_s:
            return False
        del self.doubts[market]
        return True
