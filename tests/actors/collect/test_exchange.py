"""The backfill against a real local exchange: everything, within its limit, whatever it does to us."""

import pytest

from actors.collect.backfill import Backfill, Job
from actors.collect.source import SETTLED, Source, jobs_of, markets_of
from actors.runtime import ScaledClock, wall_clock
from actors.upbit.rest import UpbitRest
from domain.errors import ConfigError
from domain.market import DAY, HOUR, MINUTE, US_PER_S
from tests.actors.collect.conftest import as_row, numbers, truth
from tests.actors.collect.parts import Listener, MemoryShelf

MARKETS = ("KRW-BTC", "KRW-XRP", "BTC-ETH", "USDT-BTC")
SPEED = 60.0  # a limit of the exchange's seconds is over in a moment of ours
PATH = "/v1/candles/minutes/1"


@pytest.fixture
def box(start):
    """An exchange of a few days."""
    return start(speed=SPEED, markets=MARKETS, days=4)


@pytest.fixture
def place(box, rest_of):
    rest = rest_of(box)
    return Source(rest, rest._clock)


def collect(place, jobs, **more):
    shelf = MemoryShelf()
    done = Backfill(place.rest, shelf, Listener(), **{"pause_s": 0.01, **more}).run(jobs)
    return shelf, done


def assert_true(box, shelf, jobs):
    for job in jobs:
        expected = {start: numbers(row) for start, row in truth(box, job.market, job.since, job.until).items()}
        assert {bar.start: as_row(bar) for bar in shelf.held(job.market)} == expected
        assert len(expected) > 0
        assert shelf.whole(job.market, job.step) == ((job.since, job.until),)


def test_all_candles_of_markets_of_every_quote_currency_are_collected_and_none_that_is_open(box, place):
    jobs = jobs_of(MARKETS, MINUTE, 1, place.now())
    shelf, done = collect(place, jobs)
    assert [one.error for one in done] == [""] * len(MARKETS)
    assert_true(box, shelf, jobs)


def test_a_whole_history_is_collected_to_its_beginning(box, place):
    jobs = jobs_of(("KRW-XRP",), MINUTE, 365, place.now())
    shelf, _ = collect(place, jobs)
    assert_true(box, shelf, jobs)
    calls = len(box.requests())
    collected = Backfill(place.rest, shelf, Listener()).run(jobs)
    assert (collected[0].calls, len(box.requests())) == (0, calls)


def test_the_exchange_is_never_asked_more_often_than_it_allows(start, rest_of):
    box = start(speed=4.0, markets=MARKETS, days=4)
    rest = rest_of(box)
    collect(Source(rest, rest._clock), jobs_of(MARKETS, MINUTE, 2, rest._clock.now()), workers=8)
    calls = [call["status"] for call in box.requests() if call["path"].startswith("/v1/candles")]
    assert calls == [200] * len(calls)
    assert len(calls) > 30


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "limited", "count": 3},
        {"fault": "blocked", "count": 1, "seconds": 5},
        {"fault": "storm", "count": 2, "ms": 3000},
        {"fault": "bad_gateway", "count": 6},
        {"fault": "drop_request", "method": "GET", "count": 6},
        {"fault": "lose_response", "method": "GET", "count": 6},
    ],
    ids=lambda fault: fault["fault"],
)
def test_faults_of_the_exchange_delay_the_collection_and_change_nothing_of_it(box, place, fault):
    box.arm(**fault, path="/v1/candles/*", after=3)
    jobs = jobs_of(("KRW-BTC", "KRW-XRP"), MINUTE, 1, place.now())
    shelf, done = collect(place, jobs)
    assert [one.error for one in done] == ["", ""]
    assert box.strikes(), "the fault never struck"
    box.disarm()
    assert_true(box, shelf, jobs)


