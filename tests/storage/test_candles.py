from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from domain.errors import ConfigError, StorageError
from domain.market import DAY, HOUR, MINUTE, Bar
from storage.candles import CandleStore, Coverage
from storage.columns import (
    COLUMNS,
    IMPORTED,
    PARTIAL,
    PROVISIONAL,
    REST,
    REVISED,
    SYNTHETIC,
    TRADES,
    arrays_of,
    nothing,
)
from tests.storage.conftest import NEW_YEAR, a_bar, bars, put

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


def test_candles_come_back_as_columns_oldest_first(store: CandleStore) -> None:
    put(store, MARKET, [a_bar(2, "102.5"), a_bar(0), a_bar(1, "101")], IMPORTED)
    found = store.load(MARKET)

    assert found.time.tolist() == [NEW_YEAR, NEW_YEAR + MINUTE, NEW_YEAR + 2 * MINUTE]
    assert [getattr(found, name).dtype.str for name in COLUMNS] == ["<i8", *["<f8"] * 6, "|u1"]
    assert [getattr(found, name)[2] for name in COLUMNS[1:-1]] == [102.5, 103.5, 101.5, 102.5, 0.5, 51.25]
    assert found.source.tolist() == [IMPORTED] * 3


def test_the_nearest_float_is_stored(store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0, "0.12345678901234567890")])

    assert store.load(MARKET).close[0] == float("0.12345678901234567890")


def test_a_range_holds_its_begin_and_not_its_end(store: CandleStore) -> None:
    put(store, MARKET, bars(10))

    assert store.load(MARKET, MINUTE, *minutes(3, 5)).time.tolist() == list(range(*minutes(3, 5), MINUTE))


def test_each_year_has_a_file_and_a_load_crosses_them(store: CandleStore, tmp_path: Path) -> None:
    put(store, MARKET, [a_bar(-1, "99"), a_bar(0)])

    assert sorted(file.name for file in (tmp_path / MARKET).iterdir()) == ["2025.h5", "2026.h5"]
    assert store.load(MARKET).close.tolist() == [99.0, 100.0]
    assert store.load(MARKET, MINUTE, NEW_YEAR).close.tolist() == [100.0]
    assert store.whole(MARKET) == (minutes(-1, 1),)


def test_every_frame_has_files_of_its_own(store: CandleStore, tmp_path: Path) -> None:
    put(store, MARKET, [a_bar(0)])
    put(store, MARKET, [a_bar(0, "5"), a_bar(60, "6")], step=HOUR)
    put(store, MARKET, [a_bar(0, "7")], step=DAY)

    assert sorted(file.name for file in (tmp_path / MARKET).iterdir()) == ["2026-1d.h5", "2026-60m.h5", "2026.h5"]
    assert store.steps(MARKET) == (MINUTE, HOUR, DAY)
    assert store.load(MARKET, HOUR).close.tolist() == [5.0, 6.0]
    assert store.whole(MARKET, HOUR) == ((NEW_YEAR, NEW_YEAR + 2 * HOUR),)
    assert store.load(MARKET).close.tolist() == [100.0]


def test_an_unknown_market_has_no_candles(store: CandleStore) -> None:
    assert len(store.load(MARKET)) == 0
    assert (store.whole(MARKET), store.coverage(MARKET), store.markets(), store.steps(MARKET)) == ((), (), (), ())


def test_the_later_final_candle_wins_and_the_first_is_kept_as_seen(store: CandleStore) -> None:
    put(store, MARKET, bars(3))
    put(store, MARKET, [a_bar(1, "7"), a_bar(5, "8")])
    put(store, MARKET, [a_bar(1, "9")])

    assert store.load(MARKET).close.tolist() == [100.0, 9.0, 100.0, 8.0]
    assert store.load(MARKET).marked(REVISED).tolist() == [False, True, False, False]
    assert store.as_seen(MARKET).close.tolist() == [100.0]
    assert store.as_seen(MARKET).flags.tolist() == [REST]
    assert len(store.as_seen(MARKET, MINUTE, *minutes(2, 9))) == 0


