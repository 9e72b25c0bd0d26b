"""The hot tail of candles: SQL rows of what is known of recent minutes, until they are sealed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from peewee import EXCLUDED, SqliteDatabase, Tuple

from domain.errors import StorageError
from domain.market import DAY, MINUTE, Bar
from domain.messages import CandlesTold
from storage.candle_models import HotMinuteRow, HotSeenRow
from storage.columns import FOREVER, PROVISIONAL, REST, REVISED, TRADES, Known, arrays_of, spans_of
from storage.database import explained

ROWS_AT_ONCE: Final = 1_000
SPAN_MAX: Final = 31 * DAY
"""What may be told at once: each minute becomes a row."""
SOURCES: Final[Mapping[str, int]] = {"trades": TRADES, "rest": REST}
STATES: Final[Mapping[str, bool]] = {"provisional": False, "final": True}
_AMOUNTS: Final = ("open", "high", "low", "close", "volume", "value")
_EMPTY: Final = (None,) * len(_AMOUNTS)


class HotPart(NamedTuple):
    """What the tail knows, and the rows it was read from: (start, sequence) of minutes and of versions as seen."""

    known: Known
    minutes: tuple[tuple[int, int], ...]
    seen: tuple[tuple[int, int], ...]


class HotCandles:
    """Recent minutes in the projection's database. All methods raise StorageError if the database fails."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def take(self, sequence: int, told: CandlesTold) -> None:
        """Store what a journal record told, as `take_all` does."""
        self.take_all([(sequence, told)])

    def take_all(self, batch: Sequence[tuple[int, CandlesTold]]) -> None:
        """Store what journal records told, all or nothing; any order and any repetition ends in the same rows.

        Of two words on one minute the final one stands, then the younger; of versions as seen the first one.

        Raises:
            StorageError: for a span off the grid of minutes, a bar outside of it or not traded, an unknown source.
        """
        minutes = [row for sequence, told in batch for row in _minutes(sequence, told)]
        seen = [row for sequence, told in batch for row in _seen(sequence, told)]
        final = EXCLUDED.final > HotMinuteRow.final
        younger = (EXCLUDED.final == HotMinuteRow.final) & (EXCLUDED.sequence > HotMinuteRow.sequence)
        with explained(self._database), self._database.atomic("IMMEDIATE"):
            self._put(HotMinuteRow, minutes, final | younger)
            self._put(HotSeenRow, seen, EXCLUDED.sequence < HotSeenRow.sequence)

    def held(self, market: str, since: int = 0, until: int = FOREVER) -> HotPart:
        """Give what is known of the minutes that start in [since, until)."""
        with explained(self._database), self._database.atomic():  # one moment for both tables
            rows = self._rows(HotMinuteRow, market, since, until)
            seen = self._rows(HotSeenRow, market, since, until)
        traded = [row for row in rows if row.open is not None]
        revised = {row.start for row in seen}
        flags = [
            row.source | (0 if row.final else PROVISIONAL) | (REVISED if row.start in revised else 0) for row in traded
        ]
        starts = np.array([row.start for row in rows], np.int64)
        as_seen = arrays_of([_bar(row) for row in seen], TRADES | PROVISIONAL)
        known = Known(arrays_of([_bar(row) for row in traded], flags), spans_of(starts, MINUTE), as_seen)
        return HotPart(known, _keys(rows), _keys(seen))

    def forget(self, market: str, part: HotPart) -> None:
        """Drop the rows that were read, those that were replaced meanwhile excepted."""
        with explained(self._database), self._database.atomic("IMMEDIATE"):
            for table, keys in ((HotMinuteRow, part.minutes), (HotSeenRow, part.seen)):
                for begin in range(0, len(keys), ROWS_AT_ONCE):
                    read = Tuple(table.start, table.sequence).in_(keys[begin : begin + ROWS_AT_ONCE])
                    table.delete().where((table.market == market) & read).execute(self._database)

    def markets(self, until: int = FOREVER) -> tuple[str, ...]:
        """Give the markets of which something that starts before `until` is known here, by name."""
        found: set[str] = set()
        with explained(self._database):
            for table in (HotMinuteRow, HotSeenRow):
                query = table.select(table.market).where(table.start < until).distinct().tuples()
                found.update(market for (market,) in query.execute(self._database))
        return tuple(sorted(found))

    def _rows(self, table: Any, market: str, since: int, until: int) -> list[Any]:
        chosen = (table.market == market) & (table.start >= since) & (table.start < until)
        return list(table.select().where(chosen).order_by(table.start).namedtuples().execute(self._database))

    def _put(self, table: Any, rows: list[tuple[Any, ...]], wins: Any) -> None:
        """Insert rows, or replace those in their place that they win over; peewee words one row, SQLite repeats it."""
        if not rows:
            return
        columns: list[Any] = list(table._meta.sorted_fields)  # noqa: SLF001 (peewee's own name for its settings)
        insert = table.insert_many(rows[:1], columns)
        insert = insert.on_conflict(conflict_target=columns[:2], preserve=columns[2:], where=wins)
        statement, _ = insert.bind(self._database).sql()
        values = [[column.db_value(value) for column, value in zip(columns, row, strict=True)] for row in rows]
        cursor = self._database.cursor()  # type: ignore[no-untyped-call]  # peewee has no types here
        cursor.executemany(statement, values)


def _minutes(sequence: int, told: CandlesTold) -> Iterator[tuple[Any, ...]]:
    """A row for each minute of the span, traded or not."""
    if told.until - told.since > SPAN_MAX:
        raise StorageError(
            f"{told.until - told.since} us of {told.market} were told at once: history goes to the files"
        )
    if told.since % MINUTE or told.until % MINUTE or told.since > told.until:
        raise StorageError(f"candles of {told.market} were told of [{told.since}, {told.until}), no whole minutes")
    if told.source not in SOURCES or told.state not in STATES:
        raise StorageError(f"candles of {told.market} have source {told.source!r} and state {told.state!r}")
    bars = {bar.start: bar for bar in told.bars}
    rest = (SOURCES[told.source], STATES[told.state], sequence)
    for start in range(told.since, told.until, MINUTE):
        bar = bars.pop(start, None)
        if bar is not None and not bar.real:
            raise StorageError(f"the bar of {told.market} at {start} fills a gap: only what was traded is stored")
        yield (told.market, start, *(_EMPTY if bar is None else _amounts(bar)), *rest)
    if bars:
        raise StorageError(f"the bar of {told.market} at {min(bars)} is no minute of [{told.since}, {told.until})")


def _seen(sequence: int, told: CandlesTold) -> Iterator[tuple[Any, ...]]:
    for revision in told.revisions:
        if revision.as_seen is not None:
            yield (told.market, revision.start, *_amounts(revision.as_seen), sequence)


def _amounts(bar: Bar) -> tuple[Any, ...]:
    return tuple(getattr(bar, name) for name in _AMOUNTS)


def _bar(row: Any) -> Bar:
    return Bar(row.start, *(getattr(row, name) for name in _AMOUNTS))


def _keys(rows: list[Any]) -> tuple[tuple[int, int], ...]:
    return tuple((row.start, row.sequence) for row in rows)
