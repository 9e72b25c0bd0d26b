"""The look at all markets, over real HTTP: what it measures, when it looks again, and what it survives."""

import time
from decimal import Decimal as D

import msgspec
import pytest

from actors.runtime import ScaledClock
from actors.survey import Survey
from actors.upbit.rest import UpbitRest
from domain.config import Settings, UniverseSettings
from domain.market import DAY, HOUR, MINUTE
from domain.messages import IncidentRaised, SettingsChanged, SurveyTaken
from domain.universe import MarketSurvey
from tests.actors.edge import Ear
from tests.actors.market_host import MarketHost
from tests.actors.stage import T0, session

BTC, XRP, USDT = "KRW-BTC", "KRW-XRP", "USDT-BTC"
DAYS, BOOKS, TICKERS, ALL = "/v1/candles/days", "/v1/orderbook", "/v1/ticker/all", "/v1/market/all"
NOON = T0 + 12 * HOUR


class Rig:
    """The edge on a host; `time` is moved by hand."""

    def __init__(self, host, *, hour_s=3_600.0, minute_s=None, **universe):
        self.ear, self.host, self.time = Ear(), host, NOON
        self.minute_s = hour_s / 60 if minute_s is None else minute_s
        self.rest = UpbitRest(host.url, None, ScaledClock(T0, time.monotonic_ns(), 1_000.0), pause=lambda _: None)
        self.edge = Survey(
            self.ear,
            "survey",
            client=self.rest,
            now=lambda: self.time,
            real_seconds=lambda delay_us: self.minute_s if delay_us == MINUTE else hour_s * delay_us / HOUR,
            least_s=0.0,
            books_least_s=0.0,
            quick_s=0.0,
        )
        self.settings = UniverseSettings(**({"min_days": 3, "min_books": 2} | universe))
        self.edge.on_begin()

    def set(self, **changes):
        self.settings = msgspec.structs.replace(self.settings, **changes)
        self.edge.run_turn("engine", SettingsChanged(Settings(universe=self.settings), "test", ""), T0)
        return self

    def open(self):
        self.set()
        self.edge.run_turn("engine", session(BTC), T0)
        return self

    def next(self, kind=SurveyTaken):
        """The next message of a kind; those before it are let go."""
        while not isinstance(said := self.ear.next()[1], kind):
            pass
        return said

    def rows(self):
        return {row.market: row for row in self.next().rows}


@pytest.fixture
def host():
    made = MarketHost(BTC, XRP, USDT)
    yield made
    made.close()


@pytest.fixture
def rig(host):
    made = []

    def make(**more):
        made.append(Rig(host, **more))
        return made[-1]

    yield make
    for one in made:
        one.edge.on_end()
        one.rest.close()


def test_the_opening_measures_every_market_and_those_of_other_currencies_by_their_tickers_alone(rig, host):
    one = rig()
    assert not host.calls
    host.markets[XRP]["days"] = [3, 5, 10, 1_000]
    host.book[XRP] = (1_001, 999)
    to, taken = one.open().ear.next()
    assert (to, taken.at, taken.full) == ("universe", NOON, True)
    rows = {row.market: row for row in taken.rows}
    assert rows[XRP] == MarketSurvey(XRP, D(1_000), D(10**10), 3, D(6), D("0.002"), D("0.004"), 2)
    assert rows[USDT] == MarketSurvey(USDT, D(1_000), D(10**10))
    assert {asked["market"] for path, asked in host.asked if path == DAYS} == {BTC, XRP}
    assert all(asked["markets"] == f"{BTC},{XRP}" for path, asked in host.asked if path == BOOKS)


def test_a_market_younger_than_asked_counts_the_days_it_has(rig, host):
    host.markets[XRP]["days"] = [7]
    host.markets[BTC]["days"] = []
    rows = rig().open().rows()
    assert (rows[XRP].days, rows[XRP].mean_value) == (1, D(7))
    assert (rows[BTC].days, rows[BTC].mean_value) == (0, None)


def test_the_day_is_over_five_minutes_past_midnight_and_then_only_its_own_candle_is_read(rig, host):
    one = rig(hour_s=0.02)
    one.time = T0 - 1
    host.markets[XRP]["days"] = [100, 4, 4, 4, 4]
    one.open()
    first = one.next()
    assert (first.full, first.rows[1].mean_value) == (True, D(4))  # the day that still runs does not count
    one.time = T0 + 5 * MINUTE - 1
    assert not one.next().full
    one.time = T0 + 5 * MINUTE
    while not (taken := one.next()).full:
        pass
    assert taken.rows[1].mean_value == D(36)
    counts = [asked["count"] for path, asked in host.asked if path == DAYS and asked["market"] == XRP]
    assert counts == ["3", "1"]
    assert not one.next().full


def test_it_ranks_anew_every_hour_and_asks_for_no_day_twice(rig, host):
    one = rig(hour_s=0.02).open()
    one.next()
    host.markets[XRP]["value"] = 5
    while one.rows()[XRP].value_24h != 5:
        pass
    assert host.calls[DAYS] == 2


