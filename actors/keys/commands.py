"""`run.py keys`: adds, lists, checks, rotates and removes API keys. Nothing here ever prints a secret."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from actors.console import columns, home_option
from actors.keys.source import ENVIRONMENT, KeyVault, Tools, asked_pair, hidden, pair_of, safe_url
from actors.keys.words import instructions
from domain.errors import ConfigError
from domain.keys import KeyPair, Keyring, StoredKey, named, with_check, with_key, with_successor, without
from domain.market import DAY
from domain.secret import Secret

if TYPE_CHECKING:  # what speaks HTTP takes half a second to import: `--help` stays quick
    from actors.keys.probe import KeyReport

TITLES = ("name", "pocket", "access key", "state", "expires", "may", "last checked")
_FAILED = 1


def keys_group(tools: Callable[[], Tools], upbit: str) -> click.Group:
    """The group of commands; `tools` is called when one runs, `upbit` is where keys are checked."""
    group = click.Group(
        "keys",
        help="Keep API keys in a vault of the home, or see that they work.\n\nA key in UPBIT_ACCESS_KEY and "
        "UPBIT_SECRET_KEY goes before those of the vault. The vault's passphrase is asked for, or read from a file "
        "(mode 0600) that BAEU_VAULT_PASSPHRASE_FILE names, or from BAEU_VAULT_PASSPHRASE.",
    )
    url = click.option("--url", default=upbit, show_default=True, help="The exchange to check a key at.")
    offline = click.option("--offline", is_flag=True, help="Keep it unchecked: `keys check` looks at it later.")
    name = click.argument("name")

    def add_command(run: Callable[..., None], *options: Any) -> None:
        def work(**given: Any) -> None:
            run(tools(), **given)

        command: Any = work
        for option in reversed((home_option, *options)):
            command = option(command)
        group.add_command(click.command(run.__name__.strip("_").replace("_", "-"), help=run.__doc__)(command))

    label = click.option("--pocket", default="", help="Whose money it moves: a word of yours.")
    add_command(add, click.option("--name", default="main", show_default=True), label, url, offline)
    add_command(list_)
    add_command(check, click.argument("name", required=False, default=""), url)
    add_command(rotate, name, url, offline)
    add_command(remove, name, click.option("--yes", is_flag=True, help="Do not ask."))
    add_command(passphrase)
    add_command(allow_list)
    return group


def add(tools: Tools, *, home: Path, name: str, pocket: str, url: str, offline: bool) -> None:  # noqa: PLR0913 (flags)
    """Ask for a key, see that it works and cannot withdraw, and keep it."""
    vault = tools.vault(home)
    safe_url(url)
    click.echo(f"{instructions()}\n", err=True)
    opened_with = _passphrase(tools, vault, new=not vault.exists())
    pair = asked_pair(_now())
    with_key(
        _ring(vault, opened_with), StoredKey(name, pocket, pair)
    )  # what is wrong with it is said before it is sent
    if not offline:
        report = _report(url, pair)
        if report.objection:
            raise ConfigError(f"not kept: {report.objection}")
        pair = replace(pair, checked=report.checked(_now()))
    vault.change(opened_with, lambda ring: with_key(ring, StoredKey(name, pocket, pair)))
    click.echo(f"kept {name} ({pair.short}) in {vault.path}" + (", unchecked" if offline else ""))


def list_(tools: Tools, *, home: Path) -> None:
    """Show every key, without its secret."""
    vault, now = tools.vault(home), _now()
    rows = [TITLES, *_environment_rows(now)]
    if vault.exists():
        rows += [row for key in vault.keys(_passphrase(tools, vault)) for row in _rows(key, now)]
    if len(rows) == 1:
        click.echo("no key: `keys add` keeps one")
        return
    for line in columns(rows):
        click.echo(line)


def check(tools: Tools, *, home: Path, name: str, url: str) -> None:
    """Ask the exchange what each key (or NAME) is and may do; a successor that passes takes over."""
    vault, passed = tools.vault(home), []
    safe_url(url)
    if not name and (pair := pair_of(os.environ, _now())):
        passed.append(_told(ENVIRONMENT, pair, _report(url, pair)))
    if name or vault.exists():
        opened_with = _passphrase(tools, vault)
        ring = vault.keys(opened_with)
        passed += [_check_kept(vault, opened_with, key, url) for key in ([named(ring, name)] if name else ring)]
    if not passed:
        raise ConfigError("there is no key to check: `keys add` keeps one")
    sys.exit(0 if all(passed) else _FAILED)


def rotate(tools: Tools, *, home: Path, name: str, url: str, offline: bool) -> None:
    """Ask for the successor of key NAME; the old key stays in use until the new one has passed its check."""
    vault = tools.vault(home)
    opened_with = _passphrase(tools, vault)
    named(vault.keys(opened_with), name)
    safe_url(url)
    pair = asked_pair(_now())
    ring = vault.change(opened_with, lambda ring: with_successor(ring, name, pair))
    click.echo(
        f"kept the successor of {name} ({pair.short}); {named(ring, name).pair.short} stays in use until it passes"
    )
    if not offline and not _check_kept(vault, opened_with, named(ring, name), url):
        sys.exit(_FAILED)


def remove(tools: Tools, *, home: Path, name: str, yes: bool) -> None:
    """Forget key NAME and its successor; delete it on Upbit's page too."""
    vault = tools.vault(home)
    opened_with = _passphrase(tools, vault)
    key = named(vault.keys(opened_with), name)
    if not yes:
        click.confirm(f"Forget {name} ({key.pair.short})?", abort=True, err=True)
    vault.change(opened_with, lambda ring: without(ring, name))
    click.echo(f"forgot {name} ({key.pair.short}); delete it on Upbit's page as well")


