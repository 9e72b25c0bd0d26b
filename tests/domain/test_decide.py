from decimal import Decimal as D
from itertools import permutations

import pytest
from msgspec.structs import replace

from domain.blocks import Block
from domain.config import Settings, SizeSettings
from domain.decide import PIPELINE, AccountView, RiskView, decide
from domain.decisions import Decision, Evaluation, Gate, Intent
from domain.market import BASE_FRAME, US_PER_S, Terms

AT = 1_767_225_600 * US_PER_S
A, B, C = "KRW-AAA", "KRW-BBB", "KRW-CCC"
SET = Settings()
ACCOUNT = AccountView(equity=D(10_000_000), cash_free=D(10_000_000), exposure=D(0))
RISK = RiskView("ACTIVE", "", (A, B, C))
UNMET = (Gate("A.RSI_TOUCH", "lowest RSI 34.2 in 24 bars, needs < 30"), Gate("A.DIP", "too deep"))


def an_evaluation(market: str = A, *, value: int = 1, wants: bool = True, **change: object) -> Evaluation:
    intents = (Intent("A", market, 1.0, D(100), ("because",)),) if wants else ()
    plain = Evaluation(
        market=market,
        at=AT,
        close=D(10_000),
        real=True,
        value_24h=D(value),
        atr=D(100),
        trend_up_1h=True,
        trend_up_4h=True,
        spike=False,
        features=(),
        intents=intents,
        gates=() if wants else UNMET,
    )
    return replace(plain, **change)


def decided(
    *evaluations: Evaluation,
    account: AccountView = ACCOUNT,
    risk: RiskView = RISK,
    settings: Settings = SET,
    expected: tuple[str, ...] = (),
) -> tuple[Decision, ...]:
    return decide(AT, evaluations or (an_evaluation(),), account, risk, settings, expected=expected)


def codes(decision: Decision) -> list[str]:
    return [gate.code for gate in decision.gates]


def outcome(decisions: tuple[Decision, ...]) -> list[tuple[str, str, int]]:
    return [(each.market, each.code, int(each.funds)) for each in decisions]


def test_a_wish_nothing_speaks_against_is_an_order_with_all_the_portfolio_needs() -> None:
    (order,) = decided()
    assert order == Decision(A, AT, "ORDER", D(2_500_000), D(10_000), (), "A", D(100))


def test_without_a_wish_the_unmet_conditions_are_the_reason() -> None:
    (decision,) = decided(an_evaluation(wants=False))
    assert (decision.code, decision.funds, decision.strategy) == ("NO_SIGNAL", 0, "")
    assert decision.gates[1:] == UNMET


