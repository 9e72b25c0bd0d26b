"""One socket to the exchange, from its handshake to its end."""

import contextlib
import selectors
import socket
from typing import NamedTuple

import websocket

ABORT = (OSError, websocket.WebSocketException)
"""What a broken socket raises, in whichever call notices it first."""
FRAME_S = 0.5  # real seconds a frame may stop in its middle before the caller gets to look at its other duties


class Refused(Exception):
    """The exchange answered the handshake with an HTTP status instead of a socket."""

    def __init__(self, status: int, body: bytes, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.retry_after = retry_after


class Received(NamedTuple):
    """A frame with its opcode, control frames included."""

    opcode: int
    data: bytes

    @property
    def is_data(self) -> bool:
        """Whether it holds text or bytes."""
        return self.opcode in {websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY}

    @property
    def is_pong(self) -> bool:
        """Whether it answers a ping."""
        return bool(self.opcode == websocket.ABNF.OPCODE_PONG)

    @property
    def is_close(self) -> bool:
        """Whether the other side hangs up."""
        return bool(self.opcode == websocket.ABNF.OPCODE_CLOSE)

    def close_code(self) -> int:
        """The code of a close frame; 1005 when it has none."""
        return int.from_bytes(self.data[:2], "big") if len(self.data) > 1 else websocket.STATUS_STATUS_NOT_AVAILABLE


class Bell:
    """Wakes a thread that waits for a socket; any thread may ring it."""

    def __init__(self) -> None:
        self._ear, self._hand = socket.socketpair()
        self._ear.setblocking(False)
        self._hand.setblocking(False)

    def fileno(self) -> int:
        """Give the descriptor that becomes readable."""
        return self._ear.fileno()

    def ring(self) -> None:
        """Wake whoever waits; a bell that rings already, or is closed, stays as it is."""
        with contextlib.suppress(OSError):
            self._hand.send(b"\0")

    def hush(self) -> None:
        """Forget every ring so far."""
        with contextlib.suppress(BlockingIOError):
            while self._ear.recv(4096):
                pass

    def close(self) -> None:
        """Give both descriptors back."""
        self._ear.close()
        self._hand.close()


class Connection:
    """A socket that is open. It is used by one thread: TLS does not allow one to write while another reads.

    Every method raises one of ABORT when the socket is broken.
    """

    def __init__(self, url: str, bell: Bell, *, authorization: str | None, timeout_s: float) -> None:
        """Shake hands; raises Refused, or one of ABORT.

        There is no Origin header, which Upbit takes for a browser, and no redirect, which would carry the key away.
        """
        try:
            self._socket = websocket.create_connection(
                url,
                timeout=timeout_s,
                suppress_origin=True,
                skip_utf8_validation=True,
                redirect_limit=0,
                header=[f"Authorization: {authorization}"] if authorization else [],
            )
        except websocket.WebSocketBadStatusException as error:
            headers = error.resp_headers or {}
            raise Refused(error.status_code, error.resp_body or b"", headers.get("retry-after")) from error
        self._socket.settimeout(FRAME_S)
        self._bell = bell
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(bell, selectors.EVENT_READ, bell)

    def send(self, text: str) -> None:
        """Send a text frame."""
        self._socket.send(text)

    def ping(self, payload: str = "") -> None:
        """Send a ping; its pong carries the same payload."""
        self._socket.ping(payload)

    def receive(self, seconds: float) -> Received | None:
        """Give the next frame; None when the bell rang or when none came whole within the seconds."""
        if not self._buffered():
            ready = [key.data for key, _ in self._selector.select(max(seconds, 0.0))]
            if self._bell in ready:
                self._bell.hush()
            if None not in ready:
                return None
        try:
            opcode, frame = self._socket.recv_data_frame(control_frame=True)
        except websocket.WebSocketTimeoutException:
            return None  # the frame's beginning is kept, the next call goes on with it
        return Received(opcode, frame.data)

    def hang_up(self) -> None:
        """Say goodbye if the other side still listens, and give the descriptor back in any case."""
        self._selector.close()
        with contextlib.suppress(*ABORT):
            if self._socket.connected:
                self._socket.send_close()
        self._socket.shutdown()  # type: ignore[no-untyped-call]  # websocket-client has no types here

    def _buffered(self) -> bool:
        """Whether TLS holds bytes it has read already: no descriptor tells of those."""
        pending = getattr(self._socket.sock, "pending", None)
        return pending is not None and pending() > 0
