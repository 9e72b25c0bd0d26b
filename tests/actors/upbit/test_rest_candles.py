"""Candles of every unit by REST."""

import datetime as dt
import json
from decimal import Decimal as D

import pytest

from actors.upbit.quotation import Period
from domain.errors import BadPayload
from domain.market import DAY, MINUTE, US_PER_S
from tests.actors.upbit.conftest import Answer
from tests.actors.upbit.rows import candle

DAY_ROW = (
    '[{"market":"BTC-ETH","candle_date_time_utc":"2026-11-21T00:00:00","candle_date_time_kst":"2026-11-21T09:00:00",'
    '"opening_price":0.03110000,"high_price":0.0312,"low_price":3.09E-2,"trade_price":0.03115,'
    '"timestamp":1795305599214,"candle_acc_trade_price":19.82110344,"candle_acc_trade_volume":1371.22019021,'
    '"prev_closing_price":0.0311,"change_price":5E-05,"change_rate":0.0016077170,"converted_trade_price":4544270.5}]'
)


@pytest.mark.parametrize(
    ("unit", "path"),
    [
        (Period.SECOND, "seconds"),
        *((minutes, f"minutes/{minutes}") for minutes in (1, 3, 5, 10, 15, 30, 60, 240)),
        (1440, "days"),
        (Period.DAY, "days"),
        (Period.WEEK, "weeks"),
        (Period.MONTH, "months"),
        (Period.YEAR, "years"),
    ],
)
def test_every_unit_has_its_path(exchange, rest, unit, path):
    row = candle(0) | {"first_day_of_period": "2026-11-22"}
    exchange.says(Answer(200, json.dumps([row])))
    (bar,) = rest.candles("KRW-BTC", unit, count=500)
    assert exchange.requests[0].path == f"/v1/candles/{path}?market=KRW-BTC&count=200"
    assert (bar.high, bar.value) == (D(145920000), D("4022470467.03403"))


@pytest.mark.parametrize("unit", [0, 2, 45, 120, 10_080])
def test_a_unit_the_exchange_does_not_have_is_not_asked_for(exchange, rest, unit):
    with pytest.raises(ValueError, match="240 and 1440 minutes"):
        rest.candles("KRW-BTC", unit)
    assert exchange.requests == []


def test_a_candle_of_another_market_is_not_believed(exchange, rest):
    exchange.says(Answer(200, json.dumps([candle(1), candle(0) | {"market": "KRW-ETH"}])))
    with pytest.raises(BadPayload, match="asked for candles of KRW-BTC, got one of 'KRW-ETH'"):
        rest.candles("KRW-BTC", 1)


def test_candles_of_days_tell_their_change_and_a_converted_close(exchange, rest):
    exchange.says(Answer(200, DAY_ROW))
    (day,) = rest.day_candles("BTC-ETH", 1_795_327_200 * US_PER_S, 1, converting="KRW")
    assert exchange.requests[0].query == [
        ("market", "BTC-ETH"),
        ("to", "2026-11-22T06:00:00Z"),
        ("count", "1"),
        ("converting_price_unit", "KRW"),
    ]
    assert (day.previous_close, day.change, day.change_rate) == (D("0.0311"), D("0.00005"), D("0.0016077170"))
    assert (day.converted_close, day.bar.low) == (D("4544270.5"), D("0.0309"))
    exchange.says(Answer(200, DAY_ROW.replace("4544270.5", "null")))
    assert rest.day_candles("BTC-ETH")[0].converted_close is None


def test_weeks_are_paged_without_hole_or_overlap(exchange, rest):
    """Mondays; the exchange answers at most what is asked for, newest first, before `to`."""
    monday = 1_795_392_000 * US_PER_S
    weeks = [monday - number * 7 * DAY for number in range(500)]

    def serve(request) -> Answer:
        query = dict(request.query)
        starts = [at for at in weeks if _iso(at) < query["to"]]
        rows = [candle(0) | {"candle_date_time_utc": _iso(at).removesuffix("Z")} for at in starts]
        return Answer(200, json.dumps(rows[: int(query["count"])]))

    exchange.serves(serve)
    bars = rest.candle_range("KRW-BTC", Period.WEEK, weeks[449], monday + 1)
    assert [bar.start for bar in bars] == weeks[449::-1]
    assert len(exchange.requests) == 3


def test_seconds_are_asked_for_no_more_than_there_can_be(exchange, rest):
    exchange.says(Answer(200, "[]"))
    assert rest.candle_range("KRW-BTC", Period.SECOND, 60 * MINUTE, 60 * MINUTE + 90 * US_PER_S) == ()
    assert dict(exchange.requests[0].query)["count"] == "90"


def _iso(at: int) -> str:
    return f"{dt.datetime.fromtimestamp(at // US_PER_S, dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
