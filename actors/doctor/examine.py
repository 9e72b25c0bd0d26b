"""Runs checks at the same time, each with a time-out: one that cannot run says so, and never looks well."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from domain.errors import TradingError
from domain.finding import Finding, grey

log = logging.getLogger(__name__)

T = TypeVar("T")


class Check(NamedTuple):
    """One look; `run` may raise a TradingError when it cannot look. `within_s` is in real seconds."""

    name: str
    run: Callable[[], Finding]
    within_s: float = 20.0


class Once(Generic[T]):
    """What several checks look at, asked for once: the first that needs it asks, the others wait for its answer."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._answers: list[T] = []
        self._failure: TradingError | None = None

    def __call__(self) -> T:
        """Give the answer; raises the TradingError that came instead."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if not self._answers:
                try:
                    self._answers.append(self._ask())
                except TradingError as error:
                    self._failure = error
                    raise
            return self._answers[0]


def examine(checks: Sequence[Check]) -> tuple[Finding, ...]:
    """What each check found, in their order. A check that is late is left behind on its daemon thread."""
    done: queue.Queue[tuple[int, Finding]] = queue.Queue()
    for index, check in enumerate(checks):
        threading.Thread(
            target=lambda index=index, check=check: done.put((index, _look(check))), name=check.name, daemon=True
        ).start()
    found: dict[int, Finding] = {}
    began = time.monotonic()
    while len(found) < len(checks):
        left = max(check.within_s for index, check in enumerate(checks) if index not in found)
        try:
            index, finding = done.get(timeout=max(0.0, began + left - time.monotonic()))
        except queue.Empty:
            break
        found[index] = finding
    return tuple(found.get(index) or _late(check) for index, check in enumerate(checks))


def _look(check: Check) -> Finding:
    try:
        return check.run()
    except TradingError as error:
        return grey(check.name, str(error))
    except Exception as error:  # a fault of ours: nobody else would ever see it
        log.exception("check failed name=%s", check.name)
        return grey(check.name, f"the check itself failed: {type(error).__name__}", "please report this")


def _late(check: Check) -> Finding:
    return grey(
        check.name, f"no answer within {check.within_s:g} s", "try again; something on the way is slow or stuck"
    )
