import threading
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
import tables

from domain.errors import StorageError
from domain.market import MINUTE, Bar
from storage.candle_files import COLUMNS
from storage.candles import CandleStore, Coverage
from tests.storage.conftest import NEW_YEAR, a_bar, bars

MARKET = "KRW-BTC"


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / MARKET / "2026.h5"


def test_bars_come_back_as_columns_oldest_first(store: CandleStore) -> None:
    store.seal(MARKET, [a_bar(2, "102.5"), a_bar(0), a_bar(1, "101", real=False)])
    found = store.load(MARKET)

    assert found.time.tolist() == [NEW_YEAR, NEW_YEAR + MINUTE, NEW_YEAR + 2 * MINUTE]
    assert [getattr(found, name).dtype.str for name in COLUMNS] == ["<i8", *["<f8"] * 6, "|u1"]
    assert [getattr(found, name)[2] for name in COLUMNS[1:-1]] == [102.5, 103.5, 101.5, 102.5, 0.5, 51.25]
    assert found.real.tolist() == [True, False, True]


def test_the_nearest_float_is_stored(store: CandleStore) -> None:
    store.seal(MARKET, [a_bar(0, "0.12345678901234567890")])

    assert store.load(MARKET).close[0] == float("0.12345678901234567890")


def test_a_range_holds_its_begin_and_not_its_end(store: CandleStore) -> None:
    store.seal(MARKET, bars(10))

    assert store.load(MARKET, NEW_YEAR + 3 * MINUTE, NEW_YEAR + 5 * MINUTE).time.tolist() == [
        NEW_YEAR + 3 * MINUTE,
        NEW_YEAR + 4 * MINUTE,
    ]


def test_each_year_has_a_file_and_a_load_crosses_them(store: CandleStore, tmp_path: Path) -> None:
    store.seal(MARKET, [a_bar(-1, "99"), a_bar(0)])

    assert sorted(file.name for file in (tmp_path / MARKET).iterdir()) == ["2025.h5", "2026.h5"]
    assert store.load(MARKET).close.tolist() == [99.0, 100.0]
    assert store.load(MARKET, NEW_YEAR).close.tolist() == [100.0]


def test_a_file_is_readable_with_any_hdf5_tool(store: CandleStore, path: Path) -> None:
    store.seal(MARKET, bars(3))

    with tables.open_file(path) as file:
        assert file.root.close[:].tolist() == [100.0, 100.0, 100.0]


def test_an_unknown_market_has_no_bars(store: CandleStore) -> None:
    assert len(store.load(MARKET)) == 0
    assert store.coverage(MARKET) == ()
    assert store.markets() == ()


def test_sealing_merges_and_the_new_bar_of_a_minute_wins(store: CandleStore) -> None:
    store.seal(MARKET, bars(3))
    store.seal(MARKET, [a_bar(1, "7"), a_bar(5, "8")])

    assert store.load(MARKET).close.tolist() == [100.0, 7.0, 100.0, 8.0]


def test_a_filled_bar_never_replaces_a_traded_one(store: CandleStore) -> None:
    store.seal(MARKET, [a_bar(0, "1"), a_bar(1, "2", real=False), a_bar(2, "3"), a_bar(2, "4", real=False)])
    store.seal(MARKET, [a_bar(0, "5", real=False), a_bar(1, "6")])

    assert store.load(MARKET).close.tolist() == [1.0, 6.0, 3.0]


def test_sealing_the_same_again_does_not_touch_the_file(store: CandleStore, path: Path) -> None:
    store.seal(MARKET, bars())
    before = path.stat().st_ino
    store.seal(MARKET, bars())

    assert path.stat().st_ino == before


def test_coverage_counts_filled_bars_and_missing_minutes(store: CandleStore) -> None:
    store.seal(MARKET, [a_bar(0), a_bar(1, real=False), a_bar(9)])

    assert store.coverage(MARKET) == (
        Coverage(MARKET, 2026, NEW_YEAR, NEW_YEAR + 10 * MINUTE, rows=3, filled=1, gaps=7),
    )


def test_markets_are_those_with_a_file(store: CandleStore, tmp_path: Path) -> None:
    store.seal("KRW-ETH", bars(1))
    store.seal(MARKET, bars(1))
    (tmp_path / "KRW-XRP").mkdir()
    (tmp_path / "notes.txt").touch()

    assert store.markets() == (MARKET, "KRW-ETH")


@pytest.mark.parametrize("name", ["../KRW-BTC", "krw-btc", "KRW", "", "KRW-BTC/../X-Y", "KRW-BTC\n"])
def test_a_name_that_is_no_market_reaches_no_file(store: CandleStore, name: str) -> None:
    with pytest.raises(StorageError, match="no market is called"):
        store.seal(name, bars(1))


