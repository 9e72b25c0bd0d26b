"""How much of each rate limit group we use, and who goes first: the exchange's limits as data (upbit-api.md 4)."""

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple

from domain.market import US_PER_S


class Budget(NamedTuple):
    """At most `calls` in any `seconds`, of which `reserve` are kept for cancels."""

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
    "order": Budget(10, reserve=2),
    "order-test": Budget(6),
    "order-cancel-all": Budget(1, 2.2),
    "websocket": Budget(4),
    "origin": Budget(1, 11.0),
}
"""Our budgets by the group's name on the wire, a margin below the exchange's."""

ALIASES: Final = {
    "candle": "candles",
    "trade": "crix-trades",
    "websocket-connect": "websocket",
}
"""Names of the documentation that differ from those on the wire; its prefix is cut off before."""
PREFIX: Final = "exchange."
BY_ADDRESS: Final = frozenset({"market", "candles", "crix-trades", "ticker", "orderbook", "websocket", "origin"})
UNKNOWN: Final = Budget(4)
MAIN: Final = "main"
"""The pocket of a key that nobody gave another name."""


class Urgency(IntEnum):
    """Who goes first when a budget is short. CANCEL alone may use a reserve."""

    CANCEL = 0
    ORDER = 1
    QUERY = 2
    MARKET_DATA = 3


class GroupState(NamedTuple):
    """One limit as it stands: calls left now for the most urgent, callers waiting, shut until (microseconds; 0 open).

    `pocket` is "" where the exchange counts by address.
    """

    group: str
    pocket: str
    budget: Budget
    left: int
    waiting: int
    shut_until: int


@dataclass(slots=True)
class Scope:
    """What a 418 shuts out together: everything of an address, or everything of a key's pocket."""

    shut_until: int = 0
    blocks: int = 0


@dataclass(slots=True)
class Group:
    """One budget in use: when its last calls went out, what the exchange says is left, who waits in which order."""

    budget: Budget
    scope: Scope
    sent: deque[int]
    told: int = 0
    told_until: int = 0
    shut_until: int = 0
    refusals: int = 0
    queue: list[tuple[Urgency, int]] = field(default_factory=list)

    def free_at(self, urgency: Urgency, now: int) -> int:
        """Give the time from which a call of this urgency may go out; `now` or before means now."""
        at = self.closed_until()
        reserve = self.budget.reserve if urgency > Urgency.CANCEL else 0
        calls = self.budget.calls - reserve
        if len(self.sent) >= calls:
            at = max(at, self.sent[-calls] + self._period())
        if now < self.told_until and self.told <= reserve:
            at = max(at, self.told_until)
        return at

    def closed_until(self) -> int:
        """Give the time until which nothing at all may go out."""
        return max(self.shut_until, self.scope.shut_until)

    def take(self, now: int) -> None:
        """Count a call that goes out now."""
        self.sent.append(now)
        if now < self.told_until:
            self.told -= 1

    def hear(self, left: int, now: int) -> None:
        """Take in the exchange's own count; answers overtake each other: within one second it only falls."""
        if now < self.told_until:
            self.told = min(self.told, left)
        else:
            self.told, self.told_until = left, now + US_PER_S

    def left(self, now: int) -> int:
        """Count the calls that may go out now, reserve included."""
        if now < self.closed_until():
            return 0
        ours = self.budget.calls - sum(at > now - self._period() for at in self.sent)
        return max(min(ours, self.told), 0) if now < self.told_until else ours

    def _period(self) -> int:
        return int(self.budget.seconds * US_PER_S)


def known_as(group: str) -> str:
    """Give the wire's name of a group from any of its names."""
    name = group.removeprefix(PREFIX)
    return ALIASES.get(name, name)
