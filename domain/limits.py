"""Limits of the account over a day that starts 00:00 KST: its loss and its entries (quant.md RISK-02, CTL-07)."""

from dataclasses import dataclass, field
from decimal import Decimal

from domain.market import kst_day

ZERO = Decimal(0)


@dataclass(slots=True)
class DayLimits:
    """The day's opening value and what has happened since.

    `day_start` is the equity that opened the day (KRW), scaled by every deposit and withdrawal since, so that equity
    divided by it is the day's change of NAV (RISK-01). `blocked` latches until the day ends. `flows` are deposits
    minus withdrawals of all time, as last measured; `entries` counts filled entries by market on `entries_day`.
    """

    day: int = -1
    day_start: Decimal = ZERO
    blocked: bool = False
    flows: Decimal = ZERO
    entries_day: int = -1
    entries: dict[str, int] = field(default_factory=dict)


def measure(limits: DayLimits, at: int, equity: Decimal, flows: Decimal, day_loss: Decimal) -> bool:
    """Take a valuation of the account in KRW, and tell whether entries are blocked.

    `flows` are deposits minus withdrawals of all time, `day_loss` a fraction. The first valuation at or after
    00:00 KST opens the day.
    """
    before_flow = equity - (flows - limits.flows)
    limits.flows = flows
    if kst_day(at) > limits.day:
        limits.day, limits.day_start, limits.blocked = kst_day(at), equity, False
        return False
    if limits.day_start > 0 and before_flow <= limits.day_start * (1 - day_loss):
        limits.blocked = True
    if before_flow != equity:
        # An account that was empty has nothing to compare with: what came in opens its day.
        limits.day_start = limits.day_start * equity / before_flow if before_flow > 0 else equity
    return limits.blocked


def count_entry(limits: DayLimits, market: str, day: int) -> None:
    """Count one filled entry on this KST day."""
    if day != limits.entries_day:
        limits.entries_day, limits.entries = day, {}
    limits.entries[market] = limits.entries.get(market, 0) + 1


def entries_on(limits: DayLimits, market: str, day: int) -> int:
    """Give the number of filled entries of a market on this KST day."""
    return limits.entries.get(market, 0) if day == limits.entries_day else 0
