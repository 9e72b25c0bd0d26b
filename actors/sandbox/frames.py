"""What the sockets say: one JSON text for each message, in the long and the short names of the exchange."""

import json
from decimal import Decimal
from itertools import compress
from typing import Final, NamedTuple

from actors.sandbox.display import Displayed
from actors.sandbox.history import Candle
from actors.sandbox.listing import Announcement, Listing
from actors.sandbox.live import LiveMarket
from actors.sandbox.numerals import java, plain, sized, small
from actors.sandbox.order_wire import wire_type
from actors.sandbox.prints import Print
from actors.sandbox.quotation_wire import direction, stamp
from domain.market import KST_OFFSET
from domain.matching import Aside
from domain.money import plain as exact
from domain.orders import Fill, OrderReport, Side, TimeInForce

_NULL: Final = "null"


class Format(NamedTuple):
    """How messages are written: with short names, each in a list of its own, exact amounts with exponents."""

    short: bool = False
    listed: bool = False
    exponents: bool = False

    def price(self, value: float) -> str:
        """A price or an amount of KRW."""
        return plain(value) if self.short else java(value)

    def size(self, units: int) -> str:
        """A volume in 1e-8 coins."""
        return small(units) if self.short else sized(units)

    def amount(self, value: Decimal | None) -> str:
        """An exact number of an account, no digit of which may be lost."""
        if value is None:
            return _NULL
        if self.exponents and not self.short and Decimal(repr(float(value))) == value:
            return java(float(value))
        return exact(value)


FORMATS: Final = {
    "DEFAULT": Format(),
    "SIMPLE": Format(short=True),
    "JSON_LIST": Format(listed=True),
    "SIMPLE_LIST": Format(short=True, listed=True),
}


class _Template:
    """A message with its fields in order, written `long:short` pairs."""

    def __init__(self, fields: str) -> None:
        pairs = [field.partition(":") for field in fields.split()]
        self._long = _braced([long for long, _, _ in pairs])
        self._short = _braced([short for _, _, short in pairs])

    def text(self, form: Format, values: tuple[str, ...]) -> str:
        return (self._short if form.short else self._long) % values

    def message(self, form: Format, values: tuple[str, ...]) -> bytes:
        text = self.text(form, values)
        return (f"[{text}]" if form.listed else text).encode()


def _braced(names: list[str]) -> str:
    return "{" + ",".join(f'"{name}":%s' for name in names) + "}"


_TICKER_FIELDS: Final = (
    "type:ty code:cd opening_price:op high_price:hp low_price:lp trade_price:tp prev_closing_price:pcp "
    "acc_trade_price:atp change:c change_price:cp signed_change_price:scp change_rate:cr signed_change_rate:scr "
    "ask_bid:ab trade_volume:tv acc_trade_volume:atv trade_date:tdt trade_time:ttm trade_timestamp:ttms "
    "acc_ask_volume:aav acc_bid_volume:abv highest_52_week_price:h52wp highest_52_week_date:h52wdt "
    "lowest_52_week_price:l52wp lowest_52_week_date:l52wdt market_state:ms is_trading_suspended:its "
    "delisting_date:dd market_warning:mw timestamp:tms acc_trade_price_24h:atp24h acc_trade_volume_24h:atv24h "
    "stream_type:st"
)
_DEPRECATED: Final = "is_trading_suspended:its", "market_warning:mw"
_LASTING: Final = [field not in _DEPRECATED for field in _TICKER_FIELDS.split()]
_TICKER: Final = _Template(_TICKER_FIELDS)
_SHORTER_TICKER: Final = _Template(" ".join(compress(_TICKER_FIELDS.split(), _LASTING)))
_TRADE: Final = _Template(
    "type:ty code:cd timestamp:tms trade_date:td trade_time:ttm trade_timestamp:ttms trade_price:tp trade_volume:tv "
    "ask_bid:ab prev_closing_price:pcp change:c change_price:cp sequential_id:sid best_ask_price:bap "
    "best_ask_size:bas best_bid_price:bbp best_bid_size:bbs stream_type:st"
)
_BOOK: Final = _Template(
    "type:ty code:cd timestamp:tms total_ask_size:tas total_bid_size:tbs orderbook_units:obu stream_type:st level:lv"
)
_UNIT: Final = _Template("ask_price:ap bid_price:bp ask_size:as bid_size:bs")
_CANDLE: Final = _Template(
    "type:ty code:cd candle_date_time_utc:cdttmu candle_date_time_kst:cdttmk opening_price:op high_price:hp "
    "low_price:lp trade_price:tp candle_acc_trade_volume:catv candle_acc_trade_price:catp timestamp:tms stream_type:st"
)
_ORDER: Final = _Template(
    "type:ty code:cd uuid:uid ask_bid:ab order_type:ot state:s trade_uuid:tuid price:p avg_price:ap volume:v "
    "remaining_volume:rv executed_volume:ev trades_count:tc reserved_fee:rsf remaining_fee:rmf paid_fee:pf locked:l "
    "executed_funds:ef time_in_force:tif trade_fee:tf is_maker:im identifier:id smp_type:smpt prevented_volume:pv "
    "prevented_locked:pl trade_timestamp:ttms order_timestamp:otms timestamp:tms stream_type:st"
)
_ASSETS: Final = _Template("type:ty asset_uuid:astuid assets:ast asset_timestamp:asttms timestamp:tms stream_type:st")
_ASSET: Final = _Template("currency:cu balance:b locked:l")
_ANNOUNCEMENT: Final = _Template(
    "type:ty event_type:et uuid:uid title:tt category:cat url:url first_listed_at:flat listed_at:lat body:bd "
    "timestamp:tms stream_type:st"
)
_DATE: Final = _Template("year:year month:month day:day")


