"""What a position does whose market is warned of, halted or gone: stop, sales, and what a person hears."""

from decimal import Decimal as D

import pytest
from msgspec.structs import replace

from actors.guard import Guard
from actors.runtime import Recovered
from domain.config import ListingSettings, Settings
from domain.listings import Standing
from domain.market import BASE_FRAME, US_PER_S, Bar
from domain.messages import (
    DecisionDue,
    ExitTriggered,
    GuardPosition,
    IncidentRaised,
    LevelsMoved,
    ListingStates,
    MinuteClosed,
    PositionChanged,
    PriceSeen,
)
from tests.actors.stage import BTC, T0, Stage, session
from tests.actors.trade import PRICE, booked, entry, fill, finished, first_target, orders, sale

ALL = D("0.006")
A_BAR = Bar(T0, PRICE, PRICE, PRICE, PRICE, D(1), PRICE)
RULES = ListingSettings()
FIRST, LAST = RULES.halted_retry_s, RULES.halted_retry_max_s


def states(state: str = "HALTED", **more) -> ListingStates:
    one = Standing(BTC, state, T0, None, False, None, None, False, "why")
    return ListingStates((replace(one, **more),), True, T0)


NORMAL = ListingStates((), True, T0)


def refused(stage: Stage) -> Stage:
    """The exchange refuses the sale under way."""
    (intent,) = stage.state.pending.values()
    return finished(stage, intent, "0", "refused")


def waiting(stage: Stage, reason: str = "STOP") -> Stage:
    """A sale in a halted market that was refused, and waits."""
    stage.tell(states(), "warnings").tell(sale_due(stage, reason), "guard")
    return refused(stage)


def incidents(stage: Stage) -> list[str]:
    return [one.kind for one in stage.on("incidents", IncidentRaised)]


def sale_due(stage: Stage, reason: str = "STOP") -> ExitTriggered:
    return ExitTriggered(BTC, reason, D(146_000_000), stage.now)


def stop_of(stage: Stage) -> D:
    """The stop that the last turn told the guard."""
    (told,) = stage.to("guard", GuardPosition)
    return told.levels.stop


# --- halted


def test_a_position_in_a_halted_market_is_told_once_stays_guarded_and_is_not_offered(holding):
    holding.tell(states(), "warnings")
    assert incidents(holding) == ["halted_held"]
    assert holding.sent == []
    assert incidents(holding.tell(states(text="another reason"), "warnings")) == []
    assert holding.state.held[BTC].volume == ALL


def test_a_stop_is_offered_whatever_was_said_and_only_a_refusal_makes_it_wait(holding):
    holding.tell(states(), "warnings")
    assert orders(holding.tell(sale_due(holding), "guard")) == [("STOP", ALL)]
    refused(holding)
    assert [delay for delay, _ in holding.timers] == [FIRST * US_PER_S]
    assert orders(holding.ring()) == [("STOP", ALL)]


def test_the_guard_repeating_itself_brings_no_further_attempt_after_a_refusal(holding):
    waiting(holding)
    for _ in range(10):
        holding.tell(sale_due(holding), "guard", after_s=2)
        assert (orders(holding), holding.timers) == ([], [])


def test_refused_again_and_again_it_is_tried_ever_later(holding):
    sale(holding)
    holding.tell(states(), "warnings")
    waits = []
    for _ in range(7):
        refused(holding)
        waits.append(holding.timers[-1][0] // US_PER_S)
        holding.ring()
    assert waits == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST, LAST, LAST, LAST]


def test_a_timer_that_finds_it_shut_waits_on(holding):
    waiting(holding)
    (_, due) = holding.timers[-1]
    assert orders(holding.tell(due, "timer", after_s=1)) == []
    assert orders(holding.ring()) == [("STOP", ALL)]


def test_a_market_that_trades_again_takes_the_sale_at_once(holding):
    sale(holding)
    holding.tell(states(), "warnings")
    refused(holding).tell(NORMAL, "warnings")
    assert [delay for delay, _ in holding.timers] == [0]
    assert orders(holding.ring()) == [("STOP", ALL)]
    assert holding.state.held[BTC].tries == 0


def test_a_higher_reason_that_comes_meanwhile_is_the_one_that_goes(holding):
    waiting(holding, "TP1").tell(sale_due(holding), "guard")
    assert orders(holding) == []
    assert orders(holding.ring()) == [("STOP", ALL)]


