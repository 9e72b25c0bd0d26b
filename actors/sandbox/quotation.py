"""The public REST side: markets, tickers, books, trades. Numbers are JSON numbers, errors have numbers too."""

import re
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Final

from actors.sandbox.answers import Answer, Request, missing, mistyped, told
from actors.sandbox.history import DAYS
from actors.sandbox.listing import CAUTIONS
from actors.sandbox.live import LiveMarket
from actors.sandbox.numerals import plain
from actors.sandbox.prints import Print
from actors.sandbox.quotation_candles import Candles
from actors.sandbox.quotation_params import (
    MAX_DAYS_AGO,
    listed,
    one_market,
    sequential_id,
    some_markets,
    trades_before,
    whole,
)
from actors.sandbox.quotation_wire import Row, book_row, number, supported_levels, tick_of, ticker_row, trade_row
from actors.sandbox.synthetic import names_of
from actors.sandbox.world import World
from domain.market import DAY, MINUTE
from domain.rules import quote_of

MAX_TRADES: Final = 500
_FRACTIONLESS: Final = re.compile(rb"(\d)\.0(?=[,}\]])")
MAX_LEVELS: Final = 30


class Quotation:
    """Answers for the markets of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.candles = Candles(world)

    def markets(self, request: Request) -> Answer:
        """GET /v1/market/all."""
        details = (request.get("is_details", "isDetails") or "false").lower()
        if details not in {"true", "false"}:
            raise mistyped()
        rows: list[Row] = []
        for live in listed(self._world):
            korean, english = names_of(live.market)
            row: Row = {"market": live.market, "korean_name": korean, "english_name": english}
            if details == "true":
                row["market_event"] = {
                    "warning": live.listing.warning,
                    "caution": {name: name in live.listing.cautions for name in CAUTIONS},
                }
            rows.append(row)
        return told(rows)

    def trades(self, request: Request) -> Answer:
        """GET /v1/trades/ticks."""
        live = one_market(self._world, request)
        count = min(whole(request.get("count"), 1), MAX_TRADES)
        until, cursor = trades_before(request, self._world.now, self._world.choices), sequential_id(request)
        rows: list[Row] = []
        priors: dict[int, float] = {}
        for trade in _backwards(live, until, self._world.now):
            if cursor is None or trade.sequential_id < cursor:
                day = trade.at // DAY * DAY
                if day not in priors:
                    priors[day] = _prior_close(live, day)
                rows.append(trade_row(live.market, trade, priors[day]))
            if len(rows) == count:
                break
        return told(rows)

    def tickers(self, request: Request) -> Answer:
        """GET /v1/ticker."""
        return told([ticker_row(live, self._world.now) for live in some_markets(self._world, request)])

    def all_tickers(self, request: Request) -> Answer:
        """GET /v1/ticker/all."""
        quotes = request.every("quote_currencies")
        if not quotes:
            raise missing()
        chosen = {quote.strip().upper() for quote in quotes}
        lives = [live for live in listed(self._world) if quote_of(live.market) in chosen]
        return told([ticker_row(live, self._world.now) for live in lives])

    def books(self, request: Request) -> Answer:
        """GET /v1/orderbook."""
        count = min(whole(request.get("count"), MAX_LEVELS), MAX_LEVELS)
        level = request.get("level") or "0"
        try:
            wanted = plain(float(level))
        except (ValueError, OverflowError) as error:
            raise mistyped() from error
        lives = some_markets(self._world, request)
        if any(wanted not in supported_levels(live) for live in lives):
            return told([])
        return told([book_row(live, wanted, count) for live in lives])

    def instruments(self, request: Request) -> Answer:
        """GET /v1/orderbook/instruments."""
        return told(
            [
                {
                    "market": live.market,
                    "quote_currency": quote_of(live.market),
                    "tick_size": plain(round(tick_of(live) * live.listing.tick_factor, 8)),
                    "supported_levels": list(supported_levels(live)),
                }
                for live in some_markets(self._world, request)
            ]
        )

    def levels(self, request: Request) -> Answer:
        """GET /v1/orderbook/supported_levels, which is deprecated: `instruments` tells the same as text."""
        return told(
            [
                {"market": live.market, "supported_levels": [number(step) for step in supported_levels(live).values()]}
                for live in some_markets(self._world, request)
            ]
        )

    def finished(self, handler: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
        """The same handler, with its numbers as chosen and a weak entity tag of its content."""

        def answer(request: Request) -> Answer:
            made = handler(request)
            if self._world.choices.whole_numbers == "plain":
                made.body = _FRACTIONLESS.sub(rb"\1", made.body)
            made.headers.append(("etag", f'W/"{blake2b(made.body, digest_size=16).hexdigest()}"'))
            return made

        return answer


def _prior_close(live: LiveMarket, day: int) -> float:
    """The last price before this UTC day began."""
    earlier = live.candles(DAYS, before=day, count=1)
    return earlier[0].close if earlier else live.day.prior


def _backwards(live: LiveMarket, until: int, now: int) -> Iterator[Print]:
    """Trades before a time, newest first, as far back as seven days."""
    index = live.series.index(until - until % MINUTE + MINUTE) - 1
    oldest = now - now % DAY - MAX_DAYS_AGO * DAY
    while index >= 0 and live.series.time[index] >= oldest:
        for trade in reversed(live.printed(index)):
            if trade.at < until:
                yield trade
        index -= 1
