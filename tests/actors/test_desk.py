"""Entries and exits of the portfolio, one at a time: partial ones, refused ones, and what is too small."""

from decimal import Decimal as D

import pytest

from domain.messages import (
    ExitTriggered,
    GuardPosition,
    IncidentRaised,
    LevelsMoved,
    LiquidatePositions,
    OrderIntended,
    OrderRefused,
    PositionChanged,
    PositionClosed,
)
from domain.orders import Side
from tests.actors.stage import BTC
from tests.actors.trade import (
    ETH,
    PRICE,
    booked,
    entry,
    evaluation,
    fill,
    finished,
    first_target,
    sale,
)

# --- entries


def test_the_first_fill_is_guarded_at_once_with_levels_of_the_average_price(portfolio):
    intent = entry(portfolio)
    fill(portfolio, intent, 1, "0.003")
    (first,) = portfolio.to("guard", GuardPosition)
    fill(portfolio, intent, 2, "0.003", D(150_400_000))
    (second,) = portfolio.to("guard", GuardPosition)
    assert (first.volume, second.volume, second.entry) == (D("0.003"), D("0.006"), D(150_200_000))
    assert first.levels.stop < second.levels.stop < second.entry < second.levels.tp1 < second.levels.tp2


def test_a_fill_told_twice_counts_once(portfolio):
    intent = entry(portfolio)
    fill(portfolio, intent, 1, "0.003")
    fill(portfolio, intent, 1, "0.003")
    assert portfolio.sent == []
    assert portfolio.state.ledger.coins == {BTC: D("0.003")}


def test_a_fill_that_was_lost_on_its_way_is_booked_with_the_end_of_its_order(holding):
    intent = sale(holding)
    finished(holding, intent, "0.006", fills=(booked(intent, 2, "0.006"),))
    assert holding.to("risk", OrderIntended) == []  # nothing is left to sell once more
    assert holding.state.ledger.coins.get(BTC, D(0)) == 0
    (closed,) = holding.on("positions", PositionClosed)
    assert closed.market == BTC


def test_a_filled_entry_counts_for_the_day_and_an_empty_one_does_not(portfolio):
    finished(portfolio, entry(portfolio), "0", "cancelled")
    assert portfolio.state.limits.entries == {}
    intent = entry(portfolio, bar=2)
    fill(portfolio, intent, 1, "0.003")
    finished(portfolio, intent, "0.003", "cancelled")
    assert portfolio.state.limits.entries == {BTC: 1}


# --- exits


def test_a_stop_sells_everything_at_market(holding):
    intent = sale(holding)
    assert (intent.side, intent.type, intent.volume, intent.expires_at) == (Side.SELL, "market", D("0.006"), 0)


def test_the_round_trip_is_told_when_the_last_coin_is_sold(holding):
    intent = sale(holding)
    fill(holding, intent, 2, "0.006", D(146_000_000))
    (closed,) = holding.on("positions", PositionClosed)
    bought, sold = PRICE * D("0.006"), 146_000_000 * D("0.006")
    assert closed.pnl == sold * D("0.9995") - bought * D("1.0005")
    assert closed.reason == "STOP"
    assert holding.to("guard", GuardPosition)[0].volume == 0
    finished(holding, intent, "0.006")
    assert holding.to("risk", OrderIntended) == []
    assert holding.state.ledger.cash == 10_000_000 + closed.pnl


def test_a_target_sells_half_and_arms_the_trail(holding):
    intent = sale(holding, "TP1", D(154_000_000))
    assert intent.volume == D("0.003")
    fill(holding, intent, 2, "0.003", D(154_000_000))
    finished(holding, intent, "0.003")
    (told,) = holding.to("guard", GuardPosition)
    assert (told.volume, told.tp1_done, told.tp2_done) == (D("0.003"), True, False)
    assert holding.on("positions", PositionChanged)[0].state == "RUNNER1"
    holding.tell(ExitTriggered(BTC, "TP1", D(154_000_000), holding.now))
    assert holding.to("risk", OrderIntended) == []


