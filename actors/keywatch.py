"""The edge that knows when our API key ends: warns 30, 7 and 1 days before, and stops new orders when it has."""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Protocol

from actors.runtime import Actor, Context
from domain.errors import AuthError, AuthReason, ExchangeError
from domain.market import DAY, US_PER_S
from domain.message import Message
from domain.messages import HaltTrading, IncidentRaised

log = logging.getLogger(__name__)

WARN_DAYS: Final = (30, 7, 1)
RETRY_S: Final = 60.0  # real, while the exchange cannot be asked
KST: Final = timezone(timedelta(hours=9))
NEW_KEY: Final = "make a new key at Upbit and put it in place before then"


class KeyClient(Protocol):
    """The one call this edge makes: when our key ends, microseconds UTC; None when the exchange does not list it."""

    def key_expires_at(self) -> int | None: ...  # noqa: D102


class KeyWatch(Actor[None]):
    """Owns the look at our key, at start and once a day of the session's clock.

    Edge: publishes IncidentRaised on `incidents`, each warning once a process; sends HaltTrading to risk when the key
    has ended or is not accepted: that stops new orders and nothing else. Blocks on its own thread only. A restart of
    the process looks again.
    """

    edge = True
    State = None

    def __init__(  # noqa: PLR0913 (what a key watch is given, by name)
        self,
        context: Context,
        name: str,
        *,
        client: KeyClient,
        now: Callable[[], int],
        real_seconds: Callable[[int], float],
        wait: Callable[[float], object] | None = None,
    ) -> None:
        super().__init__(context, name)
        self._client = client
        self._now = now
        self._real_seconds = real_seconds
        self._ending = threading.Event()
        self._wait = wait or self._ending.wait
        self._told: set[tuple[str, object]] = set()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def on_begin(self) -> None:
        """Begin to look."""
        self._thread.start()

    def on_end(self) -> None:
        """Stop looking; a call in flight is waited for."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def handle(self, message: Message) -> None:
        """Nobody sends anything here."""
        raise TypeError(f"the key watch takes no messages, got {type(message).__name__}")

    def _run(self) -> None:
        while not self._ending.is_set():
            self._wait(self._look())

    def _look(self) -> float:
        """Ask once and tell what is new; gives the real seconds until the next look."""
        try:
            ends_at = self._client.key_expires_at()
        except AuthError as error:
            if error.reason is not AuthReason.NONCE:
                self._halt(f"the exchange does not accept our key ({error.name}): {error.reason.value}")
            return RETRY_S
        except ExchangeError as error:
            log.warning("key expiry not read error=%s", error)
            self._tell("key_expiry_unread", "", f"when our API key ends could not be read, trying on: {error}")
            return RETRY_S
        except Exception:  # a bug of ours in a thread: nobody else would ever see it
            log.exception("key expiry not read")
            self._tell("key_expiry_unread", "bug", "when our API key ends could not be read, see the log")
            return RETRY_S
        if ends_at is None:
            self._tell("key_unlisted", "", "the exchange does not list our API key: when it ends is not known")
            return self._real_seconds(DAY)
        return self._judge(ends_at)

    def _judge(self, ends_at: int) -> float:
        left = ends_at - self._now()
        when = datetime.fromtimestamp(ends_at // US_PER_S, UTC).astimezone(KST).strftime("%Y-%m-%d %H:%M KST")
        if left <= 0:
            self._halt(f"our API key ended on {when}: make a new key at Upbit and put it in place")
            return self._real_seconds(DAY)
        self._told = {told for told in self._told if told[0] == "key_expiry"}  # the rest is over
        if due := [days for days in WARN_DAYS if left <= days * DAY]:
            text = f"our API key ends on {when}, in {left / DAY:.1f} days: {NEW_KEY}"
            self._tell("key_expiry", (ends_at, min(due)), text)
        turns = [left - days * DAY for days in (*WARN_DAYS, 0)]
        return self._real_seconds(min(DAY, *(turn for turn in turns if turn > 0)) + US_PER_S)

    def _halt(self, text: str) -> None:
        """Halt at every look: a person may have resumed with the key as it was."""
        self._tell("key_refused", text, text)
        self.outlet.send("risk", HaltTrading(text, self.name))

    def _tell(self, kind: str, what: object, text: str) -> None:
        if (kind, what) not in self._told:
            self._told.add((kind, what))
            self.outlet.publish("incidents", IncidentRaised(self._now(), kind, self.name, text))
