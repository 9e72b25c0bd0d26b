"""One position: its arithmetic, its exits' sizes, and the dust it may leave."""

from decimal import Decimal as D

import pytest

from actors.held import Held, entry_order, exit_order, first_held, minimum_sale, sale_volume
from domain.config import Settings
from domain.decisions import Decision, Gate
from domain.market import BASE_FRAME
from domain.messages import (
    EquityMeasured,
    ExitTriggered,
    FillBooked,
    GuardPosition,
    IncidentRaised,
    LiquidatePositions,
    OrderIntended,
    PositionChanged,
    PositionClosed,
    TermsLoaded,
)
from domain.orders import Fill, OrderType, Side, TimeInForce
from tests.actors.stage import BTC, T0, Stage, terms
from tests.actors.trade import PRICE, a_holding, a_portfolio, entry, fill, finished, sale

FEE = D("0.0005")
SETTINGS = Settings()
MINIMUM = D(5_000)


def traded(volume: str, price: D = PRICE, side: Side = Side.BUY, at: int = T0) -> Fill:
    funds = price * D(volume)
    return Fill(f"{side}{volume}{price}", "o", "i", BTC, side, price, D(volume), funds, funds * FEE, at)


def held(*fills: Fill) -> Held:
    one = Held(BTC, "A", T0 + 60_000_000, D(2_400_000))
    for each in fills:
        one.take(each)
    return one


def decision(reference: D | None = PRICE, funds: str = "1000000") -> Decision:
    gates = () if reference else (Gate("LATE", ""),)
    return Decision(BTC, T0, "ORDER", D(funds), reference, gates, "A", D(2_400_000))


# --- arithmetic


def test_entry_is_the_average_and_cost_carries_the_fees():
    one = held(traded("0.002"), traded("0.002", D(151_000_000)))
    assert (one.entry, one.volume) == (D(150_500_000), D("0.004"))
    assert one.cost == D(602_000) * (1 + FEE)


def test_a_sale_takes_its_share_of_the_cost_and_shows_its_profit():
    one = held(traded("0.004"), traded("0.001", D(154_000_000), Side.SELL))
    assert one.remaining_cost() == D(450_000) * (1 + FEE)
    assert one.told("").realised == D(154_000) * (1 - FEE) - D(150_000) * (1 + FEE)


def test_profit_of_the_round_trip_is_exactly_what_came_back_minus_what_went_in():
    one = held(traded("0.00666666"), traded("0.00666666", D(146_000_000), Side.SELL))
    assert one.volume == 0
    assert one.closed(T0).pnl == D("0.00666666") * (D(146_000_000) * (1 - FEE) - PRICE * (1 + FEE))
    assert one.remaining_cost() == 0


def test_the_entry_bar_counts_as_held():
    one = held(traded("0.004"))
    assert [one.bars_held(T0 + bar * BASE_FRAME) for bar in (1, 2, 12)] == [1, 2, 12]


def test_states_have_the_names_of_pos_01():
    one = held(traded("0.004"))
    names = [one.state]
    for change in (
        {"tp1_done": True},
        {"tp2_done": True},
        {"exit_reason": "TP2"},
        {"exit_reason": "STOP"},
        {"dust": 1},
    ):
        for name, value in change.items():
            setattr(one, name, value)
        names.append(one.state)
    assert names == ["OPEN", "RUNNER1", "RUNNER2", "RUNNER2", "EXITING", "DUST"]


def test_without_levels_there_is_nothing_to_guard():
    assert held(traded("0.004")).guarded() is None


# --- orders


def test_an_entry_is_the_most_its_funds_buy_at_the_cap():
    order = entry_order("e1", decision(), D("0.003"), 3, T0)
    assert (order.price, order.volume) == (D(150_450_000), D("0.00664672"))
    assert (order.type, order.time_in_force, order.expires_at) == (
        OrderType.LIMIT,
        TimeInForce.IOC,
        T0 + 3 * BASE_FRAME,
    )
    assert order.volume * order.price <= order.funds < (order.volume + D("0.00000001")) * order.price


@pytest.mark.parametrize("bad", [decision(None), decision(funds="1")], ids=["no price", "not one unit"])
def test_an_entry_that_cannot_be_is_none(bad):
    assert entry_order("e1", bad, D("0.003"), 3, T0) is None


def test_an_exit_is_a_market_sale_that_never_goes_stale():
    order = exit_order("x1", held(traded("0.004")), D("0.002"), "TP1", PRICE, T0)
    assert (order.side, order.type, order.price, order.funds, order.expires_at) == ("sell", "market", None, None, 0)


@pytest.mark.parametrize(
    ("reason", "volume", "minimum", "part", "whole"),
    [
        ("STOP", "0.006", "5000", "0.006", True),
        ("TP1", "0.006", "5000", "0.003", False),
        ("TP2", "0.00000003", "0.0001", "0.00000003", True),  # below min_leg
        ("TP1", "0.0001", "5000", "0.00005", False),  # legs of 7,500 KRW
        ("TP1", "0.0001", "10000", "0.0001", True),  # the exchange wants more than min_leg
    ],
)
def test_no_leg_of_a_sale_is_too_small(reason, volume, minimum, part, whole):
    assert sale_volume(held(traded(volume)), reason, PRICE, SETTINGS, D(minimum)) == (D(part), whole)


def test_the_exchanges_minimum_counts_once_it_is_known():
    assert minimum_sale(None, MINIMUM) == MINIMUM
    assert minimum_sale(terms().terms, D(1)) == 5_000


# --- dust


