"""Candles from trades, coarser candles from finer ones, and gaps filled forward (quant.md MTF-01..11).

Bars are exact and name themselves by their start; times and steps are int microseconds UTC, aligned to the epoch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from domain.errors import TradingError
from domain.market import MINUTE, Bar, Trade

SEEN_LIMIT = 20_000
"""Trade numbers remembered in each of two generations: far more than a minute of the busiest market prints."""


class BadBars(TradingError, ValueError):
    """Bars that break the rules of candles: unordered, off the grid, impossible, or filled where none may be."""


@dataclass(slots=True)
class Forming:
    """The candle being built: `first_at` and `last_at` are the times of the trades its open and close came from."""

    start: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    value: Decimal
    first_at: int
    last_at: int


@dataclass(slots=True)
class CandleBuilder:
    """What `fold_trades` remembers of one market: everything before `closed_until` is closed for good.

    `seen` and `seen_before` hold the numbers of the trades of the forming candle and of the one before, so that a
    double is told from a late trade. `late` and `doubled` count what was not applied since the start, `disordered` what
    came behind a trade with a newer time or number (`newest_at`, `newest_id`): numbers are unique, not an order.
    """

    step: int = MINUTE
    closed_until: int = 0
    forming: Forming | None = None
    seen: set[int] = field(default_factory=set)
    seen_before: set[int] = field(default_factory=set)
    late: int = 0
    doubled: int = 0
    disordered: int = 0
    newest_at: int = 0
    newest_id: int = 0


class Folded(NamedTuple):
    """What a batch of trades did: the real bars it closed, and the trades that were not applied."""

    bars: tuple[Bar, ...]
    late: tuple[Trade, ...]
    doubled: int


def fold_trades(builder: CandleBuilder, trades: Iterable[Trade]) -> Folded:
    """Add trades in the order they arrived; a trade at or past the end of the forming candle closes it (MTF-09 a)."""
    bars: list[Bar] = []
    late: list[Trade] = []
    doubled = 0
    for trade in trades:
        if trade.sequential_id in builder.seen or trade.sequential_id in builder.seen_before:
            doubled += 1
            continue
        start = trade.at - trade.at % builder.step
        bars.extend(close_until(builder, start))  # first: the number belongs to the candle that begins here
        _remember(builder, trade)
        if start < builder.closed_until:
            late.append(trade)
        else:
            _apply(builder, trade, start)
    builder.late += len(late)
    builder.doubled += doubled
    return Folded(tuple(bars), tuple(late), doubled)


def close_until(builder: CandleBuilder, until: int) -> tuple[Bar, ...]:
    """Close every candle that ends at or before `until`; gives the real one, if trades made one (MTF-09 b)."""
    until -= until % builder.step
    if until <= builder.closed_until:
        return ()
    forming = builder.forming
    builder.closed_until = until
    if forming is None or forming.start >= until:
        return ()
    builder.forming = None
    builder.seen_before, builder.seen = builder.seen, set()
    return (_bar(forming),)


def forming_bar(builder: CandleBuilder) -> Bar | None:
    """The candle that is still open as it stands, None while nothing traded in it."""
    return None if builder.forming is None else _bar(builder.forming)


def resample(bars: Iterable[Bar], step: int) -> tuple[Bar, ...]:
    """Give the coarser candles of real bars (MTF-05). The newest may still be forming: it holds what was given.

    Raises:
        BadBars: for a filled bar, or bars not strictly ascending.
    """
    out: list[Bar] = []
    before = -1
    for bar in bars:
        if not bar.real:
            raise BadBars(f"the bar at {bar.start} fills a gap; only real bars may be resampled")
        if bar.start <= before:
            raise BadBars(f"the bar at {bar.start} follows the one at {before}; bars must ascend")
        before, start = bar.start, bar.start - bar.start % step
        if out and out[-1].start == start:
            out[-1] = _merged(out[-1], bar)
        else:
            out.append(Bar(start, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.value))
    return tuple(out)


def fill(bars: Sequence[Bar], step: int, until: int, after: Bar | None = None) -> tuple[Bar, ...]:
    """Fill gaps between real bars and up to `until` with the close before them (MTF-07); nothing before the first.

    `after` is the bar already known before these: the gap behind it is filled too.

    Raises:
        BadBars: for bars off the grid, not ascending, or not closed at `until`.
    """
    out: list[Bar] = [] if after is None else [after]
    for bar in bars:
        if bar.start % step:
            raise BadBars(f"the bar at {bar.start} is off the grid of {step} us")
        if bar.start + step > until:
            raise BadBars(f"the bar at {bar.start} is not closed at {until}")
        if out and bar.start <= out[-1].start:
            raise BadBars(f"the bar at {bar.start} follows the one at {out[-1].start}; bars must ascend")
        _bridge(out, step, bar.start)
        out.append(bar)
    _bridge(out, step, until - until % step)
    return tuple(out) if after is None else tuple(out[1:])


def flat_bar(start: int, close: Decimal) -> Bar:
    """Give the bar of an interval in which nothing traded: all prices are the close before it."""
    return Bar(start, close, close, close, close, Decimal(0), Decimal(0), real=False)


def require_sound(bar: Bar) -> None:
    """Raise BadBars unless 0 < low <= open, close <= high and volume and value are not negative (IND-00)."""
    inside = bar.low <= min(bar.open, bar.close) and max(bar.open, bar.close) <= bar.high
    if not (bar.low > 0 and inside and bar.volume >= 0 and bar.value >= 0):
        raise BadBars(f"a candle cannot look like this, ask the exchange for it again: {bar}")


def _bridge(out: list[Bar], step: int, until: int) -> None:
    while out and out[-1].start + step < until:
        out.append(flat_bar(out[-1].start + step, out[-1].close))


def _merged(bar: Bar, more: Bar) -> Bar:
    high, low = max(bar.high, more.high), min(bar.low, more.low)
    return Bar(bar.start, bar.open, high, low, more.close, bar.volume + more.volume, bar.value + more.value)


def _remember(builder: CandleBuilder, trade: Trade) -> None:
    if len(builder.seen) >= SEEN_LIMIT:
        builder.seen_before, builder.seen = builder.seen, set()
    builder.seen.add(trade.sequential_id)
    builder.disordered += trade.at < builder.newest_at or trade.sequential_id < builder.newest_id
    builder.newest_at = max(builder.newest_at, trade.at)
    builder.newest_id = max(builder.newest_id, trade.sequential_id)


def _apply(builder: CandleBuilder, trade: Trade, start: int) -> None:
    price, value, bar = trade.price, trade.price * trade.volume, builder.forming
    if bar is None:
        builder.forming = Forming(start, price, price, price, price, trade.volume, value, trade.at, trade.at)
        return
    bar.high, bar.low = max(bar.high, price), min(bar.low, price)
    bar.volume += trade.volume
    bar.value += value
    if trade.at < bar.first_at:
        bar.open, bar.first_at = price, trade.at
    if trade.at >= bar.last_at:  # of two trades with one time stamp the later arrival is the close
        bar.close, bar.last_at = price, trade.at


def _bar(forming: Forming) -> Bar:
    return Bar(
        forming.start, forming.open, forming.high, forming.low, forming.close, forming.volume, forming.value, real=True
    )
