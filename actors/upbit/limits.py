"""Keeps requests inside the exchange's limits: one budget a group and pocket, in the exchange's own time."""

import heapq
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable
from random import SystemRandom
from typing import Final, NamedTuple, TypeAlias

from actors.runtime import Clock
from actors.upbit.budgets import BUDGETS, BY_ADDRESS, MAIN, UNKNOWN, Group, GroupState, Scope, Urgency, known_as
from domain.errors import Blocked, ExchangeUnavailable, RateLimited
from domain.market import US_PER_S

__all__ = ["BLOCKED_S", "Limiter", "Urgency"]

log = logging.getLogger(__name__)

Wait: TypeAlias = Callable[[threading.Condition, float], object]
"""Sleeps on a condition that is held, until it is notified or the real seconds are over."""

BLOCKED_S: Final = 60.0  # how long a 418 shuts a scope when it does not say; doubles while they follow each other
BLOCKED_MAX_S: Final = 24 * 3_600.0
BACKOFF_MAX_S: Final = 30.0
SPREAD: Final = 0.25  # waits are longer by up to this part, so that two programs do not come back together
SPREAD_MAX_S: Final = 2.0
SHORTEST_WAIT_S: Final = 0.000_5
_random: Final = SystemRandom().random


class _Turn(NamedTuple):
    """One caller in the queue of a group: more urgent first, then in the order of arrival."""

    urgency: Urgency
    ticket: int


class Limiter:
    """Hands out permissions to call: never more than a group's budget in any stretch of its period.

    One serves all clients of an address: what the exchange counts by address they share, what it counts by pocket each
    pocket has for itself. Safe for any number of threads; a waiting thread sleeps on a condition. `wait` and `jitter`
    (a number from 0 to 1) are parameters for tests.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        wait: Wait = threading.Condition.wait,
        jitter: Callable[[], float] = _random,
    ) -> None:
        self.clock = clock
        self._wait = wait
        self._jitter = jitter
        self._changed = threading.Condition()
        self._scopes: dict[str, Scope] = {}
        self._groups: dict[tuple[str, str], Group] = {}
        self._tickets = itertools.count()

    def acquire(
        self,
        group: str,
        urgency: Urgency,
        timeout_s: float = 60.0,
        *,
        pocket: str = MAIN,
        closed: Callable[[], bool] = bool,
    ) -> None:
        """Wait for a turn in a group: the urgent first, then in the order of arrival.

        Raises:
            RateLimited: at once when no turn can come within `timeout_s` real seconds, or else after them; not sent.
            ExchangeUnavailable: `closed` says that whoever asked is gone; see `wake`.
        """
        with self._changed:
            one = self._group(group, pocket)
            turn = _Turn(urgency, next(self._tickets))
            heapq.heappush(one.queue, turn)
            try:
                self._await_turn(group, one, turn, timeout_s, closed)
                one.take(self.clock.now())
            finally:
                one.queue.remove(turn)
                heapq.heapify(one.queue)
                self._changed.notify_all()

    def _await_turn(self, name: str, group: Group, turn: _Turn, timeout_s: float, closed: Callable[[], bool]) -> None:
        clock = self.clock
        deadline = clock.now() + int(timeout_s * clock.speed * US_PER_S)
        while True:
            if closed():
                raise ExchangeUnavailable(f"no call in {name}: the client is closed; not sent")
            now, first = clock.now(), group.queue[0] == turn
            free_at = group.free_at(turn.urgency, now)
            if first and free_at <= now:
                return
            if free_at > deadline or now >= deadline:
                kind = Blocked if group.scope.shut_until > now else RateLimited
                wait_s = clock.real_seconds(max(free_at - now, 0))
                raise kind(f"no room in the {name} limit for another {wait_s:.1f} s; not sent", wait_s, sent=False)
            until = free_at if first else deadline  # who is not first is woken by the one before
            self._wait(self._changed, max(clock.real_seconds(until - now), SHORTEST_WAIT_S))

    def remaining(self, header: str | None, *, pocket: str = MAIN) -> None:
        """Take in a `Remaining-Req` header: the exchange's own count of calls left this second."""
        parts = dict(part.strip().split("=", 1) for part in (header or "").split(";") if "=" in part)
        left = parts.get("sec", "")
        if "group" in parts and left.isascii() and left.isdecimal():
            with self._changed:
                self._group(parts["group"], pocket).hear(int(left), self.clock.now())

    def passed(self, group: str, *, pocket: str = MAIN) -> None:
        """Take in that the exchange worked on a call: what grew with its refusals starts again from the bottom."""
        with self._changed:
            one = self._group(group, pocket)
            one.refusals = one.scope.blocks = 0

    def refused(self, group: str, *, blocked: bool, seconds: float | None, pocket: str = MAIN) -> float:
        """Shut a group after a 429 (to the next second, longer each time in a row), or after a 418 all of its scope.

        `seconds` is what the exchange told, in its time; gives the real seconds.
        """
        with self._changed:
            one, now = self._group(group, pocket), self.clock.now()
            until = self._block(one.scope, now, seconds) if blocked else self._back_off(one, now, seconds)
            return self.clock.real_seconds(until - now)

    def _block(self, scope: Scope, now: int, seconds: float | None) -> int:
        wait_s = min(BLOCKED_S * 2 ** min(scope.blocks, 20), BLOCKED_MAX_S)
        scope.blocks += 1
        until = now + int(seconds * US_PER_S) if seconds else self._spread(now, now + int(wait_s * US_PER_S))
        scope.shut_until = max(scope.shut_until, until)
        return scope.shut_until

    def _back_off(self, group: Group, now: int, seconds: float | None) -> int:
        grown_s = min(2.0 ** min(group.refusals - 1, 20), BACKOFF_MAX_S) if group.refusals else 0.0
        group.refusals += 1
        until = max(now - now % US_PER_S + US_PER_S, now + int(max(grown_s, seconds or 0.0) * US_PER_S))
        group.shut_until = max(group.shut_until, self._spread(now, until))
        return group.shut_until

    def _spread(self, now: int, until: int) -> int:
        """Move the end of a wait back by chance, never forward."""
        return until + int(min((until - now) * SPREAD, SPREAD_MAX_S * US_PER_S) * self._jitter())

    def snapshot(self) -> tuple[GroupState, ...]:
        """Every limit as it stands now: those by address, and those of each pocket that was used."""
        with self._changed:
            now = self.clock.now()
            pockets = sorted({pocket for _, pocket in self._groups if pocket} or {MAIN})
            for name in BUDGETS.keys() - {"origin"}:
                for pocket in pockets:
                    self._group(name, pocket)
            return tuple(
                GroupState(name, pocket, one.budget, one.left(now), len(one.queue), _still(one.closed_until(), now))
                for (name, pocket), one in sorted(self._groups.items())
            )

    def wake(self) -> None:
        """Have everyone who waits look whether their client is closed."""
        with self._changed:
            self._changed.notify_all()

    def _group(self, group: str, pocket: str) -> Group:
        name = known_as(group)
        key = (name, "" if name in BY_ADDRESS else pocket)
        if key not in self._groups:
            if name not in BUDGETS and all(known != name for known, _ in self._groups):
                log.warning("a rate limit group nobody told us of group=%s", name)
            if name == "origin":
                log.error("the exchange counts us as a browser: something on the way adds an Origin header")
            budget = BUDGETS.get(name, UNKNOWN)
            scope = self._scopes.setdefault(key[1], Scope())
            self._groups[key] = Group(budget, scope, deque(maxlen=budget.calls))
        return self._groups[key]


def _still(until: int, now: int) -> int:
    return until if until > now else 0