@pytest.mark.parametrize("final_first", [True, False])
def test_a_final_candle_beats_a_provisional_one_whichever_comes_first(store: CandleStore, *, final_first: bool) -> None:
    told = [([a_bar(0, "7")], REST), ([a_bar(0, "5")], TRADES | PROVISIONAL)]
    for some, flags in told if final_first else reversed(told):
        put(store, MARKET, some, flags)

    assert store.load(MARKET).close.tolist() == [7.0]
    assert store.load(MARKET).flags.tolist() == [REST | REVISED]
    assert store.as_seen(MARKET).close.tolist() == [5.0]
    assert store.as_seen(MARKET).flags.tolist() == [TRADES | PROVISIONAL]


def test_a_version_told_as_seen_is_kept_unless_an_earlier_one_is(store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0, "7")], as_seen=arrays_of([a_bar(0, "6"), a_bar(1, "5")], TRADES | PROVISIONAL))
    put(store, MARKET, [a_bar(0, "8"), a_bar(2)], as_seen=arrays_of([a_bar(0, "4"), a_bar(2, "3")], TRADES))

    assert store.as_seen(MARKET).close.tolist() == [6.0, 5.0, 3.0]
    assert store.load(MARKET).marked(REVISED).tolist() == [True, True]


def test_the_same_candle_told_again_is_no_revision(store: CandleStore) -> None:
    put(store, MARKET, bars(2), TRADES | PROVISIONAL)
    near = a_bar(0)
    near = Bar(near.start, near.open, near.high, near.low, near.close, Decimal("0.5000000000001"), near.value)
    put(store, MARKET, [near, a_bar(1)], REST)

    assert store.load(MARKET).flags.tolist() == [REST, REST]
    assert len(store.as_seen(MARKET)) == 0


def test_a_candle_without_its_value_does_not_replace_the_same_with_it(store: CandleStore) -> None:
    put(store, MARKET, bars(2))
    less = arrays_of([a_bar(0), a_bar(1, "7")], IMPORTED)
    less.value[:] = np.nan
    store.put(MARKET, MINUTE, less, ())

    found = store.load(MARKET)
    assert found.source.tolist() == [REST, IMPORTED]
    assert found.value[0] == 50.0
    assert np.isnan(found.value[1])
    assert store.as_seen(MARKET).close.tolist() == [100.0]


def test_a_provisional_candle_the_exchange_does_not_know_is_only_kept_as_seen(store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0), a_bar(1), a_bar(2)], TRADES | PROVISIONAL)
    put(store, MARKET, [a_bar(0)], whole=(minutes(0, 2),))

    assert store.load(MARKET).time.tolist() == [NEW_YEAR, NEW_YEAR + 2 * MINUTE]
    assert store.as_seen(MARKET).time.tolist() == [NEW_YEAR + MINUTE]
    assert store.whole(MARKET) == (minutes(0, 3),)


def test_a_final_candle_stays_when_a_later_put_does_not_name_it(store: CandleStore) -> None:
    put(store, MARKET, bars(2))
    put(store, MARKET, [], whole=(minutes(0, 2),))

    assert store.load(MARKET).same_as(arrays_of(bars(2), REST))


def test_what_is_whole_is_cut_to_the_grid_joined_and_holds_every_candle(store: CandleStore) -> None:
    put(store, MARKET, [a_bar(9)], whole=((NEW_YEAR + 1, NEW_YEAR + 5 * MINUTE - 1),))
    assert store.whole(MARKET) == (minutes(1, 4), minutes(9, 10))

    put(store, MARKET, [], whole=(minutes(4, 9), minutes(0, 2)))
    assert store.whole(MARKET) == (minutes(0, 10),)
    assert store.missing(MARKET, MINUTE, *minutes(-2, 12)) == (minutes(-2, 0), minutes(10, 12))


def test_putting_the_same_again_does_not_touch_the_file(store: CandleStore, path: Path) -> None:
    put(store, MARKET, bars(), whole=(minutes(0, 90),))
    before = path.stat().st_ino
    put(store, MARKET, bars(), whole=(minutes(0, 90),))

    assert path.stat().st_ino == before


