"""The private REST side: pockets, their keys and assets, and money moved between them (upbit-api.md 1.5)."""

import re
from decimal import Decimal
from typing import Any, Final

from actors.sandbox.accounts import Key, Pocket
from actors.sandbox.answers import Answer, Refused, Request, bad_parameter, told
from actors.sandbox.inputs import Flow
from actors.sandbox.order_wire import kst, posted
from actors.sandbox.parameters import count, ordered, states, window
from actors.sandbox.wallet import Wallet
from actors.sandbox.world import World
from domain.matching import NotEnough
from domain.money import BadNumber, parse, plain

MAX_ROWS: Final = 100
MAX_IDS: Final = 20
_STATES: Final = frozenset({"submitted", "processing", "done", "failed"})
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


class Pockets:
    """Knows all pockets; a caller sees those of its own member."""

    def __init__(self, world: World, pockets: tuple[Pocket, ...], wallet: Wallet) -> None:
        self._world, self._pockets, self._wallet = world, pockets, wallet

    def family(self, request: Request) -> Answer:
        """GET /v1/pockets."""
        rows = [{"uuid": each.uuid, "name": each.name, "type": each.kind} for each in self._family(request)]
        return told(rows)

    def api_keys(self, request: Request) -> Answer:
        """GET /v1/pockets/api_keys."""
        uuids, expired = request.every("uuids"), request.get("include_expired") == "true"
        now = self._world.now
        return told(
            [
                {
                    "uuid": pocket.uuid,
                    "keys": [_key_row(key) for key in pocket.keys if expired or now < key.expires_at],
                }
                for pocket in self._family(request)
                if not uuids or pocket.uuid in uuids
            ]
        )

    def assets(self, request: Request) -> Answer:
        """GET /v1/pockets/assets."""
        return told(self._wallet.balances(self._named(request, request.get("uuid")).name))

    def move_any(self, request: Request) -> Answer:
        """POST /v1/pockets/universal_transfers: from any pocket, the caller's own when none is named."""
        fields = posted(request)
        sender = self._named(request, _text(fields, "from")) if fields.get("from") else request.signer.pocket
        return self._moved(request, fields, sender)

    def move_own(self, request: Request) -> Answer:
        """POST /v1/pockets/transfers: from the caller's own pocket."""
        return self._moved(request, posted(request), request.signer.pocket)

    def moves(self, request: Request) -> Answer:
        """GET /v1/pockets/universal_transfers."""
        sender, receiver = request.get("from"), request.get("to")
        names = {pocket.name: pocket.uuid for pocket in self._family(request)}
        flows = [
            flow
            for flow in self._transfers(request)
            if sender in {None, names[flow.account]} and receiver in {None, names[flow.other]}
        ]
        return self._listed(request, flows)

    def own_moves(self, request: Request) -> Answer:
        """GET /v1/pockets/transfers: into the caller's pocket, out of it, or both."""
        direction, name = request.get("direction") or "all", request.signer.pocket.name
        if direction not in {"in", "out", "all"}:
            raise bad_parameter()
        flows = [
            flow
            for flow in self._transfers(request)
            if (direction != "in" and flow.account == name) or (direction != "out" and flow.other == name)
        ]
        return self._listed(request, flows)

    # --- moving ------------------------------------------------------------------------------------------------------

    def _moved(self, request: Request, fields: dict[str, Any], sender: Pocket) -> Answer:
        identifier, currency = _text(fields, "identifier"), _text(fields, "currency")
        receiver = self._named(request, _text(fields, "to"))
        if receiver == sender or (identifier and not _IDENTIFIER.fullmatch(identifier)):
            raise bad_parameter()
        if currency not in self._currencies():
            raise Refused(404, "currency_not_found", "존재하지 않는 화폐입니다.")
        if identifier and any(flow.identifier == identifier for flow in self._transfers(request)):
            raise Refused(400, "duplicated_identifier", "이미 사용된 identifier 입니다.")
        amount, now = _amount(fields), self._world.now
        try:
            flow = self._world.flow(Flow("transfer", sender.name, currency, amount, now, receiver.name, identifier))
        except NotEnough as error:
            raise Refused(400, "insufficient_funds", "이전 가능한 수량이 부족합니다.") from error
        return told(self._row(flow), 201)

    def _currencies(self) -> set[str]:
        held = {code for account in self._world.desk.exchange.accounts.values() for code in account.balances}
        return held | {code for market in self._world.markets for code in market.split("-")}

    # --- looking up --------------------------------------------------------------------------------------------------

    def _family(self, request: Request) -> tuple[Pocket, ...]:
        member = request.signer.pocket.member
        return tuple(pocket for pocket in self._pockets if pocket.member == member)

    def _named(self, request: Request, uuid: str | None) -> Pocket:
        if not uuid:
            raise bad_parameter()
        found = next((pocket for pocket in self._family(request) if pocket.uuid == uuid), None)
        if found is None:
            raise Refused(404, "pocket_not_found", "포켓을 찾지 못했습니다.")
        return found

    def _transfers(self, request: Request) -> list[Flow]:
        names = {pocket.name for pocket in self._family(request)}
        return [flow for flow in self._world.desk.state.flows if flow.kind == "transfer" and flow.account in names]

    def _listed(self, request: Request, flows: list[Flow]) -> Answer:
        """Transfers of at most seven days, filtered by what the lists have in common; all of them are done."""
        (start, end), wanted = window(request, self._world.now), states(request, _STATES, _STATES)
        currency, uuids, identifiers = request.get("currency"), request.every("uuids"), request.every("identifiers")
        if max(len(uuids), len(identifiers)) > MAX_IDS:
            raise bad_parameter()
        found = [
            flow
            for flow in flows
            if "done" in wanted
            and start <= flow.at <= end
            and currency in {None, flow.currency}
            and (not uuids or flow.id in uuids)
            and (not identifiers or flow.identifier in identifiers)
        ]
        limit = count(request, "limit", 20, MAX_ROWS)
        return told([self._row(flow) for flow in ordered(found, lambda flow: flow.at, request)[:limit]])

    def _row(self, flow: Flow) -> dict[str, Any]:
        uuids = {pocket.name: pocket.uuid for pocket in self._pockets}
        return {
            "uuid": flow.id,
            "currency": flow.currency,
            "amount": plain(flow.amount),
            "from": uuids[flow.account],
            "to": uuids[flow.other],
            "identifier": flow.identifier or None,
            "state": "done",
            "created_at": kst(flow.at),
        }


def _key_row(key: Key) -> dict[str, Any]:
    return {
        "access_key": key.access_key,
        "allowed_ips": list(key.allowed_ips),
        "created_at": kst(key.created_at),
        "expired_at": kst(key.expires_at),
        "permissions": list(key.permissions),
    }


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        raise bad_parameter()
    return value or ""


def _amount(fields: dict[str, Any]) -> Decimal:
    try:
        amount = parse(_text(fields, "amount"))
    except BadNumber as error:
        raise bad_parameter() from error
    if amount <= 0:
        raise bad_parameter()
    return amount
