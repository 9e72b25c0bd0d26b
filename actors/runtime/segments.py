"""The journal's files: a row of segments, the last one open, the others closed and compressed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import zstandard

from actors.runtime.record import SCHEMA, BrokenFrame, Record, decode_record, frame, frames, whole_record_after
from domain.errors import ConfigError, JournalDamaged, StorageError

RAW, PACKED = ".log", ".log.zst"
_HEAD_BYTES = 65_536
_PACK_CHUNK = 1 << 20


class Header(msgspec.Struct, frozen=True):
    """First frame of a segment: which code wrote it, and the number of its first record."""

    schema: int
    code_version: str
    seed: int
    first_seq: int
    boot: int  # the last process start before this segment was begun


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of the journal."""

    number: int
    path: Path

    @property
    def packed(self) -> bool:
        """Whether it is closed and compressed."""
        return self.path.name.endswith(PACKED)


def raw_path(directory: Path, number: int) -> Path:
    """Give where segment `number` is written."""
    return directory / f"journal-{number:08d}{RAW}"


def listing(directory: Path) -> list[Segment]:
    """Give the segments in order; where compression was cut short the packed file, which is whole, wins."""
    found: dict[int, Segment] = {}
    for path in sorted(directory.glob("journal-*.log*")):  # "….log" comes before "….log.zst"
        stem, dot, suffix = path.name.partition(".")
        if dot + suffix in (RAW, PACKED):
            number = int(stem.removeprefix("journal-"))
            found[number] = Segment(number, path)
    return [found[number] for number in sorted(found)]


def load(segment: Segment) -> bytes:
    """Give all bytes of a segment, unpacked; raises JournalDamaged or StorageError."""
    try:
        data = segment.path.read_bytes()
    except FileNotFoundError:  # the writer packed it since it was listed
        packed = segment.path.with_name(segment.path.name + ".zst")
        if segment.packed or not packed.exists():
            raise StorageError(f"{segment.path} has disappeared while it was being read; try again") from None
        return load(Segment(segment.number, packed))
    except OSError as error:
        raise StorageError(f"cannot read the journal: {error}") from error
    if not segment.packed:
        return data
    try:
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    except zstandard.ZstdError as error:
        raise damaged(segment, 0, f"it cannot be unpacked ({error})") from error


def header(segment: Segment) -> Header | None:
    """Give the header of a segment, None when it was torn before its first frame was whole."""
    try:
        with segment.path.open("rb") as file:
            source = zstandard.ZstdDecompressor().stream_reader(file) if segment.packed else file
            head = source.read(_HEAD_BYTES)
        return decode_header(next(frames(head))[1], segment)
    except (BrokenFrame, StopIteration):
        return None
    except zstandard.ZstdError as error:
        raise damaged(segment, 0, f"it cannot be unpacked ({error})") from error
    except FileNotFoundError:
        return header(Segment(segment.number, segment.path.with_name(segment.path.name + ".zst")))
    except OSError as error:
        raise StorageError(f"cannot read the journal: {error}") from error


def decode_header(body: bytes, segment: Segment) -> Header:
    """Read a header frame; raises ConfigError for a journal of another schema."""
    try:
        found = msgspec.msgpack.decode(body, type=Header)
    except msgspec.DecodeError as error:
        raise damaged(segment, 0, f"its header cannot be read ({error})") from error
    if found.schema != SCHEMA:
        raise ConfigError(
            f"{segment.path} has journal schema {found.schema}, this version reads {SCHEMA}: "
            "use the version that wrote it, or move the journal folder away and start fresh"
        )
    return found


def encode_header(head: Header) -> bytes:
    """Give the frame a segment begins with."""
    return frame(msgspec.msgpack.encode(head))


def damaged(segment: Segment, offset: int, what: str) -> JournalDamaged:
    """Give the error for damage that is not a torn tail."""
    return JournalDamaged(
        f"{segment.path} is damaged at byte {offset}: {what}. Nothing after that place can be trusted. "
        "Restore the file from a backup, or move the journal folder away and start fresh: "
        "the exchange is asked for the truth then"
    )


def records(segment: Segment, data: bytes, *, last: bool) -> Iterator[tuple[int, Record]]:
    """Give (offset behind it, record) of a segment; a torn end is tolerated in the last segment only."""
    offset = 0
    stream = frames(data)
    try:
        for offset, body in stream:
            if offset == len(body) + 8:  # the header frame
                decode_header(body, segment)
                continue
            yield offset, decode_record(body)
    except BrokenFrame as broken:
        if not last:
            raise damaged(segment, broken.offset, "a frame is not whole") from broken
        if (beyond := whole_record_after(data, broken.offset)) is not None:
            raise damaged(
                segment, broken.offset, f"a frame is not whole, but records go on at byte {beyond}"
            ) from broken
    except msgspec.DecodeError as error:
        raise damaged(segment, offset, f"a frame is whole and holds no record ({error})") from error


def read(directory: Path, after: int = 0) -> Iterator[Record]:
    """Give all records of a journal with a number above `after`, oldest first, also while it is being written.

    Raises JournalDamaged naming the segment, the offset and what to do; a torn end of the last segment just ends it.
    """
    known = [(segment, header(segment)) for segment in listing(directory)]
    expected = 0
    for index, (segment, head) in enumerate(known):
        follower = known[index + 1][1] if index + 1 < len(known) else None
        if follower is not None and follower.first_seq <= after + 1:
            continue
        if head is not None and expected and head.first_seq != expected:
            raise damaged(
                segment, 0, f"it begins with record {head.first_seq}, expected {expected}: a segment is missing"
            )
        for offset, record in records(segment, load(segment), last=index == len(known) - 1):
            if expected and record.seq != expected:
                raise damaged(segment, offset, f"record {record.seq} stands where {expected} belongs")
            expected = record.seq + 1
            if record.seq > after:
                yield record


def pack(segment: Segment) -> Segment:
    """Compress a closed segment; at every moment either the raw or the packed file is whole."""
    target = segment.path.with_name(segment.path.name + ".zst")
    temporary = target.with_name(target.name + ".tmp")
    packer = zstandard.ZstdCompressor(level=3, write_checksum=True)
    with segment.path.open("rb") as source, temporary.open("wb") as sink:
        packer.copy_stream(source, sink, read_size=_PACK_CHUNK)
        sink.flush()
        os.fsync(sink.fileno())
    temporary.rename(target)
    sync_directory(target.parent)
    segment.path.unlink()
    return Segment(segment.number, target)


def sync_directory(directory: Path) -> None:
    """Make created, renamed and deleted names of a folder durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