def test_the_flag_of_a_coarse_candle_of_the_exchange_is_not_stored(store: CandleStore) -> None:
    put(store, MARKET, bars(1), 0xFF & ~(PROVISIONAL | PARTIAL | SYNTHETIC))

    assert store.load(MARKET).flags.tolist() == [7]


def test_coverage_counts_what_traded_what_did_not_and_what_is_not_known(store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0), a_bar(2)], whole=(minutes(0, 4),))
    put(store, MARKET, [a_bar(0, "7")])
    put(store, MARKET, [a_bar(9)], TRADES | PROVISIONAL)
    put(store, MARKET, [a_bar(0)], step=HOUR)

    assert store.coverage(MARKET) == (
        Coverage(MARKET, MINUTE, 2026, *minutes(0, 10), rows=3, empty=2, gaps=5, revised=1, provisional=1),
        Coverage(MARKET, HOUR, 2026, *minutes(0, 60), rows=1, empty=0, gaps=0, revised=0, provisional=0),
    )


def test_markets_are_those_with_a_file(store: CandleStore, tmp_path: Path) -> None:
    put(store, "KRW-ETH", bars(1))
    put(store, MARKET, bars(1))
    (tmp_path / "KRW-XRP").mkdir()
    (tmp_path / "notes.txt").touch()

    assert store.markets() == (MARKET, "KRW-ETH")


@pytest.mark.parametrize("name", ["../KRW-BTC", "krw-btc", "KRW", "", "KRW-BTC/../X-Y", "KRW-BTC\n"])
def test_a_name_that_is_no_market_reaches_no_file(store: CandleStore, name: str) -> None:
    for use in (lambda: put(store, name, bars(1)), lambda: store.load(name), lambda: store.coverage(name)):
        with pytest.raises(StorageError, match="no market is called"):
            use()


def test_a_candle_off_the_grid_is_refused(store: CandleStore) -> None:
    with pytest.raises(StorageError, match="not on the grid of 1m"):
        put(store, MARKET, [a_bar(begin=NEW_YEAR + 1)])
    with pytest.raises(StorageError, match="not on the grid of 60m"):
        put(store, MARKET, [a_bar(1)], step=HOUR)
    with pytest.raises(StorageError, match="not on the grid"):
        put(store, MARKET, [a_bar(begin=NEW_YEAR * 1_000)])


@pytest.mark.parametrize("step", [0, -MINUTE, 90_000_000, 7 * MINUTE, 7 * DAY])
def test_a_frame_the_exchange_does_not_have_is_refused(store: CandleStore, step: int) -> None:
    with pytest.raises(ConfigError, match="there are no candles of"):
        put(store, MARKET, [], step=step)


def test_stretches_without_end_are_refused(store: CandleStore, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no candles are whole"):
        put(store, MARKET, [], whole=((0, 2**62),))
    assert store.markets() == ()


def test_a_filled_bar_is_refused() -> None:
    with pytest.raises(StorageError, match="fills a gap: only what was traded is stored"):
        arrays_of([a_bar(0, real=False)], REST)


def test_a_candle_without_a_price_is_refused(store: CandleStore) -> None:
    told = arrays_of(bars(1), REST)
    told.low[0] = np.nan
    with pytest.raises(StorageError, match="a candle has no low"):
        store.put(MARKET, MINUTE, told, ())


def test_zero_is_a_price(store: CandleStore) -> None:
    zero = Decimal(0)
    put(store, MARKET, [Bar(NEW_YEAR, zero, zero, zero, zero, zero, zero)])

    assert store.load(MARKET).close.tolist() == [0.0]


def test_nothing_is_columns_too() -> None:
    assert len(nothing()) == 0
    assert arrays_of([], REST).same_as(nothing())
    assert arrays_of([a_bar(0, "1")], REST).between(NEW_YEAR + 1, NEW_YEAR + 2).same_as(nothing())
