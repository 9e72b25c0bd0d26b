"""Reads the TOML file with settings, strictly: an unknown key, a wrong type or a useless value names itself."""

import difflib
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from domain.config import Settings
from domain.errors import ConfigError
from domain.money import BadNumber, parse

T = TypeVar("T", bound=msgspec.Struct)

MOVED = {"exits.delisting_days": "listings.terminating_days"}
"""Settings that have another name now; a file that still has the old one is refused with the new one."""


def load_settings(path: Path | None = None) -> Settings:
    """The settings of a TOML file, or the reference profile without one.

    Raises:
        ConfigError: if the file cannot be read, is no TOML, or has an unknown key, a wrong type or a refused value.
    """
    return load(path, Settings) if path else Settings()


def load(path: Path, kind: type[T]) -> T:
    """Fill any tree of Structs from a TOML file; what the file does not name keeps its default.

    Raises:
        ConfigError: as `load_settings`.
    """
    try:
        return _filled(_table_of(path), kind, "")
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def show(settings: Settings, path: Path | None = None) -> tuple[str, ...]:
    """The lines of `config show`: each key with its value and its origin, the file or the default.

    Raises:
        ConfigError: if the file cannot be read.
    """
    named = set(_keys(_table_of(path))) if path else set()
    lines = [(key, value, f"from {path}" if key in named else "default") for key, value in flat(settings)]
    wide = max(len(key) for key, _, _ in lines)
    high = max(len(value) for _, value, _ in lines)
    return tuple(f"{key:<{wide}}  {value:<{high}}  {origin}" for key, value, origin in lines)


def differences(before: Settings | None, after: Settings) -> tuple[tuple[str, str, str], ...]:
    """What differs between two settings as (key, before, after) text, by key; before None means all is new."""
    old = dict(flat(before)) if before else {}
    new = dict(flat(after))
    return tuple((key, old.get(key, ""), value) for key, value in sorted(new.items()) if old.get(key) != value)


def flat(settings: msgspec.Struct, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting as (dotted key, value as text), in the order they are declared; an empty list is `none`."""
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, msgspec.Struct):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", (", ".join(map(str, value)) or "none") if isinstance(value, tuple) else str(value)


def _table_of(path: Path) -> dict[str, Any]:
    """The file as nested tables; numbers with a point become Decimals from their text, never floats."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"is not TOML: {error}") from error


def _filled(table: dict[str, Any], kind: type[T], prefix: str) -> T:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key in table:
        if key not in fields:
            raise ConfigError(_unknown(key, prefix, list(fields)))
    missing = [prefix + name for name, field in fields.items() if field.required and name not in table]
    if missing:
        raise ConfigError(f"missing: {', '.join(missing)}")
    return kind(**{key: _value(value, fields[key].type, prefix + key) for key, value in table.items()})


def _unknown(key: str, prefix: str, known: list[str]) -> str:
    if moved := MOVED.get(f"{prefix}{key}"):
        return f"{prefix}{key} is called {moved} now: rename it, its meaning is the same"
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"unknown key {prefix}{key}; the closest known one is {prefix}{close[0]}"


def _value(found: Any, kind: Any, key: str) -> Any:
    """One value as its field wants it; bool is no number, and no number is guessed from a word."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if not isinstance(found, dict):
            raise ConfigError(f"{key} must be a table, written [{key}], found {found!r}")
        return _filled(found, kind, f"{key}.")
    if kind is Decimal:
        return _decimal(found, key)
    if isinstance(found, Decimal) and not found.is_finite():
        raise ConfigError(f"{key}: expected a finite number, found {found}")
    try:
        return msgspec.convert(found, kind, strict=True)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{key}: {error}, found {found}") from error


def _decimal(found: Any, key: str) -> Decimal:
    try:
        return parse(found)
    except BadNumber as error:
        raise ConfigError(f"{key}: {error}") from error


def _keys(table: dict[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _keys(value, f"{prefix}{key}.")
        else:
            yield prefix + key
