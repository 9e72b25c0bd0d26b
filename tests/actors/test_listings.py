"""The look at how our markets are listed, over real HTTP: what it tells, when it looks again, and what it survives."""

import threading
from types import SimpleNamespace

import pytest

from actors.listings import Listings
from actors.runtime import wall_clock
from actors.upbit.rest import UpbitRest
from domain.errors import ExchangeUnavailable
from domain.listings import MarketListing
from domain.market import HOUR, US_PER_S
from domain.messages import IncidentRaised, ListingsRead, ListingsWanted, MarketsWatched, StepsCompared
from tests.actors.edge import Ear
from tests.actors.liar import MARKETS, Liar, instrument, listing
from tests.actors.stage import T0, session

ALL, INSTRUMENTS = "/v1/market/all", "/v1/orderbook/instruments"
BTC, XRP, DOGE = MARKETS
LATE_2025 = 1_764_514_800 * US_PER_S  # 2025-12-01 00:00 KST


class Rig:
    """The edge on a Liar; `endings` is what the stream's tickers tell, an exception instead is raised."""

    def __init__(self, liar, *, hour_s=3_600.0):
        self.ear, self.liar = Ear(), liar
        self.endings = {market: SimpleNamespace(state="ACTIVE", delisting="") for market in MARKETS}
        self.asked = []
        self.rest = UpbitRest(liar.url, None, wall_clock(), pause=lambda _: None)
        self.edge = Listings(
            self.ear,
            "listings",
            client=self.rest,
            glance=self.glance,
            markets=tuple(MARKETS),
            now=lambda: T0,
            real_seconds=lambda delay_us: hour_s * delay_us / HOUR,
            least_s=0.0,
        )
        self.edge.on_begin()

    def glance(self, markets):
        self.asked.append(tuple(markets))
        if isinstance(self.endings, Exception):
            raise self.endings
        return {market: ending for market, ending in self.endings.items() if market in markets}

    def open(self):
        self.edge.run_turn("engine", session(*MARKETS), T0)
        return self

    def want(self):
        self.edge.run_turn("venue", ListingsWanted("why"), T0)
        return self

    def next(self, kind):
        """The next message of a kind; those before it are let go."""
        while not isinstance(said := self.ear.next()[1], kind):
            pass
        return said

    def listing(self, market):
        """How the next look finds this market listed."""
        return {one.market: one for one in self.next(ListingsRead).listings}[market]


@pytest.fixture
def liar():
    made = Liar()
    yield made
    made.close()


@pytest.fixture
def rig(liar):
    made = []

    def make(**more):
        made.append(Rig(liar, **more))
        return made[-1]

    yield make
    for one in made:
        one.edge.on_end()
        one.rest.close()


def found(market, **more):
    """How a market is told that the exchange lists; the liar calls every coin by its market."""
    return MarketListing(market, korean=market, english=market, **more)


def flags(market, *cautions, warning=False):
    return listing(market) | {"market_event": {"warning": warning, "caution": dict.fromkeys(cautions, True)}}


def steps(**ticks):
    return 200, [instrument(market, ticks.get(market[4:], tick)) for market, (_, tick) in MARKETS.items()]


def test_at_the_opening_it_tells_every_market_and_its_step_and_not_before(rig, liar):
    one = rig()
    assert liar.calls == []
    one.open()
    plain = tuple(found(market, state="ACTIVE") for market in MARKETS)
    assert one.ear.next() == ("warnings", ListingsRead(plain, T0))
    assert one.ear.next() == ("universe", StepsCompared(tuple(MARKETS), (), T0))


def test_flags_dates_and_absence_are_told_as_they_are(rig, liar):
    liar.says(ALL, (200, [flags(BTC, "B", "A", warning=True), listing(XRP)]))
    one = rig()
    one.endings[XRP] = SimpleNamespace(state="ACTIVE", delisting="2025-12-01")
    del one.endings[BTC]
    assert one.open().next(ListingsRead).listings == (
        found(BTC, warning=True, cautions=("A", "B")),
        found(XRP, state="ACTIVE", delisting="2025-12-01", delisting_at=LATE_2025),
        MarketListing(DOGE, listed=False),
    )
    assert one.next(StepsCompared).markets == (BTC, XRP)  # one that is not listed would fail the call for all
    assert one.asked == [(BTC, XRP)]


