"""How often something comes, when its silence is worth a look, and so how fresh a stream is."""

from typing import Final, NamedTuple, TypeAlias

BURST_S: Final = 1.0  # what comes within this long counts as one coming: trades come in bursts
PATIENCE: Final = 8.0  # silences of so many usual ones happen to a regular market about once in three thousand
SHORTEST_S: Final = 10.0
_WEIGHT: Final = 1 / 8

Key: TypeAlias = tuple[str, str]
"""A type of a stream's data (`trade`, `orderbook`, `candle.1m` …) and a market."""


class Rhythm:
    """The usual silence of one source, in real seconds of a clock that only grows (`time.monotonic`)."""

    __slots__ = ("_counted", "_usual", "last")

    def __init__(self) -> None:
        self.last: float | None = None
        self._counted = 0.0
        self._usual: float | None = None

    def note(self, now: float) -> None:
        """It came."""
        if self.last is None:
            self._counted = now
        elif (gap := now - self._counted) >= BURST_S:
            self._usual = gap if self._usual is None else self._usual + (gap - self._usual) * _WEIGHT
            self._counted = now
        self.last = now

    @property
    def expected_s(self) -> float | None:
        """After so long it should have come again; None while its habits are not known."""
        return None if self._usual is None else max(self._usual * PATIENCE, SHORTEST_S)

    def silent_s(self, now: float) -> float | None:
        """For how long it has been silent; None when it never came."""
        return None if self.last is None else now - self.last


class MarketStaleness(NamedTuple):
    """One type of one market: real seconds since its last frame, and after how many it is worth a look.

    `age_s` None: nothing came since it is asked for. `expected_s` None: too little came to know its habits.
    """

    type: str
    market: str
    age_s: float | None
    expected_s: float | None

    @property
    def is_late(self) -> bool:
        """Whether it is silent for longer than its own habits explain: a quiet market is not."""
        return self.age_s is not None and self.expected_s is not None and self.age_s > self.expected_s


class Staleness(NamedTuple):
    """A stream at one moment. Real seconds since it connected, since its last byte, since its last data.

    None means not connected, or never on this connection. `unheard` never got a snapshot within the time for it,
    `strays` come although nobody asks for them. `drifts` counts since the start how often something else came, or was
    said to come, than was asked for.
    """

    connected_s: float | None
    silent_s: float | None
    dataless_s: float | None
    markets: tuple[MarketStaleness, ...]
    unheard: tuple[Key, ...]
    strays: tuple[Key, ...]
    drifts: int

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self.connected_s is not None
