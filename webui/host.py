"""Runs the dashboard: gunicorn with one threaded worker on a port of this computer only."""

import logging
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers import gthread

from domain.errors import ConfigError
from webui.app import create_app, live_of
from webui.engine import EngineClient
from webui.fragments import Hints

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
THREADS = 64  # a socket keeps one for its whole life: two for each seat of the hub, and 16 for pages
BACKLOG = 64
STDIN = 0

SETTINGS: dict[str, Any] = {
    "workers": 1,
    "threads": THREADS,
    "timeout": 60,
    "graceful_timeout": 2,
    "keepalive": 15,
    "umask": 0o077,
    "loglevel": "warning",
    "control_socket_disable": True,
}

gthread.STOP_KEEPALIVE_LINGER = 0.2  # a stop is told to every page by its socket: idle connections need no more


def serve(
    socket_path: Path, port: int, *, host: str = LOOPBACK, hints: Hints | None = None, with_parent: bool = False
) -> None:
    """Serve the engine behind `socket_path` on 127.0.0.1:`port` (0: any free one) until SIGTERM; then SystemExit.

    Says `dashboard http://127.0.0.1:<port>` on stdout when it can answer. With `with_parent` it ends when stdin does.

    Raises:
        ConfigError: for any other host, or a port that is taken.
    """
    listener = _listen(host, port)
    _Application(listener, Path(socket_path), hints, with_parent=with_parent).run()


def _listen(host: str, port: int) -> socket.socket:
    """The listening socket, made before any process is forked: it outlives a worker that dies."""
    if host not in (LOOPBACK, "localhost"):
        raise ConfigError(
            f"the dashboard has no login yet and listens on {LOOPBACK} only, not on {host!r}: "
            f"from another computer use `ssh -L {port}:{LOOPBACK}:{port} <this computer>`"
        )
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"the dashboard cannot listen on {LOOPBACK}:{port} ({error.strerror}): choose another with --port"
        ) from error
    return listener


class _Arbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """One worker, whatever signal comes: a second one would split the browsers between two hubs."""

    def _ignore(self) -> None:
        self.log.warning("signal ignored: the dashboard has exactly one worker")

    handle_hup = handle_usr2 = handle_ttin = handle_ttou = handle_winch = _ignore


class _Worker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Lets the browsers go before it waits for its threads, which would otherwise wait for the browsers."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM: close the live part in a thread of its own, because a signal handler must not take locks."""
        if self.alive:
            threading.Thread(target=live_of(self.wsgi).close, name="closing", daemon=True).start()
        super().handle_exit(sig, frame)


class _Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Configured from here alone: no file, no environment."""

    def __init__(self, listener: socket.socket, path: Path, hints: Hints | None, *, with_parent: bool) -> None:
        self._address = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
        self._descriptor = listener.detach()  # gunicorn's from here on
        self._path, self._hints, self._with_parent = path, hints, with_parent
        super().__init__()

    def load_config(self) -> None:
        """Fill gunicorn's settings in."""
        hooks = {"when_ready": self._master_ready, "post_worker_init": self._worker_ready}
        for name, value in {**SETTINGS, **hooks, "bind": f"fd://{self._descriptor}", "worker_class": _Worker}.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Called in the worker."""
        return create_app(EngineClient(self._path), self._hints)

    def run(self) -> None:
        """Until told to end."""
        _Arbiter(self).run()

    def _master_ready(self, _: Any) -> None:
        if self._with_parent:
            threading.Thread(target=_end_with_stdin, name="parent-watch", daemon=True).start()

    def _worker_ready(self, worker: Any) -> None:
        live_of(worker.wsgi).start()  # threads do not survive a fork: they start here
        if worker.age == 1:
            sys.stdout.write(f"dashboard {self._address}\n")
            sys.stdout.flush()


def _end_with_stdin() -> None:
    """Whoever started us holds the other end of stdin: when it is closed, or its owner dead, we end too."""
    try:
        while os.read(STDIN, 4096):
            pass
    except OSError as error:
        log.warning("stdin cannot be read, ending error=%s", error)
    os.kill(os.getpid(), signal.SIGTERM)
