"""The one base class of every actor. The same class runs on threads, in the simulator and in replay."""

import abc
import hashlib
from typing import Any, ClassVar, Generic, NoReturn, Protocol, TypeVar

import pykka

from actors.runtime.codec import encode
from actors.runtime.errors import ForbiddenAsk, OutsideTurn
from actors.runtime.faults import Phase
from actors.runtime.mailbox import Mailbox
from actors.runtime.messages import Began, Retired
from actors.runtime.parcel import (
    BEGIN,
    PUBLISH,
    REAL,
    RESTART,
    RETIRE,
    SEND,
    TIMER,
    GuardedFuture,
    Kind,
    Outgoing,
    turn,
)
from domain.message import Message

S = TypeVar("S")


class Outlet(Protocol):
    """The way into the system for an edge's own threads; safe to use from any thread at any time."""

    def send(self, name: str, message: Message) -> None:
        """Put a message into the mailbox of `name`; an unknown name is a dead letter. Never blocks on a mailbox."""

    def publish(self, topic: str, message: Message) -> None:
        """Send a message to every subscriber of `topic`."""

    def sync(self) -> None:
        """Return when everything journaled so far is durable; raises StorageError.

        An edge that stores something under a journal number calls it first: a number that is not durable may be given
        to another record after a kill.
        """


class Context(Protocol):
    """What an actor knows of the host that runs it; actors pass it to `super().__init__` and leave it alone."""

    @property
    def seed(self) -> int:
        """The seed of every actor's random numbers."""

    @property
    def faulty(self) -> bool:
        """Whether faults may strike at all; False keeps the fault points free of cost."""

    def strike(self, name: str, phase: Phase) -> None:
        """Raise here if a fault is planted for this actor at this phase."""

    def receive(self, name: str, message: Any) -> Any:
        """Run one turn of the actor, or obey a control."""

    def run_loop(self, name: str) -> None:
        """Start what makes the actor take its mail."""

    def stopped(self, name: str) -> None:
        """Account for the mail an actor leaves behind when it stops."""

    def outlet(self, name: str) -> Outlet:
        """Give the outlet of an edge."""


