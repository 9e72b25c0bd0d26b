"""How long each kind of call may take, and how often and when a question is asked again."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from random import SystemRandom
from typing import Final

from actors.upbit.limits import Urgency
from actors.upbit.line import Patience

log = logging.getLogger(__name__)

GET_TRIES: Final = 4
BACKOFF_S: Final = 0.3
SHORTEST_S: Final = 0.05  # what a try gets whose turn came at the very end
LOOK_UPS: Final = frozenset({"/v1/order", "/v1/orders/uuids", "/v1/orders/open", "/v1/orders/closed"})
REPLACE: Final = "/v1/orders/cancel_and_new"
_spread: Final = SystemRandom().uniform


class Kind(Enum):
    """The kinds of calls: who goes first, and whether it is made even when the exchange seems to be away."""

    QUOTATION = (Urgency.MARKET_DATA, False)
    QUERY = (Urgency.QUERY, False)
    LOOK_UP = (Urgency.QUERY, True)
    ORDER = (Urgency.ORDER, False)
    REPLACE = (Urgency.CANCEL, False)
    CANCEL = (Urgency.CANCEL, True)

    def __init__(self, urgency: Urgency, vital: bool) -> None:  # noqa: FBT001 (the columns of the table above)
        self.urgency = urgency
        self.vital = vital


def kind_of(method: str, path: str, *, signed: bool) -> Kind:
    """Which kind a call is."""
    if method == "DELETE":
        return Kind.CANCEL
    if method == "POST":
        return Kind.REPLACE if path == REPLACE else Kind.ORDER
    if not signed:
        return Kind.QUOTATION
    return Kind.LOOK_UP if path in LOOK_UPS else Kind.QUERY


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Real seconds by kind of call. The whole of a question counts all its tries and pauses.

    An order and its turn in the limit must end before the gateway gives its answer up (20 s).
    """

    quotation: Patience
    query: Patience
    order: Patience
    cancel: Patience

    def of(self, kind: Kind) -> Patience:
        """The times of one kind; an order that replaces another is an order."""
        match kind:
            case Kind.QUOTATION:
                return self.quotation
            case Kind.QUERY | Kind.LOOK_UP:
                return self.query
            case Kind.ORDER | Kind.REPLACE:
                return self.order
            case Kind.CANCEL:
                return self.cancel


TIMEOUTS: Final = Timeouts(
    quotation=Patience(connect_s=5.0, silence_s=10.0, total_s=30.0),
    query=Patience(connect_s=5.0, silence_s=7.0, total_s=15.0),
    order=Patience(connect_s=4.0, silence_s=10.0, total_s=12.0),
    cancel=Patience(connect_s=4.0, silence_s=10.0, total_s=12.0),
)
_WATCHED: Final = Patience(connect_s=4.0, silence_s=6.0, total_s=10.0)
WATCHED: Final = Timeouts(_WATCHED, _WATCHED, _WATCHED, _WATCHED)
"""For the calls of a command that a person waits for."""


class Retry:
    """The tries of one question within its time: GET_TRIES at most, with pauses that grow and differ."""

    def __init__(self, patience: Patience, pause: Callable[[float], object]) -> None:
        self._patience = patience
        self._pause = pause
        self._until = time.monotonic() + patience.total_s
        self._tries = 1

    def left_s(self) -> float:
        """Real seconds that are left."""
        return max(self._until - time.monotonic(), 0.0)

    def patience(self) -> Patience:
        """What is left for the next try."""
        return Patience(self._patience.connect_s, self._patience.silence_s, max(self.left_s(), SHORTEST_S))

    def again(self, path: str, error: Exception) -> bool:
        """Pause before another try; False when there is none, or no time for one."""
        pause_s = BACKOFF_S * 2**self._tries * _spread(0.5, 1.0)
        if self._tries == GET_TRIES or pause_s >= self.left_s():
            return False
        log.info("call tried again path=%s try=%d reason=%s", path, self._tries, error)
        self._tries += 1
        self._pause(pause_s)
        return True
