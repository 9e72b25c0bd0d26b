"""A stream of the exchange that stays up: subscribes, pings, notices silence, and comes back by itself."""

import contextlib
import logging
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from actors.upbit import frames, wire
from actors.upbit.connection import ABORT, Bell, Connection, Received, Refused
from actors.upbit.frames import ErrorFrame, Frame
from actors.upbit.limits import BLOCKED_S, Limiter, Urgency
from actors.upbit.sign import Keys, bearer
from domain.errors import BadPayload, ExchangeError

log = logging.getLogger(__name__)

Subscription: TypeAlias = dict[str, Any]
OnFrame: TypeAlias = Callable[[Frame], None]
OnState: TypeAlias = Callable[[bool, str], None]
OnEcho: TypeAlias = Callable[[int], None]
STOP_S: Final = 1.0
MARKS: Final = 64  # probes kept until they can be sent; the oldest are dropped
SUBSCRIBE_EVERY_S: Final = 0.7  # the exchange takes 5 messages a second and 100 a minute on one socket
KEY_REFUSED: Final = frozenset({401, 403})
BLOCKED: Final = 418
TOO_MANY: Final = 429
_spread: Final = SystemRandom().uniform


@dataclass(frozen=True, slots=True)
class Timing:
    """Real seconds: a ping this often, dead after this much silence, back-off between these, connect within.

    `silent_s` counts from the last frame of any kind, pongs too, so it is the ping's period and the time a pong may
    take. `dataless_s`, if given, counts from the last data: for streams that are never quiet.
    """

    ping_s: float = 15.0
    silent_s: float = 25.0
    backoff_s: float = 0.3
    backoff_max_s: float = 20.0
    connect_s: float = 10.0
    dataless_s: float | None = None


class _End(NamedTuple):
    """Why a connection ended, and the real seconds the next one has to wait at least."""

    reason: str
    wait_s: float = 0.0


