"""The simulator's virtual time: what happens when, in one order that depends on nothing but the seed."""

import heapq
from collections.abc import Callable
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["mail", "timer", "world"]
Happening: TypeAlias = Callable[[], object]


class Agenda:
    """Happenings by time, then by order of entry. `mail` and `timer` belong to one life of the process."""

    def __init__(self, start_us: int) -> None:
        self.now = start_us
        self.life = 0
        self._entries: list[tuple[int, int, Kind, int, Happening]] = []
        self._count = 0
        self._arrived: dict[tuple[str, str], int] = {}  # sender and receiver -> arrival of the last thing on this way
        self._opened: dict[str, int] = {}  # receiver -> arrival of what opened it anew: nothing sent later is earlier

    def at(self, time_us: int, kind: Kind, happening: Happening) -> None:
        """Enter a happening; one in the past happens next."""
        self._count += 1
        heapq.heappush(self._entries, (max(time_us, self.now), self._count, kind, self.life, happening))

    def new_life(self) -> None:
        """Forget all mail and timers; the outside world goes on."""
        self.life += 1
        self._arrived.clear()
        self._opened.clear()

    def travel(self, sender: str, to: str, delay_us: int, happening: Happening, *, opens: bool = False) -> None:
        """Let something arrive after a delay, behind what this sender has sent there, and behind what `opens`."""
        way = (sender, to)
        arrival = max(self.now + delay_us, self._arrived.get(way, 0), self._opened.get(to, 0))
        self._arrived[way] = arrival
        if opens:
            self._opened[to] = arrival
        self.at(arrival, "mail", happening)

    def drop_timers(self) -> None:
        """Forget timers only."""
        self._entries = [entry for entry in self._entries if entry[2] != "timer"]
        heapq.heapify(self._entries)

    def holds(self, kind: Kind) -> bool:
        """Tell whether a happening of this kind is still to come in this life."""
        return any(entry[2] == kind and entry[3] == self.life for entry in self._entries)

    def next(self, until_us: int) -> Happening | None:
        """Go to the next happening not later than `until_us` and give it, None if there is none."""
        while self._entries and self._entries[0][0] <= until_us:
            time_us, _, kind, life, happening = heapq.heappop(self._entries)
            if kind == "world" or life == self.life:
                self.now = time_us
                return happening
        return None
