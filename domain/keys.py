"""API keys as we keep them: each with a name, and with its successor until that one has been seen to work.

Changes are pure functions over all keys kept; each raises ConfigError for what a person got wrong.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from domain.errors import ConfigError
from domain.secret import Secret

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,32}", re.ASCII)
_KEY: Final = re.compile(r"[!-~]+", re.ASCII)
_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class Checked:
    """What the exchange said of a key at a time (microseconds UTC). `expires_at` None: it did not tell.

    `allowed` are the permissions seen, in the exchange's names; `unknown` those that could not be looked at.
    """

    at: int
    expires_at: int | None
    allowed: tuple[str, ...]
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An access key with its secret key; `checked` is what the exchange last said of it."""

    access: str = field(repr=False)
    secret: Secret
    added_at: int
    checked: Checked | None = None

    def __post_init__(self) -> None:
        for what, text in (("access", self.access), ("secret", self.secret.reveal())):
            if not _KEY.fullmatch(text):
                raise ConfigError(
                    f"expected the {what} key as Upbit shows it, about 40 letters and digits; found "
                    f"{len(text)} characters, spaces or others among them: copy it again"
                    if text
                    else f"the {what} key is empty"
                )
        if self.access == self.secret.reveal():
            raise ConfigError("the access key and the secret key are the same text: copy each from its own field")

    @property
    def short(self) -> str:
        """The access key as it may be shown."""
        return shortened(self.access)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A pair under a name. `pocket` is a person's word for whose money it moves; `successor` waits to be checked."""

    name: str
    pocket: str
    pair: KeyPair
    successor: KeyPair | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(f"a key's name is 1 to 32 of A-Z a-z 0-9 _ -, found {self.name!r}")
        if len(self.pocket) > 32 or not self.pocket.isprintable():  # noqa: PLR2004 (as long as a name may be)
            raise ConfigError("a pocket's label is at most 32 printable characters")

    @property
    def newest(self) -> KeyPair:
        """The successor if there is one, else the pair itself."""
        return self.successor or self.pair


Keyring: TypeAlias = tuple[StoredKey, ...]


def shortened(access: str) -> str:
    """The ends of an access key, enough to know it again."""
    return f"{access[:_SHOWN]}…{access[-_SHOWN:]}" if len(access) > 3 * _SHOWN else "…"


def named(ring: Keyring, name: str) -> StoredKey:
    """The key of this name."""
    for key in ring:
        if key.name == name:
            return key
    known = ", ".join(key.name for key in ring) or "none at all"
    raise ConfigError(f"the vault holds no key {name!r}; it holds: {known}")


def with_key(ring: Keyring, key: StoredKey) -> Keyring:
    """One more key; its name and its access key must be new here."""
    if any(other.name == key.name for other in ring):
        raise ConfigError(f"the vault has a key {key.name!r} already: `keys rotate {key.name}` replaces it")
    _check_new(ring, key.pair)
    return (*ring, key)


def with_successor(ring: Keyring, name: str, pair: KeyPair) -> Keyring:
    """The key of this name with a new pair in waiting; the old one stays in use."""
    _check_new(ring, pair, but=named(ring, name).successor)
    return _with(ring, replace(named(ring, name), successor=pair))


def with_check(ring: Keyring, name: str, access: str, checked: Checked) -> Keyring:
    """The key of this name after its pair of this access key passed a check: a successor takes over, the old one goes.

    A pair that another process removed meanwhile changes nothing.
    """
    key = named(ring, name)
    if key.successor and key.successor.access == access:
        return _with(ring, replace(key, pair=replace(key.successor, checked=checked), successor=None))
    if key.pair.access == access:
        return _with(ring, replace(key, pair=replace(key.pair, checked=checked)))
    return ring


def without(ring: Keyring, name: str) -> Keyring:
    """All keys but this one."""
    gone = named(ring, name)
    return tuple(key for key in ring if key is not gone)


def _with(ring: Keyring, key: StoredKey) -> Keyring:
    return tuple(key if other.name == key.name else other for other in ring)


def _check_new(ring: Keyring, pair: KeyPair, but: KeyPair | None = None) -> None:
    for key in ring:
        for held in (key.pair, key.successor):
            if held is not None and held is not but and held.access == pair.access:
                raise ConfigError(f"this access key is in the vault already, as {key.name!r}")
