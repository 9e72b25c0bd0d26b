"""A market that is warned of while everything fails: what is held there is sold once, and no start forgets it."""

import pytest

from actors.runtime import Faults
from domain.listings import MarketListing
from domain.messages import DecisionsMade, ListingChanged, ListingsRead, PositionClosed
from tests.simulation.town import Town
from tests.simulation.world import Wire

WIRE = Wire(lose_request=0.1, lose_answer=0.1, error_after=0.1, late_request=0.1, duplicate=0.2, lose_event=0.2)
FAULTS = Faults(delay_us=5_000, crash=0.001, kill=0.0001)


def held(town: Town) -> list[str]:
    return [market for market, one in town.host.state("portfolio").held.items() if not one.dust]


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_held_is_sold_and_nothing_is_bought_there_though_processes_die(seed):
    town = Town(seed, FAULTS, WIRE)
    while not held(town):
        town.run(0.5)
    market = held(town)[0]
    since = town.host.agenda.now
    town.host.tell("warnings", ListingsRead((MarketListing(market, warning=True),), since))
    boot = town.host.boot
    while market in held(town) or town.host.boot == boot:
        town.run(0.5)
    town.calm().run(1)
    assert [one.reason for one in town.of(PositionClosed) if one.market == market and one.closed_at >= since] == [
        "DELISTING"
    ]
    assert {(one.before, one.after) for one in town.of(ListingChanged) if one.market == market} == {
        ("NORMAL", "WARNING")
    }
    last = town.of(DecisionsMade)[-1]
    (decision,) = [one for one in last.decisions if one.market == market]
    assert "MARKET_HALT" in [gate.code for gate in decision.gates]
    assert town.books() == town.holdings()
