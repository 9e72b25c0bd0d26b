"""Frames of a WebSocket as a server sends them, read many at a time (RFC 6455, with RFC 7692 if it was agreed on)."""

from typing import Final, NamedTuple, Protocol

TEXT: Final = 1
BINARY: Final = 2
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10
CONTROLS: Final = frozenset({CLOSE, PING, PONG})
MESSAGE_MAX: Final = 8 << 20  # bytes of one message, unpacked; 855 books of 30 levels in one list are half of it
PROTOCOL_ERROR: Final = 1002
TOO_BIG: Final = 1009
NO_CODE: Final = 1005
_FIN, _RSV1, _RSV = 0x80, 0x40, 0x70
_WHOLE: Final = frozenset({_FIN | TEXT, _FIN | BINARY})
_CONTROL, _CONTROL_MAX = 8, 125
_MEDIUM, _LARGE, _MASKED = 126, 127, 128
_LEAST: Final = 2  # bytes of the shortest frame


class FrameError(Exception):
    """The other side breaks the protocol, or a limit of ours; `code` is what to hang up with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


class Received(NamedTuple):
    """A whole message, unpacked, or a control frame."""

    opcode: int
    data: bytes

    @property
    def is_data(self) -> bool:
        """Whether it holds text or bytes."""
        return self.opcode < _CONTROL

    @property
    def is_pong(self) -> bool:
        """Whether it answers a ping."""
        return self.opcode == PONG

    @property
    def is_close(self) -> bool:
        """Whether the other side hangs up."""
        return self.opcode == CLOSE

    def close_code(self) -> int:
        """The code of a close frame; 1005 when it has none."""
        return int.from_bytes(self.data[:2], "big") if self.data else NO_CODE


class Inflater(Protocol):
    """What unpacks a compressed message; raises FrameError when it cannot, or when it grows beyond `limit` bytes."""

    def inflate(self, packed: bytes, limit: int) -> bytes: ...  # noqa: D102


class FrameReader:
    """Cuts a stream of bytes into messages. Text is not checked to be UTF-8: whoever decodes it does.

    `error` is set once the bytes cannot be read on; what came before it has been given out.
    """

    def __init__(self, *, limit: int = MESSAGE_MAX, inflater: Inflater | None = None) -> None:
        self.error: FrameError | None = None
        self._limit = limit
        self._inflater = inflater
        self._parts: list[bytes] = []
        self._have = 0
        self._need = _LEAST
        self._opcode = 0  # of the message whose fragments are being collected; 0 when there is none
        self._packed = False
        self._fragments: list[bytes] = []
        self._collected = 0

    def feed(self, data: bytes) -> list[Received]:
        """Take bytes in; gives every message and control frame that they make whole."""
        self._parts.append(data)
        self._have += len(data)
        if self._have < self._need or self.error is not None:
            return []
        buffer = data if len(self._parts) == 1 else b"".join(self._parts)
        received: list[Received] = []
        try:
            at = self._cut(buffer, received)
        except FrameError as error:
            self.error, at = error, len(buffer)
        self._parts = [buffer[at:]] if at < len(buffer) else []
        self._have = len(buffer) - at
        return received

    def _cut(self, buffer: bytes, received: list[Received]) -> int:
        """Read every whole frame of the buffer; gives where the rest begins."""
        at, end, limit = 0, len(buffer), self._limit
        while end - at >= _LEAST:
            size, start = buffer[at + 1], at + 2
            if size >= _MEDIUM:
                if size >= _MASKED:
                    raise FrameError(PROTOCOL_ERROR, "a frame of the server is masked")
                start += 2 if size == _MEDIUM else 8
                if start > end:
                    self._need = start - at
                    return at
                size = int.from_bytes(buffer[at + 2 : start], "big")
            if size > limit:
                raise FrameError(TOO_BIG, f"a frame of {size} bytes is beyond our limit of {limit}")
            stop = start + size
            if stop > end:
                self._need = stop - at
                return at
            first = buffer[at]
            if first in _WHOLE and not self._opcode:
                received.append(Received(first & 0x0F, buffer[start:stop]))
            else:
                self._unusual(first, buffer[start:stop], received)
            at = stop
        self._need = _LEAST
        return at

    def _unusual(self, first: int, payload: bytes, received: list[Received]) -> None:
        """Control frames, fragments and compressed messages: all but a message in one plain frame."""
        opcode = first & 0x0F
        if opcode >= _CONTROL:
            received.append(_control(first, opcode, payload))
            return
        packed = bool(first & _RSV1)
        if first & _RSV & ~_RSV1 or (packed and (self._inflater is None or not opcode)):
            raise FrameError(PROTOCOL_ERROR, f"a frame with reserved bits nobody agreed on (0x{first:02x})")
        if opcode not in {0, TEXT, BINARY} or bool(opcode) == bool(self._opcode):
            raise FrameError(PROTOCOL_ERROR, f"a frame of kind {opcode} has no place here")
        if opcode:
            self._opcode, self._packed = opcode, packed
        self._fragments.append(payload)
        self._collected += len(payload)
        if self._collected > self._limit:
            raise FrameError(TOO_BIG, f"a message of fragments is beyond our limit of {self._limit} bytes")
        if first & _FIN:
            received.append(self._whole())

    def _whole(self) -> Received:
        data, opcode = b"".join(self._fragments), self._opcode
        if self._packed and self._inflater is not None:
            data = self._inflater.inflate(data, self._limit)
        self._opcode, self._packed, self._fragments, self._collected = 0, False, [], 0
        return Received(opcode, data)


def _control(first: int, opcode: int, payload: bytes) -> Received:
    if first & _RSV or not first & _FIN or opcode not in CONTROLS or len(payload) > _CONTROL_MAX:
        raise FrameError(PROTOCOL_ERROR, f"a control frame that may not be (0x{first:02x}, {len(payload)} bytes)")
    if opcode == CLOSE and len(payload) == 1:
        raise FrameError(PROTOCOL_ERROR, "a close frame with half a code")
    return Received(opcode, payload)
