"""A person's commands on their way to the engine: one-time tokens before, the state of each after."""

import secrets
import threading
import time
from collections.abc import Callable
from enum import StrEnum

import msgspec

from domain.readmodel import Command, CommandAnswer

TOKEN_LIFE_S = 300.0
LATE_AFTER_S = 10.0
KEPT_MAX = 64
OPERATOR = "operator@dashboard"
"""Who acted: there is no login yet, so it is whoever sits at this computer."""

COMMANDS = ("stop_all", "stop_all_liquidate", "resume")


class Stage(StrEnum):
    """Where a command is. `lost` means no engine took it; `late` that the engine took it and has not answered."""

    OFFERED = "offered"
    SENT = "sent"
    LATE = "late"
    LOST = "lost"
    ACCEPTED = "accepted"
    REFUSED = "refused"


class Ticket(msgspec.Struct, frozen=True):
    """One command: its one-time token, the browser it was offered to, what became of it, and the engine's own words."""

    token: str
    name: str
    browser: str
    stage: Stage
    at: float
    text: str = ""


class TokenSpent(Exception):
    """The token was used, is too old, or was offered to another browser: nothing was sent."""


class Desk:
    """Offers, sends and remembers commands. Thread-safe. `clock` gives monotonic seconds.

    A token sends at most one command, whatever a browser repeats: it is spent before anything leaves.
    """

    def __init__(self, send: Callable[[Command], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._lock = threading.Lock()
        self._tickets: dict[str, Ticket] = {}

    def offer(self, name: str, browser: str) -> str:
        """A one-time token for one of COMMANDS, good for TOKEN_LIFE_S in this browser only."""
        if name not in COMMANDS:
            raise ValueError(f"{name!r} is none of {COMMANDS}")
        token = secrets.token_urlsafe(18)
        with self._lock:
            while len(self._tickets) >= KEPT_MAX:
                del self._tickets[next(iter(self._tickets))]
            self._tickets[token] = Ticket(token, name, browser, Stage.OFFERED, self._clock())
        return token

    def offered(self, token: str, browser: str) -> Ticket:
        """The command this token would send; raises TokenSpent when it would send none."""
        with self._lock:
            return self._live(token, browser)

    def execute(self, token: str, browser: str) -> Ticket:
        """Send the command of a token, once; raises TokenSpent when the token has none to send."""
        with self._lock:
            ticket = self._live(token, browser)
            self._tickets[token] = msgspec.structs.replace(ticket, stage=Stage.SENT, at=self._clock())
        sent = self._send(Command(ticket.name, OPERATOR, token))
        if not sent:
            self._move(token, Stage.LOST, "")
        return self._tickets.get(token, ticket)

    def answered(self, answer: CommandAnswer) -> Ticket | None:
        """Take the engine's answer in; None when the command is not one of ours."""
        return self._move(answer.token, Stage.ACCEPTED if answer.accepted else Stage.REFUSED, answer.text)

    def ticket(self, token: str) -> Ticket | None:
        """What became of a command that was sent; None for tokens unknown or not used yet."""
        found = self._tickets.get(token)
        if found is None or found.stage is Stage.OFFERED:
            return None
        if found.stage is Stage.SENT and self._clock() - found.at > LATE_AFTER_S:
            return msgspec.structs.replace(found, stage=Stage.LATE)
        return found

    def _live(self, token: str, browser: str) -> Ticket:
        ticket = self._tickets.get(token)
        if ticket is None or ticket.stage is not Stage.OFFERED or ticket.browser != browser:
            raise TokenSpent
        if self._clock() - ticket.at > TOKEN_LIFE_S:
            raise TokenSpent
        return ticket

    def _move(self, token: str, stage: Stage, text: str) -> Ticket | None:
        with self._lock:
            ticket = self._tickets.get(token)
            if ticket is None or ticket.stage is Stage.OFFERED:
                return None
            moved = msgspec.structs.replace(ticket, stage=stage, text=text)
            self._tickets[token] = moved
            return moved
