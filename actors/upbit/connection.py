"""One socket to the exchange, from its handshake to its end."""

import contextlib
import selectors
import socket
import ssl
from typing import Final

import websocket

from actors.upbit import deflate
from actors.upbit.reader import MESSAGE_MAX, PING, FrameError, FrameReader, Received

ABORT: Final = (OSError, websocket.WebSocketException, FrameError)
"""What a broken socket raises, in whichever call notices it first."""
FRAME_S: Final = 0.5  # real seconds a TLS record may stop in its middle before the caller gets to its other duties
CHUNK: Final = 1 << 18
_NOT_YET: Final = (TimeoutError, BlockingIOError, ssl.SSLWantReadError)


class Refused(Exception):
    """The exchange answered the handshake with an HTTP status instead of a socket."""

    def __init__(self, status: int, body: bytes, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.retry_after = retry_after


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

    Every method raises one of ABORT when the socket is broken. Pings of the exchange are answered by `receive`.
    """

    def __init__(  # noqa: PLR0913 (what a socket needs, by name)
        self,
        url: str,
        bell: Bell,
        *,
        authorization: str | None,
        timeout_s: float,
        compress: bool = False,
        limit: int = MESSAGE_MAX,
    ) -> None:
        """Shake hands; raises Refused, or one of ABORT. `limit` is bytes of one message, unpacked.

        There is no Origin header, which Upbit takes for a browser, and no redirect, which would carry the key away.
        """
        header = [f"Authorization: {authorization}"] if authorization else []
        if compress:
            header.append(f"Sec-WebSocket-Extensions: {deflate.OFFER}")
        try:
            self._socket = websocket.create_connection(
                url,
                timeout=timeout_s,
                suppress_origin=True,
                redirect_limit=0,
                header=header,
                http_proxy_host="nobody",  # what a shell says of proxies must not decide whom we talk to, as in REST:
                http_no_proxy=["*"],  # the exemption of every host counts only beside a proxy that is named
            )
        except websocket.WebSocketBadStatusException as error:
            headers = error.resp_headers or {}
            raise Refused(error.status_code, error.resp_body or b"", headers.get("retry-after")) from error
        try:
            answer = (self._socket.getheaders() or {}).get("sec-websocket-extensions")
            self._deflate = deflate.agreed(answer, offered=compress)
        except FrameError:
            self._socket.shutdown()  # type: ignore[no-untyped-call]  # websocket-client has no types here
            raise
        self._socket.settimeout(FRAME_S)
        self._line: socket.socket = self._socket.sock  # type: ignore[assignment]  # None only before the handshake
        self._reader = FrameReader(limit=limit, inflater=self._deflate)
        self._bell = bell
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._selector.register(bell, selectors.EVENT_READ, bell)

    @property
    def compressed(self) -> bool:
        """Whether both sides agreed to compress."""
        return self._deflate is not None

    def send(self, text: str) -> None:
        """Send a text frame."""
        if self._deflate is None:
            self._socket.send(text)
            return
        packed = self._deflate.deflate(text.encode())
        self._socket.send_frame(websocket.ABNF(1, 1, 0, 0, websocket.ABNF.OPCODE_TEXT, 1, packed))

    def ping(self, payload: str = "") -> None:
        """Send a ping; its pong carries the same payload."""
        self._socket.ping(payload)

    def receive(self, seconds: float) -> list[Received]:
        """Every frame that has come whole; none when the bell rang or when none came within the seconds."""
        if (error := self._reader.error) is not None:
            self._say_goodbye(error.code)
            raise error
        if not self._buffered():
            ready = [key.data for key, _ in self._selector.select(max(seconds, 0.0))]
            if self._bell in ready:
                self._bell.hush()
            if None not in ready:
                return []
        received = self._reader.feed(self._read())
        for frame in received:
            if frame.opcode == PING:
                self._socket.pong(frame.data)
            elif frame.is_close:
                self._say_goodbye()
        return received if received or self._reader.error is None else self.receive(0.0)

    def hang_up(self) -> None:
        """Say goodbye if the other side still listens, and give the descriptor back in any case."""
        self._selector.close()
        self._say_goodbye()
        self._socket.shutdown()  # type: ignore[no-untyped-call]  # websocket-client has no types here

    def _say_goodbye(self, code: int = websocket.STATUS_NORMAL) -> None:
        """Send a close frame, once, to whoever still listens."""
        with contextlib.suppress(*ABORT):
            if self._socket.connected:
                self._socket.send_close(code)

    def _read(self) -> bytes:
        """All bytes that lie ready; none when TLS waits for the rest of a record."""
        try:
            data = self._line.recv(CHUNK)
        except _NOT_YET:
            return b""
        if not data:
            raise ConnectionAbortedError("the exchange hung up without a goodbye (1006)")
        while left := self._buffered():
            data += self._line.recv(left)
        return data

    def _buffered(self) -> int:
        """Bytes TLS has read already: no descriptor tells of those."""
        return self._line.pending() if isinstance(self._line, ssl.SSLSocket) else 0