def passphrase(tools: Tools, *, home: Path) -> None:
    """Seal the vault with another passphrase."""
    vault = tools.vault(home)
    old = _passphrase(tools, vault)
    vault.keys(old)  # a wrong one is told before a new one is asked for
    vault.change_passphrase(old, hidden("New passphrase", confirm=True))
    click.echo("the vault has its new passphrase; backups made before still open with the old one")


def allow_list(tools: Tools, *, home: Path) -> None:
    """Tell how to make a key and which address to allow, in Korean and English."""
    del tools, home
    click.echo(instructions())


def _passphrase(tools: Tools, vault: KeyVault, *, new: bool = False) -> Secret:
    if not new and not vault.exists():
        raise ConfigError(f"there is no vault at {vault.path}: `keys add` makes one")
    given = tools.passphrase_given(os.environ)
    if given is not None:
        return given
    if new:
        return hidden("Passphrase of the new vault (12 characters or more)", confirm=True)
    return hidden("Passphrase of the vault")


def _ring(vault: KeyVault, opened_with: Secret) -> Keyring:
    return vault.keys(opened_with) if vault.exists() else ()


def _check_kept(vault: KeyVault, opened_with: Secret, key: StoredKey, url: str) -> bool:
    """Check the newest pair of a key, and keep what was found; whether it passed."""
    pair = key.newest
    report = _report(url, pair)
    passed = _told(key.name, pair, report)
    if passed or (key.successor is None and not report.refused):
        checked = report.checked(_now())
        vault.change(opened_with, lambda ring: with_check(ring, key.name, pair.access, checked))
    if key.successor is None:
        return passed
    if passed:
        click.echo(f"{key.name}: {pair.short} is in use now, {key.pair.short} is forgotten: delete it on Upbit's page")
        return True
    click.echo(f"{key.name}: {key.pair.short} stays in use")
    _check_kept(vault, opened_with, replace(key, successor=None), url)
    return False


def _report(url: str, pair: KeyPair) -> "KeyReport":
    from actors.keys.probe import probe  # noqa: PLC0415 (see TYPE_CHECKING above)
    from actors.runtime import wall_clock  # noqa: PLC0415
    from actors.upbit.sign import Keys  # noqa: PLC0415

    return probe(url, Keys(pair.access, pair.secret), wall_clock())


def _told(name: str, pair: KeyPair, report: "KeyReport") -> bool:
    """Say what the exchange said; whether the key may be used."""
    if report.objection:
        click.echo(f"{name} ({pair.short}): {report.objection}", err=True)
        return False
    click.echo(f"{name} ({pair.short}): works; may {', '.join(report.allowed)}; {_expiry(report.expires_at, _now())}")
    if "withdraw" in report.unknown:
        click.echo(
            "  whether it may WITHDRAW is not told to this key: look on Upbit's page that 출금하기 is not ticked",
            err=True,
        )
    return True


def _environment_rows(now: int) -> Iterator[tuple[str, ...]]:
    if pair := pair_of(os.environ, now):
        yield (ENVIRONMENT, "-", pair.short, "in use, goes before the vault", "?", "?", "never kept")


def _rows(key: StoredKey, now: int) -> Iterator[tuple[str, ...]]:
    for pair, state in ((key.pair, "in use"), (key.successor, "waits for its check")):
        if pair is None:
            continue
        done = pair.checked
        yield (
            key.name,
            key.pocket or "-",
            pair.short,
            state,
            _expiry(done.expires_at, now) if done else "?",
            ", ".join(done.allowed) if done else "?",
            f"{(now - done.at) // DAY} days ago" if done else "never",
        )


def _expiry(at: int | None, now: int) -> str:
    if at is None:
        return "?"
    days = (at - now) // DAY
    return f"in {days} days" if days >= 0 else "expired"


def _now() -> int:
    return time.time_ns() // 1_000
