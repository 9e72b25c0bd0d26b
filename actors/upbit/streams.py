"""A stream of the exchange that stays up: it comes back by itself, inside the exchange's budget of connections."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable
from random import SystemRandom
from typing import Final, NamedTuple, TypeAlias

from actors.rhythm import Staleness
from actors.upbit import wire
from actors.upbit.connection import ABORT, Bell, Connection, Refused
from actors.upbit.limits import BLOCKED_S, Limiter, Urgency
from actors.upbit.session import End, Errands, OnEcho, OnFrame, Session, Timing
from actors.upbit.sign import Keys, bearer
from actors.upbit.staleness import Clocks
from actors.upbit.subscriptions import DesiredSet, Subscription
from domain.errors import ExchangeError, RateLimited

__all__ = ["Stream", "Timing"]

log = logging.getLogger(__name__)

OnState: TypeAlias = Callable[[bool, str], None]
GROUP: Final = "websocket"
STOP_S: Final = 1.0
KEY_REFUSED: Final = frozenset({401, 403})
BLOCKED: Final = 418
TOO_MANY: Final = 429
TOO_MANY_NAMES: Final = frozenset({"TOO_MANY_REQUEST", "TOO_MANY_REQUESTS"})
TEAPOT: Final = "I'M_A_TEAPOT"
_spread: Final = SystemRandom().uniform


class _Loss(NamedTuple):
    """Why a connection ended, and the real seconds the next one has to wait at least."""

    reason: str
    wait_s: float = 0.0


class Stream:
    """Runs a socket on a thread of its own from `start` to `stop`.

    `on_frame`, `on_state` and `on_echo` are called on that thread, frames in the order they came. There is no replay:
    what happened while the socket was down must be asked for by REST when `on_state` says it is up again. Every other
    method may be called from any thread. `form` is how the exchange shall write; `compress` offers it to.
    """

    def __init__(  # noqa: PLR0913 (what a socket needs, by name)
        self,
        url: str,
        subscriptions: Iterable[Subscription],
        *,
        on_frame: OnFrame,
        on_state: OnState,
        on_echo: OnEcho | None = None,
        keys: Keys | None = None,
        timing: Timing | None = None,
        limiter: Limiter | None = None,
        form: str = "DEFAULT",
        compress: bool = False,
    ) -> None:
        self._url = url
        self._wanted = DesiredSet(subscriptions, form)
        self._on_frame = on_frame
        self._on_state = on_state
        self._on_echo = on_echo
        self._keys = keys
        self._timing = timing or Timing()
        self._limiter = limiter
        self._compress = compress
        self._ending = threading.Event()
        self._errands = Errands()
        self._clocks = Clocks(self._timing.snapshot_s, self._timing.stray_s)
        self._bell: Bell | None = None
        self._told: tuple[bool, str] | None = None
        self._thread = threading.Thread(target=self._run, name=f"stream-{url.rpartition('/')[2]}", daemon=True)

    def start(self) -> None:
        """Begin connecting."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect and wait for the thread; one that is just connecting cannot be hurried and ends by itself."""
        self._ending.set()
        self._wake()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(STOP_S)
            if self._thread.is_alive():
                log.warning("stream still connecting at its stop url=%s", self._url)

    # --- what is wanted of it

    def replace_subscriptions(self, subscriptions: Iterable[Subscription]) -> None:
        """Want these and nothing else from now on, on this connection and all later ones."""
        self._wanted.replace(subscriptions)
        self._wake()

    def add(self, kind: str, codes: Iterable[str]) -> None:
        """Want these codes of a type (`trade`, `orderbook`, `candle.1m` …) too."""
        self._wanted.add(kind, codes)
        self._wake()

    def remove(self, kind: str, codes: Iterable[str]) -> None:
        """Want these codes of a type no more."""
        self._wanted.remove(kind, codes)
        self._wake()

    def probe(self, mark: int) -> None:
        """Send a ping that carries `mark`; `on_echo` is called with it when it comes back.

        Frames of one socket come in order: what the exchange had sent before its echo has been handed on before it.
        A probe while the socket is down is dropped.
        """
        self._errands.marks.append(mark)
        self._wake()

    def check(self) -> None:
        """Ask the exchange what it believes we want; when it differs, the whole set is sent again."""
        self._errands.check = True
        self._wake()

    def renew(self, reason: str) -> None:
        """Give the present connection up for a new one."""
        self._errands.renew = reason
        self._wake()

    def staleness(self) -> Staleness:
        """How fresh it is now."""
        return self._clocks.measure(time.monotonic())

    def _wake(self) -> None:
        if (bell := self._bell) is not None:
            bell.ring()

    # --- its thread

    def _run(self) -> None:
        fails = 0
        with contextlib.closing(Bell()) as self._bell:
            while not self._ending.is_set():
                began = time.monotonic()
                loss = self._attempt()
                if self._ending.is_set():
                    return
                log.warning("stream lost url=%s reason=%s", self._url, loss.reason)
                fails = 0 if time.monotonic() - began > self._timing.silent_s else fails + 1
                wait_s = min(self._timing.backoff_s * 2 ** min(fails, 10), self._timing.backoff_max_s)
                self._ending.wait(max(wait_s * _spread(0.5, 1.0), loss.wait_s))

    def _attempt(self) -> _Loss:
        """One connection from handshake to loss, whatever happens in it."""
        try:
            loss = self._live()
        except Exception as error:  # a bug in whoever is told must not end the stream for good
            log.exception("stream failed url=%s", self._url)
            loss = _Loss(f"{type(error).__name__}: {error}")
        self._clocks.closed()
        try:
            self._tell_down(loss.reason)
        except Exception:  # the same: it is told again with the next loss
            log.exception("stream could not tell its end url=%s", self._url)
        return loss

    def _tell_down(self, reason: str) -> None:
        if not self._ending.is_set():
            self._tell(False, reason)
        elif self._told is not None and self._told[0]:
            self._tell(False, "stopped")

    def _live(self) -> _Loss:
        try:
            line = self._connect()
        except Refused as refused:
            return self._refused(refused)
        except RateLimited as error:
            return _Loss(f"{type(error).__name__}: {error}", error.retry_after_s)
        except (ExchangeError, *ABORT) as error:
            return _Loss(f"{type(error).__name__}: {error}")
        try:
            return self._ended(self._serve(line))
        except ABORT as error:
            return _Loss(f"{type(error).__name__}: {error}")
        finally:
            line.hang_up()

    def _connect(self) -> Connection:
        if self._bell is None:
            raise RuntimeError("a stream connects on its own thread only")
        if self._limiter is not None:
            self._limiter.acquire(GROUP, Urgency.QUERY, timeout_s=STOP_S / 2)
        return Connection(
            self._url,
            self._bell,
            authorization=bearer(self._keys) if self._keys else None,
            timeout_s=self._timing.connect_s,
            compress=self._compress,
        )

    def _serve(self, line: Connection) -> End:
        session = Session(
            line,
            wanted=self._wanted,
            errands=self._errands,
            clocks=self._clocks,
            timing=self._timing,
            on_frame=self._on_frame,
            on_echo=self._on_echo,
        )
        session.open()
        if not self._ending.is_set():
            self._tell(True, "connected")
        while not self._ending.is_set():
            if end := session.turn():
                return end
        return End("stopped")

    # --- what ended it

    def _ended(self, end: End) -> _Loss:
        """A refusal by frame: a key is not worth another try soon, and too many messages shut the budget."""
        name = end.error.upper().replace(" ", "_")
        if name == "INVALID_AUTH":
            return _Loss(end.reason, self._timing.backoff_max_s)
        if name in TOO_MANY_NAMES or name == TEAPOT:
            return _Loss(end.reason, self._shut(blocked=name == TEAPOT, told=None))
        return _Loss(end.reason)

    def _refused(self, refused: Refused) -> _Loss:
        """No socket for us: a key is not worth another try soon, and a limit says when."""
        name, message = wire.error_of(refused.body)
        reason = f"refused at the handshake: HTTP {refused.status} {name or message}".rstrip()
        if refused.status in KEY_REFUSED:
            return _Loss(reason, self._timing.backoff_max_s)
        if refused.status not in {BLOCKED, TOO_MANY}:
            return _Loss(reason)
        told = wire.seconds_told(message, refused.retry_after)
        return _Loss(reason, self._shut(blocked=refused.status == BLOCKED, told=told))

    def _shut(self, *, blocked: bool, told: float | None) -> float:
        """Take in that a limit was hit; gives the real seconds until it is worth another try."""
        if self._limiter is not None:
            return self._limiter.refused(GROUP, blocked=blocked, seconds=told)
        return told or (BLOCKED_S if blocked else 1.0)

    def _tell(self, up: bool, reason: str) -> None:  # noqa: FBT001 (the callback's own signature)
        """Tell a change of state; the same failure again and again is told once."""
        if self._told != (up, reason):
            self._on_state(up, reason)
            self._told = (up, reason)
