from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import DAY, HOUR, Terms
from domain.order_rules import check_request, total_of
from domain.orders import OrderRequest, OrderType, Side, TimeInForce
from domain.rules import TICKS, NoRule, base_of, default_terms, price_down, price_up, quote_of, tick_size
from tests.domain.matching_kit import AT, M, a_limit, a_market_buy, a_market_sale, some_terms

_VECTORS = """
    # price tick floor ceil tick-before-2025-07-31 (upbit-api.md 11.2)
    155772345 1000 155772000 155773000 1000
    1000000 1000 1000000 1000000 500
    999999 500 999500 1000000 100
    999750 500 999500 1000000 100
    999500.01 500 999500 1000000 100
    500000 500 500000 500000 100
    499999 100 499900 500000 50
    123456.7 100 123400 123500 50
    100000 100 100000 100000 50
    99999 50 99950 100000 10
    76543.2 50 76500 76550 10
    50000 50 50000 50000 10
    49999 10 49990 50000 10
    12345 10 12340 12350 10
    10000 10 10000 10000 10
    9999 5 9995 10000 1
    9998 5 9995 10000 1
    7503.2 5 7500 7505 1
    5000 5 5000 5000 1
    4999.3 1 4999 5000 1
    1375.4 1 1375 1376 1
    1000 1 1000 1000 1
    999.5 1 999 1000 0.1
    640.5 1 640 641 0.1
    100 1 100 100 0.1
    99.95 0.1 99.9 100.0 0.01
    99.99 0.1 99.9 100.0 0.01
    43.27 0.1 43.2 43.3 0.01
    10 0.1 10 10 0.01
    9.995 0.01 9.99 10.00 0.001
    5.4321 0.01 5.43 5.44 0.001
    1 0.01 1 1 0.001
    0.9996 0.001 0.999 1.000 0.0001
    0.43219 0.001 0.432 0.433 0.0001
    0.1 0.001 0.1 0.1 0.0001
    0.09999 0.0001 0.0999 0.1000 0.00001
    0.012345 0.0001 0.0123 0.0124 0.00001
    0.0056789 0.00001 0.00567 0.00568 0.000001
    0.00012345 0.000001 0.000123 0.000124 0.0000001
    0.000098765 0.0000001 0.0000987 0.0000988 0.00000001
    0.0000123456 0.0000001 0.0000123 0.0000124 0.00000001
    0.00000987654 0.00000001 0.00000987 0.00000988 0.00000001
"""
VECTORS = [line.split() for line in _VECTORS.splitlines() if line.strip() and "#" not in line]


def kst(year_month_day: str) -> int:
    """Midnight in Korea that opens this day."""
    days = {
        "2024-01-29": 19_751,
        "2024-08-19": 19_954,
        "2024-10-14": 20_010,
        "2025-03-21": 20_168,
        "2025-05-19": 20_227,
        "2025-07-31": 20_300,
    }
    return days[year_month_day] * DAY - 9 * HOUR


@pytest.mark.parametrize(("price", "tick", "low", "high", "_old"), VECTORS)
def test_prices_round_by_the_table_in_force(price: str, tick: str, low: str, high: str, _old: str) -> None:
    assert tick_size(M, D(price), AT) == D(tick)
    assert price_down(M, D(price), AT) == D(low)
    assert price_up(M, D(price), AT) == D(high)


@pytest.mark.parametrize(("price", "_tick", "_low", "_high", "old"), VECTORS)
def test_the_table_before_2025_07_31_still_rules_its_own_time(
    price: str, _tick: str, _low: str, _high: str, old: str
) -> None:
    assert tick_size(M, D(price), kst("2025-07-31") - 1) == D(old)


def test_prices_round_as_the_oracle_does(money_cases: dict[str, list[dict[str, str]]]) -> None:
    for case in money_cases["tick_rounding"]:
        price = D(case["price"])
        assert tick_size(M, price, AT) == D(case["tick"])
        assert price_down(M, price, AT) == D(case["floor"])
        assert price_up(M, price, AT) == D(case["ceil"])


