"""Looks at the files of ours that only this package can read, for the doctor."""

from pathlib import Path

from peewee import SqliteDatabase

from domain.errors import TradingError, VaultDamaged
from domain.finding import Finding, green, grey, red
from storage.database import explained, open_reader
from storage.vault import Vault


def database(path: Path) -> Finding:
    """Whether the projection opens, has our schema, and is whole."""
    name, expected = "database", "opens, has this version's schema, is whole"
    if not path.exists():
        return grey(name, "not applicable: no session has run in this home yet")
    try:
        found = open_reader(path)
        try:
            answer = _quick_check(found)
        finally:
            found.close()
    except TradingError as error:
        return red(name, str(error), expected, "follow the line beside it; the journal rebuilds this file")
    if answer != "ok":
        advice = "move the file (and its -wal and -shm) away and start again: it is rebuilt from the journal"
        return red(name, f"damaged: {answer}", expected, advice)
    return green(name, f"whole, {path.stat().st_size / (1 << 20):.1f} MiB", expected)


def vault(path: Path) -> Finding:
    """Whether the vault is whole and its owner's alone; what is in it takes the passphrase."""
    name, expected = "vault", "whole, and for its owner alone"
    held = Vault(path)
    if not held.exists():
        return grey(name, "not applicable: there is none")
    try:
        names = held.names()
    except VaultDamaged as error:
        return red(name, str(error), expected, "restore it from a backup")
    except TradingError as error:
        return red(name, str(error), expected, "run the command at the end of that line")
    return green(name, f"holds {', '.join(names) or 'no key'}", expected)


def _quick_check(database: SqliteDatabase) -> str:
    with explained(database):
        return str(database.pragma("quick_check(1)"))
