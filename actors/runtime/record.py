"""One journal record, and the frames records are kept in: `[length u32][crc32 u32][msgpack]`, little endian."""

import struct
import zlib
from collections.abc import Iterator
from enum import StrEnum

import msgspec

from domain.message import Message

SCHEMA = 1
_PREFIX = struct.Struct("<II")
frame_head = _PREFIX.pack
"""The eight bytes before a body, of its length and its CRC-32."""
_RECORD_MARK = b"\x9a"  # msgpack's head of an array of ten: a record holds its nine fields and a mark


class Status(StrEnum):
    """What became of a message: handled, failed, undeliverable, seen by an edge.

    Or it tells of a process start, or that a member of a family lives from here on, or lives no more.
    """

    APPLIED = "A"
    CRASHED = "C"
    DEAD = "D"
    EDGE = "E"
    BOOT = "B"
    BORN = "N"
    RETIRED = "R"


class Record(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One turn. `cause` is the `seq` of the turn that sent the message, `digest` covers what this turn said."""

    seq: int
    at: int  # microseconds UTC, the turn's `now`
    to: str
    sender: str
    cause: int
    type: str
    payload: bytes
    digest: int
    status: Status
    mark: int = SCHEMA


class Boot(Message, frozen=True):
    """The message of a BOOT record: what was started on what.

    `rebased` says that the states at this start are not the fold of all that stands before in the journal; a snapshot
    with this record's number holds them.
    """

    boot: int
    actors: tuple[tuple[str, str], ...]  # name, class
    topics: dict[str, tuple[str, ...]]
    seed: int
    code_version: str
    snapshot_seq: int = 0
    trusted: bool = True
    rebased: bool = False
    torn_bytes: int = 0


class BrokenFrame(Exception):
    """The bytes at `offset` are not a whole, undamaged frame."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"no whole frame at byte {offset}")
        self.offset = offset


encode_record = msgspec.msgpack.Encoder().encode
decode_record = msgspec.msgpack.Decoder(Record).decode
decode_boot = msgspec.msgpack.Decoder(Boot).decode


def frame(body: bytes) -> bytes:
    """Give the frame around a body."""
    return frame_head(len(body), zlib.crc32(body)) + body


def frames(data: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Give (offset behind the frame, body) of each frame; raises BrokenFrame at the first that is not whole."""
    offset, end = start, len(data)
    while offset < end:
        body = _body(data, offset)
        if body is None:
            raise BrokenFrame(offset)
        offset += _PREFIX.size + len(body)
        yield offset, body


def _body(data: bytes, offset: int) -> bytes | None:
    if offset + _PREFIX.size > len(data):
        return None
    length, crc = _PREFIX.unpack_from(data, offset)
    start = offset + _PREFIX.size
    if not length or start + length > len(data):  # a zeroed block looks like empty frames
        return None
    body = data[start : start + length]
    return body if zlib.crc32(body) == crc else None


def whole_record_after(data: bytes, offset: int) -> int | None:
    """Give the offset of a whole record somewhere behind a broken frame, None if the rest is only a torn tail."""
    place = data.find(_RECORD_MARK, offset + 1)
    while place >= 0:
        start = place - _PREFIX.size
        if start > offset and _body(data, start) is not None:
            return start
        place = data.find(_RECORD_MARK, place + 1)
    return None
