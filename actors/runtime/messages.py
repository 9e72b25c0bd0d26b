"""What the runtime itself says to actors; the journal holds these names like any other."""

from typing import ClassVar

from domain.message import Message


class Recovered(Message, frozen=True):
    """To every core actor after a process start: the state is back, timers and unread mail are gone.

    Also the first message of a member of a family that begins, with a fresh state. `boot` counts the starts of this
    journal from 1. `trusted` False means that some of the past could not be folded into the states (other code version,
    damaged snapshot): reconcile with the exchange before believing anything. `living` are the members of the family
    that this actor `rears`, as this start brought them back, by name.
    """

    boot: int
    trusted: bool = True
    living: tuple[str, ...] = ()


class Began(Message, frozen=True):
    """Of a BORN record: from here on the member of a family that it is addressed to lives, with a fresh state."""


class Retired(Message, frozen=True):
    """Of a RETIRED record, the last of a member of a family: its state is forgotten, and mail finds nobody."""


class Restarted(Message, frozen=True):
    """First in the mailbox of a core actor that was restarted after a crash: its state is as before the failed turn."""


class ActorCrashed(Message, frozen=True):
    """To the supervisor: a turn of `actor` raised; `tries` earlier attempts at the same message failed too.

    `real_us` is real time in microseconds that only grows while the process lives, whatever the clock's speed is.
    """

    actor: str
    message_type: str
    error: str
    tries: int
    real_us: int = 0


class RestartDue(Message, frozen=True):
    """The supervisor's timer: the back-off of `actor` is over."""

    actor: str


class ActorRestarted(Message, frozen=True):
    """To the supervisor: `actor` works again, `after_us` real microseconds after its crash."""

    actor: str
    after_us: int


class DeadLetterFound(Message, frozen=True):
    """To the supervisor: mail could not be handled; `total` counts this `key` since the process start.

    Only the newest unread one of a key is kept, so a flood of dead letters cannot become a flood of these.
    """

    conflate: ClassVar[str] = "key"
    to: str
    sender: str
    message_type: str
    reason: str
    key: str = ""
    total: int = 1
    real_us: int = 0
