from decimal import Decimal as D

import pytest

from actors.desk import ExitRetryDue
from actors.portfolio import Portfolio
from actors.runtime import Recovered
from domain.config import Settings
from domain.decisions import Evaluation, Gate, Intent
from domain.market import BASE_FRAME, US_PER_S
from domain.messages import (
    BooksWanted,
    DecisionDue,
    DecisionsMade,
    EquityMeasured,
    ExitTriggered,
    FillBooked,
    GuardPosition,
    IncidentRaised,
    IntentAsked,
    LedgerCorrected,
    LedgerTold,
    LevelsMoved,
    LiquidatePositions,
    MarketEvaluated,
    OrderFinished,
    OrderIntended,
    OrderRefused,
    PositionChanged,
    PositionClosed,
    SettingsChanged,
    TradingStateChanged,
    UniverseChanged,
)
from domain.orders import Fill, Side
from tests.actors.stage import BTC, T0, Stage, session, terms

ETH = "KRW-ETH"
PRICE = D(150_000_000)
ATR = D(2_400_000)


def evaluation(  # noqa: PLR0913 (what a market can say)
    market=BTC, *, bar=1, signal=False, close=PRICE, spike=False, up=True, value=1
):
    intents = (Intent("A", market, 1.0, ATR, ()),) if signal else ()
    return MarketEvaluated(
        Evaluation(
            market=market,
            at=T0 + bar * BASE_FRAME,
            close=close,
            real=True,
            value_24h=D(value),
            atr=ATR,
            trend_up_1h=up,
            trend_up_4h=True,
            spike=spike,
            features=(),
            intents=intents,
            gates=() if signal else (Gate("A.RECLAIM", "not yet"),),
        )
    )


def opened(currency="KRW", amount="10000000", *, opening=True):
    return LedgerCorrected(currency, D(amount), D(100), "opening balance", opening, T0)


@pytest.fixture
def portfolio() -> Stage:
    stage = Stage(Portfolio, "portfolio").tell(session(BTC, ETH)).tell(SettingsChanged(Settings(), "test", ""))
    stage.tell(UniverseChanged((BTC, ETH))).tell(terms()).tell(terms(ETH)).tell(opened())
    return stage.tell(TradingStateChanged("ACTIVE", "", "", T0))


def decided(stage: Stage, *evaluations: MarketEvaluated) -> list:
    for one in evaluations:
        stage.tell(one)
    (made,) = stage.on("decisions", DecisionsMade)
    return list(made.decisions)


def entry(stage: Stage, bar: int = 1):
    """An ORDER decision for BTC; gives the intent."""
    decided(stage, evaluation(ETH, bar=bar), evaluation(bar=bar, signal=True))
    return stage.to("risk", OrderIntended)[0].intent


def fill(stage: Stage, intent, number: int, volume: str, price=PRICE) -> Stage:
    at = T0 + BASE_FRAME + US_PER_S
    funds = price * D(volume)
    one = Fill(f"t{number}", "o", "i", intent.market, intent.side, price, D(volume), funds, funds * D("0.0005"), at)
    return stage.tell(FillBooked(one, intent.intent_id, intent.reason, "A"), "gateway")


def finished(stage: Stage, intent, executed: str, stage_name: str = "done") -> Stage:
    return stage.tell(OrderFinished(intent.intent_id, intent.market, stage_name, D(executed), "why"), "gateway")


@pytest.fixture
def holding(portfolio) -> Stage:
    """One position of 0.006 BTC."""
    intent = entry(portfolio)
    fill(portfolio, intent, 1, "0.006")
    return finished(portfolio, intent, "0.006")


def sale(stage: Stage, reason="STOP", price=D(146_000_000)):
    """A trigger of the guard; gives the intent of the sale."""
    stage.tell(ExitTriggered(BTC, reason, price, stage.now), "guard")
    (intended,) = stage.to("risk", OrderIntended)
    return intended.intent


def first_target(stage: Stage) -> Stage:
    """Half of a holding is sold at the first target."""
    intent = sale(stage, "TP1", D(154_000_000))
    fill(stage, intent, 2, "0.003", D(154_000_000))
    return finished(stage, intent, "0.003")


# --- deciding


def test_it_decides_once_all_markets_are_there_and_tells_every_reason(portfolio):
    portfolio.tell(evaluation())
    assert portfolio.published == []
    decisions = decided(portfolio, evaluation(ETH))
    assert {one.market: one.code for one in decisions} == {BTC: "NO_SIGNAL", ETH: "NO_SIGNAL"}
    assert {gate.code for gate in decisions[0].gates} == {"NO_SIGNAL", "A.RECLAIM"}