def test_a_leg_that_would_be_too_small_sells_all(portfolio):
    intent = entry(portfolio)
    fill(portfolio, intent, 1, "0.00007")
    finished(portfolio, intent, "0.00007")
    assert sale(portfolio, "TP1", D(154_000_000)).volume == D("0.00007")


def test_one_sale_at_a_time_and_the_higher_reason_follows(holding):
    first = sale(holding, "TP1", D(154_000_000))
    holding.tell(ExitTriggered(BTC, "STOP", D(146_000_000), holding.now))
    assert holding.to("risk", OrderIntended) == []
    fill(holding, first, 2, "0.003", D(154_000_000))
    finished(holding, first, "0.003")
    holding.ring()
    (follow,) = holding.to("risk", OrderIntended)
    assert (follow.intent.reason, follow.intent.volume) == ("STOP", D("0.003"))


def test_a_sale_that_did_not_get_through_is_tried_again_and_reported(holding):
    first = sale(holding)
    holding.tell(OrderRefused(first.intent_id, BTC, "EXIT_RATE", ""), "risk")
    assert holding.on("incidents", IncidentRaised)[0].kind == "exit_retry"
    holding.ring()
    (again,) = holding.to("risk", OrderIntended)
    assert again.intent.volume == D("0.006")
    assert again.intent.intent_id != first.intent_id


def test_the_rest_of_a_sale_is_sold_too(holding):
    first = sale(holding)
    fill(holding, first, 2, "0.002", D(146_000_000))
    finished(holding, first, "0.002", "cancelled")
    holding.ring()
    assert holding.to("risk", OrderIntended)[0].intent.volume == D("0.004")


def test_a_target_that_sold_nothing_is_not_done(holding):
    first = sale(holding, "TP1", D(154_000_000))
    finished(holding, first, "0", "cancelled")
    assert not holding.state.held[BTC].tp1_done
    holding.ring()
    assert holding.to("risk", OrderIntended)[0].intent.reason == "TP1"


def test_what_is_too_small_to_sell_becomes_dust_once_and_does_not_hold_the_market(holding):
    first = sale(holding)
    fill(holding, first, 2, "0.00599999", D(146_000_000))
    finished(holding, first, "0.00599999", "cancelled")
    holding.ring()
    assert holding.on("incidents", IncidentRaised)[0].kind == "dust"
    assert holding.to("guard", GuardPosition)[0].volume == 0
    assert entry(holding, bar=3).side is Side.BUY


@pytest.mark.parametrize(
    ("bar", "more", "reason"),
    [
        (2, {"spike": True, "close": D(151_000_000)}, "SPIKE"),
        (13, {"up": False}, "TIME_TREND"),
        (49, {}, "TIME_TARGET"),
        (289, {}, "TIME_TARGET"),
    ],
)
def test_closes_can_end_a_position(holding, bar, more, reason):
    holding.tell(evaluation(ETH, bar=bar)).tell(evaluation(bar=bar, **more))
    if bar == 289:
        reason = "TIME_MAX"
    assert [one.intent.reason for one in holding.to("risk", OrderIntended)] == [reason]


def test_liquidation_sells_every_position(holding):
    holding.tell(LiquidatePositions("ALL STOP", "person"), "risk")
    assert holding.to("risk", OrderIntended)[0].intent.reason == "FORCED"


def test_a_raised_stop_is_kept_and_shown_and_never_lowered(holding):
    first_target(holding)
    holding.tell(LevelsMoved(BTC, D(151_000_000), D(153_000_000)), "guard")
    assert holding.on("positions", PositionChanged)[0].levels.stop == D(151_000_000)
    holding.tell(LevelsMoved(BTC, D(150_000_000), D(153_000_000)), "guard")
    assert holding.published == []
