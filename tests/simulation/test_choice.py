"""A session that chooses its markets, in a world that fails: who leads changes, and what is held is still sold."""

from collections import Counter
from decimal import Decimal as D
from functools import cache
from itertools import pairwise

import pytest

from actors.runtime import Faults
from actors.system import SESSION_FOR, SETTINGS_FOR
from domain.config import Settings, SizeSettings, UniverseSettings
from domain.market import HOUR, MINUTE
from domain.messages import (
    DecisionsMade,
    FillBooked,
    PositionChanged,
    PositionClosed,
    SessionOpened,
    SettingsChanged,
    StepsCompared,
    SurveyTaken,
    UniverseJudged,
)
from domain.orders import Side
from domain.universe import MEMBER, MarketSurvey
from tests.simulation.test_town import BAD_DAY, BAD_WIRE
from tests.simulation.town import MARKETS, Town
from tests.simulation.world import CAPITAL

ONE = UniverseSettings(top_n=1, leave_factor=D(1))  # one market at a time
TURN = 3  # hours after which another market leads


class ChoosingTown(Town):
    """Every hour, between two closes, its markets are surveyed; the first of the ranking changes every `TURN` hours."""

    def __init__(self, *told, **more):
        super().__init__(*told, **more)
        self.host.call_later(HOUR + 2 * MINUTE, self._hourly)

    def open(self):
        sizes = SizeSettings(max_positions=3, entries_per_day=20, day_loss=D("0.5"))
        settings = SettingsChanged(Settings(sizes=sizes, universe=ONE), "town", "")
        coins = self.host.state("portfolio").ledger.coins
        held = tuple(sorted(market for market, volume in coins.items() if volume))
        opened = SessionOpened("town", "towntown", MARKETS, 1.0, chooses=True, held=held)
        for name in SETTINGS_FOR:
            self.host.tell(name, settings)
        for name in (*SESSION_FOR, *(("venue",) if self.inside else ())):
            self.host.tell(name, opened)
        self.survey()

    def _hourly(self):
        self.survey()
        self.host.call_later(HOUR, self._hourly)

    def survey(self):
        now = self.host.agenda.now
        first = now // (TURN * HOUR) % len(MARKETS)
        rows = tuple(
            MarketSurvey(market, D(5_000), D((place - first) % len(MARKETS)), 30, D(10**10), D(0), D(0), 60)
            for place, market in enumerate(MARKETS)
        )
        self.host.tell("universe", StepsCompared(MARKETS, (), now))
        self.host.tell("universe", SurveyTaken(now, full=False, rows=rows))

    def living(self):
        return {name.partition(":")[2] for name in self.host.living("market")}

    def held(self):
        return {one.market for one in self.host.state("portfolio").held.values() if not one.dust}


def chosen(judged):
    return {one.market for one in judged.verdicts if one.code == MEMBER}


@cache
def a_good_day():
    return ChoosingTown(2).run(24)


def test_the_choice_follows_the_ranking_and_every_verdict_is_told():
    judged = a_good_day().of(UniverseJudged)
    assert all(len(one.verdicts) == len(MARKETS) for one in judged)
    changes = sum(chosen(one) != chosen(other) for one, other in pairwise(judged))
    assert changes >= 24 // TURN - 1
    assert all(len(chosen(one)) <= 1 for one in judged)


def entered_only_by_choice(town):
    """Every order to buy was decided for a market that was chosen by the newest judgement before."""
    members, entries = set(), 0
    for message in town.heard:
        if isinstance(message, UniverseJudged):
            members = chosen(message)
        elif isinstance(message, DecisionsMade):
            ordered = {one.market for one in message.decisions if one.code == "ORDER"}
            entries += len(ordered)
            assert ordered <= members
    return entries


def test_only_what_is_chosen_is_entered_and_what_left_is_sold_and_its_actor_retired():
    town = a_good_day()
    assert entered_only_by_choice(town)
    assert town.of(PositionClosed)
    left_behind = sold_after_it_left(town)
    assert left_behind, "no market left with a position in it: the test says nothing"
    assert town.living() == {*town.host.state("universe").markets, *town.held()}
    assert len(town.living()) < len(MARKETS) or len(town.held()) > 1


def sold_after_it_left(town):
    """Sales in markets that were not chosen at the time."""
    members, sold = set(), []
    for message in town.heard:
        if isinstance(message, UniverseJudged):
            members = chosen(message)
        elif isinstance(message, FillBooked) and message.fill.side is Side.SELL and message.fill.market not in members:
            sold.append(message.fill.market)
    return sold


def test_a_day_of_choices_replays_to_the_same_states():
    report = a_good_day().replayed()
    assert report.identical, report.first_difference


@pytest.mark.parametrize("seed", range(1, 3))
def test_on_a_bad_day_a_choice_loses_no_position_and_keeps_no_actor_too_many(seed):
    town = ChoosingTown(seed, BAD_DAY, BAD_WIRE).run(30)
    assert Counter(town.host.chaos.happened)["deaths"] > 5
    town.calm().run(2)
    assert town.books() == town.holdings()
    assert set(town.posted.values()) <= {1}
    assert town.host.state("reconciler").green
    assert town.host.state("portfolio").ledger.flows == CAPITAL
    universe = town.host.state("universe")
    assert town.held() <= town.living()
    assert town.living() == {*universe.markets, *town.held(), *universe.coins}
    assert {one.market for one in town.of(PositionChanged)} <= set(MARKETS)


def test_no_member_at_all_keeps_nothing_from_being_sold():
    town = ChoosingTown(2).run(10)
    while not town.held():
        town.run(0.5)
    town.survey = lambda: town.host.tell("universe", SurveyTaken(town.host.agenda.now, False, nothing))
    nothing = tuple(map(MarketSurvey, MARKETS))
    town.survey()
    town.run(36)
    assert town.host.state("universe").markets == []
    assert not town.held()
    assert town.living() == set()
    assert town.books() == town.holdings()


def test_a_start_after_a_kill_goes_on_with_whoever_was_chosen():
    town = ChoosingTown(2, Faults()).run(8)
    before = town.host.state("universe").markets
    assert before
    town.host.kill()
    town.run(0.01)
    assert town.host.state("universe").markets == before
    assert set(before) <= town.living()