@pytest.mark.parametrize(
    ("market", "price", "day", "before", "after"),
    [
        (M, "1500", "2024-01-29", "5", "1"),
        (M, "150", "2024-01-29", "1", "0.1"),
        (M, "0.05", "2024-01-29", "0.0001", "0.00001"),
        ("KRW-SAND", "150", "2024-10-14", "0.1", "1"),
        ("KRW-USDT", "1400", "2025-03-21", "1", "0.5"),
        ("KRW-USDT", "1400", "2025-07-31", "0.5", "1"),
        ("KRW-SAND", "50", "2025-07-31", "0.01", "0.1"),
        (M, "7000", "2025-07-31", "1", "5"),
        ("USDT-BTC", "50000", "2024-08-19", "0.001", "0.01"),
        ("USDT-XRP", "0.5", "2024-08-19", "0.001", "0.0001"),
    ],
)
def test_a_new_table_rules_from_midnight_in_korea(market: str, price: str, day: str, before: str, after: str) -> None:
    assert tick_size(market, D(price), kst(day) - 1) == D(before)
    assert tick_size(market, D(price), kst(day)) == D(after)


def test_the_sixteen_coins_of_2024_and_no_others_had_a_coarse_tick() -> None:
    at = kst("2024-10-14")
    assert tick_size("KRW-TRX", D(300), at) == 1
    assert tick_size("KRW-XRP", D(300), at) == D("0.1")
    assert tick_size("KRW-TRX", D(1_500), at) == 1
    assert tick_size("KRW-TRX", D(99), at) == D("0.01")


def test_btc_markets_have_one_tick_everywhere() -> None:
    assert tick_size("BTC-ETH", D("0.03"), AT) == D("0.00000001")
    assert tick_size("BTC-ETH", D("0.00000005"), AT) == D("0.00000001")


@given(st.integers(1, 10**19).map(lambda units: D(units).scaleb(-8)), st.sampled_from([0, kst("2024-10-14"), AT]))
def test_a_rounded_price_is_valid_close_and_stays(price: D, at: int) -> None:
    high = price_up("KRW-SAND", price, at)
    assert high % tick_size("KRW-SAND", high, at) == 0
    assert price <= high < price + tick_size("KRW-SAND", price, at)
    assert price_up("KRW-SAND", high, at) == high
    if price >= D("0.0001"):
        low = price_down("KRW-SAND", price, at)
        assert low % tick_size("KRW-SAND", low, at) == 0
        assert price - tick_size("KRW-SAND", price, at) < low <= price
        assert price_down("KRW-SAND", low, at) == low


def test_every_band_edge_is_a_step_of_the_band_below_and_of_its_own() -> None:
    tables = [table for eras in TICKS.values() for era in eras for table in (era.common, *era.special.values())]
    for table in tables:
        assert table.floors == tuple(sorted(set(table.floors)))
        assert table.floors[0] == 0
        for edge, below, own in zip(table.floors[1:], table.ticks[:-1], table.ticks[1:], strict=True):
            assert edge % below == edge % own == 0


def test_there_is_no_price_at_or_below_zero() -> None:
    for nothing in (D(0), D(-1), D("NaN")):
        with pytest.raises(NoRule):
            tick_size(M, nothing, AT)
    with pytest.raises(NoRule):
        price_down(M, D("0.000000001"), AT)


@pytest.mark.parametrize("market", ["", "KRW", "KRW-", "EUR-BTC", "BTC"])
def test_a_market_upbit_does_not_have_is_named(market: str) -> None:
    with pytest.raises(NoRule, match="expected one such as KRW-BTC"):
        quote_of(market)


def test_a_market_names_its_two_currencies() -> None:
    assert (quote_of("KRW-BTC"), base_of("KRW-BTC")) == ("KRW", "BTC")


@pytest.mark.parametrize(
    ("market", "at", "least", "most", "fee"),
    [
        ("KRW-BTC", AT, "5000", "1000000000", "0.0005"),
        ("BTC-ETH", AT, "0.00005", "10", "0.0025"),
        ("BTC-ETH", kst("2025-05-19") - 1, "0.00005", "20", "0.0025"),
        ("BTC-ETH", kst("2024-08-19") - 1, "0.0005", "20", "0.0025"),
        ("USDT-BTC", AT, "0.5", "1000000000", "0.0025"),
        ("USDT-BTC", kst("2024-08-19") - 1, "0.0005", "1000000000", "0.0025"),
    ],
)
def test_terms_where_the_exchange_cannot_be_asked(market: str, at: int, least: str, most: str, fee: str) -> None:
    expected = Terms(market, D(fee), D(fee), D(least), D(least), D(most), "active")
    assert default_terms(market, at) == expected


# --- what an order must look like


def name_of(request: OrderRequest) -> str:
    refusal = check_request(request, some_terms(request.market), AT)
    return "" if refusal is None else refusal.name


def best(side: Side, force: TimeInForce, volume: str | None = None, funds: str | None = None) -> OrderRequest:
    amounts = [None if text is None else D(text) for text in (volume, funds)]
    return OrderRequest("", M, side, OrderType.BEST, None, amounts[0], amounts[1], force)


