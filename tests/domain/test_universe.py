"""Which markets are chosen: every filter by hand at its limit, ranks with ties, hysteresis, and what holds always."""

from decimal import Decimal as D

import msgspec
import pytest

from domain.config import UniverseSettings
from domain.decisions import Gate
from domain.market import DAY, Bar, Book, Level
from domain.universe import (
    MEMBER,
    WIDEST,
    MarketSurvey,
    day_figures,
    median,
    spreads,
)
from tests.domain.universe_kit import AT, a_market, codes, judged, members, ranked, the_verdict

ONE = UniverseSettings(top_n=1, leave_factor=D(1))


# --- the filters


def test_a_market_at_every_limit_passes_and_is_the_first():
    verdict = the_verdict(a_market())
    assert (verdict.code, verdict.rank, verdict.failing, verdict.waived) == (MEMBER, 1, (), ())
    assert verdict.tick == D("0.002")


@pytest.mark.parametrize(
    ("more", "code", "numbers"),
    [
        ({"days": 29}, "AGE", "29 closed day candles, at least 30"),
        ({"mean_value": D(4_999_999_999)}, "VALUE", "4999999999 KRW a day over 30 closed days, at least 5000000000"),
        ({"spread1": D("0.00150001")}, "SPREAD_1", "median of 5 books 0.150001 %, at most 0.15 %"),
        ({"spread2": D("0.00300001")}, "SPREAD_2", "median of 5 books 0.300001 %, at most 0.3 %"),
        ({"price": D(499)}, "TICK", "a price step is 0.200401 % of the price, at most 0.2 %"),
        ({"price": D("1.5")}, "TICK", "a price step is 0.666667 % of the price, at most 0.2 %"),
        ({"market": "KRW-USDT"}, "STABLECOIN", "USDT follows a currency: universe.stablecoins names it"),
    ],
    ids=str,
)
def test_one_step_past_a_limit_fails_with_its_numbers(more, code, numbers):
    verdict = the_verdict(msgspec.structs.replace(a_market(), **more))
    assert verdict.failing == (Gate(code, numbers),)
    assert verdict.code == code


@pytest.mark.parametrize(
    ("more", "failing"),
    [
        ({"days": None}, ["UNKNOWN_AGE"]),
        ({"mean_value": None}, ["UNKNOWN_VALUE"]),
        ({"days": 0, "mean_value": None}, ["AGE", "UNKNOWN_VALUE"]),
        ({"value_24h": None}, ["UNKNOWN_RANK"]),
        ({"spread1": None}, ["UNKNOWN_SPREAD_1"]),
        ({"spread2": None}, ["UNKNOWN_SPREAD_2"]),
        ({"books": 4}, ["UNKNOWN_SPREAD_1", "UNKNOWN_SPREAD_2"]),
        ({"price": None}, ["UNKNOWN_TICK"]),
        ({"price": D(0)}, ["UNKNOWN_TICK"]),
    ],
    ids=str,
)
def test_what_is_not_known_is_a_reason_of_its_own_and_never_zero(more, failing):
    verdict = the_verdict(a_market(**more))
    assert codes(verdict.failing) == failing
    assert (verdict.rank is None) == ("value_24h" in more)


def test_a_market_of_which_nothing_is_known_fails_by_all_that_must_be_known():
    assert codes(the_verdict(MarketSurvey("KRW-AAA")).failing) == [
        *("UNKNOWN_AGE", "UNKNOWN_VALUE", "UNKNOWN_RANK", "UNKNOWN_SPREAD_1", "UNKNOWN_SPREAD_2", "UNKNOWN_TICK"),
    ]


def test_every_filter_that_fails_is_told_the_exchanges_objections_first():
    row = a_market("KRW-USDC", price=D(150), days=3, mean_value=D(1), spread1=D("0.01"), spread2=D("0.02"))
    settings = UniverseSettings(top_n=1, only=("KRW-BBB",), never=("KRW-USDC",))
    barriers = {"KRW-USDC": (Gate("WARNING", "!"), Gate("STEPS", "!"))}
    verdict = judged(a_market("KRW-BBB", value_24h=D(2_000_000_000)), row, settings=settings, barriers=barriers)
    assert codes(verdict["KRW-USDC"].failing) == [
        *("BLACK_LIST", "WARNING", "STEPS"),
        *("WHITE_LIST", "STABLECOIN", "AGE", "VALUE", "SPREAD_1", "SPREAD_2", "TICK", "RANK"),
    ]


