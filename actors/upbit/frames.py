"""Reads the frames of the exchange's sockets, long and short names alike, into values of ours."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

from actors.upbit import fields, wire
from actors.upbit.quotes import Ticker, ticker
from actors.upbit.wire import ZERO, note_fields, number, once, order_state, order_type, time_in_force
from domain.errors import BadPayload
from domain.market import Bar, Book, Level, Trade
from domain.orders import Balance, Fill, OrderReport, Side

TAKERS: Final = {"BID": Side.BUY, "ASK": Side.SELL}
US_PER_MS: Final = 1_000
_HUGE: Final = Decimal(10) ** 15


class TradeFrame(NamedTuple):
    """A public trade of one market."""

    market: str
    trade: Trade


class BookFrame(NamedTuple):
    """The book of one market."""

    market: str
    book: Book


class BarFrame(NamedTuple):
    """A candle of one market as it stands; `unit` as the exchange writes it (`1m`). The last one of a start counts."""

    market: str
    unit: str
    bar: Bar


class AssetsFrame(NamedTuple):
    """Balances that changed."""

    balances: tuple[Balance, ...]
    at: int


class ErrorFrame(NamedTuple):
    """The exchange refuses the subscription; it closes the socket after this."""

    name: str
    message: str


Frame: TypeAlias = TradeFrame | BookFrame | BarFrame | Ticker | OrderReport | AssetsFrame | ErrorFrame


def read_all(raw: bytes | str) -> Iterator[Frame]:
    """All that one message of a socket holds: a frame, or a list of them; raises BadPayload naming what is wrong."""
    loaded = wire.load(raw)
    for row in loaded if isinstance(loaded, list) else [loaded]:
        try:
            frame = read(row)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadPayload(f"a frame lacks or garbles {error!r}") from error
        if frame is not None:
            yield frame


def read(row: Mapping[str, Any]) -> Frame | None:
    """One frame; None for kinds nobody here needs. Raises KeyError or ValueError for one that lacks its fields."""
    if "error" in row:
        return _error(row["error"])
    if "ty" in row:
        row = _long(row)
    match row.get("type"):
        case "trade":
            return TradeFrame(row["code"], trade(row))
        case "orderbook":
            return BookFrame(row["code"], book(row))
        case "ticker":
            return ticker(row)
        case "myOrder":
            return order(row)
        case "myAsset":
            return _assets(row)
        case str(kind) if kind.startswith("candle."):
            return BarFrame(row["code"], kind.removeprefix("candle."), wire.bar(row))
        case None if "status" in row:  # the answer to a text PING
            return None
        case kind:
            once("stream type", kind)
            return None


def trade(row: Mapping[str, Any]) -> Trade:
    """A public trade; `ask_bid` is the side of the taker."""
    note_fields("trade", row, fields.TRADE)
    return Trade(
        at=int(row["trade_timestamp"]) * US_PER_MS,
        price=_positive(row, "trade_price"),
        volume=_positive(row, "trade_volume"),
        taker=TAKERS[row["ask_bid"]],
        sequential_id=int(row["sequential_id"]),
    )


def book(row: Mapping[str, Any]) -> Book:
    """A book, by stream or REST, without the zero levels that pad its thin side; raises BadPayload when unsorted."""
    note_fields("orderbook", row, fields.BOOK)
    units = row["orderbook_units"]
    asks = _side(units, "ask_price", "ask_size")
    bids = _side(units, "bid_price", "bid_size")
    rising = all(near.price < far.price for near, far in pairwise(asks))
    falling = all(near.price > far.price for near, far in pairwise(bids))
    if not rising or not falling:
        raise BadPayload("expected a book best first, found levels out of order")
    return Book(at=int(row["timestamp"]) * US_PER_MS, asks=asks, bids=bids)


def order(row: Mapping[str, Any]) -> OrderReport:
    """An order event. In state `trade` price and volume are those of the fill, otherwise those of the order."""
    note_fields("myOrder", row, fields.MY_ORDER)
    kind, traded = order_type(row["order_type"]), row["state"] == "trade"
    executed = number(row, "executed_volume", ZERO)
    # without its fee a fill is left for REST to tell: once booked it is never corrected
    fills = (_fill(row),) if traded and row.get("trade_fee") is not None else ()
    return OrderReport(
        order_id=wire.identity(row, "uuid"),
        identifier=row.get("identifier") or "",
        market=row["code"],
        side=TAKERS[row["ask_bid"]],
        type=kind,
        state=order_state(row["state"]),
        price=None if traded else wire.limit_price(row, "order_type", kind),
        volume=number(row, "volume") if row.get("volume") is not None and not traded else None,
        executed_volume=executed,
        paid_fee=number(row, "paid_fee", ZERO),
        locked=number(row, "locked", ZERO),
        created_at=int(row.get("order_timestamp") or row["timestamp"]) * US_PER_MS,
        time_in_force=time_in_force(row.get("time_in_force")),
        trades_count=int(row.get("trades_count") or 0),
        fills=fills,
        complete=sum((fill.volume for fill in fills), ZERO) == executed,
    )


def _side(units: list[dict[str, Any]], price: str, size: str) -> tuple[Level, ...]:
    levels = ((_amount(unit[price]), _amount(unit[size])) for unit in units)
    return tuple(Level(at, shown) for at, shown in levels if at and shown)


def _amount(told: object) -> Decimal:
    """A number of a level, nearly always a Decimal already: a book has 120 of them, so the usual case comes first."""
    if type(told) is Decimal and ZERO <= told < _HUGE:
        return told
    value = wire.number({"level": told}, "level")
    if value < 0:
        raise BadPayload(f"expected a level of a book above zero, found {value}")
    return value


def _positive(row: Mapping[str, Any], name: str) -> Decimal:
    value = number(row, name)
    if value <= 0:
        raise BadPayload(f"expected {name!r} above zero, found {value}")
    return value


def _fill(row: Mapping[str, Any]) -> Fill:
    price, volume = _positive(row, "price"), _positive(row, "volume")
    return Fill(
        trade_id=wire.identity(row, "trade_uuid"),
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


def _error(told: Any) -> ErrorFrame:
    if not isinstance(told, dict):
        return ErrorFrame(str(told), "")
    return ErrorFrame(str(told.get("name", "")), str(told.get("message", "")))


def _assets(row: Mapping[str, Any]) -> AssetsFrame:
    note_fields("myAsset", row, fields.MY_ASSET)
    balances = (Balance(each["currency"], number(each, "balance"), number(each, "locked")) for each in row["assets"])
    return AssetsFrame(tuple(balances), int(row["timestamp"]) * US_PER_MS)


def _long(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same frame with its long names; a short one nobody knows stays, and is logged as a new field."""
    names = fields.SHORT.get(str(row["ty"]).partition(".")[0], {"ty": "type"})
    long = {names.get(name, name): value for name, value in row.items()}
    for part, short in fields.SHORT_PARTS.items():
        if part in long:
            long[part] = [{short.get(name, name): value for name, value in each.items()} for each in long[part]]
    return long
