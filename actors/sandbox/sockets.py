"""One WebSocket of a client, from its upgrade to its end."""

import asyncio
import time
from typing import Final

import wsproto
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.events import Request as WireRequest
from wsproto.extensions import PerMessageDeflate
from wsproto.utilities import RemoteProtocolError

from actors.sandbox import limits
from actors.sandbox.accounts import Caller
from actors.sandbox.answers import error_body
from actors.sandbox.app import App
from actors.sandbox.frames import Format
from actors.sandbox.hub import Hub
from actors.sandbox.socket_faults import SocketFaults
from actors.sandbox.streams import BadFrame, Demand, read_demand

BACKLOG: Final = 16 << 20  # bytes a client may be behind before it is cut off
UP_EVERY_S: Final = 10.0  # of the exchange's time, but never more often than once a real second
CLOSE_AFTER_S: Final = 0.15
HOLD_S: Final = 0.2  # a frame held back for its follower goes out after this without one
_LONGEST: Final = 1 << 20  # characters of one request
_READ: Final = 1 << 16
_PACKED_READ: Final = 1 << 12  # packed data may grow a thousandfold: no more than some MB at once
_BINARY: Final = 0x82
_SHORT: Final = 126
_MEDIUM: Final = 1 << 16


def framed(payload: bytes) -> bytes:
    """A whole binary message as a server sends it."""
    size = len(payload)
    if size < _SHORT:
        return bytes((_BINARY, size)) + payload
    if size < _MEDIUM:
        return bytes((_BINARY, _SHORT)) + size.to_bytes(2, "big") + payload
    return bytes((_BINARY, 127)) + size.to_bytes(8, "big") + payload


