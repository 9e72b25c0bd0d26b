"""Starts the sandbox and the dashboard as processes of their own, and ends them with us."""

import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import IO, Self

from domain.errors import ConfigError
from domain.secret import SECRET_VARIABLES

log = logging.getLogger(__name__)

STOP_WITHIN_S = 10.0
LOOK_EVERY_S = 0.5
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)


class Child:
    """A Python module run as a child process that says one line when it is ready and ends when its stdin closes.

    Its stderr is ours, its environment too but for our secrets. `start` gives the ready line; raises ConfigError when
    it ends first (its own last line says why) or says nothing in time.
    """

    def __init__(self, name: str, module: str, arguments: Sequence[str], *, ready_within_s: float) -> None:
        self.name = name
        self._command = [sys.executable, "-m", module, *arguments]
        self._ready_within_s = ready_within_s
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        """Run it and wait for its ready line."""
        try:
            process = subprocess.Popen(  # noqa: S603 (our own module, our own interpreter)
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                errors="replace",
                env={name: value for name, value in os.environ.items() if name not in SECRET_VARIABLES},
                process_group=0,  # Ctrl-C in a terminal is for us: we end our children when we no longer need them
            )
        except OSError as error:
            raise ConfigError(f"the {self.name} process could not start: {error.strerror}") from error
        self._process = process
        lines: queue.Queue[str] = queue.Queue()
        if process.stdout is None:
            raise RuntimeError("a child started with a pipe has one")
        threading.Thread(target=_pump, args=(process.stdout, lines.put), name=f"{self.name}-out", daemon=True).start()
        try:
            line = lines.get(timeout=self._ready_within_s)
        except queue.Empty:
            self.stop()
            raise ConfigError(f"the {self.name} process was not ready within {self._ready_within_s:.0f} s") from None
        if not line:
            code = self.wait(STOP_WITHIN_S)  # one that only closed its output is ended
            self.stop()
            raise ConfigError(f"the {self.name} process could not start (exit code {code}), its reason stands above")
        return line.strip()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Exit code once it has ended; None when it still runs after `timeout_s`."""
        if self._process is None:
            return None
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    @property
    def pid(self) -> int | None:
        """Process id, None before the start."""
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """Close its stdin, ask it to end, and insist if it does not."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.poll() is not None:
            return
        process.terminate()
        if self.wait(STOP_WITHIN_S) is None:
            log.error("%s did not end in time and was killed", self.name)
            process.kill()
            process.wait()


class Kept:
    """Keeps a child running: starts it again with back-off when it ends by itself. A context manager."""

    def __init__(self, child: Callable[[], Child], *, on_ready: Callable[[str], None]) -> None:
        self._make = child
        self._on_ready = on_ready
        self._ending = threading.Event()
        self._child = child()
        self._thread = threading.Thread(target=self._watch, name=f"keep-{self._child.name}", daemon=True)

    def __enter__(self) -> Self:
        """Start it the first time: a failure here is the caller's."""
        self._on_ready(self._child.start())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End it for good."""
        self._ending.set()
        self._child.stop()
        self._thread.join(STOP_WITHIN_S)

    def _watch(self) -> None:
        fails = 0
        while not self._ending.is_set():
            code = self._child.wait(LOOK_EVERY_S)
            if code is None and self._child.pid is not None:
                continue
            if not self._ending.is_set():
                log.error("%s ended by itself code=%s, starting it again", self._child.name, code)
            if not self._ending.wait(BACKOFF_S[min(fails, len(BACKOFF_S) - 1)]):
                fails += 1
                self._again()
        self._child.stop()  # one that was just being started when the end came

    def _again(self) -> None:
        self._child.stop()
        self._child = self._make()
        try:
            self._on_ready(self._child.start())
        except ConfigError as error:
            log.error("%s", error)  # noqa: TRY400 (the child has told its reason; a traceback of ours adds nothing)


def _pump(out: IO[str], take: Callable[[str], None]) -> None:
    """Hand on the first line and drain the rest, so that the child never blocks on a full pipe; "" when it ended."""
    with out:
        take(out.readline())
        for line in out:
            log.info("child says %s", line.rstrip())


def ready_json(line: str, name: str) -> dict[str, object]:
    """A ready line that is one JSON object; raises ConfigError when it is not."""
    try:
        told = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"the {name} process said {line[:200]!r} instead of its ready line") from error
    if not isinstance(told, dict):
        raise ConfigError(f"the {name} process said {line[:200]!r} instead of its ready line")
    return told
