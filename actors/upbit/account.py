"""The private side of REST that only looks: balances, policies, keys.

A trader moves no money: no call here deposits, withdraws or transfers, and none may be added.
"""

from actors.upbit import account_wire
from actors.upbit.account_wire import ApiKey
from actors.upbit.calls import Calls, each, keys_of, one
from domain.market import Terms
from domain.orders import Balance
from domain.policy import OrderPolicy


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
