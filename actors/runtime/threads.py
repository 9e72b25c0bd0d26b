"""The production host: pykka's actor loop on a thread per actor, a journal on disk."""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pykka
from pykka._envelope import Envelope

from actors.runtime.actor import Outlet
from actors.runtime.clock import SECOND_US, Clock
from actors.runtime.errors import NoAnswer
from actors.runtime.host import Host
from actors.runtime.journal import Journal, JournalOptions, lock_directory
from actors.runtime.keeper import Keeper
from actors.runtime.outlets import HostOutlet
from actors.runtime.parcel import Control, Parcel, Passage
from actors.runtime.past import FolderPast
from actors.runtime.snapshots import SnapshotFolder
from actors.runtime.timers import Timers
from actors.runtime.topology import Topology
from actors.runtime.watchdog import OnHang, Watchdog, log_only
from domain.errors import StorageError
from domain.message import Message

if TYPE_CHECKING:
    from actors.runtime.cell import Cell
    from actors.runtime.recovery import Recovery

log = logging.getLogger(__name__)

EXIT_FATAL = 70
SNAPSHOT_WAIT_S = 5.0
_LOOK_AGAIN_S = 0.002


def exit_process(reason: str) -> None:
    """Log the reason and end the process at once, exit code 70: nothing half done may go on."""
    log.critical("the engine ends now: %s", reason)
    logging.shutdown()
    os._exit(EXIT_FATAL)


