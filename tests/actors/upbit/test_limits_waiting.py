"""Who waits in the limiter, in which order, for how long; and what holds whatever the calls are."""

import contextlib
import threading

from hypothesis import given, settings
from hypothesis import strategies as some

from actors.upbit.budgets import BUDGETS
from actors.upbit.limits import Urgency
from domain.errors import ExchangeUnavailable, RateLimited
from tests.actors.upbit.hand import SECOND, Gate, HandClock, limiter_of


def test_the_urgent_go_first_and_equals_in_the_order_they_came():
    clock = HandClock()
    gate = Gate(clock)
    limiter = limiter_of(clock, wait=gate)
    limiter.acquire("order-cancel-all", Urgency.ORDER)
    order: list[str] = []
    passed = threading.Semaphore(0)

    def call(urgency: Urgency, name: str) -> None:
        limiter.acquire("order-cancel-all", urgency, timeout_s=30.0)
        order.append(name)
        passed.release()

    threads = [
        gate.start(lambda urgency=urgency, name=name: call(urgency, name))
        for urgency, name in (
            (Urgency.MARKET_DATA, "data"),
            (Urgency.QUERY, "first query"),
            (Urgency.QUERY, "second query"),
            (Urgency.ORDER, "cancel"),
        )
    ]
    for _ in threads:
        gate.move(3 * SECOND)
        assert passed.acquire(timeout=10)
    for thread in threads:
        thread.join(10)
    assert order == ["cancel", "first query", "second query", "data"]


def test_being_woken_for_nothing_does_not_use_up_the_time_out():
    clock = HandClock()
    gate = Gate(clock)
    limiter = limiter_of(clock, wait=gate)
    limiter.acquire("order-cancel-all", Urgency.ORDER)
    passed = threading.Event()
    thread = gate.start(lambda: (limiter.acquire("order-cancel-all", Urgency.ORDER, timeout_s=0.003), passed.set()))
    for _ in range(20):
        gate.move(0)
        assert gate.arrived.acquire(timeout=10)
    gate.move(3 * SECOND - 100_000)
    assert passed.wait(10)
    thread.join(10)


def test_a_client_that_closes_turns_its_own_callers_away_and_no_others():
    clock = HandClock()
    gate = Gate(clock)
    limiter = limiter_of(clock, wait=gate)
    limiter.acquire("order-cancel-all", Urgency.ORDER)
    gone, caught, passed = threading.Event(), [], threading.Event()

    def call() -> None:
        try:
            limiter.acquire("order-cancel-all", Urgency.ORDER, closed=gone.is_set)
        except ExchangeUnavailable as error:
            caught.append(str(error))

    closing = gate.start(call)
    staying = gate.start(lambda: (limiter.acquire("order-cancel-all", Urgency.ORDER), passed.set()))
    gone.set()
    limiter.wake()
    closing.join(10)
    assert len(caught) == 1
    assert "not sent" in caught[0]
    gate.move(3 * SECOND)
    assert passed.wait(10)
    staying.join(10)


def test_the_picture_of_all_limits_says_what_is_left_who_waits_and_what_is_shut():
    clock = HandClock()
    gate = Gate(clock)
    limiter = limiter_of(clock, wait=gate)
    for _ in range(3):
        limiter.acquire("candles", Urgency.MARKET_DATA)
    limiter.remaining("group=ticker; min=600; sec=5")
    limiter.acquire("order-cancel-all", Urgency.CANCEL, pocket="bot")
    waiting = gate.start(lambda: limiter.acquire("order-cancel-all", Urgency.CANCEL, pocket="bot"))
    limiter.refused("orderbook", blocked=False, seconds=None)
    seen = {(one.group, one.pocket): one for one in limiter.snapshot()}
    assert {group for group, _ in seen} == BUDGETS.keys() - {"origin"}
    assert {pocket for _, pocket in seen} == {"", "bot"}
    assert (seen["candles", ""].left, seen["candles", ""].budget) == (BUDGETS["candles"].calls - 3, BUDGETS["candles"])
    assert seen["ticker", ""].left == 5
    assert (seen["order-cancel-all", "bot"].left, seen["order-cancel-all", "bot"].waiting) == (0, 1)
    assert (seen["orderbook", ""].left, seen["orderbook", ""].shut_until) == (0, clock.time + SECOND)
    assert seen["default", "bot"].shut_until == 0
    gate.move(3 * SECOND)
    waiting.join(10)
    assert {(one.left, one.waiting) for one in limiter.snapshot() if one.group == "orderbook"} == {(8, 0)}


# --- whatever the calls are

CALL = some.tuples(
    some.sampled_from(["candles", "default", "order", "order-test", "order-cancel-all", "websocket"]),
    some.sampled_from(Urgency),
    some.integers(0, 400_000),
    some.sampled_from([0.0, 0.000_2, 0.01]),
)
UPBITS = {"order": (12, 1), "default": (30, 1), "order-test": (8, 1), "order-cancel-all": (1, 2), "websocket": (5, 1)}


@settings(max_examples=200)
@given(some.lists(CALL, max_size=150), some.integers(0, 40), some.integers(0, 30))
def test_no_window_ever_holds_more_calls_than_the_exchange_takes(calls, refused_at, told):
    clock = HandClock()
    limiter = limiter_of(clock)
    passed: dict[str, list[int]] = {}
    for number, (group, urgency, gap, timeout_s) in enumerate(calls):
        clock.time += gap
        if number == refused_at:
            limiter.refused(group, blocked=False, seconds=None)
            limiter.remaining(f"group={group}; sec={told}")
        try:
            limiter.acquire(group, urgency, timeout_s)
        except RateLimited:
            continue
        passed.setdefault(group, []).append(clock.time)
    for group, times in passed.items():
        limit, seconds = UPBITS.get(group, (10, 1))
        assert all(late - early >= seconds * SECOND for early, late in zip(times, times[limit:], strict=False))


@settings(max_examples=200)
@given(
    some.sampled_from(["default", "order"]),
    some.lists(some.tuples(some.sampled_from([*Urgency][1:]), some.integers(0, 60_000)), max_size=120),
)
def test_a_cancel_passes_at_once_however_busy_everyone_else_is(group, others):
    clock = HandClock()
    limiter = limiter_of(clock)
    for urgency, gap in others:
        clock.time += gap
        with contextlib.suppress(RateLimited):
            limiter.acquire(group, urgency, timeout_s=0.0)
    limiter.acquire(group, Urgency.CANCEL, timeout_s=0.0)
