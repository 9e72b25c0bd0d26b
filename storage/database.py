"""Opens the SQL projection: a SQLite file that many threads and processes read while one thread writes."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from peewee import DatabaseError, Model, PeeweeException, SchemaManager, SqliteDatabase

from domain.errors import ConfigError, StorageError
from storage.candle_models import HotMinuteRow, HotSeenRow
from storage.listing_models import LISTING_TABLES
from storage.market_models import MARKET_TABLES
from storage.models import TABLES, VersionRow
from storage.quality_models import QUALITY_TABLES

BUSY_S = 5
"""Seconds a statement waits for another writer."""

PRAGMAS = {
    "journal_mode": "wal",  # readers go on while the writer writes
    "synchronous": "full",  # what was told survives a power cut
    "foreign_keys": "on",
}

Migration: TypeAlias = Callable[[SqliteDatabase], None]


def create_first_tables(database: SqliteDatabase) -> None:
    """Migration to version 1: an empty projection."""
    for table in TABLES:
        SchemaManager(table, database).create_all(safe=True)


SECOND_TABLES: tuple[type[Model], ...] = (
    HotMinuteRow,
    HotSeenRow,
    *LISTING_TABLES,
    *QUALITY_TABLES,
    *MARKET_TABLES,
)
"""All tables that schema version 2 adds."""


def add_second_tables(database: SqliteDatabase) -> None:
    """Migration to version 2: market data, and what the exchange says of its markets.

    What the first version kept of the candles' tail (`hot_candles`) was never written by a session: it goes.
    """
    for table in SECOND_TABLES:
        SchemaManager(table, database).create_all(safe=True)
    database.execute_sql("drop table if exists hot_candles")  # type: ignore[no-untyped-call]  # peewee has no types here


MIGRATIONS: tuple[Migration, ...] = (create_first_tables, add_second_tables)
"""Step n leads from version n to n + 1. Steps are only ever added: files of every version are out there."""


def open_database(path: Path, *, migrations: Sequence[Migration] = MIGRATIONS) -> SqliteDatabase:
    """Open or create the projection, bring it to this version and check that it is whole.

    Every thread that uses it gets a connection of its own, and closes that one with `database.close()`.

    Raises:
        ConfigError: if a newer version of the program wrote the file.
        StorageError: if the file is damaged, or cannot be opened or written.
    """
    database = _connected(path, create=True, pragmas=PRAGMAS)
    try:
        with explained(database):
            _check_whole(database)
            _migrate(database, migrations)
    except BaseException:
        database.close()
        raise
    return database


def open_reader(path: Path, *, migrations: Sequence[Migration] = MIGRATIONS) -> SqliteDatabase:
    """Open an existing projection for reading only; a write through it is refused by SQLite.

    Raises:
        ConfigError: if the file is of another version than this program.
        StorageError: if there is no file yet, or it cannot be read.
    """
    if not path.is_file():
        raise StorageError(f"{path} does not exist yet: start a session on this home first")
    database = _connected(path, create=False, pragmas={"query_only": "on"})
    try:
        with explained(database):
            found = _version(database)
    except BaseException:
        database.close()
        raise
    if found != len(migrations):
        database.close()
        raise ConfigError(
            f"{path} has schema version {found}, this program reads {len(migrations)}: restart both sides"
        )
    return database


@contextmanager
def explained(database: SqliteDatabase) -> Iterator[None]:
    """Turn any error of the database inside the block into a StorageError that says what to do."""
    try:
        yield
    except (PeeweeException, sqlite3.Error) as error:  # peewee does not wrap what happens while rows are fetched
        text = " ".join(str(error).split())
        raise StorageError(f"{database.database}: {text}; {_advice(text)}") from error


def _advice(text: str) -> str:
    if "locked" in text:
        return "another program holds the database: end it, then try again"
    if "full" in text or "disk I/O" in text:
        return "see to the disk and its free space, then try again"
    if "constraint" in text:
        return "an event does not fit its table: that is a fault of this program, please report it"
    if "readonly" in text or "unable to open" in text:
        return "see to the permissions of the file and of its folder"
    return "move the file (and its -wal and -shm) away and start again: it is rebuilt from the journal"


def _connected(path: Path, *, create: bool, pragmas: dict[str, str]) -> SqliteDatabase:
    database = SqliteDatabase(None)  # deferred: the file is named once it is there with the right mode
    try:
        if create:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StorageError(f"{path} cannot be opened for writing: {error.strerror}") from error
    database.init(str(path), pragmas=pragmas, timeout=BUSY_S)
    with explained(database):
        database.connect()
    return database


def _check_whole(database: SqliteDatabase) -> None:
    found = database.pragma("quick_check(1)")
    if found != "ok":
        raise DatabaseError(f"damaged: {found}")


def _migrate(database: SqliteDatabase, migrations: Sequence[Migration]) -> None:
    """Take the missing steps in one transaction; another process that opens the file now waits for it."""
    known = len(migrations)
    with database.atomic("IMMEDIATE"):
        found = _version(database)
        if found > known:
            raise ConfigError(
                f"{database.database} has schema version {found}, this program knows {known}: "
                "use the newer program, or move the file away and it is rebuilt from the journal"
            )
        SchemaManager(VersionRow, database).create_all(safe=True)
        for version in range(found + 1, known + 1):
            migrations[version - 1](database)
            VersionRow.insert(version=version).execute(database)


def _version(database: SqliteDatabase) -> int:
    """Schema version of the file; 0 for an empty one."""
    if VersionRow._meta.table_name not in database.get_tables():  # noqa: SLF001 (peewee's own name for its settings)
        return 0
    return VersionRow.select(VersionRow.version).order_by(VersionRow.version.desc()).limit(1).scalar(database) or 0
