"""The whole core under a seeded scheduler, in a world that fails: money stays exact, each order goes out once."""

from collections import Counter
from functools import cache
from itertools import pairwise

import pytest

from actors.runtime import Faults
from actors.runtime.errors import ProcessKilled
from domain.market import BASE_FRAME
from domain.messages import DecisionsMade, FillBooked, PositionClosed, StopAll
from domain.orders import Side
from tests.simulation.town import MARKETS, Town
from tests.simulation.world import BAD_WIRE, CAPITAL

BAD_DAY = Faults(delay_us=5_000, slow=0.01, crash=0.001, kill=0.0001, disk_full=0.00001)


@cache
def a_good_day() -> Town:
    """One simulated day on which nothing fails."""
    return Town(1).run(24)


def test_every_closed_bar_of_every_market_gets_a_decision():
    made = a_good_day().of(DecisionsMade)
    assert {later.at - earlier.at for earlier, later in pairwise(made)} == {BASE_FRAME}
    assert all({one.market for one in each.decisions} == set(MARKETS) for each in made)
    late = [one for each in made for one in each.decisions if one.code == "LATE"]
    assert len(late) <= len(MARKETS)  # the first close may come before the history does


def test_a_decision_that_is_no_order_tells_every_reason():
    decisions = [one for each in a_good_day().of(DecisionsMade) for one in each.decisions]
    assert all(bool(one.gates) != (one.code == "ORDER") for one in decisions)
    assert any(len(one.gates) > 1 for one in decisions)


def test_positions_are_opened_and_closed_and_the_books_equal_the_exchange():
    town = a_good_day()
    assert town.of(PositionClosed)
    assert town.books() == town.holdings()
    assert town.host.state("reconciler").green


def test_a_day_replays_to_the_same_states():
    town = a_good_day()
    report = town.replayed()
    assert report.identical, report.first_difference
    assert report.turns > 40_000


def test_the_same_seed_gives_the_same_day():
    one, two = Town(3, BAD_DAY, BAD_WIRE).run(3), Town(3, BAD_DAY, BAD_WIRE).run(3)
    assert one.host.trace == two.host.trace != Town(4, BAD_DAY, BAD_WIRE).run(3).host.trace


@pytest.mark.parametrize("seed", range(1, 9))
def test_on_a_bad_day_money_stays_exact_and_each_order_exists_once(seed):
    town = Town(seed, BAD_DAY, BAD_WIRE).run(24)
    happened = Counter(town.host.chaos.happened)
    assert happened["deaths"] > 5
    town.calm().run(2)
    assert town.books() == town.holdings()
    assert set(town.posted.values()) <= {1}
    assert town.host.state("reconciler").green
    assert not town.host.state("portfolio").pending
    assert not town.host.state("risk").reserved
    assert all(order.final for order in town.host.state("gateway").orders.values())
    booked = {one.fill.trade_id for one in town.of(FillBooked)}
    assert booked == {fill.trade_id for order in town.exchange.closed.values() for fill in order.fills}
    assert town.host.state("portfolio").ledger.flows == CAPITAL  # no fill was ever mistaken for money from outside


@pytest.mark.parametrize("seed", range(1, 4))
def test_on_a_bad_day_books_and_an_exchange_that_dies_with_them_stay_equal(seed):
    town = Town(seed, BAD_DAY, BAD_WIRE, inside=True).run(24)
    assert Counter(town.host.chaos.happened)["deaths"] > 5
    town.calm().run(2)
    assert town.books() == town.holdings()
    assert town.host.state("reconciler").green
    assert not town.host.state("portfolio").pending
    assert all(order.final for order in town.host.state("gateway").orders.values())
    booked = {one.fill.trade_id for one in town.of(FillBooked)}
    assert booked >= {fill.trade_id for order in town.exchange.closed.values() for fill in order.fills}
    assert town.host.state("portfolio").ledger.flows == CAPITAL


def test_all_stop_with_liquidation_sells_everything_and_buys_nothing_more():
    town = Town(2).run(10)
    while not town.host.state("portfolio").held:
        town.run(0.5)
    town.host.tell("risk", StopAll("person", True))
    orders = len(town.posted)
    held = len(town.host.state("portfolio").held)
    town.run(6)
    assert not town.host.state("portfolio").held
    assert len(town.posted) <= orders + held
    assert set(town.books()) == {"KRW"} == set(town.holdings())


def test_all_stop_sells_everything_when_the_process_dies_before_the_portfolio_hears_of_it():
    town = Town(2).run(10)
    while not town.host.state("portfolio").held:
        town.run(0.5)

    def die(_actor, record, _outbox):
        if record.type == "StopAll":
            town.host.sync()
            raise ProcessKilled("between the turns of risk and portfolio")

    town.host.watchers.append(die)
    town.host.tell("risk", StopAll("person", True))
    town.run(0.1)
    assert town.host.boot == 2
    assert set(town.books()) == {"KRW"} == set(town.holdings())


def test_a_position_left_out_at_a_restart_is_sold_and_its_market_not_entered_again():
    town = Town(2).run(10)
    while not (held := tuple(town.host.state("portfolio").held)):
        town.run(0.5)
    town.entries = tuple(market for market in MARKETS if market not in held)
    town.host.kill()
    orders = set(town.posted)
    town.run(36)
    assert not set(held) & set(town.host.state("portfolio").held)
    sides = {
        (order.request.market, order.request.side)
        for order in town.exchange.closed.values()
        if order.request.identifier not in orders
    }
    assert sides & {(market, Side.SELL) for market in held}
    assert not sides & {(market, Side.BUY) for market in held}
    assert town.books() == town.holdings()


def test_a_deposit_by_hand_is_booked_as_money_from_outside_not_as_profit():
    town = Town(5).run(1)
    before = town.host.state("portfolio").ledger.realised
    town.exchange.balances["KRW"].free += 1_000_000
    town.run(1)
    ledger = town.host.state("portfolio").ledger
    assert town.books() == town.holdings()
    assert (ledger.flows, ledger.realised) == (11_000_000, before)
