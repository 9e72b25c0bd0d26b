"""Orders: what is asked for, what the exchange says of it, and the states an order of ours goes through."""

from decimal import Decimal
from enum import StrEnum

from domain.message import Value


class Side(StrEnum):
    """BUY takes from the asks or rests among the bids; SELL the other way."""

    BUY = "buy"
    SELL = "sell"


class OrderType(StrEnum):
    """LIMIT; MARKET (a buy spends `funds`, a sell gives `volume`); BEST (limit at the opposite best on arrival)."""

    LIMIT = "limit"
    MARKET = "market"
    BEST = "best"


class TimeInForce(StrEnum):
    """GTC rests; IOC drops what does not fill at once; FOK all or nothing; POST_ONLY never takes."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"


class ExchangeState(StrEnum):
    """State of an order in the exchange's words. Finished is DONE or CANCEL; CANCEL may well have fills."""

    WAIT = "wait"
    WATCH = "watch"
    DONE = "done"
    CANCEL = "cancel"


class OrderRequest(Value, frozen=True):
    """An order as it is asked for. `funds` (KRW, fee not included) only for market and best buys, else `volume`.

    `identifier` is ours, unique for ever on the account, 36 characters of [A-Za-z0-9-] at the most.
    """

    identifier: str
    market: str
    side: Side
    type: OrderType
    price: Decimal | None = None
    volume: Decimal | None = None
    funds: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC


class Fill(Value, frozen=True):
    """One execution of one order. `funds` is price x volume exactly; `fee` is KRW as charged: on top, or out of it."""

    trade_id: str
    order_id: str
    identifier: str
    market: str
    side: Side
    price: Decimal
    volume: Decimal
    funds: Decimal
    fee: Decimal
    at: int


class OrderReport(Value, frozen=True):
    """An order as the exchange tells it. `fills` holds those this report carried: all of them only if `complete`."""

    order_id: str
    identifier: str
    market: str
    side: Side
    type: OrderType
    state: ExchangeState
    price: Decimal | None
    volume: Decimal | None
    executed_volume: Decimal
    paid_fee: Decimal
    locked: Decimal
    created_at: int
    time_in_force: TimeInForce = TimeInForce.GTC
    trades_count: int = 0
    fills: tuple[Fill, ...] = ()
    complete: bool = False

    @property
    def finished(self) -> bool:
        """Whether nothing more can execute; the amount filled is `executed_volume`, never the state."""
        return self.state in {ExchangeState.DONE, ExchangeState.CANCEL}


class Balance(Value, frozen=True):
    """What one currency holds: `free` to use, `locked` in orders. `average_price` of one is in `average_unit`."""

    currency: str
    free: Decimal
    locked: Decimal
    average_price: Decimal = Decimal(0)
    average_unit: str = "KRW"
