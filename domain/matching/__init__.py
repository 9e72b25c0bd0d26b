"""The exchange core that the sandbox, the paper exchange and the simulator share: pure, exact, deterministic."""

from domain.matching.engine import cancel, cancel_now, match_new, on_book, on_trade
from domain.matching.entry import place
from domain.matching.state import (
    BalanceChanged,
    Event,
    Exchange,
    Executed,
    Finished,
    Holding,
    Working,
    by_identifier,
    closed_orders,
    open_orders,
    report,
    request_of,
    working,
)
from domain.order_rules import Refusal

__all__ = [
    "BalanceChanged",
    "Event",
    "Exchange",
    "Executed",
    "Finished",
    "Holding",
    "Refusal",
    "Working",
    "by_identifier",
    "cancel",
    "cancel_now",
    "closed_orders",
    "match_new",
    "on_book",
    "on_trade",
    "open_orders",
    "place",
    "report",
    "request_of",
    "working",
]
