"""Keeps requests inside the exchange's limits: one budget a group, in the exchange's own time, urgent calls first."""

import heapq
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from random import SystemRandom
from typing import Final, NamedTuple, TypeAlias

from actors.runtime import Clock
from domain.errors import ExchangeUnavailable, RateLimited
from domain.market import US_PER_S

log = logging.getLogger(__name__)

Wait: TypeAlias = Callable[[threading.Condition, float], object]
"""Sleeps on a condition that is held, until it is notified or the real seconds are over."""


class Budget(NamedTuple):
    """At most `calls` in any `seconds`, of which `reserve` are kept for what is urgent."""

    calls: int
    seconds: float = 1.0
    reserve: int = 0


BUDGETS: Final = {
    "market": Budget(8),
    "candles": Budget(8),
    "crix-trades": Budget(8),
    "ticker": Budget(8),
    "orderbook": Budget(8),
    "default": Budget(20, reserve=4),
    "order": Budget(8),
    "order-test": Budget(6),
    "order-cancel-all": Budget(1, 2.2),
    "websocket": Budget(4),
    "origin": Budget(1, 11.0),
}
"""Our budgets by the group's name on the wire, a margin below the exchange's (upbit-api.md 4)."""

ALIASES: Final = {
    "candle": "candles",
    "trade": "crix-trades",
    "exchange.default": "default",
    "exchange.order": "order",
    "websocket-connect": "websocket",
}
BY_ADDRESS: Final = frozenset({"market", "candles", "crix-trades", "ticker", "orderbook", "websocket", "origin"})
UNKNOWN: Final = Budget(4)
BLOCKED_S: Final = 60.0  # how long a 418 shuts a scope when it does not say; doubles while they follow each other
BACKOFF_MAX_S: Final = 30.0
SPREAD: Final = 0.25  # waits are longer by up to this part, so that two programs do not come back together
SHORTEST_WAIT_S: Final = 0.000_5
_random: Final = SystemRandom().random


class Urgency(IntEnum):
    """Who goes first when a budget is short."""

    ORDER = 0
    QUERY = 1
    MARKET_DATA = 2


@dataclass(slots=True)
class _Scope:
    """What a 418 shuts out together: everything of an address, or everything of a key's pocket."""

    shut_until: int = 0
    blocks: int = 0


@dataclass(slots=True)
class _Group:
    """One budget in use: when its last calls went out, what the exchange says is left, who waits in which order."""

    budget: Budget
    scope: _Scope
    sent: deque[int]
    left: int = 0
    left_until: int = 0
    shut_until: int = 0
    refusals: int = 0
    queue: list[tuple[Urgency, int]] = field(default_factory=list)

    def free_at(self, urgency: Urgency, now: int) -> int:
        """Give the time from which a call of this urgency may go out; `now` or before means now."""
        at = max(self.shut_until, self.scope.shut_until)
        calls = self.budget.calls - (self.budget.reserve if urgency > Urgency.ORDER else 0)
        if len(self.sent) >= calls:
            at = max(at, self.sent[-calls] + int(self.budget.seconds * US_PER_S))
        if now < self.left_until and self.left < 1:
            at = max(at, self.left_until)
        return at

    def take(self, now: int) -> None:
        """Count a call that goes out now."""
        self.sent.append(now)
        if now < self.left_until:
            self.left -= 1


