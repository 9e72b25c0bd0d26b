"""What goes wrong on purpose, and which of the exchange's undocumented habits are played. All off by default."""

from dataclasses import dataclass, fields, replace
from random import Random
from typing import Any, Final

from actors.sandbox.rules import FRAME_FAULTS, TARGETS, Armed, Rule, Subject, armed, fits
from actors.sandbox.strikes import StrikeLog
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
CHANCES: Final = NAMES & TARGETS.keys()
"""The dials that are the chance of a strike; the others are lasting, or a measure."""


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


def with_faults(base: Faults, values: dict[str, Any]) -> Faults:
    """The same faults with some of them changed; raises ConfigError for a name or value that is none."""
    for name, value in values.items():
        if name not in NAMES:
            raise ConfigError(f"no fault is called {name!r}; there are: {', '.join(sorted(NAMES))}")
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not (0 <= value < float("inf")) or (value > 1 and not name.endswith("_ms")):
            raise ConfigError(f"fault {name}={value!r}: expected a chance or flag in [0, 1], or milliseconds for _ms")
    return replace(base, **{name: float(value) for name, value in values.items()})


class Mischief:
    """Decides when a fault strikes: by the dials in `faults`, and by rules, each with a seeded chance of its own.

    The same seed and the same calls give the same strikes. `log` keeps each of them; `frames_at_risk` is false while
    nothing can happen to any frame.
    """

    def __init__(self, faults: Faults, seed: int) -> None:
        self.log = StrikeLog()
        self.rules: dict[int, Armed] = {}
        self.frames_at_risk = False
        self._seed = seed
        self._armed = 0
        self._striking: dict[str, list[Armed]] = {}
        self.faults = faults
        self._dials: dict[str, Random] = {name: self.chance_of(name) for name in sorted(CHANCES)}

    @property
    def faults(self) -> Faults:
        """The dials."""
        return self._faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self._faults = faults
        self._sort()

    def chance_of(self, *what: object) -> Random:
        """A random generator for one thing, the same in every run with this seed."""
        return Random(":".join(map(str, (self._seed, *what))))  # noqa: S311 (a rehearsal must be repeatable)

    def arm(self, rule: Rule, now: int) -> Armed:
        """Let a rule hold from now on, or from the time or moment it names."""
        self._armed += 1
        one = armed(self._armed, rule, self.chance_of("rule", self._armed, rule.fault), now)
        self.rules[one.number] = one
        self._sort()
        return one

    def disarm(self, number: int) -> Armed | None:
        """Let a rule hold no more; None when there is none of this number."""
        gone = self.rules.pop(number, None)
        self._sort()
        return gone

    def strike(self, fault: str, subject: Subject, now: int) -> Rule | None:
        """The rule (or dial, as one) by which this fault hits this subject now, None when it is spared."""
        for one in self._striking.get(fault, ()):
            if one.strikes(subject, now):
                self.log.note(now, fault, one.number, subject.what)
                return one.rule
        chance = getattr(self.faults, fault, 0.0)
        if not chance or not fits(TARGETS[fault], subject) or self._dials[fault].random() >= chance:
            return None
        self.log.note(now, fault, 0, subject.what)
        return Rule(fault, ms=getattr(self.faults, f"{fault}_ms", None))

    def _sort(self) -> None:
        self._striking = {}
        for one in self.rules.values():
            self._striking.setdefault(one.rule.fault, []).append(one)
        self.frames_at_risk = any(name in self._striking or getattr(self._faults, name, 0.0) for name in FRAME_FAULTS)