def test_a_date_nobody_can_read_is_an_end_without_a_time(rig):
    one = rig()
    one.endings[XRP] = SimpleNamespace(state="ACTIVE", delisting="soon")
    told = one.open().listing(XRP)
    assert (told.delisting, told.delisting_at) == ("soon", 0)


def test_another_step_is_told_with_both_numbers(rig, liar):
    liar.says(INSTRUMENTS, steps(XRP="5"))
    ((market, reason),) = rig().open().next(StepsCompared).faults
    assert market == XRP
    assert "at 3000 in steps of 5, the rule book in 1: no new orders" in reason


def test_it_looks_again_after_an_hour_of_the_sessions_clock(rig, liar):
    one = rig(hour_s=0.01).open()
    assert one.next(StepsCompared).faults == ()
    liar.says(INSTRUMENTS, steps(XRP="5"))
    while not (faults := one.next(StepsCompared).faults):
        pass
    assert dict(faults).keys() == {XRP}


def test_it_looks_at_once_when_it_is_asked_to(rig, liar):
    one = rig().open()
    one.next(StepsCompared)
    liar.says(INSTRUMENTS, steps(XRP="5"))
    assert dict(one.want().next(StepsCompared).faults).keys() == {XRP}


def test_who_asks_while_a_look_is_under_way_gets_another_one(rig):
    one = rig()
    reached, go = threading.Event(), threading.Event()
    told = one.glance

    def slow(markets):
        reached.set()
        assert go.wait(10)
        return told(markets)

    one.edge._glance = slow
    one.open()
    assert reached.wait(10)
    one.want()
    go.set()
    one.next(StepsCompared)
    one.next(StepsCompared)


def test_an_exchange_that_lists_nothing_has_not_delisted_everything(rig, liar):
    liar.says(ALL, (200, []), (200, [listing(market) for market in MARKETS]))
    one = rig().open()
    incident = one.next(IncidentRaised)
    assert incident.kind == "listings_unread"
    assert "lists no market at all" in incident.text
    assert one.want().listing(BTC).listed


def test_what_cannot_be_read_is_told_once_and_tried_on_until_it_can(rig, liar):
    nothing = (200, [])
    liar.says(ALL, nothing, nothing, nothing, (200, [listing(market) for market in MARKETS]))
    one, told = rig(hour_s=0.01).open(), []
    while not told or not isinstance(told[-1], StepsCompared):
        told.append(one.ear.next()[1])
    assert [type(message) for message in told] == [IncidentRaised, ListingsRead, StepsCompared]


def test_flags_and_steps_are_told_although_no_ticker_comes(rig, liar):
    liar.says(ALL, (200, [flags(market, warning=market == XRP) for market in MARKETS]))
    one = rig()
    one.endings = ExchangeUnavailable("no ticker came")
    assert "no ticker came" in one.open().next(IncidentRaised).text
    assert one.listing(XRP) == found(XRP, warning=True)
    assert one.next(StepsCompared).faults == ()


def test_a_bug_of_ours_in_a_look_is_told_and_ends_nothing(rig):
    one = rig()
    one.endings = ZeroDivisionError("a bug")
    assert "see the log" in one.open().next(IncidentRaised).text
    one.next(StepsCompared)
    one.endings = {}
    assert one.want().listing(XRP) == found(XRP)


def test_a_market_that_is_watched_later_is_looked_at_at_once(rig):
    one = rig()
    one.edge.run_turn("universe", MarketsWatched((BTC,)), T0)
    one.want()
    assert [listed.market for listed in one.next(ListingsRead).listings] == [BTC]
    one.edge.run_turn("universe", MarketsWatched((BTC, XRP)), T0)
    assert [listed.market for listed in one.next(ListingsRead).listings] == [BTC, XRP]