class Stream:
    """Runs a socket on a thread of its own from `start` to `stop`.

    `on_frame`, `on_state` and `on_echo` are called on that thread, frames in the order they came. There is no replay:
    what happened while the socket was down must be asked for by REST when `on_state` says it is up again.
    """

    def __init__(  # noqa: PLR0913 (what a socket needs, by name)
        self,
        url: str,
        subscriptions: tuple[Subscription, ...],
        *,
        on_frame: OnFrame,
        on_state: OnState,
        on_echo: OnEcho | None = None,
        keys: Keys | None = None,
        timing: Timing | None = None,
        limiter: Limiter | None = None,
    ) -> None:
        self._url = url
        self._subscriptions = subscriptions
        self._on_frame = on_frame
        self._on_state = on_state
        self._on_echo = on_echo
        self._keys = keys
        self._timing = timing or Timing()
        self._limiter = limiter
        self._ending = threading.Event()
        self._outdated = threading.Event()
        self._marks: deque[int] = deque(maxlen=MARKS)
        self._bell: Bell | None = None
        self._told: tuple[bool, str] | None = None
        self._unread = 0
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

    def replace_subscriptions(self, subscriptions: tuple[Subscription, ...]) -> None:
        """Want these from now on, on this connection and all later ones. From any thread."""
        self._subscriptions = subscriptions
        self._outdated.set()
        self._wake()

    def probe(self, mark: int) -> None:
        """Send a ping that carries `mark`; `on_echo` is called with it when it comes back. From any thread.

        Frames of one socket come in order: what the exchange had sent before its echo has been handed on before it.
        A probe while the socket is down is dropped.
        """
        self._marks.append(mark)
        self._wake()

    def _wake(self) -> None:
        if (bell := self._bell) is not None:
            bell.ring()

    def _run(self) -> None:
        fails = 0
        with contextlib.closing(Bell()) as self._bell:
            while not self._ending.is_set():
                began = time.monotonic()
                end = self._attempt()
                if self._ending.is_set():
                    return
                log.warning("stream lost url=%s reason=%s", self._url, end.reason)
                fails = 0 if time.monotonic() - began > self._timing.silent_s else fails + 1
                wait_s = min(self._timing.backoff_s * 2 ** min(fails, 10), self._timing.backoff_max_s)
                self._ending.wait(max(wait_s * _spread(0.5, 1.0), end.wait_s))

    def _attempt(self) -> _End:
        """One connection from handshake to loss, whatever happens in it."""
        try:
            end = self._live()
        except Exception as error:  # a bug in whoever is told must not end the stream for good
            log.exception("stream failed url=%s", self._url)
            end = _End(f"{type(error).__name__}: {error}")
        try:
            self._tell_down(end.reason)
        except Exception:  # the same: it is told again with the next loss
            log.exception("stream could not tell its end url=%s", self._url)
        return end

    def _tell_down(self, reason: str) -> None:
        if not self._ending.is_set():
            self._tell(False, reason)
        elif self._told is not None and self._told[0]:
            self._tell(False, "stopped")

    def _live(self) -> _End:
        try:
            if self._limiter is not None:
                self._limiter.acquire("websocket", Urgency.QUERY, timeout_s=STOP_S / 2)
            token = bearer(self._keys) if self._keys else None
            line = Connection(self._url, self._need_bell(), authorization=token, timeout_s=self._timing.connect_s)
        except Refused as refused:
            return self._refused(refused)
        except (ExchangeError, *ABORT) as error:
            return _End(f"{type(error).__name__}: {error}")
        try:
            return self._serve(line)
        except ABORT as error:
            return _End(f"{type(error).__name__}: {error}")
        finally:
            line.hang_up()

    def _serve(self, line: Connection) -> _End:
        if self._ending.is_set():
            return _End("stopped")
        self._marks.clear()
        self._outdated.set()
        subscribed = self._subscribe(line, -SUBSCRIBE_EVERY_S)
        self._tell(True, "connected")
        heard = fed = pinged = time.monotonic()
        timing = self._timing
        while not self._ending.is_set():
            now = time.monotonic()
            if now - heard >= timing.silent_s:
                return _End(f"silent for {timing.silent_s:.0f} s")
            if timing.dataless_s is not None and now - fed >= timing.dataless_s:
                return _End(f"no data for {timing.dataless_s:.0f} s")
            if now - pinged >= timing.ping_s:
                line.ping()
                pinged = now
            subscribed = self._subscribe(line, subscribed)
            while self._marks:
                line.ping(str(self._marks.popleft()))
            received = line.receive(self._patience(now, heard, fed, pinged, subscribed))
            if received is None:
                continue
            heard = time.monotonic()
            fed = heard if received.is_data else fed
            if end := self._take(received):
                return end
        return _End("stopped")

    def _patience(self, now: float, heard: float, fed: float, pinged: float, subscribed: float) -> float:
        """Real seconds until something is due although nothing came."""
        timing = self._timing
        due = [heard + timing.silent_s, pinged + timing.ping_s]
        if timing.dataless_s is not None:
            due.append(fed + timing.dataless_s)
        if self._outdated.is_set():
            due.append(subscribed + SUBSCRIBE_EVERY_S)
        return max(min(due) - now, 0.0)

    def _subscribe(self, line: Connection, last: float) -> float:
        """Send the whole set wanted when it changed: a new one replaces the old. Gives the time of the last one."""
        now = time.monotonic()
        if not self._outdated.is_set() or now - last < SUBSCRIBE_EVERY_S:
            return last
        self._outdated.clear()
        request = [{"ticket": str(uuid.uuid4())}, *self._subscriptions, {"format": "DEFAULT"}]
        line.send(msgspec.json.encode(request).decode())
        return now

    def _take(self, received: Received) -> _End | None:
        """Hand a frame on; gives the reason to give this connection up."""
        if received.is_close:
            return _End(f"closed by the exchange ({received.close_code()})")
        if received.is_pong and self._on_echo is not None and received.data.isdigit():
            self._on_echo(int(received.data))
        if not received.is_data:
            return None
        try:
            frames_in = tuple(frames.read_all(received.data))
        except BadPayload as error:
            self._not_understood(error, received.data)
            return None
        for frame in frames_in:
            if isinstance(frame, ErrorFrame):
                wait_s = self._timing.backoff_max_s if frame.name == "INVALID_AUTH" else 0.0
                return _End(f"refused by the exchange: {frame.name} {frame.message}", wait_s)
            self._on_frame(frame)
        return None

    def _not_understood(self, error: BadPayload, data: bytes) -> None:
        """Log the first, second, fourth, eighth … of them: a change at the exchange may garble every frame."""
        self._unread += 1
        if self._unread & (self._unread - 1) == 0:
            log.error("frame not understood count=%d error=%s frame=%.200r", self._unread, error, data)

    def _refused(self, refused: Refused) -> _End:
        """No socket for us: a key is not worth another try soon, and a limit says when."""
        name, message = wire.error_of(refused.body)
        reason = f"refused at the handshake: HTTP {refused.status} {name or message}".rstrip()
        if refused.status in KEY_REFUSED:
            return _End(reason, self._timing.backoff_max_s)
        if refused.status not in {BLOCKED, TOO_MANY}:
            return _End(reason)
        blocked = refused.status == BLOCKED
        told = wire.seconds_told(message, refused.retry_after)
        if self._limiter is not None:
            return _End(reason, self._limiter.refused("websocket", blocked=blocked, seconds=told))
        return _End(reason, told or (BLOCKED_S if blocked else 1.0))

    def _tell(self, up: bool, reason: str) -> None:  # noqa: FBT001 (the callback's own signature)
        """Tell a change of state; the same failure again and again is told once."""
        if self._told != (up, reason):
            self._on_state(up, reason)
            self._told = (up, reason)

    def _need_bell(self) -> Bell:
        if self._bell is None:
            raise RuntimeError("a stream connects on its own thread only")
        return self._bell
