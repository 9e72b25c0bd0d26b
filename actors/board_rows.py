"""The rows of the dashboard's read model, each of what was told of one thing."""

from domain.decisions import Decision
from domain.messages import OrderChanged, PositionChanged
from domain.readmodel import DecisionRow, OrderRow, PositionRow, TickerRow


def position_row(position: PositionChanged, ticker: TickerRow | None) -> PositionRow | None:
    """An open position at its last price; None for one without levels, which nothing guards."""
    if position.levels is None:
        return None
    return PositionRow(
        position.market,
        position.volume,
        position.entry,
        ticker.price if ticker else None,
        position.levels.stop,
        position.levels.tp1,
        position.levels.tp2,
        position.state,
        position.strategy,
        position.opened_at,
    )


def order_row(order: OrderChanged) -> OrderRow:
    """An order that is not finished."""
    return OrderRow(
        order.identifier,
        order.market,
        order.side,
        order.type,
        order.stage,
        order.price,
        order.volume,
        order.executed_volume,
        order.reason,
        order.created_at,
    )


def decision_row(decision: Decision) -> DecisionRow:
    """The latest decision of a market."""
    gates = tuple((gate.code, gate.numbers) for gate in decision.gates)
    return DecisionRow(decision.market, decision.at, decision.code, decision.strategy, decision.funds, gates)
