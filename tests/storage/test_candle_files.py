import zlib
from collections.abc import Callable
from typing import Any

import pytest
import tables
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import StorageError
from domain.market import MINUTE, Bar
from storage import candle_files
from storage.candle_files import COLUMNS, arrays_of, decode, encode, merged, nothing
from tests.storage.conftest import NEW_YEAR, a_bar, bars

MARKET = "KRW-BTC"


def signed(image: bytes) -> bytes:
    """The file of an HDF5 image whose outer checksum is right."""
    trailer = candle_files._TRAILER.pack(candle_files._MAGIC, len(image), zlib.crc32(image))
    return image + trailer


def tampered(data: bytes, change: Callable[[Any], None]) -> bytes:
    """The file with something changed inside, as HDF5 itself would: only our inner checks can see it."""
    image = data[: -candle_files._TRAILER.size]
    options = {"driver": "H5FD_CORE", "driver_core_image": image, "driver_core_backing_store": 0}
    with tables.open_file("tampered", "a", **options) as file:
        change(file.root)
        file.flush()
        return signed(file.get_file_image())


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_number_is_found_in_every_column(column: str) -> None:
    def change(root: Any) -> None:
        node = root._f_get_child(column)
        node[49] = node[49] + (MINUTE if column == "time" else 1)

    data = tampered(encode(MARKET, 2026, arrays_of(bars())), change)

    with pytest.raises(StorageError, match=f"checksum of column {column} does not fit"):
        decode(data, MARKET, 2026)


@pytest.mark.parametrize("column", COLUMNS)
def test_two_columns_swapped_are_found(column: str) -> None:
    other = "high" if column == "low" else "low"

    def change(root: Any) -> None:
        root._f_get_child(column)._f_rename("held")
        root._f_get_child(other)._f_rename(column)
        root._f_get_child("held")._f_rename(other)

    with pytest.raises(StorageError, match="column"):
        decode(tampered(encode(MARKET, 2026, arrays_of(bars())), change), MARKET, 2026)


def test_a_missing_column_is_damage() -> None:
    data = tampered(encode(MARKET, 2026, arrays_of(bars())), lambda root: root.volume._f_remove())

    with pytest.raises(StorageError, match="is no candle file"):
        decode(data, MARKET, 2026)


def test_another_markets_numbers_under_our_name_are_found() -> None:
    def forge(root: Any) -> None:
        root._v_attrs.market = MARKET

    data = tampered(encode("KRW-ETH", 2026, arrays_of(bars())), forge)

    with pytest.raises(StorageError, match="checksum of column time does not fit"):
        decode(data, MARKET, 2026)


def test_every_flipped_byte_is_found_before_hdf5_sees_it() -> None:
    data = encode(MARKET, 2026, arrays_of(bars()))
    places = [*range(0, len(data), 13), *range(len(data) - 20, len(data))]
    for place in places:
        with pytest.raises(StorageError, match="checksum of the whole file"):
            decode(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :], MARKET, 2026)


@pytest.mark.parametrize("length", [0, 1, 19, 20, 21, 4_096, -1])
def test_a_truncated_file_is_found(length: int) -> None:
    with pytest.raises(StorageError, match="checksum of the whole file"):
        decode(encode(MARKET, 2026, arrays_of(bars()))[:length], MARKET, 2026)


def test_a_signed_file_that_is_no_hdf5_is_damage() -> None:
    with pytest.raises(StorageError, match="is no candle file"):
        decode(signed(b"no hdf5" * 100), MARKET, 2026)


numbers = st.decimals(min_value="0.00000001", max_value=10**9, places=8)
any_bars = st.lists(
    st.builds(
        lambda minute, price, real: a_bar(minute, str(price), real=real), st.integers(-5, 25), numbers, st.booleans()
    ),
    max_size=20,
)


@settings(max_examples=60)
@given(first=any_bars, second=any_bars)
def test_merging_in_two_steps_is_merging_at_once(first: list[Bar], second: list[Bar]) -> None:
    best: dict[int, Bar] = {}
    for bar in first + second:
        if bar.real or bar.start not in best or not best[bar.start].real:
            best[bar.start] = bar
    expected = [best[start] for start in sorted(best)]
    found = merged(arrays_of(first), arrays_of(second))

    assert found.same_as(arrays_of(first + second))
    assert found.time.tolist() == [bar.start for bar in expected]
    assert found.close.tolist() == [float(bar.close) for bar in expected]
    assert found.real.tolist() == [bar.real for bar in expected]


@settings(max_examples=25)
@given(given_bars=any_bars.filter(lambda found: len(found) > 0))
def test_any_bars_survive_a_file(given_bars: list[Bar]) -> None:
    columns = arrays_of(given_bars)

    assert decode(encode(MARKET, 2026, columns), MARKET, 2026).same_as(columns)


def test_no_bars_are_columns_too() -> None:
    assert len(nothing()) == 0
    assert merged(nothing(), arrays_of([])).same_as(nothing())
    assert arrays_of([a_bar(0, "1")]).between(NEW_YEAR + 1, NEW_YEAR + 2).same_as(nothing())
