from decimal import Decimal
from pathlib import Path

import pytest
from peewee import SqliteDatabase

from domain.errors import StorageError
from domain.market import MINUTE, Bar
from storage.candles import CandleStore
from storage.hot import CandleIndex, CandleTiers, HotCandles, IndexEntry
from tests.storage.conftest import NEW_YEAR, a_bar

MARKET = "KRW-BTC"


@pytest.fixture
def hot(database: SqliteDatabase) -> HotCandles:
    return HotCandles(database)


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path / "candles")


@pytest.fixture
def index(database: SqliteDatabase) -> CandleIndex:
    return CandleIndex(database)


@pytest.fixture
def tiers(store: CandleStore, hot: HotCandles, index: CandleIndex) -> CandleTiers:
    return CandleTiers(store, hot, index)


def test_bars_come_back_exactly_and_oldest_first(hot: HotCandles) -> None:
    exact = Bar(
        NEW_YEAR + MINUTE, *(Decimal(f"828810596.0008935600000000000{digit}") for digit in range(6)), real=False
    )
    hot.append(MARKET, [exact, a_bar(0)])

    assert hot.load(MARKET) == (a_bar(0), exact)
    assert hot.load(MARKET)[1].real is False


def test_a_known_minute_is_replaced_but_never_a_traded_bar_by_a_filled_one(hot: HotCandles) -> None:
    hot.append(MARKET, [a_bar(0, "1"), a_bar(1, "2", real=False), a_bar(2, "3")])
    hot.append(MARKET, [a_bar(0, "4"), a_bar(1, "5"), a_bar(2, "6", real=False)])

    assert [str(bar.close) for bar in hot.load(MARKET)] == ["4", "5", "3"]


def test_a_minute_of_all_markets_is_stored_together(hot: HotCandles) -> None:
    hot.append_all({f"KRW-{number}": [a_bar(0), a_bar(1)] for number in range(700)})

    assert len(hot.markets()) == 700
    assert all(len(hot.load(market)) == 2 for market in ("KRW-0", "KRW-699"))


def test_a_minute_that_cannot_be_stored_whole_is_not_stored(hot: HotCandles) -> None:
    bad = Bar(NEW_YEAR, *[Decimal(1)] * 5, value=1.5)
    with pytest.raises(StorageError, match="column value takes a finite Decimal"):
        hot.append_all({"KRW-ETH": [a_bar(minute) for minute in range(1_500)], MARKET: [bad]})

    assert hot.markets() == ()


def test_a_range_holds_its_begin_and_not_its_end(hot: HotCandles) -> None:
    hot.append(MARKET, [a_bar(minute) for minute in range(5)])
    hot.append("KRW-ETH", [a_bar(2)])

    assert hot.load(MARKET, NEW_YEAR + MINUTE, NEW_YEAR + 3 * MINUTE) == (a_bar(1), a_bar(2))


def test_dropping_forgets_what_is_older_of_that_market_only(hot: HotCandles) -> None:
    for market in (MARKET, "KRW-ETH"):
        hot.append(market, [a_bar(minute) for minute in range(5)])

    assert hot.drop(MARKET, NEW_YEAR + 3 * MINUTE) == 3
    assert hot.load(MARKET) == (a_bar(3), a_bar(4))
    assert len(hot.load("KRW-ETH")) == 5


def test_both_tiers_read_as_one_and_the_hot_bar_wins(tiers: CandleTiers, store: CandleStore, hot: HotCandles) -> None:
    store.seal(MARKET, [a_bar(0, "1"), a_bar(1, "2"), a_bar(2, "3")])
    hot.append(MARKET, [a_bar(1, "7"), a_bar(2, "8", real=False), a_bar(3, "9")])

    assert tiers.load(MARKET).close.tolist() == [1.0, 7.0, 3.0, 9.0]
    assert tiers.load(MARKET, NEW_YEAR + MINUTE, NEW_YEAR + 3 * MINUTE).close.tolist() == [7.0, 3.0]


def test_sealing_moves_old_bars_and_keeps_the_index(
    tiers: CandleTiers, store: CandleStore, hot: HotCandles, index: CandleIndex
) -> None:
    hot.append(MARKET, [a_bar(0), a_bar(1), a_bar(4), a_bar(5)])
    before = tiers.load(MARKET)
    damaged = tiers.seal(MARKET, NEW_YEAR + 5 * MINUTE, now=NEW_YEAR + 9 * MINUTE)

    assert damaged == ()
    assert hot.load(MARKET) == (a_bar(5),)
    assert len(store.load(MARKET)) == 3
    assert tiers.load(MARKET).same_as(before)
    assert index.entries(MARKET) == (
        IndexEntry(MARKET, "1m", NEW_YEAR, NEW_YEAR + 5 * MINUTE, rows=3, gaps=2, checked_at=NEW_YEAR + 9 * MINUTE),
    )


def test_sealing_again_replaces_the_line_of_the_index(tiers: CandleTiers, hot: HotCandles, index: CandleIndex) -> None:
    for market in (MARKET, "KRW-ETH"):
        hot.append(market, [a_bar(5)])
        tiers.seal(market, NEW_YEAR + 6 * MINUTE, now=1)
    hot.append(MARKET, [a_bar(-1), a_bar(3)])
    tiers.seal(MARKET, NEW_YEAR + 6 * MINUTE, now=2)

    assert [(entry.market, entry.rows, entry.checked_at) for entry in index.entries()] == [
        (MARKET, 1, 2),
        (MARKET, 2, 2),
        ("KRW-ETH", 1, 1),
    ]
    index.record(MARKET, (), 3)
    assert index.entries(MARKET) == ()


def test_damage_found_while_sealing_is_reported(tiers: CandleTiers, hot: HotCandles, tmp_path: Path) -> None:
    hot.append(MARKET, [a_bar(0)])
    tiers.seal(MARKET, NEW_YEAR + MINUTE, now=1)
    (tmp_path / "candles" / MARKET / "2026.h5").write_bytes(b"?")
    hot.append(MARKET, [a_bar(1)])

    assert [found.year for found in tiers.seal(MARKET, NEW_YEAR + 2 * MINUTE, now=2)] == [2026]
    assert tiers.load(MARKET).time.tolist() == [NEW_YEAR + MINUTE]


def test_a_tail_that_cannot_be_sealed_stays(tiers: CandleTiers, hot: HotCandles, tmp_path: Path) -> None:
    hot.append(MARKET, [a_bar(0)])
    (tmp_path / "candles").write_text("in the way")

    with pytest.raises(StorageError, match=r"KRW-BTC/2026\.h5 cannot be read: Not a directory"):
        tiers.seal(MARKET, NEW_YEAR + MINUTE, now=1)
    assert hot.load(MARKET) == (a_bar(0),)
