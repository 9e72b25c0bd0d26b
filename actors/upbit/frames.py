"""Reads the frames of the exchange's sockets, long and short names alike, into values of ours."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from actors.upbit.wire import ZERO, number, once, order_state, order_type, time_in_force
from domain.market import Book, Level, Trade
from domain.orders import Balance, Fill, OrderReport, OrderType, Side

TAKERS: Final = {"BID": Side.BUY, "ASK": Side.SELL}
US_PER_MS: Final = 1_000

LONG: Final = {
    "ty": "type",
    "cd": "code",
    "tms": "timestamp",
    "tp": "trade_price",
    "tv": "trade_volume",
    "ab": "ask_bid",
    "ttms": "trade_timestamp",
    "sid": "sequential_id",
    "obu": "orderbook_units",
    "ap": "ask_price",
    "bp": "bid_price",
    "as": "ask_size",
    "bs": "bid_size",
    "uid": "uuid",
    "ot": "order_type",
    "s": "state",
    "tuid": "trade_uuid",
    "p": "price",
    "v": "volume",
    "ev": "executed_volume",
    "pf": "paid_fee",
    "l": "locked",
    "tc": "trades_count",
    "tf": "trade_fee",
    "tif": "time_in_force",
    "id": "identifier",
    "otms": "order_timestamp",
    "ast": "assets",
    "cu": "currency",
    "b": "balance",
    "er": "error",
}
"""Short names of the SIMPLE format that are read here."""


class TradeFrame(NamedTuple):
    """A public trade of one market."""

    market: str
    trade: Trade


class BookFrame(NamedTuple):
    """The book of one market."""

    market: str
    book: Book


class AssetsFrame(NamedTuple):
    """Balances that changed."""

    balances: tuple[Balance, ...]
    at: int


class ErrorFrame(NamedTuple):
    """The exchange refuses the subscription; it closes the socket after this."""

    name: str
    message: str


Frame: TypeAlias = TradeFrame | BookFrame | OrderReport | AssetsFrame | ErrorFrame


def read(row: Mapping[str, Any]) -> Frame | None:
    """One frame; None for kinds nobody here needs. Raises KeyError or ValueError for one that lacks its fields."""
    if "error" in row:
        error = row["error"]
        return ErrorFrame(str(error.get("name", "")), str(error.get("message", "")))
    if "ty" in row:
        row = _long(row)
    match row.get("type"):
        case "trade":
            return TradeFrame(row["code"], trade(row))
        case "orderbook":
            return BookFrame(row["code"], book(row))
        case "myOrder":
            return order(row)
        case "myAsset":
            return AssetsFrame(tuple(_asset(each) for each in row["assets"]), row["timestamp"] * US_PER_MS)
        case "ticker" | None:  # None: the answer to a text PING
            return None
        case kind:
            once("stream type", kind)
            return None


def trade(row: Mapping[str, Any]) -> Trade:
    """A public trade; `ask_bid` is the side of the taker."""
    return Trade(
        at=int(row["trade_timestamp"]) * US_PER_MS,
        price=number(row, "trade_price"),
        volume=number(row, "trade_volume"),
        taker=TAKERS[row["ask_bid"]],
        sequential_id=int(row["sequential_id"]),
    )


def book(row: Mapping[str, Any]) -> Book:
    """A book without the zero levels that pad its thin side."""
    units = row["orderbook_units"]
    asks = (Level(number(unit, "ask_price"), number(unit, "ask_size")) for unit in units)
    bids = (Level(number(unit, "bid_price"), number(unit, "bid_size")) for unit in units)
    return Book(
        at=int(row["timestamp"]) * US_PER_MS,
        asks=tuple(level for level in asks if level.price and level.size),
        bids=tuple(level for level in bids if level.price and level.size),
    )


def order(row: Mapping[str, Any]) -> OrderReport:
    """An order event. In state `trade` price and volume are those of the fill, otherwise those of the order."""
    kind, traded = order_type(row["order_type"]), row["state"] == "trade"
    fills = (_fill(row),) if traded else ()
    return OrderReport(
        order_id=row["uuid"],
        identifier=row.get("identifier") or "",
        market=row["code"],
        side=TAKERS[row["ask_bid"]],
        type=kind,
        state=order_state(row["state"]),
        price=number(row, "price") if kind is OrderType.LIMIT and not traded else None,
        volume=number(row, "volume") if row.get("volume") is not None and not traded else None,
        executed_volume=number(row, "executed_volume", ZERO),
        paid_fee=number(row, "paid_fee", ZERO),
        locked=number(row, "locked", ZERO),
        created_at=int(row.get("order_timestamp") or row["timestamp"]) * US_PER_MS,
        time_in_force=time_in_force(row.get("time_in_force")),
        trades_count=int(row.get("trades_count") or 0),
        fills=fills,
        complete=False,
    )


def _fill(row: Mapping[str, Any]) -> Fill:
    price, volume = number(row, "price"), number(row, "volume")
    return Fill(
        trade_id=row["trade_uuid"],
        order_id=row["uuid"],
        identifier=row.get("identifier") or "",
        market=row["code"],
        side=TAKERS[row["ask_bid"]],
        price=price,
        volume=volume,
        funds=price * volume,
        fee=number(row, "trade_fee"),
        at=int(row["trade_timestamp"]) * US_PER_MS,
    )


def _asset(row: Mapping[str, Any]) -> Balance:
    return Balance(row["currency"], number(row, "balance"), number(row, "locked"))


def _long(value: Any) -> Any:
    """The same frame with its long names."""
    if isinstance(value, dict):
        return {LONG.get(key, key): _long(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_long(item) for item in value]
    return value
