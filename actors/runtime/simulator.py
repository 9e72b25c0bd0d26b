"""The simulated host: one thread, virtual time, a seeded scheduler, and every fault a process can have."""

import zlib
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pykka
from pykka._envelope import Envelope

from actors.runtime.actor import Actor, Outlet
from actors.runtime.agenda import Agenda
from actors.runtime.cell import Cell
from actors.runtime.chaos import Chaos
from actors.runtime.clock import SECOND_US
from actors.runtime.codec import fingerprint
from actors.runtime.errors import HandlerCrashed, NoAnswer, ProcessKilled, ReplayDivergence
from actors.runtime.faults import Faults, Phase
from actors.runtime.host import Host
from actors.runtime.memory import MemoryLedger, MemoryStore
from actors.runtime.messages import Began
from actors.runtime.outlets import HostOutlet
from actors.runtime.parcel import FROM_RUNTIME, Control, GuardedFuture, Outgoing, Parcel, Passage
from actors.runtime.record import Record
from actors.runtime.topology import Topology
from domain.errors import StorageError
from domain.message import Message

Watcher: TypeAlias = Callable[[Actor[Any], Record, Sequence[Outgoing]], None]
"""Called after a turn is in the journal and before anything of it is released: the place to check invariants."""

START_US = 1_700_000_000 * SECOND_US
TURN_US = 50  # virtual time a turn takes


