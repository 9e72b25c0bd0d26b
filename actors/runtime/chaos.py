"""The simulator's faults: which strike where, each kind from a random generator of its own."""

import random
from collections import Counter

from actors.runtime.clock import SECOND_US
from actors.runtime.errors import InjectedCrash, ProcessKilled
from actors.runtime.faults import Faults, Phase
from actors.runtime.supervisor import SUPERVISOR

_DISK_FULL_US = 10 * SECOND_US
_SKEW_US = 3_600 * SECOND_US


class Chaos:
    """Throws the dice for one run; `on` False makes the world calm, `happened` counts what struck."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self.faults = faults
        self.on = True
        self.happened: Counter[str] = Counter()
        self.disk_full_until = 0
        self._seed = seed
        self._generators: dict[str, random.Random] = {}

    def of(self, kind: str) -> random.Random:
        """Give the generator of one kind of fault: switching one kind off does not move the others."""
        found = self._generators.get(kind)
        if found is None:
            found = self._generators[kind] = random.Random(f"{self._seed}/{kind}")  # noqa: S311 (chance, not secrecy)
        return found

    def hits(self, kind: str, chance: float) -> bool:
        """Throw for one fault point."""
        return self.on and chance > 0 and self.of(kind).random() < chance

    def may_crash(self, actor: str, phase: Phase, message_type: str) -> None:
        """Raise InjectedCrash if poison or chance says so."""
        if self.on and phase == "after" and (actor, message_type) in self.faults.poison:
            self.happened["poison"] += 1
            raise InjectedCrash(f"poison {message_type}")
        chance = self.faults.crash * (self.faults.supervisor_share if actor == SUPERVISOR else 1.0)
        if self.hits(f"crash {phase}", chance):
            self.happened[f"crash {phase}"] += 1
            raise InjectedCrash(f"{phase} {message_type}")

    def may_die(self, where: str) -> None:
        """Raise ProcessKilled by chance."""
        if self.hits("kill", self.faults.kill):
            self.happened[f"kill {where}"] += 1
            raise ProcessKilled(where)

    def disk_may_fill(self, now_us: int) -> None:
        """Fill the disk for ten seconds by chance."""
        if self.hits("disk", self.faults.disk_full):
            self.happened["disk full"] += 1
            self.disk_full_until = now_us + _DISK_FULL_US

    def skew_us(self) -> int:
        """Give how wrong the wall clock is at a process start."""
        return int((self.of("skew").random() * 2 - 1) * _SKEW_US) if self.on and self.faults.clock_skew else 0

    def delay_us(self) -> int:
        """Give how long a message travels."""
        if not self.on or not self.faults.delay_us:
            return 0
        return int(self.of("delay").expovariate(1.0) * self.faults.delay_us)

    def service_us(self, usual_us: int) -> int:
        """Give how long a turn occupies its actor."""
        return int(self.of("slow").random() * SECOND_US) if self.hits("slow", self.faults.slow) else usual_us
