"""What a sandbox's folder is for: its keys, its seed, its candles. Made once, and the same after every restart."""

import os
import secrets
from pathlib import Path
from typing import Final

import msgspec

from actors.sandbox.store import refuse_earlier
from domain.errors import ConfigError

_KEY_BYTES: Final = 30  # 40 characters, as the exchange's own keys have


class Identity(msgspec.Struct, frozen=True):
    """The lasting facts of one sandbox. `source` names the candles; `start` is when it was opened, microseconds UTC."""

    access_key: str
    secret_key: str
    salt: str
    seed: int
    source: str
    markets: tuple[str, ...]
    start: int
    capital: str

    def __repr__(self) -> str:
        return f"Identity(access_key={self.access_key[:4]}…, source={self.source})"


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


def new_identity(seed: int, source: str, markets: tuple[str, ...], start: int, capital: str) -> Identity:
    """Fresh keys for these facts."""
    access, secret = secrets.token_urlsafe(_KEY_BYTES), secrets.token_urlsafe(_KEY_BYTES)
    return Identity(access, secret, secrets.token_hex(8), seed, source, markets, start, capital)


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


def check_same(folder: Path, known: Identity, asked: Identity, *, start_asked: bool) -> None:
    """Refuse to go on with another market than the one these books were kept in; raises ConfigError."""
    differences = [
        f"{name} {getattr(known, name)} instead of {getattr(asked, name)}"
        for name in ("seed", "source", "markets", *(("start",) if start_asked else ()))
        if getattr(known, name) != getattr(asked, name)
    ]
    if differences:
        raise ConfigError(
            f"{folder} holds a sandbox with {'; '.join(differences)}: "
            "start it with the same options, or give another --home"
        )
