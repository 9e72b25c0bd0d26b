"""One market-year of candles of one frame as the bytes of one HDF5 file, and back, trusting nothing.

HDF5 can lie, not only fail: a damaged file may crash the library, or give one market's prices for another's. So the
file ends with a checksum of the whole, looked at before HDF5 sees a byte, and every column has a checksum of its own
that covers its name, market, frame and year. HDF5 ignores what follows its own end: any HDF5 tool can read the file.

In the file: a column each of the candles, `whole` (begin and end of each stretch that is known), and in the group
`as_seen` the first versions of candles that were revised, or that turned out not to exist.
"""

import struct
import threading
import zlib
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
_TRAILER: Final = struct.Struct("<7scQI")  # magic, format, length of the HDF5 part, its CRC-32
_MAGIC: Final = b"BAEUCDL"
_VERSION: Final = str(FORMAT).encode()
_FILTERS: Final = tables.Filters(complevel=5, complib="blosc2:lz4", shuffle=True)  # chosen by tests/bench/store.py
_HDF5: Final = threading.Lock()  # the library is not thread-safe, whichever files its threads work on
_IN_MEMORY: Final[dict[str, Any]] = {"driver_core_backing_store": 0}  # HDF5 never touches the disk: we write and sync


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
    """The whole file, already read back and compared; raises StorageError if it cannot be read back as it was."""
    with _HDF5:
        image = _image(key, held)
    data = image + _TRAILER.pack(_MAGIC, _VERSION, len(image), _crc_of(image, _VERSION))
    if not decode(data, key).same_as(held):
        raise StorageError(f"HDF5 gives other numbers back than it was given for {key}: see to this computer's memory")
    return data


def decode(data: bytes, key: FileKey) -> Known:
    """What a file holds that must be this one.

    Raises:
        NewerFile: if a newer version of the program wrote it.
        DamagedFile: with what is wrong, for any byte that is not as it was written.
    """
    image = data[: -_TRAILER.size]
    magic, version, length, crc = _TRAILER.unpack(data[-_TRAILER.size :].rjust(_TRAILER.size, b"\0"))
    if (magic, length, crc) != (_MAGIC, len(image), _crc_of(image, version)):
        raise DamagedFile(f"checksum of the whole file does not fit its {len(data)} bytes")
    if version > _VERSION:
        raise NewerFile(f"candles of {key} have format {version!r}, this program reads {FORMAT}: use the newer program")
    if version < _VERSION:
        raise DamagedFile(f"has format {version!r} of an earlier version, which did not say what is known whole")
    options = {"driver": "H5FD_CORE", "driver_core_image": image, **_IN_MEMORY}
    try:
        with _HDF5, tables.open_file("read", "r", **options) as file:
            return _held(file, key)
    except (tables.HDF5ExtError, tables.NodeError, AttributeError, TypeError, ValueError) as error:
        raise DamagedFile(f"is no candle file: {type(error).__name__}") from error


def _crc_of(image: bytes, version: bytes) -> int:
    """Checksum of the HDF5 part and the format; the first format had only the former."""
    crc = zlib.crc32(image)
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


def _held(file: Any, key: FileKey) -> Known:
    about = file.root._v_attrs  # noqa: SLF001 (as above)
    found = FileKey(str(about.market), int(about.step), int(about.year))
    if found != key:
        raise DamagedFile(f"holds {tuple(found)}, expected {tuple(key)}")
    candles = _read(file, key, "/", int(about.rows))
    seen = _read(file, key, "/as_seen/", int(about.seen))
    edges = _get(file, key, "/whole", "<i8", 2 * int(about.spans)).reshape(-1, 2).tolist()
    whole = tuple((since, until) for since, until in edges)
    if whole != joined(whole):
        raise DamagedFile("the stretches that are known are not in order")
    return Known(candles, whole, seen)


def _read(file: Any, key: FileKey, group: str, rows: int) -> CandleArrays:
    columns: list[Any] = [_get(file, key, f"{group}{name}", kind, rows) for name, kind in KINDS.items()]
    candles = CandleArrays(*columns)
    if not np.all(candles.time[1:] > candles.time[:-1]):
        raise DamagedFile("times do not grow")
    return candles


def _get(file: Any, key: FileKey, path: str, kind: str, rows: int) -> NDArray[Any]:
    if not rows:
        return np.empty(0, kind)
    node = file.get_node(path)
    column: NDArray[Any] = node.read()
    if column.dtype != np.dtype(kind) or column.shape != (rows,):
        raise DamagedFile(f"column {path} is {column.dtype} {column.shape}, expected {kind} ({rows},)")
    if _crc(column, key, path) != int(node.attrs.crc):
        raise DamagedFile(f"checksum of column {path} does not fit")
    return column


def _crc(column: NDArray[Any], key: FileKey, path: str) -> int:
    return zlib.crc32(column.data, zlib.crc32(f"{key.market} {key.step} {key.year} {path} {len(column)}".encode()))