def quoted(text: str) -> str:
    """A text of ours as JSON: it holds nothing that must be escaped."""
    return f'"{text}"'


def stream_type(*, snapshot: bool) -> str:
    """Whether a message tells how things were when it was asked for, or what happened after."""
    return '"SNAPSHOT"' if snapshot else '"REALTIME"'


def ticker(live: LiveMarket, form: Format, now: int, *, snapshot: bool, whole: bool) -> bytes:
    """A ticker message, a `whole` one with its deprecated fields; `now` in microseconds."""
    day, last = live.day, live.last
    change, rate = round(last.price - day.prior, 8), round((last.price - day.prior) / day.prior, 10)
    value_24h, units_24h = live.rolling()
    (high, high_at), (low, low_at) = live.year_high, live.year_low
    price, size = form.price, form.size
    values = (
        *('"ticker"', quoted(live.market), price(day.open), price(day.high), price(day.low), price(last.price)),
        *(
            price(day.prior),
            price(day.value / live.series.per),
            quoted(direction(change)),
            price(abs(change)),
            price(change),
        ),
        *(price(abs(rate)), price(rate), _taker(last), size(last.units), size(day.units)),
        *(quoted(stamp(last.at, "%Y%m%d")), quoted(stamp(last.at, "%H%M%S")), str(last.at // 1000)),
        *map(size, live.taken()),
        *(price(high), quoted(stamp(high_at, "%Y-%m-%d")), price(low), quoted(stamp(low_at, "%Y-%m-%d"))),
        *_standing(live.listing, form),
        *(str(now // 1000), price(value_24h), size(units_24h)),
        stream_type(snapshot=snapshot),
    )
    if not whole:
        return _SHORTER_TICKER.message(form, tuple(compress(values, _LASTING)))
    return _TICKER.message(form, values)


def trade(live: LiveMarket, one: Print, form: Format, *, snapshot: bool) -> bytes:
    """A trade message, with the best prices it left behind."""
    prior = live.day.prior
    change = round(one.price - prior, 8)
    price, size = form.price, form.size
    ask, bid, asked, offered = live.touch
    values = (
        *('"trade"', quoted(live.market), str(one.told_ms or one.at // 1000 + 1), quoted(stamp(one.at, "%Y-%m-%d"))),
        *(quoted(stamp(one.at, "%H:%M:%S")), str(one.at // 1000), price(one.price), size(one.units), _taker(one)),
        *(price(prior), quoted(direction(change)), price(abs(change)), str(one.sequential_id)),
        *(price(ask), size(asked), price(bid), size(offered)),
        stream_type(snapshot=snapshot),
    )
    return _TRADE.message(form, values)


def orderbook(  # noqa: PLR0913 (a book is shown in that many ways)
    market: str, book: Displayed, form: Format, *, count: int, level: float, snapshot: bool
) -> bytes:
    """An order book message of up to `count` levels."""
    price, size = form.price, form.size
    units = ",".join(
        _UNIT.text(form, (price(ask), price(bid), size(asked), size(offered)))
        for ask, bid, asked, offered in book.units(count)
    )
    values = (
        *('"orderbook"', quoted(market), str(book.at_ms), size(sum(book.ask_sizes)), size(sum(book.bid_sizes))),
        *(f"[{units}]", stream_type(snapshot=snapshot), plain(level)),
    )
    return _BOOK.message(form, values)


def candle(market: str, kind: str, one: Candle, form: Format, *, snapshot: bool) -> bytes:
    """A candle message; `kind` is candle.1m and the like."""
    price = form.price
    values = (
        *(quoted(kind), quoted(market), quoted(stamp(one.start, "%Y-%m-%dT%H:%M:%S"))),
        *(quoted(stamp(one.start + KST_OFFSET, "%Y-%m-%dT%H:%M:%S")), price(one.open), price(one.high)),
        *(price(one.low), price(one.close), form.size(one.units), price(one.turnover), str(one.last_ms)),
        stream_type(snapshot=snapshot),
    )
    return _CANDLE.message(form, values)


def my_order(  # noqa: PLR0913 (an order has that many sides)
    report: OrderReport,
    form: Format,
    *,
    state: str,
    smp_type: str | None,
    funds: Decimal | None,
    reserved: Decimal,
    aside: Aside,
    now: int,
    fill: Fill | None = None,
    is_maker: bool = False,
) -> bytes:
    """A myOrder message; `state` is the exchange's word for what happened, `fill` is there when it is "trade"."""
    spent = sum((each.funds for each in report.fills), Decimal(0))
    average = (spent / report.executed_volume).quantize(Decimal("1e-8")) if report.executed_volume else Decimal(0)
    left = None if report.volume is None else report.volume - report.executed_volume - aside.prevented
    price, volume = (fill.price, fill.volume) if fill else (funds if funds is not None else report.price, report.volume)
    number = form.amount
    force = _NULL if report.time_in_force is TimeInForce.GTC else quoted(report.time_in_force.value)
    values = (
        *('"myOrder"', quoted(report.market), quoted(report.order_id)),
        *('"BID"' if report.side is Side.BUY else '"ASK"', quoted(wire_type(report.type, report.side)), quoted(state)),
        *(quoted(fill.trade_id) if fill else _NULL, number(price), number(average), number(volume), number(left)),
        *(number(report.executed_volume), str(report.trades_count), number(reserved), number(aside.remaining_fee)),
        *(number(report.paid_fee), number(report.locked), number(spent), force, number(fill.fee if fill else None)),
        *(("true" if is_maker else "false") if fill else _NULL, _identifier(report.identifier)),
        *(_NULL if smp_type is None else quoted(smp_type), number(aside.prevented), number(aside.prevented_locked)),
        *(str(fill.at // 1000) if fill else _NULL, str(report.created_at // 1000), str(now // 1000)),
        stream_type(snapshot=False),
    )
    return _ORDER.message(form, values)


def my_asset(form: Format, changes: dict[str, tuple[Decimal, Decimal]], asset_id: str, at: int) -> bytes:
    """A myAsset message of the currencies that changed: free and locked, absolute."""
    rows = ",".join(
        _ASSET.text(form, (quoted(currency), form.amount(free), form.amount(locked)))
        for currency, (free, locked) in changes.items()
    )
    ms = str(at // 1000)
    return _ASSETS.message(form, ('"myAsset"', quoted(asset_id), f"[{rows}]", ms, ms, stream_type(snapshot=False)))


def announcement(one: Announcement, form: Format, now: int, *, with_body: bool) -> bytes:
    """An announcement message; `now` in microseconds."""
    values = (
        *('"announcement"', quoted(one.event), *map(_text, (one.id, one.title, one.category, one.url))),
        *(quoted(_kst(one.first_listed_at)), quoted(_kst(one.listed_at)), _text(one.body) if with_body else _NULL),
        *(str(now // 1000), stream_type(snapshot=False)),
    )
    return _ANNOUNCEMENT.message(form, values)


def _kst(at: int) -> str:
    return stamp(at + KST_OFFSET, "%Y-%m-%dT%H:%M:%S+09:00")


def _standing(listing: Listing, form: Format) -> tuple[str, ...]:
    """Market state, whether its trading is suspended, the date of its delisting, and whether it is warned of."""
    day = listing.delisting
    ends = _NULL if day is None else _DATE.text(form, (str(day.year), str(day.month), str(day.day)))
    suspended, warned = ("true" if listing.offline else "false"), ("CAUTION" if listing.warning else "NONE")
    return quoted(listing.state), suspended, ends, quoted(warned)


def _taker(one: Print) -> str:
    return '"BID"' if one.buys else '"ASK"'


def _identifier(text: str) -> str:
    return _text(text) if text else _NULL


def _text(text: str) -> str:
    """Any text as JSON."""
    return json.dumps(text, ensure_ascii=False)
