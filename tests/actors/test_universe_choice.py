"""Which markets are chosen, told, begun and retired: surveys, what protects, and what is held where."""

from decimal import Decimal as D

import msgspec
import pytest

from actors.runtime import Recovered, Restarted
from domain.config import Settings
from domain.messages import (
    IncidentRaised,
    LedgerCorrected,
    MarketsWatched,
    SettingsChanged,
    UniverseChanged,
    UniverseJudged,
)
from tests.actors.choosing import (
    ALL,
    BTC,
    FEW,
    USDT,
    A,
    B,
    C,
    Choosing,
    E,
    against,
    compared,
    opened,
    order,
    position,
    survey,
)
from tests.actors.stage import T0


@pytest.fixture
def universe():
    return Choosing()


# --- the start


def test_before_it_is_surveyed_nothing_is_chosen_and_only_what_is_watched_lives(universe):
    assert universe.changed.markets == ()
    assert universe.began == [BTC]
    assert universe.on("verdicts", UniverseJudged) == []


def test_a_survey_alone_chooses_nothing_as_long_as_steps_and_listings_were_not_looked_at(universe):
    universe.tell(survey(A, B, C, BTC, full=True))
    assert {one.code for one in universe.judged.values()} == {"UNKNOWN_STEPS"}
    assert universe.living == {BTC}
    universe.tell(compared(A, B))
    assert universe.changed.markets == (A, B)
    assert universe.began == [A, B]


def test_the_first_of_the_ranking_are_begun_told_and_watched(universe):
    universe.chosen()
    assert universe.changed == UniverseChanged((A, B))
    assert universe.began == [A, B]
    assert [type(one).__name__ for to, one in universe.sent if to == f"market:{A}"] == [
        "SettingsChanged",
        "SessionOpened",
    ]
    (watched,) = universe.on("markets", MarketsWatched)
    assert set(watched.markets) == {BTC, A, B}
    assert watched.candidates == tuple(sorted(ALL))
    assert {market: one.code for market, one in universe.judged.items()} == {
        A: "MEMBER",
        B: "MEMBER",
        C: "RANK",
        BTC: "RANK",
    }


def test_the_members_of_before_live_from_the_start_and_are_not_entered_before_they_are_looked_at_again(universe):
    universe.chosen().tell(opened())
    assert universe.changed.markets == (A, B)
    assert {market for market, reason in universe.changed.halted if "not surveyed" in reason} >= {A, B}
    universe.tell(survey(C, A, B, BTC))
    assert universe.changed.markets == (A, B)  # not a newcomer of the first rank: its steps are not compared
    assert all("not looked at in this session" in reason for _, reason in universe.changed.halted)
    universe.tell(compared())
    assert universe.changed == UniverseChanged((A, B, C))
    assert universe.left == []


def test_a_start_says_who_lives_and_the_opening_brings_it_to_those_wanted(universe):
    universe.chosen()
    universe.tell(Recovered(2, living=(f"market:{A}", f"market:{C}")), "runtime")
    assert universe.changed.markets == (A, B)
    universe.tell(opened())
    assert set(universe.began) == {BTC, B}
    assert universe.left == [C]
    assert universe.tell(Restarted(), "runtime").changed.markets == (A, B)


# --- the ranking goes on


def test_a_member_stays_in_the_band_and_leaves_behind_it_and_is_retired(universe):
    universe.chosen().tell(survey(A, C, B, BTC))
    assert universe.changed.markets == (A, B, C)
    universe.tell(survey(A, C, BTC, B))
    assert universe.changed.markets == (A, C)
    assert universe.left == [B]
    assert set(universe.on("markets", MarketsWatched)[0].markets) == {BTC, A, C}


def test_the_same_survey_again_moves_nobody_and_tells_its_numbers(universe):
    universe.chosen().tell(survey(A, B, C, BTC))
    (judged,) = universe.on("verdicts", UniverseJudged)
    assert (judged.changed, judged.full) == ((), False)
    assert universe.on("universe", UniverseChanged) == universe.on("markets", MarketsWatched) == []
    assert universe.began == universe.left == []


