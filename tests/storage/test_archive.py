"""Sealing what is hot, keeping the index, and what is owed after damage."""

from pathlib import Path

import pytest

from domain.errors import StorageError
from domain.market import HOUR, MINUTE
from domain.messages import Revision
from storage.archive import CandleIndex, CandleTiers, IndexEntry, Owed
from storage.candles import CandleStore
from storage.columns import PROVISIONAL, REST, REVISED, TRADES
from storage.hot import HotCandles
from tests.storage.conftest import a_bar, at, put, span, tell

MARKET = "KRW-BTC"


def test_sealing_moves_what_is_old_and_reads_the_same(tiers: CandleTiers, store: CandleStore, hot: HotCandles) -> None:
    revised = (Revision(at(1), a_bar(1, "6"), a_bar(1, "7")), Revision(at(2), a_bar(2), None))
    tell(hot, 0, 3, a_bar(0), a_bar(1, "7"), seq=1, final=True, revisions=revised)
    tell(hot, 3, 9, a_bar(3), a_bar(8), seq=2)
    before, whole, seen = tiers.read(MARKET), tiers.whole(MARKET), tiers.as_seen(MARKET)
    assert seen.time.tolist() == [at(1), at(2)]

    assert tiers.seal(MARKET, at(5) + 1, now=at(99)) == ()
    assert hot.held(MARKET).known.candles.time.tolist() == [at(8)]
    assert store.load(MARKET).flags.tolist() == [REST, REST | REVISED, TRADES | PROVISIONAL]
    assert store.as_seen(MARKET).time.tolist() == [at(1), at(2)]
    assert tiers.read(MARKET).same_as(before)
    assert tiers.whole(MARKET) == whole
    assert tiers.as_seen(MARKET).same_as(seen)


def test_the_market_is_sealable_until_it_is_sealed(tiers: CandleTiers, hot: HotCandles) -> None:
    tell(hot, 0, 3)
    assert tiers.sealable(at(1)) == (MARKET,)
    assert tiers.sealable(at(0) + 1) == ()
    tiers.seal(MARKET, at(3), now=1)
    assert tiers.sealable(at(9)) == ()
    assert tiers.whole(MARKET) == (span(0, 3),)


def test_sealing_keeps_the_index(tiers: CandleTiers, hot: HotCandles, index: CandleIndex, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0)], step=HOUR)
    tell(hot, 0, 3, a_bar(0), a_bar(1))
    tell(hot, 8, 10, a_bar(9), seq=2)
    tiers.seal(MARKET, at(10), now=at(99))

    assert index.entries(MARKET) == (
        IndexEntry(MARKET, "1m", *span(0, 10), rows=3, gaps=5, checked_at=at(99)),
        IndexEntry(MARKET, "60m", *span(0, 60), rows=1, gaps=0, checked_at=at(99)),
    )
    tell(hot, 4, 6, seq=3)
    tell(hot, 0, 1, a_bar(0), seq=4, market="KRW-ETH")
    tiers.seal("KRW-ETH", at(10), now=at(100))
    tiers.seal(MARKET, at(10), now=at(101))
    assert [(line.market, line.gaps, line.checked_at) for line in index.entries()] == [
        (MARKET, 3, at(101)),
        (MARKET, 0, at(101)),
        ("KRW-ETH", 0, at(100)),
    ]


def test_what_was_damaged_is_owed_until_it_is_restored(
    tiers: CandleTiers, hot: HotCandles, index: CandleIndex, tmp_path: Path
) -> None:
    tell(hot, 0, 60, *(a_bar(minute) for minute in range(60)))
    tiers.seal(MARKET, at(60), now=at(60))
    assert tiers.owed(at(60)) == ()
    (tmp_path / "candles" / MARKET / "2026.h5").write_bytes(b"?")
    tell(hot, 60, 70, a_bar(60), seq=2)
    (found,) = tiers.seal(MARKET, at(65), now=at(70))

    assert (found.market, found.step, found.year) == (MARKET, MINUTE, 2026)
    assert tiers.read(MARKET).time.tolist() == [at(60)]
    assert tiers.owed(at(70)) == (Owed(MARKET, MINUTE, (span(0, 60),)),)
    assert index.entries() == (IndexEntry(MARKET, "1m", *span(0, 65), rows=1, gaps=60, checked_at=at(70)),)

    tiers.restore(MARKET, MINUTE, [a_bar(3)], span(0, 40))
    tiers.refresh(MARKET, at(71))
    assert tiers.owed(at(71)) == (Owed(MARKET, MINUTE, (span(40, 60),)),)
    tiers.restore(MARKET, MINUTE, [], span(40, 60))
    tiers.refresh(MARKET, at(72))
    assert tiers.owed(at(72)) == ()
    assert index.entries() == (IndexEntry(MARKET, "1m", *span(0, 65), rows=2, gaps=0, checked_at=at(72)),)


def test_without_an_index_a_lost_file_owes_its_year_until_now(
    tiers: CandleTiers, store: CandleStore, tmp_path: Path
) -> None:
    put(store, MARKET, [a_bar(0)])
    put(store, MARKET, [a_bar(0)], step=HOUR)
    for name in ("2026.h5", "2026-60m.h5"):
        (tmp_path / "candles" / MARKET / name).write_bytes(b"?")
    assert len(tiers.refresh(MARKET, at(90))) == 2

    owed = {one.step: one.spans for one in tiers.owed(at(90))}
    assert owed == {MINUTE: (span(0, 90),), HOUR: (span(0, 60),)}


def test_damage_in_a_year_that_is_not_touched_is_found_too(
    tiers: CandleTiers, store: CandleStore, hot: HotCandles, tmp_path: Path
) -> None:
    put(store, MARKET, [a_bar(-1)])
    (tmp_path / "candles" / MARKET / "2025.h5").write_bytes(b"?")
    tell(hot, 0, 1)

    assert [found.year for found in tiers.seal(MARKET, at(1), now=at(2))] == [2025]


def test_a_file_that_was_never_indexed_is_owed_from_the_begin_of_its_year(
    tiers: CandleTiers, store: CandleStore, hot: HotCandles, tmp_path: Path
) -> None:
    put(store, MARKET, [a_bar(3)])
    (tmp_path / "candles" / MARKET / "2026.h5").write_bytes(b"?")
    tell(hot, 5, 6)
    tiers.seal(MARKET, at(6), now=at(8))

    assert tiers.owed(at(8)) == (Owed(MARKET, MINUTE, (span(0, 5), span(6, 8))),)


def test_a_tail_that_cannot_be_sealed_stays(tiers: CandleTiers, hot: HotCandles, tmp_path: Path) -> None:
    tell(hot, 0, 1, a_bar(0))
    (tmp_path / "candles").mkdir()
    (tmp_path / "candles" / MARKET).write_text("in the way")

    with pytest.raises(StorageError, match=r"KRW-BTC/2026\.h5 cannot be read: Not a directory"):
        tiers.seal(MARKET, at(1), now=1)
    assert len(hot.held(MARKET).known.candles) == 1
