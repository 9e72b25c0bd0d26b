"""Who lives: the members of a topology's families are begun and retired while everything else goes on."""

import abc
import threading
from typing import Any

from actors.runtime.actor import Actor
from actors.runtime.cell import Cell
from actors.runtime.codec import encode
from actors.runtime.errors import NoAnswer
from actors.runtime.messages import Began, Recovered
from actors.runtime.parcel import FROM_RUNTIME, FROM_TIMER, Parcel, Passage
from actors.runtime.post import RETIRED, Post
from actors.runtime.record import Status
from actors.runtime.topology import ActorSpec, Topology, family_of


class Register(Post):
    """Keeps the cells of all actors. An address, once made, stays as long as the process: a retirement empties it.

    So the mail of every sender keeps its order over retirement and another beginning, and no thread ever meets an
    address that is half there. `wanted` follows what was said last, at once; `living` the journal, on the actor's own
    thread. Both, and the snapshot of all states, change under one lock: no snapshot misses a birth that it has passed.
    """

    def __init__(self, topology: Topology) -> None:
        super().__init__(topology)
        self._living_lock = threading.Lock()  # taken before the journal's

    @abc.abstractmethod
    def deliver_passage(self, cell: Cell, passage: Passage) -> None:
        """Bring a passage to its mailbox, behind what its sender has sent there before."""

    @abc.abstractmethod
    def make_actor(self, spec: ActorSpec) -> Actor[Any]:
        """Make an actor with its first state; raises ConfigError."""

    @abc.abstractmethod
    def remember(self, cell: Cell, seq: int) -> None:
        """Take a snapshot of an actor in memory; raises StorageError."""

    def living(self, family: str) -> tuple[str, ...]:
        """Give the members of a family that are to live, by name; safe from any thread."""
        return tuple(sorted(name for name in self._members() if family_of(name) == family))

    # --- begun and retired, on the thread of whoever says so

    def pass_on(self, parcel: Parcel) -> None:
        """Begin or retire a member of a family, unless that was the last word already."""
        factory = self.topology.factory_of(parcel.to)
        if factory is None:
            self.dead_letter(parcel, "no such family")
            return
        wanted = type(parcel.message) is Began
        with self._living_lock:
            known = self.cells.get(parcel.to)
            if wanted == (known is not None and known.wanted):
                return
            cell = known or self.member(self._made(ActorSpec(parcel.to, factory)), living=False)
            cell.wanted = wanted
            self.deliver_passage(cell, Passage(parcel))  # the first in the mailbox of a new address
            if known is None:
                self.cells = {**self.cells, cell.name: cell}
            self.count_members()
        if known is None:
            cell.actor._start_actor_loop()  # noqa: SLF001 (pykka's hook, without its global registry and stop_all)

    def _made(self, spec: ActorSpec) -> Actor[Any]:
        try:
            return self.make_actor(spec)
        except Exception as error:
            self.fail(f"{spec.name} cannot be made: {error!r}", error)
            raise

    def member(self, actor: Actor[Any], *, living: bool) -> Cell:
        """Give the cell of a family's member."""
        return Cell(actor, member=True, wanted=living, living=living)

    def count_members(self) -> None:
        """Bring the table of topics up to date with who is to live."""
        self.hearers = self.topology.hearers(self._members())

    def _members(self) -> list[str]:
        return [name for name, cell in self.cells.items() if cell.member and cell.wanted]

    # --- on the member's own thread

    def passed(self, cell: Cell, parcel: Parcel) -> None:
        """Journal the birth or the retirement of a member whose turn it is now; raises StorageError."""
        born = type(parcel.message) is Began
        cell.turns += 1
        with self._living_lock:
            status = Status.BORN if born else Status.RETIRED
            record = self.journal.append(self.now(), parcel, 0, status)
            cell.forget()
            cell.living = born
            if born:
                cell.born = record.seq
                self.remember(cell, record.seq)
        if born:
            told = Recovered(self.boot)
            cell.put_first(Parcel(FROM_RUNTIME, cell.name, told, encode(told), record.seq))

    def is_for(self, cell: Cell, parcel: Parcel) -> bool:
        """Tell whether a member handles a parcel; one for nobody, or a timer of an earlier life, is a dead letter.

        Raises NoAnswer to whoever put a query to nobody.
        """
        if cell.living and not (parcel.sender == FROM_TIMER and parcel.cause < cell.born):
            return True
        if parcel.message.query:
            raise NoAnswer(f"{cell.name} is retired and answers no {type(parcel.message).__name__}")
        self.dead_letter(parcel, RETIRED)
        return False
