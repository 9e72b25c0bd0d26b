"""Which markets may be entered: what bars one, what frees it, and what is told of it."""

import msgspec
import pytest

from actors.runtime import Recovered, Restarted
from actors.universe import Universe
from domain.config import Settings
from domain.listings import Standing
from domain.messages import (
    IncidentRaised,
    ListingStates,
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


def states(*reasons: str, enter: bool = False) -> ListingStates:
    """What the exchange says against BTC; nothing when it says nothing."""
    text = "; ".join(reasons)
    one = Standing(BTC, "WARNING", T0, None, enter, None, 0, False, text)
    return ListingStates((one,) if reasons else (), True, T0)


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


def test_what_the_exchange_says_against_a_market_bars_it_in_words_until_it_says_so_no_more(universe):
    universe.tell(states("warned of"), "warnings")
    assert told(universe) == UniverseChanged((BTC, ETH), ((BTC, "warned of"),))
    assert incidents(universe) == [("market_halt", BTC)]
    assert universe.tell(states("warned of"), "warnings").published == []
    universe.tell(states(), "warnings")
    assert told(universe) == UniverseChanged((BTC, ETH))
    assert incidents(universe) == [("market_free", BTC)]


def test_a_state_in_which_a_market_may_be_entered_is_no_objection(universe):
    assert universe.tell(states("a caution", enter=True), "warnings").published == []


def test_one_more_objection_is_told_and_all_of_them_are_the_reason(universe):
    universe.tell(states("X is up"), "warnings").tell(compared((BTC, FAULT)), "listings")
    universe.tell(states("warned of", "X is up"), "warnings")
    assert incidents(universe) == [("market_halt", BTC)]
    ((_, reason),) = told(universe).halted
    assert all(words in reason for words in (FAULT, "warned of", "X is up"))


def test_a_market_is_free_only_when_its_last_reason_is_over(universe):
    universe.tell(states("warned of"), "warnings").tell(compared((BTC, FAULT)), "listings")
    universe.tell(states(), "warnings")
    (incident,) = universe.on("incidents", IncidentRaised)
    assert incident.kind == "market_halt"
    assert incident.text.endswith(f"still: {FAULT}")
    assert incidents(universe.tell(compared(), "listings")) == [("market_free", BTC)]


def test_a_start_goes_on_with_what_was_told_before_for_its_own_markets_only(universe):
    universe.tell(states("warned of"), "warnings")
    assert told(universe.tell(session(BTC))).halted == ((BTC, "warned of"),)
    assert incidents(universe) == [("market_halt", BTC)]
    assert told(universe.tell(session(ETH))) == UniverseChanged((ETH,))


def test_a_restart_tells_what_bars_a_market_again(universe):
    universe.tell(states("warned of"), "warnings")
    assert told(universe.tell(Restarted(), "runtime")).halted == ((BTC, "warned of"),)


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
