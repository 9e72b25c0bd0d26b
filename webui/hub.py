"""Fan-out of rendered fragments to browsers: one bounded outbox each, in which the newest text of a key wins."""

import threading
from collections.abc import Callable, Iterable

KEYS_MAX = 256
SEATS_MAX = 24

GOING_AWAY = 1012  # "service restart": browsers come back by themselves
TRY_AGAIN = 1013


class Outbox:
    """What one browser has not been sent yet. `put` never blocks; only the socket's own thread takes."""

    def __init__(self, lang: str, fragments: frozenset[str]) -> None:
        self.lang = lang
        self.fragments = fragments
        self._changed = threading.Condition()
        self._texts: dict[str, str] = {}
        self._closing: int | None = None

    def put(self, key: str, text: str) -> None:
        """Leave a fragment in place of an unsent one of the same key. Too many keys: the browser must rejoin."""
        with self._changed:
            if key not in self._texts and len(self._texts) >= KEYS_MAX:
                self._closing = TRY_AGAIN
            else:
                self._texts[key] = text
            self._changed.notify()

    def take(self, timeout_s: float) -> list[str]:
        """Everything that waits, oldest key first; an empty list after `timeout_s` or when closing."""
        with self._changed:
            self._changed.wait_for(lambda: self._texts or self._closing, timeout_s)
            texts = list(self._texts.values())
            self._texts.clear()
            return texts

    def close(self, code: int) -> None:
        """Ask the socket's thread to end with this WebSocket close code."""
        with self._changed:
            self._closing = code
            self._changed.notify()

    @property
    def closing(self) -> int | None:
        """The close code asked for, None while open."""
        return self._closing


class Hub:
    """All outboxes. Thread-safe; nothing here does input or output."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outboxes: set[Outbox] = set()
        self._closing: int | None = None

    def join(self, lang: str, fragments: Iterable[str]) -> Outbox | None:
        """A seat for a browser; None when all SEATS_MAX are taken. After `close_all` it is closed from the start."""
        outbox = Outbox(lang, frozenset(fragments))
        with self._lock:
            if len(self._outboxes) >= SEATS_MAX:
                return None
            self._outboxes.add(outbox)
            if self._closing is not None:
                outbox.close(self._closing)
        return outbox

    def leave(self, outbox: Outbox) -> None:
        """Give the seat back."""
        with self._lock:
            self._outboxes.discard(outbox)

    @property
    def full(self) -> bool:
        """Whether no seat is free."""
        with self._lock:
            return len(self._outboxes) >= SEATS_MAX

    def publish(self, name: str, render: Callable[[str], str]) -> None:
        """Put fragment `name` into every outbox whose page shows it; `render(lang)` is called once per language."""
        self._put(name, render, lambda outbox: name in outbox.fragments)

    def broadcast(self, key: str, render: Callable[[str], str]) -> None:
        """Put a fragment into every outbox, whatever its page."""
        self._put(key, render, lambda _: True)

    def close_all(self, code: int = GOING_AWAY) -> None:
        """End every socket and refuse whoever joins from now on."""
        with self._lock:
            self._closing = code
            outboxes = list(self._outboxes)
        for outbox in outboxes:
            outbox.close(code)

    def _put(self, key: str, render: Callable[[str], str], wants: Callable[[Outbox], bool]) -> None:
        with self._lock:
            outboxes = [outbox for outbox in self._outboxes if wants(outbox)]
        texts: dict[str, str] = {}
        for outbox in outboxes:
            if outbox.lang not in texts:
                texts[outbox.lang] = render(outbox.lang)
            outbox.put(key, texts[outbox.lang])
