"""Which markets may be entered: what bars one, what frees it, and what is told of it."""

import msgspec
import pytest

from actors.runtime import Recovered, Restarted
from actors.universe import Universe
from domain.config import Settings
from domain.listings import MarketListing
from domain.messages import (
    IncidentRaised,
    ListingsRead,
    MarketsWatched,
    SessionOpened,
    SettingsChanged,
    StepsCompared,
    UniverseChanged,
)
from tests.actors.stage import BTC, T0, Stage, session

ETH, XRP = "KRW-ETH", "KRW-XRP"
FAULT = "steps of 5, the rule book in 1"


@pytest.fixture
def universe() -> Stage:
    return Stage(Universe, "universe").tell(session(BTC, ETH))


def told(stage: Stage) -> UniverseChanged:
    (changed,) = stage.on("universe", UniverseChanged)
    return changed


def incidents(stage: Stage) -> list[tuple[str, str]]:
    return [(one.kind, one.subject) for one in stage.on("incidents", IncidentRaised)]


def compared(*faults: tuple[str, str], markets: tuple[str, ...] = (BTC, ETH)) -> StepsCompared:
    return StepsCompared(markets, faults, T0)


def read(**more) -> ListingsRead:
    """BTC as it is listed, with something unusual about it."""
    return ListingsRead((MarketListing(BTC, **{"state": "ACTIVE", **more}), MarketListing(ETH, state="ACTIVE")), T0)


def test_every_market_of_a_session_may_be_entered(universe):
    assert told(universe) == UniverseChanged((BTC, ETH))


def test_a_market_that_is_there_for_its_exit_alone_may_not_be_entered():
    universe = Stage(Universe, "universe").tell(msgspec.structs.replace(session(BTC, ETH), entries=(ETH,)))
    assert told(universe).markets == (ETH,)
    assert told(universe.tell(Recovered(2), "runtime")).markets == (ETH,)


def test_before_a_session_there_is_nothing_to_say():
    universe = Stage(Universe, "universe").tell(Recovered(1), "runtime").tell(compared((BTC, FAULT)), "listings")
    assert universe.on("universe", UniverseChanged) == []


# --- steps


def test_another_step_bars_its_market_until_a_later_reading_agrees(universe):
    universe.tell(compared((BTC, FAULT)), "listings")
    assert told(universe).halted == ((BTC, FAULT),)
    assert incidents(universe) == [("market_halt", BTC)]
    universe.tell(compared(), "listings")
    assert told(universe).halted == ()
    assert incidents(universe) == [("market_free", BTC)]


def test_what_the_start_found_is_lifted_by_a_later_reading_too():
    universe = Stage(Universe, "universe").tell(msgspec.structs.replace(session(BTC), halted=((BTC, FAULT),)))
    assert incidents(universe) == [("market_halt", BTC)]
    assert told(universe.tell(compared(), "listings")).halted == ()


def test_the_same_reading_again_says_nothing_and_other_numbers_raise_no_new_incident(universe):
    universe.tell(compared((BTC, FAULT)), "listings").tell(compared((BTC, FAULT)), "listings")
    assert universe.published == []
    universe.tell(compared((BTC, "at another price " + FAULT)), "listings")
    assert told(universe).halted == ((BTC, "at another price " + FAULT),)
    assert incidents(universe) == []


def test_a_market_that_was_not_compared_stays_as_it_was(universe):
    universe.tell(compared((BTC, FAULT)), "listings").tell(compared((ETH, FAULT), markets=(ETH,)), "listings")
    assert told(universe).halted == ((BTC, FAULT), (ETH, FAULT))


# --- listings


@pytest.mark.parametrize(
    ("more", "words", "leaving", "gone"),
    [
        ({"warning": True}, "warns of it", ((BTC, 0),), ()),
        ({"cautions": ("DEPOSIT_AMOUNT_SOARING", "X")}, "caution is up: DEPOSIT_AMOUNT_SOARING, X", (), ()),
        ({"delisting": "2025-12-01", "delisting_at": 7}, "delists it on 2025-12-01 (KST)", ((BTC, 7),), ()),
        ({"delisting": "2025-12-01", "delisting_at": 7, "warning": True}, "2025-12-01", ((BTC, 0),), ()),
        ({"state": "PREVIEW"}, "its state at the exchange is PREVIEW", (), ()),
        ({"state": "DELISTED", "delisting": "2025-12-01"}, "state at the exchange is DELISTED", (), (BTC,)),
        ({"listed": False, "warning": True}, "does not list it any more", (), (BTC,)),
    ],
    ids=str,
)
def test_what_the_exchange_says_of_a_market_bars_it_in_words_and_says_when_to_leave(
    universe, more, words, leaving, gone
):
    universe.tell(read(**more), "listings")
    changed = told(universe)
    ((market, reason),) = changed.halted
    assert (market, changed.leaving, changed.gone) == (BTC, leaving, gone)
    assert words in reason
    assert incidents(universe) == [("market_halt", BTC)]
    assert universe.tell(read(**more), "listings").published == []
    universe.tell(read(), "listings")
    assert told(universe) == UniverseChanged((BTC, ETH))
    assert incidents(universe) == [("market_free", BTC)]


