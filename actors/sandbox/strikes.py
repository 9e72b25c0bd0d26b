"""What the faults did: every strike in its order, kept in memory for who asks and in a file for afterwards."""

from collections import deque
from pathlib import Path
from typing import Final

import msgspec

from domain.errors import StorageError

KEPT: Final = 10_000


class Strike(msgspec.Struct, frozen=True):
    """One strike: `at` in microseconds UTC of the exchange; `rule` is the number of a rule, 0 for a dial."""

    sequence: int
    at: int
    fault: str
    rule: int
    hit: str


class StrikeLog:
    """Owns the strikes of this process. `path` gets each as a line of JSON; None keeps them in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.strikes: deque[Strike] = deque(maxlen=KEPT)
        self._sequence = 0

    def note(self, at: int, fault: str, rule: int, hit: str) -> None:
        """Keep one strike; raises StorageError when the file cannot be written."""
        self._sequence += 1
        strike = Strike(self._sequence, at, fault, rule, hit)
        self.strikes.append(strike)
        if self.path is None:
            return
        try:
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(strike) + b"\n")
        except OSError as error:
            raise StorageError(f"{self.path}: a strike cannot be written down ({error.strerror or error})") from error
