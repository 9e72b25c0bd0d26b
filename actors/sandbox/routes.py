"""Where each request of the REST side goes."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from actors.sandbox import limits
from actors.sandbox.accounts import Pocket
from actors.sandbox.answers import Answer, Request
from actors.sandbox.limits import Group
from actors.sandbox.lookups import Lookups
from actors.sandbox.pockets import Pockets
from actors.sandbox.quotation import Quotation
from actors.sandbox.quotation_candles import MINUTES
from actors.sandbox.trading import Trading
from actors.sandbox.wallet import Wallet
from actors.sandbox.world import World

Handler: TypeAlias = Callable[[Request], Answer]


class Route(NamedTuple):
    """Where a request goes: its rate limit group, its handler, whether it must be signed.

    `permission` is what the signing key must have, "" where any key will do.
    """

    group: Group
    handler: Handler
    private: bool
    permission: str = ""


Routes: TypeAlias = dict[tuple[str, str], Route]


def routes(quotation: Quotation, world: World, pockets: tuple[Pocket, ...]) -> Routes:
    """Every route by method and path."""
    lookups, wallet = Lookups(world), Wallet(world)
    orders = _orders(lookups, Trading(world, lookups))
    return _public(quotation) | orders | _money(wallet, Pockets(world, pockets, wallet))


def route_of(request: Request, table: Routes) -> Route | None:
    """The route of a request, None when there is nothing at its path; the unit of minute candles is part of theirs."""
    unit = request.path.removeprefix(MINUTES)
    path = MINUTES if unit != request.path and "/" not in unit else request.path
    return table.get((request.method, path))


def _public(quotation: Quotation) -> dict[tuple[str, str], Route]:
    table: dict[str, tuple[Group, Handler]] = {
        "/v1/market/all": (limits.MARKET, quotation.markets),
        "/v1/candles/seconds": (limits.CANDLES, quotation.candles.seconds),
        MINUTES: (limits.CANDLES, quotation.candles.minutes),
        "/v1/candles/days": (limits.CANDLES, quotation.candles.days),
        "/v1/candles/weeks": (limits.CANDLES, quotation.candles.weeks),
        "/v1/candles/months": (limits.CANDLES, quotation.candles.months),
        "/v1/candles/years": (limits.CANDLES, quotation.candles.years),
        "/v1/trades/ticks": (limits.TRADES, quotation.trades),
        "/v1/ticker": (limits.TICKER, quotation.tickers),
        "/v1/ticker/all": (limits.TICKER, quotation.all_tickers),
        "/v1/orderbook": (limits.ORDERBOOK, quotation.books),
        "/v1/orderbook/instruments": (limits.ORDERBOOK, quotation.instruments),
        "/v1/orderbook/supported_levels": (limits.ORDERBOOK, quotation.levels),
    }
    return {
        ("GET", path): Route(group, quotation.finished(handler), private=False)
        for path, (group, handler) in table.items()
    }


def _orders(lookups: Lookups, trading: Trading) -> Routes:
    view, make = "view_orders", "make_orders"
    table: dict[tuple[str, str], tuple[Group, Handler, str]] = {
        ("POST", "/v1/orders"): (limits.ORDER, trading.place, make),
        ("POST", "/v1/orders/cancel_and_new"): (limits.ORDER, trading.replace, make),
        ("POST", "/v1/orders/test"): (limits.ORDER_TEST, trading.test, make),
        ("GET", "/v1/order"): (limits.DEFAULT, lookups.order, view),
        ("DELETE", "/v1/order"): (limits.DEFAULT, trading.cancel, make),
        ("GET", "/v1/orders/uuids"): (limits.DEFAULT, lookups.by_ids, view),
        ("DELETE", "/v1/orders/uuids"): (limits.DEFAULT, trading.cancel_ids, make),
        ("GET", "/v1/orders"): (limits.DEFAULT, lookups.orders, view),
        ("GET", "/v1/orders/open"): (limits.DEFAULT, lookups.open, view),
        ("DELETE", "/v1/orders/open"): (limits.CANCEL_ALL, trading.cancel_open, make),
        ("GET", "/v1/orders/closed"): (limits.DEFAULT, lookups.closed, view),
    }
    return {key: Route(group, handler, True, permission) for key, (group, handler, permission) in table.items()}


def _money(wallet: Wallet, pockets: Pockets) -> Routes:
    manage = "manage_pockets"
    table: dict[tuple[str, str], tuple[Handler, str]] = {
        ("GET", "/v1/accounts"): (wallet.accounts, "view_account"),
        ("GET", "/v1/api_keys"): (wallet.api_keys, ""),
        ("GET", "/v1/orders/chance"): (wallet.chance, "view_orders"),
        ("GET", "/v1/deposits"): (wallet.deposits, "view_deposits"),
        ("GET", "/v1/deposit"): (wallet.deposit, "view_deposits"),
        ("GET", "/v1/withdraws"): (wallet.withdraws, "view_withdrawals"),
        ("GET", "/v1/withdraw"): (wallet.withdraw, "view_withdrawals"),
        ("GET", "/v1/status/wallet"): (wallet.status, ""),
        ("GET", "/v1/pockets"): (pockets.family, manage),
        ("GET", "/v1/pockets/api_keys"): (pockets.api_keys, manage),
        ("GET", "/v1/pockets/assets"): (pockets.assets, manage),
        ("POST", "/v1/pockets/universal_transfers"): (pockets.move_any, manage),
        ("GET", "/v1/pockets/universal_transfers"): (pockets.moves, manage),
        ("POST", "/v1/pockets/transfers"): (pockets.move_own, "transfer"),
        ("GET", "/v1/pockets/transfers"): (pockets.own_moves, "transfer"),
    }
    return {key: Route(limits.DEFAULT, handler, True, permission) for key, (handler, permission) in table.items()}
