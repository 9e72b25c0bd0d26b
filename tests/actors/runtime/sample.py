"""Small actors that the runtime's tests let live, crash and come back."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from actors.runtime import Actor, ActorSpec, Context, Recovered, Restarted, Topology
from domain.message import Message
from domain.messages import HaltTrading, IncidentRaised

if TYPE_CHECKING:
    import queue


class Added(Message, frozen=True):
    """Add `n`; 13 is unlucky."""

    n: int


class TotalTold(Message, frozen=True):
    total: int


class TotalAsked(Message, frozen=True):
    query: ClassVar[bool] = True


class SecretlyWritten(Message, frozen=True):
    """A query whose handler wrongly changes the state, or wrongly sends."""

    query: ClassVar[bool] = True
    send: bool = False


class PriceTicked(Message, frozen=True):
    conflate: ClassVar[str] = "market"
    market: str
    price: int


class AskTried(Message, frozen=True):
    """Make the actor break the rule that a handler never waits."""


class TimerWanted(Message, frozen=True):
    delay_us: int


class TimerFired(Message, frozen=True):
    delay_us: int


class DrawWanted(Message, frozen=True):
    """Draw a random number and tell it in millionths."""


class LetterWanted(Message, frozen=True):
    """Send something to a name."""

    to: str


class Strange(Message, frozen=True):
    """No actor's union has it."""


@dataclass(slots=True)
class CounterState:
    total: int = 0
    seen: list[int] = field(default_factory=list)
    starts: int = 0
    restarts: int = 0
    trusted: bool = True
    money: Decimal = Decimal("0.00")
    row: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    grid: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 2)))


class Counter(Actor[CounterState]):
    """Adds up, and tells the sink each new total."""

    State = CounterState
    mailbox_limit = 50
    snapshot_every = 7

    def handle(self, message: Any) -> Any:  # noqa: C901 (one line a message)
        match message:
            case Recovered():
                self.state.starts += 1
                self.state.trusted = message.trusted
            case Restarted():
                self.state.restarts += 1
            case Added():
                self._add(message.n)
            case TotalAsked():
                return self.state.total
            case SecretlyWritten():
                self._cheat(send=message.send)
            case PriceTicked():
                self.state.seen.append(message.price)
            case AskTried():
                self.ask("sink", TotalAsked())
            case TimerWanted():
                self.after(message.delay_us, TimerFired(message.delay_us))
            case TimerFired():
                self.send("sink", Added(message.delay_us))
            case DrawWanted():
                self.send("sink", Added(int(self.random() * 1_000_000)))
            case LetterWanted():
                self.send(message.to, Added(1))
            case _:
                raise AssertionError(message)
        return None

    def _add(self, n: int) -> None:
        self.state.total += n
        self.state.row += n
        self.state.grid[0, 1] = self.state.total / 3
        self.state.money += Decimal(n) / 100
        self.send("sink", TotalTold(self.state.total))
        if n == 13:
            raise ValueError("unlucky")  # the state is changed and a message sent: both must vanish
        self.state.seen.append(n)

    def _cheat(self, *, send: bool) -> None:
        if send:
            self.send("sink", Added(1))
        else:
            self.state.total += 1


@dataclass(slots=True)
class SinkState:
    seen: list[int] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    halts: list[str] = field(default_factory=list)
    incidents: list[str] = field(default_factory=list)


class Sink(Actor[SinkState]):
    """Remembers what it is told."""

    State = SinkState

    def handle(self, message: Any) -> Any:
        match message:
            case Added():
                self.state.seen.append(message.n)
                self.state.senders.append(self.sender)
            case TotalTold():
                self.state.seen.append(message.total)
            case HaltTrading():
                self.state.halts.append(message.reason)
            case IncidentRaised():
                self.state.incidents.append(message.kind)
            case TotalAsked():
                return list(self.state.seen)
            case Recovered() | Restarted():
                pass
            case _:
                raise AssertionError(message)
        return None


class Probe(Actor[None]):
    """An edge that puts everything it is told into a queue for the test to wait on."""

    edge = True

    def __init__(self, context: Context, name: str, *, out: "queue.Queue[tuple[str, Message]]") -> None:
        super().__init__(context, name)
        self.out = out
        self.calls: list[str] = []

    def handle(self, message: Message) -> None:
        self.out.put((self.sender, message))

    def on_begin(self) -> None:
        self.calls.append("begin")

    def on_end(self) -> None:
        self.calls.append("end")

    def on_drained(self) -> None:
        self.calls.append("drained")


def topology(*more: ActorSpec, topics: dict[str, tuple[str, ...]] | None = None) -> Topology:
    """A counter, its sink, and somebody to be halted."""
    specs = (ActorSpec("counter", Counter), ActorSpec("sink", Sink), ActorSpec("risk", Sink), *more)
    return Topology(specs, {"incidents": ("risk",), **(topics or {})}, frozenset({"outside"}))