def test_a_full_survey_is_told_as_a_full_list(universe):
    universe.chosen().tell(survey(A, B, C, BTC, full=True))
    assert universe.on("verdicts", UniverseJudged)[0].full


def test_a_full_list_waits_until_every_candidate_was_looked_at(universe):
    universe.tell(survey(A, B, C, BTC, full=True))
    assert not universe.on("verdicts", UniverseJudged)[0].full
    assert not universe.tell(compared(A, B)).on("verdicts", UniverseJudged)[0].full
    assert universe.tell(compared(C, BTC)).on("verdicts", UniverseJudged)[0].full
    assert not universe.tell(survey(A, B, C, BTC)).on("verdicts", UniverseJudged)[0].full


def test_what_changed_between_two_surveys_is_told_at_once(universe):
    universe.chosen().tell(against(C, "CAUTION"))
    (judged,) = universe.on("verdicts", UniverseJudged)
    assert (judged.changed, judged.full) == ((C,), False)
    assert universe.judged[C].code == "CAUTION"
    assert universe.on("incidents", IncidentRaised) == []  # nobody trades there
    assert universe.tell(against(C, "CAUTION")).published == []


def test_a_member_the_exchange_objects_to_leaves_with_an_incident_and_the_next_takes_its_place(universe):
    universe.chosen().tell(against(A, "WARNING"))
    assert universe.changed.markets == (B, C)
    assert universe.left == [A]
    assert [(one.kind, one.subject) for one in universe.on("incidents", IncidentRaised)] == [("market_halt", A)]
    universe.tell(against())
    assert universe.changed.markets == (A, B, C)


def test_other_price_steps_take_a_member_out_until_they_are_the_rule_books(universe):
    universe.chosen().tell(compared(A, faults=[(A, "steps of 5")]))
    assert universe.judged[A].failing[0].numbers == "steps of 5"
    assert universe.changed.markets == (B, C)
    assert universe.tell(compared(A)).changed.markets == (A, B, C)


def test_a_new_market_is_looked_at_before_it_is_chosen(universe):
    universe.chosen().tell(survey(E, A, B, C, BTC))
    assert E in universe.on("markets", MarketsWatched)[0].candidates
    assert universe.judged[E].code == "UNKNOWN_STEPS"
    assert universe.tell(compared(E)).changed.markets == (A, B, E)


def test_a_market_that_is_gone_gets_a_last_verdict_and_none_after_it(universe):
    universe.chosen().tell(survey(B, C, BTC))
    assert universe.judged[A].code == "NOT_LISTED"
    assert universe.on("verdicts", UniverseJudged)[0].changed == (A, C)
    assert universe.changed.markets == (B, C)
    assert universe.left == [A]
    assert A not in universe.tell(survey(B, C, BTC)).judged


def test_of_what_is_not_known_nothing_is_chosen(universe):
    universe.chosen().tell(survey(A, B, C, BTC, KRW_AAA=None))
    assert universe.judged[A].code == "UNKNOWN_RANK"
    assert universe.changed.markets == (B, C)


def test_settings_take_effect_at_once(universe):
    universe.chosen()
    settings = msgspec.structs.replace(FEW, never=(A,), always=(BTC,))
    universe.tell(SettingsChanged(Settings(universe=settings), "me", ""))
    assert universe.changed.markets == (B, BTC, C)
    assert ("market:KRW-BTC", "SettingsChanged") in [(to, type(one).__name__) for to, one in universe.sent]


# --- what keeps a market


def test_a_market_that_leaves_with_a_position_lives_until_it_is_closed(universe):
    universe.chosen().tell(position(A)).tell(survey(B, C, BTC, A))
    assert universe.changed.markets == (B, C)
    assert A in universe.living
    assert universe.tell(position(A, "0.5")).left == []
    universe.tell(position(A, "0"))
    assert universe.left == [A]
    assert A not in universe.on("markets", MarketsWatched)[0].markets


