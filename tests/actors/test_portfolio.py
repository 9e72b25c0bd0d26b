"""What the portfolio decides, what it books, and what it does when it comes back."""

from decimal import Decimal as D

from actors.desk import ExitRetryDue
from actors.portfolio import ASK_AGAIN_S, UpkeepDue
from actors.runtime import Recovered, Restarted
from domain.blocks import Block
from domain.market import BASE_FRAME, US_PER_S
from domain.messages import (
    BooksWanted,
    DataBlocked,
    DecisionDue,
    DecisionsMade,
    EquityMeasured,
    ExitTriggered,
    GuardPosition,
    IncidentRaised,
    IntentAsked,
    LedgerTold,
    OrderIntended,
    OrderRefused,
    PositionClosed,
    TradingStateChanged,
    UniverseChanged,
)
from tests.actors.stage import BTC, T0, Stage
from tests.actors.trade import (
    ETH,
    PRICE,
    decided,
    entry,
    evaluation,
    fill,
    opened,
    orders,
    sale,
)

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


def test_what_blocks_the_data_of_a_market_refuses_its_entries_until_it_is_over(portfolio):
    portfolio.tell(DataBlocked((Block(BTC, "SPIKE", "rest: 14 %", T0),), T0), "quality")
    decisions = decided(portfolio, evaluation(ETH), evaluation(signal=True))
    assert {one.market: one.code for one in decisions} == {BTC: "DATA_STALE", ETH: "NO_SIGNAL"}
    assert portfolio.to("risk", OrderIntended) == []
    portfolio.tell(DataBlocked((), T0), "quality")
    assert entry(portfolio, bar=2).market == BTC


def test_blocked_data_never_holds_up_a_sale(holding):
    holding.tell(DataBlocked((Block("", "MAINTENANCE", "no candle", T0),), T0), "quality")
    holding.tell(ExitTriggered(BTC, "STOP", PRICE, T0), "guard")
    assert orders(holding) == [("STOP", D("0.006"))]


def test_a_position_where_nothing_may_be_entered_is_waited_for_and_sold_at_its_close(holding):
    holding.tell(UniverseChanged((ETH,)), "universe")
    holding.tell(evaluation(ETH, bar=289))
    assert holding.published == []
    decisions = decided(holding, evaluation(bar=289, signal=True))
    assert {one.market: one.code for one in decisions} == {BTC: "NOT_IN_UNIVERSE", ETH: "NO_SIGNAL"}
    assert orders(holding) == [("TIME_MAX", D("0.006"))]


def test_a_refused_buy_frees_its_place(portfolio):
    intent = entry(portfolio)
    portfolio.tell(OrderRefused(intent.intent_id, BTC, "EXPOSURE", ""), "risk")
    assert entry(portfolio, bar=2).intent_id != intent.intent_id


def test_a_holding_without_a_price_makes_the_value_unknown(portfolio):
    portfolio.tell(opened("DOGE", "10"))
    portfolio.tell(evaluation()).tell(evaluation(ETH))
    assert not portfolio.on("equity", EquityMeasured)[0].marked


def test_each_fill_is_valued_at_once_and_money_only_changed_its_form(portfolio):
    intent = entry(portfolio)
    fill(portfolio, intent, 1, "0.003")
    (measured,) = portfolio.on("equity", EquityMeasured)
    spent = PRICE * D("0.003")
    assert (measured.cash, measured.exposure) == (10_000_000 - spent * D("1.0005"), spent)
    assert measured.equity == 10_000_000 - measured.fees == 10_000_000 - spent * D("0.0005")


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


def test_coins_no_position_holds_go_before_those_of_the_position(holding):
    holding.tell(opened("BTC", "0.5", opening=False))
    holding.tell(opened("BTC", "-0.5", opening=False))
    assert holding.to("guard", GuardPosition) == []
    assert holding.state.held[BTC].volume == D("0.006")


def test_coins_that_left_by_hand_are_no_loss(holding):
    holding.tell(opened("BTC", "-0.004", opening=False))
    held = holding.state.held[BTC]
    assert held.told("").realised == 0
    assert held.told("").cost == PRICE * D("0.002") * D("1.0005")
    holding.tell(opened("BTC", "-0.002", opening=False))
    (closed,) = holding.on("positions", PositionClosed)
    assert (closed.pnl, closed.entry, closed.volume) == (0, PRICE, D("0.006"))
    assert holding.state.ledger.realised == 0


def test_a_correction_is_valued_at_once(portfolio):
    portfolio.tell(opened("KRW", "5000000", opening=False))
    assert portfolio.on("equity", EquityMeasured)[0].cash == 15_000_000


def test_an_account_that_opens_with_coins_is_valued_once_their_price_is_known(portfolio):
    portfolio.tell(opened("BTC", "0.01"))
    assert not portfolio.on("equity", EquityMeasured)[0].marked
    portfolio.tell(evaluation()).tell(evaluation(ETH))
    (measured,) = portfolio.on("equity", EquityMeasured)
    assert (measured.marked, measured.equity, measured.exposure) == (True, 11_500_000, 0)


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


def asked(stage: Stage) -> list[str]:
    return [one.intent_id for one in stage.to("gateway", IntentAsked)]


def test_an_intent_that_may_still_be_on_its_way_is_not_asked_after(holding):
    """The gateway would call it absent: the sale would be sent twice."""
    due = UpkeepDue(holding.state.chain)
    pending = sale(holding)
    holding.tell(due, "timer")
    assert asked(holding) == []
    holding.tell(UpkeepDue(holding.state.chain), "timer", ASK_AGAIN_S)
    assert asked(holding) == [pending.intent_id]


def test_after_a_crash_mail_is_still_on_its_way_so_only_old_intents_are_asked_after(holding):
    pending = sale(holding)
    holding.tell(Restarted(), "runtime")
    assert holding.to("guard", GuardPosition)[0].volume == D("0.006")
    assert asked(holding) == []
    holding.tell(Restarted(), "runtime", ASK_AGAIN_S)
    assert asked(holding) == [pending.intent_id]


def test_a_stale_upkeep_timer_is_ignored(holding):
    sale(holding)
    holding.tell(UpkeepDue(holding.state.chain - 1), "timer", ASK_AGAIN_S)
    assert holding.sent == holding.timers == []


def test_when_no_market_may_be_entered_the_account_is_valued_and_what_is_held_is_decided_on(holding):
    holding.tell(UniverseChanged(()), "universe").tell(evaluation(bar=2))
    (made,) = holding.on("decisions", DecisionsMade)
    assert [(one.market, one.code) for one in made.decisions] == [(BTC, "NOT_IN_UNIVERSE")]
    assert holding.on("equity", EquityMeasured)


def test_a_market_that_is_only_watched_is_never_decided_on(portfolio):
    portfolio.tell(UniverseChanged((ETH,)), "universe").tell(evaluation(bar=2))
    made = decided(portfolio, evaluation(ETH, bar=2))
    assert {one.market: one.code for one in made} == {ETH: "NO_SIGNAL"}
