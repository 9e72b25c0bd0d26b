"""Watches every decision of a simulated month: what it saw is closed, and true unless it is marked or revised later."""

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from actors.market import Market
from actors.rest import WARM_FIVES
from actors.runtime import Actor
from actors.runtime.parcel import Outgoing
from actors.runtime.record import Record
from actors.upbit.quotation import Quotation
from domain.decisions import Evaluation
from domain.features import DAY_BARS, MarketMemory, seed
from domain.indicators.kernels import CLOSE, OUTPUTS
from domain.market import BASE_FRAME, DAY, FOUR_HOURS, HOUR, MINUTE
from domain.messages import MarketEvaluated
from domain.strategies.view import BAR_CLOSE, BAR_HIGH, BAR_LOW, BAR_REAL, BAR_VALUE, BAR_VOLUME
from tests.simulation.truth import Truth

SHOWN = (BAR_CLOSE, BAR_HIGH, BAR_LOW, BAR_VOLUME, BAR_VALUE, BAR_REAL)
FRAMES = (("base", BASE_FRAME), ("hour", HOUR), ("four_hours", FOUR_HOURS))


class Odd(NamedTuple):
    """An unmarked decision at `at` on something that is not the truth: what was revised later must explain it.

    `seen` and `true` are the base bar [since, until), or only the close of a longer one.
    """

    seq: int
    market: str
    at: int
    since: int
    until: int
    seen: tuple[float, ...]
    true: tuple[float, ...]

    @property
    def is_bar(self) -> bool:
        """Whether it is about a base bar."""
        return len(self.seen) > 1


class Told(NamedTuple):
    """An evaluation, the journal record of the turn that made it, and when that was."""

    seq: int
    made_at: int
    evaluation: Evaluation


class Judge:
    """One of the simulator's watchers. `broken` are breaches of MTF-01, in words; `odd` wait for an explanation.

    `told` is every evaluation by market and time.
    """

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.told: dict[tuple[str, int], Told] = {}
        self.broken: list[str] = []
        self.odd: list[Odd] = []
        self.marked = 0
        self.again = 0

    def torn(self, last: int) -> None:
        """Forget what was decided after this journal record: the process died, and nobody ever heard of it."""
        self.told = {key: one for key, one in self.told.items() if one.seq <= last}
        self.odd = [one for one in self.odd if one.seq <= last]

    def watch(self, actor: Actor[Any], record: Record, outbox: Sequence[Outgoing]) -> None:
        """Look at every evaluation on its way to the portfolio."""
        if not isinstance(actor, Market):
            return
        for out in outbox:
            if isinstance(out.message, MarketEvaluated):
                self._judge(actor, record, out.message.evaluation)

    def _judge(self, actor: Market, record: Record, made: Evaluation) -> None:
        at, now, seq, memory = made.at, record.at, record.seq, actor.state.memory
        if (made.market, at) in self.told:
            self.again += 1
        self.told[made.market, at] = Told(seq, now, made)
        if at % BASE_FRAME or at > now:
            self.broken.append(f"{made.market}: decided at {now} for {at}")
        for name, step in FRAMES:
            if not at - step < (closed := getattr(memory, name).closed_at) <= at:
                self.broken.append(f"{made.market}: at {at} the frame of {step} us was seen up to {closed}")
        if not made.trusted:
            self.marked += 1
            return
        since, shown = at - BASE_FRAME, tuple(memory.history[-1, SHOWN].tolist())
        self._compare(Odd(seq, made.market, at, since, at, shown, self.truth.bar(made.market, since, at)))
        for name, step in FRAMES[1:]:
            end, seen = at - at % step, float(getattr(memory, name).row[CLOSE])
            close, *_ = self.truth.bar(made.market, end - step, end)
            self._compare(Odd(seq, made.market, at, end - step, end, (seen,), (close,)))

    def _compare(self, one: Odd) -> None:
        if not all(map(same, one.seen, one.true)):
            self.odd.append(one)


def memory_of(client: Quotation, market: str, until: int) -> MarketMemory:
    """What a market remembers that has known the exchange's candles all along, up to this end of a base bar."""
    memory = MarketMemory()
    fives = client.candle_range(market, BASE_FRAME // MINUTE, until - WARM_FIVES * BASE_FRAME, until)
    hours, four_hours = (
        client.candle_range(market, step // MINUTE, until - 60 * DAY, until - until % step)
        for step in (HOUR, FOUR_HOURS)
    )
    seed(memory, fives, hours, four_hours, until)
    return memory


def alike(one: MarketMemory, other: MarketMemory) -> bool:
    """Whether two memories show the same: what is left of a longer past is far below 1e-9, or below any price."""
    frames = [(getattr(one, name), getattr(other, name)) for name, _ in FRAMES]
    close_to = functools.partial(np.allclose, rtol=1e-9, atol=1e-20, equal_nan=True)
    rows = all(close_to(mine.row[:OUTPUTS], its.row[:OUTPUTS]) for mine, its in frames)
    bars = min(len(one.history), len(other.history), DAY_BARS)
    return rows and close_to(one.history[-bars:], other.history[-bars:]) and one.close == other.close


def same(one: float, other: float) -> bool:
    """Whether two numbers are equal but for the rounding of sums."""
    return math.isclose(one, other, rel_tol=1e-12)
