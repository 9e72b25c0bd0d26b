"""The private side of REST that places, finds and cancels orders. A POST or DELETE is never sent twice from here."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from actors.upbit import order_wire
from actors.upbit.calls import Calls, T, each, one
from actors.upbit.transport import NOT_FOUND
from actors.upbit.wire import US_PER_MS
from domain.errors import BadPayload, OutcomeUnknown, RequestRefused
from domain.market import DAY, MINUTE, US_PER_S
from domain.orders import OrderReport, OrderRequest
from domain.policy import Replacement

PAGE_OPEN: Final = 100
PAGE_CLOSED: Final = 1_000
PAGE_IDS: Final = 100
CLOSED_WINDOW: Final = 7 * DAY - US_PER_S  # a second less than it takes: times are rounded outwards to ms
CLOCK_MARGIN: Final = 10 * MINUTE  # how far our clock may be behind the exchange's
ORDER_NOT_FOUND: Final = "order_not_found"


class Ordering(Calls):
    """Calls about orders; see `cancelling` for those that cancel many."""

    def place(self, request: OrderRequest) -> OrderReport:
        """Post an order, once. OutcomeUnknown means it may exist: look it up by its identifier."""
        row = self._http.send("POST", "/v1/orders", order_wire.order_body(request, self._smp_type), "order")
        return taken(row, _of({"identifier": request.identifier}))

    def rehearse(self, request: OrderRequest) -> None:
        """Have an order checked without placing it; raises what placing it would. Use a throw-away identifier."""
        self._http.send("POST", "/v1/orders/test", order_wire.order_body(request, self._smp_type), "order-test")

    def order(self, *, identifier: str = "", order_id: str = "") -> OrderReport | None:
        """One order with all its fills, by its uuid if given, else by our identifier; None when there is none."""
        params = _which(identifier, order_id)
        return _found(lambda: one(self._ask("/v1/order", params), _of(params)))

    def cancel(self, identifier: str = "", *, order_id: str = "") -> OrderReport | None:
        """Ask for a cancel; the order answered is usually still alive. None when it is finished or unknown."""
        params = _which(identifier, order_id)
        return _found(lambda: taken(self._http.send("DELETE", "/v1/order", params, "default"), _of(params)))

    def cancel_and_new(
        self, request: OrderRequest, *, identifier: str = "", order_id: str = "", remaining: bool = False
    ) -> Replacement:
        """Cancel an order and put `request`, of the same market and side, in its place, once.

        `remaining` takes the volume that is left of the old order. OutcomeUnknown means that either may have happened:
        look both orders up. Raises ValueError when neither or the same identifier is given.
        """
        if request.identifier and request.identifier == identifier:
            raise ValueError("the new order needs an identifier of its own")
        body = order_wire.replacement_body(_which(identifier, order_id), request, self._smp_type, remaining=remaining)
        row = self._http.send("POST", "/v1/orders/cancel_and_new", body, "order")
        return taken(row, order_wire.replacement)

    def open_orders(self, market: str = "") -> tuple[OrderReport, ...]:
        """Every order that can still execute, without its fills, each counted once.

        Pages shift while they are read: an order that ends moves a later one onto a page read before. So more than
        one page is read until a pass finds nothing new; an order that ended meanwhile may still be among them.
        """
        found: dict[str, OrderReport] = {}
        while True:
            known = len(found)
            pages = self._open_pass(market, found)
            if pages == 1 or len(found) == known:
                return tuple(found.values())

    def _open_pass(self, market: str, found: dict[str, OrderReport]) -> int:
        """Read all pages once into `found`; gives how many there were."""
        page, seen = 1, set[str]()
        while True:
            wanted = {"market": market or None, "states": ("wait", "watch"), "page": page, "limit": PAGE_OPEN}
            reports = tuple(each(self._ask("/v1/orders/open", wanted), order_wire.order_report))
            ids = {report.order_id for report in reports}
            found |= {report.order_id: report for report in reports}
            if len(reports) < PAGE_OPEN or ids <= seen:  # the same page again: it would go on for ever
                return page
            seen |= ids
            page += 1

    def closed_orders(
        self, market: str = "", *, start: int | None = None, end: int | None = None
    ) -> tuple[OrderReport, ...]:
        """Ended orders created in a window (microseconds UTC; the last seven days), newest first, without fills.

        A window of any length: the exchange takes seven days and a thousand orders at once, so it is cut up.
        """
        last = self._clock.now() + CLOCK_MARGIN if end is None else end
        first = last - CLOSED_WINDOW if start is None else start
        windows = [(at, min(at + CLOSED_WINDOW, last)) for at in range(first, last, CLOSED_WINDOW)]
        found: dict[str, OrderReport] = {}
        while windows:
            since, until = windows.pop()
            reports = self._closed(market, since, until)
            if len(reports) >= PAGE_CLOSED and until - since > US_PER_S:
                middle = (since + until) // 2
                windows += [(since, middle), (middle, until)]
            else:
                found |= {report.order_id: report for report in reports}
        return tuple(sorted(found.values(), key=lambda report: report.created_at, reverse=True))

    def orders_by(self, identifiers: Sequence[str] = (), *, order_ids: Sequence[str] = ()) -> tuple[OrderReport, ...]:
        """Orders by our identifiers or by their uuids (one kind), without fills; unknown ones are missing."""
        name, wanted = ("uuids", order_ids) if order_ids else ("identifiers", identifiers)
        found: list[OrderReport] = []
        for at in range(0, len(wanted), PAGE_IDS):
            rows = self._ask("/v1/orders/uuids", {name: list(wanted[at : at + PAGE_IDS])})
            found.extend(each(rows, order_wire.order_report))
        return tuple(found)

    def _closed(self, market: str, since: int, until: int) -> tuple[OrderReport, ...]:
        wanted = {
            "market": market or None,
            "states": ("done", "cancel"),
            "start_time": since // US_PER_MS,
            "end_time": -(-until // US_PER_MS),
            "limit": PAGE_CLOSED,
        }
        return tuple(each(self._ask("/v1/orders/closed", wanted), order_wire.order_report))


def taken(row: Any, read: Callable[[Any], T]) -> T:
    """The value of an answer to something that was done; raises OutcomeUnknown when it cannot be read."""
    try:
        return one(row, read)
    except BadPayload as error:
        raise OutcomeUnknown(f"the exchange did it, but its answer cannot be read: {error}") from error


def _found(call: Callable[[], OrderReport]) -> OrderReport | None:
    """The order the exchange tells of; None when it knows no such order. Another 404 tells nothing of an order."""
    try:
        return call()
    except RequestRefused as error:
        if error.status == NOT_FOUND and error.name == ORDER_NOT_FOUND:
            return None
        raise


def _of(name: Mapping[str, str]) -> Callable[[Mapping[str, Any]], OrderReport]:
    """Read the order of that uuid or identifier; another one is garbled: somebody mixed two answers up."""

    def read(row: Mapping[str, Any]) -> OrderReport:
        report = order_wire.order_report(row)
        told = {"uuid": report.order_id, "identifier": report.identifier}
        if any(told[key] and told[key] != value for key, value in name.items()):
            raise BadPayload(f"asked for the order {name}, got {told}")
        return report

    return read


def _which(identifier: str, order_id: str) -> dict[str, str]:
    if not identifier and not order_id:
        raise ValueError("an order is named by its identifier or its order id, and neither was given")
    return {"uuid": order_id} if order_id else {"identifier": identifier}
