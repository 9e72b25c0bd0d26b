"""What is asked of the store of candles, and what is told about it. Times are microseconds UTC."""

from typing import NamedTuple

from domain.message import Value
from domain.spans import Spans


class Folder(NamedTuple):
    """What to import: a folder of tables, of these markets (all, if none), all of one `frame` unless it is empty.

    `hole` is how many microseconds may be missing because nothing traded, None for the usual; `now` the time.
    """

    path: str
    frame: str
    markets: tuple[str, ...]
    hole: int | None
    now: int


class Part(NamedTuple):
    """Candles of one market of `step` microseconds in [since, until)."""

    market: str
    step: int
    since: int
    until: int


class Conflict(Value, frozen=True):
    """A stored candle that somebody tells otherwise: which fields differ, as stored and as told; None: no candle."""

    start: int
    fields: tuple[str, ...]
    stored: tuple[float, ...] | None
    told: tuple[float, ...] | None


class FileImport(Value, frozen=True):
    """What became of one file: of its `rows` so many were new, changed or completed what was stored, or told the same.

    `lacking` are stored candles in its time that it does not have: they are kept. `holes` are stretches it does not
    cover, `uncollected` their microseconds. With `error` nothing of it was stored.
    """

    path: str
    market: str
    frame: str
    rows: int = 0
    new: int = 0
    changed: int = 0
    completed: int = 0
    same: int = 0
    lacking: int = 0
    holes: int = 0
    uncollected: int = 0
    since: int = 0
    until: int = 0
    conflicts: tuple[Conflict, ...] = ()
    error: str = ""


class Quarantine(Value, frozen=True):
    """A damaged file, set aside as `path`: its candles of [since, until) are not known any more."""

    market: str
    frame: str
    since: int
    until: int
    path: str
    reason: str


class Owed(Value, frozen=True):
    """What damaged files held of a market's candles of `step` microseconds, and is to be collected again."""

    market: str
    step: int
    spans: Spans


class Comparison(Value, frozen=True):
    """Stored candles of one market and frame beside what `source` says of them (the exchange, the minutes)."""

    market: str
    frame: str
    source: str
    compared: int
    conflicts: tuple[Conflict, ...]


class Stretch(Value, frozen=True):
    """[since, until) of one market and frame: `uncollected`, `down` (the exchange), or `untraded`."""

    kind: str
    since: int
    until: int


class Spike(Value, frozen=True):
    """A suspect move of a five-minute bar (quant.md MTF-13): its start, its closes before, in and after it."""

    start: int
    before: float
    close: float
    after: float


class FrameInfo(Value, frozen=True):
    """What there is of one market and frame: candles in [since, until), and microseconds by why there is none.

    `revised` counts candles the exchange told otherwise later. `stretches` are the holes behind the sums.
    """

    market: str
    frame: str
    since: int
    until: int
    candles: int
    revised: int
    uncollected: int
    down: int
    untraded: int
    stretches: tuple[Stretch, ...] = ()
    spikes: tuple[Spike, ...] = ()
