"""Writes core events into the SQL projection, so that any order and any repetition ends in the same rows."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec
from peewee import EXCLUDED, Model, SqliteDatabase, fn

from domain.config import Settings
from domain.message import Message
from domain.messages import CandlesTold
from domain.readmodel import EquityPoint
from storage.database import explained
from storage.hot import HotCandles
from storage.models import ConfigRow, ProjectionRow, StrategyRow
from storage.readings import Readings
from storage.rows import rows_of

ROWS_AT_ONCE = 500
"""Rows of one INSERT: far below SQLite's limit of 32,766 values in a statement."""

PARAMETERS_OF = {"A": "pullback"}
"""The section of the settings that holds a strategy's parameters."""


class Projection:
    """The writing side of the projection. One thread at a time writes; any thread and process reads.

    A row is keyed by what it is about and replaced only by a younger sequence, a candle also by a final one. So events
    may come twice, late or in another order: the journal fed again from any point at or before the last sequence gives
    the same rows.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._hot = HotCandles(database)
        self.readings = Readings(database)

    def apply(self, batch: Sequence[tuple[int, Message]]) -> None:
        """Store a batch of (journal sequence, event) in one transaction; events that are no rows count as seen.

        Raises:
            StorageError: if it cannot be written; then nothing of the batch is stored, and it may be given again.
        """
        if not batch:
            return
        tables: dict[type[Model], list[dict[str, Any]]] = defaultdict(list)
        for sequence, message in batch:
            for table, values in rows_of(message):
                tables[table].append(values | {"sequence": sequence})
        with explained(self._database), self._database.atomic("IMMEDIATE"):
            for table, rows in tables.items():
                self._put(table, rows)
            if ConfigRow in tables:
                self._refresh_strategies([row["settings"] for row in tables[ConfigRow]])
            self._hot.take_all([(sequence, told) for sequence, told in batch if isinstance(told, CandlesTold)])
            self._advance(max(sequence for sequence, _ in batch))

    def last_sequence(self) -> int:
        """The youngest journal sequence applied; 0 before the first."""
        with explained(self._database):
            return ProjectionRow.select(ProjectionRow.sequence).scalar(self._database) or 0

    def equity_curve(self) -> tuple[EquityPoint, ...]:
        """The equity so far, thinned out to a few thousand points, oldest first."""
        return tuple(EquityPoint(point.at, point.equity) for point in self.readings.equity_points())

    def _put(self, table: Any, rows: list[dict[str, Any]]) -> None:
        """Insert rows; where the key is there already the younger row stays, among the new ones as well."""
        meta = table._meta  # noqa: SLF001 (peewee's own name for its settings)
        key = meta.get_primary_keys()
        names = {field.name for field in key}  # not the fields themselves: peewee's == builds SQL
        rest = [field for field in meta.sorted_fields if field.name not in names]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            insert = table.insert_many(rows[start : start + ROWS_AT_ONCE])
            younger = EXCLUDED.sequence > table.sequence
            insert.on_conflict(conflict_target=key, preserve=rest, where=younger).execute(self._database)

    def _refresh_strategies(self, told: list[Settings]) -> None:
        """Bring strategy_state to the youngest settings: a strategy they do not name any more is disabled."""
        latest = ConfigRow.select().order_by(ConfigRow.sequence.desc()).get(self._database)
        known = StrategyRow.select(StrategyRow.strategy).tuples().execute(self._database)
        names = {name for (name,) in known}.union(*(settings.strategies for settings in told))
        rows = [
            {
                "strategy": name,
                "enabled": name in latest.settings.strategies,
                "parameters": _parameters(latest.settings, name),
                "sequence": latest.sequence,
            }
            for name in sorted(names)
        ]
        self._put(StrategyRow, rows)

    def _advance(self, sequence: int) -> None:
        """Say how far the journal was told, in the same transaction as its rows."""
        insert = ProjectionRow.insert(id=1, sequence=sequence, batch=1)
        insert.on_conflict(
            conflict_target=[ProjectionRow.id],
            update={
                ProjectionRow.sequence: fn.MAX(ProjectionRow.sequence, EXCLUDED.sequence),
                ProjectionRow.batch: ProjectionRow.batch + 1,
            },
        ).execute(self._database)


def _parameters(settings: Settings, strategy: str) -> dict[str, Any]:
    """The parameters of a strategy by name; none when the settings have no section for it."""
    section = getattr(settings, PARAMETERS_OF.get(strategy, ""), None)
    return {} if section is None else msgspec.structs.asdict(section)
