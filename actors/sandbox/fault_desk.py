"""The fault desk: arms, begins, ends and shows faults, for tests and people, under /_sandbox/."""

from collections import deque
from dataclasses import asdict
from typing import Any, Final

import msgspec

from actors.sandbox.answers import Answer, Refused, Request, told
from actors.sandbox.effects import Effects
from actors.sandbox.faults import Faults, with_faults
from actors.sandbox.rules import LASTING, NEVER, ONCE, TARGETS, Armed, Rule, Subject, fits
from actors.sandbox.scenario import Scenario, read_rule
from actors.sandbox.world import World
from domain.errors import ConfigError

CALLS_KEPT: Final = 10_000


class Call(msgspec.Struct, frozen=True):
    """One request of a client and the status of its answer, 0 when there was none; `at` is the exchange's time."""

    number: int
    at: int
    method: str
    path: str
    market: str
    status: int


class FaultDesk:
    """Owns the life of every rule. `tick` must be called as the exchange's time goes on."""

    def __init__(self, world: World) -> None:
        self._world, self._mischief = world, world.mischief
        self.effects = Effects(world)
        self._calls: deque[Call] = deque(maxlen=CALLS_KEPT)
        self._count = 0

    # --- what the server says ----------------------------------------------------------------------------------------

    def play(self, scenario: Scenario) -> None:
        """Put a scenario into force; raises ConfigError when one of its rules cannot be."""
        self._dial(scenario.dials)
        for rule in scenario.rules:
            self.arm(rule)

    def heard(self, method: str, path: str) -> None:
        """A request came in: lasting faults that wait for one take note."""
        now = self._world.clock.now()
        subject = Subject(f"{method} {path}", method, path)
        for one in self._waiting():
            if one.rule.after and fits(one.rule.target, subject):  # `market` is what it changes, not whom it counts
                one.seen += 1
                if one.seen > one.rule.after:
                    one.start(now)
        self.tick(now)

    def answered(self, subject: Subject, status: int) -> None:
        """Keep a request with what became of it."""
        self._count += 1
        now = self._world.clock.now()
        self._calls.append(Call(self._count, now, subject.method, subject.path, subject.market, status))

    def tick(self, now: int) -> None:
        """Begin and end what is due at this time of the exchange."""
        self.effects.tick(now)
        for one in tuple(self._mischief.rules.values()):
            kind = one.rule.fault
            if kind in TARGETS:
                continue
            if not one.holds and one.begins <= now < one.ends:
                one.holds = True
                self._log(one, now, "begins" if kind in LASTING else "happens")
                self.effects.begin(one.rule, now)
            if one.begins < NEVER and (one.ends <= now or (kind in ONCE and one.holds)):
                self._drop(one, now)

    @property
    def next_at(self) -> int | None:
        """When something begins or ends by itself next, microseconds UTC."""
        times = [at for one in self._mischief.rules.values() for at in (one.begins, one.ends) if at < NEVER]
        times = [at for at in (*times, self.effects.next_at) if at is not None and at > self._world.clock.now()]
        return min(times, default=None)

    def _waiting(self) -> list[Armed]:
        return [one for one in self._mischief.rules.values() if one.begins == NEVER and one.rule.fault not in TARGETS]

    # --- what a person says ------------------------------------------------------------------------------------------

    def arm(self, rule: Rule) -> int:
        """Put a rule into force and give its number; raises ConfigError when this exchange cannot do it."""
        self.effects.check(rule)
        now = self._world.clock.now()
        one = self._mischief.arm(rule, now)
        self.tick(now)
        return one.number

    def moment(self, name: str) -> list[int]:
        """Begin every rule that waits for this moment, and give their numbers."""
        now = self._world.clock.now()
        waiting = [one for one in self._mischief.rules.values() if one.begins == NEVER and one.rule.moment == name]
        for one in waiting:
            one.start(now)
        self.tick(now)
        return [one.number for one in waiting]

    def answer(self, request: Request) -> Answer | None:
        """Answer what is about faults; None for everything else."""
        try:
            match request.method, request.path:
                case "GET", "/_sandbox/faults":
                    return told(self._shown())
                case "POST", "/_sandbox/faults":
                    return self._change(_json(request.body))
                case "DELETE", "/_sandbox/faults":
                    return self._delete(request.get("number"))
                case "GET", "/_sandbox/faults/log":
                    return told(list(self._mischief.log.strikes))
                case "GET", "/_sandbox/requests":
                    return told(list(self._calls))
                case "POST", "/_sandbox/moment":
                    return told({"begun": self.moment(_name(_json(request.body)))})
        except ConfigError as error:
            raise Refused(400, "bad_request", str(error)) from error
        return None

    def _change(self, body: Any) -> Answer:
        """Dials as {"name": value}, a rule as {"fault": …}, or a list of rules: all of them or none."""
        if isinstance(body, dict) and "fault" not in body:
            self._dial(body)
            return told(self._shown())
        entries = body if isinstance(body, list) else [body]
        rules = [read_rule(entry, f"fault {number}") for number, entry in enumerate(entries, start=1)]
        for rule in rules:
            self.effects.check(rule)
        return told({"armed": [self.arm(rule) for rule in rules]})

    def _delete(self, number: str | None) -> Answer:
        """One rule; or without a number all rules and dials."""
        now = self._world.clock.now()
        rules = self._mischief.rules
        if number is None:
            for one in tuple(rules.values()):
                self._drop(one, now)
            self._dial(asdict(Faults()))
            return told(self._shown())
        if not number.isdecimal() or int(number) not in rules:
            raise ConfigError(f"number {number!r}: expected that of a rule in force, of {sorted(rules)}")
        self._drop(rules[int(number)], now)
        return told(self._shown())

    def _dial(self, values: dict[str, Any]) -> None:
        self._mischief.faults = with_faults(self._mischief.faults, values)
        self._world.desk.keep_past_us = int(self._mischief.faults.accounts_lag_ms * 1000)

    def _shown(self) -> dict[str, Any]:
        rules = [
            {"number": one.number, "struck": one.struck, "holds": one.holds, "rule": one.rule}
            for one in self._mischief.rules.values()
        ]
        return {**asdict(self._mischief.faults), "rules": rules}

    def _drop(self, one: Armed, now: int) -> None:
        self._mischief.disarm(one.number)
        if one.holds and one.rule.fault in LASTING:
            self._log(one, now, "ends")
            self.effects.end(one.rule, now)

    def _log(self, one: Armed, now: int, what: str) -> None:
        self._mischief.log.note(now, one.rule.fault, one.number, f"{what} {one.rule.market}".rstrip())


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"the body is not JSON: {error}") from error


def _name(body: Any) -> str:
    name = body.get("name") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name:
        raise ConfigError(f"name {name!r}: expected the name of a moment")
    return name
