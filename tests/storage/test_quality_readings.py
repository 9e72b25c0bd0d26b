"""Blocks and counters of the data, as they are written and read back."""

import pytest
from peewee import SqliteDatabase

from domain.blocks import Block
from domain.market import DAY, HOUR, KST_OFFSET, MINUTE
from domain.messages import DataBlocked, QualityMeasured, QualityRow
from storage.projection import Projection
from storage.quality_readings import Counted, PastBlock, QualityReadings
from tests.storage.conftest import NEW_YEAR, dump

BTC, ETH = "KRW-BTC", "KRW-ETH"
DAY_BEGIN = NEW_YEAR - (NEW_YEAR + KST_OFFSET) % DAY


@pytest.fixture
def readings(database: SqliteDatabase) -> QualityReadings:
    return QualityReadings(database)


def a_block(market: str = "", code: str = "STREAM_SILENT", since: int = NEW_YEAR) -> Block:
    return Block(market, code, "public: no data for 12 s", since)


def test_a_block_lasts_until_its_end_is_told(projection: Projection, readings: QualityReadings) -> None:
    silent, spike = a_block(), a_block(ETH, "SPIKE", NEW_YEAR + 1)
    projection.apply([(1, DataBlocked((silent,), NEW_YEAR, (silent,)))])
    projection.apply([(2, DataBlocked((silent, spike), NEW_YEAR + 1, (spike,)))])
    assert readings.blocks() == (PastBlock(spike, None), PastBlock(silent, None))
    projection.apply([(3, DataBlocked((spike,), NEW_YEAR + MINUTE, (), (silent,)))])
    assert readings.blocks() == (PastBlock(spike, None), PastBlock(silent, NEW_YEAR + MINUTE))
    assert readings.blocks(limit=1) == (PastBlock(spike, None),)
    assert readings.blocks(since=NEW_YEAR + MINUTE) == (PastBlock(spike, None),)


def test_the_blocks_of_a_market_are_its_own_and_those_of_all(projection: Projection, readings: QualityReadings) -> None:
    blocks = a_block(), a_block(ETH, "SPIKE"), a_block(BTC, "SPIKE")
    projection.apply([(1, DataBlocked(blocks, NEW_YEAR, blocks))])
    assert [one.block.market for one in readings.blocks(market=BTC)] == ["", BTC]


def test_a_block_that_says_something_new_is_one_row(projection: Projection, readings: QualityReadings) -> None:
    for sequence, text in ((1, "had no candle"), (2, "trades again")):
        block = Block("", "MAINTENANCE", text, NEW_YEAR)
        projection.apply([(sequence, DataBlocked((block,), NEW_YEAR, (block,)))])
    assert [one.block.text for one in readings.blocks()] == ["trades again"]


def test_blocks_told_twice_or_out_of_order_end_in_the_same_rows(
    projection: Projection, database: SqliteDatabase
) -> None:
    block = a_block()
    events = [(1, DataBlocked((block,), NEW_YEAR, (block,))), (2, DataBlocked((), NEW_YEAR + 5, (), (block,)))]
    projection.apply(events)
    before = dump(database)
    projection.apply(events[::-1])
    assert dump(database) == before


def counted(at: int, *rows: QualityRow) -> QualityMeasured:
    return QualityMeasured(at, rows)


def test_counters_are_listed_by_market_source_and_time(projection: Projection, readings: QualityReadings) -> None:
    one, two = QualityRow(BTC, "trades", checked=5, revised=1), QualityRow("", "public", stale=1)
    projection.apply([(1, counted(NEW_YEAR, one, two)), (2, counted(NEW_YEAR + HOUR, one))])
    assert readings.counts() == (Counted(NEW_YEAR + HOUR, one), Counted(NEW_YEAR, two), Counted(NEW_YEAR, one))
    assert readings.counts(market="") == (Counted(NEW_YEAR, two),)
    assert readings.counts(source="trades", limit=1) == (Counted(NEW_YEAR + HOUR, one),)
    assert readings.counts(since=NEW_YEAR + 1) == (Counted(NEW_YEAR + HOUR, one),)


def test_days_add_everything_up_from_midnight_in_korea(projection: Projection, readings: QualityReadings) -> None:
    full = QualityRow(BTC, "trades", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
    noon = DAY_BEGIN + DAY // 2
    projection.apply(
        [
            (1, counted(noon, full)),
            (2, counted(DAY_BEGIN + DAY, full, QualityRow("", "public", lost=7))),  # what ends at midnight is of before
            (3, counted(DAY_BEGIN + DAY + MINUTE, full)),
        ]
    )
    twice = QualityRow(BTC, "trades", 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22)
    assert readings.days() == (
        Counted(DAY_BEGIN + DAY, full),
        Counted(DAY_BEGIN, QualityRow("", "public", lost=7)),
        Counted(DAY_BEGIN, twice),
    )
    assert readings.days(market=BTC, limit=1) == (Counted(DAY_BEGIN + DAY, full),)
    assert readings.days(source="public") == (Counted(DAY_BEGIN, QualityRow("", "public", lost=7)),)
    assert readings.days(since=noon + 1, market=BTC)[1:] == (Counted(DAY_BEGIN, full),)
