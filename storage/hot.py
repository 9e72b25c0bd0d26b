"""Both tiers of candles: the hot tail as SQL rows, the index of what is sealed in files, and the two read as one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from peewee import EXCLUDED, SqliteDatabase

from domain.market import Bar
from domain.message import Value
from storage.candle_files import CandleArrays, arrays_of, merged
from storage.candles import FOREVER, CandleStore, Coverage, Quarantined
from storage.database import explained
from storage.models import CandleRow, HotCandleRow

TIMEFRAME = "1m"
ROWS_AT_ONCE = 1_000
_FIELDS = Bar.__struct_fields__


class IndexEntry(Value, frozen=True):
    """One line of the index: sealed bars in [since, until), minutes missing, and when the file was last read whole."""

    market: str
    timeframe: str
    since: int
    until: int
    rows: int
    gaps: int
    checked_at: int


class HotCandles:
    """Recent minute bars in the projection's database. All methods raise StorageError if the database fails."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def append(self, market: str, bars: Sequence[Bar]) -> None:
        """Store bars of one market; a known minute is replaced, except a traded bar by a filled one."""
        self.append_all({market: bars})

    def append_all(self, bars: Mapping[str, Iterable[Bar]]) -> None:
        """Store bars of many markets in one transaction, as `append` does."""
        rows = [(market, *_row(bar)) for market, its in bars.items() for bar in its]
        columns: list[Any] = [getattr(HotCandleRow, name) for name in ("market", *_FIELDS)]
        with explained(self._database), self._database.atomic("IMMEDIATE"):
            for start in range(0, len(rows), ROWS_AT_ONCE):
                insert = HotCandleRow.insert_many(rows[start : start + ROWS_AT_ONCE], columns)
                insert.on_conflict(
                    conflict_target=columns[:2],
                    preserve=columns[2:],
                    where=EXCLUDED.real >= HotCandleRow.real,
                ).execute(self._database)

    def load(self, market: str, since: int = 0, until: int = FOREVER) -> tuple[Bar, ...]:
        """The bars of one market that start in [since, until), oldest first, exactly as stored."""
        chosen = (HotCandleRow.market == market) & (HotCandleRow.start >= since) & (HotCandleRow.start < until)
        columns = [getattr(HotCandleRow, name) for name in _FIELDS]
        query = HotCandleRow.select(*columns).where(chosen).order_by(HotCandleRow.start).tuples()
        with explained(self._database):
            return tuple(Bar(*row) for row in query.execute(self._database))

    def drop(self, market: str, until: int) -> int:
        """Forget the bars of one market that start before `until`; gives how many."""
        old = (HotCandleRow.market == market) & (HotCandleRow.start < until)
        with explained(self._database):
            return int(HotCandleRow.delete().where(old).execute(self._database))

    def markets(self) -> tuple[str, ...]:
        """The markets that have bars here, by name."""
        query = HotCandleRow.select(HotCandleRow.market).distinct().order_by(HotCandleRow.market).tuples()
        with explained(self._database):
            return tuple(market for (market,) in query.execute(self._database))


class CandleIndex:
    """Table `candles`: what the sealed files hold, to be known without opening them."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def record(self, market: str, coverage: Sequence[Coverage], checked_at: int) -> None:
        """Replace the lines of one market by what its files were found to hold at `checked_at`."""
        rows = [
            {
                "market": market,
                "timeframe": TIMEFRAME,
                "since": found.since,
                "until": found.until,
                "rows": found.rows,
                "gaps": found.gaps,
                "checked_at": checked_at,
            }
            for found in coverage
        ]
        with explained(self._database), self._database.atomic("IMMEDIATE"):
            CandleRow.delete().where(CandleRow.market == market).execute(self._database)
            if rows:
                CandleRow.insert_many(rows).execute(self._database)

    def entries(self, market: str | None = None) -> tuple[IndexEntry, ...]:
        """The lines of one market or of all, by market and time."""
        query = CandleRow.select().order_by(CandleRow.market, CandleRow.since)
        names = IndexEntry.__struct_fields__
        with explained(self._database):
            rows = list((query.where(CandleRow.market == market) if market else query).execute(self._database))
        return tuple(IndexEntry(*(getattr(row, name) for name in names)) for row in rows)


class CandleTiers:
    """Sealed files and hot tail as one history; on the thread that owns the store."""

    def __init__(self, store: CandleStore, hot: HotCandles, index: CandleIndex) -> None:
        self._store = store
        self._hot = hot
        self._index = index

    def load(self, market: str, since: int = 0, until: int = FOREVER) -> CandleArrays:
        """The bars that start in [since, until); where both tiers have one the hot one wins, unless it is filled.

        Raises:
            StorageError: as `CandleStore.load`, or if the database fails.
        """
        return merged(self._store.load(market, since, until), arrays_of(self._hot.load(market, since, until)))

    def seal(self, market: str, until: int, now: int) -> tuple[Quarantined, ...]:
        """Move the bars that start before `until` from the hot tail into the files, and bring the index up to `now`.

        A crash in between leaves bars in both tiers, which reads the same and is done again. Gives damaged files found.

        Raises:
            StorageError: if a file or the database cannot be written; the hot tail keeps what is not sealed.
        """
        damaged = self._store.seal(market, self._hot.load(market, 0, until))
        self._index.record(market, self._store.coverage(market), now)
        self._hot.drop(market, until)
        return damaged


def _row(bar: Bar) -> tuple[Any, ...]:
    return tuple(getattr(bar, name) for name in _FIELDS)
