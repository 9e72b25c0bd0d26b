"""REST calls to the exchange, with answers in values of ours. A POST is never sent twice from here."""

import threading
from collections.abc import Callable

from actors.runtime import Clock
from actors.upbit.account import Account
from actors.upbit.breaker import Told
from actors.upbit.budgets import MAIN
from actors.upbit.cancelling import Cancelling
from actors.upbit.limits import Limiter
from actors.upbit.pockets import Pockets
from actors.upbit.quotation import Quotation
from actors.upbit.retry import GET_TRIES, TIMEOUTS, Timeouts
from actors.upbit.sign import Keys
from actors.upbit.transport import Transport

__all__ = ["GET_TRIES", "UpbitRest"]


class UpbitRest(Quotation, Account, Pockets, Cancelling):
    """The client. Thread-safe; its errors are those of `actors.upbit.transport.Transport`, and BadPayload.

    `smp_type` is the self-match rule sent with every order, None leaves it to the exchange's default; `pocket` names
    the pocket of the key, whose limits are its own; `pause` is a parameter for tests.
    """

    def __init__(  # noqa: PLR0913 (what a client needs, by name)
        self,
        base_url: str,
        keys: Keys | None,
        clock: Clock,
        *,
        limiter: Limiter | None = None,
        smp_type: str | None = None,
        pocket: str = MAIN,
        pause: Callable[[float], object] | None = None,
        timeouts: Timeouts = TIMEOUTS,
    ) -> None:
        self._ending = threading.Event()
        http = Transport(base_url, keys, limiter or Limiter(clock), pocket=pocket, pause=pause, timeouts=timeouts)
        super().__init__(http, clock, keys=keys, smp_type=smp_type, pause=pause or self._ending.wait)

    def close(self) -> None:
        """Close every connection and send away whoever waits for a turn."""
        self._ending.set()
        self._http.close()

    def watch(self, told: Told) -> None:
        """Have a function called, on any thread, when calls of a side begin to be held back, and when they go on."""
        self._http.watch(told)

    @property
    def transport(self) -> Transport:
        """The line below: its limits, its circuits, the skew of the exchange's clock."""
        return self._http