def test_a_market_as_it_should_be_is_no_news(universe):
    assert incidents(universe.tell(read(), "listings")) == []


def test_one_more_objection_is_told_and_all_of_them_are_the_reason(universe):
    universe.tell(read(cautions=("X",)), "listings").tell(compared((BTC, FAULT)), "listings")
    universe.tell(read(cautions=("X",), warning=True), "listings")
    assert incidents(universe) == [("market_halt", BTC)]
    ((_, reason),) = told(universe).halted
    assert all(words in reason for words in (FAULT, "warns of it", "caution is up: X"))


def test_a_market_is_free_only_when_its_last_reason_is_over(universe):
    universe.tell(read(warning=True), "listings").tell(compared((BTC, FAULT)), "listings")
    universe.tell(read(), "listings")
    (incident,) = universe.on("incidents", IncidentRaised)
    assert incident.kind == "market_halt"
    assert incident.text.endswith(f"still: {FAULT}")
    assert incidents(universe.tell(compared(), "listings")) == [("market_free", BTC)]


def test_a_reading_that_does_not_tell_the_date_leaves_it_as_it_was(universe):
    universe.tell(read(delisting="2025-12-01", delisting_at=7), "listings")
    assert universe.tell(read(state=""), "listings").published == []
    assert told(universe.tell(Restarted(), "runtime")).leaving == ((BTC, 7),)


def test_a_start_goes_on_with_what_was_read_before_for_its_own_markets_only(universe):
    universe.tell(read(warning=True), "listings")
    assert told(universe.tell(session(BTC))).leaving == ((BTC, 0),)
    assert incidents(universe) == [("market_halt", BTC)]
    assert told(universe.tell(session(ETH))) == UniverseChanged((ETH,))


# --- whose actors live


def test_the_opening_begins_every_market_and_tells_it_settings_and_session():
    stage = Stage(Universe, "universe").tell(settings := SettingsChanged(Settings(), "test", ""))
    assert (stage.begun, stage.sent) == ([], [])
    stage.tell(opened := session(BTC, ETH))
    assert stage.begun == [f"market:{BTC}", f"market:{ETH}"]
    assert [one for to, one in stage.sent if to == f"market:{ETH}"] == [settings, opened]
    assert stage.on("markets", MarketsWatched) == [MarketsWatched((BTC, ETH))]
    assert stage.retired == []


def test_another_opening_begins_what_is_new_retires_what_is_gone_and_tells_the_rest(universe):
    universe.tell(opened := session(ETH, XRP))
    assert (universe.begun, universe.retired) == ([f"market:{XRP}"], [f"market:{BTC}"])
    assert [one for to, one in universe.sent if to == f"market:{ETH}"] == [opened]
    assert [one for to, one in universe.sent if to == f"market:{XRP}"] == [opened]
    assert universe.on("markets", MarketsWatched) == [MarketsWatched((ETH, XRP))]


def test_the_same_opening_again_begins_and_retires_nobody(universe):
    universe.tell(session(BTC, ETH))
    assert (universe.begun, universe.retired) == ([], [])
    assert universe.on("markets", MarketsWatched) == [MarketsWatched((BTC, ETH))]


def test_a_market_that_is_only_watched_lives_and_is_not_entered():
    stage = Stage(Universe, "universe").tell(SessionOpened("sandbox", "abcd1234", (ETH,), 1.0, watched=(BTC, ETH)))
    assert stage.begun == [f"market:{ETH}", f"market:{BTC}"]
    assert told(stage).markets == (ETH,)


def test_new_settings_reach_every_market_that_lives(universe):
    universe.tell(changed := SettingsChanged(Settings(), "person", "why"))
    assert universe.sent == [(f"market:{BTC}", changed), (f"market:{ETH}", changed)]


def test_after_a_start_the_opening_goes_by_who_really_lives(universe):
    """The birth of ETH was lost with the last process, and so was the retirement of XRP."""
    universe.tell(Recovered(2, living=(f"market:{BTC}", f"market:{XRP}")))
    assert universe.on("markets", MarketsWatched) == []  # the edges are told once, when the session is opened
    universe.tell(session(BTC, ETH))
    assert (universe.begun, universe.retired) == ([f"market:{ETH}"], [f"market:{XRP}"])
