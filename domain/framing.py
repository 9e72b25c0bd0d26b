"""Frames on a byte stream: a little-endian u32 length, then so many bytes. Pure: the caller owns the socket."""

from collections.abc import Callable

from domain.errors import TradingError

FRAME_MAX = 8 * 1024 * 1024
"""Largest payload in bytes; a longer one is refused on both sides, before any memory is taken for it."""

HEADER = 4
_READ_MAX = 65_536


class BadFrame(TradingError, ValueError):
    """A frame that is too large, or a stream that ended inside one: the connection must be given up."""


def frame(payload: bytes) -> bytes:
    """The payload with its length before it; raises BadFrame above FRAME_MAX bytes."""
    if len(payload) > FRAME_MAX:
        raise BadFrame(f"a frame holds at most {FRAME_MAX} bytes, found {len(payload)}: send less at once")
    return len(payload).to_bytes(HEADER, "little") + payload


def read_frame(recv: Callable[[int], bytes]) -> bytes | None:
    """The next payload; None when the stream ended between two frames.

    Args:
        recv: gives 1 to n bytes when called with n, and b"" at the end, as `socket.recv` does.

    Raises:
        BadFrame: for a length above FRAME_MAX, or an end inside a frame.
    """
    header = _read(recv, HEADER)
    if not header:
        return None
    if len(header) < HEADER:
        raise BadFrame(f"the stream ended after {len(header)} of {HEADER} bytes of a frame's length")
    size = int.from_bytes(header, "little")
    if size > FRAME_MAX:
        raise BadFrame(f"a frame of {size} bytes was announced, at most {FRAME_MAX} are accepted")
    payload = _read(recv, size)
    if len(payload) < size:
        raise BadFrame(f"the stream ended after {len(payload)} of {size} bytes of a frame")
    return payload


def _read(recv: Callable[[int], bytes], size: int) -> bytes:
    """`size` bytes, or what there was until the end."""
    parts, missing = [], size
    while missing:
        part = recv(min(missing, _READ_MAX))
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
