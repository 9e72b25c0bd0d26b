"""One market-year of candles of one frame as the bytes of one HDF5 file, and back, trusting nothing.

HDF5 can lie, not only fail: a damaged file may crash the library, or give one market's prices for another's. So the
file ends with a checksum of the whole, looked at before HDF5 sees a byte, and every column has a checksum of its own
that covers its name, market, frame and year. HDF5 ignores what follows its own end: any HDF5 tool can read the file.

In the file: a column each of the candles, `whole` (begin and end of each stretch that is known), and in the group
`as_seen` the first versions of candles that were revised, or that turned out not to exist.
"""

import functools
import os
import struct
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import tables
from numpy.typing import NDArray

from domain.errors import StorageError
from domain.spans import joined
from storage.columns import KINDS, CandleArrays, Known

FORMAT: Final = 2
CHUNK: Final = 1 << 16
"""Rows of a chunk: half a MiB, which stays in a cache between being read, unpacked and copied."""
LONG: Final = 1 << 17
"""Rows from which a column's checksum is worth a thread."""
_TRAILER: Final = struct.Struct("<7scQI")  # magic, format, length of the HDF5 part, its CRC-32
_MAGIC: Final = b"BAEUCDL"
_VERSION: Final = str(FORMAT).encode()
_FILTERS: Final = tables.Filters(complevel=5, complib="blosc2:lz4", shuffle=True)  # chosen by tests/bench/store.py
_HDF5: Final = threading.Lock()  # the library is not thread-safe, whichever files its threads work on
_READ_AT_ONCE: Final = 1 << 20  # bytes
_IN_MEMORY: Final[dict[str, Any]] = {"driver_core_backing_store": 0}  # HDF5 never writes to the disk: we do, and sync


class NewerFile(StorageError):
    """A file that a newer version of the program wrote: whole, and not ours to judge."""


class DamagedFile(StorageError):
    """A file that is not as it was written, or not the one it is called: its candles must be fetched again."""


class FileKey(NamedTuple):
    """Which file: a market's candles of `step` microseconds in one UTC year."""

    market: str
    step: int
    year: int

    @property
    def bounds(self) -> tuple[int, int]:
        """Begin and end of the year in microseconds."""
        first, end = (np.datetime64(f"{year:04}-01-01", "us").astype(np.int64) for year in (self.year, self.year + 1))
        return int(first), int(end)


def encode(key: FileKey, held: Known) -> bytes:
    """The whole file as bytes, to be written, and checked by `require_same` before it takes its place."""
    with _HDF5:
        image = _image(key, held)
    return image + _TRAILER.pack(_MAGIC, _VERSION, len(image), _signed(zlib.crc32(image), _VERSION))


def require_same(path: Path, key: FileKey, held: Known) -> None:
    """Raise StorageError unless a file that was just written gives back what it was given."""
    if not decode(path, key).same_as(held):
        raise StorageError(f"{path} gives other numbers back than it was given: see to this computer's memory and disk")


def decode(path: Path, key: FileKey) -> Known:
    """What a file holds that must be this one. The file is read twice: HDF5 never sees one that is not whole.

    Raises:
        NewerFile: if a newer version of the program wrote it.
        DamagedFile: with what is wrong, for any byte that is not as it was written.
        OSError: if it is not there, or cannot be read.
    """
    _require_whole(path)
    try:
        # checksums of long columns are computed beside the unpacking; the pool is of this call alone, and starts its
        # thread with the first of them: one of the process would not survive a fork
        with _HDF5, ThreadPoolExecutor(1) as beside, tables.open_file(path, "r") as file:
            return _held(_Columns(file, key, beside))
    except (tables.HDF5ExtError, tables.NodeError, AttributeError, TypeError, ValueError) as error:
        raise DamagedFile(f"is no candle file: {type(error).__name__}") from error


def _require_whole(path: Path) -> None:
    """Check the end of a file against all that is before it, without ever holding it."""
    buffer, crc = memoryview(bytearray(_READ_AT_ONCE)), 0
    with path.open("rb", buffering=0) as file:
        left = length = os.fstat(file.fileno()).st_size - _TRAILER.size
        while left > 0 and (count := file.readinto(buffer[:left])):
            crc = zlib.crc32(buffer[:count], crc)
            left -= count
        end = file.read(_TRAILER.size)
    magic, version, told, expected = _TRAILER.unpack(end.rjust(_TRAILER.size, b"\0"))
    if (magic, told, expected) != (_MAGIC, length, _signed(crc, version)):
        raise DamagedFile(f"checksum of the whole file does not fit its {length + _TRAILER.size} bytes")
    if version > _VERSION:
        raise NewerFile(f"{path} has format {version!r}, this program reads {FORMAT}: use the newer program")
    if version < _VERSION:
        raise DamagedFile(f"has format {version!r} of an earlier version, which did not say what is known whole")