def test_what_holds_of_the_market_comes_before_the_missing_wish_and_what_holds_of_the_account_behind() -> None:
    quiet = an_evaluation(wants=False, gates=(Gate("SYNTHETIC", "nothing traded"), *UNMET))
    account = replace(ACCOUNT, held=(A,), day_blocked=True)
    (decision,) = decided(quiet, account=account, risk=replace(RISK, state="HALTED", reason="by hand"))
    assert codes(decision) == ["HALT", "SYNTHETIC", "NO_SIGNAL", "A.RSI_TOUCH", "A.DIP", "HELD", "DAY_LOSS"]
    assert decision.code == "HALT"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"settings": Settings(strategies=())}, "GLOBAL_OFF"),
        ({"risk": replace(RISK, state="HALTED")}, "HALT"),
        ({"risk": replace(RISK, state="REDUCING")}, "HALT"),
        ({"risk": replace(RISK, universe=(B,))}, "NOT_IN_UNIVERSE"),
        ({"risk": replace(RISK, halted_markets=((B, "no"), (A, "an order's fate is unknown")))}, "MARKET_HALT"),
        ({"account": replace(ACCOUNT, held=(A,))}, "HELD"),
        ({"account": replace(ACCOUNT, pending=(A,))}, "PENDING"),
        ({"account": replace(ACCOUNT, day_blocked=True)}, "DAY_LOSS"),
        ({"account": replace(ACCOUNT, held=(B, C))}, "MAX_POSITIONS"),
        ({"account": replace(ACCOUNT, held=(B,), pending=(C,))}, "MAX_POSITIONS"),
        ({"account": replace(ACCOUNT, entries=((B, 9), (A, 3)))}, "ENTRIES_PER_DAY"),
        ({"account": replace(ACCOUNT, cash_free=D(30_000))}, "BELOW_MIN"),
    ],
)
def test_one_reason_refuses_a_wish_and_is_told_alone(change: dict[str, object], code: str) -> None:
    (decision,) = decided(**change)  # type: ignore[arg-type]  # the table holds keywords of several types
    assert (decision.code, codes(decision), decision.funds) == (code, [code], 0)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (Block("", "STREAM_SILENT", "public: 12 s", 1), Gate("DATA_STALE", "STREAM_SILENT: public: 12 s")),
        (Block(A, "SPIKE", "rest: 14 %", 1), Gate("DATA_STALE", "SPIKE: rest: 14 %")),
        (Block("", "MAINTENANCE", "no candle for 3 min", 1), Gate("MAINTENANCE", "MAINTENANCE: no candle for 3 min")),
    ],
)
def test_a_block_of_the_data_refuses_a_wish_with_its_own_code_and_numbers(block: Block, told: Gate) -> None:
    (decision,) = decided(risk=replace(RISK, blocks=(block,)))
    assert (decision.code, decision.gates, decision.funds) == (told.code, (told,), 0)


def test_a_block_of_another_market_refuses_nothing() -> None:
    assert decided(risk=replace(RISK, blocks=(Block(B, "SPIKE", "rest: 14 %", 1),)))[0].code == "ORDER"


def test_a_market_that_is_both_held_and_being_bought_takes_one_place() -> None:
    account = replace(ACCOUNT, held=(B,), pending=(B,), entries=((A, 2),))
    assert decided(account=account)[0].code == "ORDER"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"trusted": False}, "DATA_STALE"),
        ({"gates": (Gate("DATA_STALE", "silent"),)}, "DATA_STALE"),
        ({"gates": (Gate("SYNTHETIC", "nothing traded"),)}, "SYNTHETIC"),
        ({"gates": (Gate("COVERAGE", "synthetic=5 of 24, at most 4"),)}, "COVERAGE"),
        ({"gates": (Gate("SOMETHING_NEW", "of a later version"),)}, "SOMETHING_NEW"),
        ({"intents": (Intent("A", A, 1.0, D(30), ()),)}, "UNREACHABLE"),
    ],
)
def test_what_the_market_says_against_itself_refuses_a_wish(change: dict[str, object], code: str) -> None:
    (decision,) = decided(an_evaluation(**change))  # type: ignore[arg-type]  # the table holds keywords of several types
    assert (decision.code, codes(decision)) == (code, [code])


def test_the_unmet_conditions_of_one_strategy_do_not_refuse_the_wish_of_another() -> None:
    assert decided(an_evaluation(gates=(Gate("C.SQUEEZE", "not met"),)))[0].code == "ORDER"


def test_a_reason_the_pipeline_does_not_know_comes_first() -> None:
    odd = an_evaluation(gates=(Gate("SOMETHING_NEW", "of a later version"),))
    assert codes(decided(odd, risk=replace(RISK, state="HALTED"))[0]) == ["SOMETHING_NEW", "HALT"]


