"""The private REST side: placing, testing, cancelling and replacing orders."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from actors.sandbox.answers import Answer, Refused, Request, bad_parameter, told
from actors.sandbox.lookups import Lookups
from actors.sandbox.order_wire import Wish, posted, read_order, replacement_fields
from actors.sandbox.parameters import count, ordered
from actors.sandbox.world import World
from domain.matching import Refusal, Working
from domain.matching.entry import BEYOND_BOOK
from domain.order_rules import IDENTIFIER_MAX
from domain.orders import OrderReport, Side

MAX_CANCELS: Final = 20
MAX_BATCH: Final = 300
_SIDES: Final = {"bid": Side.BUY, "ask": Side.SELL}


class Trading:
    """Changes orders of a world, each caller those of its own pocket."""

    def __init__(self, world: World, lookups: Lookups) -> None:
        self._world, self._lookups = world, lookups

    def place(self, request: Request) -> Answer:
        """POST /v1/orders."""
        fields = posted(request)
        with self._burning(request, fields.get("identifier")):
            order, smp_type = self._read(fields)
        report = self._world.place(request.signer.pocket.name, order, smp_type)
        if isinstance(report, Refusal):
            raise self._refused(report)
        return told(self._lookups.row(self._lookups.found(request, report.order_id, None)), 201)

    def test(self, request: Request) -> Answer:
        """POST /v1/orders/test."""
        fields = posted(request)
        with self._burning(request, fields.get("identifier") if self._world.choices.test_burns == "yes" else None):
            order, smp_type = self._read(fields)
        made = self._world.test(self._world.wish(request.signer.pocket.name, order, smp_type))
        if isinstance(made, Refusal):
            raise self._refused(made)
        return told(self._lookups.row(made), 201)

    def cancel(self, request: Request) -> Answer:
        """DELETE /v1/order."""
        order = self._lookups.asked(request)
        row = self._lookups.row(order)
        answer = self._world.cancel(order.order_id)
        if isinstance(answer, Refusal):
            raise self._refused(answer)
        return told(row)

    def cancel_ids(self, request: Request) -> Answer:
        """DELETE /v1/orders/uuids."""
        name = "uuid" if request.every("uuids") else "identifier"
        return self._cancelled(self._lookups.named(request, MAX_CANCELS), name)

    def cancel_open(self, request: Request) -> Answer:
        """DELETE /v1/orders/open: the newest 20 of every market, unless told otherwise."""
        named = ("pairs", "excluded_pairs", "quote_currencies")
        pairs, spared, quotes = ({code.upper() for code in request.every(name)} for name in named)
        side = request.get("cancel_side") or "all"
        if (pairs and quotes) or side not in {"all", *_SIDES} or max(len(pairs), len(spared)) > MAX_CANCELS:
            raise bad_parameter()
        most = count(request, "count", MAX_CANCELS, MAX_BATCH)
        chosen: list[Working | str] = [
            order
            for order in ordered(self._lookups.mine(request), lambda order: order.created_at, request)
            if (not pairs or order.request.market in pairs)
            and (not quotes or order.request.market.partition("-")[0] in quotes)
            and order.request.market not in spared
            and (side == "all" or order.request.side is _SIDES[side])
        ]
        return self._cancelled(chosen[:most])

    def replace(self, request: Request) -> Answer:
        """POST /v1/orders/cancel_and_new: the new order is placed when the cancel lands, if there is one to land."""
        fields = posted(request)
        with self._burning(request, fields.get("new_identifier")):
            old = self._replaced(request, fields)
            order, smp_type = self._read(replacement_fields(fields, old))
            wish = self._world.freeing(self._world.wish(request.signer.pocket.name, order, smp_type), old)
            made = self._world.test(wish)
            if isinstance(made, Refusal):
                raise self._refused(made)
        remain_only = fields.get("new_volume") == "remain_only"
        row = self._lookups.row(old)
        row["new_order_uuid"] = self._world.replace(wish, old.order_id, remain_only=remain_only)
        if order.identifier:
            row["new_order_identifier"] = order.identifier
        return told(row, int(self._world.choices.cancel_and_new_status))

    # --- reading -----------------------------------------------------------------------------------------------------

    def _read(self, fields: dict[str, Any]) -> Wish:
        return read_order(fields, self._world.choices, self._world.now)

    @contextmanager
    def _burning(self, request: Request, identifier: object) -> Iterator[None]:
        """A refusal uses the identifier up as well, if it is one."""
        try:
            yield
        except Refused:
            if isinstance(identifier, str) and 0 < len(identifier) <= IDENTIFIER_MAX:
                self._world.burn(request.signer.pocket.name, identifier)
            raise

    def _replaced(self, request: Request, fields: dict[str, Any]) -> Working:
        names = [fields.get(name) for name in ("prev_order_uuid", "prev_order_identifier")]
        if not all(name is None or isinstance(name, str) for name in names):
            raise bad_parameter()
        order = self._lookups.found(request, names[0] or None, names[1] or None)
        if order.finished_at:
            raise Refused(404, "order_not_found", "주문을 찾지 못했습니다.")
        return order

    def _refused(self, refusal: Refusal) -> Refused:
        name = self._world.choices.beyond_book_error if refusal.name == BEYOND_BOOK else refusal.name
        return Refused(refusal.status, name, refusal.message)

    def _cancelled(self, orders: list[Working | str], name: str = "uuid") -> Answer:
        """What became of each; one that nobody has is only known by the `name` it was asked for by."""
        sorted_out: dict[str, list[dict[str, str]]] = {"success": [], "failed": []}
        for order in orders:
            if isinstance(order, str):
                sorted_out["failed"].append({name: order})
                continue
            accepted = isinstance(self._world.cancel(order.order_id), OrderReport)
            sorted_out["success" if accepted else "failed"].append(_short(order))
        return told({word: {"count": len(rows), "orders": rows} for word, rows in sorted_out.items()})


def _short(order: Working) -> dict[str, str]:
    row = {"uuid": order.order_id, "market": order.request.market}
    return row | ({"identifier": order.request.identifier} if order.request.identifier else {})
