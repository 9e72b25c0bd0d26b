"""What the exchange lets this account order in one market, and what it answers to many cancels at once."""

from decimal import Decimal

from domain.market import Terms
from domain.message import Value
from domain.orders import Balance, OrderReport, OrderType, Side, TimeInForce


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


class OrderName(Value, frozen=True):
    """An order as it is named in the answer to many cancels: by one name at least, "" for what is not told.

    One that is not there is told by the name it was asked for, without its market.
    """

    order_id: str
    identifier: str
    market: str


class CancelBatch(Value, frozen=True):
    """Orders whose cancel was accepted (they may still fill until it is done), and those that could not be."""

    accepted: tuple[OrderName, ...] = ()
    failed: tuple[OrderName, ...] = ()


class Replacement(Value, frozen=True):
    """An order on its way out and the name of the one that takes its place.

    The new order exists only once the old one is cancelled; if the old one fills first, it never will.
    """

    previous: OrderReport
    order_id: str
    identifier: str