class Actor(pykka.Actor, abc.ABC, Generic[S]):
    """Base of all actors: an author sets `State` and writes `handle`, nothing else is needed.

    A turn is atomic: `handle` changes only `self.state` and fills the outbox (`send`, `publish`, `after`), which is
    released after the turn is in the journal. A handler that raises leaves no trace: the outbox is dropped and the
    state rebuilt. A handler never waits, never reads a clock or a random source, and keeps nothing outside the state.

    An edge (`edge = True`) touches the world. Its turns are journaled but never replayed, its state is not restored,
    and it may start threads in `on_begin` that speak through `self.outlet`.
    """

    State: ClassVar[type[Any] | None] = None
    edge: ClassVar[bool] = False
    mailbox_limit: ClassVar[int] = 10_000
    snapshot_every: ClassVar[int] = 256
    rears: ClassVar[str] = ""  # the family this actor begins and retires: its Recovered names the members that live

    actor_inbox: Mailbox

    def __init__(self, context: Context, name: str) -> None:
        super().__init__()
        self.name = name
        self.now = 0
        self.sender = ""
        self.seq = 0  # edges only: the journal number of the message being handled; it only grows
        self.draws = 0  # numbers drawn from random(); the runtime keeps it in the snapshot
        self.state: S = self.State() if self.State is not None else None  # type: ignore[assignment]  # None has no S
        self._context = context
        self._outlet = context.outlet(name) if self.edge else None

    # --- what an author writes ---------------------------------------------------------------------------------------

    @abc.abstractmethod
    def handle(self, message: Any) -> Any:
        """Handle one message of the actor's union; the handler of a query returns the answer."""

    def on_begin(self) -> None:
        """Edges only, on the starter's thread: start own threads. An error here fails the start of the program."""

    def on_end(self) -> None:
        """Edges only, on the stopper's thread: stop own threads. Mail on its way is still handled afterwards."""

    def on_drained(self) -> None:
        """Edges only, on the stopper's thread: the last call. Flush and close what `handle` was using."""

    def on_restart(self) -> None:
        """Edges only, on the actor's thread: after a crash, before the mail goes on."""

    # --- what a handler may use --------------------------------------------------------------------------------------

    def send(self, name: str, message: Message) -> None:
        """Buffer a message to the actor called `name`."""
        self._say(SEND, name, message)

    def publish(self, topic: str, message: Message) -> None:
        """Buffer a message to every subscriber of `topic`."""
        self._say(PUBLISH, topic, message)

    def after(self, delay_us: int, message: Message) -> None:
        """Buffer a timer: the message comes back from `timer` in `delay_us` of the actors' clock.

        A restart of the process loses it, and it cannot be cancelled: ignore it when it is stale.
        """
        self._say(TIMER, self.name, message, delay_us)

    def after_real(self, delay_us: int, message: Message) -> None:
        """Like `after`, in real microseconds whatever the clock's speed: for what guards the machine itself."""
        self._say(REAL, self.name, message, delay_us)

    def order_restart(self, name: str, message: Message) -> None:
        """Buffer the order that brings a suspended actor back; for the supervisor."""
        self._say(RESTART, name, message)

    def begin(self, name: str) -> None:
        """Buffer that the member of a family called `name` lives, as `market:KRW-BTC`; one that lives goes on.

        It begins with a fresh state and hears `Recovered` first, then what is sent to it from here on. Say it again
        after `Recovered`: a process that dies first forgets it.
        """
        self._say(BEGIN, name, Began())

    def retire(self, name: str) -> None:
        """Buffer that the member of a family called `name` lives no more; one that does not live is left alone.

        It handles what was sent to it before, then its state is forgotten. Say it again as with `begin`.
        """
        self._say(RETIRE, name, Retired())

    def random(self) -> float:
        """Give the actor's next random number in [0, 1): the same on every host for the same seed, name and count."""
        if type(turn.outbox) is not list:
            raise OutsideTurn(f"{self.name} drew a random number outside its own turn or in a query")
        self.draws += 1
        key = f"{self._context.seed}|{self.name}|{self.draws}".encode()
        return (int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") >> 11) / (1 << 53)

    def ask(self, *_: object, **__: object) -> NoReturn:
        """Refuse: raises ForbiddenAsk."""
        raise ForbiddenAsk(f"{self.name} may not ask: send a message and let the answer come as a message")

    @property
    def outlet(self) -> Outlet:
        """The edge's way in for its own threads; raises OutsideTurn for a core actor."""
        if self._outlet is None:
            raise OutsideTurn(f"{self.name} is not an edge and has no outlet: it speaks only inside its turns")
        return self._outlet

    def _say(self, kind: Kind, to: str, message: Message, delay_us: int = 0) -> None:
        outbox = turn.outbox
        if type(outbox) is not list:
            raise OutsideTurn(f"{self.name} sent {type(message).__name__} outside its own turn or in a query")
        if message.query:
            raise ForbiddenAsk(f"{self.name} sent the query {type(message).__name__}: its answer would go nowhere")
        outbox.append(Outgoing(kind, to, message, encode(message), delay_us))
        if self._context.faulty:
            self._context.strike(self.name, "mid")

    # --- what the runtime uses ---------------------------------------------------------------------------------------

    def run_turn(self, sender: str, message: Message, now: int) -> list[Outgoing]:
        """Run the handler once and give its outbox: the only place, live, in a rebuild and in replay."""
        self.sender, self.now = sender, now
        outbox: list[Outgoing] = []
        turn.outbox = outbox
        try:
            self.handle(message)
        finally:
            turn.outbox = None
        return outbox

    def run_query(self, message: Message, now: int) -> Any:
        """Run the handler of a query, which must neither send nor draw, and give its answer."""
        self.now = now
        turn.outbox = ()
        try:
            return self.handle(message)
        finally:
            turn.outbox = None

    def fresh_state(self) -> None:
        """Give the actor the state it was born with."""
        self.draws = 0
        if self.State is not None:
            self.state = self.State()

    # --- pykka's extension points ------------------------------------------------------------------------------------

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    @staticmethod
    def _create_future() -> GuardedFuture:
        return GuardedFuture()

    def _start_actor_loop(self) -> None:
        self._context.run_loop(self.name)

    def on_receive(self, message: Any) -> Any:
        """Hand a parcel or a control from pykka's loop to the host; no exception of a command's handler gets out."""
        return self._context.receive(self.name, message)

    def on_stop(self) -> None:
        """Tell the host, on the actor's thread, that pykka has stopped the actor."""
        self._context.stopped(self.name)
