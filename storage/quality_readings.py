"""Reads what was counted and blocked of the data: plain immutable values, never rows of the database."""

from typing import Any, Final

import msgspec
from peewee import Model, SqliteDatabase, fn

from domain.blocks import Block
from domain.market import DAY, KST_OFFSET
from domain.message import Value
from domain.messages import QualityRow
from storage.database import explained
from storage.quality_models import BlockRow, QualityCountRow

COUNTED: Final = QualityRow.__struct_fields__[2:]
"""The names of the counters."""


class PastBlock(Value, frozen=True):
    """A block and when it ended, None while it lasts."""

    block: Block
    until: int | None


class Counted(Value, frozen=True):
    """Counters with the time they were told at, or of a whole account day with the time it begins (00:00 KST)."""

    at: int
    row: QualityRow


class QualityReadings:
    """Every thread may use it. Methods raise StorageError if they cannot read; times are microseconds UTC.

    Newest first, `limit` values at the most. `market` and `source` None mean any; a market "" is all of a stream.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def blocks(self, limit: int = 100, since: int = 0, market: str | None = None) -> tuple[PastBlock, ...]:
        """The blocks that lasted at `since` or began later; those of one market are its own and those of all."""
        query = BlockRow.select().where(BlockRow.until.is_null() | (BlockRow.until > since))
        if market is not None:
            query = query.where(BlockRow.market.in_(("", market)))
        rows = self._rows(query.order_by(BlockRow.since.desc(), BlockRow.market, BlockRow.code).limit(limit))
        return tuple(PastBlock(Block(row.market, row.code, row.text, row.since), row.until) for row in rows)

    def counts(
        self, limit: int = 100, since: int = 0, *, market: str | None = None, source: str | None = None
    ) -> tuple[Counted, ...]:
        """What was counted, as it was told at `since` or later."""
        query = self._of(QualityCountRow.select(), market, source).where(QualityCountRow.at >= since)
        rows = self._rows(query.order_by(QualityCountRow.at.desc(), *_named()).limit(limit))
        return tuple(Counted(row.at, _counters(row)) for row in rows)

    def days(
        self, limit: int = 100, since: int = 0, *, market: str | None = None, source: str | None = None
    ) -> tuple[Counted, ...]:
        """The totals of each account day since then, by market and source."""
        day = (QualityCountRow.at - 1 + KST_OFFSET) / DAY  # whole numbers in SQL; `at` ends what was counted
        sums = [fn.SUM(getattr(QualityCountRow, name)).alias(name) for name in COUNTED]
        query = QualityCountRow.select(QualityCountRow.market, QualityCountRow.source, day.alias("day"), *sums)
        query = self._of(query, market, source).where(QualityCountRow.at >= since)
        grouped = query.group_by(day, *_named()).order_by(day.desc(), *_named()).limit(limit)
        return tuple(Counted(row.day * DAY - KST_OFFSET, _counters(row)) for row in self._rows(grouped))

    def _of(self, query: Any, market: str | None, source: str | None) -> Any:
        for field, wanted in ((QualityCountRow.market, market), (QualityCountRow.source, source)):
            query = query if wanted is None else query.where(field == wanted)
        return query

    def _rows(self, query: Any) -> list[Any]:
        with explained(self._database):
            return list(query.execute(self._database))


def _named() -> tuple[Any, ...]:
    return QualityCountRow.market, QualityCountRow.source


def _counters(row: Model) -> QualityRow:
    return msgspec.convert({name: getattr(row, name) for name in QualityRow.__struct_fields__}, QualityRow)
