"""Where a key comes from: the environment first, then the vault; and the hidden prompts that ask for one."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import click

from domain.errors import ConfigError
from domain.keys import KeyPair, Keyring, named
from domain.secret import ACCESS_VARIABLE, PASSPHRASE_FILE_VARIABLE, SECRET_VARIABLE, Secret

ENVIRONMENT: Final = "(environment)"
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class KeyVault(Protocol):
    """What these commands need of the vault; `storage.vault.Vault` is one."""

    @property
    def path(self) -> Path:
        """Its file."""

    def exists(self) -> bool: ...  # noqa: D102
    def names(self) -> tuple[str, ...]: ...  # noqa: D102
    def keys(self, passphrase: Secret) -> Keyring: ...  # noqa: D102
    def change(self, passphrase: Secret, change: Callable[[Keyring], Keyring]) -> Keyring: ...  # noqa: D102
    def change_passphrase(self, old: Secret, new: Secret) -> None: ...  # noqa: D102


class Tools(NamedTuple):
    """What the storage gives: the vault of a home, and the passphrase that an environment holds (None without)."""

    vault: Callable[[Path], KeyVault]
    passphrase_given: Callable[[Mapping[str, str]], Secret | None]


class Found(NamedTuple):
    """A key to use and where it is from; without one, why there is none."""

    pair: KeyPair | None
    origin: str


def key_in_use(environment: Mapping[str, str], vault: KeyVault, given: Secret | None, name: str, now: int) -> Found:
    """The key a command works with: that of the environment, else the one named, else the only one of the vault.

    A locked vault is asked for at a terminal. Raises ConfigError when it is not clear which key is meant.
    """
    if not name and (pair := pair_of(environment, now)):
        return Found(pair, "environment")
    if not vault.exists():
        return Found(None, "no key")
    if given is None and not sys.stdin.isatty():
        return Found(None, f"the vault is locked: name a file with its passphrase in {PASSPHRASE_FILE_VARIABLE}")
    ring = vault.keys(given or hidden("Passphrase of the vault"))
    if not name and len(ring) > 1:
        raise ConfigError(f"the vault holds {', '.join(key.name for key in ring)}: say which with --key")
    if not name and not ring:
        return Found(None, "no key")
    key = named(ring, name or ring[0].name)
    return Found(key.pair, f"vault key {key.name}")


def pair_of(environment: Mapping[str, str], now: int) -> KeyPair | None:
    """The key of the environment, None when there is none; raises ConfigError when only half of one is there."""
    access, secret = (environment.get(name, "").strip() for name in (ACCESS_VARIABLE, SECRET_VARIABLE))
    if not access and not secret:
        return None
    if not access or not secret:
        there, absent = (ACCESS_VARIABLE, SECRET_VARIABLE) if access else (SECRET_VARIABLE, ACCESS_VARIABLE)
        raise ConfigError(f"{there} is set and {absent} is not: set both, or neither")
    return KeyPair(access, Secret(secret), now)


def asked_pair(now: int) -> KeyPair:
    """A key pair from a person; nothing of it is shown."""
    access, secret = (hidden(prompt).reveal().strip() for prompt in ("Access key", "Secret key"))
    return KeyPair(access, Secret(secret), now)


def hidden(prompt: str, *, confirm: bool = False) -> Secret:
    """A text typed at the terminal without being shown; raises ConfigError when there is no terminal."""
    if not sys.stdin.isatty():
        raise ConfigError(
            f"there is no terminal to ask for: {prompt.lower()}. Keys may come in {ACCESS_VARIABLE} and "
            f"{SECRET_VARIABLE}, the passphrase in a file (mode 0600) named by {PASSPHRASE_FILE_VARIABLE}"
        )
    return Secret(click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True))


def safe_url(url: str) -> str:
    """An address a signed call may go to; raises ConfigError for one that is not encrypted and not this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return url
    raise ConfigError(f"signed calls go to https:// or to this machine only, found {url!r}")
