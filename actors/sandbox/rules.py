"""A fault as a rule: what goes wrong, for whom, how often, and from when to when."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from random import Random
from typing import Final, NamedTuple

import msgspec

from domain.market import US_PER_S

NEVER: Final = 1 << 62


class Subject(NamedTuple):
    """What a fault may hit: one request or one frame. `what` names it in the log; empty fields are not known."""

    what: str
    method: str = ""
    path: str = ""
    market: str = ""
    side: str = ""
    account: str = ""
    socket: str = ""


class Target(NamedTuple):
    """Which subjects a fault hits unless its rule says otherwise; empty means any. `path` may hold `*`."""

    method: str = ""
    path: str = ""
    socket: str = ""


ORDERS: Final = Target("POST", "/v1/orders")
ANY: Final = Target()
PRIVATE: Final = Target(socket="private")
REQUEST_FAULTS: Final = {
    "drop_request": ORDERS,
    "lose_response": ORDERS,
    "slow_answer": ORDERS,
    "error_after": ORDERS,
    "bad_gateway": Target("GET"),
    "latency": ANY,
    "storm": ANY,
    "limited": ANY,
    "blocked": ANY,
    "market_offline": Target("POST", "/v1/orders*"),
    "expired_key": ANY,
    "wrong_ip": ANY,
    "out_of_scope": ANY,
    "novelty": ANY,
}
FRAME_FAULTS: Final = {
    "ws_drop": ANY,
    "ws_silence": ANY,
    "ws_half_open": ANY,
    "lose_event": PRIVATE,
    "duplicate_event": PRIVATE,
    "reorder_events": PRIVATE,
    "novelty": ANY,
}
TARGETS: Final = REQUEST_FAULTS | FRAME_FAULTS
"""What strikes: each at a request or a frame."""
LASTING: Final = frozenset(
    {
        "order_lag",
        "accounts_lag",
        "match_delay",
        "cancel_delay",
        "tick_change",
        "warning",
        "caution",
        "delisting",
        "delisted",
        "clock_skew",
        "maintenance",
    }
)
"""What holds from its beginning to its end."""
ONCE: Final = frozenset({"announcement", "cancel_orders"})
"""What happens at its beginning, and is done."""
KINDS: Final = frozenset(TARGETS) | LASTING | ONCE


class Rule(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fault with its conditions.

    It begins `in_s` seconds after it is armed, or after the named `moment`, or at the exchange time `at` (microseconds
    UTC), and holds for `for_s` seconds of the exchange's clock, 0 for good. From then on `after` matching requests or
    frames are spared, then each is hit with `chance`, `count` of them at the most (0: all). A lasting fault holds from
    the request after those spared. `ms` and `seconds` are the fault's own measure: of the exchange's clock for lags,
    delays and blocks, of real time for latency, slow answers and silent sockets.
    """

    fault: str
    chance: float = 1.0
    count: int = 0
    after: int = 0
    at: int = 0
    in_s: float = 0.0
    moment: str = ""
    for_s: float = 0.0
    method: str = ""
    path: str = ""
    market: str = ""
    side: str = ""
    account: str = ""
    socket: str = ""
    ms: float | None = None
    seconds: float | None = None
    status: int = 0
    factor: int = 1
    flag: str = ""
    field: str = ""
    value: str = ""
    date: str = ""
    reopen_s: float = 0.0
    title: str = ""
    category: str = "maintenance"
    body: str = ""

    @property
    def target(self) -> Target:
        """Whom it hits: its fault's usual target, unless it names method, path or socket itself."""
        if self.method or self.path or self.socket:
            return Target(self.method, self.path, self.socket)
        return TARGETS.get(self.fault, ANY)


def fits(target: Target, subject: Subject) -> bool:
    """Whether a target covers this subject."""
    return (
        (not target.method or target.method == subject.method)
        and (not target.path or fnmatchcase(subject.path, target.path))
        and (not target.socket or target.socket == subject.socket)
    )


@dataclass(slots=True)
class Armed:
    """A rule that holds. `begins` is NEVER while it waits; `seen` matching subjects, of which it `struck` some."""

    number: int
    rule: Rule
    rng: Random
    begins: int
    seen: int = 0
    struck: int = 0
    holds: bool = False

    @property
    def ends(self) -> int:
        """When it holds no more, microseconds UTC."""
        return self.begins + int(self.rule.for_s * US_PER_S) if self.rule.for_s and self.begins < NEVER else NEVER

    def covers(self, subject: Subject) -> bool:
        """Whether this subject is one of those it is about."""
        rule = self.rule
        pairs = ((rule.market, subject.market), (rule.side, subject.side), (rule.account, subject.account))
        return fits(rule.target, subject) and all(not wanted or wanted == found for wanted, found in pairs)

    def strikes(self, subject: Subject, now: int) -> bool:
        """Whether it hits this subject now; counts it if it is one of its own."""
        rule = self.rule
        if not self.begins <= now < self.ends or (rule.count and self.struck >= rule.count) or not self.covers(subject):
            return False
        self.seen += 1
        if self.seen <= rule.after or (rule.chance < 1 and self.rng.random() >= rule.chance):
            return False
        self.struck += 1
        return True

    def start(self, now: int) -> None:
        """Begin, as soon as the rule's own delay allows."""
        self.begins = now + int(self.rule.in_s * US_PER_S)


def armed(number: int, rule: Rule, rng: Random, now: int) -> Armed:
    """A rule as it is armed: begun, or waiting for its time, its moment, or (a lasting one) for requests to pass."""
    one = Armed(number, rule, rng, NEVER)
    waits = rule.moment or (rule.after and rule.fault not in TARGETS)
    if not waits:
        one.start(max(now, rule.at))
    return one
