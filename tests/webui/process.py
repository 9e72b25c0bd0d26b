"""`python -m webui` as its users start it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
ENDS_WITHIN_S = 15.0


class Dashboard:
    """A running dashboard: its process, its address, and a browser's cookies and token."""

    def __init__(self, process: subprocess.Popen[str], line: str) -> None:
        self.process = process
        self.line = line
        self.url = line.removeprefix("dashboard ").strip()
        self.port = int(self.url.rsplit(":", 1)[1])

    def visit(self) -> requests.Session:
        """A browser that has opened the page."""
        session = requests.Session()
        session.get(self.url, timeout=ENDS_WITHIN_S).raise_for_status()
        return session


def start(path: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Run the module without waiting for anything."""
    command = [sys.executable, "-m", "webui", "--socket", str(path), *arguments]
    given: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT, **options}
    return subprocess.Popen(command, **given)


def first_line(process: subprocess.Popen[str]) -> str:
    """The first line of its output; "" when it ended without one."""
    assert process.stdout is not None
    return process.stdout.readline()


@contextmanager
def running(path: Path, port: int = 0) -> Iterator[Dashboard]:
    """A dashboard that can answer, and ends with the block."""
    with start(path, "--port", str(port), "--with-parent") as process:
        try:
            yield Dashboard(process, first_line(process))
        finally:
            process.terminate()
            process.wait(ENDS_WITHIN_S)
