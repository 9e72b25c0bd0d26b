"""Trades, books and candles, which come by the hundred a second, and REST rows like them, read straight into structs.

Each struct names the exchange's fields it needs; msgspec skips the others without making anything of them, and makes
each Decimal from the digits as they were written. The same struct reads the short names: they are made from its own.
"""

import functools
import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

from actors.upbit import fields, wire
from actors.upbit.formats import struct_in
from actors.upbit.news import NEWS
from actors.upbit.quotes import TAKERS
from actors.upbit.tickers import Code, Millis, TickerFrame
from actors.upbit.wire import US_PER_MS
from domain.errors import BadPayload
from domain.market import Bar, Book, Level, Trade
from domain.message import Value
from domain.money import ZERO

TINY: Final = Decimal("1E-20")
HUGE: Final = Decimal("1E+20")  # more than all the money there is in won
CANDLE_UNITS: Final = ("1s", "1m", "3m", "5m", "10m", "15m", "30m", "60m", "240m")
SequentialId = Annotated[int, Meta(ge=0, le=2**63 - 1)]


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


class TradeRow(msgspec.Struct, gc=False):
    """A trade; `ask_bid` is the side of the taker."""

    code: Code
    trade_timestamp: Millis
    trade_price: Decimal
    trade_volume: Decimal
    ask_bid: str
    sequential_id: SequentialId

    def frame(self, _: bytes) -> TradeFrame:
        """The trade; raises BadPayload or KeyError for one that cannot be."""
        price, volume = self.trade_price, self.trade_volume
        if not (TINY < price < HUGE and TINY < volume < HUGE):
            raise BadPayload(f"expected a price and a volume above zero, found trade_price {price} of {volume}")
        at = self.trade_timestamp * US_PER_MS
        return TradeFrame(self.code, Trade(at, price, volume, TAKERS[self.ask_bid], self.sequential_id))


class UnitRow(msgspec.Struct, gc=False):
    """The n-th ask beside the n-th bid; zeros pad the thin side."""

    ask_price: Decimal
    bid_price: Decimal
    ask_size: Decimal
    bid_size: Decimal


class BookRow(msgspec.Struct, gc=False):
    """A book."""

    code: Code
    timestamp: Millis
    orderbook_units: list[UnitRow]

    def frame(self, _: bytes) -> BookFrame:
        """The book; raises BadPayload for one that cannot be."""
        return BookFrame(self.code, self.book())

    def book(self) -> Book:
        """The book without its padding; raises BadPayload when it is not best first."""
        units = self.orderbook_units
        asks = _side(
            [each.ask_price for each in units if each.ask_price and each.ask_size],
            [each.ask_size for each in units if each.ask_price and each.ask_size],
            operator.lt,
        )
        bids = _side(
            [each.bid_price for each in units if each.bid_price and each.bid_size],
            [each.bid_size for each in units if each.bid_price and each.bid_size],
            operator.gt,
        )
        return Book(self.timestamp * US_PER_MS, asks, bids)


def _side(prices: list[Decimal], sizes: list[Decimal], nearer: Callable[[Decimal, Decimal], bool]) -> tuple[Level, ...]:
    """The levels of a side, best first: checked by whole lists, because a book has sixty of them."""
    if not prices:
        return ()
    if not all(map(nearer, prices, prices[1:])):
        raise BadPayload("expected a book best first, found levels out of order")
    _require_sound(prices[0], prices[-1], min(sizes), max(sizes))
    return tuple(map(Level, prices, sizes))


class CandleRow(msgspec.Struct, gc=False):
    """A candle by stream or REST; `unit` and `code` are the stream's."""

    candle_date_time_utc: str
    opening_price: Decimal
    high_price: Decimal
    low_price: Decimal
    trade_price: Decimal
    candle_acc_trade_volume: Decimal
    candle_acc_trade_price: Decimal
    code: str = ""

    def frame(self, _: bytes) -> BarFrame:
        """The candle with its unit, which the row's own type tells; raises BadPayload for one that cannot be."""
        return self.of(str(self.__struct_config__.tag))

    def of(self, kind: str) -> BarFrame:
        """The candle as a frame of that type (`candle.1m`)."""
        if not self.code:
            raise BadPayload("expected the code of a market, found none")
        return BarFrame(self.code, kind.removeprefix("candle."), self.bar())

    def bar(self) -> Bar:
        """The candle itself."""
        prices = (self.opening_price, self.high_price, self.low_price, self.trade_price)
        amounts = (self.candle_acc_trade_volume, self.candle_acc_trade_price)
        _require_sound(*prices, *amounts)
        return Bar(wire.moment(self.candle_date_time_utc), *prices, *amounts)


class DayCandle(Value, frozen=True):
    """A candle of a UTC day; `change` from the close before and `change_rate` are signed, None when not told.

    `converted_close` is in the currency asked for, None when none was or the exchange has no price for it.
    """

    bar: Bar
    previous_close: Decimal | None
    change: Decimal | None
    change_rate: Decimal | None
    converted_close: Decimal | None


def trade(row: Mapping[str, Any]) -> TradeFrame:
    """A trade's frame in long names."""
    NEWS.fields("trade", row, fields.KNOWN["trade"])
    return msgspec.convert(row, TradeRow).frame(b"")


def book(row: Mapping[str, Any]) -> BookFrame:
    """A book by stream (`code`, long names) or by REST (`market`)."""
    NEWS.fields("orderbook", row, fields.KNOWN["orderbook"])
    for each in row["orderbook_units"]:
        NEWS.fields("level of an orderbook", each, fields.PARTS["orderbook_units"])
    return msgspec.convert({"code": row.get("market"), **row}, BookRow).frame(b"")


def candle(row: Mapping[str, Any]) -> CandleRow:
    """A candle by stream or REST."""
    NEWS.fields("candle", row, fields.KNOWN["candle"])
    return msgspec.convert(row, CandleRow)


def bar(row: Mapping[str, Any], market: str = "") -> Bar:
    """A candle by REST; raises BadPayload for one of another market than that asked for."""
    if market and row.get("market", market) != market:
        raise BadPayload(f"asked for candles of {market}, got one of {row['market']!r:.40}")
    return candle(row).bar()


def day_candle(row: Mapping[str, Any]) -> DayCandle:
    """A candle of a UTC day by REST."""
    told = ("prev_closing_price", "change_price", "change_rate", "converted_trade_price")
    return DayCandle(bar(row), *(None if row.get(name) is None else wire.number(row, name) for name in told))


def _require_sound(*values: Decimal) -> None:
    for value in values:
        if not ZERO <= value < HUGE:
            raise BadPayload(f"expected an amount of zero or more, found {value}")


def decoders(*, short: bool) -> tuple[msgspec.json.Decoder[Any], msgspec.json.Decoder[Any]]:
    """Decoders of one frame and of a list of frames, of every type that is read by struct, in long or short names."""
    bases: dict[str, type[msgspec.Struct]] = {"ticker": TickerFrame, "trade": TradeRow, "orderbook": BookRow}
    bases |= {f"candle.{unit}": CandleRow for unit in CANDLE_UNITS}
    every: Any = functools.reduce(operator.or_, (struct_in(base, kind, short=short) for kind, base in bases.items()))
    return msgspec.json.Decoder(every), msgspec.json.Decoder(list[every])
