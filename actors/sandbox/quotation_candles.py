"""The candles of the public REST side: seconds, minutes, days, weeks, months and years."""

from typing import Final

from actors.sandbox.answers import Answer, Request, invalid, mistyped, told
from actors.sandbox.history import DAYS, MINUTE_UNITS, MONTHS, SECOND, WEEKS, YEARS, Candle, Period, minutes
from actors.sandbox.live import LiveMarket
from actors.sandbox.quotation_params import candle_count, candles_before, one_market
from actors.sandbox.quotation_wire import Row, candle_row, number, stamp
from actors.sandbox.world import World
from domain.rules import quote_of

MINUTES: Final = "/v1/candles/minutes/"


class Candles:
    """Answers for the candles of a world's markets."""

    def __init__(self, world: World) -> None:
        self._world = world

    def seconds(self, request: Request) -> Answer:
        """GET /v1/candles/seconds."""
        return self._plain(request, SECOND)

    def minutes(self, request: Request) -> Answer:
        """GET /v1/candles/minutes/{unit}."""
        text = request.path.removeprefix(MINUTES)
        if not text.isdecimal():
            raise mistyped()
        unit = int(text[:4])
        if unit not in MINUTE_UNITS:
            raise invalid()
        live, found = self._found(request, minutes(unit))
        return told([{**candle_row(live.market, candle), "unit": unit} for candle in found])

    def days(self, request: Request) -> Answer:
        """GET /v1/candles/days; one more than asked is read, because a day tells of the close before it."""
        live, found = self._found(request, DAYS, more=1)
        converted = request.get("converting_price_unit", "convertingPriceUnit")
        if converted not in {None, "KRW"}:
            raise invalid()
        rows: list[Row] = []
        for place, candle in enumerate(found[: candle_count(request, self._world.choices)]):
            prior = found[place + 1].close if place + 1 < len(found) else candle.open
            change = candle.close - prior
            row = candle_row(live.market, candle) | {
                "prev_closing_price": number(prior),
                "change_price": number(round(change, 8)),
                "change_rate": number(round(change / prior, 10)),
            }
            if converted is not None:
                row["converted_trade_price"] = self._in_krw(live, candle)
            rows.append(row)
        return told(rows)

    def weeks(self, request: Request) -> Answer:
        """GET /v1/candles/weeks."""
        return self._periods(request, WEEKS)

    def months(self, request: Request) -> Answer:
        """GET /v1/candles/months."""
        return self._periods(request, MONTHS)

    def years(self, request: Request) -> Answer:
        """GET /v1/candles/years."""
        return self._periods(request, YEARS)

    def _plain(self, request: Request, period: Period) -> Answer:
        live, found = self._found(request, period)
        return told([candle_row(live.market, candle) for candle in found])

    def _periods(self, request: Request, period: Period) -> Answer:
        live, found = self._found(request, period)
        return told(
            [
                candle_row(live.market, candle) | {"first_day_of_period": stamp(candle.start, "%Y-%m-%d")}
                for candle in found
            ]
        )

    def _found(self, request: Request, period: Period, more: int = 0) -> tuple[LiveMarket, list[Candle]]:
        live = one_market(self._world, request)
        count = candle_count(request, self._world.choices) + more
        before = candles_before(request, self._world.now, self._world.choices)
        return live, live.candles(period, before=before, count=count)

    def _in_krw(self, live: LiveMarket, candle: Candle) -> object:
        """The close in KRW at the close of its quote currency that day; null where nobody trades that for KRW."""
        quote = quote_of(live.market)
        if quote == "KRW":
            return number(candle.close)
        dealt = self._world.markets.get(f"KRW-{quote}")
        rate = dealt.candles(DAYS, before=candle.start + 1, count=1) if dealt else []
        return number(round(candle.close * rate[0].close, 8)) if rate else None
