"""Faults on purpose: planted ones for tests and `--fault`, random ones for the simulator."""

import threading
from dataclasses import dataclass
from typing import Literal, TypeAlias

from actors.runtime.errors import InjectedCrash

Phase: TypeAlias = Literal["before", "mid", "after"]
"""Where in a turn: before the handler, at each thing it sends, or after it and before the journal record."""


@dataclass(slots=True)
class _Planted:
    actor: str
    phase: Phase
    message_type: str | None
    left: int


class PlantedFaults:
    """Crashes that wait for their turn; safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planted: list[_Planted] = []

    def plant(self, actor: str, phase: Phase, message_type: str | None, times: int) -> None:
        """Let the next `times` turns of `actor` (on messages of this type, None: on any) fail at `phase`."""
        with self._lock:
            self._planted.append(_Planted(actor, phase, message_type, times))

    def strike(self, actor: str, phase: str, message_type: str) -> None:
        """Raise InjectedCrash if a fault is planted here."""
        with self._lock:
            for fault in self._planted:
                if fault.left and fault.actor == actor and fault.phase == phase and _fits(fault, message_type):
                    fault.left -= 1
                    raise InjectedCrash(f"planted fault {phase} {message_type} of {actor}")


def _fits(fault: _Planted, message_type: str) -> bool:
    return fault.message_type is None or fault.message_type == message_type


@dataclass(frozen=True, slots=True)
class Faults:
    """What the simulator may do to a system; chances are per fault point, delays in virtual microseconds."""

    delay_us: int = 0  # mean delay of a message; order is kept per sender and receiver
    slow: float = 0.0  # chance that a turn occupies its actor for up to a second
    crash: float = 0.0  # chance of an exception before, in the middle of, or after a handler
    kill: float = 0.0  # chance that the process dies around a handler, the journal record or the release
    disk_full: float = 0.0  # chance, per record, that the disk is full for the next ten seconds
    clock_skew: bool = False  # the wall clock is off by up to an hour at each process start
    poison: frozenset[tuple[str, str]] = frozenset()  # (actor, message type) that always fails
    supervisor_share: float = 0.1  # of `crash`, for the supervisor, whose crash ends the process
