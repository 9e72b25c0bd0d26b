"""Folders of candles into the store: what is refused, what is kept, and which of two tellings stands."""

import numpy as np
import pandas as pd
import pytest

from domain.collection import Conflict
from domain.errors import ConfigError
from domain.market import DAY, HOUR, MINUTE
from domain.spans import joined
from storage.candle_tables import write_table
from storage.candles import CandleStore
from storage.columns import IMPORTED, REST, REVISED, CandleArrays
from storage.imports import Source, import_all, sources

BTC = "KRW-BTC"
T0 = 20_000 * DAY
NOW = T0 + 400 * DAY


def candles(*starts, step=MINUTE, close=100.0, volume=2.0, value=200.0):
    """Candles at these steps after T0, flat but for what is told."""
    count = len(starts)
    price = np.full(count, 100.0)
    closes = np.full(count, close)
    return CandleArrays(
        T0 + np.array(starts, np.int64) * step,
        price,
        np.maximum(price, closes),
        np.minimum(price, closes),
        closes,
        np.full(count, volume),
        np.full(count, value),
        np.full(count, REST, np.uint8),
    )


@pytest.fixture
def store(tmp_path):
    return CandleStore(tmp_path / "store")


def file_of(folder, bars, market=BTC, suffix=".parquet"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{market}{suffix}"
    write_table(path, bars)
    return path


def taken(store, path, step=MINUTE, hole=None):
    (done,) = import_all(store, [Source(path, step)], now=NOW, hole=hole)
    return done


def test_an_imported_candle_says_where_it_is_from(store, tmp_path):
    done = taken(store, file_of(tmp_path, candles(0, 1, 2)))
    held = store.load(BTC)
    assert (done.rows, done.new, done.changed, done.same, done.error) == (3, 3, 0, 0, "")
    assert held.flags.tolist() == [IMPORTED] * 3
    assert held.close.tolist() == [100.0] * 3


def test_a_short_hole_had_no_trade_and_a_long_one_was_not_collected(store, tmp_path):
    done = taken(store, file_of(tmp_path, candles(0, 1, 7, 14, 15)))
    assert store.whole(BTC) == joined([(T0, T0 + 8 * MINUTE), (T0 + 14 * MINUTE, T0 + 16 * MINUTE)])
    assert (done.holes, done.uncollected) == (1, 6 * MINUTE)


@pytest.mark.parametrize(
    ("step", "known", "lost"), [(5 * MINUTE, 5, 6), (15 * MINUTE, 5, 6), (HOUR, 8, 9), (4 * HOUR, 2, 3), (DAY, 0, 1)]
)
def test_which_hole_was_not_collected_depends_on_the_frame(store, tmp_path, step, known, lost):
    done = taken(store, file_of(tmp_path, candles(0, 1, 2 + known, 3 + known, 4 + known + lost, step=step)), step)
    assert (done.holes, done.uncollected) == (1, lost * step)


def test_a_person_may_say_which_hole_is_one(store, tmp_path):
    path = file_of(tmp_path, candles(0, 1, 4, 5))
    assert taken(store, path, hole=MINUTE).holes == 1
    assert taken(store, path, hole=2 * MINUTE).holes == 0
    assert store.whole(BTC) == ((T0, T0 + 6 * MINUTE),)


def test_the_same_file_again_changes_nothing(store, tmp_path):
    path = file_of(tmp_path, candles(0, 1, 5, value=np.nan))
    taken(store, path)
    files = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in (tmp_path / "store").rglob("*.h5")}
    done = taken(store, path)
    assert (done.new, done.changed, done.completed, done.same) == (0, 0, 0, 3)
    assert {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in files} == files


def test_the_later_telling_stands_and_the_one_before_is_kept_as_seen(store, tmp_path):
    store.put(BTC, MINUTE, candles(0, 1, 2), ())
    done = taken(store, file_of(tmp_path, candles(1, close=101.0)))
    assert (done.new, done.changed, done.same) == (0, 1, 0)
    stored = (100.0, 100.0, 100.0, 100.0, 2.0, 200.0)
    told = (100.0, 101.0, 100.0, 101.0, 2.0, 200.0)
    assert done.conflicts == (Conflict(T0 + MINUTE, ("high", "close"), stored, told),)
    held = store.load(BTC)
    assert held.close.tolist() == [100.0, 101.0, 100.0]
    assert held.flags.tolist() == [REST, IMPORTED | REVISED, REST]
    assert store.as_seen(BTC).close.tolist() == [100.0]


