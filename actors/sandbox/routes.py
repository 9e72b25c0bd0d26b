"""Where each request of the REST side goes."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from actors.sandbox import limits
from actors.sandbox.answers import Answer, Request
from actors.sandbox.limits import Group
from actors.sandbox.quotation import MINUTES, Quotation
from actors.sandbox.trading import Trading

Handler: TypeAlias = Callable[[Request], Answer]


class Route(NamedTuple):
    """Where a request goes: its rate limit group, its handler, whether it must be signed."""

    group: Group
    handler: Handler
    private: bool


Routes: TypeAlias = dict[tuple[str, str], Route]


def routes(quotation: Quotation, trading: Trading) -> Routes:
    """Every route by method and path."""
    return _public(quotation) | _private(trading)


def route_of(request: Request, table: Routes) -> Route | None:
    """The route of a request, None when there is nothing at its path; the unit of minute candles is part of theirs."""
    unit = request.path.removeprefix(MINUTES)
    path = MINUTES if unit != request.path and "/" not in unit else request.path
    return table.get((request.method, path))


def _public(quotation: Quotation) -> dict[tuple[str, str], Route]:
    table: dict[str, tuple[Group, Handler]] = {
        "/v1/market/all": (limits.MARKET, quotation.markets),
        MINUTES: (limits.CANDLES, quotation.minutes),
        "/v1/candles/days": (limits.CANDLES, quotation.days),
        "/v1/trades/ticks": (limits.TRADES, quotation.trades),
        "/v1/ticker": (limits.TICKER, quotation.tickers),
        "/v1/ticker/all": (limits.TICKER, quotation.all_tickers),
        "/v1/orderbook": (limits.ORDERBOOK, quotation.books),
        "/v1/orderbook/instruments": (limits.ORDERBOOK, quotation.instruments),
    }
    return {("GET", path): Route(group, handler, private=False) for path, (group, handler) in table.items()}


def _private(trading: Trading) -> dict[tuple[str, str], Route]:
    table: dict[tuple[str, str], tuple[Group, Handler]] = {
        ("GET", "/v1/accounts"): (limits.DEFAULT, trading.accounts),
        ("GET", "/v1/api_keys"): (limits.DEFAULT, trading.api_keys),
        ("GET", "/v1/orders/chance"): (limits.DEFAULT, trading.chance),
        ("POST", "/v1/orders"): (limits.ORDER, trading.place),
        ("POST", "/v1/orders/test"): (limits.ORDER_TEST, trading.test),
        ("GET", "/v1/order"): (limits.DEFAULT, trading.order),
        ("DELETE", "/v1/order"): (limits.DEFAULT, trading.cancel),
        ("GET", "/v1/orders/uuids"): (limits.DEFAULT, trading.by_ids),
        ("DELETE", "/v1/orders/uuids"): (limits.DEFAULT, trading.cancel_ids),
        ("GET", "/v1/orders/open"): (limits.DEFAULT, trading.open),
        ("DELETE", "/v1/orders/open"): (limits.CANCEL_ALL, trading.cancel_open),
        ("GET", "/v1/orders/closed"): (limits.DEFAULT, trading.closed),
    }
    return {key: Route(group, handler, private=True) for key, (group, handler) in table.items()}
