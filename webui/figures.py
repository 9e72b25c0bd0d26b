"""What the cards say, worked out of the read model: changes, shares of limits, profit of a position."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from domain.market import BASE_FRAME
from domain.money import estimate
from domain.readmodel import DecisionRow, Kpis, OrderRow, PositionRow, TickerRow
from webui import shapes

NO_SIGNAL = "NO_SIGNAL"
MAJORS = ("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-SOL")
_ZERO = Decimal(0)


class Account(msgspec.Struct, frozen=True):
    """The account in fractions: None where the engine does not know the limit, or has no equity to divide by."""

    today: Decimal
    today_share: float | None
    cash_share: float | None
    unrealised_share: float | None
    exposure_share: float | None
    exposure_limit: float | None
    loss_share: float
    loss_limit: float | None
    slots: int | None


class Position(msgspec.Struct, frozen=True):
    """A position with what it is worth now; value and profit are None before a price was seen."""

    row: PositionRow
    value: Decimal | None
    profit: Decimal | None
    profit_share: float | None
    span: shapes.Span | None


class Order(msgspec.Struct, frozen=True):
    """An open order with how much of it is filled (0 to 100); None for one ordered by money."""

    row: OrderRow
    filled: float | None


class Verdict(msgspec.Struct, frozen=True):
    """The latest decision of one market. `lead` is the gate worth naming first: its code and its numbers."""

    row: DecisionRow
    ordered: bool
    lead: tuple[str, str] | None


def account(kpis: Kpis) -> Account:
    """Changes and shares of the account; limits the engine has not told (0) are unknown."""
    today = kpis.equity - kpis.day_start
    invested = kpis.exposure - kpis.unrealised
    today_share = ratio(today, kpis.day_start)
    return Account(
        today=today,
        today_share=today_share,
        cash_share=ratio(kpis.cash, kpis.equity),
        unrealised_share=ratio(kpis.unrealised, invested),
        exposure_share=ratio(kpis.exposure, kpis.equity),
        exposure_limit=estimate(kpis.max_exposure) if kpis.max_exposure else None,
        loss_share=max(0.0, -(today_share or 0.0)),
        loss_limit=estimate(kpis.day_loss_limit) if kpis.day_loss_limit else None,
        slots=kpis.max_positions or None,
    )


def position(row: PositionRow) -> Position:
    """A position valued at the last price."""
    if row.price is None:
        return Position(row, None, None, None, shapes.span(row))
    value = row.volume * row.price
    cost = row.volume * row.entry
    return Position(row, value, value - cost, ratio(value - cost, cost), shapes.span(row))


def order(row: OrderRow) -> Order:
    """An order with its progress."""
    if row.volume is None or row.volume <= _ZERO:
        return Order(row, None)
    return Order(row, shapes.share(estimate(row.executed_volume), estimate(row.volume)))


def verdict(row: DecisionRow) -> Verdict:
    """A decision with the gate that says most: the deciding one, or for want of a signal its first missed condition."""
    deciding = [gate for gate in row.gates if gate[0] == row.code]
    missed = [gate for gate in row.gates if "." in gate[0]] if row.code == NO_SIGNAL else []
    return Verdict(row, row.code == "ORDER", next(iter(missed + deciding), None))


def nearest_first(rows: Iterable[DecisionRow]) -> tuple[DecisionRow, ...]:
    """Decisions by how near they came to an order: orders, then the fewest reasons against, then by name."""
    return tuple(sorted(rows, key=lambda row: (row.code != "ORDER", len(row.gates), row.market)))


def watched_first(rows: Iterable[TickerRow], held: Iterable[str]) -> tuple[TickerRow, ...]:
    """Prices by interest: what is held, then MAJORS, then by name."""
    ours = set(held)
    rank = {market: place for place, market in enumerate(MAJORS)}
    return tuple(sorted(rows, key=lambda row: (row.market not in ours, rank.get(row.market, len(rank)), row.market)))


def ratio(part: Decimal, whole: Decimal) -> float | None:
    """A fraction of two amounts; None unless the whole is positive."""
    return estimate(part / whole) if whole > _ZERO else None


def next_close(now: int | None) -> int | None:
    """When the next five-minute bar closes (microseconds UTC)."""
    return None if now is None else (now // BASE_FRAME + 1) * BASE_FRAME
