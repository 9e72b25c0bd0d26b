"""Reads the SQL projection for pages and summaries: plain immutable values, never rows of the database."""

from collections.abc import Iterator
from decimal import Decimal, localcontext
from typing import Any, TypeVar

import msgspec
from peewee import OP, Expression, Model, SqliteDatabase, fn

from domain.config import Settings
from domain.decisions import Decision
from domain.message import Value
from domain.messages import EquityMeasured, FillBooked, OrderChanged, PositionChanged, PositionClosed
from domain.money import PRECISION
from domain.orders import Fill, Side
from storage.database import explained
from storage.models import (
    AccountRow,
    ConfigRow,
    DecisionRow,
    OrderRow,
    PositionRow,
    RiskEventRow,
    RoundTripRow,
    StatusRow,
    StrategyRow,
    TradeRow,
)
from storage.settings import differences

T = TypeVar("T", bound=msgspec.Struct)


class RiskEvent(Value, frozen=True):
    """One line of the operator's log. `source` is risk, trading, reconcile, ledger, stream, listing or incident."""

    sequence: int
    at: int
    source: str
    kind: str
    subject: str
    text: str
    released: bool


class Status(Value, frozen=True):
    """The latest word on one state of the system: `trading`, `reconcile`, `stream:public`, `stream:private`."""

    name: str
    value: str
    text: str
    at: int


class ConfigChange(Value, frozen=True):
    """Settings that came into force, and what differs from those before as (key, before, after); before may be ""."""

    sequence: int
    by: str
    reason: str
    settings: Settings
    changes: tuple[tuple[str, str, str], ...]


class StrategyState(Value, frozen=True):
    """One strategy: `parameters` as (name, value) text, `ordered_at` its latest order or None, results of its trips."""

    strategy: str
    enabled: bool
    parameters: tuple[tuple[str, str], ...]
    ordered_at: int | None
    round_trips: int
    pnl: Decimal


class Counts(Value, frozen=True):
    """How many rows the projection holds of each kind."""

    fills: int
    orders: int
    positions: int
    round_trips: int
    decisions: int
    entries: int
    risk_events: int
    equity_points: int


class Totals(Value, frozen=True):
    """Sums over a time (KRW): round trips closed in it, fees and funds of the fills in it."""

    round_trips: int
    wins: int
    pnl: Decimal
    fills: int
    fees: Decimal
    bought: Decimal
    sold: Decimal