@pytest.mark.parametrize(
    "request_",
    [
        a_limit(),
        a_limit(Side.SELL, force=TimeInForce.POST_ONLY),
        a_limit(force=TimeInForce.IOC),
        a_limit(force=TimeInForce.FOK),
        a_market_buy("5000"),
        a_market_sale("0.00000001"),
        best(Side.BUY, TimeInForce.IOC, funds="5000"),
        best(Side.SELL, TimeInForce.FOK, volume="1"),
        a_limit(identifier="x" * 64),
        a_market_buy("1000000000"),
    ],
)
def test_a_right_order_breaks_no_rule(request_: OrderRequest) -> None:
    assert check_request(request_, some_terms(), AT) is None


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (a_limit(identifier="x" * 65), "validation_error"),
        (a_limit(volume="5.000000001"), "validation_error"),
        (OrderRequest("", M, Side.BUY, OrderType.LIMIT, price=D(1000)), "create_bid_error"),
        (OrderRequest("", M, Side.SELL, OrderType.LIMIT, volume=D(10)), "create_ask_error"),
        (OrderRequest("", M, Side.BUY, OrderType.MARKET, volume=D(10)), "create_bid_error"),
        (OrderRequest("", M, Side.SELL, OrderType.MARKET, funds=D(10_000)), "create_ask_error"),
        (OrderRequest("", M, Side.BUY, OrderType.MARKET, price=D(1000), funds=D(10_000)), "create_bid_error"),
        (a_limit(volume="0"), "create_bid_error"),
        (a_limit(Side.SELL, price="-1000"), "create_ask_error"),
        (a_market_buy("0"), "create_bid_error"),
        (best(Side.BUY, TimeInForce.GTC, funds="5000"), "invalid_time_in_force"),
        (best(Side.SELL, TimeInForce.POST_ONLY, volume="10"), "invalid_time_in_force"),
        (OrderRequest("", M, Side.SELL, OrderType.MARKET, None, D(10), None, TimeInForce.IOC), "invalid_time_in_force"),
        (a_limit(price="1000.5"), "invalid_price_bid"),
        (a_limit(Side.SELL, price="9998"), "invalid_price_ask"),
        (a_limit(volume="4.99999999"), "under_min_total_bid"),
        (a_limit(Side.SELL, volume="4.99999999"), "under_min_total_ask"),
        (a_market_buy("4999.99"), "under_min_total_bid"),
        (best(Side.BUY, TimeInForce.IOC, funds="4999"), "under_min_total_bid"),
        (a_limit(price="1000000", volume="1000.00000001"), "over_krw_funds_bid"),
        (a_limit(Side.SELL, price="1000000", volume="1000.00000001"), "over_krw_funds_ask"),
        (a_market_buy("1000000001"), "over_krw_funds_bid"),
    ],
)
def test_a_wrong_order_is_refused_by_the_exchanges_name_for_it(request_: OrderRequest, name: str) -> None:
    assert name_of(request_) == name


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (OrderRequest("", M, Side.BUY, OrderType.MARKET, D(1), None, None, TimeInForce.IOC), "create_bid_error"),
        (best(Side.BUY, TimeInForce.GTC, funds="1"), "invalid_time_in_force"),
        (a_limit(price="1000.5", volume="1"), "invalid_price_bid"),
    ],
)
def test_of_two_mistakes_the_first_of_the_exchange_is_told(request_: OrderRequest, name: str) -> None:
    assert name_of(request_) == name


def test_the_smallest_totals_are_those_of_the_terms_for_each_side() -> None:
    terms = Terms(M, D(0), D(0), min_total_bid=D(9_000), min_total_ask=D(100), max_total=D(20_000), state="active")
    assert check_request(a_limit(volume="9"), terms, AT) is None
    refusal = check_request(a_limit(volume="8.99"), terms, AT)
    assert refusal is not None
    assert refusal.name == "under_min_total_bid"
    assert check_request(a_limit(Side.SELL, volume="0.1"), terms, AT) is None


def test_case_i_the_smallest_order_of_btc() -> None:
    assert name_of(a_limit(price="155772000", volume="0.0000321", market="KRW-BTC")) == ""
    assert name_of(a_limit(price="155772000", volume="0.00003209", market="KRW-BTC")) == "under_min_total_bid"


def test_the_total_is_known_without_a_book_unless_a_sale_has_no_price() -> None:
    assert total_of(a_limit(price="1000", volume="7")) == 7_000
    assert total_of(a_market_buy("9000")) == 9_000
    assert total_of(a_market_sale("7")) is None
