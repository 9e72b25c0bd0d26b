"""Files for their owner's eyes alone: read only when nobody else can, written whole or not at all."""

import contextlib
import fcntl
import os
import pwd
import shlex
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from domain.errors import ConfigError, StorageError
from storage.home import sync_folder

OTHERS = 0o077
MAX_BYTES = 1 << 20
_PLAIN = os.O_NOFOLLOW | os.O_NONBLOCK  # no link, and no wait for the writer of a pipe


def read_private(path: Path, *, follow: bool = False) -> bytes:
    """The content of a file nobody else can read; `follow` also takes links and pipes (`/dev/fd/3`).

    Raises:
        ConfigError: others may read it, or it is another user's; the text holds the command that mends it.
        StorageError: it is not there, is no file, or cannot be read.
    """
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | (0 if follow else _PLAIN)), "rb") as file:
            found = os.fstat(file.fileno())
            if not (stat.S_ISREG(found.st_mode) or (follow and stat.S_ISFIFO(found.st_mode))):
                raise StorageError(f"{path} is not a file")
            _check(path, found, 0o600)
            return file.read(MAX_BYTES)
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error


def write_private(path: Path, content: bytes) -> None:
    """Put a file (mode 0600) in the place of the old one; a kill or power cut leaves the one or the other, whole.

    The caller holds `locked`. Raises StorageError when it cannot be written: the old one is as it was.
    """
    try:
        for left in path.parent.glob(f".{path.name}-*"):
            left.unlink()  # of a writer that was killed
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # made with mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}; make room or see to its folder") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Change files of a folder alone: others that come here wait. Raises ConfigError when others can look into it."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise StorageError(f"{folder} cannot be opened: {error.strerror}") from error
    try:
        _check(folder, os.fstat(handle), 0o700)
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def check_folder(folder: Path) -> None:
    """Raise ConfigError, with the command that mends it, when others can look into a folder or own it."""
    try:
        _check(folder, folder.stat(), 0o700)
    except OSError as error:
        raise StorageError(f"{folder} cannot be looked at: {error.strerror}") from error


def _check(path: Path, found: os.stat_result, wanted: int) -> None:
    quoted = shlex.quote(str(path))
    if found.st_uid != os.geteuid():
        raise ConfigError(
            f"{path} belongs to {_user(found.st_uid)}, not to you: sudo chown {_user(os.geteuid())} {quoted}"
        )
    if found.st_mode & OTHERS:
        raise ConfigError(
            f"{path} has mode {stat.S_IMODE(found.st_mode):04o}, so others may reach it: chmod {wanted:o} {quoted}"
        )


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
