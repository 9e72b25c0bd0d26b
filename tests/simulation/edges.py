"""The real edges of a simulated month without their threads: what blocks elsewhere happens in virtual time here."""

import functools
import random
from collections.abc import Callable
from typing import Any

from actors.archivist import Archivist
from actors.rest import Rest
from domain.market import US_PER_S
from domain.messages import SealNow
from tests.simulation.weather import seconds
from tests.simulation.world import Plug


class Line(Plug):
    """The public stream; while the exchange is in maintenance it answers nothing."""

    def __init__(self, month: Any, *callbacks: Callable[..., None]) -> None:
        super().__init__(month.plugged, *callbacks)
        self._month = month
        month.line = self

    def probe(self, mark: int) -> None:
        if not self._month.weather.is_closed(self._month.now):
            super().probe(mark)


class Worker:
    """In the place of the rest edge's threads: does its work later, in virtual time."""

    def __init__(self, month: Any) -> None:
        self._month = month
        self._chance = random.Random("worker")

    def submit(self, work: Callable[..., object], *arguments: object) -> None:
        rough, chance = self._month.weather.rough, self._chance
        mean = rough.rest_late_s if chance.random() < rough.rest_late else rough.rest_s
        self._month.host.call_later(seconds(chance, mean), functools.partial(work, *arguments))

    def shutdown(self, **_: bool) -> None:
        pass


class SimRest(Rest):
    """The real edge, whose workers are the simulation's."""

    def __init__(self, context: Any, name: str, *, month: Any) -> None:
        super().__init__(context, name, client=month)
        self.on_end()
        self._pool: Any = Worker(month)
        self._checks: Any = self._pool


class SimArchivist(Archivist):
    """The real edge without its thread: it seals between two turns, each day at its time and when asked."""

    def __init__(self, context: Any, name: str, *, month: Any) -> None:
        archive, host = month.shelf.tiers, month.host
        super().__init__(
            context,
            name,
            archive=archive,
            client=month,
            now=lambda: month.now,
            real_seconds=lambda delay: delay / US_PER_S,
            release=lambda: None,
        )
        self._host = host
        self._boot = host.boot

    def on_begin(self) -> None:
        self._host.call_later(int(self._next_s() * US_PER_S), self._daily)

    def handle(self, message: SealNow) -> None:
        del message
        self._round()

    def _daily(self) -> None:
        """Seal, unless the process has died meanwhile and another archivist does."""
        if self._boot == self._host.boot and self._host.up:
            self._round()
            self.on_begin()


class Heard(list[Any]):
    """What nobody looks at."""

    def append(self, _: object) -> None:
        pass
