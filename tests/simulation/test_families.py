"""Market actors come and go in the middle of bad days: books stay exact, and who lives is who is wanted."""

import random
from collections import Counter
from itertools import pairwise

import pytest

from actors.runtime import Faults, Status
from domain.market import BASE_FRAME
from domain.messages import DecisionsMade, FillBooked
from tests.simulation.town import MARKETS, Town
from tests.simulation.world import BAD_WIRE, CAPITAL, Wire

A, B, C = MARKETS
BAD_DAY = Faults(delay_us=5_000, slow=0.01, crash=0.001, kill=0.0005, disk_full=0.00001)


def turbulent(seed: int, faults: Faults, wire: Wire, hours: int = 6, *, inside: bool = False) -> Town:
    """Hours in which every half hour other markets are wanted; one in which something is held always stays."""
    town = Town(seed, faults, wire, inside=inside)
    dice = random.Random(f"turbulent {seed}")
    for _ in range(2 * hours):
        town.run(0.5)
        if town.host.up:
            held = set(town.host.state("portfolio").held) | {order.market for order in _open(town)}
            town.watch(*(market for market in MARKETS if market in held or dice.random() < 0.6))
    return town


def _open(town: Town) -> list:
    return [order.request for order in town.host.state("gateway").orders.values() if not order.final]


def decided(town: Town, market: str, since: int) -> list[int]:
    """The times at which something better than LATE was decided for a market."""
    return [
        each.at
        for each in town.of(DecisionsMade)
        for one in each.decisions
        if one.market == market and one.code != "LATE" and each.at > since
    ]


def test_a_market_begun_in_mid_session_decides_once_its_history_is_whole():
    town = Town(1)
    town.markets = (A, B)
    town.run(2)
    assert town.host.living("market") == (f"market:{A}", f"market:{B}")
    began = town.host.agenda.now
    town.watch(A, B, C)
    town.run(1)
    times = decided(town, C, began)
    assert times[0] - began <= 2 * BASE_FRAME
    assert {later - earlier for earlier, later in pairwise(times)} == {BASE_FRAME}
    assert town.host.state(f"market:{C}").base_end == town.host.state(f"market:{A}").base_end


def test_a_market_that_was_retired_is_decided_on_no_more_and_gets_no_mail():
    town = Town(1).run(2)
    town.watch(A, B)
    town.run(0.1)
    retired_at = town.host.agenda.now
    last = town.host.ledger.last_seq
    town.run(2)
    assert decided(town, C, retired_at + BASE_FRAME) == []
    assert {one.market for each in town.of(DecisionsMade)[-5:] for one in each.decisions} == {A, B}
    assert [record.type for record in town.host.ledger.read(last) if record.to == f"market:{C}"] == []


@pytest.mark.parametrize("seed", range(1, 3))
@pytest.mark.parametrize("inside", [False, True])
def test_markets_come_and_go_on_a_bad_day_and_money_stays_exact(seed, inside):
    town = turbulent(seed, BAD_DAY, BAD_WIRE, inside=inside)
    assert Counter(town.host.chaos.happened)["deaths"] > 5
    lived = Counter(record.status for record in town.host.ledger.records)
    assert lived[Status.BORN] > 3
    assert lived[Status.RETIRED] > 3
    town.calm().run(2)
    assert set(town.host.living("market")) == {f"market:{market}" for market in town.markets}
    assert town.books() == town.holdings()
    assert town.host.state("reconciler").green
    assert not town.host.state("portfolio").pending
    assert all(order.final for order in town.host.state("gateway").orders.values())
    assert town.host.state("portfolio").ledger.flows == CAPITAL
    booked = {one.fill.trade_id for one in town.of(FillBooked)}
    assert booked >= {fill.trade_id for order in town.exchange.closed.values() for fill in order.fills}
    report = town.replayed()
    assert report.identical, report.first_difference


def test_the_same_seed_gives_the_same_turbulent_day():
    one, two = (turbulent(3, BAD_DAY, BAD_WIRE, 2) for _ in range(2))
    assert one.host.trace == two.host.trace != turbulent(4, BAD_DAY, BAD_WIRE, 2).host.trace
