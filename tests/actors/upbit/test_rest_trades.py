"""Past trades by REST: what a gap in the stream is filled from."""

import datetime as dt
import json
import time
from decimal import Decimal as D

import pytest

from actors.runtime import ScaledClock
from actors.upbit.rest import UpbitRest
from domain.errors import BadPayload
from domain.market import DAY, MINUTE, US_PER_S
from domain.orders import Side
from tests.actors.upbit.conftest import Answer, Request

NOW = 1_795_327_200 * US_PER_S  # 2026-11-22T06:00:00Z
TODAY = NOW - NOW % DAY
ROW = (
    '[{"market":"KRW-BTC","trade_date_utc":"2026-11-22","trade_time_utc":"05:59:58","timestamp":1795327198842,'
    '"trade_price":145878000,"trade_volume":0.00102831,"prev_closing_price":144900000,"change_price":978000,'
    '"ask_bid":"BID","sequential_id":17953271988420000}]'
)


@pytest.fixture
def rest(exchange):
    return UpbitRest(exchange.url, None, ScaledClock(NOW, time.monotonic_ns(), 1000.0), pause=lambda _: None)


class Tape:
    """Trades of many days, told as the exchange tells them: one UTC day, newest first, before the cursor.

    `through` lets an answer go on into the days before.
    """

    def __init__(self, times: list[int], *, through: bool = False) -> None:
        self.rows = [
            {
                "market": "KRW-BTC",
                "timestamp": at // 1_000,
                "trade_price": 145878000,
                "trade_volume": 0.001,
                "ask_bid": "ASK",
                "sequential_id": at // 1_000 * 10_000 + number % 7,
            }
            for number, at in enumerate(times)
        ]
        self.through = through

    def __call__(self, request: Request) -> Answer:
        query = dict(request.query)
        day = (TODAY - int(query.get("days_ago", 0)) * DAY) // 1_000
        older = [
            row
            for row in self.rows
            if row["timestamp"] < day + DAY // 1_000
            and (self.through or row["timestamp"] >= day)
            and row["sequential_id"] < int(query.get("cursor", 2**63))
        ]
        older.sort(key=lambda row: row["sequential_id"], reverse=True)
        return Answer(200, json.dumps(older[: int(query["count"])]))


def test_a_trade_is_read_exactly_and_asked_for_in_the_exchanges_words(exchange, rest):
    exchange.says(Answer(200, ROW))
    (trade,) = rest.trades("KRW-BTC", count=900, cursor=17953271988430000, days_ago=3, to=dt.time(5, 59, 59))
    assert exchange.requests[0].path == (
        "/v1/trades/ticks?market=KRW-BTC&to=05%3A59%3A59&count=500&cursor=17953271988430000&days_ago=3"
    )
    assert (trade.at, trade.price, trade.volume) == (1_795_327_198_842_000, D(145878000), D("0.00102831"))
    assert (trade.taker, trade.sequential_id) == (Side.BUY, 17953271988420000)
    rest.trades("BTC-ETH")
    assert exchange.requests[1].path == "/v1/trades/ticks?market=BTC-ETH&count=500"


@pytest.mark.parametrize("through", [False, True], ids=["a day at a time", "on into the days before"])
@pytest.mark.parametrize(
    ("since", "until"),
    [
        (NOW - 5 * MINUTE, NOW),
        (TODAY - 30 * MINUTE, TODAY + 30 * MINUTE),
        (TODAY - 3 * DAY - 3 * MINUTE, TODAY - 2 * DAY),
        (TODAY - 7 * DAY, NOW + DAY),
        (TODAY + MINUTE, TODAY + MINUTE),
    ],
    ids=["within today", "over midnight", "days ago", "all there is", "nothing"],
)
def test_a_range_is_complete_in_order_and_each_trade_once(exchange, rest, since, until, through):
    """A trade every 5 minutes for 8 days, and a busy second of 1,200 trades in each of two days."""
    times = list(range(TODAY - 8 * DAY, NOW, 5 * MINUTE))
    for busy in (TODAY + MINUTE, TODAY - 3 * DAY - 2 * MINUTE):
        times += [busy + number * 800 for number in range(1_200)]
    tape = Tape([at // 1_000 * 1_000 for at in times], through=through)
    exchange.serves(tape)
    found = rest.trade_range("KRW-BTC", since, until)
    wanted = sorted((row["timestamp"] * 1_000, row["sequential_id"]) for row in tape.rows)
    wanted = sorted({(at, number) for at, number in wanted if since <= at < until})
    assert [(trade.at, trade.sequential_id) for trade in found] == wanted


def test_a_short_gap_costs_one_question(exchange, rest):
    exchange.serves(Tape(list(range(TODAY, NOW, US_PER_S * 10))))
    assert len(rest.trade_range("KRW-BTC", NOW - MINUTE, NOW)) == 6
    assert len(exchange.requests) == 1


def test_trades_told_out_of_order_are_found_all_the_same(exchange, rest):
    """One that is a little older than what is wanted stands before one that is wanted."""
    rows = json.loads(ROW) * 3
    for number, at in enumerate((NOW - US_PER_S, NOW - 2 * US_PER_S - 1_000, NOW - 2 * US_PER_S)):
        rows[number] = rows[number] | {"timestamp": at // 1_000, "sequential_id": 100 - number}
    exchange.serves(lambda request: Answer(200, json.dumps(rows[1:] if "cursor" in request.path else rows[:2])))
    assert [trade.sequential_id for trade in rest.trade_range("KRW-BTC", NOW - 2 * US_PER_S, NOW)] == [98, 100]


def test_trades_of_one_time_stay_in_the_exchanges_order_whatever_their_numbers(exchange, rest):
    rows = [json.loads(ROW)[0] | {"timestamp": (NOW - US_PER_S) // 1_000, "sequential_id": number} for number in (7, 9)]
    exchange.serves(lambda _: Answer(200, json.dumps(rows)))
    assert [trade.sequential_id for trade in rest.trade_range("KRW-BTC", NOW - 2 * US_PER_S, NOW)] == [9, 7]


def test_an_exchange_that_ignores_the_cursor_is_a_bad_payload_not_an_endless_loop(exchange, rest):
    page = json.dumps([json.loads(ROW)[0] | {"sequential_id": number} for number in range(500)])
    exchange.says(Answer(200, page))
    with pytest.raises(BadPayload, match="same ones again"):
        rest.trade_range("KRW-BTC", NOW - DAY, NOW)
    assert len(exchange.requests) == 2


def test_trades_the_exchange_no_longer_tells_are_not_taken_for_none(exchange, rest):
    with pytest.raises(ValueError, match="7 days"):
        rest.trade_range("KRW-BTC", TODAY - 7 * DAY - 1, NOW)
    assert exchange.requests == []


def test_a_market_that_never_traded_has_no_trades(exchange, rest):
    exchange.says(Answer(200, "[]"))
    assert rest.trade_range("KRW-NEW", NOW - 7 * DAY, NOW) == ()
    assert [dict(one.query).get("days_ago") for one in exchange.requests] == [None, *map(str, range(1, 8))]