def test_when_a_decision_is_due_a_missing_market_is_late_and_its_evaluation_comes_for_nothing(portfolio):
    portfolio.tell(evaluation()).tell(DecisionDue(T0 + BASE_FRAME), "clock")
    (made,) = portfolio.on("decisions", DecisionsMade)
    assert {one.market: one.code for one in made.decisions} == {BTC: "NO_SIGNAL", ETH: "LATE"}
    portfolio.tell(evaluation(ETH, signal=True))
    assert portfolio.sent == portfolio.published == []


def test_a_time_is_decided_once(portfolio):
    decided(portfolio, evaluation(), evaluation(ETH))
    portfolio.tell(DecisionDue(T0 + BASE_FRAME), "clock")
    assert portfolio.published == []


def test_a_signal_becomes_an_immediate_order_with_the_cap_as_its_limit(portfolio):
    intent = entry(portfolio)
    assert intent.price == D(150_450_000)  # 0.3 % above, on the tick
    assert (
        intent.volume * intent.price <= intent.funds == 2 * D(981_591)
    )  # quant.md SIZ-05, first row, at twice its equity
    assert intent.time_in_force == "ioc"
    assert intent.expires_at == T0 + 4 * BASE_FRAME


def test_nothing_is_entered_twice_while_a_buy_is_under_way(portfolio):
    entry(portfolio)
    decisions = decided(portfolio, evaluation(ETH, bar=2), evaluation(bar=2, signal=True))
    assert {one.market: one.code for one in decisions}[BTC] == "PENDING"


def test_in_any_state_but_active_there_are_reasons_and_no_orders(portfolio):
    portfolio.tell(TradingStateChanged("HALTED", "ALL STOP", "person", T0))
    decisions = decided(portfolio, evaluation(ETH), evaluation(signal=True))
    assert {one.market: one.code for one in decisions}[BTC] == "HALT"
    assert portfolio.to("risk", OrderIntended) == []


def test_a_refused_buy_frees_its_place(portfolio):
    intent = entry(portfolio)
    portfolio.tell(OrderRefused(intent.intent_id, BTC, "EXPOSURE", ""), "risk")
    assert entry(portfolio, bar=2).intent_id != intent.intent_id


def test_a_holding_without_a_price_makes_the_value_unknown(portfolio):
    portfolio.tell(opened("DOGE", "10"))
    portfolio.tell(evaluation()).tell(evaluation(ETH))
    assert not portfolio.on("equity", EquityMeasured)[0].marked


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


# --- books


def test_it_tells_its_books_in_currencies(holding):
    holding.tell(BooksWanted(7), "reconciler")
    (told,) = holding.to("reconciler", LedgerTold)
    cash = 10_000_000 - PRICE * D("0.006") * D("1.0005")
    assert (told.request, dict(told.totals), told.opened) == (7, {"KRW": cash, "BTC": D("0.006")}, True)


def test_coins_nobody_explains_are_booked_reported_and_not_traded(portfolio):
    portfolio.tell(opened("ETH", "2"))
    assert portfolio.on("incidents", IncidentRaised)[0].kind == "unexplained_coins"
    assert portfolio.state.held == {}
    portfolio.tell(ExitTriggered(ETH, "STOP", D(1), T0))
    assert portfolio.to("risk", OrderIntended) == []


def test_a_manual_sale_shrinks_or_ends_the_position(holding):
    holding.tell(opened("BTC", "-0.002", opening=False))
    assert holding.to("guard", GuardPosition)[0].volume == D("0.004")
    holding.tell(opened("BTC", "-0.004", opening=False))
    assert holding.on("positions", PositionClosed)[0].reason == "MANUAL"
    assert holding.state.ledger.coins == {}


def test_money_from_outside_is_no_profit(portfolio):
    portfolio.tell(opened("KRW", "5000000", opening=False))
    ledger = portfolio.state.ledger
    assert (ledger.cash, ledger.flows, ledger.realised) == (15_000_000, 15_000_000, 0)


# --- restarts


def test_after_a_process_start_it_guards_again_and_asks_after_every_intent(holding):
    pending = sale(holding)
    holding.tell(Recovered(2), "runtime")
    assert holding.to("guard", GuardPosition)[0].volume == D("0.006")
    assert holding.to("gateway", IntentAsked) == [IntentAsked(pending.intent_id)]


def test_a_retry_whose_timer_died_with_the_process_is_armed_again(holding):
    first = sale(holding)
    holding.tell(OrderRefused(first.intent_id, BTC, "EXIT_RATE", ""), "risk")
    holding.tell(Recovered(2), "runtime")
    assert [one for _, one in holding.timers if isinstance(one, ExitRetryDue)] == [ExitRetryDue(BTC, "STOP")]


def test_ids_are_never_given_twice_even_when_the_counter_is_lost(portfolio):
    first = entry(portfolio)
    portfolio.state.counter = 0
    portfolio.state.pending.clear()
    portfolio.now += US_PER_S
    assert entry(portfolio, bar=2).intent_id != first.intent_id
