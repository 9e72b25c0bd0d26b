"""A family of counters and the owner who begins and retires them as it is told."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, assert_never

from actors.runtime import (
    Actor,
    ActorSpec,
    Faults,
    Record,
    Recovered,
    Replay,
    ReplayReport,
    Restarted,
    SimulatorHost,
    Status,
    Topology,
    replay_records,
)
from actors.runtime.record import decode_boot
from domain.message import Message

from .sample import Added, Counter, Sink

SECOND = 1_000_000


class Wanted(Message, frozen=True):
    """From here on exactly these counters live; each new one is given `gift`, and then all get one more."""

    names: tuple[str, ...]
    gift: int = 100


class Swapped(Message, frozen=True):
    """If it is wanted, retire the counter, begin it again and give it `gift`, all in one turn."""

    name: str
    gift: int = 5


class Misused(Message, frozen=True):
    """Begin and retire what belongs to no family."""

    name: str


Accepted = Recovered | Restarted | Wanted | Swapped | Misused


@dataclass(slots=True)
class OwnerState:
    wanted: list[str] = field(default_factory=list)
    found: list[tuple[str, ...]] = field(default_factory=list)


class Owner(Actor[OwnerState]):
    """Begins what is wanted and retires the rest; after a start it does so again, from what the runtime found."""

    State = OwnerState
    rears = "counter"

    def handle(self, message: Accepted) -> None:
        match message:
            case Wanted():
                before, self.state.wanted = self.state.wanted, list(message.names)
                self._bring_to(before, message.gift)
                self.publish("all", Added(1))
            case Swapped():
                self._swap(message)
            case Recovered():
                self.state.found.append(message.living)
                self._bring_to(message.living, 100)
            case Misused():
                self.begin(message.name)
                self.retire(message.name)
            case Restarted():
                pass
            case _:
                assert_never(message)

    def _swap(self, swapped: Swapped) -> None:
        if swapped.name in self.state.wanted:
            self.retire(swapped.name)
            self.begin(swapped.name)
            self.send(swapped.name, Added(swapped.gift))

    def _bring_to(self, living: Iterable[str], gift: int) -> None:
        known = set(living)
        for name in self.state.wanted:
            self.begin(name)  # one that lives goes on
            if name not in known:
                self.send(name, Added(gift))
        for name in sorted(known - set(self.state.wanted)):
            self.retire(name)


def family(*more: ActorSpec, topics: dict[str, tuple[str, ...]] | None = None) -> Topology:
    """An owner, its counters, their sink, and somebody to be halted."""
    specs = (ActorSpec("owner", Owner), ActorSpec("sink", Sink), ActorSpec("risk", Sink), *more)
    heard = {"incidents": ("risk",), "all": ("counter:*",), **(topics or {})}
    return Topology(specs, heard, families={"counter": Counter})


def say(host: SimulatorHost, *messages: Message, to: str = "owner") -> None:
    """Tell somebody something and let a second pass."""
    for message in messages:
        host.tell(to, message)
    host.run_for(SECOND)


def living_by(records: Iterable[Record]) -> set[str]:
    """Who lives, told from the records of births, retirements and starts alone."""
    living: set[str] = set()
    for record in records:
        if record.status is Status.BORN:
            assert record.to not in living, f"record {record.seq}: {record.to} is born twice"
            living.add(record.to)
        elif record.status is Status.RETIRED:
            living.remove(record.to)
        elif record.status is Status.BOOT:
            named = {name for name, _ in decode_boot(record.payload).actors if name.startswith("counter:")}
            assert named == living, f"record {record.seq} names {named}, before it live {living}"
    return living


def lives(host: Any, family_name: str = "counter") -> set[str]:
    """Whose state the host keeps now."""
    return {name for name, cell in host.cells.items() if cell.member and cell.living and name.startswith(family_name)}


def replayed(host: SimulatorHost) -> ReplayReport:
    """The run once more, from its journal."""
    return replay_records(Replay(family(), host.seed), host.ledger.records, host.store.snapshots)


def rough_life(seed: int, faults: Faults) -> SimulatorHost:
    """A minute in which the owner is told something else every second, then calm until all is at rest."""
    dice = random.Random(f"family {seed}")
    host = SimulatorHost(family(), seed, faults, snapshot_records=40)
    host.start()
    names = [f"counter:{n}" for n in range(5)]
    for _ in range(60):
        if dice.random() < 0.3:
            host.tell("owner", Swapped(dice.choice(names)))
        else:
            host.tell("owner", Wanted(tuple(dice.sample(names, dice.randint(0, 5))), dice.randint(1, 12)))
        for name in names:
            host.tell(name, Added(13 if dice.random() < 0.01 else dice.randint(1, 3)))
        host.run_for(int(dice.random() * 2 * SECOND))
    host.chaos.on = False
    host.run_for(200 * SECOND)
    return host
