"""One market's public trades as they go on from the feed: each once, and in order across a gap."""

from collections.abc import Iterable
from typing import Final

from actors.rhythm import Rhythm
from domain.market import Trade

WINDOW: Final = 1_000  # trade numbers remembered in each of two generations: far more than a gap's edges overlap
HELD_MAX: Final = 5_000


class Tape:
    """What is known of a market's trades. Not thread-safe; `now` is real seconds of a clock that only grows.

    While `behind`, trades before the next one are missing: those of the stream are `held` until REST told the missing
    ones. `spoke` says that the stream told a trade since, `lacks` that REST was seen to know one that nobody told.
    `owed` is the newest end of an interval that was not told because trades of it may be missing, 0 for none; `looked`
    when REST was last seen to show nothing newer, `lagged` when it was last seen to know less than the stream. Nobody
    wants to be told of what was before `began_at` (microseconds UTC).
    """

    __slots__ = (
        "_before",
        "_seen",
        "began_at",
        "behind",
        "doubled",
        "held",
        "held_at",
        "lacks",
        "lagged",
        "last_at",
        "looked",
        "owed",
        "rhythm",
        "spoke",
    )

    def __init__(self, began_at: int = 0) -> None:
        self.began_at = began_at
        self.rhythm = Rhythm()
        self.last_at = 0  # time of the newest trade that went on, microseconds UTC
        self.behind = self.spoke = self.lacks = False
        self.held: list[Trade] = []
        self.held_at = 0.0
        self.owed = 0
        self.looked = self.lagged = 0.0
        self.doubled = 0
        self._seen: set[int] = set()
        self._before: set[int] = set()

    def take(self, trade: Trade, now: float) -> tuple[Trade, ...]:
        """Take one of the stream; gives what goes on now. Numbers are not in order: a late trade counts."""
        self.rhythm.note(now)
        if self._knows(trade):
            self.doubled += 1
            if not self.held and not self.lacks:  # it is the newest the exchange has, so nothing was missed
                self.behind = False
            return ()
        if self.behind:
            if not self.held:
                self.held_at = now
            self.spoke = True
            self.held.append(trade)
            return ()
        self._remember(trade)
        return (trade,)

    def count_doubled(self) -> int:
        """How many were told twice since this was asked last."""
        doubled, self.doubled = self.doubled, 0
        return doubled

    def fall_behind(self) -> None:
        """From here on trades may be missing."""
        self.behind, self.spoke = True, False

    def is_reached(self, trades: Iterable[Trade], newest: int) -> bool:
        """Whether REST's trades go as far as the first one held, or as the one that it showed elsewhere at `newest`."""
        if self.held:
            first = min(self.held, key=lambda trade: (trade.at, trade.sequential_id))
            return any(one.sequential_id == first.sequential_id or one.at > first.at for one in trades)
        return not newest or any(one.at >= newest for one in trades)

    def fill(self, trades: Iterable[Trade]) -> tuple[Trade, ...]:
        """Take REST's trades; gives them and those held, by time, each once. Once the stream spoke it goes on.

        Numbers are no order: trades of one time stay in the order they were told, REST's before those held.
        """
        fresh = {trade.sequential_id: trade for trade in (*trades, *self.held) if not self._knows(trade)}
        self.held = []
        self.lacks = False
        self.behind = self.behind and not self.spoke
        found = tuple(sorted(fresh.values(), key=lambda trade: trade.at))  # of one time the first told is the first
        for trade in found:
            self._remember(trade)
        return found

    def give_up(self) -> tuple[Trade, ...]:
        """Go on without those that are missing; gives those held."""
        self.spoke = True
        return self.fill(())

    def is_overdue(self, now: float, limit_s: float) -> bool:
        """Whether it is silent for longer than its habits explain, or than the limit, and nobody has looked since."""
        heard = max(self.rhythm.last or 0.0, self.looked)
        return now - heard > min(self.rhythm.expected_s or limit_s, limit_s)

    def _knows(self, trade: Trade) -> bool:
        return trade.sequential_id in self._seen or trade.sequential_id in self._before

    def _remember(self, trade: Trade) -> None:
        if len(self._seen) >= WINDOW:
            self._before, self._seen = self._seen, set()
        self._seen.add(trade.sequential_id)
        self.last_at = max(self.last_at, trade.at)
