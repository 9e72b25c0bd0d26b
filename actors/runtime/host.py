"""The turn with its journal record, crashes and restarts, and the start: what every host does the same way."""

import abc
import logging
import traceback
from typing import Any

import msgspec

from actors.runtime.actor import Actor, Outlet
from actors.runtime.cast import Cast
from actors.runtime.cell import Cell
from actors.runtime.codec import encode
from actors.runtime.errors import ForbiddenAsk, HandlerCrashed, NoAnswer, ProcessKilled, ReplayDivergence
from actors.runtime.faults import Phase, PlantedFaults
from actors.runtime.messages import ActorCrashed, ActorRestarted, Recovered, Restarted
from actors.runtime.parcel import FROM_RUNTIME, Control, Outgoing, Parcel, Passage, digest, turn
from actors.runtime.record import SCHEMA, Boot, Record, Status
from actors.runtime.recovery import Past, Recovery, recover
from actors.runtime.register import Register
from actors.runtime.snapshots import Snapshot, SnapshotStore
from actors.runtime.supervisor import SUPERVISOR, Supervisor
from actors.runtime.topology import ActorSpec, Topology
from domain.errors import ConfigError, StorageError
from domain.message import Message

log = logging.getLogger(__name__)

REDELIVERIES = 1  # a message that fails again after so many restarts is set aside as poison
_ERROR_CHARS = 2_000