def test_a_stored_candle_that_a_file_lacks_stays(store, tmp_path):
    store.put(BTC, MINUTE, candles(0, 1, 2, 3), ())
    done = taken(store, file_of(tmp_path, candles(0, 3)))
    assert (done.lacking, done.same) == (2, 2)
    assert len(store.load(BTC)) == 4


def test_an_amount_that_a_file_does_not_know_never_replaces_a_known_one(store, tmp_path):
    store.put(BTC, MINUTE, candles(0, 1, 2), ())
    done = taken(store, file_of(tmp_path, candles(0, 1, 2, value=np.nan)))
    assert done.same == 3
    taken(store, file_of(tmp_path, candles(1, close=101.0, value=np.nan)))
    taken(store, file_of(tmp_path, candles(2, volume=3.0, value=np.nan)))
    held = store.load(BTC)
    assert held.value[:2].tolist() == [200.0, 200.0]
    assert np.isnan(held.value[2]), "the value of another volume"


def test_an_amount_that_was_unknown_is_completed_by_a_file_that_knows_it(store, tmp_path):
    store.put(BTC, MINUTE, candles(0, 1, value=np.nan), ())
    done = taken(store, file_of(tmp_path, candles(0, 1)))
    assert (done.changed, done.completed) == (0, 2)
    assert store.load(BTC).value.tolist() == [200.0, 200.0]
    assert len(store.as_seen(BTC)) == 0


def test_amounts_that_differ_in_their_last_digits_are_the_same(store, tmp_path):
    store.put(BTC, MINUTE, candles(0), ())
    assert taken(store, file_of(tmp_path, candles(0, value=200.0 * (1 + 5e-9)))).same == 1
    assert taken(store, file_of(tmp_path, candles(0, value=200.0 * (1 + 2e-8)))).changed == 1


def test_a_refused_file_stores_nothing_and_stops_no_other(store, tmp_path):
    bad = file_of(tmp_path, candles(0, 1, 2))
    frame = pd.read_parquet(bad)
    frame.loc[2, "low"] = 500.0
    frame.to_parquet(bad)
    good = file_of(tmp_path, candles(0, 1), "KRW-ETH")
    one, other = import_all(store, [Source(bad, MINUTE), Source(good, MINUTE)], now=NOW)
    assert one.error.startswith(f"{bad}: row 2 has prices outside")
    assert (other.error, other.new) == ("", 2)
    assert store.markets() == ("KRW-ETH",)


def test_the_name_of_a_folder_says_how_long_its_candles_are(tmp_path):
    for name in ("1m", "1m-blocks", "60m-2025-09", "1d", "raw", "notes"):
        file_of(tmp_path / name, candles(0))
    file_of(tmp_path / "1m", candles(0), "KRW-ETH", ".csv")
    (tmp_path / "1m" / "readme.txt").write_text("not a table")
    found = [(one.path.parent.name, one.path.name, one.step) for one in sources(tmp_path)]
    assert found == [
        ("1d", "KRW-BTC.parquet", DAY),
        ("1m", "KRW-BTC.parquet", MINUTE),
        ("1m", "KRW-ETH.csv", MINUTE),
        ("1m-blocks", "KRW-BTC.parquet", MINUTE),
        ("60m-2025-09", "KRW-BTC.parquet", HOUR),
    ]
    assert [one.path.name for one in sources(tmp_path, markets=("KRW-ETH",))] == ["KRW-ETH.csv"]


def test_a_flat_folder_holds_minutes_unless_its_name_or_a_person_says_otherwise(tmp_path):
    flat, hours = tmp_path / "flat", tmp_path / "60m"
    file_of(flat, candles(0)), file_of(hours, candles(0))
    assert [one.step for one in (*sources(flat), *sources(flat, "1h"), *sources(hours))] == [MINUTE, HOUR, HOUR]


def test_candles_may_lie_one_folder_deeper(tmp_path):
    path = file_of(tmp_path / "candles" / "5m", candles(0))
    assert sources(tmp_path) == (Source(path, 5 * MINUTE),)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, "holds nothing to import"),
        (lambda folder: file_of(folder / "1m", candles(0), "bitcoin"), "is not named for a market"),
        (lambda folder: file_of(folder / "7m", candles(0)), "no candles of '7m'"),
        (lambda folder: folder.rmdir(), "is not a folder"),
    ],
)
def test_a_folder_without_anything_to_import_is_refused(tmp_path, make, said):
    folder = tmp_path / "in"
    folder.mkdir()
    make(folder)
    with pytest.raises(ConfigError, match=said):
        sources(folder)