class ThreadHost(Host):
    """Runs a topology on daemon threads, journaled in `journal_dir`; use it as a context manager.

    `start` raises ConfigError when another process has the folder, StorageError or JournalDamaged when it cannot be
    used, ReplayDivergence when the code does not fit its journal (`trust_journal=False` starts without folding it).
    `on_fatal(reason)` is called once, from any thread, when the journal fails or the supervisor crashes; the default
    ends the process. `on_hang(name, seconds)` is called when a turn lasts longer than `hang_s` real seconds.
    """

    def __init__(  # noqa: PLR0913 (the keywords are the knobs a production host has)
        self,
        topology: Topology,
        journal_dir: Path,
        clock: Clock,
        seed: int,
        code_version: str,
        *,
        on_fatal: Callable[[str], None] = exit_process,
        options: JournalOptions | None = None,
        trust_journal: bool = True,
        hang_s: float = 5.0,
        on_hang: OnHang = log_only,
    ) -> None:
        super().__init__(topology, seed, code_version)
        self.journal_dir = journal_dir
        self.clock = clock
        self.options = options or JournalOptions()
        self.recovery: Recovery | None = None
        self._on_fatal = on_fatal
        self._trust = trust_journal
        self._hang = (hang_s, on_hang)
        self._offset_us = 0
        self._disk: Journal | None = None
        self._lock_descriptor = -1
        self._state_lock = threading.Lock()
        self._running = False
        self._timers = Timers(self.deliver)
        self._store = SnapshotFolder(journal_dir / "snapshots", self.options.keep_snapshots)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    # --- time and mail -----------------------------------------------------------------------------------------------

    def now(self) -> int:
        """Give the actors' time: the clock's, moved forward if the journal has already seen a later one."""
        return self.clock.now() + self._offset_us

    def real_us(self) -> int:
        """Give the machine's monotonic time in microseconds."""
        return time.monotonic_ns() // 1000

    def outlet(self, name: str) -> Outlet:
        """Give the outlet of an edge."""
        return HostOutlet(self, name, lambda: not self.ended)

    def run_loop(self, name: str) -> None:
        """Run pykka's loop of an actor on its own daemon thread."""
        loop = self.cells[name].actor._actor_loop  # noqa: SLF001 (pykka's loop; tests/…/test_pykka.py guards the name)
        threading.Thread(target=loop, name=name, daemon=True).start()

    def deliver(self, parcel: Parcel) -> None:
        """Put a parcel into its mailbox, or make it a dead letter."""
        cell = self.cells.get(parcel.to)
        if cell is None:
            self.dead_letter(parcel, "no such actor")
            return
        cell.mailbox.put(Envelope(parcel))

    def deliver_passage(self, cell: "Cell", passage: Passage) -> None:
        """Put a passage into its mailbox."""
        cell.mailbox.put(Envelope(passage))

    def arm_timer(self, parcel: Parcel, delay_us: int, *, real: bool) -> None:
        """Deliver a parcel later, on the actors' clock or in real time."""
        self._timers.after(delay_us / SECOND_US if real else self.clock.real_seconds(delay_us), parcel)

    def ask(self, name: str, query: Message, timeout_s: float = 2.0) -> Any:
        """Put a query to an actor and wait for its answer, from outside the actors only.

        Raises ForbiddenAsk in a handler or for a command, NoAnswer when it is late or nobody is there, HandlerCrashed
        when the handler raised.
        """
        cell = self.asked(name, query)
        try:
            return cell.actor.actor_ref.ask(Parcel("outside", name, query, b""), timeout=timeout_s)
        except pykka.Timeout as error:
            raise NoAnswer(f"{name} did not answer {type(query).__name__} within {timeout_s} s") from error
        except pykka.ActorDeadError as error:
            raise NoAnswer(f"{name} has stopped and answers no {type(query).__name__}") from error

    # --- the end -----------------------------------------------------------------------------------------------------

    def fail(self, reason: str, error: Exception | None = None) -> None:
        """Release nothing any more and call `on_fatal`, once."""
        with self._state_lock:
            if self.ended:
                return
            self.ended = True
        # A disk that is full is no bug: its reason says all, a traceback would bury it.
        log.critical("fatal: %s", reason, exc_info=None if isinstance(error, StorageError) else error)
        self._on_fatal(reason)

    # --- start -------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Bring all states back, then start the actors, then the edges, each in the order of the topology."""
        self._lock_descriptor = lock_directory(self.journal_dir)
        try:
            self._open()
        except OSError as error:
            self._let_go()
            raise StorageError(f"cannot start in {self.journal_dir}: {error}; free space and start again") from error
        except BaseException:
            self._let_go()
            raise
        self._running = True
        self._timers.start()
        self._keeper.start()
        self._watchdog.start()
        for cell in self.cells.values():
            cell.actor._start_actor_loop()  # noqa: SLF001 (pykka's hook, without its global registry and stop_all)
        try:
            for cell in self.cells.values():
                if cell.actor.edge:
                    cell.actor.on_begin()
        except BaseException:
            self.stop()
            raise

    def _open(self) -> None:
        self.journal = self._disk = journal = Journal(
            self.journal_dir, self.code_version, self.seed, self.options.segment_bytes
        )
        past = FolderPast(self.journal_dir, journal.last_seq, self.code_version, self.seed, trust=self._trust)
        self._offset_us = max(0, journal.last_at + 1 - self.clock.now())
        if self._offset_us > SECOND_US:
            log.warning("the clock is %.1f s behind the journal: held ahead of it", self._offset_us / SECOND_US)
        journal.boot = self.boot = journal.boot + 1
        self.build()
        self.recovery = self.bring_back(past, self._store, journal.torn_bytes)
        self._keeper = Keeper(journal, self._store, self.options, take_snapshot=self.take_snapshot, fail=self.fail)
        self._watchdog = Watchdog(lambda: self.cells, *self._hang)
        log.info("start %d: %s", self.boot, self.recovery)

    # --- snapshots ---------------------------------------------------------------------------------------------------

    def take_snapshot(self) -> None:
        """Let every core actor take a snapshot between two turns and save them; raises StorageError, OSError."""
        answered = threading.Semaphore(0)
        names = [name for name, cell in self.core().items() if not cell.mailbox.closed]
        for name in names:
            with contextlib.suppress(pykka.ActorDeadError):
                self.control(name, Control("snapshot", answered.release))
        end = time.monotonic() + SNAPSHOT_WAIT_S
        for _ in names:  # a busy one is late: its last snapshot in memory is as good, only older
            if not answered.acquire(timeout=max(0.0, end - time.monotonic())):
                break
        self._save()

    def _save(self) -> None:
        snapshot = self.snapshot()
        self.journal.sync()
        self._store.save(snapshot)

    # --- stop --------------------------------------------------------------------------------------------------------

    def stop(self, timeout_s: float = 10.0) -> None:
        """End cleanly, once: edges stop listening, mail drains, actors stop in reverse order, states are saved."""
        with self._state_lock:
            running, self._running = self._running, False
        if not running:
            return
        end = time.monotonic() + timeout_s
        self._timers.stop()
        self.stopping = True
        edges = [cell.actor for cell in reversed(self.cells.values()) if cell.actor.edge]
        for edge in edges:
            self._call(edge.name, edge.on_end)
        self._drain(max(end, time.monotonic() + 1.0))
        for cell in reversed(self.cells.values()):
            self._stop_actor(cell.name, max(0.1, end - time.monotonic()))
        for edge in edges:
            self._call(edge.name, edge.on_drained)
        self._watchdog.stop()
        self._keeper.stop()
        self._last_words()
        self._let_go()

    def _call(self, name: str, hook: Callable[[], None]) -> None:
        try:
            hook()
        except Exception:  # one edge that cannot end must not keep the others and the journal from ending
            log.exception("%s of %s failed", hook.__name__, name)

    def _drain(self, end: float) -> None:
        """Wait until, in two looks with no turn between them, every mailbox was empty and its actor waiting."""
        before = -1
        while time.monotonic() < end and not self.ended:
            turns = sum(cell.turns for cell in self.cells.values())
            quiet = all(cell.mailbox.idle for cell in self.cells.values())
            if quiet and turns == before:
                return
            before = turns if quiet else -1
            time.sleep(_LOOK_AGAIN_S)
        log.warning("stopping before all is quiet, mail left: %s", {k: n for k, n in self.stats().depths.items() if n})

    def _stop_actor(self, name: str, timeout_s: float) -> None:
        try:
            self.cells[name].actor.actor_ref.stop(timeout=timeout_s)
        except pykka.Timeout:
            log.error("%s did not stop: it is left running on %s", name, self.cells[name].current)  # noqa: TRY400

    def _last_words(self) -> None:
        """Save what every stopped core actor knows; what cannot be saved is in the journal."""
        if self.ended:
            return
        try:
            for cell in self.core().values():
                if cell.actor.actor_stopped.is_set() and cell.failed is None:
                    self.remember(cell, self.journal.last_seq)
            self._save()
        except (StorageError, OSError) as error:
            log.error("no snapshot at the end, the next start folds the journal: %s", error)  # noqa: TRY400

    def _let_go(self) -> None:
        self.ended = True
        if self._disk is not None:
            self._disk.close()
        os.close(self._lock_descriptor)  # which also gives up the lock
        self._lock_descriptor = -1