class Limiter:
    """Hands out permissions to call: never more than a group's budget in any stretch of its period.

    Safe for any number of threads; a waiting thread sleeps on a condition. `wait` and `jitter` (a number from 0 to 1)
    are parameters for tests.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        wait: Wait = threading.Condition.wait,
        jitter: Callable[[], float] = _random,
    ) -> None:
        self._clock = clock
        self._wait = wait
        self._jitter = jitter
        self._changed = threading.Condition()
        self._scopes = {True: _Scope(), False: _Scope()}
        self._groups: dict[str, _Group] = {}
        self._tickets = itertools.count()
        self._closed = False

    def acquire(self, group: str, urgency: Urgency, timeout_s: float = 60.0) -> None:
        """Wait for a turn in a group: the urgent first, then in the order of arrival.

        Raises:
            RateLimited: at once when no turn can come within `timeout_s` real seconds, or else after them.
            ExchangeUnavailable: the limiter is closed.
        """
        with self._changed:
            one = self._group(group)
            ticket = (urgency, next(self._tickets))
            heapq.heappush(one.queue, ticket)
            try:
                self._await_turn(group, one, ticket, timeout_s)
                one.take(self._clock.now())
            finally:
                one.queue.remove(ticket)
                heapq.heapify(one.queue)
                self._changed.notify_all()

    def _await_turn(self, name: str, group: _Group, ticket: tuple[Urgency, int], timeout_s: float) -> None:
        deadline = self._clock.now() + int(timeout_s * self._clock.speed * US_PER_S)
        while True:
            if self._closed:
                raise ExchangeUnavailable(f"no call in {name}: the client is closed; not sent")
            now, first = self._clock.now(), group.queue[0] == ticket
            free_at = group.free_at(ticket[0], now)
            if first and free_at <= now:
                return
            if free_at > deadline or now >= deadline:
                wait_s = self._clock.real_seconds(max(free_at - now, 0))
                raise RateLimited(
                    f"no room in the {name} limit for another {wait_s:.1f} s",
                    wait_s,
                    blocked=group.scope.shut_until > now,
                )
            until = free_at if first else deadline  # who is not first is woken by the one before
            self._wait(self._changed, max(self._clock.real_seconds(until - now), SHORTEST_WAIT_S))

    def remaining(self, header: str | None) -> None:
        """Take in a `Remaining-Req` header: the exchange's own count of calls left this second."""
        parts = dict(part.strip().split("=", 1) for part in (header or "").split(";") if "=" in part)
        if "group" not in parts or not parts.get("sec", "").isdecimal():
            return
        with self._changed:
            group, now, left = self._group(parts["group"]), self._clock.now(), int(parts["sec"])
            if now < group.left_until:  # answers overtake each other: within one second the count only falls
                group.left = min(group.left, left)
            else:
                group.left, group.left_until = left, now + US_PER_S

    def passed(self, group: str) -> None:
        """Take in that the exchange worked on a call: what grew with its refusals starts again from the bottom."""
        with self._changed:
            one = self._group(group)
            one.refusals = one.scope.blocks = 0

    def refused(self, group: str, *, blocked: bool, seconds: float | None) -> float:
        """Shut a group after a 429 (to the next second, longer each time in a row), or after a 418 all of its scope.

        `seconds` is what the exchange told, in its time; gives the real seconds.
        """
        with self._changed:
            one, now = self._group(group), self._clock.now()
            if blocked:
                wait_s = seconds or BLOCKED_S * 2**one.scope.blocks
                one.scope.blocks += 1
                one.scope.shut_until = max(one.scope.shut_until, now + int(wait_s * US_PER_S))
                return self._clock.real_seconds(one.scope.shut_until - now)
            wait_s = min(2.0 ** max(one.refusals - 1, 0), BACKOFF_MAX_S) if one.refusals else 0.0
            one.refusals += 1
            until = max(now - now % US_PER_S + US_PER_S, now + int(max(wait_s, seconds or 0.0) * US_PER_S))
            spread = int((until - now) * SPREAD * self._jitter())
            one.shut_until = max(one.shut_until, until + spread)
            return self._clock.real_seconds(one.shut_until - now)

    def close(self) -> None:
        """Send everyone who waits away, now and from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _group(self, group: str) -> _Group:
        name = ALIASES.get(group, group)
        if name not in self._groups:
            if name not in BUDGETS:
                log.warning("a rate limit group nobody told us of group=%s", name)
            if name == "origin":
                log.error("the exchange counts us as a browser: something on the way adds an Origin header")
            budget = BUDGETS.get(name, UNKNOWN)
            scope = self._scopes[name in BY_ADDRESS]
            self._groups[name] = _Group(budget, scope, deque(maxlen=budget.calls))
        return self._groups[name]
