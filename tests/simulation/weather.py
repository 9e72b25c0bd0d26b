"""A hostile way from the exchange to us: what arrives of a tape, when, and when there is no connection at all."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from domain.market import DAY, US_PER_S, Trade
from domain.spans import Span, Spans, joined


@dataclass(frozen=True)
class Roughness:
    """Chances for each trade, or how often a day and for how long in seconds on the average."""

    lost: float = 0.0004
    doubled: float = 0.01
    delayed: float = 0.02  # by up to a second: overtaken by those after it
    late: float = 0.0005  # by up to two minutes
    candle_lost: float = 0.02  # for each minute's candle of the stream
    drops_a_day: float = 6.0
    down_s: float = 25.0
    kills_a_day: float = 0.5
    rest_fails: float = 0.1
    rest_s: float = 0.3
    rest_late: float = 0.03
    rest_late_s: float = 20.0
    rest_behind: float = 0.05  # that REST does not know the newest trades

    @classmethod
    def none(cls) -> "Roughness":
        """Nothing goes wrong."""
        return cls(*(0.0,) * 6, down_s=0.0, kills_a_day=0.0, rest_fails=0.0, rest_late=0.0, rest_behind=0.0)


class Weather:
    """The same for the same seed; what happens to a trade depends on nothing but its market, its minute and the seed.

    In the first of `silences` the exchange is in maintenance behind an open connection, in the others it has closed it.
    """

    def __init__(self, seed: int, rough: Roughness, since: int, until: int, silences: tuple[Span, ...] = ()) -> None:
        self.rough = rough
        self.silences = silences
        self._seed = seed
        chance = random.Random(f"weather {seed}")
        drops = times(chance, rough.drops_a_day, since, until)
        self.outages: Spans = joined(
            (*silences[1:], *((at, at + seconds(chance, rough.down_s) + US_PER_S) for at in drops))
        )
        self.kills = list(times(chance, rough.kills_a_day, since, until))

    def is_down(self, at: int) -> bool:
        """Whether there is no connection at that time."""
        return any(since <= at < until for since, until in self.outages)

    def is_closed(self, at: int) -> bool:
        """Whether the exchange is in maintenance at that time."""
        return any(since <= at < until for since, until in self.silences)

    def arrivals(self, market: str, minute: int, trades: Iterable[Trade]) -> Iterator[tuple[int, Trade]]:
        """When each trade of a minute arrives: never, once or twice."""
        chance, rough = random.Random(f"{self._seed} {market} {minute}"), self.rough
        for trade in trades:
            fate = chance.random()
            at = trade.at + int(chance.random() * 0.1 * US_PER_S)
            if fate < rough.lost:
                continue
            if (fate := fate - rough.lost) < rough.late:
                at += int(chance.random() * 120 * US_PER_S)
            elif (fate := fate - rough.late) < rough.delayed:
                at += int(chance.random() * US_PER_S)
            elif fate - rough.delayed < rough.doubled:
                yield at + int(chance.random() * 90 * US_PER_S), trade
            yield at, trade


def times(chance: random.Random, a_day: float, since: int, until: int) -> Iterator[int]:
    """Times in [since, until) at which something happens so often a day."""
    at = since
    while a_day and (at := at + int(chance.expovariate(a_day / DAY))) < until:
        yield at


def seconds(chance: random.Random, mean: float) -> int:
    """A duration in microseconds, on the average so many seconds."""
    return int(chance.expovariate(1 / mean) * US_PER_S)
