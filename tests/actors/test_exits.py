"""Exits that meet each other, or a refusal, or an entry that is not over yet."""

from decimal import Decimal as D

from domain.messages import (
    ExitTriggered,
    GuardPosition,
    IncidentRaised,
    LevelsMoved,
    LiquidatePositions,
    OrderIntended,
    OrderRefused,
    TradingStateChanged,
)
from domain.orders import Side
from tests.actors.stage import BTC, T0
from tests.actors.trade import (
    ETH,
    PRICE,
    decided,
    entry,
    evaluation,
    fill,
    finished,
    first_target,
    orders,
    sale,
)

# --- two reasons, refusals, timers


def test_a_stop_cut_short_goes_on_as_a_stop_whatever_weaker_reason_came_meanwhile(holding):
    first = sale(holding)
    holding.tell(ExitTriggered(BTC, "TP1", D(154_000_000), holding.now), "guard")
    fill(holding, first, 2, "0.002", D(146_000_000))
    finished(holding, first, "0.002", "cancelled")
    holding.ring()
    assert orders(holding) == [("STOP", D("0.004"))]


def test_a_weaker_reason_does_not_take_the_place_of_one_that_waits_for_its_next_attempt(holding):
    holding.tell(LiquidatePositions("ALL STOP", "person"), "risk")
    first = holding.to("risk", OrderIntended)[0].intent
    holding.tell(OrderRefused(first.intent_id, BTC, "EXIT_RATE", ""), "risk")
    holding.tell(ExitTriggered(BTC, "TP1", D(154_000_000), holding.now), "guard")
    assert orders(holding) == [("FORCED", D("0.006"))]


def test_a_weaker_reason_follows_a_target_that_sold_only_a_part(holding):
    first = sale(holding, "TP1", D(154_000_000))
    holding.tell(evaluation(ETH, bar=289)).tell(evaluation(bar=289))
    assert orders(holding) == []
    fill(holding, first, 2, "0.003", D(154_000_000))
    finished(holding, first, "0.003")
    holding.ring()
    assert orders(holding) == [("TIME_MAX", D("0.003"))]


def test_a_weaker_reason_that_waits_for_its_next_attempt_goes_on_after_a_target(holding):
    first = sale(holding, "TIME_MAX", PRICE)
    holding.tell(OrderRefused(first.intent_id, BTC, "EXIT_RATE", ""), "risk")
    target = sale(holding, "TP1", D(154_000_000))
    assert target.volume == D("0.003")
    fill(holding, target, 2, "0.003", D(154_000_000))
    finished(holding, target, "0.003")
    holding.ring()
    assert orders(holding) == [("TIME_MAX", D("0.003"))]


def test_a_timer_of_an_exit_that_happened_otherwise_does_not_sell_the_next_position(holding):
    first = sale(holding, "TIME_TREND", PRICE)
    holding.tell(OrderRefused(first.intent_id, BTC, "EXIT_RATE", ""), "risk")
    (_, late), *_ = holding.timers
    second = sale(holding)
    fill(holding, second, 2, "0.006", D(146_000_000))
    finished(holding, second, "0.006")
    fill(holding, entry(holding, bar=2), 3, "0.006")
    holding.tell(late, "timer")
    assert holding.sent == []


def test_a_sale_that_fails_for_hours_is_reported_ever_more_rarely(holding):
    told = []
    intent = sale(holding)
    for _ in range(9):
        holding.tell(OrderRefused(intent.intent_id, BTC, "OFFLINE", "market is suspended"), "gateway")
        told.append(len(holding.on("incidents", IncidentRaised)))
        holding.ring()
        intent = holding.to("risk", OrderIntended)[0].intent
    assert told == [1, 1, 0, 1, 0, 0, 0, 1, 0]


def test_the_end_of_a_sale_told_twice_is_heard_once(holding):
    first = sale(holding)
    finished(holding, first, "0", "cancelled")
    finished(holding, first, "0", "cancelled")
    assert holding.timers == holding.published == []


# --- entries that are not over yet


def test_what_an_entry_still_brings_after_its_stop_is_sold_too(portfolio):
    buy = entry(portfolio)
    fill(portfolio, buy, 1, "0.003")
    stop = sale(portfolio)
    fill(portfolio, buy, 2, "0.003")
    assert orders(portfolio) == []
    fill(portfolio, stop, 3, "0.003", D(146_000_000))
    finished(portfolio, stop, "0.003")
    portfolio.ring()
    assert orders(portfolio) == [("STOP", D("0.003"))]


def test_what_comes_after_all_was_sold_is_a_new_position_under_guard(portfolio):
    buy = entry(portfolio)
    fill(portfolio, buy, 1, "0.003")
    stop = sale(portfolio)
    fill(portfolio, stop, 2, "0.003", D(146_000_000))
    fill(portfolio, buy, 3, "0.002")
    assert portfolio.to("guard", GuardPosition)[0].volume == D("0.002")
    finished(portfolio, stop, "0.003")
    assert portfolio.timers == []
    assert orders(portfolio) == portfolio.on("incidents", IncidentRaised) == []


def test_an_exit_of_the_new_position_waits_for_the_end_of_the_old_ones_sale(portfolio):
    buy = entry(portfolio)
    fill(portfolio, buy, 1, "0.003")
    stop = sale(portfolio)
    fill(portfolio, stop, 2, "0.003", D(146_000_000))
    fill(portfolio, buy, 3, "0.002")
    portfolio.tell(ExitTriggered(BTC, "STOP", D(146_000_000), portfolio.now), "guard")
    assert orders(portfolio) == []
    finished(portfolio, stop, "0.003")
    portfolio.ring()
    assert orders(portfolio) == [("STOP", D("0.002"))]


def test_a_market_is_not_entered_again_before_the_end_of_its_sale_is_told(holding):
    stop = sale(holding)
    fill(holding, stop, 2, "0.006", D(146_000_000))
    codes = {one.market: one.code for one in decided(holding, evaluation(ETH, bar=2), evaluation(bar=2, signal=True))}
    assert codes[BTC] == "HELD"
    finished(holding, stop, "0.006")
    assert entry(holding, bar=3).side is Side.BUY


def test_what_an_entry_brings_after_all_was_liquidated_is_sold_at_once_until_trading_goes_on(portfolio):
    buy = entry(portfolio)
    portfolio.tell(TradingStateChanged("HALTED", "ALL STOP", "person", T0), "risk")
    portfolio.tell(LiquidatePositions("ALL STOP", "person"), "risk")
    fill(portfolio, buy, 1, "0.003")
    assert orders(portfolio) == [("FORCED", D("0.003"))]
    forced = portfolio.to("risk", OrderIntended)[0].intent
    fill(portfolio, forced, 2, "0.003")
    finished(portfolio, forced, "0.003")
    portfolio.tell(TradingStateChanged("ACTIVE", "", "", T0), "risk")
    fill(portfolio, buy, 3, "0.003")
    assert orders(portfolio) == []


def test_more_of_an_entry_after_the_first_target_does_not_lower_the_stop(portfolio):
    buy = entry(portfolio)
    fill(portfolio, buy, 1, "0.006")
    first_target(portfolio)
    portfolio.tell(LevelsMoved(BTC, D(151_000_000), D(153_000_000)), "guard")
    fill(portfolio, buy, 3, "0.001")
    assert portfolio.to("guard", GuardPosition)[0].levels.stop == D(151_000_000)


def test_a_stop_that_trails_before_the_first_target_is_of_an_older_position(holding):
    holding.tell(LevelsMoved(BTC, D(151_000_000), D(153_000_000)), "guard")
    assert holding.published == []
