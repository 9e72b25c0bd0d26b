"""The private REST side: accounts, order policy, orders. Numbers are texts, errors have names."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from actors.sandbox.answers import Answer, Refused, Request, bad_parameter, told
from actors.sandbox.identity import Identity
from actors.sandbox.order_wire import KST, ZERO, body_fields, kst, order_row, read_order
from actors.sandbox.world import World
from domain.market import DAY
from domain.matching import Exchange, Holding, Refusal, Working
from domain.money import plain
from domain.orders import OrderReport, OrderRequest
from domain.rules import base_of

MAX_IDS: Final = 100
MAX_CANCELS: Final = 20
MAX_BATCH: Final = 300
MAX_OPEN: Final = 100
MAX_CLOSED: Final = 1_000
_WEEK: Final = 7 * DAY
_KEY_LIFE: Final = 365 * DAY
_FINISHED: Final = frozenset({"done", "cancel"})
_UNFINISHED: Final = frozenset({"wait", "watch"})
_MAX_IDENTIFIER: Final = 64


class Trading:
    """Answers for the account of a world."""

    def __init__(self, world: World, identity: Identity) -> None:
        self._world, self._identity = world, identity

    @property
    def _exchange(self) -> Exchange:
        return self._world.desk.exchange

    def api_keys(self, request: Request) -> Answer:  # noqa: ARG002 (every handler is given its request)
        """GET /v1/api_keys."""
        return told([{"access_key": self._identity.access_key, "expire_at": kst(self._identity.start + _KEY_LIFE)}])

    def accounts(self, request: Request) -> Answer:  # noqa: ARG002 (see above)
        """GET /v1/accounts."""
        lag = int(self._world.mischief.faults.accounts_lag_ms * 1000)
        balances = self._world.desk.balances(self._world.now - lag) if lag else self._exchange.balances
        shown = {name: held for name, held in balances.items() if name == "KRW" or held.free or held.locked}
        return told([account_row(name, held) for name, held in shown.items()])

    def chance(self, request: Request) -> Answer:
        """GET /v1/orders/chance."""
        market = (request.get("market") or "").upper()
        if not market:
            raise bad_parameter()
        terms = self._exchange.terms.get(market)
        if terms is None:
            raise Refused(400, "notfoundmarket", f"다음 마켓에 없는 종목입니다: {market}")
        base, both = base_of(market), ["best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc"]
        balances = self._exchange.balances
        return told(
            {
                "bid_fee": plain(terms.bid_fee),
                "ask_fee": plain(terms.ask_fee),
                "maker_bid_fee": plain(terms.bid_fee),
                "maker_ask_fee": plain(terms.ask_fee),
                "market": {
                    "id": market,
                    "name": f"{base}/KRW",
                    "order_types": ["limit"],
                    "order_sides": ["ask", "bid"],
                    "bid_types": [*both, "price"],
                    "ask_types": [*both, "market"],
                    "bid": {"currency": "KRW", "min_total": plain(terms.min_total_bid)},
                    "ask": {"currency": base, "min_total": plain(terms.min_total_ask)},
                    "max_total": plain(terms.max_total),
                    "state": terms.state,
                },
                "bid_account": account_row("KRW", balances.get("KRW", Holding())),
                "ask_account": account_row(base, balances.get(base, Holding())),
            }
        )

    def place(self, request: Request) -> Answer:
        """POST /v1/orders."""
        wish, smp_type = self._wish(request, burns=True)
        report = self._world.place(wish, smp_type)
        if isinstance(report, Refusal):
            raise Refused(report.status, report.name, report.message)
        return told(self._row(self._found(report.order_id)), 201)

    def test(self, request: Request) -> Answer:
        """POST /v1/orders/test."""
        wish, smp_type = self._wish(request, burns=False)
        report = self._world.test(wish)
        if isinstance(report, Refusal):
            raise Refused(report.status, report.name, report.message)
        would_be = Working(report.order_id, wish, report.created_at, "", report.locked, wish.price, wish.volume or ZERO)
        return told(order_row(would_be, self._exchange, smp_type), 201)

    def order(self, request: Request) -> Answer:
        """GET /v1/order."""
        order = self._asked(request)
        lag = int(self._world.mischief.faults.order_lag_ms * 1000)
        if order.created_at + lag > self._world.now:
            raise _absent()
        return told(self._row(order, trades=True))

    def by_ids(self, request: Request) -> Answer:
        """GET /v1/orders/uuids."""
        found = [order for order in self._named(request, MAX_IDS) if isinstance(order, Working)]
        market = request.get("market")
        rows = [order for order in found if market in {None, order.request.market}]
        return told([self._row(order) for order in _sorted(rows, request)])

    def open(self, request: Request) -> Answer:
        """GET /v1/orders/open."""
        states = _states(request, _UNFINISHED, {"wait"})
        limit = min(_count(request, "limit", MAX_OPEN), MAX_OPEN)
        first = (_count(request, "page", 1) - 1) * limit
        orders = [order for order in self._listed(request, self._exchange.orders) if order.state.value in states]
        return told([self._row(order) for order in orders[first : first + limit]])

    def closed(self, request: Request) -> Answer:
        """GET /v1/orders/closed: by the time of creation, at most seven days."""
        states = _states(request, _FINISHED, _FINISHED)
        start, end = self._window(request)
        orders = [
            order
            for order in self._listed(request, self._exchange.closed)
            if order.state.value in states and start <= order.created_at <= end
        ]
        limit = min(_count(request, "limit", 100), MAX_CLOSED)
        return told([self._row(order) for order in orders[:limit]])

    def cancel(self, request: Request) -> Answer:
        """DELETE /v1/order."""
        order = self._asked(request)
        row = self._row(order)
        answer = self._world.cancel(order.order_id)
        if isinstance(answer, Refusal):
            raise Refused(answer.status, answer.name, answer.message)
        return told(row)

    def cancel_ids(self, request: Request) -> Answer:
        """DELETE /v1/orders/uuids."""
        return self._cancelled(self._named(request, MAX_CANCELS))

    def cancel_open(self, request: Request) -> Answer:
        """DELETE /v1/orders/open: the newest 20 of every market, unless told otherwise."""
        pairs, spared = request.every("pairs"), set(request.every("excluded_pairs"))
        quotes = set(request.every("quote_currencies"))
        side = request.get("cancel_side") or "all"
        if (pairs and quotes) or side not in {"all", "ask", "bid"} or max(len(pairs), len(spared)) > MAX_CANCELS:
            raise bad_parameter()
        chosen = [
            order
            for order in _sorted(list(self._exchange.orders.values()), request)
            if (not pairs or order.request.market in pairs)
            and (not quotes or order.request.market.partition("-")[0] in quotes)
            and order.request.market not in spared
            and (side == "all" or (side == "bid") == (order.request.side == "buy"))
        ]
        return self._cancelled(list(chosen[: min(_count(request, "count", MAX_CANCELS), MAX_BATCH)]))

    # --- looking up --------------------------------------------------------------------------------------------------

    def _wish(self, request: Request, *, burns: bool) -> tuple[OrderRequest, str]:
        if self._world.mischief.faults.market_offline:
            raise Refused(403, "market_offline", "시스템 점검 중입니다. 점검이 완료된 후에 다시 시도해주세요.")
        fields = body_fields(request.body)
        try:
            return read_order(fields)
        except Refused:
            identifier = fields.get("identifier")
            if burns and isinstance(identifier, str) and 0 < len(identifier) <= _MAX_IDENTIFIER:
                self._world.desk.burn(identifier)
                self._world.tell()
            raise

    def _find(self, order_id: str) -> Working | None:
        return self._exchange.orders.get(order_id) or self._exchange.closed.get(order_id)

    def _found(self, order_id: str) -> Working:
        order = self._find(order_id)
        if order is None:
            raise _absent()
        return order

    def _asked(self, request: Request) -> Working:
        order_id, identifier = request.get("uuid"), request.get("identifier")
        if order_id is None and identifier is None:
            raise bad_parameter()
        return self._found(order_id or self._exchange.identifiers.get(identifier or "", ""))

    def _named(self, request: Request, most: int) -> list[Working | str]:
        """The orders of `uuids[]` or `identifiers[]`, in their order; the id itself where there is none."""
        ids, identifiers = request.every("uuids"), request.every("identifiers")
        if bool(ids) == bool(identifiers) or len(ids or identifiers) > most:
            raise bad_parameter()
        keys = {name: name for name in ids} or {name: self._exchange.identifiers.get(name, "") for name in identifiers}
        return [self._find(order_id) or name for name, order_id in keys.items()]

    def _listed(self, request: Request, orders: dict[str, Working]) -> list[Working]:
        market = request.get("market")
        return _sorted([order for order in orders.values() if market in {None, order.request.market}], request)

    def _window(self, request: Request) -> tuple[int, int]:
        start, end = (_moment(request.get(name)) for name in ("start_time", "end_time"))
        if end is None:
            end = self._world.now if start is None else start + _WEEK
        if start is None:
            start = end - _WEEK
        if end - start > _WEEK or end < start:
            raise bad_parameter("조회 기간은 최대 7일입니다.")
        return start, end

    def _row(self, order: Working, *, trades: bool = False) -> dict[str, Any]:
        smp_type = self._world.desk.state.smp_types.get(order.order_id, "cancel_maker")
        return order_row(order, self._exchange, smp_type, trades=trades)

    def _cancelled(self, orders: list[Working | str]) -> Answer:
        sorted_out: dict[str, list[dict[str, str]]] = {"success": [], "failed": []}
        for order in orders:
            if isinstance(order, str):
                sorted_out["failed"].append({"uuid": order})
                continue
            accepted = isinstance(self._world.cancel(order.order_id), OrderReport)
            sorted_out["success" if accepted else "failed"].append(_short(order))
        return told({name: {"count": len(rows), "orders": rows} for name, rows in sorted_out.items()})


def account_row(currency: str, held: Holding) -> dict[str, Any]:
    """One currency as the exchange tells it."""
    return {
        "currency": currency,
        "balance": plain(held.free),
        "locked": plain(held.locked),
        "avg_buy_price": plain(held.average_price.quantize(Decimal("1e-8"))),
        "avg_buy_price_modified": currency == "KRW",
        "unit_currency": "KRW",
    }


def _absent() -> Refused:
    return Refused(404, "order_not_found", "주문을 찾지 못했습니다.")


def _short(order: Working) -> dict[str, str]:
    row = {"uuid": order.order_id, "market": order.request.market}
    return row | ({"identifier": order.request.identifier} if order.request.identifier else {})


def _sorted(orders: list[Working], request: Request) -> list[Working]:
    order_by = request.get("order_by") or "desc"
    if order_by not in {"asc", "desc"}:
        raise bad_parameter()
    oldest_first = sorted(orders, key=lambda order: order.created_at)
    return oldest_first if order_by == "asc" else oldest_first[::-1]


def _states(request: Request, known: frozenset[str], default: frozenset[str] | set[str]) -> frozenset[str] | set[str]:
    one, several = request.get("state"), request.every("states")
    if one is not None and several:
        raise bad_parameter()
    asked = {one} if one is not None else set(several)
    if not asked <= known:
        raise bad_parameter()
    return {name for name in asked if name is not None} or default


def _count(request: Request, name: str, default: int) -> int:
    text = request.get(name)
    if text is None:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise bad_parameter(f"{name} does not have a valid value")
    return int(text)


def _moment(text: str | None) -> int | None:
    """A time parameter, ISO 8601 (KST without a zone) or epoch milliseconds, in microseconds."""
    if text is None:
        return None
    if text.isdecimal():
        return int(text) * 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise bad_parameter() from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=KST)
    return int(aware.timestamp()) * 1_000_000
