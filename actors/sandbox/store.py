"""The sandbox's disk: one SQLite file with a snapshot, the records after it, the time, and what others keep by name.

It outlives a kill -9 of the process at any moment. What is committed is handed to the system before this returns; it is
not forced to the disk each time, so a power cut may take the last commits, but never the file.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from domain.errors import ConfigError, StorageError

FILE: Final = "exchange.sqlite"
LOCK_WAIT_S: Final = 3.0  # real seconds
VERSION: Final = 2
_EARLIER: Final = ("exchange.log", "exchange.snapshot")
_SETUP: Final = """
PRAGMA page_size = 1024;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA wal_autocheckpoint = 8000;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS record (number INTEGER PRIMARY KEY, payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, payload BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY CHECK (id = 1), now INTEGER NOT NULL);
INSERT OR IGNORE INTO clock VALUES (1, 0);
COMMIT;
"""
_SNAPSHOT: Final = "snapshot"


class Store:
    """One folder, held by one process at a time and used by one thread; others may read the file meanwhile.

    Raises:
        ConfigError: when another process holds the folder, or an earlier version kept it.
        StorageError: when it cannot be used, or is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._now = folder, 0
        refuse_earlier(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            os.close(os.open(folder / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise StorageError(f"the sandbox cannot use its folder {folder}: {error}") from error
        try:
            self._wait_for_lock()
            self._db = self._opened()
        except BaseException:
            os.close(self._lock)
            raise

    def snapshot(self) -> bytes | None:
        """The last snapshot, None when there was none."""
        return self.kept(_SNAPSHOT)

    def records(self) -> list[bytes]:
        """Every record after the snapshot, oldest first."""
        return [payload for (payload,) in self._read("SELECT payload FROM record ORDER BY number")]

    @property
    def time(self) -> int:
        """The time last kept, in microseconds UTC; 0 when there is none."""
        return self._now

    def commit(self, now: int, number: int = 0, record: bytes | None = None) -> None:
        """Keep the time, and with it a record if there is one, whole or not at all; numbers must rise."""
        if record is None and now == self._now:
            return
        with self._writing():
            if record is not None:
                self._db.execute("INSERT INTO record VALUES (?, ?)", (number, record))
            self._db.execute("UPDATE clock SET now = ?", (now,))
        self._now = now

    def replace(self, payload: bytes) -> None:
        """Keep a snapshot, which stands for all records so far."""
        with self._writing():
            self._keep(_SNAPSHOT, payload)
            self._db.execute("DELETE FROM record")

    def keep(self, name: str, payload: bytes) -> None:
        """Keep something by its name, in place of what was there."""
        with self._writing():
            self._keep(name, payload)

    def kept(self, name: str) -> bytes | None:
        """What was kept by this name, None when nothing was."""
        rows = self._read("SELECT payload FROM kept WHERE name = ?", name)
        return bytes(rows[0][0]) if rows else None

    def close(self) -> None:
        """Let another process have the folder."""
        self._db.close()
        os.close(self._lock)

    # --- the file ----------------------------------------------------------------------------------------------------

    def _keep(self, name: str, payload: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (name, payload))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction; raises StorageError when it could not be kept."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise StorageError(f"the sandbox cannot write {self.folder / FILE}: {error}") from error

    def _read(self, query: str, *values: str) -> list[tuple[bytes]]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._damaged(error) from error

    def _opened(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.folder / FILE, isolation_level=None, timeout=LOCK_WAIT_S)
        try:
            self._check(db)
            db.executescript(_SETUP)
            db.execute(f"PRAGMA user_version = {VERSION}")
            (self._now,) = db.execute("SELECT now FROM clock").fetchone()
        except sqlite3.Error as error:
            db.close()
            raise self._damaged(error) from error
        except ConfigError:
            db.close()
            raise
        return db

    def _check(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version not in {0, VERSION}:
            raise ConfigError(_other_version(self.folder, f"schema {version} instead of {VERSION}"))
        (verdict,) = db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)

    def _damaged(self, error: sqlite3.Error) -> StorageError:
        path = self.folder / FILE
        return StorageError(f"{path} is damaged ({error}): restore it, or move {self.folder} away to begin afresh")

    def _wait_for_lock(self) -> None:
        """Take the folder; one whose parent was killed a moment ago is still ending and gets a little time."""
        end = time.monotonic() + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if time.monotonic() > end:
                    text = f"another sandbox is running on {self.folder}: stop it, or give another --home"
                    raise ConfigError(text) from error
                time.sleep(0.05)
            else:
                return


def refuse_earlier(folder: Path) -> None:
    """Refuse a folder whose books were kept by a version that had no database; raises ConfigError."""
    if found := next((name for name in _EARLIER if (folder / name).exists()), None):
        raise ConfigError(_other_version(folder, found))


def _other_version(folder: Path, found: str) -> str:
    return (
        f"{folder} holds the books of another version of the sandbox ({found}): "
        "move it away to begin afresh, or give another --home"
    )
