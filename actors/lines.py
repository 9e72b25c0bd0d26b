"""The rows of the dashboard's tables, of the events they show."""

from domain.messages import OrderChanged, PositionChanged
from domain.readmodel import OrderRow, PositionRow, TickerRow


def position_row(position: PositionChanged, ticker: TickerRow | None) -> PositionRow | None:
    """An open position at its last price; None while it has no levels."""
    levels = position.levels
    if levels is None:
        return None
    return PositionRow(
        position.market,
        position.volume,
        position.entry,
        ticker.price if ticker else None,
        levels.stop,
        levels.tp1,
        levels.tp2,
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
