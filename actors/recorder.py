"""Writes events into the SQL projection, in batches, at its own pace."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from actors.runtime import Actor, Context
from actors.runtime.codec import decode_message
from actors.runtime.record import Status
from actors.runtime.segments import read
from domain.message import Message
from domain.messages import IncidentRaised

log = logging.getLogger(__name__)

Write: TypeAlias = Callable[[Sequence[tuple[int, Message]]], None]
"""Stores a batch of (sequence, event) in one transaction; a sequence stored before is skipped."""

BATCH_MAX = 500
WAITING_MAX = 50_000  # events kept while the database does not answer; beyond it the oldest are left to the journal
PAUSE_S = 0.2  # events of this long are written together
RETRY_S = 2.0
TRIES = 5  # of one batch, before its events are stored one by one


class Recorder(Actor[None]):
    """Owns nothing that matters: the journal is the truth, and `catch_up` rebuilds the projection from it.

    Edge: listens to every topic worth a row. One thread writes; a database that is locked or full is tried again and
    reported, and never holds up a trade.
    """

    edge = True
    State = None

    def __init__(
        self, context: Context, name: str, *, write: Write, release: Callable[[], object], retry_s: float = RETRY_S
    ) -> None:
        super().__init__(context, name)
        self._store = write
        self._release = release
        self._retry_s = retry_s
        self._waiting: list[tuple[int, Message]] = []
        self._changed = threading.Condition()
        self._ending = False
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="recorder-writer", daemon=True)

    def handle(self, message: Message) -> None:
        """Queue the event under the sequence of its own journal record: those only grow."""
        with self._changed:
            self._waiting.append((self.seq, message))
            if len(self._waiting) > WAITING_MAX:
                del self._waiting[0]
                self._dropped += 1
            self._changed.notify()

    def on_begin(self) -> None:
        """Start the writer."""
        self._thread.start()

    def on_drained(self) -> None:
        """Write what still waits."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(timeout=30.0)
        if self._thread.is_alive():
            log.error("recorder did not finish waiting=%d", len(self._waiting))

    def _run(self) -> None:
        try:
            self._write_on()
        finally:
            self._release()

    def _write_on(self) -> None:
        pause = threading.Event()
        fails = 0
        while batch := self._take():
            if self._written(batch):
                fails = 0
                pause.wait(0.0 if self._ending else PAUSE_S)
                continue
            fails += 1
            if fails >= TRIES:
                self._one_by_one(batch)
                fails = 0
            elif self._give_back(batch):
                pause.wait(self._retry_s)
            else:
                return

    def _written(self, batch: list[tuple[int, Message]]) -> bool:
        """Store a batch; what the journal does not have for sure must not be in the projection either."""
        try:
            self.outlet.sync()
            self._store(batch)
        except Exception:  # whatever the database raised: a person is told, trading goes on
            log.exception("projection not written events=%d", len(batch))
            return False
        return True

    def _give_back(self, batch: list[tuple[int, Message]]) -> bool:
        """Put a batch back to be tried again; False at the end, when the journal must tell it at the next start."""
        with self._changed:
            self._waiting[:0] = batch
            return not self._ending

    def _one_by_one(self, batch: list[tuple[int, Message]]) -> None:
        """One event that can never be stored must not hold up all others: it is set aside, and said so."""
        for seq, message in batch:
            if not self._written([(seq, message)]):
                text = (
                    f"event {seq} ({type(message).__name__}) cannot be stored and is left to the journal, see the log"
                )
                self.outlet.publish("incidents", IncidentRaised(self.now, "not_recorded", self.name, text))

    def _take(self) -> list[tuple[int, Message]]:
        """The next batch; empty once the end has come and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._ending)
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            return batch


def events_of(journal: Path, after: int) -> Iterator[tuple[int, Message]]:
    """The events a journal holds for the recorder behind the sequence `after`: what the projection may have missed."""
    for record in read(journal, after):
        if record.to == "recorder" and record.status is Status.EDGE:
            yield record.seq, decode_message(record.type, record.payload)
