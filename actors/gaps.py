"""The account of what a stream missed: since when, how much of it REST told, and for which markets REST stands in."""

from collections.abc import Callable
from dataclasses import dataclass, field

from domain.message import Message
from domain.messages import GapFilled, SourceChanged

STREAM = "public"


@dataclass(slots=True)
class _Gap:
    reason: str
    since: int
    trades: int = 0
    markets: set[str] = field(default_factory=set)
    unfilled: set[str] = field(default_factory=set)


class Gaps:
    """Tells where trades come from (SourceChanged), and each gap once it is over (GapFilled). Not thread-safe."""

    def __init__(self, say: Callable[[Message], None], now: Callable[[], int]) -> None:
        self._say = say
        self._now = now
        self._gap: _Gap | None = None
        self._on_rest: set[str] = set()

    @property
    def on_rest(self) -> tuple[str, ...]:
        """The markets REST stands in for; sorted."""
        return tuple(sorted(self._on_rest))

    def stands_in(self, market: str) -> bool:
        """Whether REST stands in for the stream of this market."""
        return market in self._on_rest

    def open(self, reason: str, since: int) -> None:
        """Trades may be missing from `since` on; a gap that is open already only grows."""
        if self._gap is None:
            self._gap = _Gap(reason, since)
        self._gap.since = min(self._gap.since, since)

    def count(self, market: str, trades: int) -> None:
        """REST told so many trades that the stream had not."""
        if self._gap is not None and trades:
            self._gap.trades += trades
            self._gap.markets.add(market)

    def give_up(self, market: str) -> None:
        """What this market missed will not be told."""
        if self._gap is not None:
            self._gap.markets.add(market)
            self._gap.unfilled.add(market)

    def take_over(self, market: str) -> None:
        """REST goes on standing in for this market."""
        if market in self._on_rest:
            return
        self._on_rest.add(market)
        if len(self._on_rest) == 1:
            reason = self._gap.reason if self._gap else "silent"
            self._say(SourceChanged(STREAM, "rest", self.on_rest, reason, self._now()))

    def hand_back(self, market: str) -> None:
        """The stream tells this market's trades again."""
        if market in self._on_rest:
            self._on_rest.discard(market)
            if not self._on_rest:
                self._say(SourceChanged(STREAM, "stream", (market,), "it speaks again", self._now()))

    def close(self, until: int) -> None:
        """Nothing is missing any more; the newest trade known is of `until`."""
        if (gap := self._gap) is not None:
            self._gap = None
            markets, unfilled = tuple(sorted(gap.markets)), tuple(sorted(gap.unfilled))
            told = GapFilled(STREAM, gap.reason, gap.since, until, markets, gap.trades, unfilled, self._now())
            self._say(told)
