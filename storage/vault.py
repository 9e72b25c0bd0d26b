"""The vault: API keys in one file of the home, sealed with a passphrase."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from domain.errors import ConfigError, StorageError, VaultDamaged, WrongPassphrase
from domain.keys import Keyring
from domain.secret import PASSPHRASE_FILE_VARIABLE, PASSPHRASE_VARIABLE, Secret
from storage.private import check_folder, locked, read_private, write_private
from storage.sealing import Cost, names_in, seal, unseal

T = TypeVar("T")
SHORTEST: Final = 12
"""Characters a new passphrase must have; 15 or more are better."""


class Vault:
    """The keys in a file. Safe for any number of threads and processes: a change is made to what is there by then.

    Every method raises ConfigError when others can reach the file (with the command that mends it), VaultDamaged when
    it is not what was written, WrongPassphrase, and StorageError when it cannot be read or written.
    """

    def __init__(self, path: Path, cost: Cost | None = None) -> None:
        self.path = path
        self._cost = cost or Cost()

    def exists(self) -> bool:
        """Whether there is one yet."""
        return self.path.exists() or self.path.is_symlink()

    def names(self) -> tuple[str, ...]:
        """Names of the keys, without the passphrase; nobody vouches for them but the checksum."""
        data = self._read()
        return _explained(self.path, lambda: names_in(data))

    def keys(self, passphrase: Secret) -> Keyring:
        """Every key."""
        return self._opened(self._read(), passphrase)

    def change(self, passphrase: Secret, change: Callable[[Keyring], Keyring]) -> Keyring:
        """Replace the keys by what `change` makes of them, durably, and give the result.

        The first change makes the file. Whatever `change` raises leaves all as it was.
        """
        with locked(self.path.parent):
            held: Keyring = ()
            if self.exists():
                held = self._opened(self._read(), passphrase)
            else:
                _check_strength(passphrase)
            return self._write(change(held), passphrase)

    def change_passphrase(self, old: Secret, new: Secret) -> None:
        """Seal the same keys with another passphrase."""
        with locked(self.path.parent):
            held = self._opened(self._read(), old)
            _check_strength(new)
            self._write(held, new)

    def _read(self) -> bytes:
        check_folder(self.path.parent)
        if not self.exists():
            raise StorageError(f"there is no vault at {self.path}: `keys add` makes one")
        return read_private(self.path)

    def _opened(self, data: bytes, passphrase: Secret) -> Keyring:
        content = _explained(self.path, lambda: unseal(data, passphrase))
        try:
            return msgspec.json.decode(content, type=Keyring, dec_hook=_secret)
        except msgspec.DecodeError:
            # no cause: its text may quote what was sealed
            raise ConfigError(f"{self.path} was written by a program that keeps other things: use that one") from None

    def _write(self, ring: Keyring, passphrase: Secret) -> Keyring:
        content = msgspec.json.encode(ring, enc_hook=_text)
        write_private(self.path, seal(content, tuple(key.name for key in ring), passphrase, self._cost))
        return ring


def passphrase_given(environment: Mapping[str, str]) -> Secret | None:
    """The passphrase the environment gives, itself or in a file (mode 0600, or a descriptor as /dev/fd/3), else None.

    Raises ConfigError when the file is open to others or empty, StorageError when it cannot be read.
    """
    if text := environment.get(PASSPHRASE_VARIABLE):
        return Secret(text)
    if not (name := environment.get(PASSPHRASE_FILE_VARIABLE)):
        return None
    try:
        text = read_private(Path(name), follow=True).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError(f"{PASSPHRASE_FILE_VARIABLE} names a file that is no UTF-8 text") from None
    if not text:
        raise ConfigError(f"{PASSPHRASE_FILE_VARIABLE} names an empty file")
    return Secret(text)


def _check_strength(passphrase: Secret) -> None:
    if (found := len(passphrase.reveal())) < SHORTEST:
        raise ConfigError(
            f"a passphrase has at least {SHORTEST} characters, found {found}: a few words make a good one"
        )


def _explained(path: Path, read: Callable[[], T]) -> T:
    try:
        return read()
    except VaultDamaged as error:
        raise VaultDamaged(
            f"{path} is damaged ({error}): restore it from a backup, or delete it and add the keys again"
        ) from None
    except WrongPassphrase as error:
        raise WrongPassphrase(f"{path}: {error}") from None


def _text(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    raise TypeError(f"{type(value).__name__} does not go into a vault")


def _secret(kind: type, value: Any) -> Secret:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise TypeError(f"a {kind.__name__} does not come out of a vault")
