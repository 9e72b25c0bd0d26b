"""Tickers of the stream: estimates at once, exact numbers when somebody asks for them."""

import functools
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from actors.upbit import fields, quotes, wire
from actors.upbit.formats import struct_in
from actors.upbit.quotes import Ticker
from actors.upbit.wire import LAST_MS, US_PER_MS
from domain.errors import BadPayload
from domain.money import estimate

Code = Annotated[str, Meta(min_length=1)]
Millis = Annotated[int, Meta(ge=0, le=LAST_MS)]


class _Date(msgspec.Struct, frozen=True, gc=False):
    year: int
    month: int
    day: int


class TickerFrame(msgspec.Struct, frozen=True, gc=False):
    """A market's day and last 24 hours as it stands, in estimates: a ticker is read far more often than it is claimed.

    Names, units and signs are those of `Ticker`, and `exact` gives that: the same numbers to the last digit. `state`
    is None when it is not told.
    """

    market: Code = msgspec.field(name="code")
    traded_ms: Millis = msgspec.field(name="trade_timestamp")
    price: float = msgspec.field(name="trade_price")
    open: float = msgspec.field(name="opening_price")
    high: float = msgspec.field(name="high_price")
    low: float = msgspec.field(name="low_price")
    previous_close: float = msgspec.field(name="prev_closing_price")
    change_rate: float = msgspec.field(name="signed_change_rate")
    volume_24h: float = msgspec.field(name="acc_trade_volume_24h")
    value_24h: float = msgspec.field(name="acc_trade_price_24h")
    state: str | None = msgspec.field(name="market_state", default=None)
    delisting_told: _Date | str | None = msgspec.field(name="delisting_date", default=None)
    text: bytes = msgspec.field(name="(the frame itself)", default=b"")

    @property
    def at(self) -> int:
        """When the market last traded."""
        return self.traded_ms * US_PER_MS

    @property
    def delisting(self) -> str:
        """The date of the market's end, "" for none."""
        told = self.delisting_told
        return quotes.date(msgspec.structs.asdict(told) if isinstance(told, _Date) else told)

    def exact(self) -> Ticker:
        """The same in exact numbers; raises BadPayload for one that no money can be."""
        decoder = _exact().get(self.__struct_config__.tag_field)
        if decoder is None:  # it was read name by name
            return quotes.ticker(fields.long(wire.load(self.text)))
        try:
            told = decoder.decode(self.text)
        except msgspec.MsgspecError as error:
            raise BadPayload(f"a ticker has a number that is none: {error}") from error
        return Ticker(
            market=self.market,
            at=self.at,
            price=told.price,
            open=told.open,
            high=told.high,
            low=told.low,
            previous_close=told.previous_close,
            change_rate=told.change_rate,
            volume_24h=told.volume_24h,
            value_24h=told.value_24h,
            state=self.state or "",
            delisting=self.delisting,
        )

    def frame(self, text: bytes) -> "TickerFrame":
        """This with the text it was read from, which nobody else has seen yet."""
        msgspec.structs.force_setattr(self, "text", text)
        return self


def ticker(row: Mapping[str, Any], text: bytes) -> TickerFrame:
    """A ticker's frame in long names, and the text it was read from."""
    told = quotes.ticker(row)
    return TickerFrame(
        market=told.market,
        traded_ms=told.at // US_PER_MS,
        price=estimate(told.price),
        open=estimate(told.open),
        high=estimate(told.high),
        low=estimate(told.low),
        previous_close=estimate(told.previous_close),
        change_rate=estimate(told.change_rate),
        volume_24h=estimate(told.volume_24h),
        value_24h=estimate(told.value_24h),
        state=told.state or None,
        delisting_told=told.delisting or None,
        text=text,
    )


@functools.cache
def _exact() -> dict[str | None, msgspec.json.Decoder[Any]]:
    """By the name of the field that tells a frame's type: decoders that make Decimals of a ticker's numbers."""
    made = (struct_in(TickerFrame, "ticker", short=short, number=Decimal) for short in (False, True))
    return {each.__struct_config__.tag_field: msgspec.json.Decoder(each) for each in made}
