"""How a sandbox is started."""

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

from actors.sandbox.faults import Faults
from domain.errors import ConfigError

MAX_PORT: Final = 65_535
MAX_SPEED: Final = 10_000
DAYS: Final = (2, 366)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What to play, how fast, and where to keep the books.

    `port` 0 takes any free one. `frames` is a file of recorded frames to play, `candles` a folder of candles; without
    either a made-up universe of `days` days is played. No `markets` means all there are. `start` is in microseconds
    UTC; None leaves 14 days of history before it, or half of the candles if they are shorter (recorded frames begin a
    second before the first of them). Of made-up days 14 are played behind it, or half of them if they are fewer; the
    others are history, by default enough for a market to be chosen by its last 30 days. `not_before` lets a clock that
    is behind a client's go on from there, so that both share one time. `speed` is simulated seconds a real second;
    `idle_s` (real) is how long a silent socket lives. `accounts` is a file of pockets and keys, in place of one main
    pocket with `capital` KRW; `choices` are values of Choices by name, which win over those kept from before;
    `scenario` is a file of faults.
    """

    home: Path
    port: int = 0
    candles: Path | None = None
    frames: Path | None = None
    markets: tuple[str, ...] = ()
    speed: float = 1.0
    seed: int = 1
    capital: Decimal = Decimal(10_000_000)
    start: int | None = None
    not_before: int = 0
    days: int = 45
    faults: Faults = field(default_factory=Faults)
    with_parent: bool = False
    idle_s: float = 60.0
    accounts: Path | None = None
    choices: dict[str, str] = field(default_factory=dict)
    scenario: Path | None = None

    def __post_init__(self) -> None:
        checks = (
            (self.candles is None or self.frames is None, "--candles and --frames: only one of them can be played"),
            (0 <= self.port <= MAX_PORT, f"--port must lie in 0..{MAX_PORT}, found {self.port}"),
            (0 < self.speed <= MAX_SPEED, f"--speed must lie in (0, {MAX_SPEED}], found {self.speed}"),
            (self.capital >= 0, f"--capital must not be negative, found {self.capital}"),
            (DAYS[0] <= self.days <= DAYS[1], f"--days must lie in {DAYS[0]}..{DAYS[1]}, found {self.days}"),
            (self.idle_s > 0, f"--idle must be above zero, found {self.idle_s}"),
        )
        for good, fault in checks:
            if not good:
                raise ConfigError(fault)