def test_all_reasons_are_told_in_the_order_of_the_pipeline() -> None:
    everything = decided(
        an_evaluation(
            trusted=False,
            gates=(Gate("COVERAGE", "y"), Gate("SYNTHETIC", "x")),
            intents=(Intent("A", A, 1.0, D(1), ()),),
        ),
        account=AccountView(D(1), D(0), D(0), (A, B), (A,), ((A, 3),), day_blocked=True),
        risk=RiskView(
            "HALTED", "by hand", (), ((A, "unknown order"),), (Block("", "MAINTENANCE", "no candle for 3 min", 1),)
        ),
    )[0]
    told = codes(everything)
    assert told == sorted(told, key=PIPELINE.index)
    assert set(told) == {
        *("HALT", "MAINTENANCE", "DATA_STALE", "NOT_IN_UNIVERSE", "MARKET_HALT", "SYNTHETIC", "COVERAGE"),
        *("HELD", "PENDING", "DAY_LOSS"),
        *("MAX_POSITIONS", "ENTRIES_PER_DAY", "UNREACHABLE", "BELOW_MIN"),
    }
    assert everything.code == told[0]
    assert all(gate.numbers for gate in everything.gates)


def test_a_price_the_rule_book_cannot_place_refuses_and_stops_nobody_else() -> None:
    odd = an_evaluation(A, value=2, close=D("0.00000001"), intents=(Intent("A", A, 1.0, D("0.00000001"), ()),))
    first, second = decided(odd, an_evaluation(B))
    assert (first.code, second.code) == ("PRICE", "ORDER")


def test_markets_are_worked_by_traded_value_and_then_by_name_however_they_arrive() -> None:
    given = [an_evaluation(A, value=1), an_evaluation(B, value=2), an_evaluation(C, value=1)]
    wanted = [(B, "ORDER", 2_500_000), (A, "ORDER", 2_500_000), (C, "MAX_POSITIONS", 0)]
    for arrival in permutations(given):
        assert outcome(decided(*arrival)) == wanted


def test_each_order_leaves_less_cash_and_exposure_to_the_next() -> None:
    settings = Settings(sizes=SizeSettings(max_positions=5))
    given = [an_evaluation(market, value=value) for market, value in ((A, 3), (B, 2), (C, 1))]
    by_exposure = decided(*given, settings=settings)
    assert [int(each.funds) for each in by_exposure] == [2_500_000, 2_500_000, 1_000_000]
    # 3,000,000 - 2,500,000 * 1.0005 leaves 498,750, which must also pay its fee; then nothing is left
    by_cash = decided(*given, settings=settings, account=replace(ACCOUNT, cash_free=D(3_000_000)))
    assert outcome(by_cash) == [(A, "ORDER", 2_500_000), (B, "ORDER", 498_500), (C, "BELOW_MIN", 0)]


def test_the_fee_reserved_is_that_of_the_market() -> None:
    terms = Terms(A, D("0.001"), D("0.001"), D(5000), D(5000), D(10**9), "active")
    account = replace(ACCOUNT, cash_free=D(3_000_000), terms=(terms,))
    _, second = decided(an_evaluation(A, value=2), an_evaluation(B), account=account)
    assert second.funds == int(D(497_500) / D("1.0005"))


def test_every_evaluation_and_every_expected_market_gets_one_decision() -> None:
    old = an_evaluation(C, at=AT - BASE_FRAME)
    decisions = decided(an_evaluation(B), old, expected=(B, A))
    assert [(each.market, each.code) for each in decisions] == [(B, "ORDER"), (A, "LATE"), (C, "LATE")]
    assert all(each.at == AT for each in decisions)
    assert codes(decisions[1]) == ["LATE"]


def test_the_strongest_wish_owns_the_position() -> None:
    weak, strong = Intent("A", A, 0.4, D(100), ()), Intent("A", A, 0.9, D(120), ())
    assert decided(an_evaluation(intents=(weak, strong)))[0].atr == 120


def test_deciding_again_decides_the_same() -> None:
    given = [an_evaluation(market, value=k, wants=k != 1) for k, market in enumerate((A, B, C))]
    assert decided(*given, expected=(A, "KRW-DDD")) == decided(*given, expected=(A, "KRW-DDD"))