def test_a_process_start_knows_what_waits_for_a_halted_market(holding):
    waiting(holding).tell(Recovered(2), "runtime")
    timer = next(message for _, message in holding.timers if type(message).__name__ == "ExitRetryDue")
    assert orders(holding.tell(timer, "timer", after_s=1)) == []
    assert orders(holding.ring()) == [("STOP", ALL)]


# --- gone


def test_a_market_that_is_gone_is_never_offered_anything_until_it_is_back(holding):
    sale(holding)
    holding.tell(states(gone=True), "warnings")
    assert incidents(holding) == ["delisted_held"]
    refused(holding)
    assert orders(holding.ring()) == []
    assert holding.timers == []
    assert orders(holding.tell(DecisionDue(T0 + 300 * BASE_FRAME), "clock")) == []
    holding.tell(states(), "warnings")
    assert orders(holding.ring()) == [("STOP", ALL)]


def test_a_stop_that_a_trade_touched_is_offered_though_the_list_leaves_its_market_out(holding):
    holding.tell(states(gone=True), "warnings")
    assert orders(holding.tell(sale_due(holding), "guard")) == [("STOP", ALL)]
    refused(holding)
    assert orders(holding.tell(sale_due(holding), "guard", after_s=2)) == []
    assert orders(holding.tell(sale_due(holding), "guard", after_s=FIRST)) == [("STOP", ALL)]


def test_a_halted_market_that_ends_is_told_anew(holding):
    holding.tell(states(), "warnings")
    assert incidents(holding.tell(states(gone=True), "warnings")) == ["delisted_held"]


def test_where_nothing_is_held_nobody_is_told(portfolio):
    assert portfolio.tell(states(), "warnings").published == []


# --- a tighter stop


def test_a_warned_market_brings_the_stop_nearer_at_once_and_for_good(holding):
    before = holding.state.held[BTC].levels
    holding.tell(states("WARNING", tighten=D("0.5")), "warnings")
    stop = stop_of(holding)
    assert stop == PRICE - (PRICE - before.stop) / 2
    assert [one.reason for one in holding.on("positions", PositionChanged)] == ["TIGHTENED"]
    assert holding.state.held[BTC].levels == replace(before, stop=stop)
    assert holding.tell(states("WARNING", tighten=D("0.8")), "warnings").sent == []
    assert holding.tell(NORMAL, "warnings").sent == []
    assert holding.state.held[BTC].levels.stop == stop


def test_the_same_word_again_tightens_nothing_further(holding):
    holding.tell(states("WARNING", tighten=D("0.5")), "warnings")
    assert holding.tell(states("WARNING", tighten=D("0.5"), text="more"), "warnings").sent == []


def test_more_of_an_entry_is_guarded_as_tightly(portfolio):
    intent = entry(portfolio)
    fill(portfolio, intent, 1, "0.003")
    portfolio.tell(states("WARNING", tighten=D("0.5")), "warnings")
    stop = stop_of(portfolio)
    assert stop_of(portfolio.tell(booked(intent, 2, "0.003"), "gateway")) == stop


def test_what_is_bought_where_entries_are_allowed_all_the_same_is_guarded_tightly(portfolio):
    intent = entry(portfolio)
    portfolio.tell(states("CAUTION", tighten=D("0.5")), "warnings")
    assert PRICE - stop_of(fill(portfolio, intent, 1, "0.006")) < PRICE * Settings().exits.stop_lo


def test_a_stop_that_trailed_above_is_left_and_trails_nearer(holding):
    first_target(holding).tell(LevelsMoved(BTC, D(153_000_000), D(154_000_000)), "guard")
    holding.tell(states("WARNING", tighten=D("0.5")), "warnings")
    (told,) = holding.to("guard", GuardPosition)
    assert (told.levels.stop, told.tighten) == (D(153_000_000), D("0.5"))


@pytest.mark.parametrize("tighten", [D(1), D("0.5")])
def test_the_guard_acts_on_the_nearer_stop_at_the_next_trade_and_trails_at_the_part_of_the_distance(holding, tighten):
    (told,) = first_target(holding).to("guard", GuardPosition) or (None,)
    guard = Stage(Guard, "guard").tell(session(BTC)).tell(replace(told, tighten=tighten), "portfolio")
    high, atr = D(160_000_000), D(2_000_000)
    bar = replace(A_BAR, high=high)
    guard.tell(MinuteClosed(BTC, T0 + BASE_FRAME, bar, atr), "market")
    (moved,) = guard.to("portfolio", LevelsMoved)
    assert moved.stop == high - atr * tighten
    assert guard.tell(PriceSeen(BTC, moved.stop, moved.stop, moved.stop, T0), "market").to("portfolio", object)