def test_what_the_exchange_says_of_a_market_protects_from_it():
    verdict = the_verdict(a_market(), barriers={"KRW-AAA": (Gate("WARNING", "warned of"),)})
    assert (verdict.code, verdict.failing) == ("WARNING", (Gate("WARNING", "warned of"),))


# --- the operator's lists


def test_only_restricts_and_what_it_names_must_pass_the_filters_too():
    settings = UniverseSettings(only=("KRW-AAA", "KRW-BBB"))
    told = judged(a_market("KRW-AAA"), a_market("KRW-BBB", days=1), a_market("KRW-CCC"), settings=settings)
    assert {market: one.code for market, one in told.items()} == {
        "KRW-AAA": MEMBER,
        "KRW-BBB": "AGE",
        "KRW-CCC": "WHITE_LIST",
    }


def test_always_skips_what_chooses_and_says_so_but_never_what_protects():
    settings = UniverseSettings(top_n=1, always=("KRW-USDT",))
    row = a_market("KRW-USDT", days=1, value_24h=D(1))
    verdict = judged(row, a_market("KRW-BBB"), settings=settings)["KRW-USDT"]
    assert (verdict.code, verdict.failing, codes(verdict.waived)) == (MEMBER, (), ["STABLECOIN", "AGE", "RANK"])
    barriers = {"KRW-USDT": (Gate("STEPS", "differ"),)}
    verdict = the_verdict(row, settings=settings, barriers=barriers)
    assert (verdict.code, verdict.failing) == ("STEPS", (Gate("STEPS", "differ"),))


def test_never_bars_what_would_be_chosen():
    assert the_verdict(a_market(), settings=UniverseSettings(never=("KRW-AAA",))).code == "BLACK_LIST"


def test_what_is_watched_is_not_traded_and_takes_no_rank():
    settings = UniverseSettings(top_n=1, watched=("KRW-AAA", "USDT-BTC"))
    rows = [a_market("KRW-AAA", value_24h=D(9_000_000_000)), a_market("KRW-BBB"), MarketSurvey("USDT-BTC")]
    told = judged(*rows, MarketSurvey("BTC-ETH"), MarketSurvey("EUR-ETH"), settings=settings)
    assert told["KRW-AAA"].code == "WATCHED_ONLY"
    assert codes(told["USDT-BTC"].failing) == ["WATCHED_ONLY", "QUOTE"]
    assert codes(told["BTC-ETH"].failing) == codes(told["EUR-ETH"].failing) == ["QUOTE"]
    assert (told["KRW-BBB"].code, told["KRW-BBB"].rank) == (MEMBER, 1)


def test_named_markets_are_exactly_the_universe_and_the_verdict_tells_what_would_speak_against_them():
    rows = [a_market("KRW-AAA"), a_market("KRW-BBB", days=1, price=D(150)), a_market("KRW-CCC"), a_market("KRW-DDD")]
    barriers = {"KRW-CCC": (Gate("WARNING", "!"),)}
    told = judged(*rows, barriers=barriers, named=("KRW-BBB", "KRW-CCC"))
    assert {market: (one.code, codes(one.waived)) for market, one in told.items()} == {
        "KRW-AAA": ("NOT_NAMED", []),
        "KRW-BBB": (MEMBER, ["AGE", "TICK"]),
        "KRW-CCC": ("WARNING", []),
        "KRW-DDD": ("NOT_NAMED", []),
    }


# --- ranks


def test_equal_values_are_ranked_by_name():
    told = judged(*(a_market(f"KRW-{name}") for name in ("C", "A", "B")), settings=ONE)
    assert [(one.market, one.rank, one.code) for one in told.values()] == [
        ("KRW-A", 1, MEMBER),
        ("KRW-B", 2, "RANK"),
        ("KRW-C", 3, "RANK"),
    ]


