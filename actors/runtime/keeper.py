"""The housekeeping of a journal: a sync every second, snapshots to disk, compression, retention."""

import logging
import threading
from collections.abc import Callable

from actors.runtime.journal import Journal, JournalOptions
from actors.runtime.snapshots import SnapshotFolder
from domain.errors import StorageError

log = logging.getLogger(__name__)

PERIOD_S = 1.0


class Keeper:
    """A thread that keeps the journal in order while the actors write to it.

    `take_snapshot` collects and saves all states (on this thread); it is called every `snapshot_records` records and
    after each new segment. A disk that does not take a snapshot or a packed file is reported and tried again.
    """

    def __init__(
        self,
        journal: Journal,
        store: SnapshotFolder,
        options: JournalOptions,
        *,
        take_snapshot: Callable[[], None],
        fail: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._store = store
        self._options = options
        self._take_snapshot = take_snapshot
        self._fail = fail
        self._snapshot_at = journal.last_seq
        self._segments = len(journal.closed_segments())
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="journal-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the work in hand is done."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30.0)

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            try:
                self._journal.sync()
                self.tidy()
            except StorageError as error:
                self._fail(str(error))
                return

    def tidy(self) -> None:
        """Do once what is due; raises StorageError when the journal itself cannot be written."""
        try:
            self._tidy()
        except StorageError:
            raise
        except OSError as error:
            log.error("journal housekeeping failed, will be tried again: %s", error)  # noqa: TRY400 (one line says it)

    def _tidy(self) -> None:
        closed = self._journal.closed_segments()
        due = self._journal.last_seq - self._snapshot_at >= self._options.snapshot_records
        if due or len(closed) > self._segments:
            before = self._journal.last_seq
            self._take_snapshot()
            self._snapshot_at = before
        if len(closed) > self._segments or any(not one.packed for one in closed):
            self._journal.pack_closed()
            self.prune()
            self._segments = len(self._journal.closed_segments())

    def prune(self) -> None:
        """Delete old segments that no kept snapshot needs."""
        needed = [snapshot.fold_after + 1 for snapshot in self._store.newest_first()]
        self._journal.prune(self._options.keep_segments, min(needed, default=1))
