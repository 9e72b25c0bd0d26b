"""What a member does without the program that trades: deposits, withdrawals, airdrops, orders by hand."""

from typing import Any

from actors.sandbox.accounts import Pocket
from actors.sandbox.answers import Answer, Refused, Request, told
from actors.sandbox.inputs import Flow
from actors.sandbox.order_wire import body_fields, order_row, read_order
from actors.sandbox.wallet import flow_row
from actors.sandbox.world import World
from domain.matching import NotEnough, Refusal, working
from domain.money import BadNumber, parse


class Outside:
    """Acts in the pocket that a request names, the first when it names none."""

    def __init__(self, world: World, pockets: tuple[Pocket, ...]) -> None:
        self._world, self._pockets = world, pockets

    def deposit(self, request: Request) -> Answer:
        """POST /_sandbox/deposit {"currency", "amount", "pocket"?, "txid"?}: told as a deposit."""
        return self._flow(request, "deposit")

    def withdraw(self, request: Request) -> Answer:
        """POST /_sandbox/withdraw {"currency", "amount", "pocket"?, "txid"?}: told as a withdrawal."""
        return self._flow(request, "withdraw")

    def airdrop(self, request: Request) -> Answer:
        """POST /_sandbox/airdrop {"currency", "amount", "pocket"?}: nothing tells of it but the balance."""
        return self._flow(request, "airdrop")

    def trade(self, request: Request) -> Answer:
        """POST /_sandbox/trade: the fields of POST /v1/orders and "pocket"?; an identifier is left out."""
        fields = body_fields(request.body)
        pocket = named_pocket(self._pockets, fields.pop("pocket", None))
        fields.pop("identifier", None)
        order, smp_type = read_order(fields, self._world.choices, self._world.now)
        placed = self._world.place(pocket.name, order, smp_type)
        if isinstance(placed, Refusal):
            raise Refused(placed.status, placed.name, placed.message)
        made = working(self._world.desk.exchange, placed.order_id)
        return told(None if made is None else order_row(made, self._world.choices), 201)

    def _flow(self, request: Request, kind: str) -> Answer:
        fields = body_fields(request.body)
        pocket = named_pocket(self._pockets, fields.get("pocket"))
        currency, txid = (_text(fields, name) for name in ("currency", "txid"))
        known = {code for market in self._world.desk.exchange.terms for code in market.split("-")}
        if currency not in known:
            raise Refused(400, "bad_request", f"currency must be one of {', '.join(sorted(known))}")
        try:
            amount = parse(_text(fields, "amount"))
            flow = Flow(kind, pocket.name, currency, amount, self._world.now, identifier=txid)
            return told(flow_row(self._world.flow(flow)), 201)
        except (BadNumber, NotEnough) as error:
            raise Refused(400, "bad_request", str(error)) from error


def named_pocket(pockets: tuple[Pocket, ...], name: object) -> Pocket:
    """The pocket of this name, the first when there is no name; raises Refused when there is none."""
    found = next((pocket for pocket in pockets if name in {None, pocket.name}), None) if _is_name(name) else None
    if found is None:
        raise Refused(
            404, "pocket_not_found", f"there is no such pocket; there are: {', '.join(p.name for p in pockets)}"
        )
    return found


def _is_name(name: object) -> bool:
    return name is None or isinstance(name, str)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise Refused(400, "bad_request", f"{name} must be a text")
    return value
