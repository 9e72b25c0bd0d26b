from decimal import Decimal as D

import pytest

from actors.risk import EXITS_PER_MINUTE, Risk
from actors.runtime import Recovered
from domain.blocks import Block
from domain.config import Settings
from domain.market import DAY, US_PER_S
from domain.messages import (
    DataBlocked,
    EquityMeasured,
    HaltTrading,
    IntentAsked,
    LiquidatePositions,
    OrderApproved,
    OrderFinished,
    OrderIntended,
    OrderRefused,
    ReconcileFinished,
    ResumeTrading,
    RiskTripped,
    SettingsChanged,
    StopAll,
    TradingStateChanged,
)
from tests.actors.stage import BTC, T0, Stage, a_buy, a_sale, session


def measured(  # noqa: PLR0913 (an account has that many sides)
    equity="10000000", *, cash="10000000", exposure="0", day_start="10000000", at=T0, marked=True
):
    zero = D(0)
    return EquityMeasured(at, D(cash), D(equity), D(exposure), D(day_start), zero, zero, zero, marked)


@pytest.fixture
def risk() -> Stage:
    stage = Stage(Risk, "risk").tell(session()).tell(SettingsChanged(Settings(), "test", ""))
    return stage.tell(ReconcileFinished(T0, True, ())).tell(measured())


def refusal(risk: Stage, intent) -> str:
    risk.tell(OrderIntended(intent), "portfolio")
    refused = risk.to("portfolio", OrderRefused)
    assert bool(refused) != bool(risk.to("gateway", OrderApproved))
    return refused[0].code if refused else ""


def test_a_sound_buy_passes_once(risk):
    assert refusal(risk, a_buy()) == ""
    risk.tell(OrderIntended(a_buy()), "portfolio")
    assert risk.sent == []


def test_nothing_is_bought_before_the_books_are_reconciled():
    risk = Stage(Risk, "risk").tell(session()).tell(measured())
    assert refusal(risk, a_buy()) == "NOT_RECONCILED"
    assert refusal(risk, a_sale()) == ""


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (Block("", "STREAM_SILENT", "public: 12 s", T0), "DATA_STALE"),
        (Block(BTC, "SPIKE", "rest: 14 %", T0), "DATA_STALE"),
        (Block("", "MAINTENANCE", "no candle", T0), "MAINTENANCE"),
        (Block("KRW-XRP", "SPIKE", "rest: 14 %", T0), ""),
    ],
)
def test_what_blocks_the_data_holds_up_a_buy_on_its_way_and_never_a_sale(risk, block, code):
    risk.tell(DataBlocked((block,), T0), "quality")
    assert refusal(risk, a_buy()) == code
    assert refusal(risk, a_sale()) == ""
    risk.tell(DataBlocked((), T0), "quality")
    assert refusal(risk, a_buy("e2")) == ""


def test_after_a_process_start_it_waits_for_the_reconciler_again(risk):
    risk.tell(Recovered(2), "runtime")
    assert risk.on("risk", TradingStateChanged)[0].state == "REDUCING"
    assert refusal(risk, a_buy()) == "NOT_RECONCILED"


def test_nothing_is_bought_with_an_account_that_could_not_be_valued(risk):
    risk.tell(measured(marked=False))
    assert refusal(risk, a_buy()) == "NO_EQUITY"


def test_a_stale_intent_is_refused(risk):
    risk.now += 901 * US_PER_S
    assert refusal(risk, a_buy()) == "EXPIRED"


@pytest.mark.parametrize(("funds", "code"), [("29999", "BELOW_MIN"), ("2500001", "WEIGHT"), ("2500000", "")])
def test_the_size_of_one_buy_is_bounded(risk, funds, code):
    assert refusal(risk, a_buy(funds=funds)) == code


def test_buys_under_way_count_against_exposure(risk):
    risk.tell(measured(exposure="3000000"))
    assert refusal(risk, a_buy("e1", funds="2000000")) == ""
    assert refusal(risk, a_buy("e2", funds="1000001")) == "EXPOSURE"
    risk.tell(OrderFinished("e1", "KRW-BTC", "expired", D(0), ""), "gateway")
    assert refusal(risk, a_buy("e3", funds="1000001")) == ""