def test_a_position_that_turns_to_dust_keeps_nothing(universe):
    universe.chosen().tell(position(A)).tell(survey(B, C, BTC, A))
    assert universe.tell(position(A, "0.00001", "DUST")).left == [A]


def test_a_market_with_an_order_under_way_lives_until_the_order_is_over(universe):
    universe.chosen().tell(order(A, "submitting")).tell(survey(B, C, BTC, A))
    assert A in universe.living
    assert universe.tell(order(A, "live")).left == []
    assert universe.tell(order(A, "cancelled")).left == [A]


def test_after_a_buy_its_market_lives_until_the_position_is_told(universe):
    universe.chosen().tell(order(A, "submitting")).tell(survey(B, C, BTC, A))
    assert universe.tell(order(A, "done", "1")).left == []
    assert universe.tell(position(A)).left == []
    assert universe.tell(order(A, "done", "1", "sell", "x1")).left == []
    assert universe.tell(position(A, "0")).left == [A]


def test_a_fill_in_a_market_that_was_retired_brings_it_back(universe):
    universe.chosen().tell(survey(B, C, BTC, A))
    assert A not in universe.living
    assert universe.tell(position(A)).began == [A]


def test_what_the_books_hold_at_the_start_lives_and_is_not_entered_for_it():
    universe = Choosing(held=(C,)).chosen()
    assert universe.living == {BTC, C, A, B}
    assert universe.changed.markets == (A, B)
    assert universe.tell(position(C)).tell(position(C, "0")).left == [C]


def test_what_was_told_of_positions_before_a_start_counts_no_more(universe):
    universe.chosen().tell(position(C)).tell(order(C, "live"))
    assert C in universe.living
    assert C not in universe.tell(opened()).living


def test_coins_that_came_from_outside_are_priced_where_there_is_a_market(universe):
    universe.chosen()
    assert universe.tell(LedgerCorrected("CCC", D(5), D(0), "airdrop", False, T0)).began == [C]
    assert universe.tell(LedgerCorrected("XXX", D(5), D(0), "airdrop", False, T0)).began == []
    assert universe.tell(LedgerCorrected("KRW", D(5), D(0), "deposit", False, T0)).began == []
    assert universe.tell(survey(A, B, C, BTC)).left == []


# --- what is watched, and what was named


def test_markets_of_other_currencies_are_watched_and_never_entered():
    universe = Choosing(msgspec.structs.replace(FEW, watched=(USDT,)), watched=(BTC, USDT))
    assert set(universe.began) == {BTC, USDT}
    universe.chosen(A, B, C, BTC, USDT)
    assert universe.judged[USDT].code == "WATCHED_ONLY"
    assert USDT not in universe.changed.markets
    assert USDT in universe.living
    assert USDT not in universe.on("markets", MarketsWatched)[0].candidates


def test_named_markets_are_entered_whatever_the_filters_say_and_the_verdicts_tell_it():
    universe = Choosing(chooses=False, markets=(A, BTC), watched=())
    assert universe.changed == UniverseChanged((A, BTC))
    universe.tell(survey(B, C, BTC, A))
    assert universe.on("universe", UniverseChanged) == []
    assert [gate.code for gate in universe.judged[A].waived] == ["RANK"]
    assert universe.judged[B].code == "NOT_NAMED"
    assert universe.living == {A, BTC}


def test_what_protects_holds_for_named_markets_too():
    settings = msgspec.structs.replace(FEW, never=(BTC,))
    universe = Choosing(settings, chooses=False, markets=(A, BTC), watched=())
    assert dict(universe.changed.halted).keys() == {BTC}
    universe.tell(against(A, "WARNING"))
    assert dict(universe.changed.halted).keys() == {A, BTC}
    assert universe.changed.markets == (A, BTC)
    assert universe.living == {A, BTC}
    assert {market: one.code for market, one in universe.tell(survey(A, BTC)).judged.items()} == {
        A: "WARNING",
        BTC: "BLACK_LIST",
    }