def test_a_tie_at_the_limit_goes_to_the_first_by_name_though_the_other_was_surveyed_first():
    rows = [a_market("KRW-TOP", value_24h=D(3)), a_market("KRW-Z", value_24h=D(2)), a_market("KRW-Y", value_24h=D(2))]
    assert members(judged(*rows, settings=UniverseSettings(top_n=2, leave_factor=D(1)))) == ["KRW-TOP", "KRW-Y"]


def test_a_market_that_fails_takes_no_place_and_is_told_the_one_it_would_take():
    rows = [
        a_market("KRW-A", value_24h=D(30)),
        a_market("KRW-B", value_24h=D(20), days=1),
        a_market("KRW-C", value_24h=D(20)),
        a_market("KRW-D", value_24h=D(10), days=1),
    ]
    told = judged(*rows, settings=UniverseSettings(top_n=2))
    assert [(one.rank, codes(one.failing)) for one in told.values()] == [
        (1, []),
        (2, ["AGE"]),
        (2, []),
        (3, ["AGE", "RANK"]),
    ]


def test_a_newcomer_enters_up_to_n_and_a_member_stays_up_to_a_fifth_more():
    settings = UniverseSettings(top_n=10)
    rows = ranked(14)
    assert members(judged(*rows, settings=settings)) == [f"KRW-M{place:03}" for place in range(1, 11)]
    held = ["KRW-M011", "KRW-M012", "KRW-M013"]
    told = judged(*rows, settings=settings, members=held)
    assert members(told) == [f"KRW-M{place:03}" for place in range(1, 13)]
    assert told["KRW-M013"].failing == (
        Gate("RANK", "rank 13 by 24 h value, one enters up to 10 and leaves behind 12"),
    )


def test_a_limit_between_two_ranks_keeps_the_nearer_one_only():
    settings = UniverseSettings(top_n=2, leave_factor=D("1.9"))  # 3.8
    rows = ranked(4)
    assert members(judged(*rows, settings=settings, members=["KRW-M003", "KRW-M004"])) == [
        *("KRW-M001", "KRW-M002", "KRW-M003"),
    ]


def test_a_member_that_fails_a_filter_leaves_whatever_its_rank():
    (verdict,) = judged(a_market(days=3), members=["KRW-AAA"]).values()
    assert verdict.code == "AGE"


# --- what is measured


def a_day(number, value):
    return Bar(AT + number * DAY, *(D(1),) * 5, D(value))


def test_the_mean_is_of_the_newest_days_and_cut_to_whole_won():
    bars = [a_day(0, 900), a_day(1, 10), a_day(2, 20), a_day(4, 31)]
    assert day_figures(bars, 3) == (3, D(20))
    assert day_figures(bars[1:], 30) == (3, D(20))
    assert day_figures([], 30) == (0, None)


def a_book(asks, bids):
    return Book(AT, tuple(Level(D(price), D(1)) for price in asks), tuple(Level(D(price), D(1)) for price in bids))


@pytest.mark.parametrize(
    ("asks", "bids", "found"),
    [
        ((1001, 1002), (999, 997), ("0.002", "0.005")),
        ((3,), (2,), ("0.4", WIDEST)),
        ((1001, 1002), (999,), ("0.002", WIDEST)),
        ((7, 8), (5, 4), ("0.33333334", "0.66666667")),
        ((1,), (), (WIDEST, WIDEST)),
        ((), (), (WIDEST, WIDEST)),
    ],
)
def test_spreads_are_fractions_of_the_mid_rounded_up_and_an_absent_side_bids_zero(asks, bids, found):
    assert spreads(a_book(asks, bids)) == tuple(map(D, found))


@pytest.mark.parametrize(("numbers", "middle"), [([3, 1, 2], "2"), ([4, 1, 2, 3], "2.5"), ([7], "7")])
def test_the_median_is_the_middle_or_between_the_two_in_the_middle(numbers, middle):
    assert median([D(one) for one in numbers]) == D(middle)


def test_of_no_numbers_there_is_no_median():
    assert median([]) is None
