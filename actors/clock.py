"""Says when a minute is over and when a decision is due, so that no other core actor looks at a clock."""

from dataclasses import dataclass
from typing import TypeAlias, assert_never

from actors.runtime import Actor, Recovered, Restarted
from domain.market import BASE_FRAME, MINUTE, US_PER_S
from domain.message import Message
from domain.messages import DecisionDue, IntervalDue, SessionOpened

GRACE = 2 * US_PER_S  # MTF-09: how long after its end an interval still waits for its last trades
DECIDE_AFTER = 3 * US_PER_S  # MTF-10: decisions for T run at T plus this
TRANSPORT_ALLOWANCE_S = 0.25  # real seconds a message may need through sockets and threads, whatever the clock's speed


class MinuteDue(Message, frozen=True):
    """Own timer: the minute ending at `end` is over, grace included. `chain` tells a live timer from a stale one."""

    end: int
    chain: int


class DecideDue(Message, frozen=True):
    """Own timer: decide for `at`."""

    at: int


Accepted: TypeAlias = Recovered | Restarted | SessionOpened | MinuteDue | DecideDue


@dataclass(slots=True)
class ClockState:
    """`chain` numbers the chain of timers that counts; `allowance` is transport time in our clock's microseconds."""

    chain: int = 0
    allowance: int = 0


class Clock(Actor[ClockState]):
    """Owns the beat of the session.

    Sends IntervalDue to feed two seconds after each minute, and DecisionDue to portfolio three seconds (or the
    transport's time, if the clock runs fast) after each base bar. A restart begins a new chain of timers.
    """

    State = ClockState

    def handle(self, message: Accepted) -> None:
        """Hand each message to its handler."""
        match message:
            case SessionOpened():
                self.state.allowance = int(TRANSPORT_ALLOWANCE_S * US_PER_S * message.speed)
                self._begin()
            case Recovered() | Restarted():
                if self.state.allowance:
                    self._begin()
            case MinuteDue():
                self._on_minute(message)
            case DecideDue():
                self.send("portfolio", DecisionDue(message.at))
            case _:
                assert_never(message)

    def _begin(self) -> None:
        """Start with the first minute whose grace is not over: the chain before this one may have left it to us."""
        self.state.chain += 1
        before = self.now - GRACE
        self._arm(before - before % MINUTE + MINUTE)

    def _arm(self, end: int) -> None:
        self.after(max(0, end + GRACE - self.now), MinuteDue(end, self.state.chain))

    def _on_minute(self, due: MinuteDue) -> None:
        if due.chain != self.state.chain:
            return
        self.send("feed", IntervalDue(due.end))
        if due.end % BASE_FRAME == 0:
            wait = due.end + max(DECIDE_AFTER, GRACE + self.state.allowance) - self.now
            self.after(max(0, wait), DecideDue(due.end))
        self._arm(due.end + MINUTE)
