"""The public side of REST: markets, candles, trades, tickers, books."""

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, Final

from actors.upbit import quotes, rows, wire
from actors.upbit.calls import Calls, each
from actors.upbit.limits import Urgency
from actors.upbit.quotes import Instrument, Listing, Ticker
from actors.upbit.rows import DayCandle
from actors.upbit.sign import Params
from domain.errors import BadPayload
from domain.market import DAY, MINUTE, US_PER_S, Bar, Book, Trade
from domain.money import ZERO, plain

PAGE_CANDLES: Final = 200
PAGE_TRADES: Final = 500
TRADE_DAYS: Final = 7
MINUTES: Final = frozenset({1, 3, 5, 10, 15, 30, 60, 240})
DAY_MINUTES: Final = DAY // MINUTE


class Period(StrEnum):
    """Candles that are not of minutes, by the exchange's word; weeks start on Monday, all in UTC."""

    SECOND = "seconds"
    DAY = "days"
    WEEK = "weeks"
    MONTH = "months"
    YEAR = "years"


SHORTEST: Final = {
    Period.SECOND: US_PER_S,
    Period.DAY: DAY,
    Period.WEEK: 7 * DAY,
    Period.MONTH: 28 * DAY,
    Period.YEAR: 365 * DAY,
}
"""Microseconds that a candle of a period lasts at least."""


