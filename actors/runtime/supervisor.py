"""Brings crashed actors back, one by one and ever more slowly, and halts trading when that does not help."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from actors.runtime.actor import Actor, Context
from actors.runtime.clock import SECOND_US
from actors.runtime.messages import ActorCrashed, ActorRestarted, DeadLetterFound, Recovered, RestartDue
from domain.messages import HaltTrading, IncidentRaised

SUPERVISOR: Final = "supervisor"
HALT_TARGETS: Final = ("risk", "gateway")

INTENSITY = 5  # crashes of one actor within the period that are answered by a restart
PERIOD_US = 60 * SECOND_US
FIRST_BACKOFF_US = SECOND_US // 10
LONGEST_BACKOFF_US = 10 * SECOND_US
JITTER = 0.2
RETRY_US = 60 * SECOND_US  # after giving up
FORGIVEN_US = 600 * SECOND_US  # without a crash after giving up, an actor is like any other again
SAME_DEAD_LETTER_US = 10 * SECOND_US  # the same kind of dead letter is one incident for so long

Accepted = Recovered | ActorCrashed | RestartDue | ActorRestarted | DeadLetterFound


@dataclass(slots=True)
class SupervisorState:
    """All times are real microseconds, valid within one life of the process."""

    crashes: dict[str, list[int]] = field(default_factory=dict)
    gave_up: dict[str, int] = field(default_factory=dict)  # actor -> its last crash
    dead_letters: dict[str, int] = field(default_factory=dict)  # kind -> last told


class Supervisor(Actor[SupervisorState]):
    """Owns the restart history. Its log is the journal filtered by its name.

    Told by the runtime of crashes, restarts and dead letters; sends restart orders to the runtime, `HaltTrading` to
    `halt_targets` and `IncidentRaised` to the topic `incidents`. Waits on nothing. A start of the process clears its
    memory; a crash of its own ends the process.
    """

    State = SupervisorState

    def __init__(self, context: Context, name: str, *, halt_targets: Sequence[str] = HALT_TARGETS) -> None:
        super().__init__(context, name)
        self._halt_targets = tuple(halt_targets)

    def handle(self, message: Accepted) -> None:
        """Handle one report of the runtime."""
        match message:
            case Recovered():
                self.state = SupervisorState()
            case ActorCrashed():
                self._on_crashed(message)
            case RestartDue():
                self.order_restart(message.actor, message)
            case ActorRestarted():
                self._raise("restart", message.actor, f"works again after {message.after_us / SECOND_US:.3f} s")
            case DeadLetterFound():
                self._on_dead_letter(message)
            case _:
                assert_never(message)

    def _on_crashed(self, crash: ActorCrashed) -> None:
        times = [at for at in self.state.crashes.get(crash.actor, ()) if at > crash.real_us - PERIOD_US]
        times.append(crash.real_us)
        self.state.crashes[crash.actor] = times
        last_given_up = self.state.gave_up.get(crash.actor)
        forgiven = last_given_up is None or crash.real_us - last_given_up > FORGIVEN_US
        if len(times) > INTENSITY or not forgiven:
            self._give_up(crash, len(times))
            return
        backoff_us = min(FIRST_BACKOFF_US << (len(times) - 1), LONGEST_BACKOFF_US)
        delay_us = int(backoff_us * (1 + JITTER * self.random()))
        self.after_real(delay_us, RestartDue(crash.actor))
        self._raise("crash", crash.actor, f"{_story(crash)}; back in {delay_us / SECOND_US:.2f} s")

    def _give_up(self, crash: ActorCrashed, count: int) -> None:
        self.state.gave_up[crash.actor] = crash.real_us
        reason = f"gave up on {crash.actor} after {count} crashes within a minute: {_last_line(crash.error)}"
        for target in self._halt_targets:
            self.send(target, HaltTrading(reason, self.name))
        self.after_real(RETRY_US, RestartDue(crash.actor))
        self._raise("give_up", crash.actor, f"{_story(crash)}; trading halts, next try in {RETRY_US // SECOND_US} s")

    def _on_dead_letter(self, found: DeadLetterFound) -> None:
        told = self.state.dead_letters.get(found.key)
        if told is not None and found.real_us - told < SAME_DEAD_LETTER_US:
            return
        self.state.dead_letters[found.key] = found.real_us
        text = f"{found.message_type} from {found.sender} was not handled: {found.reason} ({found.total} so far)"
        self._raise("dead_letter", found.to, text)

    def _raise(self, kind: str, subject: str, text: str) -> None:
        self.publish("incidents", IncidentRaised(self.now, kind, subject, text))


def _story(crash: ActorCrashed) -> str:
    again = f" (try {crash.tries + 1})" if crash.tries else ""
    return f"failed on {crash.message_type}{again}: {_last_line(crash.error)}"


def _last_line(error: str) -> str:
    return error.strip().rpartition("\n")[2]