def test_dust_keeps_its_own_cost_and_what_was_sold_is_the_round_trip():
    one = held(traded("0.006"), traded("0.00599", D(154_000_000), Side.SELL))
    closed = one.turn_to_dust(T0)
    assert closed.volume == D("0.00599")
    assert closed.pnl == D("0.00599") * (D(154_000_000) * (1 - FEE) - PRICE * (1 + FEE))
    assert (one.volume, one.remaining_cost(), one.entry) == (D("0.00001"), D(1_500) * (1 + FEE), PRICE)
    assert one.told("").realised == 0


def test_dust_that_never_was_more_has_no_round_trip():
    assert held(traded("0.00001")).turn_to_dust(T0) is None


def test_dust_joins_the_next_position_without_moving_its_price_or_its_age():
    dust = held(traded("0.00002"))
    dust.turn_to_dust(T0)
    later = T0 + 500 * BASE_FRAME
    one = first_held(traded("0.004", D(100_000_000), at=later), "B", D(5), dust)
    one.take(traded("0.004", D(100_000_000), at=later))
    assert (one.entry, one.volume, one.strategy) == (D(100_000_000), D("0.00402"), "B")
    assert one.cost == (D(3_000) + D(400_000)) * (1 + FEE)
    assert one.bars_held(later + BASE_FRAME) == 1


@pytest.fixture
def dusty() -> Stage:
    """A position of which a stop left 1,500 KRW."""
    stage = a_holding()
    first = sale(stage)
    fill(stage, first, 2, "0.00599", D(146_000_000))
    finished(stage, first, "0.00599", "cancelled")
    return stage.ring()


def test_dust_is_told_once_with_the_round_trip_before_it(dusty):
    assert [one.kind for one in dusty.on("incidents", IncidentRaised)] == ["dust"]
    assert dusty.on("positions", PositionChanged)[-1].state == "DUST"
    assert dusty.on("positions", PositionClosed)[0].volume == D("0.00599")
    assert dusty.to("guard", GuardPosition)[0].volume == 0
    dusty.tell(ExitTriggered(BTC, "STOP", D(1), dusty.now), "guard").tell(LiquidatePositions("", "person"), "risk")
    assert dusty.sent == dusty.published == []


def test_dust_is_no_exposure_but_stays_in_the_books(dusty):
    finished(dusty, entry(dusty, bar=3), "0", "cancelled")
    (measured,) = dusty.on("equity", EquityMeasured)
    assert measured.exposure == 0
    assert measured.equity == measured.cash + D("0.00001") * PRICE


def test_the_next_position_is_young_guarded_and_sold_together_with_the_dust(dusty):
    dusty.now += 300 * BASE_FRAME  # longer than a position may be held
    buy = entry(dusty, bar=301)
    at = T0 + 301 * BASE_FRAME
    one = traded("0.003", at=at)
    dusty.tell(FillBooked(one, buy.intent_id, "ENTRY", "A"), "gateway")
    assert dusty.to("guard", GuardPosition)[0].volume == D("0.00301")
    finished(dusty, buy, "0.003")
    dusty.tell(ExitTriggered(BTC, "STOP", D(146_000_000), dusty.now), "guard")
    (order,) = dusty.to("risk", OrderIntended)
    assert order.intent.volume == D("0.00301")
    assert dusty.state.held[BTC].bars_held(at + BASE_FRAME) == 1


def test_an_entry_that_stays_too_small_becomes_dust_at_its_end():
    portfolio = a_portfolio()
    buy = entry(portfolio)
    fill(portfolio, buy, 1, "0.00003")  # 4,500 KRW
    portfolio.tell(ExitTriggered(BTC, "STOP", D(140_000_000), portfolio.now), "guard")
    assert portfolio.sent == portfolio.published == []  # more of it may come
    finished(portfolio, buy, "0.00003", "cancelled")
    assert portfolio.on("positions", PositionChanged)[-1].state == "DUST"
    assert portfolio.on("positions", PositionClosed) == []


def test_an_exit_that_waited_for_the_end_of_a_small_buy_goes_then():
    portfolio = a_portfolio()
    buy = entry(portfolio)
    fill(portfolio, buy, 1, "0.00003")
    portfolio.tell(ExitTriggered(BTC, "STOP", D(140_000_000), portfolio.now), "guard")
    fill(portfolio, buy, 2, "0.003")
    finished(portfolio, buy, "0.00303", "cancelled")
    portfolio.ring()
    assert [one.intent.volume for one in portfolio.to("risk", OrderIntended)] == [D("0.00303")]


def test_an_exchange_that_wants_more_than_our_smallest_leg_gets_the_whole():
    holding = a_holding("0.0001")
    known = terms().terms
    holding.tell(TermsLoaded(type(known)(BTC, FEE, FEE, D(10_000), D(10_000), D(10**9), "active")))
    assert sale(holding, "TP1", D(154_000_000)).volume == D("0.0001")


def test_a_sale_of_coins_no_position_holds_is_booked_and_reported_and_breaks_nothing():
    portfolio = a_portfolio()
    one = traded("0.001", side=Side.SELL)
    portfolio.tell(FillBooked(one, "x9", "STOP", "A"), "gateway")
    assert [each.kind for each in portfolio.on("incidents", IncidentRaised)] == ["sale_without_position"]
    assert portfolio.state.ledger.coins == {BTC: D("-0.001")}
    assert portfolio.state.held == {}


def test_more_sold_than_held_ends_the_position_at_nothing():
    holding = a_holding()
    stop = sale(holding)
    fill(holding, stop, 2, "0.007", D(146_000_000))
    assert holding.on("positions", PositionChanged)[0].volume == 0
    assert holding.state.held == {}