class Quotation(Calls):
    """Calls that need no keys. Numbers are exact, times microseconds UTC."""

    def market_all(self) -> tuple[str, ...]:
        """Codes of all markets."""
        return tuple(listing.market for listing in self.listings())

    def listings(self) -> tuple[Listing, ...]:
        """All markets with their names and warning flags."""
        told = self._quote("/v1/market/all", {"is_details": True}, "market")
        return tuple(each(told, quotes.listing))

    def candles(
        self, market: str, unit: int | Period, to: int | None = None, count: int = PAGE_CANDLES
    ) -> tuple[Bar, ...]:
        """At most 200 real candles that start before `to`, newest first; `unit` in minutes (1440: UTC days).

        Without `to` the newest there are, the one in progress included. Of seconds the exchange keeps three months.
        Raises ValueError for a unit it does not have.
        """
        return tuple(each(self._candles(_period(unit), market, to, count), partial(rows.bar, market=market)))

    def day_candles(
        self, market: str, to: int | None = None, count: int = PAGE_CANDLES, *, converting: str = ""
    ) -> tuple[DayCandle, ...]:
        """Candles of UTC days like `candles`, each with its change and its close in the currency `converting`."""
        told = self._candles("days", market, to, count, {"converting_price_unit": converting or None})
        return tuple(each(told, rows.day_candle))

    def candle_pages(self, market: str, unit: int | Period, since: int, until: int) -> Iterator[tuple[Bar, ...]]:
        """Real candles with since <= start < until, page by page back from the end, each page newest first."""
        step = SHORTEST[unit] if isinstance(unit, Period) else unit * MINUTE
        to = until
        while to > since:
            page = self.candles(market, unit, to, min(PAGE_CANDLES, -(-(to - since) // step)))
            if any(bar.start >= to for bar in page):
                raise BadPayload(f"asked for candles of {market} before {wire.iso_utc(to)}, got one at or after it")
            yield tuple(bar for bar in page if bar.start >= since)
            if not page:
                return
            to = min(bar.start for bar in page)

    def candle_range(self, market: str, unit: int | Period, since: int, until: int) -> tuple[Bar, ...]:
        """All real candles with since <= start < until, oldest first."""
        found = [bar for page in self.candle_pages(market, unit, since, until) for bar in page]
        return tuple(reversed(found))

    def trades(
        self,
        market: str,
        *,
        count: int = PAGE_TRADES,
        cursor: int | None = None,
        days_ago: int | None = None,
        to: dt.time | None = None,
    ) -> tuple[Trade, ...]:
        """At most 500 trades of one UTC day (today, or 1 to 7 days ago), newest first.

        `cursor` is a sequential_id: those before that trade; `to` a time of that day in UTC: those before its second.
        """
        params: Params = {
            "market": market,
            "to": None if to is None else f"{to:%H:%M:%S}",
            "count": min(count, PAGE_TRADES),
            "cursor": cursor,
            "days_ago": days_ago,
        }
        return tuple(each(self._quote("/v1/trades/ticks", params, "crix-trades"), quotes.trade))

    def trade_range(self, market: str, since: int, until: int) -> tuple[Trade, ...]:
        """All trades with since <= at < until, oldest first, each once; those of one time in the exchange's own order.

        Raises ValueError for a `since` before 00:00 UTC seven days ago: the exchange no longer tells those.
        """
        days = self._clock.now() // DAY - since // DAY
        if days > TRADE_DAYS:
            raise ValueError(f"trades of {market} are told for 7 days, asked since {wire.iso_utc(since)}")
        found: dict[int, Trade] = {}
        # a day more than the calendar says: our clock may be on the other side of midnight than the exchange's
        days = min(TRADE_DAYS, days + 1)
        for days_ago in (None, *range(1, days + 1)):
            if self._trades_of_day(market, days_ago, since, until, found):
                break
        newest_last = list(found.values())[::-1]
        return tuple(sorted(newest_last, key=lambda trade: trade.at))

    def ticker(self, markets: Sequence[str]) -> tuple[Ticker, ...]:
        """Tickers of these markets; one unknown market fails the whole call."""
        return tuple(each(self._quote("/v1/ticker", {"markets": ",".join(markets)}, "ticker"), quotes.ticker))

    def ticker_all(self, *currencies: str) -> tuple[Ticker, ...]:
        """Tickers of all markets of these quote currencies (KRW when none is named) in one call."""
        params: Params = {"quote_currencies": ",".join(currencies or ("KRW",))}
        return tuple(each(self._quote("/v1/ticker/all", params, "ticker"), quotes.ticker))

    def orderbook(self, markets: Sequence[str], count: int = 30, level: Decimal = ZERO) -> dict[str, Book]:
        """The books of these markets by market, 30 levels at the most, grouped by `level` KRW if not 0.

        A market whose book cannot be grouped like that is missing.
        """
        params: Params = {"markets": ",".join(markets), "level": plain(level) if level else None, "count": count}
        told = self._quote("/v1/orderbook", params, "orderbook")
        return dict(each(told, rows.book))

    def instruments(self, markets: Sequence[str]) -> tuple[Instrument, ...]:
        """Ticks of these markets at their present prices."""
        params: Params = {"markets": ",".join(markets)}
        told = self._quote("/v1/orderbook/instruments", params, "orderbook")
        return tuple(each(told, quotes.instrument))

    def _quote(self, path: str, params: Params, group: str) -> Any:
        """A public question."""
        return self._http.get(path, params, group, Urgency.MARKET_DATA)

    def _candles(self, path: str, market: str, to: int | None, count: int, more: Params | None = None) -> Any:
        until = None if to is None else wire.iso_utc(to)
        params: Params = {"market": market, "to": until, "count": min(count, PAGE_CANDLES), **(more or {})}
        return self._quote(f"/v1/candles/{path}", params, "candles")

    def _trades_of_day(
        self, market: str, days_ago: int | None, since: int, until: int, found: dict[int, Trade]
    ) -> bool:
        """Read a day's trades back to `since` into `found`; gives whether it was reached before the day was over."""
        cursor: int | None = None
        seen: set[int] = set()
        while page := self.trades(market, cursor=cursor, days_ago=days_ago):
            found |= {trade.sequential_id: trade for trade in page if since <= trade.at < until}
            oldest = min(trade.at for trade in page)
            if oldest < since - US_PER_S:  # a second past it: trades are not told strictly in order
                return True
            ids = {trade.sequential_id for trade in page}
            if oldest - oldest % DAY >= until:  # the whole day is after what is wanted
                return False
            if ids <= seen:
                if len(page) < PAGE_TRADES:
                    return False
                raise BadPayload(f"asked for trades of {market} before {cursor}, got the same ones again")
            seen |= ids
            cursor = page[-1].sequential_id
        return False


def _period(unit: int | Period) -> str:
    """The path of a kind of candles."""
    if isinstance(unit, Period):
        return unit.value
    if unit == DAY_MINUTES:
        return Period.DAY.value
    if unit not in MINUTES:
        raise ValueError(f"there are candles of {', '.join(map(str, sorted(MINUTES)))} and 1440 minutes, not of {unit}")
    return f"minutes/{unit}"
