"""Reads the messages of the exchange's sockets, in all four of its formats, into frames of ours."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from actors.upbit import fields, private, rows, tickers, wire
from actors.upbit.news import NEWS
from actors.upbit.private import AnnouncementFrame, AssetsFrame, ErrorFrame, StatusFrame, Subscribed, SubscriptionsFrame
from actors.upbit.rows import BarFrame, BookFrame, TradeFrame
from actors.upbit.tickers import TickerFrame
from actors.upbit.wire import GARBLED
from domain.errors import BadPayload
from domain.orders import OrderReport

__all__ = [
    "AnnouncementFrame",
    "AssetsFrame",
    "BarFrame",
    "BookFrame",
    "ErrorFrame",
    "Frame",
    "StatusFrame",
    "Subscribed",
    "SubscriptionsFrame",
    "TickerFrame",
    "TradeFrame",
    "UnknownFrame",
    "read_all",
]


class UnknownFrame(NamedTuple):
    """A frame of a type this version does not know, as it came: `kind` is that type, "" if it has none."""

    kind: str
    row: Mapping[str, Any]


Frame: TypeAlias = (
    TradeFrame
    | BookFrame
    | BarFrame
    | TickerFrame
    | OrderReport
    | AssetsFrame
    | AnnouncementFrame
    | SubscriptionsFrame
    | StatusFrame
    | ErrorFrame
    | UnknownFrame
)

LOOK_EVERY: Final = 499
"""Of so many frames one is read name by name, to see names that are new; a prime, so that no rhythm escapes it."""
_long, _long_list = rows.decoders(short=False)
_short, _short_list = rows.decoders(short=True)
_ONE: Final[dict[bytes, msgspec.json.Decoder[Any]]] = {b'{"type': _long, b'{"ty":': _short}
_LISTED: Final[dict[bytes, msgspec.json.Decoder[Any]]] = {b'[{"typ': _long_list, b'[{"ty"': _short_list}
_read_so_far = itertools.count()


def read_all(raw: bytes) -> tuple[Frame, ...]:
    """All that one message of a socket holds: a frame, or a list of them; raises BadPayload naming what is wrong.

    Trades, books, candles and tickers are read straight into structs; whatever that cannot read is read name by name.
    """
    start = raw[:6]
    if next(_read_so_far) % LOOK_EVERY:
        try:
            if (decoder := _ONE.get(start)) is not None:
                return (decoder.decode(raw).frame(raw),)
            if (decoder := _LISTED.get(start)) is not None:
                (row,) = decoder.decode(raw)
                return (row.frame(raw.rstrip()[1:-1]),)
        except (BadPayload, *GARBLED):
            pass
    return tuple(_read_by_name(raw))


def _read_by_name(raw: bytes) -> Iterator[Frame]:
    loaded = wire.load(raw)
    texts = msgspec.json.decode(raw, type=list[msgspec.Raw]) if isinstance(loaded, list) else [raw]
    for row, text in zip(loaded if isinstance(loaded, list) else [loaded], texts, strict=True):
        try:
            yield _read(row, bytes(text))
        except GARBLED as error:
            raise BadPayload(f"a frame lacks or garbles {error!r:.200}") from error


def _read(row: Mapping[str, Any], text: bytes) -> Frame:  # noqa: C901 (one case a type)
    """One frame, name by name; `text` is what it was loaded from. Raises one of many errors for what is garbled."""
    row = fields.long(row)
    if "error" in row:
        return private.error(row)
    match row.get("type"):
        case "trade":
            return rows.trade(row)
        case "orderbook":
            return rows.book(row)
        case "ticker":
            return tickers.ticker(row, text)
        case "myOrder":
            return private.order(row)
        case "myAsset":
            return private.assets(row)
        case "announcement":
            return private.announcement(row)
        case str(kind) if kind.startswith("candle."):
            return rows.candle(row).of(kind)
        case None if "status" in row:
            return StatusFrame(str(row["status"]))
        case None if row.get("method") == "LIST_SUBSCRIPTIONS":
            return private.subscriptions(row)
        case kind:
            NEWS.note("stream type", kind)
            return UnknownFrame("" if kind is None else str(kind), row)
