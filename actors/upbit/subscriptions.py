"""The whole set of what a stream wants: a request replaces the one before it, so all of it is sent each time."""

import threading
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from actors.rhythm import Key

Subscription: TypeAlias = Mapping[str, Any]
"""One type as the exchange wants it asked for: `type`, `codes` (none for private types), its flags."""
FORMATS: Final = frozenset({"DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"})
PRIVATE: Final = frozenset({"myOrder", "myAsset", "announcement"})  # they begin with no snapshot
LIST: Final = "LIST_SUBSCRIPTIONS"


class Request(NamedTuple):
    """What to send, what it asks for, and which of these begin with a snapshot; `empty` when nothing is wanted."""

    version: int
    text: str
    empty: bool
    keys: frozenset[Key]
    snapshots: frozenset[Key]


class Drift(NamedTuple):
    """How what the exchange sends differs from what is wanted; both sorted."""

    missing: tuple[Key, ...]
    unwanted: tuple[Key, ...]


class DesiredSet:
    """Types with their codes, changed from any thread; a change moves `version`."""

    def __init__(self, subscriptions: Iterable[Subscription], form: str = "DEFAULT") -> None:
        if form not in FORMATS:
            raise ValueError(f"no format of the exchange is called {form!r}; there are {', '.join(sorted(FORMATS))}")
        self.version = 0
        self._form = form
        self._lock = threading.Lock()
        self._types: dict[str, dict[str, Any]] = {}
        self.replace(subscriptions)

    def replace(self, subscriptions: Iterable[Subscription]) -> None:
        """Want these and nothing else."""
        types: dict[str, dict[str, Any]] = {}
        for one in subscriptions:
            if types.setdefault(str(one["type"]), dict(one)) != dict(one):
                raise ValueError(f"a stream takes a type once, found two of {one['type']}")
        with self._lock:
            self._types = types
            self.version += 1

    def add(self, kind: str, codes: Iterable[str]) -> None:
        """Want these codes of a type too."""
        with self._lock:
            one = self._types.setdefault(kind, {"type": kind})
            one["codes"] = list(dict.fromkeys((*one.get("codes", ()), *codes)))
            self.version += 1

    def remove(self, kind: str, codes: Iterable[str]) -> None:
        """Want these codes of a type no more; a type that has lost its last one is not asked for."""
        with self._lock:
            if (one := self._types.get(kind)) is None or "codes" not in one:
                return
            gone = set(codes)
            one["codes"] = [code for code in one["codes"] if code not in gone]
            if not one["codes"]:
                del self._types[kind]
            self.version += 1

    def request(self) -> Request:
        """The request for all of it."""
        with self._lock:
            types = [dict(one) for one in self._types.values()]
            version = self.version
        text = _text(*types, {"format": self._form})
        keys = keys_of((one["type"], one.get("codes", ())) for one in types)
        begun = keys_of((one["type"], one.get("codes", ())) for one in types if not one.get("is_only_realtime"))
        return Request(version, text, not types, keys, frozenset(key for key in begun if key[0] not in PRIVATE))


def list_request() -> str:
    """The request for what the exchange believes we want; it names no format, which would change the running one."""
    return _text({"method": LIST})


def keys_of(types: Iterable[tuple[str, Iterable[str]]]) -> frozenset[Key]:
    """Types and markets; the number of levels behind a book's code is not part of its market."""
    return frozenset((kind, code.partition(".")[0]) for kind, codes in types for code in codes)


def drift(wanted: frozenset[Key], told: frozenset[Key]) -> Drift | None:
    """How what the exchange tells differs; None when it does not."""
    found = Drift(tuple(sorted(wanted - told)), tuple(sorted(told - wanted)))
    return found if found.missing or found.unwanted else None


def _text(*parts: Subscription) -> str:
    return msgspec.json.encode([{"ticket": str(uuid.uuid4())}, *parts]).decode()
