"""What the exchange lets this account order in one market."""

from decimal import Decimal

from domain.market import Terms
from domain.message import Value
from domain.orders import Balance, OrderType, Side, TimeInForce


class OrderKind(Value, frozen=True):
    """A type of order with how long it stands."""

    type: OrderType
    time_in_force: TimeInForce = TimeInForce.GTC


class OrderPolicy(Value, frozen=True):
    """The order policy of one market: its terms, the maker's fees, what may be ordered, and what there is to pay with.

    POST_ONLY is listed nowhere although it is taken: `allows` answers for what the exchange lists.
    """

    terms: Terms
    maker_bid_fee: Decimal
    maker_ask_fee: Decimal
    sides: tuple[Side, ...]
    buys: tuple[OrderKind, ...]
    sells: tuple[OrderKind, ...]
    quote: Balance | None
    base: Balance | None

    def allows(self, side: Side, kind: OrderKind) -> bool:
        """Whether the exchange lists this kind of order on this side."""
        return side in self.sides and kind in (self.buys if side is Side.BUY else self.sells)
