import csv
from decimal import Decimal as D
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.limits import DayLimits, count_entry, entries_on, measure
from domain.market import DAY, HOUR, KST_OFFSET, MINUTE, kst_day

GOLDEN = Path(__file__).resolve().parents[2].parent / "shared" / "golden"
MIDNIGHT = 20_000 * DAY - KST_OFFSET  # 00:00 KST
LOSS = D("0.03")


def after(*samples: tuple[int, int, int]) -> DayLimits:
    """Samples are minutes after midnight KST, equity, and flows of all time."""
    limits = DayLimits()
    for minute, equity, flows in samples:
        measure(limits, MIDNIGHT + minute * MINUTE, D(equity), D(flows), LOSS)
    return limits


def test_a_day_blocks_at_exactly_the_loss_and_not_before() -> None:
    assert not after((0, 5_000_000, 0), (9, 4_850_001, 0)).blocked
    assert after((0, 5_000_000, 0), (9, 4_850_000, 0)).blocked


def test_a_block_lasts_until_midnight_in_korea_even_if_equity_recovers() -> None:
    lost = ((0, 5_000_000, 0), (9, 4_850_000, 0), (10, 4_900_000, 0))
    assert after(*lost).blocked
    assert after(*lost, (24 * 60 - 1, 6_000_000, 0)).blocked
    opened = after(*lost, (24 * 60, 4_900_000, 0))
    assert (opened.blocked, opened.day_start) == (False, 4_900_000)


def test_the_sample_at_midnight_opens_the_day_and_is_not_compared_with_the_old_one() -> None:
    assert not after((0, 5_000_000, 0), (24 * 60, 1_000_000, 0)).blocked


def test_a_deposit_is_no_profit_and_a_withdrawal_no_loss() -> None:
    lost = ((0, 5_000_000, 0), (1, 4_900_000, 0))
    assert not after(*lost, (2, 5_900_000, 1_000_000)).blocked
    # NAV stood at 0.98; another 1 % of 5,900,000 makes 0.9702, and 1.1 % makes 0.9692
    assert not after(*lost, (2, 5_900_000, 1_000_000), (3, 5_841_000, 1_000_000)).blocked
    assert after(*lost, (2, 5_900_000, 1_000_000), (3, 5_835_100, 1_000_000)).blocked
    assert not after(*lost, (2, 1_900_000, -3_000_000)).blocked
    assert after(*lost, (2, 1_900_000, -3_000_000), (3, 1_880_000, -3_000_000)).blocked


def test_a_loss_hidden_behind_a_deposit_in_the_same_sample_is_seen() -> None:
    assert after((0, 5_000_000, 0), (1, 5_850_000, 1_000_000)).blocked
    assert not after((0, 5_000_000, 0), (1, 5_850_001, 1_000_000)).blocked


def test_a_block_is_not_cleared_by_a_deposit() -> None:
    assert after((0, 5_000_000, 0), (1, 4_850_000, 0), (2, 5_850_000, 1_000_000)).blocked


def test_equity_against_the_scaled_start_is_the_change_of_nav() -> None:
    limits = after((0, 5_000_000, 0), (1, 4_900_000, 0), (2, 5_900_000, 1_000_000))
    assert D(5_900_000) / limits.day_start == pytest.approx(D("0.98"), abs=D("1e-20"))


def test_money_that_was_there_before_the_first_sample_is_not_a_flow_of_the_day() -> None:
    limits = after((5, 1_000_000, 1_000_000), (6, 990_000, 1_000_000))
    assert (limits.day_start, limits.blocked) == (1_000_000, False)


def test_an_empty_account_is_not_blocked_and_its_first_deposit_opens_it() -> None:
    limits = after((0, 0, 0), (1, 0, 0), (2, 100_000, 100_000))
    assert (limits.blocked, limits.day_start) == (False, 100_000)
    assert after((0, 0, 0), (1, 0, 0), (2, 100_000, 100_000), (3, 97_000, 100_000)).blocked
    emptied = after((0, 100_000, 0), (1, 0, -100_000), (2, 50_000, -50_000), (3, 48_501, -50_000))
    assert (emptied.blocked, emptied.day_start) == (False, 50_000)


def test_losing_all_blocks() -> None:
    assert after((0, 100_000, 0), (1, 0, 0)).blocked


def test_a_sample_older_than_the_day_does_not_open_it_again() -> None:
    limits = after((0, 5_000_000, 0), (1, 4_800_000, 0))
    measure(limits, MIDNIGHT - MINUTE, D(4_800_000), D(0), LOSS)
    assert (limits.day, limits.blocked) == (kst_day(MIDNIGHT), True)


@given(st.lists(st.tuples(st.integers(1, 10**7), st.integers(-(10**6), 10**6)), min_size=1, max_size=30))
def test_it_equals_nav_worked_out_step_by_step(moves: list[tuple[int, int]]) -> None:
    limits, nav, before, flows, lost = DayLimits(), D(1), D(10**7), D(0), False
    measure(limits, MIDNIGHT, before, flows, LOSS)
    for minute, (equity, flow) in enumerate(moves, start=1):
        if equity - flow <= 0:
            continue
        nav, before, flows = nav * (D(equity) - flow) / before, D(equity), flows + flow
        if abs(nav - (1 - LOSS)) < D("1e-20"):
            return  # the two ways round differently in the last digit
        lost = lost or nav <= 1 - LOSS
        assert measure(limits, MIDNIGHT + minute * MINUTE, before, flows, LOSS) is lost


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="the golden files are not beside this checkout")
def test_the_golden_days_of_an_account_with_flows() -> None:
    limits, flows = DayLimits(), D(0)
    with (GOLDEN / "risk_hourly.csv").open() as file:
        for number, row in enumerate(csv.DictReader(file)):
            flows += D(row["flow"])
            blocked = measure(limits, int(row["ts"]) * 1000, D(row["equity"]), flows, LOSS)
            assert blocked == bool(int(row["day_hit"])), f"row {number}"
    assert number > 2_559


def test_entries_count_for_their_market_and_their_day() -> None:
    limits = DayLimits()
    for market in ("KRW-A", "KRW-A", "KRW-B"):
        count_entry(limits, market, 7)
    assert [entries_on(limits, market, 7) for market in ("KRW-A", "KRW-B", "KRW-C")] == [2, 1, 0]
    assert entries_on(limits, "KRW-A", 8) == 0
    count_entry(limits, "KRW-B", 8)
    assert (entries_on(limits, "KRW-A", 8), entries_on(limits, "KRW-B", 8)) == (0, 1)


def test_limits_survive_their_snapshot() -> None:
    limits = after((0, 5_000_000, 0), (1, 4_800_000, 0))
    count_entry(limits, "KRW-A", kst_day(MIDNIGHT + HOUR))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(limits), type=DayLimits) == limits