def test_a_bar_that_starts_between_minutes_is_refused(store: CandleStore) -> None:
    with pytest.raises(StorageError, match="is no full minute"):
        store.seal(MARKET, [a_bar(begin=NEW_YEAR + 1)])


def test_a_damaged_file_is_set_aside_named_and_then_gone(
    store: CandleStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store.seal(MARKET, [a_bar(-1, "99"), a_bar(0)])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(StorageError, match=r"KRW-BTC in 2026 were damaged .* fetch that year again"):
        store.load(MARKET)

    assert not path.exists()
    assert path.with_name("2026.h5.damaged").exists()
    assert "2026.h5.damaged" in caplog.text
    assert store.load(MARKET).close.tolist() == [99.0]


def test_sealing_over_a_damaged_file_reports_it_and_stores_the_new_bars(store: CandleStore, path: Path) -> None:
    for name in ("2026.h5.damaged", "2026.h5.2.damaged"):
        store.seal(MARKET, bars())
        path.write_bytes(b"?")
        (found,) = store.seal(MARKET, [a_bar(3, "7")])

        assert Path(found.path) == path.with_name(name)
        assert (found.market, found.year, found.since) == (MARKET, 2026, NEW_YEAR)
        assert found.until == 1_798_761_600_000_000
        assert store.load(MARKET).close.tolist() == [7.0]


def test_the_file_of_another_market_is_found(store: CandleStore, path: Path, tmp_path: Path) -> None:
    store.seal(MARKET, bars())
    store.seal("KRW-ETH", bars())
    (tmp_path / "KRW-ETH" / "2026.h5").replace(path)

    with pytest.raises(StorageError, match=r"holds format, market, year \(1, 'KRW-ETH', 2026\)"):
        store.load(MARKET)


def test_the_file_of_another_year_is_found(store: CandleStore, path: Path) -> None:
    store.seal(MARKET, bars())
    path.rename(path.with_name("2025.h5"))

    assert [found.year for found in store.check()] == [2025]


def test_a_check_finds_every_damaged_file_and_then_none(store: CandleStore, path: Path) -> None:
    store.seal(MARKET, [a_bar(-1), a_bar(0)])
    store.seal("KRW-ETH", bars())
    for broken in (path, path.with_name("2025.h5")):
        broken.write_bytes(b"?")

    assert [(found.market, found.year) for found in store.check()] == [(MARKET, 2025), (MARKET, 2026)]
    assert store.check() == ()
    assert store.markets() == ("KRW-ETH",)


def test_a_reader_reports_damage_and_touches_nothing(store: CandleStore, path: Path, tmp_path: Path) -> None:
    store.seal(MARKET, bars())
    reader = CandleStore(tmp_path, read_only=True)
    assert len(reader.load(MARKET)) == 50
    path.write_bytes(b"?")

    with pytest.raises(StorageError, match="will set it aside"):
        reader.load(MARKET)
    with pytest.raises(StorageError, match="for reading only"):
        reader.seal(MARKET, bars())
    assert path.read_bytes() == b"?"


def test_a_second_thread_is_refused(store: CandleStore) -> None:
    store.seal(MARKET, bars(1))
    refused: list[str] = []

    def intrude() -> None:
        for use in (store.markets, store.check, lambda: store.load(MARKET), lambda: store.seal(MARKET, bars(1))):
            try:
                use()
            except StorageError as error:
                refused.append(str(error))

    thread = threading.Thread(target=intrude)
    thread.start()
    thread.join(timeout=10)
    assert len(refused) == 4
    assert "needs its own store" in refused[0]


def test_many_threads_read_with_stores_of_their_own(store: CandleStore, tmp_path: Path) -> None:
    store.seal(MARKET, bars(2_000))
    found: list[int] = []

    def read() -> None:
        reader = CandleStore(tmp_path, read_only=True)
        found.extend(len(reader.load(MARKET)) for _ in range(15))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert found == [2_000] * 60


def test_a_disk_that_refuses_leaves_the_old_file(store: CandleStore, path: Path) -> None:
    store.seal(MARKET, bars(1))
    path.with_suffix(".tmp").mkdir()  # the temporary file cannot be opened

    with pytest.raises(StorageError, match="cannot be written: Is a directory"):
        store.seal(MARKET, bars(2))
    assert len(store.load(MARKET)) == 1


def test_zero_is_a_price_and_not_a_gap(store: CandleStore) -> None:
    zero = Decimal(0)
    store.seal(MARKET, [Bar(NEW_YEAR, zero, zero, zero, zero, zero, zero)])

    assert store.load(MARKET).real.tolist() == [True]
    assert np.all(store.load(MARKET).close == 0.0)
