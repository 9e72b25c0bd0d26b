"""Names, mail and what becomes of mail that cannot be handled; the half of a host that knows no handler."""

import abc
import logging
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec

from actors.runtime.codec import encode
from actors.runtime.errors import ForbiddenAsk
from actors.runtime.journal import Ledger
from actors.runtime.messages import DeadLetterFound
from actors.runtime.parcel import (
    BEGIN,
    FROM_RUNTIME,
    FROM_TIMER,
    PUBLISH,
    REAL,
    RESTART,
    RETIRE,
    SEND,
    Control,
    Outgoing,
    Parcel,
)
from actors.runtime.record import Status
from actors.runtime.supervisor import SUPERVISOR
from actors.runtime.topology import Topology
from domain.errors import StorageError
from domain.message import Message

if TYPE_CHECKING:
    from actors.runtime.cell import Cell

log = logging.getLogger(__name__)

RETIRED: Final = "retired"
_QUIET = frozenset({"stopped", "stopping", RETIRED})  # reasons that belong to a stop, of all or of one: no incident


class Stats(msgspec.Struct, frozen=True):
    """Counts since the process start, and the mailboxes as they are now."""

    journal_records: int
    turns: int
    crashes: int
    restarts: int
    dead_letters: int
    conflated: int
    peak: int  # the deepest any mailbox has been
    depths: dict[str, int]


