"""The public REST side: markets, candles, tickers, books, trades. Numbers are JSON numbers, errors have numbers too."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from actors.sandbox.answers import Answer, Request, invalid, missing, mistyped, no_code, told
from actors.sandbox.history import DAY_STEP, MINUTE_UNITS, Candle, step_of
from actors.sandbox.listing import CAUTIONS
from actors.sandbox.live import LiveMarket, Print, minute_prints
from actors.sandbox.numerals import plain
from actors.sandbox.quotation_wire import (
    Row,
    book_row,
    candle_row,
    number,
    supported_levels,
    tick_of,
    ticker_row,
    trade_row,
)
from actors.sandbox.synthetic import NAMES
from actors.sandbox.world import World
from domain.market import DAY, MINUTE

MINUTES: Final = "/v1/candles/minutes/"
MAX_CANDLES: Final = 200
MAX_TRADES: Final = 500
MAX_LEVELS: Final = 30
MAX_DAYS_AGO: Final = 7


class Quotation:
    """Answers for the markets of a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def markets(self, request: Request) -> Answer:
        """GET /v1/market/all."""
        details = (request.get("is_details", "isDetails") or "false").lower()
        if details not in {"true", "false"}:
            raise mistyped()
        rows: list[Row] = []
        for market in self._world.markets:
            korean, english = NAMES.get(market, (market, market))
            row: Row = {"market": market, "korean_name": korean, "english_name": english}
            if details == "true":
                listing = self._world.listings[market]
                row["market_event"] = {
                    "warning": listing.warning,
                    "caution": {name: name in listing.cautions for name in CAUTIONS},
                }
            rows.append(row)
        return told(rows)

    def minutes(self, request: Request) -> Answer:
        """GET /v1/candles/minutes/{unit}."""
        unit = request.path.removeprefix(MINUTES)
        if not unit.isdecimal():
            raise mistyped()
        if int(unit) not in MINUTE_UNITS:
            raise invalid()
        live, found = self._candles(request, step_of(int(unit)), 0)
        return told([{**candle_row(live.market, candle), "unit": int(unit)} for candle in found])

    def days(self, request: Request) -> Answer:
        """GET /v1/candles/days; one more than asked is read, because a day tells of the close before it."""
        live, found = self._candles(request, DAY_STEP, 1)
        rows: list[Row] = []
        for place, candle in enumerate(found[: self._count(request, MAX_CANDLES)]):
            prior = found[place + 1].close if place + 1 < len(found) else candle.open
            change = candle.close - prior
            rows.append(
                candle_row(live.market, candle)
                | {
                    "prev_closing_price": number(prior),
                    "change_price": number(round(change, 8)),
                    "change_rate": number(round(change / prior, 10)),
                }
            )
        return told(rows)

    def trades(self, request: Request) -> Answer:
        """GET /v1/trades/ticks."""
        live = self._market(request)
        count = self._count(request, MAX_TRADES)
        until = self._until(request)
        cursor = request.get("cursor")
        if cursor is not None and not cursor.isdecimal():
            raise mistyped()
        rows: list[Row] = []
        priors: dict[int, float] = {}
        for trade in _backwards(live, until):
            if cursor is None or trade.sequential_id < int(cursor):
                day = trade.at // DAY * DAY
                if day not in priors:
                    priors[day] = _prior_close(live, day)
                rows.append(trade_row(live.market, trade, priors[day]))
            if len(rows) == count:
                break
        return told(rows)

    def tickers(self, request: Request) -> Answer:
        """GET /v1/ticker."""
        return told([ticker_row(live, self._world.now) for live in self._markets(request)])

    def all_tickers(self, request: Request) -> Answer:
        """GET /v1/ticker/all."""
        quotes = request.get("quote_currencies")
        if quotes is None:
            raise missing()
        chosen = set(quotes.upper().split(","))
        markets = self._world.markets.values()
        return told([ticker_row(live, self._world.now) for live in markets if live.market.partition("-")[0] in chosen])

    def books(self, request: Request) -> Answer:
        """GET /v1/orderbook."""
        count = min(_whole(request.get("count"), MAX_LEVELS), MAX_LEVELS)
        level = request.get("level") or "0"
        try:
            wanted = plain(float(level))
        except (ValueError, OverflowError) as error:
            raise mistyped() from error
        lives = self._markets(request)
        if any(wanted not in supported_levels(live) for live in lives):
            return told([])
        return told([book_row(live, wanted, count) for live in lives])

    def instruments(self, request: Request) -> Answer:
        """GET /v1/orderbook/instruments."""
        rows = []
        for live in self._markets(request):
            levels = list(supported_levels(live))
            tick = plain(tick_of(live))
            rows.append({"market": live.market, "quote_currency": "KRW", "tick_size": tick, "supported_levels": levels})
        return told(rows)

    # --- parameters --------------------------------------------------------------------------------------------------

    def _market(self, request: Request) -> LiveMarket:
        code = request.get("market")
        if code is None:
            raise missing()
        live = self._world.markets.get(code.upper())
        if live is None:
            raise no_code()
        return live

    def _markets(self, request: Request) -> list[LiveMarket]:
        codes = request.every("markets")
        if not codes:
            raise missing()
        lives = [self._world.markets.get(code.strip().upper()) for code in codes]
        found = [live for live in lives if live is not None]
        if len(found) != len(lives):
            raise no_code()
        return found

    @staticmethod
    def _count(request: Request, most: int) -> int:
        return min(_whole(request.get("count"), 1), most)

    def _candles(self, request: Request, step: int, more: int) -> tuple[LiveMarket, list[Candle]]:
        live = self._market(request)
        count = self._count(request, MAX_CANDLES) + more
        text = request.get("to")
        before = self._world.now + 1 if text is None else _moment(text)
        return live, live.candles(step, before=before, count=count)

    def _until(self, request: Request) -> int:
        """The time before which trades are wanted, in microseconds."""
        now, days = self._world.now, request.get("days_ago", "daysAgo")
        if days is not None and not days.isdecimal():
            raise mistyped()
        if days is not None and not 1 <= int(days) <= MAX_DAYS_AGO:
            raise invalid()
        day = now - now % DAY - int(days or 0) * DAY
        text = request.get("to")
        if text is None:
            return day + DAY if days else now + 1
        digits = text.replace(":", "")
        try:
            clock = datetime.strptime(digits, "%H%M%S").replace(tzinfo=UTC)
        except ValueError as error:
            raise invalid() from error
        return (
            day + int(timedelta(hours=clock.hour, minutes=clock.minute, seconds=clock.second).total_seconds()) * 10**6
        )


def _prior_close(live: LiveMarket, day: int) -> float:
    """The last price before this UTC day began."""
    earlier = live.candles(DAY_STEP, before=day, count=1)
    return earlier[0].close if earlier else live.day.prior


def _backwards(live: LiveMarket, until: int) -> Iterator[Print]:
    """Trades before a time, newest first, as far back as seven days."""
    index = live.series.index(until - until % MINUTE + MINUTE) - 1
    oldest = live.last.at - MAX_DAYS_AGO * DAY
    while index >= 0 and live.series.time[index] >= oldest:
        for trade in reversed(minute_prints(live.series, index)):
            if trade.at < until and trade.at <= live.last.at:
                yield trade
        index -= 1


def _whole(text: str | None, default: int) -> int:
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError as error:
        raise mistyped() from error
    if value < 1:
        raise invalid()
    return value


def _moment(text: str) -> int:
    """A time parameter in microseconds; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(aware.timestamp() * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise invalid() from error