class SimulatorHost(Host):
    """Runs a topology in virtual time; the same seed gives the same run, on any machine.

    Edges run as ordinary actors and should be simulated ones. The outside world acts through `call_later` and `tell`
    and outlives the process, which a fault may kill at any point of a turn: mail, timers and the unsynced end of the
    journal are lost then, and it starts again by itself. A ReplayDivergence comes out of `run`.
    """

    def __init__(
        self,
        topology: Topology,
        seed: int = 1,
        faults: Faults | None = None,
        *,
        code_version: str = "simulated",
        snapshot_records: int = 200,
    ) -> None:
        super().__init__(topology, seed, code_version)
        self.agenda = Agenda(START_US)
        self.chaos = Chaos(seed, faults or Faults())
        self.store = MemoryStore()
        self.ledger = MemoryLedger(lambda: self.agenda.now < self.chaos.disk_full_until)
        self.journal = self.ledger
        self.watchers: list[Watcher] = []
        self.trace = 0  # grows with every turn: equal for equal runs
        self.faulty = True
        self.up = False
        self._snapshot_records = snapshot_records
        self._snapshot_at = 0
        self._base_us = self._boot_us = START_US
        self._busy_until: dict[str, int] = {}
        self._armed: set[str] = set()

    # --- driving it --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the process; while the disk is full it stays down and tries again."""
        self._boot_us = self.agenda.now
        skew = self.chaos.skew_us() if self.boot else 0
        last_at = max((record.at for record in self.ledger.records[-100:]), default=0)
        self._base_us = max(self.agenda.now + skew, last_at + 1)
        self.boot = self.ledger.boots() + 1
        self.ended = self.stopping = False
        self.build()
        try:
            self.bring_back(self.ledger, self.store)
        except StorageError:
            self.agenda.at(self.agenda.now + 5 * SECOND_US, "world", self.start)
            return
        self.up = True
        self.chaos.happened["starts"] += 1
        for cell in self.cells.values():
            self._arm(cell)
        for cell in self.cells.values():
            if cell.actor.edge:
                cell.actor.on_begin()

    def run(self, until_us: int) -> None:
        """Let everything happen up to a virtual time."""
        while self.step(until_us):
            pass
        self.agenda.now = max(self.agenda.now, until_us)

    def run_for(self, duration_us: int) -> None:
        """Let everything happen for so long."""
        self.run(self.agenda.now + duration_us)

    def step(self, until_us: int) -> bool:
        """Let one thing happen; False if nothing does up to that time."""
        happening = self.agenda.next(until_us)
        if happening is None:
            return False
        try:
            happening()
        except ProcessKilled:
            self._die()
        return True

    def call_later(self, delay_us: int, happening: Callable[[], object]) -> None:
        """Let the outside world do something; a kill of the process does not stop it."""
        self.agenda.at(self.agenda.now + delay_us, "world", happening)

    def kill(self) -> None:
        """End the process without a word, here and now."""
        self._die()

    def stop(self) -> None:
        """End cleanly: edges stop listening, mail drains, states are saved. `start` starts it again."""
        self.stopping = True
        self.agenda.drop_timers()
        for cell in reversed(self.cells.values()):
            if cell.actor.edge:
                cell.actor.on_end()
        while self.up and self.agenda.holds("mail"):
            self.step(self.agenda.now + 3_600 * SECOND_US)
        for cell in reversed(self.cells.values()):
            if cell.actor.edge:
                cell.actor.on_drained()
        if self.up:
            self.take_snapshot()
            self._forget()

    def tell(self, name: str, message: Message, sender: str = "outside") -> None:
        """Put a message into an actor's mailbox; lost while the process is down."""
        if self.up:
            super().tell(name, message, sender)

    def ask(self, name: str, query: Message, timeout_s: float = 2.0) -> Any:
        """Put a query to an actor and run until it answers; raises like ThreadHost.ask."""
        cell = self.asked(name, query)
        future = GuardedFuture()
        cell.mailbox.put(Envelope(Parcel("outside", name, query, b""), reply_to=future))
        self._arm(cell)
        end_us = self.agenda.now + int(timeout_s * SECOND_US)
        while True:
            try:
                return future.get(timeout=0)
            except pykka.Timeout:
                if not self.step(end_us):
                    raise NoAnswer(f"{name} did not answer {type(query).__name__} within {timeout_s} s") from None

    def state(self, name: str) -> Any:
        """Give an actor's state, for a test to look at between two steps."""
        return self.cells[name].actor.state

    # --- what a host is ----------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Give the actors' time: anchored at the start, then the virtual one."""
        return self._base_us + self.agenda.now - self._boot_us

    def real_us(self) -> int:
        """Give virtual time: a machine's clock runs at speed 1."""
        return self.agenda.now

    def outlet(self, name: str) -> Outlet:
        """Give the outlet of an edge."""
        life = self.agenda.life
        return HostOutlet(self, name, lambda: life == self.agenda.life)

    def deliver(self, parcel: Parcel) -> None:
        """Let a parcel arrive after a random delay, behind those of the same sender."""
        cell = self.cells.get(parcel.to)
        if cell is None:
            self.dead_letter(parcel, "no such actor")
            return
        delay = 0 if parcel.sender == FROM_RUNTIME else self.chaos.delay_us()
        self.agenda.travel(parcel.sender, parcel.to, delay, lambda: self._arrive(cell, parcel))

    def deliver_passage(self, cell: Cell, passage: Passage) -> None:
        """Let a passage arrive: a beginning at once, before what anybody sends to the address from here on."""
        begins = type(passage.parcel.message) is Began
        delay = 0 if begins else self.chaos.delay_us()
        sender, to = passage.parcel.sender, passage.parcel.to
        self.agenda.travel(sender, to, delay, lambda: self._arrive(cell, passage), opens=begins)

    def control(self, name: str, control: Control) -> None:
        """Bring a control to an actor, before its mail."""
        cell = self.cells[name]
        cell.mailbox.put(Envelope(control))
        self._arm(cell)

    def arm_timer(self, parcel: Parcel, delay_us: int, *, real: bool) -> None:
        """Deliver a parcel later; virtual time is real time here."""
        del real
        self.agenda.at(self.agenda.now + delay_us, "timer", lambda: self.deliver(parcel))

    def fail(self, reason: str, error: Exception | None = None) -> None:
        """Kill the process; a divergence is no fault of the world and ends the run."""
        if isinstance(error, ReplayDivergence):
            raise error
        raise ProcessKilled(reason)

    # --- turns -------------------------------------------------------------------------------------------------------

    def _arrive(self, cell: Cell, mail: Parcel | Passage) -> None:
        cell.mailbox.put(Envelope(mail))
        self._arm(cell)

    def _arm(self, cell: Cell) -> None:
        if cell.name not in self._armed and cell.mailbox.ready:
            self._armed.add(cell.name)
            self.agenda.at(self._busy_until.get(cell.name, 0), "mail", lambda: self._take_turn(cell))

    def _take_turn(self, cell: Cell) -> None:
        self._armed.discard(cell.name)
        envelope = cell.mailbox.take()
        if envelope is None:
            return
        self.chaos.happened["turns"] += 1
        mark = f"{self.agenda.now}|{cell.name}|{type(getattr(envelope.message, 'message', None)).__name__}"
        self.trace = zlib.crc32(getattr(envelope.message, "payload", b""), zlib.crc32(mark.encode(), self.trace))
        self.chaos.disk_may_fill(self.agenda.now)
        cell.take(envelope)
        self._busy_until[cell.name] = self.agenda.now + self.chaos.service_us(TURN_US)
        self._arm(cell)
        if self.ledger.last_seq - self._snapshot_at >= self._snapshot_records:
            self.take_snapshot()

    def answer(self, cell: Cell, parcel: Parcel) -> Any:
        """Let an actor answer a query, and prove that it only read."""
        before = fingerprint(cell.actor.state)
        answer = super().answer(cell, parcel)
        if fingerprint(cell.actor.state) != before:
            raise HandlerCrashed(f"{cell.name} changed its state while it answered {type(parcel.message).__name__}")
        return answer

    def commit(self, cell: Cell, parcel: Parcel, now: int, outbox: list[Outgoing]) -> Record:
        """Journal a finished turn, between two chances to die, and show it to the watchers."""
        self.chaos.may_die("before the record")
        record = super().commit(cell, parcel, now, outbox)
        self.chaos.may_die("after the record")
        for watch in self.watchers:
            watch(cell.actor, record, outbox)
        return record

    def passed(self, cell: Cell, parcel: Parcel) -> None:
        """Journal a birth or a retirement, between two chances to die."""
        self.chaos.may_die("before the record")
        super().passed(cell, parcel)
        self.chaos.may_die("after the record")

    def dispatch(self, name: str, seq: int, out: Outgoing) -> None:
        """Send one entry of an outbox on its way; the process may die between two of them."""
        super().dispatch(name, seq, out)
        self.chaos.may_die("in the middle of the release")

    def take_snapshot(self) -> None:
        """Save all states, as the keeper's thread does in production."""
        self.sync()
        for cell in self.core().values():
            if not cell.mailbox.held:
                self.remember(cell, self.journal.last_seq)
        self.store.save(self.snapshot())
        self._snapshot_at = self.journal.last_seq

    # --- faults ------------------------------------------------------------------------------------------------------

    def strike(self, name: str, phase: Phase) -> None:
        """Raise here if a planted or a random fault says so."""
        current = self.running(name)
        if current is None:
            return
        super().strike(name, phase)
        if not self.cells[name].actor.edge:
            self.chaos.may_crash(name, phase, type(current.message).__name__)
            self.chaos.may_die(f"{phase} the handler")

    def _die(self) -> None:
        if not self.up:
            return
        self.chaos.happened["deaths"] += 1
        self.chaos.happened["records lost"] += self.ledger.tear(self.chaos.of("tear"))
        self._forget()
        downtime = int((0.5 + 5 * self.chaos.of("downtime").random()) * SECOND_US)
        self.call_later(downtime, self.start)

    def _forget(self) -> None:
        self.up = False
        self.agenda.new_life()
        self._busy_until.clear()
        self._armed.clear()
        self._snapshot_at = self.ledger.last_seq