def _signed(crc: int, version: bytes) -> int:
    """The checksum of an HDF5 part, extended over the format; the first format had only the former."""
    return crc if version == b"1" else zlib.crc32(version, crc)


def _image(key: FileKey, held: Known) -> bytes:
    with tables.open_file("write", "w", driver="H5FD_CORE", **_IN_MEMORY) as file:
        about = file.root._v_attrs  # noqa: SLF001 (PyTables' own name for the attributes of a group)
        about.format, about.market, about.step, about.year = FORMAT, *key
        about.rows, about.seen, about.spans = len(held.candles), len(held.as_seen), len(held.whole)
        _write(file, key, "/", held.candles)
        _write(file, key, "/as_seen/", held.as_seen)
        _put(file, key, "/whole", np.array(held.whole, "<i8").reshape(-1))
        file.flush()
        return bytes(file.get_file_image())


def _write(file: Any, key: FileKey, group: str, candles: CandleArrays) -> None:
    for name, kind in KINDS.items():
        _put(file, key, f"{group}{name}", np.ascontiguousarray(getattr(candles, name), kind))


def _put(file: Any, key: FileKey, path: str, column: NDArray[Any]) -> None:
    """Write one column; HDF5 keeps no empty ones."""
    if not len(column):
        return
    group, _, name = path.rpartition("/")
    chunk = (min(CHUNK, len(column)),)
    node = file.create_carray(group or "/", name, obj=column, filters=_FILTERS, chunkshape=chunk, createparents=True)
    node.attrs.crc = _crc(column, key, path)


class _Columns:
    """Reads columns of one open file; `check` raises DamagedFile unless all of them are as they were written."""

    def __init__(self, file: Any, key: FileKey, beside: ThreadPoolExecutor) -> None:
        self.about = file.root._v_attrs  # noqa: SLF001 (as above)
        self.key = key
        self._file = file
        self._beside = beside
        self._checks: list[tuple[str, int, Any]] = []

    def candles(self, group: str, rows: int) -> CandleArrays:
        """The candles of one group."""
        columns: list[Any] = [self.column(f"{group}{name}", kind, rows) for name, kind in KINDS.items()]
        return CandleArrays(*columns)

    def column(self, path: str, kind: str, rows: int) -> NDArray[Any]:
        """One column, which must be of this kind and length."""
        if not rows:
            return np.empty(0, kind)
        node = self._file.get_node(path)
        column: NDArray[Any] = node.read()
        if column.dtype != np.dtype(kind) or column.shape != (rows,):
            raise DamagedFile(f"column {path} is {column.dtype} {column.shape}, expected {kind} ({rows},)")
        crc = functools.partial(_crc, column, self.key, path)
        self._checks.append((path, int(node.attrs.crc), self._beside.submit(crc).result if rows >= LONG else crc))
        return column

    def check(self) -> None:
        """Wait for the checksums of all columns that were read."""
        for path, expected, found in self._checks:
            if found() != expected:
                raise DamagedFile(f"checksum of column {path} does not fit")


def _held(columns: _Columns) -> Known:
    about, key = columns.about, columns.key
    found = FileKey(str(about.market), int(about.step), int(about.year))
    if found != key:
        raise DamagedFile(f"holds {tuple(found)}, expected {tuple(key)}")
    candles = columns.candles("/", int(about.rows))
    seen = columns.candles("/as_seen/", int(about.seen))
    edges = columns.column("/whole", "<i8", 2 * int(about.spans)).reshape(-1, 2).tolist()
    columns.check()
    whole = tuple((since, until) for since, until in edges)
    if not all(np.all(part.time[1:] > part.time[:-1]) for part in (candles, seen)) or whole != joined(whole):
        raise DamagedFile("times do not grow")
    return Known(candles, whole, seen)


def _crc(column: NDArray[Any], key: FileKey, path: str) -> int:
    return zlib.crc32(column.data, zlib.crc32(f"{key.market} {key.step} {key.year} {path} {len(column)}".encode()))
