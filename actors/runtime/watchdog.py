"""Notices a handler that does not come back: a thread cannot be killed, but it can be shown."""

import logging
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Final

from actors.runtime.cell import Cell

log = logging.getLogger(__name__)

PERIOD_S: Final = 0.5
OnHang = Callable[[str, float], None]
"""Called with the actor's name and the seconds its turn has lasted, once a turn."""


def log_only(name: str, seconds: float) -> None:
    """Do nothing more than the log line and stacks that every hang gets."""


class Watchdog:
    """A thread that looks at every actor twice a second and reports a turn older than `limit_s`, with all stacks."""

    def __init__(self, cells: Callable[[], Mapping[str, Cell]], limit_s: float, on_hang: OnHang) -> None:
        self._cells = cells
        self._limit_s = limit_s
        self._on_hang = on_hang
        self._seen: dict[str, tuple[int, int]] = {}  # actor -> (turn, looks that found it running)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while not self._stop.wait(min(PERIOD_S, self._limit_s / 4)):
            for name, cell in self._cells().items():
                self._look(name, cell)

    def _look(self, name: str, cell: Cell) -> None:
        running, number = cell.current, cell.turns
        turn, looks = self._seen.get(name, (-1, 0))
        if running is None or turn != number:
            self._seen[name] = (number, 0)
            return
        self._seen[name] = (number, looks + 1)
        age_s = (looks + 1) * min(PERIOD_S, self._limit_s / 4)
        before_s = looks * min(PERIOD_S, self._limit_s / 4)
        if before_s < self._limit_s <= age_s:
            log.critical("%s hangs on %s for %.1f s\n%s", name, type(running.message).__name__, age_s, stacks())
            self._on_hang(name, age_s)


def stacks() -> str:
    """Give the stack of every thread of the process as text."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    for ident, top in sys._current_frames().items():  # noqa: SLF001 (the one way to see other threads' stacks)
        parts.append(f"--- {names.get(ident, ident)}\n{''.join(traceback.format_stack(top))}")
    return "\n".join(parts)
