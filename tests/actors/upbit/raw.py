"""An HTTP server whose answers are bytes, so that it can do to a connection whatever a bad network does."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from actors.runtime import ScaledClock
from actors.upbit.limits import Limiter, Urgency
from actors.upbit.line import Patience
from actors.upbit.retry import Timeouts
from actors.upbit.sign import Keys, Secret
from actors.upbit.transport import Transport

WAIT_S = 10.0
PATIENT = Patience(2.0, 5.0, 20.0)
HURRIED = ScaledClock(0, 0, 1000.0)  # its limits are over before a test notices


@dataclass(frozen=True)
class Call:
    """One request as it came in, and the port of the client's end."""

    head: bytes
    body: bytes
    port: int


Act: TypeAlias = Callable[[socket.socket], None]
"""What to do to a connection once a request was read from it; a socket it closed takes no more requests."""


def says(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> Act:
    """Answer; `length` is a Content-Length that may be wrong."""
    told = len(body) if length is None else length
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {told}", *headers, "", ""))
    return lambda line: line.sendall(head.encode() + body)


def reset(line: socket.socket) -> None:
    """End a connection the hard way."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def hang_up(line: socket.socket) -> None:
    """End a connection politely."""
    line.close()


def then(*acts: Act) -> Act:
    """One after the other."""

    def both(line: socket.socket) -> None:
        for act in acts:
            act(line)

    return both


EMPTY = says(b"[]")


class RawServer:
    """Does one act after each request, the last one for ever; `calls` is what came in, `closed` counts its hang-ups."""

    def __init__(self, *acts: Act, tls: ssl.SSLContext | None = None) -> None:
        self.acts = list(acts)
        self.calls: list[Call] = []
        self.closed = threading.Semaphore(0)
        self._tls = tls
        self._lines: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(WAIT_S)
        for line in self._lines:
            line.close()

    def _listen(self) -> None:
        while True:
            try:
                line, (_, port) = self._listener.accept()
            except OSError:
                return
            line.settimeout(WAIT_S)
            self._lines.append(line)
            threading.Thread(target=self._serve, args=(line, port), daemon=True).start()

    def _serve(self, line: socket.socket, port: int) -> None:
        try:
            if self._tls:
                line = self._tls.wrap_socket(line, server_side=True)
                self._lines.append(line)
            while (call := self._read(line, port)) is not None:
                self.calls.append(call)
                act = self.acts.pop(0) if len(self.acts) > 1 else self.acts[0]
                act(line)
                if line.fileno() < 0:
                    self.closed.release()
                    return
        except OSError:
            return  # the client hung up

    @staticmethod
    def _read(line: socket.socket, port: int) -> Call | None:
        raw = b""
        while b"\r\n\r\n" not in raw:
            more = line.recv(4096)
            if not more:
                return None
            raw += more
        head, _, body = raw.partition(b"\r\n\r\n")
        lengths = [
            part.partition(b":")[2] for part in head.split(b"\r\n") if part.lower().startswith(b"content-length")
        ]
        while len(body) < int(lengths[0] if lengths else 0):
            body += line.recv(4096)
        return Call(head, body, port)


class Rig:
    """A server, and transports to it that end with the test."""

    def __init__(self) -> None:
        self.servers: list[RawServer] = []
        self.transports: list[Transport] = []

    def __call__(self, *acts, patience: Patience = PATIENT, tls=None) -> tuple[RawServer, Transport]:
        server = RawServer(*acts, tls=tls)
        self.servers.append(server)
        return server, self.to(server.url, patience)

    def to(self, url: str, patience: Patience = PATIENT, clock: ScaledClock = HURRIED) -> Transport:
        limiter = Limiter(clock)
        keys = Keys("access", Secret("secret"))
        made = Transport(url, keys, limiter, pause=lambda _: None, timeouts=Timeouts(*[patience] * 4))
        self.transports.append(made)
        return made

    def close(self) -> None:
        for transport in self.transports:
            transport.close()
        for server in self.servers:
            server.close()


def ask(transport: Transport) -> object:
    return transport.get("/v1/accounts", {}, "default", Urgency.QUERY, signed=True)


def order(transport: Transport) -> object:
    return transport.send("POST", "/v1/orders", {"market": "KRW-BTC", "identifier": "i"}, "order")


def cancel(transport: Transport) -> object:
    return transport.send("DELETE", "/v1/order", {"identifier": "i"}, "default")
