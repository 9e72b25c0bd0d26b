"""One thread for all timers: parcels that are delivered after a real delay."""

import heapq
import threading
import time
from collections.abc import Callable

from actors.runtime.parcel import Parcel


class Timers:
    """Delivers parcels when their time has come, earliest first; what is still waiting at `stop` is forgotten."""

    def __init__(self, deliver: Callable[[Parcel], None]) -> None:
        self._deliver = deliver
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int, Parcel]] = []  # due (monotonic ns), order of arrival, parcel
        self._count = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="timers", daemon=True)

    def start(self) -> None:
        """Begin to deliver; timers armed before are kept."""
        self._thread.start()

    def after(self, seconds: float, parcel: Parcel) -> None:
        """Deliver `parcel` in so many real seconds."""
        with self._changed:
            self._count += 1
            heapq.heappush(self._waiting, (time.monotonic_ns() + int(seconds * 1e9), self._count, parcel))
            if self._waiting[0][1] == self._count:
                self._changed.notify()

    def stop(self) -> None:
        """Deliver nothing any more; returns when the thread has ended."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while (parcel := self._next()) is not None:
            self._deliver(parcel)

    def _next(self) -> Parcel | None:
        with self._changed:
            while not self._stopped:
                wait_ns = self._waiting[0][0] - time.monotonic_ns() if self._waiting else None
                if wait_ns is not None and wait_ns <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._changed.wait(None if wait_ns is None else wait_ns / 1e9)
            return None
