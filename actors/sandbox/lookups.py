"""The private REST side: one order and lists of orders, of the caller's pocket only."""

from typing import Any, Final

from actors.sandbox.answers import Answer, Refused, Request, bad_parameter, told
from actors.sandbox.order_wire import order_row
from actors.sandbox.parameters import count, market_of, ordered, states, window
from actors.sandbox.world import World
from domain.matching import Working, working

MAX_IDS: Final = 100
MAX_OPEN: Final = 100
MAX_CLOSED: Final = 1_000
_FINISHED: Final = frozenset({"done", "cancel"})
_UNFINISHED: Final = frozenset({"wait", "watch"})
_WAIT: Final = frozenset({"wait"})


class Lookups:
    """Finds orders in a world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def order(self, request: Request) -> Answer:
        """GET /v1/order."""
        order = self.asked(request)
        lag = int(self._world.mischief.faults.order_lag_ms * 1000)
        if order.created_at + lag > self._world.now:
            raise absent()
        return told(self.row(order, trades=True))

    def by_ids(self, request: Request) -> Answer:
        """GET /v1/orders/uuids."""
        named = self.named(request, MAX_IDS)
        found = [order for order in named if isinstance(order, Working)]
        if len(found) < len(named) and self._world.choices.unknown_ids == "not_found":
            raise absent()
        market = market_of(request)
        return self._list(ordered([each for each in found if market in {None, _market(each)}], _created, request))

    def orders(self, request: Request) -> Answer:
        """GET /v1/orders, deprecated and still in use: a list of open orders or of ended ones, as the states say."""
        asked = {request.get("state"), *request.every("states")}
        return self.closed(request) if asked & _FINISHED else self.open(request)

    def open(self, request: Request) -> Answer:
        """GET /v1/orders/open."""
        wanted = states(request, _UNFINISHED, _WAIT)
        limit = count(request, "limit", MAX_OPEN, MAX_OPEN)
        first = (count(request, "page", 1) - 1) * limit
        orders = [order for order in self._listed(request, finished=False) if order.state.value in wanted]
        return self._list(orders[first : first + limit])

    def closed(self, request: Request) -> Answer:
        """GET /v1/orders/closed: by the time of creation, at most seven days."""
        wanted, (start, end) = states(request, _FINISHED, _FINISHED), window(request, self._world.now)
        orders = [
            order
            for order in self._listed(request, finished=True)
            if order.state.value in wanted and start <= order.created_at <= end
        ]
        return self._list(orders[: count(request, "limit", 100, MAX_CLOSED)])

    # --- for those who act on orders ---------------------------------------------------------------------------------

    def mine(self, request: Request, *, finished: bool = False) -> list[Working]:
        """The orders of the caller's pocket, open or ended."""
        exchange, pocket = self._world.desk.exchange, request.signer.pocket.name
        orders = exchange.closed if finished else exchange.orders
        return [order for order in orders.values() if order.account == pocket]

    def asked(self, request: Request, *, uuid: str = "uuid", identifier: str = "identifier") -> Working:
        """The order that two parameters name; the first wins. Raises Refused when there is none."""
        return self.found(request, request.get(uuid), request.get(identifier))

    def found(self, request: Request, order_id: str | None, identifier: str | None) -> Working:
        """The caller's order with this id, or else this identifier; raises Refused when there is none."""
        if order_id is None and identifier is None:
            raise bad_parameter()
        order = self._find(request, self._id_of(request, identifier or "") if order_id is None else order_id)
        if order is None:
            raise absent()
        return order

    def named(self, request: Request, most: int) -> list[Working | str]:
        """The orders of `uuids[]` or `identifiers[]`, each once and in their order; the name itself where none is."""
        ids, identifiers = request.every("uuids"), request.every("identifiers")
        if bool(ids) == bool(identifiers) or len(ids or identifiers) > most:
            raise bad_parameter()
        keys = {name: name for name in ids} or {name: self._id_of(request, name) for name in identifiers}
        return [self._find(request, order_id) or name for name, order_id in keys.items()]

    def row(self, order: Working, *, trades: bool = False, listed: bool = False) -> dict[str, Any]:
        """An order as an answer tells it."""
        return order_row(order, self._world.choices, trades=trades, listed=listed)

    def _find(self, request: Request, order_id: str) -> Working | None:
        order = working(self._world.desk.exchange, order_id)
        return order if order is not None and order.account == request.signer.pocket.name else None

    def _id_of(self, request: Request, identifier: str) -> str:
        return self._world.desk.exchange.accounts[request.signer.pocket.name].identifiers.get(identifier, "")

    def _listed(self, request: Request, *, finished: bool) -> list[Working]:
        market = market_of(request)
        orders = [order for order in self.mine(request, finished=finished) if market in {None, _market(order)}]
        return ordered(orders, _created, request)

    def _list(self, orders: list[Working]) -> Answer:
        return told([self.row(order, listed=True) for order in orders])


def absent() -> Refused:
    """There is no such order."""
    return Refused(404, "order_not_found", "주문을 찾지 못했습니다.")


def _market(order: Working) -> str:
    return order.request.market


def _created(order: Working) -> int:
    return order.created_at
