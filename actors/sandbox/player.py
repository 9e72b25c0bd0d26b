"""Plays the tapes of all markets as one stream of trades in the order of time."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from actors.sandbox.live import Print
from actors.sandbox.series import Series
from actors.sandbox.tape import print_tape
from domain.market import MINUTE

BLOCK: Final = 10 * MINUTE  # so much tape is made at a time


class Player:
    """Hands out the trades after `now`, one after the other; ties go by the order of the markets."""

    def __init__(self, universe: Mapping[str, Series], now: int) -> None:
        self._universe = universe
        self._names = tuple(universe)
        self._block = now - now % BLOCK
        self._queue: deque[tuple[str, Print]] = deque()
        self.end = max(int(series.time[-1]) for series in universe.values()) + MINUTE
        self._load(after=now)

    def next_at(self) -> int | None:
        """Time of the next trade in microseconds; None when history has ended."""
        while not self._queue:
            if self._block >= self.end:
                return None
            self._load(after=0)
        return self._queue[0][1].at

    def take(self) -> tuple[str, Print]:
        """The next trade and its market; only after `next_at` told of one."""
        return self._queue.popleft()

    def _load(self, *, after: int) -> None:
        start, self._block = self._block, self._block + BLOCK
        self._queue.extend(item for item in self._printed(start) if item[1].at > after)

    def _printed(self, start: int) -> Iterator[tuple[str, Print]]:
        parts = []
        for place, series in enumerate(self._universe.values()):
            first, end = series.index(start), series.index(start + BLOCK)
            if first < end:
                tape = print_tape(series, first, end)
                owner = np.full(len(tape.at), place)
                parts.append((tape.at, owner, tape.price, tape.units, tape.buys, tape.at * 10 + tape.number))
        if not parts:
            return
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        order = np.lexsort((columns[1], columns[0]))
        for at, owner, *rest in zip(*(column[order].tolist() for column in columns), strict=True):
            yield self._names[owner], Print(at, *rest)
