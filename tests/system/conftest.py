"""Whole sessions, run as a person runs them."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CANDLES = ROOT.parent / "shared" / "data" / "candles" / "1m"


class Program:
    """`python run.py …` in a process group of its own, so that a kill takes its children too."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "run.py", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=30)

    def interrupt(self) -> tuple[str, str]:
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self, timeout_s: float = 100) -> tuple[str, str]:
        try:
            return self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            out, err = self.process.communicate()
            pytest.fail(f"did not end in {timeout_s} s\n{out}\n{err[-4000:]}")

    @property
    def code(self) -> int:
        return self.process.returncode


def run(*arguments: str, timeout_s: float = 100) -> tuple[int, str, str]:
    """Run to the end: exit code, stdout, stderr."""
    program = Program(*arguments)
    out, err = program.wait(timeout_s)
    return program.code, out, err


def summary(out: str, err: str) -> dict:
    """The JSON object on the last line of stdout."""
    lines = out.strip().splitlines()
    assert lines, err[-4000:]
    return json.loads(lines[-1])


@pytest.fixture(scope="session")
def candles() -> Path:
    if not CANDLES.is_dir():
        pytest.skip(f"no real candles beside the checkout: {CANDLES} is absent")
    return CANDLES