def test_coarser_candles_are_collected_on_their_own_grid(box, place):
    jobs = jobs_of(("KRW-BTC",), HOUR, 2, place.now())
    shelf, _ = collect(place, jobs)
    held = shelf.held("KRW-BTC", HOUR)
    assert [bar.start % HOUR for bar in held] == [0] * len(held)
    assert shelf.whole("KRW-BTC", HOUR) == ((jobs[0].since, jobs[0].until),)
    assert held[-1].start + HOUR == jobs[0].until <= place.now() - SETTLED


def test_a_candle_is_asked_for_only_when_it_is_over_for_good():
    (job,) = jobs_of(("KRW-BTC",), MINUTE, 1, 100 * DAY + SETTLED - 1)
    assert job == Job("KRW-BTC", MINUTE, 99 * DAY, 100 * DAY - MINUTE)
    (job,) = jobs_of(("KRW-BTC",), MINUTE, 1, 100 * DAY + SETTLED)
    assert job.until == 100 * DAY


def test_the_time_is_the_exchanges_where_ours_is_hours_off(start):
    box = start(speed=1.0, markets=MARKETS)
    told = box.ready["clock"]
    ours = ScaledClock(told["origin_us"] + 2 * HOUR, told["anchor_ns"], told["speed"])
    rest = UpbitRest(box.base, None, ours)
    rest.market_all()
    off = Source(rest, ours).now() - ScaledClock(**told).now()
    rest.close()
    assert abs(off) <= 2 * US_PER_S


def test_markets_are_those_named_or_judged_or_of_a_quote_currency(place):
    rest = place.rest
    assert markets_of(rest, (), ("KRW",), None) == ("KRW-BTC", "KRW-XRP")
    assert set(markets_of(rest, (), ("BTC", "USDT"), None)) == {"BTC-ETH", "USDT-BTC"}
    assert markets_of(rest, ("BTC-ETH",), ("KRW",), None) == ("BTC-ETH",)
    assert markets_of(rest, (), ("KRW",), lambda: ("KRW-XRP", "KRW-GONE")) == ("KRW-XRP",)
    with pytest.raises(ConfigError, match="no market KRW-NO; it has 4: KRW-BTC"):
        markets_of(rest, ("KRW-NO",), ("KRW",), None)
    with pytest.raises(ConfigError, match="no market of EUR"):
        markets_of(rest, (), ("EUR",), None)
    with pytest.raises(ConfigError, match="no market was judged yet"):
        markets_of(rest, (), ("KRW",), lambda: ())


def test_a_stop_in_the_middle_and_another_run_ask_for_no_page_twice(box, place, rest_of):
    jobs = jobs_of(("KRW-BTC", "KRW-XRP"), MINUTE, 2, place.now())
    shelf, progress = MemoryShelf(), Listener()
    work = Backfill(place.rest, shelf, progress, release=place.rest.close, workers=2)
    heard = progress.page

    def stop_soon(*told):
        heard(*told)
        work.stop()

    progress.page = stop_soon
    done = work.run(jobs)
    assert all(one.stopped for one in done)
    Backfill(rest_of(box), shelf, Listener()).run(jobs)
    assert_true(box, shelf, jobs)


def test_lies_of_a_server_store_nothing(liar):
    until = 20_000 * DAY
    rows = [row("KRW-BTC", "2024-10-03T23:59:00"), row("KRW-ETH", "2024-10-03T23:58:00")]
    liar.says(PATH, (200, rows))
    rest = UpbitRest(liar.url, None, wall_clock())
    shelf, (done,) = collect(Source(rest, wall_clock()), [Job("KRW-BTC", MINUTE, until - HOUR, until)])
    rest.close()
    assert "asked for candles of KRW-BTC, got one of 'KRW-ETH'" in done.error
    assert (shelf.spans, shelf.bars) == ({}, {})


def row(market, start, price=100):
    return {
        "market": market,
        "candle_date_time_utc": start,
        "candle_date_time_kst": start,
        "opening_price": price,
        "high_price": price,
        "low_price": price,
        "trade_price": price,
        "timestamp": 1,
        "candle_acc_trade_price": 50.0,
        "candle_acc_trade_volume": 0.5,
        "unit": 1,
    }
