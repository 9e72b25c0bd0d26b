import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tables
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import StorageError
from domain.market import HOUR, MINUTE, Bar
from storage import candle_files
from storage.candle_files import DamagedFile, FileKey, NewerFile, encode, require_same
from storage.columns import COLUMNS, REST, UNKNOWN, CandleArrays, Known, arrays_of, nothing, spans_of
from tests.storage.conftest import NEW_YEAR, a_bar, bars

KEY = FileKey("KRW-BTC", MINUTE, 2026)
FIFTY = Known(arrays_of(bars(), REST), ((NEW_YEAR, NEW_YEAR + HOUR),), arrays_of(bars(2, "7"), REST))


def decode(data: bytes, key: FileKey) -> Known:
    """What the program makes of a file with these bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "2026.h5"
        path.write_bytes(data)
        return candle_files.decode(path, key)


def signed(image: bytes, version: bytes = b"2") -> bytes:
    """The file of an HDF5 image whose outer checksum is right."""
    crc = zlib.crc32(image) if version == b"1" else zlib.crc32(version, zlib.crc32(image))
    return image + candle_files._TRAILER.pack(candle_files._MAGIC, version, len(image), crc)


def image_of(data: bytes) -> bytes:
    return data[: -candle_files._TRAILER.size]


def tampered(data: bytes, change: Callable[[Any], None]) -> bytes:
    """The file with something changed inside, as HDF5 itself would: only our inner checks can see it."""
    options = {"driver": "H5FD_CORE", "driver_core_image": image_of(data), "driver_core_backing_store": 0}
    with tables.open_file("tampered", "a", **options) as file:
        change(file.root)
        file.flush()
        return signed(file.get_file_image())


@pytest.mark.parametrize("path", [*COLUMNS, "whole", *(f"as_seen/{name}" for name in COLUMNS)])
def test_a_changed_number_is_found_in_every_column(path: str) -> None:
    def change(root: Any) -> None:
        node = root._v_file.get_node(f"/{path}")
        node[1] = node[1] + (MINUTE if path.endswith("time") else 1)

    data = tampered(encode(KEY, FIFTY), change)

    with pytest.raises(DamagedFile, match=f"checksum of column /{path} does not fit"):
        decode(data, KEY)


def test_a_changed_number_is_found_in_a_long_column() -> None:
    count = candle_files.LONG
    price = np.full(count, 100.0)
    times = NEW_YEAR + np.arange(count, dtype=np.int64) * MINUTE
    long = CandleArrays(times, price, price, price, price, price, price, np.full(count, REST, np.uint8))
    known = Known(long, spans_of(times, MINUTE), nothing())

    def change(root: Any) -> None:
        root.close[count - 1] = 101.0

    data = encode(KEY, known)
    assert decode(data, KEY).same_as(known)
    with pytest.raises(DamagedFile, match="checksum of column /close does not fit"):
        decode(tampered(data, change), KEY)


@pytest.mark.parametrize("column", COLUMNS)
def test_two_columns_swapped_are_found(column: str) -> None:
    other = "high" if column == "low" else "low"

    def change(root: Any) -> None:
        root._f_get_child(column)._f_rename("held")
        root._f_get_child(other)._f_rename(column)
        root._f_get_child("held")._f_rename(other)

    with pytest.raises(DamagedFile, match="column"):
        decode(tampered(encode(KEY, FIFTY), change), KEY)


def test_a_version_as_seen_in_the_place_of_the_final_one_is_found() -> None:
    def change(root: Any) -> None:
        root._v_attrs.rows, root._v_attrs.seen = 2, 0
        for name in COLUMNS:
            root._f_get_child(name)._f_remove()
            root.as_seen._f_get_child(name)._f_move("/", name)

    with pytest.raises(DamagedFile, match="checksum of column /time does not fit"):
        decode(tampered(encode(KEY, FIFTY), change), KEY)


def test_a_missing_column_is_damage() -> None:
    data = tampered(encode(KEY, FIFTY), lambda root: root.volume._f_remove())

    with pytest.raises(DamagedFile, match="is no candle file"):
        decode(data, KEY)


@pytest.mark.parametrize(("name", "value"), [("market", "KRW-ETH"), ("step", HOUR), ("year", 2025)])
def test_another_files_numbers_under_our_name_are_found(name: str, value: object) -> None:
    def forge(root: Any) -> None:
        setattr(root._v_attrs, name, getattr(KEY, name))

    data = tampered(encode(KEY._replace(**{name: value}), FIFTY), forge)

    with pytest.raises(DamagedFile, match="checksum of column /time does not fit"):
        decode(data, KEY)


def test_another_file_is_named() -> None:
    with pytest.raises(
        DamagedFile, match=r"holds \('KRW-ETH', 60000000, 2026\), expected \('KRW-BTC', 60000000, 2026\)"
    ):
        decode(encode(KEY._replace(market="KRW-ETH"), FIFTY), KEY)


def test_every_flipped_byte_is_found_before_hdf5_sees_it() -> None:
    data = encode(KEY, FIFTY)
    places = [*range(0, len(data), 13), *range(len(data) - 20, len(data))]
    for place in places:
        with pytest.raises(DamagedFile, match="checksum of the whole file"):
            decode(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :], KEY)


@pytest.mark.parametrize("length", [0, 1, 19, 20, 21, 4_096, -1])
def test_a_truncated_file_is_found(length: int) -> None:
    with pytest.raises(DamagedFile, match="checksum of the whole file"):
        decode(encode(KEY, FIFTY)[:length], KEY)


def test_a_signed_file_that_is_no_hdf5_is_damage() -> None:
    with pytest.raises(DamagedFile, match="is no candle file"):
        decode(signed(b"no hdf5" * 100), KEY)


def test_stretches_out_of_order_are_damage() -> None:
    later, sooner = (NEW_YEAR + HOUR, NEW_YEAR + 2 * HOUR), (NEW_YEAR, NEW_YEAR + MINUTE)
    with pytest.raises(DamagedFile, match="times do not grow"):
        decode(encode(KEY, Known(nothing(), (later, sooner), nothing())), KEY)


def test_candles_out_of_order_are_damage() -> None:
    backwards = FIFTY.candles.picked(slice(None, None, -1))
    for known in (FIFTY._replace(candles=backwards), FIFTY._replace(as_seen=backwards)):
        with pytest.raises(DamagedFile, match="times do not grow"):
            decode(encode(KEY, known), KEY)


def test_a_file_that_gives_other_numbers_back_does_not_take_its_place(tmp_path: Path) -> None:
    path = tmp_path / "2026.tmp"
    path.write_bytes(encode(KEY, FIFTY))
    require_same(path, KEY, FIFTY)
    with pytest.raises(StorageError, match="gives other numbers back"):
        require_same(path, KEY, FIFTY._replace(whole=()))


def test_a_file_of_the_first_format_says_that_it_does_not_tell_enough() -> None:
    with pytest.raises(DamagedFile, match="format b'1' of an earlier version"):
        decode(signed(image_of(encode(KEY, FIFTY)), b"1"), KEY)


def test_a_newer_file_is_not_damaged() -> None:
    with pytest.raises(NewerFile, match="use the newer program"):
        decode(signed(image_of(encode(KEY, FIFTY)), b"3"), KEY)
    assert not issubclass(NewerFile, DamagedFile)


def test_any_hdf5_tool_reads_a_file(tmp_path: Any) -> None:
    path = tmp_path / "2026.h5"
    path.write_bytes(encode(KEY, FIFTY))
    with tables.open_file(path) as file:
        assert file.root.close[:].tolist() == [100.0] * 50
        assert file.root.as_seen.close[:].tolist() == [7.0] * 2
        assert file.root.whole[:].tolist() == [NEW_YEAR, NEW_YEAR + HOUR]


numbers = st.decimals(min_value="0.00000001", max_value=10**9, places=8)
any_bars = st.lists(
    st.builds(lambda minute, price: a_bar(minute, str(price)), st.integers(0, 25), numbers), max_size=20
)


@settings(max_examples=25, deadline=None)
@given(candles=any_bars, seen=any_bars)
def test_whatever_is_known_survives_a_file(candles: list[Bar], seen: list[Bar]) -> None:
    columns = arrays_of(candles, REST)
    known = Known(columns, spans_of(columns.time, MINUTE), arrays_of(seen, REST))

    assert decode(encode(KEY, known), KEY).same_as(known)


def test_a_year_in_which_nothing_traded_is_a_file_too() -> None:
    known = UNKNOWN._replace(whole=((NEW_YEAR, NEW_YEAR + HOUR),))

    assert decode(encode(KEY, known), KEY).same_as(known)
