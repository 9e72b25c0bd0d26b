from decimal import Decimal as D

import pytest

from tests.webui.samples import NOON
from webui import fmt


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [
        (D("10324317.52"), False, "10,324,318"),
        (D("-63045.2"), True, "-63,045"),
        (D("41238.07"), True, "+41,238"),
        (D("-0.3"), True, "0"),
        (D(0), True, "0"),
        (None, True, fmt.DASH),
    ],
)
def test_money_is_whole_won(value: D | None, sign: bool, text: str) -> None:  # noqa: FBT001
    assert fmt.krw(value, sign=sign) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("155586000", "155,586,000"),
        ("1000", "1,000"),
        ("812.1", "812.1"),
        ("23.1", "23.10"),
        ("2.345", "2.345"),
        ("0.0123", "0.0123"),
        ("0.00000123", "0.00000123"),
    ],
)
def test_a_price_shows_the_decimals_its_ticks_have(value: str, text: str) -> None:
    assert fmt.price(D(value)).rstrip("0") == text.rstrip("0")


def test_an_unknown_price_is_a_dash_and_a_price_of_zero_is_a_number() -> None:
    assert fmt.price(None) == fmt.DASH
    assert fmt.price(D(0)).startswith("0")


@pytest.mark.parametrize(
    ("value", "text"),
    [("0.02153700", "0.021537"), ("584.62", "584.62"), ("1000", "1,000"), ("0", "0"), ("0.00000001", "0.00000001")],
)
def test_a_volume_has_no_trailing_zeros(value: str, text: str) -> None:
    assert fmt.quantity(D(value)) == text


@pytest.mark.parametrize(
    ("value", "digits", "sign", "text"),
    [
        (0.0292, 2, True, "+2.92%"),
        (-0.0071, 2, True, "-0.71%"),
        (-0.000001, 2, True, "0.00%"),
        (0.5951, 1, False, "59.5%"),
        (0.6, 0, False, "60%"),
        (0.0, 2, True, "0.00%"),
        (None, 2, True, fmt.DASH),
    ],
)
def test_a_fraction_is_shown_as_percent(value: float | None, digits: int, sign: bool, text: str) -> None:  # noqa: FBT001
    assert fmt.percent(value, digits=digits, sign=sign) == text


def test_times_are_shown_on_the_korean_clock() -> None:
    assert fmt.kst(NOON, "%Y-%m-%d %H:%M:%S") == "2025-11-25 12:00:00"
    assert fmt.iso(NOON) == "2025-11-25T03:00:00Z"
    assert fmt.kst(None) == fmt.DASH
    assert fmt.iso(None) == ""


def test_gains_and_losses_have_their_class() -> None:
    assert [fmt.direction(value) for value in (D(1), D(-1), D(0), None, 0.5)] == ["up", "down", "flat", "flat", "up"]


def test_a_coin_is_what_stands_behind_the_first_dash() -> None:
    assert (fmt.coin("KRW-BTC"), fmt.coin("BTC")) == ("BTC", "BTC")


def test_a_market_that_costs_no_won_is_called_with_its_currency() -> None:
    assert [fmt.pair(market) for market in ("KRW-BTC", "BTC-ETH", "USDT-BTC")] == ["BTC", "ETH/BTC", "BTC/USDT"]
