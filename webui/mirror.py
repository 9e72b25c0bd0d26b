"""The web's copy of the engine's read model: what was last heard, when, and whether the engine is still there."""

import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

import msgspec

from domain.readmodel import (
    DecisionRow,
    EquityPoint,
    Kpis,
    Lamp,
    OrderRow,
    PositionRow,
    ReadModel,
    Session,
    TapeLine,
    TickerRow,
    TradingState,
)

TAPE_KEPT = 200
EQUITY_KEPT = 20_000
SILENT_AFTER_S = 60.0

SECTIONS: dict[str, Any] = {
    "session": Session,
    "state": TradingState,
    "kpis": Kpis | None,
    "positions": tuple[PositionRow, ...],
    "orders": tuple[OrderRow, ...],
    "decisions": tuple[DecisionRow, ...],
    "tickers": tuple[TickerRow, ...],
    "lamps": tuple[Lamp, ...],
    "tape": tuple[TapeLine, ...],
    "equity": tuple[EquityPoint, ...],
}
"""The type of every section of the read model, by its name on the wire."""

CONNECTION = "connection"
"""What listeners are told changed when the engine came, went or fell silent."""

ALL_SECTIONS = frozenset(SECTIONS)


class Link(StrEnum):
    """How the engine is: `live`, `silent` (connected, but nothing heard for SILENT_AFTER_S), or `gone`."""

    LIVE = "live"
    SILENT = "silent"
    GONE = "gone"


class View(msgspec.Struct, frozen=True):
    """Everything a page needs at one instant. `model` is None before the engine was heard for the first time."""

    model: ReadModel | None
    link: Link
    age_s: float | None

    @property
    def now(self) -> int | None:
        """The engine's clock as far as it was heard (microseconds UTC)."""
        if self.model is None:
            return None
        seen = [row.at for row in self.model.tickers]
        if self.model.kpis is not None:
            seen.append(self.model.kpis.at)
        return max(seen, default=self.model.state.at)


class Mirror:
    """Holds the read model. One thread writes (the engine client's), any thread may take a `view`.

    `clock` gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._state: tuple[ReadModel | None, bool, float | None] = (None, False, None)  # replaced whole, never changed
        self._listeners: list[Callable[[frozenset[str]], None]] = []

    def listen(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Call `listener` with the names of the sections that changed, on the writer's thread; it must not block."""
        self._listeners.append(listener)

    def view(self) -> View:
        """What is known now."""
        model, connected, heard_at = self._state
        age_s = None if heard_at is None else max(0.0, self._clock() - heard_at)
        if not connected or age_s is None:
            return View(model, Link.GONE, age_s)
        return View(model, Link.SILENT if age_s > SILENT_AFTER_S else Link.LIVE, age_s)

    @property
    def seq(self) -> int:
        """Sequence of the newest frame heard, 0 before the first."""
        model = self._state[0]
        return 0 if model is None else model.seq

    def replace(self, model: ReadModel) -> None:
        """Take a whole snapshot in; the engine is there."""
        kept = msgspec.structs.replace(model, tape=model.tape[:TAPE_KEPT], equity=thinned(model.equity))
        self._state = (kept, True, self._clock())
        self._tell(ALL_SECTIONS | {CONNECTION})

    def apply(self, seq: int, section: str, value: Any) -> None:
        """Take one section in: tape and equity are appended, everything else replaces what was there."""
        model = self._state[0]
        if model is None:
            raise ValueError(f"the engine sent {section!r} before its snapshot")
        if section == "tape":
            value = tuple(sorted(value, key=lambda line: -line.seq)) + model.tape
            value = value[:TAPE_KEPT]
        elif section == "equity":
            value = thinned((*model.equity, *value))
        self._state = (msgspec.structs.replace(model, seq=seq, **{section: value}), True, self._clock())
        self._tell(frozenset({section}))

    def lost(self) -> None:
        """The engine is gone; what it last said stays, with its age."""
        model, connected, heard_at = self._state
        self._state = (model, False, heard_at)
        if connected:
            self._tell(frozenset({CONNECTION}))

    def _tell(self, sections: Iterable[str]) -> None:
        changed = frozenset(sections)
        for listener in self._listeners:
            listener(changed)


def thinned(points: tuple[EquityPoint, ...]) -> tuple[EquityPoint, ...]:
    """At most EQUITY_KEPT points over the same span: of the older half every second one goes when there are more."""
    while len(points) > EQUITY_KEPT:
        middle = len(points) // 2
        points = points[:middle:2] + points[middle:]
    return points