class Readings:
    """The reading side of the projection; every thread may use it. All methods raise StorageError if they cannot read.

    Newest first, `limit` rows at the most, unless the method says otherwise. Times are microseconds UTC.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def recent_fills(self, limit: int = 100, market: str | None = None) -> tuple[FillBooked, ...]:
        """The latest executions, of one market or of all."""
        query = TradeRow.select().order_by(TradeRow.at.desc(), TradeRow.sequence.desc()).limit(limit)
        return tuple(map(_fill, self._rows(query.where(TradeRow.market == market) if market else query)))

    def fills_of(self, intent_id: str) -> tuple[FillBooked, ...]:
        """All executions of one intent, oldest first."""
        query = TradeRow.select().where(TradeRow.intent_id == intent_id)
        return tuple(map(_fill, self._rows(query.order_by(TradeRow.at, TradeRow.sequence))))

    def orders(self, limit: int = 100, market: str | None = None) -> tuple[OrderChanged, ...]:
        """The latest orders as they now stand, by the time they were made."""
        query = OrderRow.select().order_by(OrderRow.created_at.desc(), OrderRow.sequence.desc()).limit(limit)
        rows = self._rows(query.where(OrderRow.market == market) if market else query)
        return tuple(_made(OrderChanged, row) for row in rows)

    def positions(self) -> tuple[PositionChanged, ...]:
        """Every position that is held, by market."""
        rows = self._rows(PositionRow.select().where(PositionRow.held).order_by(PositionRow.market))
        return tuple(_made(PositionChanged, row) for row in rows)

    def round_trips(self, limit: int = 100, market: str | None = None) -> tuple[PositionClosed, ...]:
        """The latest closed positions."""
        query = RoundTripRow.select().order_by(RoundTripRow.closed_at.desc(), RoundTripRow.market).limit(limit)
        rows = self._rows(query.where(RoundTripRow.market == market) if market else query)
        return tuple(_made(PositionClosed, row) for row in rows)

    def decisions_of(self, market: str, limit: int = 100) -> tuple[Decision, ...]:
        """The latest decisions for one market, with every reason."""
        query = DecisionRow.select().where(DecisionRow.market == market)
        rows = self._rows(query.order_by(DecisionRow.at.desc()).limit(limit))
        return tuple(_made(Decision, row) for row in rows)

    def decisions_at(self, at: int) -> tuple[Decision, ...]:
        """All decisions of one decision time, by market."""
        rows = self._rows(DecisionRow.select().where(DecisionRow.at == at).order_by(DecisionRow.market))
        return tuple(_made(Decision, row) for row in rows)

    def equity_points(self, since: int = 0, limit: int = 2_000) -> tuple[EquityMeasured, ...]:
        """The account from `since` on, oldest first; of more than `limit` points every n-th, and always the latest."""
        newer = AccountRow.at >= since
        with explained(self._database):
            count = AccountRow.select().where(newer).count(self._database)
        step = max(1, -(-count // max(1, limit)))
        number = fn.ROW_NUMBER().over(order_by=[AccountRow.at.desc()])
        numbered = AccountRow.select(AccountRow.at, number.alias("number")).where(newer).alias("numbered")
        kept = AccountRow.select().join(numbered, on=(AccountRow.at == numbered.c.at))
        every = Expression(numbered.c.number - 1, OP.MOD, step) == 0  # the operator % would be a LIKE
        rows = self._rows(kept.where(every).order_by(AccountRow.at))
        return tuple(_made(EquityMeasured, row) for row in rows)

    def risk_events(self, limit: int = 100, since: int = 0) -> tuple[RiskEvent, ...]:
        """The operator's log."""
        query = RiskEventRow.select().where(RiskEventRow.at >= since)
        rows = self._rows(query.order_by(RiskEventRow.at.desc(), RiskEventRow.sequence.desc()).limit(limit))
        return tuple(_made(RiskEvent, row) for row in rows)

    def status(self) -> tuple[Status, ...]:
        """The latest word on every state of the system, by name."""
        return tuple(_made(Status, row) for row in self._rows(StatusRow.select().order_by(StatusRow.name)))

    def config_history(self, limit: int = 100) -> tuple[ConfigChange, ...]:
        """The settings that changed something, with what they changed; the first ones ever change everything."""
        changes, before = [], None
        for row in self._rows(ConfigRow.select().order_by(ConfigRow.sequence)):
            if changed := differences(before, row.settings):
                changes.append(ConfigChange(row.sequence, row.by, row.reason, row.settings, changed))
            before = row.settings
        return tuple(changes[::-1][:limit])

    def strategies(self) -> tuple[StrategyState, ...]:
        """Every strategy that was ever named, by name."""
        rows = self._rows(StrategyRow.select().order_by(StrategyRow.strategy))
        return tuple(self._strategy(row) for row in rows)

    def counts(self) -> Counts:
        """How many rows there are of each kind; positions are those held, entries the decisions to buy."""
        with explained(self._database):
            return Counts(
                fills=self._count(TradeRow),
                orders=self._count(OrderRow),
                positions=PositionRow.select().where(PositionRow.held).count(self._database),
                round_trips=self._count(RoundTripRow),
                decisions=self._count(DecisionRow),
                entries=DecisionRow.select().where(DecisionRow.code == "ORDER").count(self._database),
                risk_events=self._count(RiskEventRow),
                equity_points=self._count(AccountRow),
            )

    def totals(self, since: int, until: int) -> Totals:
        """Exact sums over [since, until)."""
        closed = RoundTripRow.select().where((RoundTripRow.closed_at >= since) & (RoundTripRow.closed_at < until))
        trips = list(self._rows(closed))
        fills = list(self._rows(TradeRow.select().where((TradeRow.at >= since) & (TradeRow.at < until))))
        return Totals(
            round_trips=len(trips),
            wins=sum(trip.pnl > 0 for trip in trips),
            pnl=_total(trip.pnl for trip in trips),
            fills=len(fills),
            fees=_total(fill.fee for fill in fills),
            bought=_total(fill.funds for fill in fills if fill.side == Side.BUY),
            sold=_total(fill.funds for fill in fills if fill.side == Side.SELL),
        )

    def _strategy(self, row: Any) -> StrategyState:
        orders = DecisionRow.select(fn.MAX(DecisionRow.at)).where(
            (DecisionRow.strategy == row.strategy) & (DecisionRow.code == "ORDER")
        )
        trips = list(self._rows(RoundTripRow.select().where(RoundTripRow.strategy == row.strategy)))
        with explained(self._database):
            ordered_at = orders.scalar(self._database)
        parameters = tuple((name, str(value)) for name, value in row.parameters.items())
        pnl = _total(trip.pnl for trip in trips)
        return StrategyState(row.strategy, row.enabled, parameters, ordered_at, len(trips), pnl)

    def _rows(self, query: Any) -> Iterator[Any]:
        with explained(self._database):
            return iter(list(query.execute(self._database)))

    def _count(self, table: type[Model]) -> int:
        return table.select().count(self._database)


def _total(amounts: Iterator[Decimal]) -> Decimal:
    """The exact sum, whatever precision the calling thread computes with."""
    with localcontext(prec=PRECISION):
        return sum(amounts, Decimal(0))


def _made(kind: type[T], row: Any) -> T:
    """The value whose fields the row has as columns."""
    return kind(*(getattr(row, name) for name in kind.__struct_fields__))


def _fill(row: Any) -> FillBooked:
    fill = msgspec.structs.replace(_made(Fill, row), side=Side(row.side))
    return FillBooked(fill, row.intent_id, row.reason, row.strategy)
