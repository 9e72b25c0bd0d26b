"""What the exchange of a home knows, read from its disk for the benchmarks that compare."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from actors.sandbox.desk import Desk
from actors.sandbox.identity import load_identity
from actors.sandbox.store import FILE, Store
from domain.matching import Exchange, Working
from domain.orders import Fill
from domain.rules import default_terms

EXACT, ZERO = Decimal("0.00000001"), Decimal(0)


class BenchError(Exception):
    """A session did not do what the benchmark needs; the text says what."""


def exchange_of(folder: Path) -> Exchange:
    """The sandbox's books as they stand on disk, read from a copy: opening them for good would mend a torn end."""
    with tempfile.TemporaryDirectory(prefix="baeu-books-") as temporary:
        copy = Path(temporary)
        shutil.copy(folder / "sandbox.json", copy)
        kept = f"file:{folder / FILE}?mode=ro"  # a sandbox whose parent was killed may still be ending
        with closing(sqlite3.connect(kept, uri=True)) as source, closing(sqlite3.connect(copy / FILE)) as target:
            source.backup(target)
        identity = load_identity(copy)
        if identity is None:
            raise BenchError(f"{folder} holds no exchange")
        terms = {market: default_terms(market, identity.start) for market in identity.markets}
        with closing(Store(copy)) as store:
            return Desk(store, identity.salt, terms, identity.pockets).exchange


def orders_of(exchange: Exchange) -> list[Working]:
    """Every order the exchange ever took, ended ones first."""
    return [*exchange.closed.values(), *exchange.orders.values()]


def executions(exchange: Exchange) -> list[Fill]:
    """Every execution of every order."""
    return [fill for order in orders_of(exchange) for fill in order.fills]


def totals_of(exchange: Exchange) -> dict[str, Decimal]:
    """What the account holds of each currency, free and locked together."""
    return {currency: held.free + held.locked for currency, held in exchange.balances.items()}


def unequal(theirs: dict[str, Decimal], ours: dict[str, Decimal]) -> Iterator[str]:
    """The currencies whose totals differ by more than 1e-8; what is missing is zero."""
    for currency in sorted(theirs.keys() | ours.keys()):
        gap = theirs.get(currency, ZERO) - ours.get(currency, ZERO)
        if abs(gap) > EXACT:
            yield f"{currency} {gap:+f} more at the exchange than in our books"
