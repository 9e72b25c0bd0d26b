"""The limiter against a clock that a test moves: budgets, urgency, and what the exchange says."""

import threading

import pytest

from actors.upbit.limits import PER_SECOND, Limiter, Urgency
from domain.errors import RateLimited

SECOND = 1_000_000


class HandClock:
    """Time that stands still until it is moved; a wait on it is no wait at all in real time."""

    def __init__(self, speed: float = 1_000.0) -> None:
        self.speed, self.time = speed, 1_000 * SECOND

    def now(self) -> int:
        return self.time

    def real_seconds(self, delay_us: int) -> float:
        return delay_us / SECOND / self.speed


def burst(limiter: Limiter, group: str) -> int:
    """How many calls pass at once."""
    count = 0
    while True:
        try:
            limiter.acquire(group, Urgency.QUERY, timeout_s=0.0)
        except RateLimited:
            return count
        count += 1


@pytest.mark.parametrize("group", ["candles", "default", "order"])
def test_a_second_has_its_budget_and_the_next_one_another(group):
    clock = HandClock()
    limiter = Limiter(clock)
    assert burst(limiter, group) == PER_SECOND[group]
    clock.time += SECOND // 2
    assert burst(limiter, group) == PER_SECOND[group] // 2
    clock.time += 10 * SECOND
    assert burst(limiter, group) == PER_SECOND[group]


def test_groups_do_not_share_and_both_spellings_are_one_group():
    limiter = Limiter(HandClock())
    burst(limiter, "candle")
    assert burst(limiter, "candles") == 0
    assert burst(limiter, "default") == PER_SECOND["default"]


def test_the_exchanges_own_count_wins_when_it_is_lower():
    limiter = Limiter(HandClock())
    limiter.remaining("group=order; min=720; sec=2")
    assert burst(limiter, "order") == 2


def test_a_header_nobody_understands_changes_nothing():
    limiter = Limiter(HandClock())
    for header in (None, "", "group=order", "sec=1", "group=order; sec=many"):
        limiter.remaining(header)
    assert burst(limiter, "order") == PER_SECOND["order"]


def test_after_a_429_nothing_goes_before_the_next_second():
    clock = HandClock()
    clock.time += 400_000
    limiter = Limiter(clock)
    limiter.refused("order", blocked=False, seconds=None)
    clock.time += 500_000
    assert burst(limiter, "order") == 0
    clock.time += 700_000
    assert burst(limiter, "order") > 0


def test_a_418_shuts_for_the_time_told_and_longer_each_time_when_none_is():
    clock = HandClock()
    limiter = Limiter(clock)
    limiter.refused("default", blocked=True, seconds=7)
    clock.time += 6_900_000
    assert burst(limiter, "default") == 0
    clock.time += SECOND
    assert burst(limiter, "default") > 0
    shut = [limiter.refused("order", blocked=True, seconds=None) * clock.speed for _ in range(3)]
    assert shut == pytest.approx([60, 120, 240], abs=0.1)


def test_the_urgent_go_first_when_the_budget_is_short():
    clock = HandClock()
    limiter = Limiter(clock)
    burst(limiter, "default")
    order: list[str] = []
    passed = threading.Semaphore(0)

    def call(urgency: Urgency, name: str) -> None:
        limiter.acquire("default", urgency, timeout_s=30.0)
        order.append(name)
        passed.release()

    threads = []
    for urgency, name in ((Urgency.MARKET_DATA, "data"), (Urgency.QUERY, "query"), (Urgency.ORDER, "order")):
        threads.append(threading.Thread(target=call, args=(urgency, name), daemon=True))
        threads[-1].start()
    waiting = limiter._budget("default").waiting
    for _ in range(10_000_000):
        if sum(waiting.values()) == 3:
            break
    assert sum(waiting.values()) == 3
    for _ in range(3):
        clock.time += int(SECOND / PER_SECOND["default"]) + 1
        assert passed.acquire(timeout=10)
    for thread in threads:
        thread.join(10)
    assert order == ["order", "query", "data"]
