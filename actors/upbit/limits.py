"""Keeps requests inside the exchange's limits: one budget a group, in the exchange's own time, urgent calls first."""

import threading
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from actors.runtime import Clock
from domain.errors import RateLimited
from domain.market import US_PER_S

PER_SECOND: Final = {
    "market": 8.0,
    "candles": 8.0,
    "crix-trades": 8.0,
    "ticker": 8.0,
    "orderbook": 8.0,
    "default": 25.0,
    "order": 8.0,
    "order-test": 6.0,
    "order-cancel-all": 0.5,
    "websocket": 4.0,
}
"""Our budgets, a margin below the exchange's (upbit-api.md 4)."""

ALIASES: Final = {"candle": "candles", "trade": "crix-trades", "exchange.default": "default"}
BLOCKED_S: Final = 60.0  # how long a 418 shuts a group when it does not say; doubles while they follow each other
UNKNOWN_PER_SECOND: Final = 4.0


class Urgency(IntEnum):
    """Who goes first when a budget is short."""

    ORDER = 0
    QUERY = 1
    MARKET_DATA = 2


@dataclass(slots=True)
class Budget:
    """One group: tokens left, when they were counted, until when it is shut, and who waits."""

    per_second: float
    tokens: float
    counted_at: int
    shut_until: int = 0
    blocks: int = 0
    waiting: dict[Urgency, int] = field(default_factory=dict)


class Limiter:
    """Hands out permissions to call. Safe for any number of threads; a waiting thread sleeps on a condition."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._budgets: dict[str, Budget] = {}

    def acquire(self, group: str, urgency: Urgency, timeout_s: float = 60.0) -> None:
        """Wait for a turn in a group; raises RateLimited when it does not come within `timeout_s` real seconds."""
        with self._changed:
            budget = self._budget(group)
            budget.waiting[urgency] = budget.waiting.get(urgency, 0) + 1
            try:
                self._wait(group, budget, urgency, timeout_s)
            finally:
                budget.waiting[urgency] -= 1
                self._changed.notify_all()

    def _wait(self, group: str, budget: Budget, urgency: Urgency, timeout_s: float) -> None:
        left = timeout_s
        while (wait_us := self._lacking(budget, urgency)) > 0:
            pause = min(self._clock.real_seconds(wait_us), 1.0)
            if pause >= left:
                wait_s = self._clock.real_seconds(wait_us)
                raise RateLimited(f"no room in the {group} limit for another {wait_s:.1f} s", wait_s)
            self._changed.wait(max(pause, 0.000_5))
            left -= max(pause, 0.000_5)
        budget.tokens -= 1.0

    def _lacking(self, budget: Budget, urgency: Urgency) -> int:
        """Microseconds of the exchange's time until this urgency may call; 0 means now."""
        now = self._clock.now()
        budget.tokens = min(
            max(budget.per_second, 1.0), budget.tokens + (now - budget.counted_at) / US_PER_S * budget.per_second
        )
        budget.counted_at = now
        if now < budget.shut_until:
            return budget.shut_until - now
        ahead = sum(count for other, count in budget.waiting.items() if other < urgency)
        if budget.tokens >= 1.0 + ahead:
            return 0
        return max(1, int((1.0 + ahead - budget.tokens) / budget.per_second * US_PER_S))

    def remaining(self, header: str | None) -> None:
        """Take in a `Remaining-Req` header: the exchange's own count of calls left this second."""
        parts = dict(part.strip().split("=", 1) for part in (header or "").split(";") if "=" in part)
        if "group" not in parts or not parts.get("sec", "").isdigit():
            return
        with self._changed:
            budget = self._budget(parts["group"])
            budget.tokens = min(budget.tokens, float(parts["sec"]))
            budget.blocks = 0

    def refused(self, group: str, *, blocked: bool, seconds: float | None) -> float:
        """Shut a group after a 429 (to the next second) or a 418 (for the time told); gives the real seconds."""
        with self._changed:
            budget, now = self._budget(group), self._clock.now()
            if blocked:
                wait = seconds or BLOCKED_S * 2**budget.blocks
                budget.blocks += 1
                budget.shut_until = now + int(wait * US_PER_S)
            else:
                budget.shut_until = max(budget.shut_until, now - now % US_PER_S + US_PER_S)
            budget.tokens = min(budget.tokens, 0.0)
            return self._clock.real_seconds(budget.shut_until - now)

    def _budget(self, group: str) -> Budget:
        name = ALIASES.get(group, group)
        if name not in self._budgets:
            rate = PER_SECOND.get(name, UNKNOWN_PER_SECOND)
            self._budgets[name] = Budget(rate, max(rate, 1.0), self._clock.now())
        return self._budgets[name]