def test_a_new_market_is_measured_with_the_others_and_one_that_is_gone_is_no_more(rig, host):
    one = rig(hour_s=0.02).open()
    one.next()
    host.book["KRW-NEW"] = (1_000, 999)
    host.markets["KRW-NEW"] = {"price": 10, "value": 1, "days": [9, 9]}
    del host.markets[XRP]
    while (rows := one.rows()).get("KRW-NEW") is None or rows["KRW-NEW"].books < 2:
        pass
    assert rows.keys() == {BTC, USDT, "KRW-NEW"}
    assert rows["KRW-NEW"].days == 2


def test_the_books_are_looked_at_every_minute_and_the_newest_sixty_count(rig, host):
    one = rig(hour_s=0.5, minute_s=0.001).open()
    assert one.rows()[XRP].spread1 == D("0.00100051")
    host.until(BOOKS, 70)
    host.book[XRP] = (1_001, 999)
    host.until(BOOKS, 300)
    while (row := one.rows()[XRP]).spread1 != D("0.002"):
        pass
    assert row.books == 60


def test_books_of_long_ago_do_not_count(rig, host):
    one = rig(hour_s=0.02, minute_s=30.0).open()
    assert one.rows()[XRP].books == 2
    one.time += 3 * HOUR
    while one.rows()[XRP].books:
        pass
    assert one.rows()[XRP].spread1 is None


# --- what fails


def test_day_candles_that_cannot_be_read_are_not_known_told_once_and_tried_again(rig, host):
    host.broken.add((DAYS, XRP))
    one = rig(hour_s=0.02).open()
    incident = one.next(IncidentRaised)
    assert incident.kind == "survey_unread"
    assert f"the day candles could not be read, trying on: {XRP}, one of 1" in incident.text
    rows = one.rows()
    assert (rows[XRP].days, rows[XRP].mean_value) == (None, None)
    assert rows[BTC].days == 3
    one.next()
    host.broken.clear()
    while one.rows()[XRP].days is None:
        pass
    assert one.ear.of(IncidentRaised) == []


def test_a_day_that_cannot_be_read_leaves_the_figures_of_before_for_one_day_only(rig, host):
    one = rig(hour_s=0.02).open()
    one.next()
    host.broken.add((DAYS, XRP))
    one.time += DAY
    one.next(IncidentRaised)
    assert one.rows()[XRP].days == 3
    one.time += DAY
    while one.rows()[XRP].days is not None:
        pass


def test_an_exchange_that_is_away_is_not_asked_for_every_market(rig, host):
    for place in range(20):
        host.markets[f"KRW-M{place}"] = {"price": 1, "value": 1, "days": [1]}
        host.book[f"KRW-M{place}"] = (1_000, 999)
    host.broken.add(DAYS)
    one = rig().open()
    assert one.next(IncidentRaised).text.startswith("the day candles could not be read")
    assert all(row.days is None for row in one.next().rows)
    assert len({asked["market"] for path, asked in host.asked if path == DAYS}) == 3


def test_books_that_cannot_be_read_are_not_known(rig, host):
    host.broken.add(BOOKS)
    one = rig(hour_s=0.02).open()
    assert "the books could not be read" in one.next(IncidentRaised).text
    row = one.rows()[XRP]
    assert (row.books, row.spread1, row.spread2, row.days) == (0, None, None, 3)
    host.broken.clear()
    while one.rows()[XRP].books < 2:
        pass


@pytest.mark.parametrize("path", [ALL, TICKERS])
def test_without_markets_or_tickers_nothing_is_told_until_they_can_be_read(rig, host, path):
    host.broken.add(path)
    one = rig(hour_s=0.02).open()
    assert "what they trade could not be read" in one.next(IncidentRaised).text
    host.until(path, 20)  # several looks, each with its tries
    assert one.ear.of(SurveyTaken) == []
    host.broken.clear()
    assert one.next().full


def test_an_exchange_that_lists_nothing_has_not_lost_its_markets(rig, host):
    markets, host.markets = host.markets, {}
    one = rig(hour_s=0.02).open()
    assert "lists no market at all" in one.next(IncidentRaised).text
    host.markets = markets
    assert len(one.next().rows) == 3


def test_a_market_without_a_ticker_is_told_as_not_known(rig, host):
    one = rig()
    told = host._ticker
    host._ticker = lambda market: told(market if market != XRP else BTC)
    row = one.open().rows()[XRP]
    assert (row.price, row.value_24h, row.days) == (None, None, 3)


def test_a_session_that_opens_again_is_answered_at_once_and_more_days_are_read_when_more_are_asked_for(rig):
    one = rig().open()
    assert one.rows()[BTC].days == 3
    one.set(min_days=10).open()
    assert one.rows()[BTC].days == 10


def test_a_bug_of_ours_in_a_look_is_told_and_ends_nothing(rig, host):
    one = rig(hour_s=0.02)
    listings = one.rest.listings
    one.edge._client = type("Client", (), {"listings": lambda _: 1 // 0})()
    assert "see the log" in one.open().next(IncidentRaised).text
    one.edge._client = one.rest
    assert listings()
    assert one.next().full
