"""One socket to the exchange that stays up: subscribes, pings, notices silence, and comes back by itself."""

import contextlib
import logging
import random
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec
import websocket

from actors.upbit import frames, wire
from actors.upbit.frames import ErrorFrame, Frame
from actors.upbit.sign import Keys, bearer
from domain.errors import BadPayload

log = logging.getLogger(__name__)

Subscription: TypeAlias = dict[str, Any]
OnFrame: TypeAlias = Callable[[Frame], None]
OnState: TypeAlias = Callable[[bool, str], None]
OnEcho: TypeAlias = Callable[[int], None]
LOOK_S: Final = 0.25  # how long a read waits before pings, silence and the end are looked at


@dataclass(frozen=True, slots=True)
class Timing:
    """Real seconds: a ping this often, dead after this much silence, back-off between these, connect within."""

    ping_s: float = 15.0
    silent_s: float = 25.0
    backoff_s: float = 0.3
    backoff_max_s: float = 20.0
    connect_s: float = 10.0


class Stream:
    """Runs a socket on a thread of its own from `start` to `stop`.

    `on_frame` and `on_state` are called on that thread, frames in the order they came. There is no replay: what
    happened while the socket was down must be asked for by REST when `on_state` says it is up again.
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
    ) -> None:
        self._url = url
        self._subscriptions = subscriptions
        self._on_frame = on_frame
        self._on_state = on_state
        self._on_echo = on_echo
        self._socket: websocket.WebSocket | None = None
        self._keys = keys
        self._timing = timing or Timing()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"stream-{url.rpartition('/')[2]}", daemon=True)

    def start(self) -> None:
        """Begin connecting."""
        self._thread.start()

    def stop(self) -> None:
        """Disconnect and wait for the thread."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(self._timing.connect_s + 1.0)

    def probe(self, mark: int) -> None:
        """Send a ping that carries `mark`; `on_echo` is called with it when it comes back. From any thread.

        Frames of one socket come in order: what the exchange had sent before its echo has been handed on before it.
        """
        socket = self._socket
        if socket is not None:
            with contextlib.suppress(OSError, websocket.WebSocketException):  # the reading thread sees the loss too
                socket.ping(str(mark))

    def _run(self) -> None:
        fails = 0
        while not self._ending.is_set():
            began = time.monotonic()
            reason = self._live()
            if self._ending.is_set():
                return
            fails = 0 if time.monotonic() - began > self._timing.silent_s else fails + 1
            wait = min(self._timing.backoff_s * 2 ** min(fails, 10), self._timing.backoff_max_s)
            log.warning("stream lost url=%s reason=%s", self._url, reason)
            self._ending.wait(wait * random.uniform(0.5, 1.0))  # noqa: S311 (jitter, not a secret)

    def _live(self) -> str:
        """One connection from handshake to loss; gives the reason it ended."""
        try:
            socket = self._connect()
        except (OSError, websocket.WebSocketException) as error:
            return f"{type(error).__name__}: {error}"
        try:
            self._socket = socket
            self._on_state(True, "connected")
            reason = self._listen(socket)
        except (OSError, websocket.WebSocketException) as error:
            reason = f"{type(error).__name__}: {error}"
        finally:
            self._socket = None
            _hang_up(socket)
        self._on_state(False, "stopped" if self._ending.is_set() else reason)
        return reason

    def _connect(self) -> websocket.WebSocket:
        header = [f"Authorization: {bearer(self._keys)}"] if self._keys else []
        socket = websocket.create_connection(
            self._url,
            timeout=self._timing.connect_s,
            suppress_origin=True,
            skip_utf8_validation=True,
            header=header,
        )
        socket.settimeout(LOOK_S)
        request = [{"ticket": str(uuid.uuid4())}, *self._subscriptions, {"format": "DEFAULT"}]
        try:
            socket.send(msgspec.json.encode(request).decode())
        except (OSError, websocket.WebSocketException):
            _hang_up(socket)
            raise
        return socket

    def _listen(self, socket: websocket.WebSocket) -> str:
        heard = pinged = time.monotonic()
        while not self._ending.is_set():
            now = time.monotonic()
            if now - heard > self._timing.silent_s:
                return f"silent for {self._timing.silent_s:.0f} s"
            if now - pinged > self._timing.ping_s:
                socket.ping()
                pinged = now
            try:
                code, frame = socket.recv_data_frame(control_frame=True)
            except websocket.WebSocketTimeoutException:
                continue
            heard = time.monotonic()
            if code == websocket.ABNF.OPCODE_CLOSE:
                return "closed by the exchange"
            if code == websocket.ABNF.OPCODE_PONG and self._on_echo is not None and frame.data.isdigit():
                self._on_echo(int(frame.data))
            if code in {websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY} and (
                trouble := self._take(frame.data)
            ):
                return trouble
        return "stopped"

    def _take(self, data: bytes) -> str:
        """Hand a frame on; gives the reason to give this connection up, "" for none."""
        try:
            frame = frames.read(wire.load(data))
        except (BadPayload, KeyError, TypeError, ValueError) as error:
            log.error("frame not understood error=%r frame=%.200r", error, data)  # noqa: TRY400 (one line says it all)
            return ""
        if isinstance(frame, ErrorFrame):
            return f"refused by the exchange: {frame.name} {frame.message}"
        if frame is not None:
            self._on_frame(frame)
        return ""


def _hang_up(socket: websocket.WebSocket) -> None:
    """Say goodbye if the other side still listens, and give the descriptor back in any case."""
    with contextlib.suppress(OSError, websocket.WebSocketException):
        socket.close(timeout=1)
    socket.shutdown()  # type: ignore[no-untyped-call]  # websocket-client has no types here
