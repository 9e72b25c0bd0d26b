from decimal import Decimal as D

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.config import ExitSettings, Settings, SizeSettings
from domain.exits import levels
from domain.market import US_PER_S, Terms
from domain.money import volume_floor
from domain.rules import price_down, price_up
from domain.sizing import Plan, Room, minimum_order, plan

AT = 1_767_225_600 * US_PER_S
M = "KRW-TST"


def with_risk(risk: str, most: str = "0.02") -> Settings:
    return Settings(sizes=SizeSettings(risk=D(risk), risk_max=D(most)))


def a_plan(  # noqa: PLR0913, PLR0917 (each is what some test is about)
    equity: int = 1_000_000,
    price: str = "10000",
    atr: str = "100",
    settings: Settings | None = None,
    cash: int | None = None,
    exposure: int = 0,
    terms: Terms | None = None,
) -> Plan:
    room = Room(D(equity), D(equity if cash is None else cash), D(exposure))
    return plan(M, D(price), D(atr), room, settings or Settings(), AT, terms)


def codes(planned: Plan) -> list[str]:
    return [gate.code for gate in planned.gates]


# The table of quant.md SIZ-05: fee and slippage 0.05 % each.
@pytest.mark.parametrize(
    ("equity", "price", "atr", "risk", "entry", "stop", "stop_fill", "funds", "volume", "loss"),
    [
        (
            5_000_000,
            "150000000",
            "2400000",
            "0.005",
            150_075_000,
            146_475_000,
            146_401_000,
            981_591,
            "0.00654066",
            "24999.96",
        ),
        (5_000_000, "3150", "63", "0.005", 3152, 3057, 3055, 787_185, "249.74143401", "24999.99"),
        (5_000_000, "412", "20", "0.005", 413, 400, 399, 716_715, "1735.38740920", "24999.99"),
        (
            5_000_000,
            "150000000",
            "2400000",
            "0.02",
            150_075_000,
            146_475_000,
            146_401_000,
            1_250_000,
            "0.00832916",
            "31836.03",
        ),
        (300_000, "3150", "63", "0.02", 3152, 3057, 3055, 75_000, "23.79441624", "2381.90"),
    ],
)
def test_the_worked_examples(  # noqa: PLR0913, PLR0917 (the columns of the table)
    equity: int,
    price: str,
    atr: str,
    risk: str,
    entry: int,
    stop: int,
    stop_fill: int,
    funds: int,
    volume: str,
    loss: str,
) -> None:
    planned = a_plan(equity, price, atr, with_risk(risk))
    assert (planned.gates, planned.entry, planned.stop, planned.stop_fill) == ((), entry, stop, stop_fill)
    assert planned.funds == funds
    assert volume_floor(planned.funds / planned.entry) == D(volume)
    assert round(D(volume) * planned.unit_loss, 2) == D(loss)


def test_unit_losses_of_the_worked_examples() -> None:
    assert round(a_plan(5_000_000, "150000000", "2400000").unit_loss) == 3_822_238
    assert a_plan(5_000_000, "3150", "63").unit_loss == D("100.1035")
    assert a_plan(5_000_000, "412", "20").unit_loss == D("14.4060")


def test_an_account_too_small_for_the_minimum_is_told_which_bound_binds() -> None:
    planned = a_plan(100_000, "3150", "63", with_risk("0.02"))
    assert planned.funds == 0
    assert [(gate.code, gate.numbers) for gate in planned.gates] == [
        ("BELOW_MIN", "the weight of one coin allows 25000 KRW, needs 30000")
    ]


def test_every_bound_of_the_account_cuts_the_size() -> None:
    # 0.2 % of 1,000,000 is 2,000 KRW; a unit loses 169.93 of 10,010: 117,813.2
    assert a_plan(settings=with_risk("0.002")).funds == 117_813
    assert a_plan(cash=100_000).funds == 99_950
    assert a_plan(exposure=550_000).funds == 50_000
    assert a_plan().funds == 250_000