class Host(Register):
    """Runs the actors of one topology; threads, the simulator and nothing else are subclasses."""

    def __init__(self, topology: Topology, seed: int, code_version: str) -> None:
        super().__init__(topology)
        self.seed = seed
        self.code_version = code_version
        self.faulty = False
        self._planted = PlantedFaults()

    def run_loop(self, name: str) -> None:
        """Make an actor take its mail; a host with a scheduler of its own has nothing to do here."""

    @abc.abstractmethod
    def outlet(self, name: str) -> Outlet:
        """Give the outlet of an edge."""

    # --- the turn ----------------------------------------------------------------------------------------------------

    def receive(self, name: str, message: Any) -> Any:
        """Run one turn of the actor, or obey a control; pykka's loop calls it on the actor's thread."""
        cell = self.cells[name]
        if type(message) is not Parcel:
            self._order(cell, message)
        elif self.ended or (cell.member and not self.is_for(cell, message)):
            pass
        elif message.message.query:
            return self.answer(cell, message)
        else:
            try:
                self._turn(cell, message)
            except StorageError as error:
                self.fail(str(error), error)
        return None

    def _order(self, cell: Cell, order: Any) -> None:
        if type(order) is Control:
            self._obey(cell, order)
        elif type(order) is not Passage:  # somebody has got hold of a pykka ref
            log.error("%s was sent %r past the runtime: ignored", cell.name, order)
        elif not self.ended:
            try:
                self.passed(cell, order.parcel)
            except StorageError as error:
                self.fail(str(error), error)

    def _turn(self, cell: Cell, parcel: Parcel) -> None:
        actor, now = cell.actor, self.now()
        if actor.edge:
            actor.seq = self.journal.append(now, parcel, 0, Status.EDGE).seq
        cell.turns += 1
        cell.current = parcel
        try:
            if self.faulty:
                self.strike(actor.name, "before")
            outbox = actor.run_turn(parcel.sender, parcel.message, now)
            if self.faulty:
                self.strike(actor.name, "after")
        except ProcessKilled:
            raise
        except BaseException as error:  # noqa: BLE001 (pykka answers a SystemExit by stopping every actor there is)
            self._crashed(cell, parcel, now, error)
            return
        finally:
            cell.current = None
        seq = actor.seq if actor.edge else self.commit(cell, parcel, now, outbox).seq
        if outbox:
            self.release(actor.name, seq, outbox)

    def commit(self, cell: Cell, parcel: Parcel, now: int, outbox: list[Outgoing]) -> Record:
        """Journal a finished turn and give its record; raises StorageError, and then nothing may be released."""
        record = self.journal.append(now, parcel, digest(outbox) if outbox else 0, Status.APPLIED)
        cell.tail.append(record)
        if len(cell.tail) >= cell.actor.snapshot_every:
            self.remember(cell, record.seq)
        return record

    def remember(self, cell: Cell, seq: int) -> None:
        """Take a snapshot in memory; raises StorageError when the state has something that has no bytes."""
        try:
            cell.remember(seq)
        except (TypeError, NotImplementedError, ValueError, OverflowError) as error:
            raise StorageError(f"the state of {cell.name} cannot be kept: {error}") from error

    def answer(self, cell: Cell, parcel: Parcel) -> Any:
        """Let an actor answer a query; raises HandlerCrashed to the one who asked, and to nobody else."""
        try:
            return cell.actor.run_query(parcel.message, self.now())
        except ProcessKilled:
            raise
        except BaseException as error:
            raise HandlerCrashed(f"{cell.name} failed on {type(parcel.message).__name__}: {error!r}") from error

    def asked(self, name: str, query: Message) -> Cell:
        """Give whom a query is for; raises ForbiddenAsk in a handler or for a command, NoAnswer for an unknown name."""
        if turn.outbox is not None:
            raise ForbiddenAsk("a handler may not ask: send a message and let the answer come as a message")
        if not query.query:
            raise ForbiddenAsk(f"{type(query).__name__} is a command: tell it")
        if name not in self.cells:
            raise NoAnswer(f"no actor is called {name}; there are: {', '.join(self.cells)}")
        return self.cells[name]

    # --- crash and restart -------------------------------------------------------------------------------------------

    def strike(self, name: str, phase: Phase) -> None:
        """Raise here if a fault is planted for the turn that `name` runs."""
        current = self.running(name)
        if current is not None:
            self._planted.strike(name, phase, type(current.message).__name__)

    def running(self, name: str) -> Parcel | None:
        """Give the message that an actor handles now; None in a fold, for which a member has no cell yet."""
        cell = self.cells.get(name)
        return None if cell is None else cell.current

    def plant_fault(self, actor: str, phase: Phase, message_type: str | None = None, times: int = 1) -> None:
        """Let the next `times` turns of `actor` (on messages of this type, None: on any) fail at `phase`."""
        if actor not in self.cells and not self.topology.factory_of(actor):
            raise ConfigError(f"no actor is called {actor}; there are: {', '.join(self.cells)}")
        self._planted.plant(actor, phase, message_type, times)
        self.faulty = True

    def _crashed(self, cell: Cell, parcel: Parcel, now: int, error: BaseException) -> None:
        cause = self.journal.append(now, parcel, 0, Status.CRASHED).seq
        if cell.actor.edge and self.stopping:  # it has let go of what its handler uses; the mail comes too late
            self.dead_letter(parcel, "stopping")
            return
        cell.mailbox.hold(on=True)
        cell.failed, cell.crashed_us = parcel, self.real_us()
        self._report(cell, type(parcel.message).__name__, error, parcel.tries, cause)

    def _report(self, cell: Cell, what: str, error: BaseException, tries: int, cause: int) -> None:
        log.error("%s crashed on %s", cell.name, what, exc_info=error)
        self.count("crashes")
        if cell.name == SUPERVISOR:
            self.fail(f"the supervisor crashed on {what}: {error!r}")
            return
        text = "".join(traceback.format_exception(error))[-_ERROR_CHARS:]
        crash = ActorCrashed(cell.name, what, text, tries, cell.crashed_us)
        self.tell_from_runtime(SUPERVISOR, crash, cause)

    def _obey(self, cell: Cell, control: Control) -> None:
        try:
            if control.order == "restart":
                self._restart(cell)
            elif cell.living and not cell.mailbox.held:  # a suspended actor's state is that of a failed turn
                self.remember(cell, self.journal.last_seq)
        except (ReplayDivergence, StorageError) as error:
            self.fail(str(error), error)
        finally:
            control.done()

    def _restart(self, cell: Cell) -> None:
        if self.ended or not cell.mailbox.held:
            return
        if not cell.actor.edge:
            cell.rebuild()
        elif not self._edge_restarted(cell):
            return
        failed, cell.failed = cell.failed, None
        if failed is not None and type(failed.message) is not Restarted:
            self._deliver_again(cell, failed)
        if not cell.actor.edge:
            restarted = Restarted()
            cell.put_first(Parcel(FROM_RUNTIME, cell.name, restarted, encode(restarted)))
        self.count("restarts")
        after_us = self.real_us() - cell.crashed_us
        cell.mailbox.hold(on=False)
        self.tell_from_runtime(SUPERVISOR, ActorRestarted(cell.name, after_us))

    def _edge_restarted(self, cell: Cell) -> bool:
        try:
            cell.actor.fresh_state()
            cell.actor.on_restart()
        except Exception as error:  # noqa: BLE001 (an edge that cannot come back is one more crash of it)
            self._report(cell, "on_restart", error, 0, 0)
            return False
        return True

    def _deliver_again(self, cell: Cell, failed: Parcel) -> None:
        if failed.tries < REDELIVERIES:
            cell.put_first(msgspec.structs.replace(failed, tries=failed.tries + 1))
        else:
            self.dead_letter(failed, "poison")

    # --- start -------------------------------------------------------------------------------------------------------

    def build(self) -> None:
        """Make every actor of the topology with its first state; the supervisor is there even if it is not named."""
        specs = self.topology.specs
        if all(spec.name != SUPERVISOR for spec in specs):
            specs = (ActorSpec(SUPERVISOR, Supervisor), *specs)
        self.cells = {spec.name: Cell(self.make_actor(spec)) for spec in specs}

    def make_actor(self, spec: ActorSpec) -> Actor[Any]:
        """Make an actor with its first state; raises ConfigError when its factory gives another one."""
        actor = spec.factory(self, spec.name)
        if not isinstance(actor, Actor) or actor.name != spec.name:
            raise ConfigError(f"the factory of {spec.name} gave {actor!r}, which is no actor of that name")
        actor.actor_inbox.limit = actor.mailbox_limit
        actor.actor_inbox.refused = self.dead_letter
        return actor

    def _make_member(self, name: str) -> Actor[Any] | None:
        factory = self.topology.factory_of(name)
        return None if factory is None else self.make_actor(ActorSpec(name, factory))

    def core(self) -> dict[str, Cell]:
        """Give the actors whose state is kept, in start order: members of families only while they live."""
        return {name: cell for name, cell in self.cells.items() if cell.living and not cell.actor.edge}

    def bring_back(self, past: Past, store: SnapshotStore, torn_bytes: int = 0) -> Recovery:
        """Restore all core states, journal the start and tell every core actor; raises what `recover` raises."""
        cast = Cast({name: cell.actor for name, cell in self.core().items()}, self._make_member)
        recovery = recover(cast, past, store)
        back = {name: actor for name, actor in cast.all().items() if name in cast.members}
        self.cells |= {name: self.member(actor, living=True) for name, actor in back.items()}
        self.count_members()
        boot = Boot(
            self.boot,
            tuple((name, type(cell.actor).__name__) for name, cell in self.cells.items()),
            {topic: tuple(names) for topic, names in self.topology.topics.items()},
            self.seed,
            self.code_version,
            recovery.snapshot_seq,
            recovery.trusted,
            recovery.rebased,
            torn_bytes,
        )
        seq = self.journal.append(self.now(), Parcel("", "", boot, encode(boot)), 0, Status.BOOT).seq
        self.journal.sync()
        for cell in self.core().values():
            self.remember(cell, seq)
        if recovery.rebased:
            store.save(self.snapshot())
        for cell in self.core().values():
            told = Recovered(self.boot, recovery.trusted, self.living(cell.actor.rears) if cell.actor.rears else ())
            cell.put_first(Parcel(FROM_RUNTIME, cell.name, told, encode(told), seq))
        return recovery

    def snapshot(self) -> Snapshot:
        """Collect the newest snapshots in memory; the journal must be durable up to its `seq` before it is saved."""
        with self._living_lock:
            states = {name: cell.snapshot for name, cell in self.core().items()}
            seq = self.journal.last_seq
        return Snapshot(SCHEMA, self.code_version, self.seed, self.boot, seq, self.now(), states)
