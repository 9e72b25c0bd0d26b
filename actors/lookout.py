"""Whether REST shows trades that a stream has not told."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from domain.errors import RequestRefused
from domain.market import Trade
from domain.message import Message

NAMED_MAX: Final = 200  # more names make an address longer than many a gateway takes (8 kB)


@dataclass(frozen=True, slots=True)
class Patience:
    """Real seconds between two looks at REST, while something is missing (`look_s`) or merely quiet (`calm_s`).

    A market that is silent for `quiet_s` is looked at in any case, and one that is silent for `settle_s` before the end
    of an interval is told to it. REST may show a trade `confirm_s` before the stream does. Without a snapshot
    `snapshot_s` after a connection a market without newer trades has missed nothing. Trades of the stream are held for
    `hold_s` at the most. `measure_s` is how often freshness is told. A stream without any data for `renew_s`, while
    REST stands in for it, is given up for another connection.
    """

    look_s: float = 1.0
    calm_s: float = 5.0
    quiet_s: float = 60.0
    settle_s: float = 3.0
    confirm_s: float = 1.0
    snapshot_s: float = 10.0
    hold_s: float = 30.0
    measure_s: float = 5.0
    renew_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Outlets:
    """Whom it works for: all but `measure` are called with the lock held.

    `go_on` takes trades of a market in order, `end` the end of an interval whose trades have all gone on, `repair` a
    market whose trades are lost for good, `heal` one the stream says nothing of, `measure` comes now and then.
    """

    now: Callable[[], int]
    go_on: Callable[[str, tuple[Trade, ...]], None]
    end: Callable[[str, int], None]
    repair: Callable[[str], None]
    heal: Callable[[str], None]
    say: Callable[[Message], None]
    measure: Callable[[tuple[str, ...]], None]


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
        quotes = self._quotes(markets)
        return {quote.market: quote.at for quote in quotes}

    def _quotes(self, markets: list[str]) -> Sequence[Quote]:
        if len(markets) <= NAMED_MAX:
            with contextlib.suppress(RequestRefused):  # one unknown market fails the call: it may have been delisted
                return self._client.ticker(markets)
        currencies = sorted({market.partition("-")[0] for market in markets})
        return [quote for currency in currencies for quote in self._client.ticker_all(currency)]

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
