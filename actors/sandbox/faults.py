"""What goes wrong on purpose, and which of the exchange's undocumented habits are played. All off by default."""

import random
from dataclasses import dataclass, field, fields, replace
from typing import Final

from domain.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Faults:
    """Chances are in [0, 1], flags 0 or 1, `_ms` milliseconds of the exchange's clock (`latency_ms` of real time).

    Orders: `lose_response` executes a POST and drops the connection, `drop_request` drops it before, `error_after`
    executes and answers 500. Requests: `latency` delays one by `latency_ms`, `storm` answers 429 for `storm_ms`,
    `bad_gateway` answers a GET with an HTML page. Streams: `ws_drop` cuts a socket at a frame; private frames may be
    lost, doubled, or come out of order. Lags: a new order is invisible, balances are old. Choices: the delay from
    POST to match and from DELETE to cancel; plain-text 429; a 418 that does not tell its seconds; a Retry-After header
    on both; neither of them with a Remaining-Req header; a bad token on a socket as HTTP 401 or as an error frame.
    """

    lose_response: float = 0.0
    drop_request: float = 0.0
    error_after: float = 0.0
    latency: float = 0.0
    latency_ms: float = 500.0
    storm: float = 0.0
    storm_ms: float = 3_000.0
    bad_gateway: float = 0.0
    ws_drop: float = 0.0
    lose_event: float = 0.0
    duplicate_event: float = 0.0
    reorder_events: float = 0.0
    order_lag_ms: float = 0.0
    accounts_lag_ms: float = 0.0
    match_delay_ms: float = 0.0
    cancel_delay_ms: float = 0.0
    text_429: float = 0.0
    silent_418: float = 0.0
    retry_after: float = 0.0
    bare_429: float = 0.0
    ws_auth_401: float = 0.0
    market_offline: float = 0.0
    expired_key: float = 0.0
    wrong_ip: float = 0.0
    out_of_scope: float = 0.0


NAMES: Final = frozenset(item.name for item in fields(Faults))


def parse_faults(text: str, base: Faults | None = None) -> Faults:
    """Faults from `name=value,name=value`, on top of `base`; raises ConfigError for a name or value that is none."""
    values: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, value = part.partition("=")
        try:
            values[name.strip()] = float(value)
        except ValueError as error:
            raise ConfigError(f"fault {part!r}: expected NAME=NUMBER, such as lose_response=0.05") from error
    return with_faults(base or Faults(), values)


def with_faults(base: Faults, values: dict[str, float]) -> Faults:
    """The same faults with some of them changed; raises ConfigError for a name or value that is none."""
    for name, value in values.items():
        if name not in NAMES:
            raise ConfigError(f"no fault is called {name!r}; there are: {', '.join(sorted(NAMES))}")
        if not (0 <= value < float("inf")) or (value > 1 and not name.endswith("_ms")):
            raise ConfigError(f"fault {name}={value}: expected a chance or flag in [0, 1], or milliseconds for _ms")
    return replace(base, **values)


@dataclass(slots=True)
class Mischief:
    """The faults in force, and the seeded chance that decides when they strike."""

    faults: Faults
    seed: int
    _rng: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)  # noqa: S311 (a rehearsal must be repeatable)

    def strikes(self, chance: float) -> bool:
        """Whether something of this chance happens now."""
        return chance > 0 and self._rng.random() < chance

    def shuffle(self, frames: list[bytes]) -> None:
        """Bring frames out of order."""
        self._rng.shuffle(frames)
