"""The private side of REST that only looks: balances, policies, keys, deposits, withdrawals, wallets.

A trader moves no money: no call here deposits, withdraws or transfers, and none may be added.
"""

from collections.abc import Sequence
from typing import Final

from actors.upbit import account_wire
from actors.upbit.account_wire import ApiKey
from actors.upbit.calls import Calls, each, keys_of, one
from domain.errors import BadPayload
from domain.market import Terms
from domain.orders import Balance
from domain.policy import OrderPolicy
from domain.transfers import Transfer, TransferKind, TransferState, WalletStatus

PAGE_TRANSFERS: Final = 100
LISTS: Final = {TransferKind.DEPOSIT: "/v1/deposits", TransferKind.WITHDRAWAL: "/v1/withdraws"}
SINGLES: Final = {TransferKind.DEPOSIT: "/v1/deposit", TransferKind.WITHDRAWAL: "/v1/withdraw"}


class Account(Calls):
    """Calls that tell about the key's account and change nothing in it."""

    def accounts(self) -> tuple[Balance, ...]:
        """Every balance of the key's pocket."""
        return tuple(each(self._ask("/v1/accounts", {}), account_wire.balance))

    def chance(self, market: str) -> Terms:
        """Fees and limits of one market."""
        return self.order_policy(market).terms

    def order_policy(self, market: str) -> OrderPolicy:
        """What may be ordered in one market, on which terms and with what."""
        return one(self._ask("/v1/orders/chance", {"market": market}), account_wire.policy)

    def api_keys(self) -> tuple[ApiKey, ...]:
        """Every key of the account with its end."""
        return keys_of(self._ask("/v1/api_keys", {}), account_wire.api_key)

    def key_expires_at(self) -> int | None:
        """When our key ends (microseconds UTC); None when the exchange does not list it."""
        ours = self._keys.access if self._keys else ""
        return next((key.expires_at for key in self.api_keys() if key.access == ours), None)

    def wallets(self) -> tuple[WalletStatus, ...]:
        """Which currencies can be deposited and withdrawn at present, network by network; minutes old."""
        return tuple(each(self._ask("/v1/status/wallet", {}), account_wire.wallet))

    def transfers(  # noqa: PLR0913 (the exchange's filters, by name)
        self,
        kind: TransferKind,
        *,
        currency: str = "",
        state: TransferState | None = None,
        ids: Sequence[str] = (),
        txids: Sequence[str] = (),
        before: str = "",
        after: str = "",
        page: int = 1,
        limit: int = PAGE_TRANSFERS,
        oldest_first: bool = False,
    ) -> tuple[Transfer, ...]:
        """One page of deposits or withdrawals, 100 at the most; `before` and `after` are ids of transfers."""
        filters = {
            "currency": currency or None,
            "state": state or None,
            "uuids": tuple(ids),
            "txids": tuple(txids),
            "limit": min(limit, PAGE_TRANSFERS),
            "page": page,
            "order_by": "asc" if oldest_first else "desc",
            "from": after or None,
            "to": before or None,
        }
        return tuple(each(self._ask(LISTS[kind], filters), account_wire.transfer))

    def transfers_since(self, kind: TransferKind, since: int) -> tuple[Transfer, ...]:
        """All deposits or withdrawals asked for at `since` (microseconds UTC) or later, newest first, each once."""
        found: dict[str, Transfer] = {}
        page = 1
        while True:
            told = self.transfers(kind, page=page)
            fresh = {each.transfer_id: each for each in told if each.transfer_id not in found}
            found |= fresh
            if len(told) < PAGE_TRANSFERS or any(each.created_at < since for each in told):
                return tuple(each for each in found.values() if each.created_at >= since)
            if not fresh:
                raise BadPayload(f"asked for page {page} of {LISTS[kind]}, got one told before")
            page += 1

    def transfer(self, kind: TransferKind, transfer_id: str = "", *, txid: str = "", currency: str = "") -> Transfer:
        """One deposit or withdrawal by its id or its transaction, without either the latest."""
        name = {"uuid": transfer_id or None, "txid": txid or None, "currency": currency or None}
        return one(self._ask(SINGLES[kind], name), account_wire.transfer)
