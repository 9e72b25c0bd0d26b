"""The limiter against a clock that a test moves: budgets, urgency, and what the exchange says."""

import threading

import pytest

from actors.upbit.budgets import BUDGETS
from actors.upbit.limits import Urgency
from domain.errors import RateLimited
from tests.actors.upbit.hand import SECOND, HandClock, burst, limiter_of


@pytest.mark.parametrize("group", ["candles", "default", "order"])
def test_no_stretch_of_a_second_holds_more_than_the_budget_wherever_it_begins(group):
    clock = HandClock()
    limiter = limiter_of(clock)
    assert burst(limiter, group) == BUDGETS[group].calls
    clock.time += SECOND // 2
    assert burst(limiter, group) == 0
    clock.time += SECOND // 2
    assert burst(limiter, group) == BUDGETS[group].calls


def test_whoever_waits_passes_as_soon_as_the_oldest_call_is_a_second_old():
    clock = HandClock()
    limiter = limiter_of(clock)
    times = []
    for _ in range(3 * BUDGETS["candles"].calls):
        limiter.acquire("candles", Urgency.MARKET_DATA)
        times.append(clock.time)
        clock.time += 10_000
    calls = BUDGETS["candles"].calls
    assert all(late - early == SECOND for early, late in zip(times, times[calls:], strict=False))


def test_a_budget_counts_the_exchanges_seconds_at_any_speed():
    for speed in (1.0, 60.0, 600.0):
        clock = HandClock(speed)
        waited: list[float] = []

        def wait(_: threading.Condition, seconds: float, clock=clock, waited=waited) -> None:
            waited.append(seconds)
            clock.time += max(1, round(seconds * clock.speed * SECOND))

        limiter = limiter_of(clock, wait=wait)
        burst(limiter, "order")
        limiter.acquire("order", Urgency.ORDER)
        assert sum(waited) == pytest.approx(1.0 / speed)


def test_a_batch_cancel_has_two_seconds_for_itself():
    clock = HandClock()
    limiter = limiter_of(clock)
    assert burst(limiter, "order-cancel-all") == 1
    clock.time += 2 * SECOND
    assert burst(limiter, "order-cancel-all") == 0
    clock.time += SECOND
    assert burst(limiter, "order-cancel-all") == 1


@pytest.mark.parametrize("group", ["default", "order"])
@pytest.mark.parametrize("urgency", [Urgency.ORDER, Urgency.QUERY, Urgency.MARKET_DATA])
def test_nothing_but_a_cancel_takes_the_last_calls(group, urgency):
    limiter = limiter_of(HandClock())
    budget = BUDGETS[group]
    assert burst(limiter, group, urgency) == budget.calls - budget.reserve
    assert burst(limiter, group, Urgency.CANCEL) == budget.reserve > 0


def test_of_the_exchanges_own_count_the_last_calls_are_the_cancels_too():
    limiter = limiter_of(HandClock())
    reserve = BUDGETS["order"].reserve
    limiter.remaining(f"group=order; min=720; sec={reserve + 1}")
    assert burst(limiter, "order", Urgency.ORDER) == 1
    assert burst(limiter, "order", Urgency.CANCEL) == reserve


def test_groups_do_not_share_and_both_spellings_are_one_group():
    limiter = limiter_of(HandClock())
    burst(limiter, "candle")
    assert burst(limiter, "candles") == 0
    assert burst(limiter, "default") == BUDGETS["default"].calls


def test_the_exchanges_own_count_wins_when_it_is_lower():
    clock = HandClock()
    limiter = limiter_of(clock)
    limiter.remaining("group=order; min=720; sec=2")
    assert burst(limiter, "order") == 2
    clock.time += SECOND
    assert burst(limiter, "order") == BUDGETS["order"].calls


def test_an_answer_that_was_overtaken_does_not_raise_the_count_again():
    limiter = limiter_of(HandClock())
    limiter.remaining("group=order; min=720; sec=1")
    limiter.remaining("group=order; min=720; sec=5")
    assert burst(limiter, "order") == 1


