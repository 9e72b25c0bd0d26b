"""What the exchange says that this version does not know: each logged once, all of it counted."""

import logging
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any, Final, TypeVar

log = logging.getLogger(__name__)

E = TypeVar("E", bound=Enum)
KEPT: Final = 1_000
MORE: Final = "more that is new"


class News:
    """Counts since the start, by what it is (`order state=dreaming`). Thread-safe; at most a thousand kinds.

    What comes after those is counted together: an exchange that garbles every name must not fill our memory.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def note(self, kind: str, value: object) -> None:
        """Count something new, and log it the first time."""
        key = f"{kind}={value!s:.80}"
        with self._lock:
            if key not in self._counts and len(self._counts) >= KEPT:
                key = MORE
            self._counts[key] += 1
            first = self._counts[key] == 1
        if first:
            log.warning("exchange says something new %s", key)

    def fields(self, kind: str, row: Mapping[str, Any], known: Collection[str]) -> None:
        """Note the names of a row that this version does not know; what they say is not used."""
        for name in row:
            if name not in known:
                self.note(f"field of {kind}", name)

    def word(self, kind: str, value: object, known: type[E], otherwise: E) -> E:
        """The member of an enumeration the exchange means; a word of tomorrow is noted and counts as `otherwise`."""
        try:
            return known(value)
        except ValueError:
            self.note(kind, value)
            return otherwise

    def counts(self) -> dict[str, int]:
        """How often each new thing was said."""
        with self._lock:
            return dict(self._counts)

    def forget(self) -> None:
        """Count and log from the beginning again."""
        with self._lock:
            self._counts.clear()


NEWS: Final = News()
"""The process's own: there is one exchange, and one version of us."""
