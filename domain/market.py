"""What a market shows: trades, book, bars, and the terms the exchange deals on. Times are int microseconds UTC."""

from decimal import Decimal

from domain.message import Value
from domain.orders import Side

US_PER_S = 1_000_000
MINUTE = 60 * US_PER_S
BASE_FRAME = 5 * MINUTE
HOUR = 60 * MINUTE
FOUR_HOURS = 4 * HOUR
DAY = 24 * HOUR
KST_OFFSET = 9 * HOUR
HEARTBEAT = "KRW-BTC"
"""The busiest market, always watched: its trades prove that a connection is alive, and that the exchange trades."""


class Trade(Value, frozen=True):
    """One trade as the exchange printed it; `taker` is the side that took."""

    at: int
    price: Decimal
    volume: Decimal
    taker: Side
    sequential_id: int


class Level(Value, frozen=True):
    """One price of the book with what is displayed there."""

    price: Decimal
    size: Decimal


class Book(Value, frozen=True):
    """The displayed book, best first: asks ascending, bids descending, no empty levels."""

    at: int
    asks: tuple[Level, ...]
    bids: tuple[Level, ...]


class Bar(Value, frozen=True):
    """A candle [start, start+step). `value` is the traded KRW. A bar that is not `real` fills a gap: nothing traded."""

    start: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    value: Decimal
    real: bool = True


class Terms(Value, frozen=True):
    """What one market costs and allows, as the exchange's order policy says (fees are fractions, totals KRW)."""

    market: str
    bid_fee: Decimal
    ask_fee: Decimal
    min_total_bid: Decimal
    min_total_ask: Decimal
    max_total: Decimal
    state: str


def kst_day(at: int) -> int:
    """Number of the account day (00:00 KST) that holds this time: quant.md C-03."""
    return (at + KST_OFFSET) // DAY
