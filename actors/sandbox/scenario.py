"""Reads faults as people write them: rules one by one, and a scenario file of them.

A scenario is TOML:

    [dials]                          # as with --fault
    latency = 0.1

    [[fault]]                        # the third order's answer is lost
    fault = "lose_response"
    after = 2
    count = 1

    [[fault]]
    fault = "maintenance"
    at = 2026-12-01T02:00:00Z        # or in_s = 60, or moment = "night"
    for_s = 18000
    reopen_s = 600
"""

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from actors.sandbox.faults import Faults, with_faults
from actors.sandbox.listing import CAUTIONS
from actors.sandbox.rules import KINDS, TARGETS, Rule
from domain.errors import ConfigError
from domain.market import US_PER_S

_WHEN: Final = ("fault", "at", "in_s", "moment", "for_s", "after")
_WHOM: Final = ("method", "path", "market", "side", "account", "socket")
_STRIKING: Final = (*_WHEN, *_WHOM, "chance", "count")
_MEASURES: Final = {
    "error_after": ("status",),
    "bad_gateway": ("status",),
    "slow_answer": ("ms",),
    "latency": ("ms",),
    "storm": ("ms",),
    "limited": ("seconds",),
    "blocked": ("seconds",),
    "novelty": ("field", "value"),
    "ws_silence": ("seconds",),
    "ws_half_open": ("seconds",),
    "order_lag": ("ms",),
    "accounts_lag": ("ms",),
    "match_delay": ("ms",),
    "cancel_delay": ("ms",),
    "tick_change": ("factor",),
    "caution": ("flag",),
    "delisting": ("date",),
    "clock_skew": ("seconds",),
    "maintenance": ("reopen_s",),
    "announcement": ("title", "category", "body"),
}
_NEEDED: Final = {
    **dict.fromkeys(("slow_answer", "order_lag", "accounts_lag", "match_delay", "cancel_delay"), "ms"),
    **dict.fromkeys(("blocked", "ws_silence", "clock_skew"), "seconds"),
    "tick_change": "factor",
    "caution": "flag",
    "delisting": "date",
    "announcement": "title",
}
_STATUSES: Final = (500, 502, 503, 504)


def keys_of(fault: str) -> tuple[str, ...]:
    """Which keys a rule of this fault may have."""
    usual = _STRIKING if fault in TARGETS else (*_WHEN, *_WHOM)
    return (*usual, *_MEASURES.get(fault, ()))


def read_rule(entry: Any, where: str) -> Rule:
    """A rule from its fields; raises ConfigError naming the key, what was found and what is possible."""
    fault = entry.get("fault") if isinstance(entry, dict) else None
    if not isinstance(fault, str) or fault not in KINDS:
        raise ConfigError(f"{where}: fault {fault!r} is none; there are: {', '.join(sorted(KINDS))}")
    for key in entry:
        if key not in keys_of(fault):
            raise ConfigError(f"{where}: {fault} has no key {key!r}; there are: {', '.join(keys_of(fault))}")
    if (needed := _NEEDED.get(fault)) and needed not in entry:
        raise ConfigError(f"{where}: {fault} needs {needed!r}, which is not there")
    fixed = entry | ({"at": _moment(entry["at"], where)} if "at" in entry else {})
    if isinstance(fixed.get("date"), date):
        fixed["date"] = fixed["date"].isoformat()
    try:
        rule = msgspec.convert(fixed, Rule)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {error}") from error
    _check(rule, where)
    return rule


def _moment(value: Any, where: str) -> int:
    """A time as microseconds UTC, from those or from ISO 8601; UTC without a zone."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: at {value!r}: expected an ISO time or microseconds UTC") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * US_PER_S)


def _check(rule: Rule, where: str) -> None:
    signed = rule.fault == "clock_skew"
    checks = (
        ("chance", 0 < rule.chance <= 1, "a number in (0, 1]"),
        *((name, getattr(rule, name) >= 0, "zero or more") for name in ("count", "after", "at", "for_s", "in_s")),
        ("moment", not (rule.moment and rule.after and rule.fault not in TARGETS), "none beside `after`"),
        ("ms", rule.ms is None or rule.ms >= 0, "milliseconds, zero or more"),
        ("seconds", rule.seconds is None or rule.seconds >= 0 or signed, "seconds, zero or more"),
        ("reopen_s", rule.reopen_s >= 0, "seconds, zero or more"),
        ("status", rule.status in {0, *_STATUSES}, " or ".join(map(str, _STATUSES))),
        ("factor", rule.factor >= 1, "a whole number from 1"),
        ("side", rule.side in {"", "bid", "ask"}, "bid or ask"),
        ("socket", rule.socket in {"", "public", "private"}, "public or private"),
        ("flag", rule.flag in {"", *CAUTIONS}, " or ".join(CAUTIONS)),
        ("date", not rule.date or _is_date(rule.date), "a date such as 2026-12-01"),
    )
    for name, good, possible in checks:
        if not good:
            raise ConfigError(f"{where}: {name} {getattr(rule, name)!r}: expected {possible}")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


class Scenario(NamedTuple):
    """What a scenario file says."""

    dials: dict[str, Any]
    rules: tuple[Rule, ...]


def read_scenario(path: Path) -> Scenario:
    """The faults of a file; raises ConfigError naming file, entry and key."""
    try:
        content = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"scenario {path} cannot be read: {error}") from error
    if unknown := content.keys() - {"dials", "fault"}:
        raise ConfigError(f"scenario {path}: unknown {', '.join(sorted(unknown))}; expected [dials] and [[fault]]")
    dials, entries = content.get("dials", {}), content.get("fault", [])
    if not isinstance(dials, dict) or not isinstance(entries, list):
        raise ConfigError(f"scenario {path}: expected a table [dials] and entries [[fault]]")
    try:
        with_faults(Faults(), dials)
    except ConfigError as error:
        raise ConfigError(f"scenario {path}: {error}") from error
    numbered = enumerate(entries, start=1)
    return Scenario(dials, tuple(read_rule(entry, f"scenario {path}, fault {number}") for number, entry in numbered))
