"""The sandbox's listener: HTTP/1.1 with keep-alive, and the upgrade to a WebSocket, on one thread."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import h11
from wsproto.utilities import RemoteProtocolError

from actors.sandbox.answers import Answer, Dropped, Request, error_body
from actors.sandbox.app import App
from actors.sandbox.hub import Hub
from actors.sandbox.sockets import Socket
from domain.errors import StorageError

SOCKET_PATHS: Final = {"/websocket/v1": False, "/websocket/v1/private": True}  # whether it is private
MAX_BODY: Final = 64 << 10
SINGLE: Final = frozenset({b"accept", b"authorization", b"content-type", b"host", b"origin"})
"""Headers that the exchange refuses when they are repeated (2026-07-31)."""
_SLASHES: Final = re.compile("/{2,}")


class Listener:
    """Serves connections about one world.

    `idle_s` (real) is how long a kept connection may stay silent, and how long a client may take over one request.
    """

    def __init__(self, app: App, hub: Hub, *, idle_s: float, fatal: Callable[[StorageError], None]) -> None:
        self._app, self._hub, self._idle_s, self._fatal = app, hub, idle_s, fatal
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._closing = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        task = asyncio.current_task()
        if task is not None:
            self._open[task] = writer
        try:
            await _Connection(self._app, self._hub, reader, writer, self._idle_s).run()
        except (Dropped, ConnectionError, TimeoutError):
            writer.transport.abort()
        except asyncio.CancelledError:
            if not self._closing:
                raise
        except StorageError as error:  # what is not on disk is never told
            writer.transport.abort()
            self._fatal(error)
        finally:
            writer.close()
            if task is not None:
                del self._open[task]

    async def close(self) -> None:
        """Cut every connection, and return when nobody serves one any more."""
        self._closing = True
        for task, writer in self._open.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)


class _Connection:
    def __init__(
        self, app: App, hub: Hub, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle_s: float
    ) -> None:
        self._app, self._hub = app, hub
        self._reader, self._writer = reader, writer
        self._idle_s = idle_s
        peer = writer.get_extra_info("peername")
        self._address = str(peer[0]) if peer else "0.0.0.0"  # noqa: S104 (no address: the other side is gone already)
        self._wire = h11.Connection(h11.SERVER)
        self._bodiless = False

    async def run(self) -> None:
        """Answer one request after the other."""
        while True:
            try:
                async with asyncio.timeout(self._idle_s):
                    head = await self._next()
                    if not isinstance(head, h11.Request):
                        return
                    self._bodiless = head.method == b"HEAD"
                    body = await self._body()
            except h11.RemoteProtocolError as error:
                await self._send(Answer(error.error_status_hint, error_body("bad_request", str(error))))
                return
            if body is None:
                await self._send(Answer(413, error_body("bad_request", "body is too large")))
                return
            if repeated := _repeated(head):
                await self._send(Answer(400, error_body("bad_request", f"repeated header {repeated}")))
                return
            request = _request(head, body, self._address)
            if request.path in SOCKET_PATHS and request.headers.get("upgrade", "").lower() == "websocket":
                await self._upgrade(head, request)
                return
            await self._send(await self._app.answer(request))
            self._app.world.catch_up()  # an order is matched right after its answer
            if self._wire.our_state is not h11.DONE or self._wire.their_state is not h11.DONE:
                return
            self._wire.start_next_cycle()

    async def _next(self) -> object:
        while (event := self._wire.next_event()) is h11.NEED_DATA:
            if self._wire.they_are_waiting_for_100_continue:
                self._writer.write(self._wire.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            self._wire.receive_data(await self._reader.read(1 << 16))
        return event

    async def _body(self) -> bytes | None:
        """The whole body; None when it is larger than any honest one."""
        parts = bytearray()
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            if not isinstance(event, h11.Data):
                return b"" if event is h11.PAUSED else bytes(parts)
            parts += event.data
            if len(parts) > MAX_BODY:
                return None
        return bytes(parts)

    async def _send(self, answer: Answer) -> None:
        headers = [*answer.headers, ("content-length", str(len(answer.body)))]
        if not any(name == "content-type" for name, _ in headers):
            headers.append(("content-type", answer.content_type))
        reason = HTTPStatus(answer.status).phrase if answer.status in HTTPStatus._value2member_map_ else ""
        events = (
            h11.Response(status_code=answer.status, headers=headers, reason=reason.encode()),
            h11.Data(data=b"" if self._bodiless else answer.body),
            h11.EndOfMessage(),
        )
        self._writer.write(b"".join(self._wire.send(event) or b"" for event in events))
        async with asyncio.timeout(self._idle_s):  # who does not read its answer is not waited for
            await self._writer.drain()

    async def _upgrade(self, head: h11.Request, request: Request) -> None:
        private = SOCKET_PATHS[request.path]
        admission = self._app.admit(request, private=private)
        if admission.refusal is not None:
            admission.refusal.headers.extend(admission.headers)
            await self._send(admission.refusal)
            return
        caller = admission.caller
        socket = Socket(self._app, self._hub, self._writer, private=private, idle_s=self._idle_s, caller=caller)
        try:
            first, _ = self._wire.trailing_data
            socket.open(list(head.headers), head.target.decode(), admission.headers, first)
        except RemoteProtocolError as error:
            await self._send(Answer(400, error_body("bad_request", str(error))))
            return
        if admission.error is not None:
            await socket.refuse(*admission.error)
            return
        await socket.run(self._reader)


def _repeated(head: h11.Request) -> str:
    """The name of a header that is there more than once and must not be; "" when there is none."""
    counts = Counter(name for name, _ in head.headers if name in SINGLE)
    return next((name.decode() for name, count in counts.items() if count > 1), "")


def _request(head: h11.Request, body: bytes, address: str) -> Request:
    path, _, query = head.target.decode().partition("?")
    path = _SLASHES.sub("/", path)  # as gateways do, and as clients in use (pyupbit) rely on
    headers: dict[str, str] = {}
    for name, value in head.headers:
        key = name.decode()
        headers[key] = f"{headers[key]},{value.decode('latin-1')}" if key in headers else value.decode("latin-1")
    return Request(head.method.decode(), path, query, headers, body, address)
