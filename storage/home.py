"""The one folder that holds everything Baeu keeps, and the identity that its orders carry."""

import contextlib
import os
import re
import secrets
import string
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from domain.errors import ConfigError

PREFIX_LENGTH = 8
_LETTERS = string.ascii_lowercase + string.digits
_PREFIX = re.compile(rf"[a-z0-9]{{{PREFIX_LENGTH}}}", re.ASCII)
_IDENTITY = """\
# Every order of this home begins with this prefix: that is how Baeu knows its own orders at the exchange.
# Never change it, and never copy it to another home that trades on the same account.
identifier_prefix = "{prefix}"
"""


@dataclass(frozen=True)
class Home:
    """A home folder and the paths in it. Making one creates what is missing, for nobody but its owner (mode 0700).

    Raises ConfigError if the path is a file, or cannot be created or written.
    """

    root: Path

    def __post_init__(self) -> None:
        root = self.root.expanduser().absolute()
        object.__setattr__(self, "root", root)  # the one place a frozen value is made complete
        if root.exists() and not root.is_dir():
            raise ConfigError(f"home {root} is a file: name a folder with --home")
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.journal, self.candles, self.sandbox, self.logs):
                folder.mkdir(mode=0o700, exist_ok=True)
            with tempfile.TemporaryFile(dir=root):
                pass  # permissions alone do not tell: the disk may be full or mounted for reading only
        except OSError as error:
            raise ConfigError(
                f"home {root} cannot be used: {error.strerror} ({error.filename}); "
                "name a folder you may write to with --home"
            ) from error

    @property
    def journal(self) -> Path:
        """Folder of the journal's segments and snapshots."""
        return self.root / "journal"

    @property
    def database(self) -> Path:
        """The SQLite file of the projection."""
        return self.root / "baeu.sqlite3"

    @property
    def vault(self) -> Path:
        """File of the sealed API keys."""
        return self.root / "vault"

    @property
    def candles(self) -> Path:
        """Folder of the sealed candles."""
        return self.root / "candles"

    @property
    def sandbox(self) -> Path:
        """Folder of the sandbox exchange's own state."""
        return self.root / "sandbox"

    @property
    def web_socket(self) -> Path:
        """Unix socket between engine and dashboard."""
        return self.root / "web.sock"

    def require_invented(self) -> None:
        """Raise ConfigError when candles lie here and no local exchange ever ran: they were really traded.

        What a local exchange makes up must never lie among them, nor be warmed up on them.
        """
        if not any(self.sandbox.iterdir()) and any(self.candles.glob("*/*.h5")):
            raise ConfigError(
                f"home {self.root} holds candles that were really traded: name another folder with --home"
            )

    @property
    def logs(self) -> Path:
        """Folder of log files."""
        return self.root / "logs"

    @property
    def identity(self) -> Path:
        """File that keeps the identifier prefix."""
        return self.root / "identity.toml"

    @property
    def identifier_prefix(self) -> str:
        """The 8 characters [a-z0-9] every order identifier begins with: drawn once, the same ever after.

        Raises:
            ConfigError: if the file is damaged or cannot be written; a new prefix would disown open orders.
        """
        try:
            if not self.identity.exists():
                self._draw_identity()
            text = self.identity.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.identity} cannot be used: {error}") from error
        return self._prefix_in(text)

    def _prefix_in(self, text: str) -> str:
        try:
            prefix = tomllib.loads(text).get("identifier_prefix")
        except tomllib.TOMLDecodeError:
            prefix = None
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            raise ConfigError(
                f"{self.identity} holds no identifier_prefix of {PREFIX_LENGTH} characters a-z 0-9: restore it from a "
                "backup; delete it only when no order of this home is open, as a new prefix disowns them"
            )
        return prefix

    def _draw_identity(self) -> None:
        """Write the file whole under another name first; if two processes draw at once, the first to link it wins."""
        prefix = "".join(secrets.choice(_LETTERS) for _ in range(PREFIX_LENGTH))
        handle, name = tempfile.mkstemp(prefix=".identity-", dir=self.root)  # made with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(_IDENTITY.format(prefix=prefix))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(name, self.identity)
        finally:
            Path(name).unlink()
        sync_folder(self.root)


def journal_of(home: Path) -> Path:
    """The journal of a home; raises ConfigError when no session ever ran there. Nothing is created."""
    journal = home.expanduser() / "journal"
    if not journal.is_dir():
        raise ConfigError(f"there is no journal in {home}: name the folder a session ran in (--home of paper)")
    return journal


def sync_folder(folder: Path) -> None:
    """Make names created or changed in a folder survive a power cut; raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
