"""A sandbox as a process of its own, for the tests that kill it."""

import json
import subprocess
import sys
from pathlib import Path

from tests.actors.sandbox.client import Client

ROOT = Path(__file__).resolve().parents[3]


class Process:
    """`python -m actors.sandbox` with its ready line read; `client` speaks to it."""

    def __init__(self, home, *options):
        self._process = spawn(home, *options)
        line = self._process.stdout.readline()
        if not line:
            _, text = self._process.communicate()
            raise RuntimeError(f"the sandbox ended with code {self._process.returncode}: {text}")
        self.ready = json.loads(line)
        self.client = Client(self.ready)
        self.pid = self._process.pid

    def kill(self):
        """End it as a power cut would: no handler of its own runs."""
        self._process.kill()
        self.ended()

    def terminate(self):
        self._process.terminate()
        return self.ended()

    def orphan(self):
        """Close its stdin, as the death of its parent would."""
        self._process.stdin.close()
        self._process.stdin = None
        return self.ended()

    def ended(self):
        """Exit code and words, once it has ended."""
        self.client.close()
        _, errors = self._process.communicate(timeout=20)
        return self._process.returncode, errors


def spawn(home, *options):
    command = [sys.executable, "-m", "actors.sandbox", "--home", str(home), "--days", "4", *options]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