def test_buys_under_way_count_against_cash(risk):
    risk.tell(measured(cash="2000000"))
    assert refusal(risk, a_buy("e1", funds="1000000")) == ""
    assert refusal(risk, a_buy("e2", funds="999500")) == "CASH"  # the fee of both is missing
    assert refusal(risk, a_buy("e3", funds="999000")) == ""


def test_the_loss_limit_latches_until_the_korean_day_ends(risk):
    risk.tell(measured(equity="9700001"))
    assert risk.on("risk", RiskTripped) == []
    risk.tell(measured(equity="9700000"))
    assert risk.on("risk", RiskTripped)[0].kind == "DAY_LOSS"
    assert risk.on("risk", TradingStateChanged)[0].state == "REDUCING"
    risk.tell(measured(equity="9900000"))
    assert refusal(risk, a_buy()) == "DAY_LOSS"
    assert refusal(risk, a_sale()) == ""
    risk.now = T0 + 15 * 3_600 * US_PER_S  # 00:00 KST
    risk.tell(measured(equity="9900000", day_start="9900000", at=risk.now))
    assert risk.on("risk", RiskTripped)[0].released
    assert risk.on("risk", TradingStateChanged)[0].state == "ACTIVE"
    assert refusal(risk, a_buy("e2", expires_s=0)) == ""


def test_a_halt_stops_buys_and_never_sales_until_a_person_resumes(risk):
    risk.tell(HaltTrading("supervisor gave up on market:KRW-BTC", "supervisor"), "supervisor")
    assert risk.to("gateway", HaltTrading)
    assert risk.on("risk", TradingStateChanged)[0].state == "HALTED"
    assert refusal(risk, a_buy()) == "HALT"
    assert refusal(risk, a_sale()) == ""
    risk.tell(measured(at=T0 + DAY))
    risk.tell(ReconcileFinished(T0 + DAY, True, ()))
    assert refusal(risk, a_buy("e2", expires_s=0)) == "HALT"
    risk.tell(ResumeTrading("person"))
    assert risk.to("gateway", ResumeTrading)
    assert risk.on("risk", TradingStateChanged)[0].state == "ACTIVE"
    assert refusal(risk, a_buy("e3", expires_s=0)) == ""


def test_all_stop_can_keep_positions_or_sell_them(risk):
    risk.tell(StopAll("person", False))
    assert risk.to("portfolio", LiquidatePositions) == []
    risk.tell(StopAll("person", True))
    assert risk.to("portfolio", LiquidatePositions)
    assert risk.to("gateway", HaltTrading)


def test_a_process_start_repeats_the_halt_and_the_liquidation_until_a_person_resumes(risk):
    risk.tell(StopAll("person", True)).tell(Recovered(2), "runtime")
    assert risk.to("gateway", HaltTrading) == [HaltTrading("ALL STOP", "person")]
    assert risk.to("portfolio", LiquidatePositions) == [LiquidatePositions("ALL STOP", "person")]
    assert risk.on("risk", TradingStateChanged)[0].state == "HALTED"
    risk.tell(ResumeTrading("person")).tell(Recovered(3), "runtime")
    assert risk.sent == []
    risk.tell(HaltTrading("five crashes", "supervisor")).tell(Recovered(4), "runtime")
    assert risk.to("gateway", HaltTrading)
    assert risk.to("portfolio", LiquidatePositions) == []


def test_books_that_differ_leave_exits_only(risk):
    risk.tell(ReconcileFinished(T0, False, ("KRW 1",)))
    told = risk.on("risk", TradingStateChanged)[0]
    assert (told.state, told.reason) == ("REDUCING", "KRW 1")
    assert refusal(risk, a_buy()) == "NOT_RECONCILED"


def test_sales_are_bounded_in_rate_alone(risk):
    codes = [refusal(risk, a_sale(f"x{number}")) for number in range(EXITS_PER_MINUTE + 1)]
    assert codes == [""] * EXITS_PER_MINUTE + ["EXIT_RATE"]
    risk.now += 61 * US_PER_S
    assert refusal(risk, a_sale("y1")) == ""


def test_a_reservation_that_stays_is_asked_after(risk):
    refusal(risk, a_buy())
    risk.tell(session()).ring()
    assert risk.to("gateway", IntentAsked)[0].intent_id == "e1"
