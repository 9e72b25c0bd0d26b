"""Indicators run again after the exchange told minutes otherwise: the same, bit by bit, as had it been known at once.

A checkpoint is a market's memory at the end of an older base bar, without its history: what the history held then is
still in the present one, apart from rows that would have fallen out of it meanwhile.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from domain.candles import fill, flat_bar, resample
from domain.features import FrameMemory, MarketMemory, close_base_bar
from domain.market import BASE_FRAME, Bar


def base_bars(memory: MarketMemory, minutes: Iterable[Bar], since: int, until: int) -> tuple[Bar, ...]:
    """The base bars of [since, until) behind a memory that ends at `since`, of its real minutes.

    Where nothing traded they are filled, and before the first trade ever there are none.
    """
    inside = [bar for bar in minutes if since <= bar.start < until]
    newest = None if memory.close is None else flat_bar(since - BASE_FRAME, memory.close)
    return fill(resample(inside, BASE_FRAME), BASE_FRAME, until, newest)


def checkpoint(memory: MarketMemory) -> MarketMemory:
    """Note where a memory stands now."""
    base, hour, four_hours = (_copied(frame) for frame in (memory.base, memory.hour, memory.four_hours))
    return MarketMemory(base, hour, four_hours, memory.history[:0].copy(), memory.close)


def advance(mark: MarketMemory, bars: Iterable[Bar]) -> None:
    """Move a checkpoint on by its next base bars."""
    for bar in bars:
        close_base_bar(mark, bar)
    mark.history = mark.history[:0].copy()


def restate(memory: MarketMemory, mark: MarketMemory, bars: Sequence[Bar]) -> None:
    """Make a memory what it would be had these been the base bars since the checkpoint."""
    taken = (memory.closed_at - mark.closed_at) // BASE_FRAME if mark.closed_at else len(memory.history)
    again = checkpoint(mark)
    again.history = memory.history[: max(0, len(memory.history) - taken)]
    for bar in bars:
        close_base_bar(again, bar)
    memory.base, memory.hour, memory.four_hours = again.base, again.hour, again.four_hours
    memory.history, memory.close = again.history, again.close


def _copied(frame: FrameMemory) -> FrameMemory:
    return replace(frame, row=frame.row.copy())
