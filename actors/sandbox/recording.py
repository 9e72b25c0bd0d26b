"""Reads frames that were recorded from the real exchange: trades become prints, order books the displayed ones.

A recording is a file of JSON lines `{"event": "connect"|"sent"|"recv", ..., "raw": "the frame's text"}` in the order of
arrival, in any of the socket's formats. Everything happens when the exchange told of it (the frame's own timestamp; in
the order of arrival where that went back), and candles are made of the trades in that order.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from actors.sandbox import exact
from actors.sandbox.display import Displayed
from actors.sandbox.noise import key_of
from actors.sandbox.prints import UNITS, Print
from actors.sandbox.recorded import Happening, Recorded
from actors.sandbox.series import Series
from domain.errors import ConfigError
from domain.market import MINUTE
from domain.rules import NoRule, quote_of

EVENTS: Final = frozenset({"connect", "sent", "recv", "close"})
_SHORT: Final = {
    "type": "ty",
    "code": "cd",
    "timestamp": "tms",
    "stream_type": "st",
    "trade_timestamp": "ttms",
    "trade_price": "tp",
    "trade_volume": "tv",
    "ask_bid": "ab",
    "prev_closing_price": "pcp",
    "sequential_id": "sid",
    "orderbook_units": "obu",
    "level": "lv",
    "ask_price": "ap",
    "bid_price": "bp",
    "ask_size": "as",
    "bid_size": "bs",
}
_LARGEST: Final = 1 << 62


class _Bad(Exception):
    """What is wrong with a line."""


@dataclass(slots=True)
class _Heard:
    """What was recorded of one market, as it arrived: its events with their times in microseconds."""

    times: list[int] = field(default_factory=list)
    events: list[Happening] = field(default_factory=list)
    known: set[int] = field(default_factory=set)
    before: Print | None = None
    prior: float | None = None

    def add(self, told_ms: int, happening: Happening) -> None:
        self.times.append(max(told_ms * 1000, self.times[-1] if self.times else 0))
        self.events.append(happening)


class _Frame(NamedTuple):
    """One message of either spelling."""

    row: dict[str, Any]

    def raw(self, name: str) -> Any:
        return self.row.get(name, self.row.get(_SHORT[name]))

    def text(self, name: str) -> str:
        value = self.raw(name)
        if not isinstance(value, str):
            raise _Bad(f"{name} must be a text, found {value!r}")
        return value

    def number(self, name: str) -> Decimal:
        value = self.raw(name)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise _Bad(f"{name} must be a number, found {value!r}")
        if not Decimal(value).is_finite() or not 0 <= value < _LARGEST:
            raise _Bad(f"{name} must not be negative nor too large, found {value}")
        return Decimal(value)

    def units(self, name: str) -> int:
        units = self.number(name) * UNITS
        if units != int(units):
            raise _Bad(f"{name} must have eight decimals at the most, found {self.raw(name)}")
        return int(units)


def load_frames(path: Path, markets: tuple[str, ...], seed: int) -> dict[str, Series]:
    """The series of the recorded markets asked for (all there are, if none), by name.

    Raises:
        ConfigError: naming the file, and the line that cannot be read.
    """
    heard: dict[str, _Heard] = defaultdict(_Heard)
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    for frame in _frames(line):
                        _take(heard, frame)
                except (_Bad, NoRule) as bad:
                    raise ConfigError(f"{path}, line {number}: {bad}") from bad
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    found = {market: own for market, own in heard.items() if own.events}
    if not found:
        raise ConfigError(f"{path} holds no trade and no order book")
    absent = [market for market in markets if market not in found]
    if absent:
        raise ConfigError(f"no frames of {', '.join(absent)} in {path}; there are: {', '.join(found)}")
    return {market: _series(market, found[market], seed) for market in (markets or sorted(found))}


def _frames(line: str) -> Iterator[_Frame]:
    """The messages of one line of the file."""
    if not line.strip():
        return
    record = _parsed(line, "the line")
    if not isinstance(record, dict) or record.get("event") not in EVENTS:
        raise _Bad(f"expected an object whose event is one of {', '.join(sorted(EVENTS))}")
    if record["event"] != "recv":
        return
    if not isinstance(record.get("raw"), str):
        raise _Bad("a received frame must have its text in raw")
    told = _parsed(record["raw"], "the frame in raw")
    for row in told if isinstance(told, list) else [told]:
        if not isinstance(row, dict):
            raise _Bad("the frame in raw is no object")
        yield _Frame(row)


def _parsed(text: str, what: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise _Bad(f"{what} is no JSON: {error}") from error


def _take(heard: dict[str, _Heard], frame: _Frame) -> None:
    """Remember a trade or a book; other messages (and grouped books) are not played."""
    kind = frame.raw("type")
    if kind not in {"trade", "orderbook"} or (kind == "orderbook" and frame.raw("level")):
        return
    market = frame.text("code")
    quote_of(market)
    own = heard[market]
    told_ms = int(frame.number("timestamp"))
    if kind == "orderbook":
        own.add(told_ms, _book(frame, told_ms))
        return
    trade = _trade(frame, told_ms)
    if own.prior is None:
        own.prior = float(frame.number("prev_closing_price"))
    if trade.sequential_id in own.known:
        return
    own.known.add(trade.sequential_id)
    if frame.raw("stream_type") == "SNAPSHOT":
        own.before = own.before or trade
    else:
        own.add(told_ms, trade)


def _trade(frame: _Frame, told_ms: int) -> Print:
    price, units = float(frame.number("trade_price")), frame.units("trade_volume")
    side = frame.text("ask_bid")
    if not price or not units or side not in {"ASK", "BID"}:
        raise _Bad("a trade must have a price, a volume, and ASK or BID in ask_bid")
    at, number = int(frame.number("trade_timestamp")) * 1000, int(frame.number("sequential_id"))
    return Print(at, price, units, side == "BID", number, told_ms)


def _book(frame: _Frame, told_ms: int) -> Displayed:
    rows = frame.raw("orderbook_units")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _Bad("orderbook_units must be a list of levels")
    levels = [_Frame(row) for row in rows]
    sides = []
    for name in ("ask", "bid"):
        pairs = [(float(level.number(f"{name}_price")), level.units(f"{name}_size")) for level in levels]
        shown = [(price, size) for price, size in pairs if price and size]  # a thin side is padded with zeros
        if shown != sorted(shown, reverse=name == "bid"):
            raise _Bad(f"{name} prices are not in order, best first")
        sides.append(shown)
    (ask_prices, ask_sizes), (bid_prices, bid_sizes) = (
        (tuple(price for price, _ in side), [size for _, size in side]) for side in sides
    )
    return Displayed(told_ms, ask_prices, bid_prices, ask_sizes, bid_sizes)


def _series(market: str, own: _Heard, seed: int) -> Series:
    """The minutes of the recorded trades, and all that happened in them."""
    minutes: dict[int, list[Print]] = defaultdict(list)
    for event in own.events:
        if isinstance(event, Print):
            minutes[event.at - event.at % MINUTE].append(event)
    first = own.before or _before(own)
    prices = [first.price, *(trade.price for prints in minutes.values() for trade in prints)]
    digits = exact.digits_of(np.array(prices))
    if digits is None:
        raise ConfigError(f"{market}: a price has more than {exact.MAX_DIGITS} decimals")
    rows = [prints for _, prints in sorted(minutes.items())]
    units = [sum(trade.units for trade in prints) for prints in rows]
    worth = [sum(round(trade.price * 10**digits) * trade.units for trade in prints) for prints in rows]
    return Series(
        market=market,
        key=key_of(seed, market),
        digits=digits,
        time=np.array(sorted(minutes), dtype=np.int64),
        open=np.array([prints[0].price for prints in rows]),
        high=np.array([max(trade.price for trade in prints) for prints in rows]),
        low=np.array([min(trade.price for trade in prints) for prints in rows]),
        close=np.array([prints[-1].price for prints in rows]),
        step=np.ones(len(rows), dtype=np.int64),
        units=np.array(units, dtype=np.int64),
        value=np.array(worth, dtype=object),
        last_ms=np.array([max(trade.at for trade in prints) // 1000 for prints in rows], dtype=np.int64),
        usual_units=float(np.median(units)) if units else 1.0,
        usual_value=1.0,
        recorded=Recorded(
            times=tuple(own.times),
            events=tuple(own.events),
            minutes={start: tuple(prints) for start, prints in minutes.items()},
            seed=first,
            prior=first.price if own.prior is None else own.prior,
        ),
    )


def _before(own: _Heard) -> Print:
    """Stands for the last trade before the recording: at the best bid of its first book, or the first trade's price."""
    at = own.times[0] - 1000
    for event in own.events:
        if isinstance(event, Print):
            return Print(at, event.price, 0, event.buys, 0)
        if event.bid_prices or event.ask_prices:
            return Print(at, (event.bid_prices or event.ask_prices)[0], 0, buys=False, sequential_id=0)
    raise ConfigError("every recorded order book of a market is empty")
