"""Positions, their guard, and the limits of the account."""

from decimal import Decimal
from typing import ClassVar

from domain.decisions import Levels
from domain.market import Bar
from domain.message import Message


class GuardPosition(Message, frozen=True):
    """Portfolio to guard: watch this position. Sent again whenever volume or state changed; volume 0 ends the watch.

    `tighten` is the part of its distance a trailing stop keeps; the stop in `levels` is tightened already.
    """

    market: str
    volume: Decimal
    entry: Decimal
    levels: Levels
    opened_at: int
    tp1_done: bool
    tp2_done: bool
    tighten: Decimal = Decimal(1)


class WatchMarket(Message, frozen=True):
    """Guard to market: send prices, or stop sending them."""

    on: bool


class PriceSeen(Message, frozen=True):
    """Market to guard: traded prices of one message, with the extremes inside it."""

    market: str
    last: Decimal
    low: Decimal
    high: Decimal
    at: int


class MinuteClosed(Message, frozen=True):
    """Market to guard: an execution bar closed. `atr` is the ATR14 of 1h visible now, None when unknown."""

    market: str
    end: int
    bar: Bar
    atr: Decimal | None


class LevelsMoved(Message, frozen=True):
    """Guard to portfolio: the trailing stop of a position stands at `stop` now."""

    conflate: ClassVar[str] = "market"
    market: str
    stop: Decimal
    high: Decimal


class ExitTriggered(Message, frozen=True):
    """Guard to portfolio: sell. `reason` is the exit's code; `price` the trade that triggered it."""

    market: str
    reason: str
    price: Decimal
    at: int


class GuardAlive(Message, frozen=True):
    """Guard to whoever shows it: the markets it watches, and when it last saw a price in each."""

    at: int
    watched: tuple[tuple[str, int], ...]


class PositionChanged(Message, frozen=True):
    """Portfolio to universe and whoever shows or keeps it: one position as it stands; volume 0 means closed."""

    market: str
    volume: Decimal
    entry: Decimal
    cost: Decimal
    state: str
    strategy: str
    levels: Levels | None
    opened_at: int
    realised: Decimal
    reason: str


class PositionClosed(Message, frozen=True):
    """Portfolio to all: a round trip ended. `pnl` is proceeds minus cost, fees included in both (KRW)."""

    market: str
    strategy: str
    opened_at: int
    closed_at: int
    entry: Decimal
    volume: Decimal
    cost: Decimal
    proceeds: Decimal
    pnl: Decimal
    reason: str


class EquityMeasured(Message, frozen=True):
    """Portfolio: the account valued at `at`. `marked` is false when a holding has no price: then equity is a floor."""

    at: int
    cash: Decimal
    equity: Decimal
    exposure: Decimal
    day_start: Decimal
    realised: Decimal
    fees: Decimal
    flows: Decimal
    marked: bool


class TradingStateChanged(Message, frozen=True):
    """Risk: ACTIVE, REDUCING (exits only) or HALTED (nothing new but what a person orders), and why."""

    state: str
    reason: str
    by: str
    at: int


class RiskTripped(Message, frozen=True):
    """Risk: a limit or latch acted (kind DAY_LOSS, HALT, …) or was released."""

    at: int
    kind: str
    subject: str
    text: str
    released: bool = False