class Post(abc.ABC):
    """Brings messages to the actors of one topology; a subclass says what time is and how mail travels."""

    journal: Ledger

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.cells: dict[str, Cell] = {}  # replaced whole when it grows: any thread may walk it
        self.hearers = topology.hearers(())  # topic -> names, replaced whole
        self.boot = 0
        self.ended = False  # nothing may happen any more
        self.stopping = False
        self._counts: Counter[str] = Counter()
        self._dead: Counter[str] = Counter()
        self._count_lock = threading.Lock()
        external = topology.external
        self._external_topics = {topic for topic, names in topology.topics.items() if external.intersection(names)}

    # --- what a subclass decides -------------------------------------------------------------------------------------

    @abc.abstractmethod
    def now(self) -> int:
        """Give the actors' time in microseconds UTC."""

    @abc.abstractmethod
    def real_us(self) -> int:
        """Give real time in microseconds that only grows."""

    @abc.abstractmethod
    def deliver(self, parcel: Parcel) -> None:
        """Bring a parcel to its mailbox, or make it a dead letter."""

    @abc.abstractmethod
    def pass_on(self, parcel: Parcel) -> None:
        """Begin or retire a member of a family."""

    @abc.abstractmethod
    def arm_timer(self, parcel: Parcel, delay_us: int, *, real: bool) -> None:
        """Deliver a parcel later, on the actors' clock or in real time."""

    @abc.abstractmethod
    def fail(self, reason: str, error: Exception | None = None) -> None:
        """End the process: nothing may be released any more."""

    # --- mail --------------------------------------------------------------------------------------------------------

    def tell(self, name: str, message: Message, sender: str = "outside") -> None:
        """Put a message into an actor's mailbox; never waits. Raises ForbiddenAsk for a query."""
        if message.query:
            raise ForbiddenAsk(f"{type(message).__name__} is a query: ask it, a told one has nobody to answer to")
        self.deliver(Parcel(sender, name, message, encode(message)))

    def tell_topic(self, topic: str, message: Message, sender: str) -> None:
        """Put a message into the mailbox of every subscriber of a topic."""
        for subscriber in self.hearers.get(topic, ()):
            self.tell(subscriber, message, sender)

    def tell_from_runtime(self, name: str, message: Message, cause: int = 0) -> None:
        """Send one of the runtime's own messages."""
        self.deliver(Parcel(FROM_RUNTIME, name, message, encode(message), cause))

    def sync(self) -> None:
        """Return when everything journaled so far is durable; raises StorageError, and then the process ends."""
        try:
            self.journal.sync()
        except StorageError as error:
            self.fail(str(error), error)
            raise

    def dead_letter(self, parcel: Parcel, reason: str) -> None:
        """Journal, count and report mail that nobody will handle."""
        if self.ended:
            return
        message_type = type(parcel.message).__name__
        key = f"{parcel.to}/{message_type}/{reason}"
        with self._count_lock:
            self._counts["dead_letters"] += 1
            self._dead[key] += 1
            total = self._dead[key]
        try:
            cause = self.journal.append(self.now(), parcel, 0, Status.DEAD).seq
        except StorageError as error:
            self.fail(str(error), error)
            return
        if reason in _QUIET:
            log.debug("dead letter %s: %s", key, reason)
            return
        if total & (total - 1) == 0:  # the 1st, 2nd, 4th, 8th …: a flood must not flood the log
            log.warning(
                "dead letter number %d: %s from %s to %s: %s", total, message_type, parcel.sender, parcel.to, reason
            )
        if parcel.to != SUPERVISOR and type(parcel.message) is not DeadLetterFound:
            found = DeadLetterFound(parcel.to, parcel.sender, message_type, reason, key, total, self.real_us())
            self.tell_from_runtime(SUPERVISOR, found, cause)

    # --- what a turn leaves behind ----------------------------------------------------------------------------------

    def release(self, name: str, seq: int, outbox: list[Outgoing]) -> None:
        """Let a turn's outbox go, after an fsync if anything in it leads out of the process; raises StorageError."""
        if self.topology.external and any(self._leads_out(out) for out in outbox):
            self.journal.sync()
        for out in outbox:
            self.dispatch(name, seq, out)

    def _leads_out(self, out: Outgoing) -> bool:
        if out.kind == SEND:
            return out.to in self.topology.external
        return out.kind == PUBLISH and out.to in self._external_topics

    def dispatch(self, name: str, seq: int, out: Outgoing) -> None:
        """Send one entry of an outbox on its way."""
        if out.kind == SEND:
            self.deliver(Parcel(name, out.to, out.message, out.payload, seq))
        elif out.kind == PUBLISH:
            for subscriber in self.hearers.get(out.to, ()):
                self.deliver(Parcel(name, subscriber, out.message, out.payload, seq))
        elif out.kind == RESTART:
            self.control(out.to, Control("restart"))
        elif out.kind in (BEGIN, RETIRE):
            self.pass_on(Parcel(name, out.to, out.message, out.payload, seq))
        else:
            timer = Parcel(FROM_TIMER, out.to, out.message, out.payload, seq)
            self.arm_timer(timer, out.delay_us, real=out.kind == REAL)

    def control(self, name: str, control: Control) -> None:
        """Bring a control to an actor, before its mail."""
        self.cells[name].actor.actor_ref.tell(control)

    # --- gauges ------------------------------------------------------------------------------------------------------

    def count(self, what: str) -> None:
        """Count one event of the process; safe from any thread."""
        with self._count_lock:
            self._counts[what] += 1

    def stats(self) -> Stats:
        """Give the gauges; safe from any thread."""
        boxes = {name: cell.mailbox for name, cell in self.cells.items()}
        return Stats(
            journal_records=self.journal.last_seq,
            turns=sum(cell.turns for cell in self.cells.values()),
            crashes=self._counts["crashes"],
            restarts=self._counts["restarts"],
            dead_letters=self._counts["dead_letters"],
            conflated=sum(box.conflated for box in boxes.values()),
            peak=max((box.peak for box in boxes.values()), default=0),
            depths={name: len(box) for name, box in boxes.items()},
        )

    def stopped(self, name: str) -> None:
        """Make the mail that a stopped actor leaves behind dead letters; pykka calls it on the actor's thread."""
        for parcel in self.cells[name].mailbox.close():
            self.dead_letter(parcel, "stopped")
