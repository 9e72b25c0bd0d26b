"""One market-year of minute candles as the bytes of one HDF5 file, and back, trusting nothing.

HDF5 can lie, not only fail: a damaged file may crash the library, or give one market's prices for another's. So the
file ends with a checksum of the whole, looked at before HDF5 sees a byte, and every column has a checksum of its own
that covers its name, market and year. HDF5 ignores what follows its own end: any HDF5 tool can still read the file.
"""

import struct
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tables
from numpy.typing import NDArray

from domain.errors import StorageError
from domain.market import MINUTE, Bar
from domain.money import estimate

FORMAT = 1
FILLED = 1
"""Bit of `flags`: the bar fills a gap, nothing was traded."""

_KINDS = {
    "time": "<i8",
    "open": "<f8",
    "high": "<f8",
    "low": "<f8",
    "close": "<f8",
    "volume": "<f8",
    "value": "<f8",
    "flags": "|u1",
}
COLUMNS = tuple(_KINDS)
_TRAILER = struct.Struct("<8sQI")  # magic, length of the HDF5 part, its CRC-32
_MAGIC = b"BAEUCDL1"
_FILTERS = tables.Filters(complevel=5, complib="blosc2:lz4", shuffle=True)
_HDF5 = threading.Lock()  # the library is not thread-safe, whichever files its threads work on


@dataclass(frozen=True, slots=True, eq=False)
class CandleArrays:
    """Minute bars as columns, oldest first: `time` int64 microseconds UTC, `flags` uint8, the others float64."""

    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    value: NDArray[np.float64]
    flags: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.time)

    @property
    def real(self) -> NDArray[np.bool_]:
        """Whether something was traded in each bar."""
        traded: NDArray[np.bool_] = (self.flags & FILLED) == 0
        return traded

    def picked(self, which: Any) -> "CandleArrays":
        """The rows of a slice, a mask or an index array."""
        return CandleArrays(*(getattr(self, name)[which] for name in COLUMNS))

    def between(self, since: int, until: int) -> "CandleArrays":
        """The bars that start in [since, until)."""
        first, last = np.searchsorted(self.time, (since, until))
        return self.picked(slice(first, last))

    def same_as(self, other: "CandleArrays") -> bool:
        """Whether every number of both is equal."""
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in COLUMNS)


def arrays_of(bars: Sequence[Bar]) -> CandleArrays:
    """Bars as columns in the order of time; of two for one minute the traded one wins, then the later one.

    Raises:
        StorageError: if a bar does not start on a full minute.
    """
    times = np.array([bar.start for bar in bars], np.int64)
    amounts = (np.array([estimate(getattr(bar, name)) for bar in bars], np.float64) for name in COLUMNS[1:-1])
    flags = np.array([0 if bar.real else FILLED for bar in bars], np.uint8)
    columns: list[NDArray[Any]] = [times, *amounts, flags]
    found = CandleArrays(*columns)
    if np.any(odd := found.time % MINUTE != 0):
        raise StorageError(f"a bar starts at {found.time[odd][0]}, which is no full minute")
    return _one_a_minute(found)


def merged(first: CandleArrays, second: CandleArrays) -> CandleArrays:
    """Both together; of two bars for one minute the traded one wins, then the one of `second`."""
    return _one_a_minute(
        CandleArrays(*(np.concatenate((getattr(first, name), getattr(second, name))) for name in COLUMNS))
    )


def nothing() -> CandleArrays:
    """No bars."""
    return CandleArrays(*(np.empty(0, kind) for kind in _KINDS.values()))


def encode(market: str, year: int, bars: CandleArrays) -> bytes:
    """The whole file of one market-year, already read back and compared.

    Raises:
        StorageError: if what HDF5 made of the bars cannot be read back as it was.
    """
    with _HDF5:
        image = _image(market, year, bars)
    data = image + _TRAILER.pack(_MAGIC, len(image), zlib.crc32(image))
    decode(data, market, year)
    return data


def decode(data: bytes, market: str, year: int) -> CandleArrays:
    """The bars of a file that must be this market's and year's.

    Raises:
        StorageError: with what is wrong, for any byte that is not as it was written.
    """
    image = data[: -_TRAILER.size]
    if len(data) < _TRAILER.size or _TRAILER.pack(_MAGIC, len(image), zlib.crc32(image)) != data[-_TRAILER.size :]:
        raise StorageError(f"checksum of the whole file does not fit its {len(data)} bytes")
    try:
        with _HDF5, tables.open_file("read", "r", driver="H5FD_CORE", driver_core_image=image, **_IN_MEMORY) as file:
            return _bars_in(file.root, market, year)
    except (tables.HDF5ExtError, tables.NodeError, AttributeError, TypeError, ValueError) as error:
        raise StorageError(f"is no candle file: {type(error).__name__}") from error


_IN_MEMORY: dict[str, Any] = {"driver_core_backing_store": 0}  # HDF5 never touches the disk: we write and sync


def _image(market: str, year: int, bars: CandleArrays) -> bytes:
    with tables.open_file("write", "w", driver="H5FD_CORE", **_IN_MEMORY) as file:
        about = file.root._v_attrs  # noqa: SLF001 (PyTables' own name for the attributes of a group)
        about.format, about.market, about.year, about.rows = FORMAT, market, year, len(bars)
        for name, kind in _KINDS.items():
            column = np.ascontiguousarray(getattr(bars, name), kind)
            node = file.create_carray("/", name, obj=column, filters=_FILTERS)
            node.attrs.crc = _crc(column, market, year, name)
        file.flush()
        return bytes(file.get_file_image())


def _bars_in(root: Any, market: str, year: int) -> CandleArrays:
    about = root._v_attrs  # noqa: SLF001 (as above)
    found = (int(about.format), str(about.market), int(about.year))
    if found != (FORMAT, market, year):
        raise StorageError(f"holds format, market, year {found}, expected {(FORMAT, market, year)}")
    columns = []
    for name, kind in _KINDS.items():
        node = root._f_get_child(name)  # noqa: SLF001 (PyTables' public method, named so to leave room for children)
        column = node.read()
        if column.dtype != np.dtype(kind) or column.shape != (int(about.rows),):
            raise StorageError(f"column {name} is {column.dtype} {column.shape}, expected {kind} ({int(about.rows)},)")
        if _crc(column, market, year, name) != int(node.attrs.crc):
            raise StorageError(f"checksum of column {name} does not fit")
        columns.append(column)
    bars = CandleArrays(*columns)
    if np.any(np.diff(bars.time) <= 0):
        raise StorageError("times do not grow")
    return bars


def _crc(column: NDArray[Any], market: str, year: int, name: str) -> int:
    return zlib.crc32(column.tobytes(), zlib.crc32(f"{market} {year} {name} {len(column)}".encode()))


def _one_a_minute(bars: CandleArrays) -> CandleArrays:
    """In order of time, one bar a minute: the last of each in the order (filled, traded), then as given."""
    if np.all(np.diff(bars.time) > 0):
        return bars
    order = np.lexsort((np.arange(len(bars)), bars.real, bars.time))
    ordered = bars.picked(order)
    last = np.append(ordered.time[1:] != ordered.time[:-1], True)
    return ordered.picked(last)
