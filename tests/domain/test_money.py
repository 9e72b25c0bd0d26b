import decimal
import threading
from decimal import Decimal as D
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    PRECISION,
    BadNumber,
    ceil_to,
    estimate,
    exact,
    fee_of,
    floor_to,
    parse,
    plain,
    strict_decimals,
    volume_floor,
    won_floor,
)

STEPS = st.sampled_from([D("0.00000001"), D("0.5"), D(1), D(5), D(1000)])
NUMBERS = st.integers(-(10**20), 10**20).map(lambda units: D(units).scaleb(-8))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_an_unknown_estimate_never_becomes_money(value: float) -> None:
    with pytest.raises(BadNumber):
        exact(value, D(1), "down")


def test_an_estimate_crosses_by_its_eight_decimals_and_not_by_its_binary_digits() -> None:
    assert exact(0.1 + 0.2, D("0.1"), "up") == D("0.3")
    assert exact(2.9999999999, D(1), "down") == D(3)
    assert exact(1234.5, D(5), "down") == D(1230)
    assert exact(1234.5, D(5), "up") == D(1235)


def test_a_claim_crosses_to_the_nearest_float() -> None:
    assert estimate(D("0.1")) == 0.1


@given(NUMBERS, STEPS)
def test_rounding_stays_within_one_step_on_the_safe_side_and_is_idempotent(value: D, step: D) -> None:
    low, high = floor_to(value, step), ceil_to(value, step)
    assert value - step < low <= value <= high < value + step
    assert low % step == 0 == high % step
    assert floor_to(low, step) == low
    assert ceil_to(high, step) == high


@pytest.mark.parametrize("step", [D(0), D(-1)])
def test_a_step_must_be_positive(step: D) -> None:
    with pytest.raises(BadNumber):
        floor_to(D(1), step)
    with pytest.raises(BadNumber):
        ceil_to(D(1), step)


def test_volumes_are_cut_to_eight_decimals_and_won_to_whole_ones() -> None:
    assert volume_floor(D("0.123456789")) == D("0.12345678")
    assert won_floor(D("9995.99")) == D(9995)


def test_a_fee_keeps_every_digit() -> None:
    assert fee_of(D("7394.19175"), D("0.0005")) == D("3.697095875")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("1E+3", "1000"),
        ("100.0", "100"),
        ("0.00000001", "0.00000001"),
        ("1E-8", "0.00000001"),
        ("-0.0", "0"),
        ("-12.50", "-12.5"),
        ("10", "10"),
        ("1386929.37231066771348207123", "1386929.37231066771348207123"),
    ],
)
def test_the_wire_sees_no_exponent_and_no_trailing_zero(value: str, text: str) -> None:
    assert plain(D(value)) == text


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_told_to_nobody(value: str) -> None:
    with pytest.raises(BadNumber):
        plain(D(value))


@given(NUMBERS)
def test_a_number_told_and_read_again_is_the_same(value: D) -> None:
    assert parse(plain(value)) == value


def test_numbers_come_as_text_as_int_as_decimal_and_with_an_exponent() -> None:
    assert parse("1.45878E8") == D(145_878_000)
    assert parse(7) == D(7)
    assert parse(D("0.5")) == D("0.5")


@pytest.mark.parametrize(
    "value",
    [
        "",
        " 1",
        "1 ",
        "1,000",
        "+1",
        ".5",
        "1.",
        "0x1",
        "1_000",
        "NaN",
        "Infinity",
        "١٢",
        "1e",
        "1e9999",
        "1e31",
        "1e-31",
    ],
)
def test_text_that_is_not_a_plain_number_is_refused(value: str) -> None:
    with pytest.raises(BadNumber):
        parse(value)


@pytest.mark.parametrize("value", [D("NaN"), D("sNaN"), D("Infinity"), D("1E+40"), D("0." + "1" * 61), 0.5, True, None])
def test_values_that_cannot_be_money_are_refused(value: Any) -> None:
    with pytest.raises(BadNumber):
        parse(value)


def test_strict_decimals_reach_threads_started_later() -> None:
    seen: list[object] = []

    def look() -> None:
        seen.append(decimal.getcontext().prec)
        try:
            seen.append(D(1) < 1.5)
        except decimal.FloatOperation:
            seen.append("refused")

    strict_decimals()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join(timeout=10)
    assert seen == [PRECISION, "refused"]


def test_the_sums_of_the_reference_that_need_no_exchange() -> None:
    """upbit-api.md 11.3: A, G, I and L."""
    assert D("0.0001") * 155_772_000 == D("15577.2")
    assert fee_of(D("5.377594") * 1375, D("0.0005")) == D("3.697095875")
    assert ceil_to(D(5_000) / 155_772_000, D("0.00000001")) == D("0.0000321")
    assert [D(volume) * 155_772_000 for volume in ("0.0000321", "0.00003209")] == [D("5000.2812"), D("4998.72348")]
    assert [ceil_to(5_000 / (1 - D(loss)), D(1)) for loss in ("0.05", "0.1", "0.2")] == [5_264, 5_556, 6_250]
