"""What a portfolio does with a position in a market the exchange is about to end, or has ended."""

from decimal import Decimal as D

import pytest
from msgspec.structs import replace

from actors.runtime import Recovered
from domain.listings import Standing
from domain.market import BASE_FRAME, DAY
from domain.messages import DecisionDue, IncidentRaised, ListingStates, PositionClosed
from tests.actors.stage import BTC, T0
from tests.actors.trade import ETH, booked, entry, fill, finished, orders, sale

ALL = ("DELISTING", D("0.006"))


def leave_at(at: int | None, *, market: str = BTC, **more) -> ListingStates:
    """A market that must be left at a time, or that is in another state of `more`."""
    one = Standing(market, "TERMINATING", T0, None, False, None, at, False, "why")
    return ListingStates((replace(one, **more),), True, T0)


def test_a_position_is_sold_at_once_when_the_end_of_its_market_is_near_or_now(holding):
    holding.tell(leave_at(holding.now), "warnings")
    assert orders(holding) == [ALL]


def test_a_market_to_be_left_without_a_date_is_left_at_once(holding):
    assert orders(holding.tell(leave_at(0), "warnings")) == [ALL]


def test_a_position_stays_until_the_time_to_leave_has_come(holding):
    near = T0 + 27 * DAY
    assert orders(holding.tell(leave_at(near), "warnings")) == []
    holding.now = near - 1
    assert orders(holding.tell(DecisionDue(near - BASE_FRAME), "clock")) == []
    holding.now = near
    assert orders(holding.tell(DecisionDue(near), "clock")) == [ALL]


def test_it_is_sold_once_however_often_the_end_is_told(holding):
    holding.tell(leave_at(0), "warnings")
    assert orders(holding.tell(leave_at(0), "warnings")) == []
    assert orders(holding.tell(DecisionDue(T0 + 300 * BASE_FRAME), "clock")) == []


def test_a_sale_under_way_ends_first_and_the_rest_follows(holding):
    first = sale(holding, "TP1", D(154_000_000))
    assert orders(holding.tell(leave_at(0), "warnings")) == []
    fill(holding, first, 2, "0.003")
    finished(holding, first, "0.003").ring()
    assert orders(holding) == [("DELISTING", D("0.003"))]


def test_a_sale_that_did_not_get_through_is_tried_again_for_the_same_reason(holding):
    holding.tell(leave_at(0), "warnings")
    (intent,) = holding.state.pending.values()
    finished(holding, intent, "0", "refused").ring()
    assert orders(holding) == [ALL]
    (again,) = holding.state.pending.values()
    fill(holding, again, 2, "0.006")
    assert holding.on("positions", PositionClosed)[0].reason == "DELISTING"


def test_other_positions_stay(holding):
    assert orders(holding.tell(leave_at(0, market=ETH), "warnings")) == []


def test_an_end_called_off_sells_nothing(holding):
    holding.tell(leave_at(T0 + 29 * DAY), "warnings").tell(ListingStates((), True, T0), "warnings")
    holding.now = T0 + 29 * DAY
    assert orders(holding.tell(DecisionDue(T0 + 29 * DAY), "clock")) == []


def test_a_process_start_knows_the_end_that_was_told_before(holding):
    holding.tell(leave_at(T0 + 29 * DAY), "warnings").tell(Recovered(2), "runtime")
    holding.now = T0 + 29 * DAY
    assert orders(holding.tell(DecisionDue(T0 + 29 * DAY), "clock")) == [ALL]


@pytest.mark.parametrize("market", [BTC, ETH])
def test_what_is_held_in_a_market_that_is_gone_is_told_once_and_not_offered(holding, market):
    gone = leave_at(0, market=market, state="HALTED", gone=True)
    holding.tell(gone, "warnings")
    told = [(one.kind, one.subject) for one in holding.on("incidents", IncidentRaised)]
    assert told == ([("delisted_held", BTC)] if market == BTC else [])
    assert holding.sent == []
    assert holding.tell(gone, "warnings").on("incidents", IncidentRaised) == []


def test_a_buy_that_fills_after_its_market_was_told_to_end_is_sold_at_the_next_decision(portfolio):
    intent = entry(portfolio)
    portfolio.tell(leave_at(0), "warnings").tell(booked(intent, 1, "0.006"), "gateway")
    finished(portfolio, intent, "0.006")
    assert orders(portfolio.tell(DecisionDue(T0 + 2 * BASE_FRAME), "clock")) == [ALL]