def test_a_header_nobody_understands_changes_nothing():
    limiter = limiter_of(HandClock())
    for header in (None, "", "group=order", "sec=1", "group=order; sec=many", "group=order; sec=²"):
        limiter.remaining(header)
    assert burst(limiter, "order") == BUDGETS["order"].calls


def test_a_group_of_tomorrow_is_limited_too(caplog):
    limiter = limiter_of(HandClock())
    limiter.remaining("group=of-tomorrow; min=60; sec=9")
    assert 0 < burst(limiter, "of-tomorrow") < 9
    assert caplog.text.count("of-tomorrow") == 1


def test_after_a_429_nothing_goes_before_the_next_second():
    clock = HandClock()
    clock.time += 400_000
    limiter = limiter_of(clock)
    limiter.refused("order", blocked=False, seconds=None)
    clock.time += 500_000
    assert burst(limiter, "order") == 0
    clock.time += 100_000
    assert burst(limiter, "order") > 0


def test_refusals_in_a_row_shut_longer_and_a_call_that_passed_ends_the_row():
    clock = HandClock()
    limiter = limiter_of(clock)

    def refused() -> float:
        shut = limiter.refused("order", blocked=False, seconds=None) * clock.speed
        clock.time += round(shut * SECOND)
        return shut

    assert [refused() for _ in range(7)] == pytest.approx([1, 1, 2, 4, 8, 16, 30])
    limiter.passed("order")
    assert refused() == pytest.approx(1)


def test_two_programs_do_not_come_back_at_the_same_moment():
    one, two = (limiter_of(HandClock(), jitter=lambda jitter=jitter: jitter) for jitter in (0.0, 1.0))
    assert one.refused("order", blocked=False, seconds=None) < two.refused("order", blocked=False, seconds=None)


def test_a_418_shuts_for_the_time_told_and_longer_each_time_when_none_is():
    clock = HandClock()
    limiter = limiter_of(clock)
    limiter.refused("default", blocked=True, seconds=7)
    clock.time += 6_900_000
    assert burst(limiter, "default") == 0
    clock.time += SECOND
    assert burst(limiter, "default") > 0
    limiter.passed("default")

    def blocked() -> float:
        shut = limiter.refused("order", blocked=True, seconds=None) * clock.speed
        clock.time += round(shut * SECOND)
        limiter.remaining("group=order; min=720; sec=0")  # a refusal carries the header too: that is no success
        return shut

    assert [blocked() for _ in range(3)] == pytest.approx([60, 120, 240])


def test_a_418_shuts_all_of_its_scope_and_nothing_else():
    clock = HandClock()
    limiter = limiter_of(clock)
    limiter.refused("order", blocked=True, seconds=60)
    for group in ("order", "default", "order-cancel-all"):
        with pytest.raises(RateLimited) as caught:
            limiter.acquire(group, Urgency.ORDER, timeout_s=0.01)
        assert caught.value.blocked
        assert caught.value.retry_after_s * clock.speed == pytest.approx(60)
    assert burst(limiter, "candles") > 0
    limiter.refused("ticker", blocked=True, seconds=60)
    assert burst(limiter, "candles") == burst(limiter, "websocket") == 0


def test_each_pocket_has_the_exchange_for_itself_and_all_share_the_address():
    limiter = limiter_of(HandClock())

    def passes(group: str, pocket: str) -> bool:
        try:
            limiter.acquire(group, Urgency.CANCEL, 0.0, pocket=pocket)
        except RateLimited:
            return False
        return True

    for group, own in (("default", True), ("exchange.order", True), ("ticker", False), ("websocket-connect", False)):
        while passes(group, "main"):
            pass
        assert passes(group, "bot") is own
    limiter.refused("default", blocked=True, seconds=60, pocket="bot")
    limiter.refused("order-test", blocked=False, seconds=None, pocket="bot")
    assert not passes("order-cancel-all", "bot")
    assert passes("order-cancel-all", "main")
    assert passes("order-test", "main")
    limiter.remaining("group=order; min=720; sec=0", pocket="bot")
    limiter.clock.time += 60 * SECOND
    limiter.remaining("group=order; min=720; sec=0", pocket="bot")
    assert passes("order", "main")
    assert not passes("order", "bot")