def test_room_left_by_exposure_is_used_down_to_the_minimum() -> None:
    # RISK-04's example: 3,000,000 allowed, 2,300,000 held and 500,000 pending leave 200,000
    assert a_plan(5_000_000, "3150", "63", exposure=2_800_000).funds == 200_000
    assert codes(a_plan(5_000_000, "3150", "63", exposure=2_970_001)) == ["BELOW_MIN"]
    assert codes(a_plan(5_000_000, "3150", "63", exposure=4_000_000)) == ["BELOW_MIN"]


def test_a_size_below_the_minimum_is_lifted_only_within_the_largest_risk() -> None:
    assert a_plan(settings=with_risk("0.0004")).funds == 30_000  # loses 509 KRW, allowed are 20,000
    assert codes(a_plan(settings=with_risk("0.0004", "0.0004"))) == ["BELOW_MIN"]


def test_a_target_out_of_reach_or_too_dear_is_refused_and_both_are_told() -> None:
    assert codes(a_plan(atr="30")) == ["UNREACHABLE"]
    cheap = Settings(exits=ExitSettings(tp1=D("0.003"), tp1_atr=D("0.1")))
    assert codes(a_plan(settings=cheap)) == ["COST"]
    both = a_plan(100_000, atr="4", settings=cheap)
    assert codes(both) == ["COST", "UNREACHABLE", "BELOW_MIN"]
    assert both.gates[0].numbers == "target 0.300%, needs 0.400%: 2 round trips of 0.200%"


def test_a_target_of_exactly_twice_the_round_trip_or_of_the_reach_passes() -> None:
    assert codes(a_plan(settings=Settings(exits=ExitSettings(tp1=D("0.004"), tp1_atr=D("0.1"))))) == []
    assert codes(a_plan(atr="50", settings=Settings(exits=ExitSettings(tp1=D("0.03"))))) == []


def test_terms_of_the_exchange_count_fees_and_limits() -> None:
    dear = Terms(M, D("0.005"), D("0.005"), D(60_000), D(5_000), D(200_000), "active")
    assert minimum_order(Settings(), dear) == 60_000
    assert minimum_order(Settings(), None) == 30_000
    assert codes(a_plan(terms=dear)) == ["COST"]  # a round trip of 1.1 %
    easy = Terms(M, D("0.0005"), D("0.0005"), D(5_000), D(5_000), D(200_000), "active")
    assert a_plan(terms=easy).funds == 200_000


@given(
    st.integers(1, 10**11),
    st.integers(20, 500),
    st.integers(1_000_000, 50_000_000),
    st.sampled_from(["0.0004", "0.005", "0.02"]),
)
def test_at_the_planned_prices_a_stop_never_loses_more_than_allowed(
    scaled: int, atr_bp: int, equity: int, risk: str
) -> None:
    settings = Settings(
        sizes=SizeSettings(risk=D(risk), max_weight=D(1), max_exposure=D(1)), exits=ExitSettings(reach=D(100))
    )
    price = price_down(M, D(scaled) / 1000, AT)
    atr = price * atr_bp / 10_000
    planned = plan(M, price, atr, Room(D(equity), D(equity), D(0)), settings, AT)
    assume(not planned.gates)
    costs = settings.costs
    entry = price_up(M, price * (1 + costs.slip), AT)
    volume = volume_floor(planned.funds / entry)
    paid = entry * volume * (1 + costs.fee)
    fill = price_down(M, levels(M, entry, atr, settings, AT).stop * (1 - costs.slip), AT)
    lost = paid - fill * volume * (1 - costs.fee)
    lifted = planned.funds == 30_000
    assert lost <= (settings.sizes.risk_max if lifted else settings.sizes.risk) * equity
    assert 30_000 <= planned.funds == int(planned.funds)
    assert paid <= equity
