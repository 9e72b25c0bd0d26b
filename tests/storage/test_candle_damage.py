"""A store whose files are damaged, newer, in the way, or written by many at once."""

import threading
from pathlib import Path

import pytest

from domain.errors import StorageError
from domain.market import HOUR, MINUTE
from storage.candle_files import FileKey
from storage.candle_folder import CandleFolder
from storage.candles import CandleStore, Quarantined
from tests.storage.conftest import NEW_YEAR, a_bar, bars, put
from tests.storage.test_candle_files import image_of, signed

MARKET = "KRW-BTC"
YEAR_2026 = (NEW_YEAR, 1_798_761_600_000_000)


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / MARKET / "2026.h5"


def minutes(first: int, end: int) -> tuple[int, int]:
    return NEW_YEAR + first * MINUTE, NEW_YEAR + end * MINUTE


def test_a_damaged_file_is_set_aside_and_the_rest_is_served(
    store: CandleStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(store, MARKET, [a_bar(-1, "99"), a_bar(0)])
    path.write_bytes(path.read_bytes()[:-1])

    assert store.load(MARKET).close.tolist() == [99.0]
    assert store.whole(MARKET) == (minutes(-1, 0),)
    assert store.missing(MARKET, MINUTE, *minutes(-1, 1)) == (minutes(0, 1),)
    assert store.set_aside(MARKET) == (FileKey(MARKET, MINUTE, 2026),)
    assert not path.exists()
    assert path.with_name("2026.h5.damaged").exists()
    assert "2026.h5.damaged" in caplog.text


def test_putting_over_a_damaged_file_reports_it_and_stores_the_new_candles(store: CandleStore, path: Path) -> None:
    for name in ("2026.h5.damaged", "2026.h5.2.damaged"):
        put(store, MARKET, bars())
        path.write_bytes(b"?")
        (found,) = put(store, MARKET, [a_bar(3, "7")])

        assert found == Quarantined(MARKET, MINUTE, 2026, *YEAR_2026, str(path.with_name(name)), found.reason)
        assert "checksum of the whole file" in found.reason
        assert store.load(MARKET).close.tolist() == [7.0]
    assert store.set_aside(MARKET) == (FileKey(MARKET, MINUTE, 2026),)


def test_the_file_of_another_market_or_year_is_found(store: CandleStore, path: Path, tmp_path: Path) -> None:
    put(store, MARKET, bars())
    put(store, "KRW-ETH", bars())
    path.rename(path.with_name("2025.h5"))
    (tmp_path / "KRW-ETH" / "2026.h5").replace(path)

    assert [(found.year, found.reason[:16]) for found in store.check()] == [
        (2025, "holds ('KRW-BTC'"),
        (2026, "holds ('KRW-ETH'"),
    ]


def test_a_check_finds_every_damaged_file_and_then_none(store: CandleStore, path: Path, tmp_path: Path) -> None:
    put(store, MARKET, [a_bar(-1), a_bar(0)])
    put(store, MARKET, [a_bar(0)], step=HOUR)
    put(store, "KRW-ETH", bars())
    for broken in (tmp_path / MARKET).iterdir():
        broken.write_bytes(b"?")

    assert [(found.market, found.step, found.year) for found in store.check()] == [
        (MARKET, MINUTE, 2025),
        (MARKET, MINUTE, 2026),
        (MARKET, HOUR, 2026),
    ]
    assert store.check() == ()
    assert store.markets() == (MARKET, "KRW-ETH")
    assert len(store.load("KRW-ETH")) == 50


def test_a_look_at_the_coverage_tells_what_it_found_damaged(store: CandleStore, path: Path) -> None:
    put(store, MARKET, [a_bar(-1), a_bar(0)])
    path.write_bytes(b"?")
    found: list[Quarantined] = []

    assert [line.year for line in store.coverage(MARKET, found.append)] == [2025]
    assert [one.year for one in found] == [2026]


def test_a_reader_leaves_damage_to_the_writer_and_serves_the_rest(
    store: CandleStore, path: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(store, MARKET, [a_bar(-1), a_bar(0)])
    reader = CandleStore(tmp_path, read_only=True)
    assert len(reader.load(MARKET)) == 2
    path.write_bytes(b"?")

    assert len(reader.load(MARKET)) == len(reader.load(MARKET)) == 1
    assert caplog.text.count("left to the writer") == 1
    for use in (lambda: put(reader, MARKET, bars()), reader.check):
        with pytest.raises(StorageError, match="for reading only"):
            use()
    assert path.read_bytes() == b"?"


def test_a_file_of_a_newer_version_is_neither_set_aside_nor_overwritten(store: CandleStore, path: Path) -> None:
    put(store, MARKET, bars())
    newer = path.read_bytes()
    path.write_bytes(newer := signed(image_of(newer), b"3"))
    for use in (lambda: store.load(MARKET), lambda: put(store, MARKET, bars(1, "7")), store.check):
        with pytest.raises(StorageError, match="use the newer program"):
            use()
    assert path.read_bytes() == newer


def test_a_disk_that_refuses_leaves_the_old_file(store: CandleStore, path: Path) -> None:
    put(store, MARKET, bars(1))
    path.with_suffix(".tmp").mkdir()  # the temporary file cannot be opened

    with pytest.raises(StorageError, match="cannot be written: Is a directory"):
        put(store, MARKET, bars(2))
    assert len(store.load(MARKET)) == 1


def test_a_file_that_fails_its_check_does_not_take_the_place_of_the_old_one(store: CandleStore, path: Path) -> None:
    put(store, MARKET, bars())
    before = path.read_bytes()

    def refuse(written: Path) -> None:
        assert written.read_bytes() == b"new"
        raise StorageError("gives other numbers back")

    with pytest.raises(StorageError, match="other numbers"):
        CandleFolder(path.parent.parent).replace(FileKey(MARKET, MINUTE, 2026), b"new", refuse)
    assert path.read_bytes() == before


def test_a_file_in_the_way_of_a_folder_is_named(store: CandleStore, tmp_path: Path) -> None:
    (tmp_path / MARKET).write_text("in the way")

    with pytest.raises(StorageError, match=r"KRW-BTC/2026\.h5 cannot be read: Not a directory"):
        put(store, MARKET, bars(1))


# --- many at once


def test_many_threads_read_while_one_writes(store: CandleStore) -> None:
    put(store, MARKET, bars(2_000))
    found: list[set[float]] = []

    def read() -> None:
        found.extend({*store.load(MARKET).close.tolist()} for _ in range(15))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for close in range(5):
        put(store, MARKET, bars(2_000, str(close + 1)))
    for thread in threads:
        thread.join(timeout=30)
    assert len(found) == 60
    assert all(len(closes) == 1 for closes in found)


def test_writers_take_turns_and_none_loses_what_another_wrote(tmp_path: Path) -> None:
    def write(first: int) -> None:
        store = CandleStore(tmp_path)
        for minute in range(first, 40, 4):
            put(store, MARKET, [a_bar(minute)])

    threads = [threading.Thread(target=write, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert store_times(tmp_path) == [NEW_YEAR + minute * MINUTE for minute in range(40)]


def store_times(root: Path) -> list[int]:
    return CandleStore(root).load(MARKET).time.tolist()


def test_a_writer_waits_for_one_in_another_place(tmp_path: Path) -> None:
    store = CandleStore(tmp_path)
    done = threading.Event()

    def write() -> None:
        put(store, MARKET, bars(1))
        done.set()

    with CandleFolder(tmp_path).locked():
        thread = threading.Thread(target=write)
        thread.start()
        assert not done.wait(0.1)
    thread.join(timeout=10)
    assert done.is_set()


def test_a_writer_gives_up_after_a_while(tmp_path: Path) -> None:
    with (
        CandleFolder(tmp_path).locked(),
        pytest.raises(StorageError, match="another program has been writing candles"),
        CandleFolder(tmp_path, lock_s=0.05).locked(),
    ):
        pass