def next_up(now: float, speed: float) -> float:
    """When sockets that sent a text PING are told UP next, in real seconds as `now`."""
    every = max(1.0, UP_EVERY_S / speed)
    return (now // every + 1) * every


class Socket:
    """A listener of the hub. `demand` is what it asked for last, `form` how it wants it written.

    `caller` is who signed its upgrade, None on the public side.
    """

    def __init__(  # noqa: PLR0913 (its parts, and whose it is)
        self,
        app: App,
        hub: Hub,
        writer: asyncio.StreamWriter,
        *,
        private: bool,
        idle_s: float,
        caller: Caller | None = None,
    ) -> None:
        self.demand: Demand | None = None
        self.caller = caller
        self.form = Format()
        self._app, self._hub, self._writer = app, hub, writer
        self._private, self._idle_s = private, idle_s
        self._wire = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
        self._packs = False
        self._faults = SocketFaults(app, "private" if private else "public", caller.pocket.name if caller else "")
        self._out: list[bytes] = []
        self._used = time.monotonic()
        self._messages = limits.Limits()
        self._heard_so_far = ""
        self._up: asyncio.TimerHandle | None = None
        self._release: asyncio.TimerHandle | None = None

    # --- what the hub says -------------------------------------------------------------------------------------------

    def push(self, payload: bytes, *, private: bool = False) -> None:  # noqa: ARG002 (a socket is private as a whole)
        """Take one message for the next flush; faults may lose it, double it, or hold it back until the next."""
        self._out.extend(self._faults.passed(payload))

    def flush(self) -> None:
        """Send what was pushed. Whoever does not read it in time is cut off, and nobody waits for them."""
        if self._faults.holding and self._release is None:
            self._release = asyncio.get_running_loop().call_later(HOLD_S, self._let_go)
        if not self._out or self._faults.deaf:
            self._out.clear()
            return
        self._app.world.counts.frames += len(self._out)
        self._send(b"".join(map(self._framed, self._out)))
        self._out.clear()
        transport = self._writer.transport
        if transport.get_write_buffer_size() > BACKLOG or self._faults.cut:
            transport.abort()

    def _let_go(self) -> None:
        """What was held back and has no follower goes out now."""
        self._release = None
        self._out.extend(self._faults.released())
        self.flush()

    def _framed(self, payload: bytes) -> bytes:
        """As it goes over the wire: compressed when the client offered to read that."""
        if self._packs and self._wire.state is ConnectionState.OPEN:
            return self._wire.send(BytesMessage(data=payload))
        return framed(payload)

    def _send(self, data: bytes) -> None:
        self._used = time.monotonic()
        if not self._writer.is_closing():
            self._writer.write(data)

    # --- what the client says ----------------------------------------------------------------------------------------

    def open(self, headers: list[tuple[bytes, bytes]], target: str, told: list[tuple[str, str]], first: bytes) -> None:
        """Answer the upgrade; `first` is what the client sent right after it. Raises RemoteProtocolError."""
        self._wire.initiate_upgrade_connection(headers, target)
        extra = [(name.encode(), value.encode()) for name, value in told]
        for event in self._wire.events():
            if isinstance(event, WireRequest):
                deflate = PerMessageDeflate()
                self._send(self._wire.send(AcceptConnection(extra_headers=extra, extensions=[deflate])))
                self._packs = deflate.enabled()
        if first:
            self._wire.receive_data(first)

    async def refuse(self, name: str, message: str) -> None:
        """Say what is wrong and close."""
        self.push(error_body(name, message))
        self.flush()
        await asyncio.sleep(CLOSE_AFTER_S)
        self._close(1000)

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Serve the opened socket until it ends."""
        self._hub.join(self)
        try:
            while await self._heard() and await self._read(reader):
                pass
        finally:
            self._hub.leave(self)
            for timer in (self._up, self._release):
                if timer is not None:
                    timer.cancel()

    async def _read(self, reader: asyncio.StreamReader) -> bool:
        """Whether the socket goes on after the client's next data, or after the time it may stay silent."""
        left = self._used + self._idle_s - time.monotonic()
        try:
            async with asyncio.timeout(max(left, 0.001)):
                data = await reader.read(_PACKED_READ if self._packs else _READ)
        except TimeoutError:
            if time.monotonic() - self._used < self._idle_s:
                return True
            self._writer.transport.abort()  # as the exchange does: no close frame, the client sees 1006
            return False
        self._used = time.monotonic()
        if data and await self._struck():
            return False
        try:
            self._wire.receive_data(data or None)
        except RemoteProtocolError:
            self._close(1002)
            return False
        return bool(data)

    async def _struck(self) -> bool:
        """Let what hits the connection itself strike at something the client sent; True when that was its end."""
        self._faults.touched()
        if self._faults.deaf_s:  # the peer is gone, and the network does not say so
            self._writer.transport.pause_reading()  # type: ignore[attr-defined]  # every stream's transport has it
            await asyncio.sleep(self._faults.deaf_s)  # cut short by the end of the server
            self._writer.transport.abort()
            return True
        if self._faults.cut:
            self._writer.transport.abort()
        return self._faults.cut

    async def _heard(self) -> bool:
        """Whether the socket goes on after everything that was received."""
        try:
            for event in self._wire.events():
                if not await self._on_event(event):
                    return False
        except RemoteProtocolError:
            self._close(1002)
            return False
        return True

    async def _on_event(self, event: Event) -> bool:
        match event:
            case Ping():
                self._send(self._wire.send(event.response()))
            case CloseConnection():
                self._send(self._wire.send(event.response()))
                return False
            case TextMessage() | BytesMessage():
                return await self._on_message(event)
        return True

    async def _on_message(self, event: TextMessage | BytesMessage) -> bool:
        data = event.data if isinstance(event.data, str) else bytes(event.data).decode(errors="replace")
        self._heard_so_far += data
        if len(self._heard_so_far) > _LONGEST:
            self._close(1009)
            return False
        if not event.message_finished:
            return True
        text, self._heard_so_far = self._heard_so_far, ""
        if text == "PING":
            if self._up is None:  # one is enough, and another one changes nothing
                self._plan_up()
            return True
        try:
            self._on_request(text)
        except BadFrame as bad:
            await self.refuse(bad.name, bad.message)
            return False
        return True

    def _on_request(self, text: str) -> None:
        world = self._app.world
        now = world.clock.now()
        for group in (limits.MESSAGES, limits.MINUTE_MESSAGES):
            if self._messages.take("", group, now).status != 200:  # noqa: PLR2004 (HTTP)
                raise BadFrame("TOO_MANY_REQUEST", "요청 수 제한을 초과했습니다.")
        demand = read_demand(text, private=self._private)
        world.catch_up()
        self._hub.demand(self, demand)

    def _plan_up(self) -> None:
        """Answer a text PING at the next beat, which is the same for every socket."""
        loop = asyncio.get_running_loop()
        self._up = loop.call_at(next_up(loop.time(), self._app.world.clock.speed), self._tell_up)

    def _tell_up(self) -> None:
        self.push(b'{"status":"UP"}')
        self.flush()
        self._plan_up()

    def _close(self, code: int) -> None:
        if self._wire.state is ConnectionState.OPEN:
            self._send(self._wire.send(CloseConnection(code=code)))
