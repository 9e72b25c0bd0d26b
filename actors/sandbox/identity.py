"""What a sandbox's folder is for: its keys, its seed, its candles. Made once, and the same after every restart."""

import os
import secrets
from pathlib import Path

import msgspec

from actors.sandbox.accounts import Pocket
from actors.sandbox.store import refuse_earlier
from domain.errors import ConfigError


class Identity(msgspec.Struct, frozen=True):
    """The lasting facts of one sandbox. `source` names the candles; `start` is when it was opened, microseconds UTC.

    `accounts` names the file its pockets were read from by its content, "" where there was none.
    """

    salt: str
    seed: int
    source: str
    markets: tuple[str, ...]
    start: int
    pockets: tuple[Pocket, ...]
    accounts: str = ""

    def __repr__(self) -> str:
        return f"Identity(source={self.source}, pockets={[pocket.name for pocket in self.pockets]})"


def load_identity(folder: Path) -> Identity | None:
    """The identity kept in this folder, None when there is none; raises ConfigError when it cannot be read."""
    refuse_earlier(folder)
    path = folder / "sandbox.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): delete the folder to begin afresh") from error


def new_salt() -> str:
    """What makes the ids of this sandbox its own."""
    return secrets.token_hex(8)


def keep_identity(folder: Path, identity: Identity) -> None:
    """Write it for the owner's eyes only, whole or not at all."""
    path = folder / "sandbox.json"
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(identity))
        file.flush()
        os.fsync(descriptor)
    fresh.replace(path)


def check_same(folder: Path, known: Identity, asked: Identity, *more: str) -> None:
    """Refuse to go on with another market than the one these books were kept in; raises ConfigError.

    `more` names what was asked for on top of seed, source and markets.
    """
    differences = [
        f"{name} {getattr(known, name)} instead of {getattr(asked, name)}"
        for name in ("seed", "source", "markets", *more)
        if getattr(known, name) != getattr(asked, name)
    ]
    if differences:
        raise ConfigError(
            f"{folder} holds a sandbox with {'; '.join(differences)}: "
            "start it with the same options, or give another --home"
        )
