"""A limiter in a test's hands: its clock moves when told, its waiting is seen and ended."""

import threading
from collections.abc import Callable

from actors.upbit.limits import Limiter, Urgency
from domain.errors import RateLimited

SECOND = 1_000_000


class HandClock:
    """Time that stands still until it is moved."""

    def __init__(self, speed: float = 1_000.0) -> None:
        self.speed, self.time = speed, 1_000 * SECOND

    def now(self) -> int:
        return self.time

    def real_seconds(self, delay_us: int) -> float:
        return delay_us / SECOND / self.speed


def limiter_of(clock: HandClock, **more) -> Limiter:
    """A limiter whose waiting moves the clock instead, with no spread."""

    def wait(_: threading.Condition, seconds: float) -> None:
        clock.time += max(1, round(seconds * clock.speed * SECOND))

    return Limiter(clock, **({"wait": wait, "jitter": lambda: 0.0} | more))


def burst(limiter: Limiter, group: str, urgency: Urgency = Urgency.CANCEL) -> int:
    """How many calls pass at once."""
    count = 0
    while True:
        try:
            limiter.acquire(group, urgency, timeout_s=0.0)
        except RateLimited:
            return count
        count += 1


class Gate:
    """Waiting that a test sees and ends: `arrived` counts threads that went to sleep, `move` wakes them all."""

    def __init__(self, clock: HandClock) -> None:
        self.clock, self.arrived, self.condition = clock, threading.Semaphore(0), None

    def __call__(self, condition: threading.Condition, _: float) -> None:
        self.condition = condition
        self.arrived.release()
        assert condition.wait(10)

    def move(self, us: int) -> None:
        with self.condition:
            self.clock.time += us
            self.condition.notify_all()

    def start(self, call: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        assert self.arrived.acquire(timeout=10)
        return thread
