"""What a host keeps of one actor: its place in pykka, its last snapshot and the records since."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope

from actors.runtime.actor import Actor
from actors.runtime.codec import encode
from actors.runtime.errors import HandlerCrashed, NoAnswer
from actors.runtime.parcel import Parcel
from actors.runtime.record import Record
from actors.runtime.recovery import rerun, set_state
from actors.runtime.snapshots import ActorSnapshot

if TYPE_CHECKING:
    from actors.runtime.mailbox import Mailbox


@dataclass(slots=True)
class Cell:
    """The stable outside of an actor; a restart changes only the state inside."""

    actor: Actor[Any]
    name: str = field(init=False)
    mailbox: "Mailbox" = field(init=False)
    tail: list[Record] = field(default_factory=list)  # applied since the snapshot
    snapshot: ActorSnapshot = field(default_factory=lambda: ActorSnapshot(0, 0, b""))
    failed: Parcel | None = None  # on which the suspended actor crashed
    crashed_us: int = 0  # real time of that crash
    current: Parcel | None = None  # the message whose handler runs now
    turns: int = 0
    member: bool = False  # of a family: begun and retired at runtime
    wanted: bool = True  # what was last said of a member: begin or retire; guarded by the register's lock
    living: bool = True  # what the journal says of it
    born: int = 0  # the journal number of its birth in this life of the process

    def __post_init__(self) -> None:
        self.name = self.actor.name
        self.mailbox = self.actor.actor_inbox

    def remember(self, seq: int) -> None:
        """Take a snapshot in memory: the state is as of journal number `seq`. Raises TypeError if it has no bytes."""
        self.snapshot = ActorSnapshot(seq, self.actor.draws, encode(self.actor.state))
        self.tail.clear()

    def forget(self) -> None:
        """Give the actor a fresh state and no past."""
        self.actor.fresh_state()
        self.snapshot = ActorSnapshot(0, 0, b"")
        self.tail.clear()

    def rebuild(self) -> None:
        """Give the actor the state it had before a failed turn; raises ReplayDivergence."""
        set_state(self.actor, self.snapshot)
        for record in self.tail:
            rerun(self.actor, record)

    def take(self, envelope: "Envelope[Any]") -> None:
        """Do what one round of pykka's loop does, for a host that has no loop."""
        try:
            answer = self.actor._handle_receive(envelope.message)  # noqa: SLF001 (tests/…/test_pykka.py guards the name)
        except (HandlerCrashed, NoAnswer):
            if envelope.reply_to is not None:
                envelope.reply_to.set_exception()
            return
        if envelope.reply_to is not None:
            envelope.reply_to.set(answer)

    def put_first(self, parcel: Parcel) -> None:
        """Put a parcel before all mail."""
        self.mailbox.put_front(Envelope(parcel))
