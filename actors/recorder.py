"""Writes events into the SQL projection, in batches, at its own pace."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeAlias

from actors.runtime import Actor, Context
from actors.runtime.codec import decode_message
from actors.runtime.record import Status
from actors.runtime.segments import read
from domain.message import Message
from domain.messages import IncidentRaised

log = logging.getLogger(__name__)

Event: TypeAlias = tuple[int, Message]
"""What happened, under the number of its journal record."""

Write: TypeAlias = Callable[[Sequence[Event]], None]
"""Stores a batch of events in one transaction; one that was stored before changes nothing."""

BATCH_MAX = 500
WAITING_MAX = 50_000  # events kept while the database does not answer; later ones are left to the journal
PAUSE_S = 0.2  # events of this long are written together
RETRY_S = 2.0
TRIES = 5  # of one batch, before its events are stored one by one and a person is told


class SetAside(Message, frozen=True):
    """Stored in the place of an event that can never be stored, so that the projection counts it as seen."""


class Recorder(Actor[None]):
    """Owns nothing that matters: the journal is the truth, and `catch_up` rebuilds the projection from it.

    Edge: listens to every topic worth a row. One thread writes; a database that is locked or full is tried again and
    reported on `incidents`, and never holds up a trade. What is stored is a beginning of what was told, apart from
    single events that can never be stored: so the journal has the rest for the next start.
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
        self._waiting: list[Event] = []
        self._changed = threading.Condition()
        self._ending = False
        self._left_out = 0
        self._thread = threading.Thread(target=self._run, name="recorder-writer", daemon=True)

    def handle(self, message: Message) -> None:
        """Queue the event under the sequence of its own journal record: those only grow."""
        with self._changed:
            if not self._left_out and len(self._waiting) < WAITING_MAX:
                self._waiting.append((self.seq, message))
                self._changed.notify()
                return
            self._left_out += 1
        if self._left_out == 1:
            text = f"{WAITING_MAX} events wait for the database; from here on rows come with the next start"
            self.publish("incidents", IncidentRaised(self.now, "not_recording", self.name, text))

    def on_begin(self) -> None:
        """Start the writer."""
        self._thread.start()

    def on_drained(self) -> None:
        """Write what still waits."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread.ident is None:  # the start failed before ours came
            self._release()
            return
        self._thread.join(timeout=30.0)
        if self._thread.is_alive() or self._waiting or self._left_out:
            log.error(
                "not all is recorded, the next start catches up waiting=%d left_out=%d",
                len(self._waiting),
                self._left_out,
            )

    def _run(self) -> None:
        try:
            self._write_on()
        finally:
            self._release()

    def _write_on(self) -> None:
        pause = threading.Event()
        fails = 0
        while batch := self._take():
            error = failed(self._durable, batch)
            fails = fails + 1 if error else 0
            if error and fails & (fails - 1) == 0:  # the 1st, 2nd, 4th, 8th …: what lasts must not flood the log
                log.error("projection not written events=%d tries=%d", len(batch), fails, exc_info=error)
            rest = batch if error else []
            if error and (fails % TRIES == 0 or self._ending):
                rest, bad = sift(self._durable, batch)
                for one, why in bad:
                    self._report("not_recorded", set_aside(one, why))
                if rest and fails == TRIES:
                    self._report("not_recording", f"the database is tried again, events wait for it: {error}")
            if not self._given_back(rest):
                return
            pause.wait(self._retry_s if rest else 0.0 if self._ending else PAUSE_S)

    def _durable(self, batch: Sequence[Event]) -> None:
        """Store a batch; what the journal does not have for sure must not be in the projection either."""
        self.outlet.sync()
        self._store(batch)

    def _given_back(self, batch: list[Event]) -> bool:
        """Put events back to be tried again; False at the end, when the journal must tell them at the next start."""
        with self._changed:
            self._waiting[:0] = batch
            return not (batch and self._ending)

    def _report(self, kind: str, text: str) -> None:
        self.outlet.publish("incidents", IncidentRaised(self.now, kind, self.name, text))

    def _take(self) -> list[Event]:
        """The next batch; empty once the end has come and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting) or self._ending)
            batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
            return batch


def failed(store: Write, batch: Sequence[Event]) -> Exception | None:
    """Store a batch, or give the reason why not."""
    try:
        store(batch)
    except Exception as error:  # noqa: BLE001 (whatever the database raised: a person is told, trading goes on)
        return error
    return None


def sift(store: Write, batch: Sequence[Event]) -> tuple[list[Event], list[tuple[Event, Exception]]]:
    """Store events one by one; gives those to be tried again, and those that can never be stored, with the reason.

    An event is bad when the database takes something else in its place. When it takes nothing, it is the database:
    then this event and all behind it are given back.
    """
    bad: list[tuple[Event, Exception]] = []
    for place, (seq, message) in enumerate(batch):
        if not failed(store, [(seq, message)]):
            continue
        if failed(store, [(seq, SetAside())]):
            return list(batch[place:]), bad
        if error := failed(store, [(seq, message)]):  # again, because the database may have come back meanwhile
            bad.append(((seq, message), error))
    return [], bad


def set_aside(event: Event, why: Exception) -> str:
    """Log an event that can never be stored; gives what to tell a person."""
    seq, message = event
    log.error("event not recorded seq=%d %r", seq, message, exc_info=why)
    return f"event {seq} ({type(message).__name__}) cannot be stored: {why}; the journal has it"


def catch_up(store: Write, events: Iterable[Event]) -> list[str]:
    """Store what the projection has missed, before a start; gives in words what had to be set aside.

    Raises StorageError when the database cannot be written; what came before stays.
    """
    told, waiting = [], iter(events)
    while batch := list(islice(waiting, BATCH_MAX)):
        if error := failed(store, batch):
            rest, bad = sift(store, batch)
            if rest:
                raise error
            told += [set_aside(one, why) for one, why in bad]
    return told


def events_of(journal: Path, after: int) -> Iterator[Event]:
    """The events a journal holds for the recorder behind the sequence `after`: what the projection may have missed."""
    for record in read(journal, after):
        if record.to == "recorder" and record.status is Status.EDGE:
            yield record.seq, decode_message(record.type, record.payload)
