"""Plays the tapes of all markets as one stream of trades (and recorded books) in the order of time."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

from actors.sandbox.recorded import Happening
from actors.sandbox.series import Series
from actors.sandbox.tape import minute_prints
from domain.market import MINUTE

BLOCK: Final = 10 * MINUTE  # so much tape is made at a time


class Player:
    """Hands out what happens after `now`, one after the other; ties go by the order of the markets."""

    def __init__(self, universe: Mapping[str, Series], now: int) -> None:
        self._universe = universe
        self._block = now - now % BLOCK
        self._queue: deque[tuple[int, int, str, Happening]] = deque()
        self.end = max(map(_end, universe.values()))
        self._load(after=now)

    def next_at(self) -> int | None:
        """When something happens next, in microseconds; None when history has ended."""
        while not self._queue:
            if self._block >= self.end:
                return None
            self._load(after=0)
        return self._queue[0][0]

    def take(self) -> tuple[str, Happening]:
        """What happens next and its market; only after `next_at` told of it."""
        _, _, market, happening = self._queue.popleft()
        return market, happening

    def _load(self, *, after: int) -> None:
        start, self._block = self._block, self._block + BLOCK
        due = [item for item in self._printed(start) if item[0] > after]
        due.sort(key=lambda item: item[:2])
        self._queue.extend(due)

    def _printed(self, start: int) -> Iterator[tuple[int, int, str, Happening]]:
        for place, (market, series) in enumerate(self._universe.items()):
            if series.recorded is not None:
                for at, happening in series.recorded.after(start - 1, start + BLOCK):
                    yield at, place, market, happening
                continue
            for index in range(series.index(start), series.index(start + BLOCK)):
                for trade in minute_prints(series, index):
                    yield trade.at, place, market, trade


def _end(series: Series) -> int:
    """When the last minute of a market is over."""
    last = series.recorded.times[-1] if series.recorded is not None else int(series.time[-1])
    return last - last % MINUTE + MINUTE
