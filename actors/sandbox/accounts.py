"""Whose money the sandbox keeps: pockets of one or several members, and their keys (upbit-api.md 1.3, 1.5).

A file of accounts is TOML:

    [[pocket]]
    name = "bot"                       # the first pocket of a member is its main one
    member = "ann"                     # "member" when left out
    balances = { KRW = "10000000", BTC = "0.5" }

    [[pocket.key]]
    name = "trading"
    permissions = ["view_account", "view_orders", "make_orders"]
    allowed_ips = ["127.0.0.1"]        # one to ten, this one when left out
    expires = 2027-01-01T00:00:00Z     # a year from the start when left out
"""

import secrets
import tomllib
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from domain.errors import ConfigError
from domain.market import DAY
from domain.matching import Account, Holding
from domain.money import BadNumber, parse, plain

PERMISSIONS: Final = (
    "view_account",
    "view_orders",
    "make_orders",
    "view_withdrawals",
    "withdraw",
    "view_deposits",
    "deposit",
    "transfer",
    "manage_pockets",
)
MAIN: Final = "main"
SUB: Final = "user_spot_trading"
_TRADER: Final = ("view_account", "view_orders", "make_orders", "view_withdrawals", "view_deposits")
USUAL: Final = {MAIN: (*_TRADER, "manage_pockets"), SUB: (*_TRADER, "transfer")}
"""What a key may do when nothing else is said. Only a main pocket manages others, only a sub-pocket transfers."""

_NOT_FOR: Final = {MAIN: "transfer", SUB: "manage_pockets"}
KEY_LIFE: Final = 365 * DAY
LOOPBACK: Final = ("127.0.0.1",)
MAX_IPS: Final = 10
_KEY_BYTES: Final = 30  # 40 characters, as the exchange's own keys have


class Key(msgspec.Struct, frozen=True):
    """One key pair, for calls from `allowed_ips`; a key kept from before may have none and is taken from anywhere.

    Times are microseconds UTC.
    """

    name: str
    access_key: str
    secret_key: str
    created_at: int
    expires_at: int
    permissions: tuple[str, ...]
    allowed_ips: tuple[str, ...] = LOOPBACK

    def __repr__(self) -> str:
        return f"Key(name={self.name!r}, access_key={self.access_key[:4]}…)"


class Pocket(msgspec.Struct, frozen=True):
    """An account of a member. `kind` is main or user_spot_trading; `balances` are those of its opening, as text."""

    name: str
    uuid: str
    member: str
    kind: str
    balances: dict[str, str]
    keys: tuple[Key, ...]


class Caller(NamedTuple):
    """Who signed a request."""

    pocket: Pocket
    key: Key


def only_pocket(capital: str, start: int) -> tuple[Pocket, ...]:
    """One main pocket with one key and this much KRW."""
    return (Pocket(MAIN, _new_uuid(), "member", MAIN, {"KRW": capital}, (_new_key(MAIN, MAIN, start),)),)


def opening_accounts(pockets: tuple[Pocket, ...]) -> dict[str, Account]:
    """What the exchange keeps of these pockets when they open, by their names."""
    return {
        pocket.name: Account(
            {currency: Holding(Decimal(amount)) for currency, amount in pocket.balances.items()}, member=pocket.member
        )
        for pocket in pockets
    }


def read_accounts(path: Path, start: int) -> tuple[Pocket, ...]:
    """The pockets of a file, with fresh secrets; raises ConfigError naming what is wrong with it."""
    try:
        content = tomllib.loads(path.read_text())
        _only(content, "pocket")
        pockets: list[Pocket] = []
        for entry in content.get("pocket", []):
            first = all(pocket.member != entry.get("member", "member") for pocket in pockets)
            pockets.append(_pocket(entry, start, MAIN if first else SUB))
        _check_names(pockets)
    except (OSError, ValueError, TypeError, AttributeError, BadNumber) as error:
        raise ConfigError(f"accounts file {path}: {error}") from error
    return tuple(pockets)


def _check_names(pockets: list[Pocket]) -> None:
    names = [pocket.name for pocket in pockets]
    if not names or not all(pocket.keys for pocket in pockets):
        raise ValueError("expected at least one [[pocket]], each with at least one [[pocket.key]]")
    if len(set(names)) < len(names):
        raise ValueError(f"pocket names must differ, found {', '.join(names)}")


def _pocket(entry: dict[str, Any], start: int, kind: str) -> Pocket:
    _only(entry, "name", "member", "balances", "key")
    name, member = _named(entry), entry.get("member", "member")
    if not isinstance(member, str):
        raise TypeError(f"pocket {name}: member must be a text, found {member!r}")
    balances = {currency: plain(parse(amount)) for currency, amount in entry.get("balances", {}).items()}
    if any(amount.startswith("-") for amount in balances.values()):
        raise ValueError(f"pocket {name}: a balance must not be negative")
    keys = tuple(_key(each, kind, start) for each in entry.get("key", []))
    return Pocket(name, _new_uuid(), member, kind, balances, keys)


def _key(entry: dict[str, Any], kind: str, start: int) -> Key:
    _only(entry, "name", "permissions", "allowed_ips", "expires")
    key = _new_key(_named(entry), kind, start)
    permissions, expires = tuple(entry.get("permissions", key.permissions)), entry.get("expires")
    known = [name for name in PERMISSIONS if name != _NOT_FOR[kind]]
    if unknown := set(permissions) - set(known):
        raise ValueError(f"a {kind} pocket has no {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    if expires is not None and (not isinstance(expires, datetime) or expires.tzinfo is None):
        raise ValueError(f"key {key.name}: expires must be a time with its zone, found {expires!r}")
    until = key.expires_at if expires is None else int(expires.astimezone(UTC).timestamp()) * 1_000_000
    allowed = tuple(str(ip_address(address)) for address in entry.get("allowed_ips", LOOPBACK))
    if not 1 <= len(allowed) <= MAX_IPS:
        raise ValueError(f"key {key.name}: expected 1 to {MAX_IPS} allowed_ips, found {len(allowed)}")
    return msgspec.structs.replace(key, permissions=permissions, allowed_ips=allowed, expires_at=until)


def _new_key(name: str, kind: str, start: int) -> Key:
    access, secret = secrets.token_urlsafe(_KEY_BYTES), secrets.token_urlsafe(_KEY_BYTES)
    return Key(name, access, secret, start, start + KEY_LIFE, USUAL[kind])


def _named(entry: dict[str, Any]) -> str:
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError("every pocket and every key needs a name")
    return name


def _only(entry: dict[str, Any], *known: str) -> None:
    if unknown := set(entry) - set(known):
        raise ValueError(f"unknown {', '.join(sorted(unknown))}; expected {', '.join(known)}")


def _new_uuid() -> str:
    return str(UUID(bytes=secrets.token_bytes(16), version=4))
