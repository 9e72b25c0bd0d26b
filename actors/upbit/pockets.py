"""The pockets of an account by REST: which there are, their keys and balances, and what moved between them.

A trader moves no money: the calls that transfer are left out on purpose.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from actors.upbit import account_wire
from actors.upbit.account_wire import PocketKeys
from actors.upbit.calls import Calls, each, keys_of
from actors.upbit.sign import Params
from actors.upbit.wire import US_PER_MS
from domain.orders import Balance
from domain.transfers import Pocket, PocketTransfer, PocketTransferState

PAGE_MOVES: Final = 100


class Direction(StrEnum):
    """Which way money moved, seen from a sub-pocket."""

    IN = "in"
    OUT = "out"
    ALL = "all"


class Pockets(Calls):
    """Calls for the key of a main pocket, but for `pocket_transfers`."""

    def pockets(self) -> tuple[Pocket, ...]:
        """Every pocket of the account."""
        return tuple(each(self._ask("/v1/pockets", {}), account_wire.pocket))

    def pocket_keys(self, pocket_ids: Sequence[str] = (), *, expired: bool = False) -> tuple[PocketKeys, ...]:
        """The keys of these pockets, of all when none is named, with those that have ended if asked."""
        params: Params = {"include_expired": expired or None, "uuids": tuple(pocket_ids)}
        return keys_of(self._ask("/v1/pockets/api_keys", params), account_wire.pocket_keys)

    def pocket_assets(self, pocket_id: str) -> tuple[Balance, ...]:
        """Every balance of one pocket."""
        return tuple(each(self._ask("/v1/pockets/assets", {"uuid": pocket_id}), account_wire.balance))

    def universal_transfers(  # noqa: PLR0913 (the exchange's filters, by name)
        self,
        *,
        source: str = "",
        target: str = "",
        currency: str = "",
        states: Sequence[PocketTransferState] = (),
        ids: Sequence[str] = (),
        identifiers: Sequence[str] = (),
        start: int | None = None,
        end: int | None = None,
        limit: int = PAGE_MOVES,
    ) -> tuple[PocketTransfer, ...]:
        """Moves between any two pockets, newest first, at most 100 of at most 7 days (microseconds UTC)."""
        params = {"from": source or None, "to": target or None}
        more = _filters(currency, states, ids, identifiers, start, end, limit)
        rows = self._ask("/v1/pockets/universal_transfers", {**params, **more})
        return tuple(each(rows, account_wire.pocket_transfer))

    def pocket_transfers(  # noqa: PLR0913 (the exchange's filters, by name)
        self,
        *,
        direction: Direction = Direction.ALL,
        currency: str = "",
        states: Sequence[PocketTransferState] = (),
        ids: Sequence[str] = (),
        identifiers: Sequence[str] = (),
        start: int | None = None,
        end: int | None = None,
        limit: int = PAGE_MOVES,
    ) -> tuple[PocketTransfer, ...]:
        """Moves of a sub-pocket, asked with its own key; as `universal_transfers`."""
        more = _filters(currency, states, ids, identifiers, start, end, limit)
        rows = self._ask("/v1/pockets/transfers", {"direction": direction, **more})
        return tuple(each(rows, account_wire.pocket_transfer))


def _filters(  # noqa: PLR0913, PLR0917 (the exchange's filters, in the order they are sent)
    currency: str,
    states: Sequence[PocketTransferState],
    ids: Sequence[str],
    identifiers: Sequence[str],
    start: int | None,
    end: int | None,
    limit: int,
) -> Params:
    return {
        "currency": currency or None,
        "states": tuple(states),
        "uuids": tuple(ids),
        "identifiers": tuple(identifiers),
        "start_time": None if start is None else start // US_PER_MS,
        "end_time": None if end is None else -(-end // US_PER_MS),
        "limit": min(limit, PAGE_MOVES),
        "order_by": "desc",
    }
