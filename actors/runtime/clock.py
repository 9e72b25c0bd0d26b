"""Where an engine's time comes from: integer microseconds UTC that never jump while the process lives."""

import time
from typing import Protocol

import msgspec

SECOND_US = 1_000_000


class Clock(Protocol):
    """The time actors see. `speed` is how many of its seconds pass in one real second."""

    @property
    def speed(self) -> float:
        """Clock seconds per real second, above zero."""

    def now(self) -> int:
        """Give the time in microseconds UTC; it never goes backwards."""

    def real_seconds(self, delay_us: int) -> float:
        """Give the real seconds that a delay on this clock takes."""


class ScaledClock(msgspec.Struct, frozen=True):
    """A clock that read `origin_us` when the machine's monotonic clock read `anchor_ns`; it runs `speed` times as fast.

    Its three numbers are all it is: another process on the same machine that decodes them shares the same time.
    """

    origin_us: int
    anchor_ns: int
    speed: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.speed < float("inf"):
            raise ValueError(f"clock speed must be above zero, got {self.speed}")

    def now(self) -> int:
        """Give the time in microseconds UTC; an NTP step of the machine cannot move it."""
        elapsed_ns = time.monotonic_ns() - self.anchor_ns
        if self.speed == 1.0:
            return self.origin_us + elapsed_ns // 1000
        return self.origin_us + int(elapsed_ns / 1000 * self.speed)

    def real_seconds(self, delay_us: int) -> float:
        """Give the real seconds that a delay on this clock takes."""
        return delay_us / SECOND_US / self.speed


def wall_clock() -> ScaledClock:
    """Give a clock that starts at the machine's wall clock now and runs in real time from there."""
    return ScaledClock(time.time_ns() // 1000, time.monotonic_ns())
