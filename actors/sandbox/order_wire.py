"""Orders as the exchange side of REST writes and reads them: every number a text, what does not apply left out."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final, TypeAlias

from actors.sandbox.answers import Refused, Request, bad_parameter
from actors.sandbox.choices import Choices
from domain.matching import SelfMatch, Working
from domain.money import BadNumber, parse, plain, volume_floor
from domain.order_rules import IDENTIFIER_MAX, Refusal, check_fields
from domain.orders import Fill, OrderRequest, OrderType, Side, TimeInForce

KST: Final = timezone(timedelta(hours=9))
ZERO: Final = Decimal(0)
Wish: TypeAlias = tuple[OrderRequest, SelfMatch | None]
"""An order and its self-match rule."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_SIDES: Final = {"bid": Side.BUY, "ask": Side.SELL}
_TYPES: Final = {
    "limit": OrderType.LIMIT,
    "price": OrderType.MARKET,
    "market": OrderType.MARKET,
    "best": OrderType.BEST,
}
_FORCES: Final = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, "post_only": TimeInForce.POST_ONLY}


def posted(request: Request) -> dict[str, Any]:
    """The fields of a POST; raises Refused when it does not say that it is JSON, or is no object."""
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise Refused(400, "bad_request", "Content-Type 은 application/json 이어야 합니다.")
    return body_fields(request.body)


def body_fields(body: bytes) -> dict[str, Any]:
    """The fields of a POST body, numbers as the text they were sent as; raises Refused when it is no JSON object."""
    try:
        fields = json.loads(body, parse_float=str, parse_int=str)
        json.dumps(fields, ensure_ascii=False).encode()  # JSON can escape half a character, text has none
    except (ValueError, RecursionError) as error:
        raise Refused(400, "bad_request", "JSON 형식이 올바르지 않습니다.") from error
    if not isinstance(fields, dict):
        raise Refused(400, "bad_request", "JSON 형식이 올바르지 않습니다.")
    return fields


def read_order(fields: dict[str, Any], choices: Choices, at: int) -> Wish:
    """The order asked for and its self-match rule; raises Refused with the exchange's name for what is wrong.

    The checks come in the order of upbit-api.md 3.4, up to those that need the market.
    """
    side, kind, market = _kind(fields)
    identifier, force, smp_type = (_text(fields, name) for name in ("identifier", "time_in_force", "smp_type"))
    price, volume = _amount(fields, "price"), _amount(fields, "volume")
    _check_identifier(identifier, choices)
    rules = SelfMatch if choices.smp_told(at) else tuple(rule for rule in SelfMatch if rule is not SelfMatch.NONE)
    if smp_type and smp_type not in set(rules):
        raise Refused(400, "validation_error", "smp_type does not have a valid value")
    by_total = kind == "price" or (kind == "best" and side == "bid")
    request = OrderRequest(
        identifier=identifier,
        market=market.upper(),
        side=_SIDES[side],
        type=_TYPES[kind],
        price=None if by_total else price,
        volume=None if volume is None else volume_floor(volume),
        funds=price if by_total else None,
        time_in_force=_FORCES.get(force, TimeInForce.GTC),
    )
    _check_combination(request, kind, force)
    return request, _smp_type(smp_type, request.time_in_force, told=choices.smp_told(at))


def replacement_fields(fields: dict[str, Any], old: Working) -> dict[str, Any]:
    """The fields of the order that is to follow the old one, as those of a POST body: market and side stay.

    Raises Refused for no type at all, and where the rest of the old volume is asked for and the new order has none.
    """
    kind, wish = _text(fields, "new_ord_type"), old.request
    if kind not in _TYPES:
        raise Refused(400, "validation_error", _fault("new_ord_type", kind))
    side = "bid" if wish.side is Side.BUY else "ask"
    new = {name.removeprefix("new_"): value for name, value in fields.items() if name.startswith("new_")}
    if new.get("volume") == "remain_only":
        if wish.volume is None or kind == "price" or (kind == "best" and side == "bid"):
            raise Refused(400, f"create_{side}_error", "주문 요청 정보가 올바르지 않습니다.")
        new["volume"] = plain(old.left)
    return {"market": wish.market, "side": side} | new


def order_row(order: Working, choices: Choices, *, trades: bool = False, listed: bool = False) -> dict[str, Any]:
    """An order as an answer tells it: with its trades, or as one of a list."""
    wish = order.request
    residue = bool(order.finished_at) and choices.finished_residue == "kept"
    left = None if wish.volume is None else wish.volume - order.executed - order.prevented
    row: dict[str, Any] = {
        "market": wish.market,
        "uuid": order.order_id,
        "side": "bid" if wish.side is Side.BUY else "ask",
        "ord_type": wire_type(wish.type, wish.side),
        "price": _told(wish.funds if wish.funds is not None else wish.price),
        "state": order.state.value,
        "created_at": kst(order.created_at),
        "volume": _told(wish.volume),
        "remaining_volume": _told(left),
        "executed_volume": plain(order.executed),
        "reserved_fee": plain(order.reserved_fee),
        "remaining_fee": plain(order.freed_fee if residue else order.remaining_fee),
        "paid_fee": plain(order.paid_fee),
        "locked": plain(order.freed if residue else order.locked),
        "trades_count": len(order.fills),
        "time_in_force": None if wish.time_in_force is TimeInForce.GTC else wish.time_in_force.value,
        "identifier": wish.identifier or None,
        "smp_type": order.smp_type,
        "prevented_volume": plain(order.prevented),
        "prevented_locked": plain(order.prevented_locked),
    }
    if listed and choices.list_funds == "yes":
        row["executed_funds"] = plain(sum((fill.funds for fill in order.fills), ZERO))
    if trades:
        row["trades"] = [_trade_row(fill, maker=place >= order.takes) for place, fill in enumerate(order.fills)]
    return row if choices.absent_fields == "null" else {name: value for name, value in row.items() if value is not None}


def wire_type(kind: OrderType, side: Side) -> str:
    """The exchange's name for a type of order."""
    if kind is OrderType.MARKET:
        return "price" if side is Side.BUY else "market"
    return kind.value


def kst(at: int, *, fine: bool = False) -> str:
    """A time in microseconds as the exchange writes it: KST, to the second, or to the microsecond."""
    moment = datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000).astimezone(KST)
    return moment.isoformat(timespec="microseconds" if fine else "seconds")


def _trade_row(fill: Fill, *, maker: bool) -> dict[str, Any]:
    """A fill; its trend is that of the taker, whose side is the other one if this order made."""
    bought = fill.side is Side.BUY
    return {
        "market": fill.market,
        "uuid": fill.trade_id,
        "price": plain(fill.price),
        "volume": plain(fill.volume),
        "funds": plain(fill.funds),
        "trend": "up" if bought is not maker else "down",
        "created_at": kst(fill.at, fine=True),
        "side": "bid" if bought else "ask",
    }


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Refused(400, "validation_error", f"{name} does not have a valid value")
    return value


def _amount(fields: dict[str, Any], name: str) -> Decimal | None:
    text = _text(fields, name)
    if not text:
        return None
    try:
        return parse(text)
    except BadNumber as error:
        raise bad_parameter(f"{name} does not have a valid value") from error


def _kind(fields: dict[str, Any]) -> tuple[str, str, str]:
    """Side, type and market, as they were written."""
    side, kind, market = (_text(fields, name) for name in ("side", "ord_type", "market"))
    read = (("market", market, bool(market)), ("side", side, side in _SIDES), ("ord_type", kind, kind in _TYPES))
    faulty = [_fault(name, value) for name, value, good in read if not good]
    if faulty:
        raise Refused(400, "validation_error", ", ".join(faulty))
    return side, kind, market


def _fault(name: str, value: str) -> str:
    """What the exchange says of a field that is absent or has no possible value."""
    return f"{name} does not have a valid value" if value else f"{name} is missing, {name} does not have a valid value"


def _check_identifier(identifier: str, choices: Choices) -> None:
    odd = choices.odd_identifiers == "refuse" and not _PLAIN.fullmatch(identifier)
    if odd or len(identifier) > IDENTIFIER_MAX:
        raise Refused(400, choices.identifier_error, "identifier does not have a valid value")


def _check_combination(request: OrderRequest, kind: str, force: str) -> None:
    """Type and fields first, then the time in force, which may be no word of the exchange."""
    side = "bid" if request.side is Side.BUY else "ask"
    refusal = check_fields(request)
    if (kind, side) in {("price", "ask"), ("market", "bid")}:
        refusal = Refusal(f"create_{side}_error", "주문 요청 정보가 올바르지 않습니다.")
    if force and force not in _FORCES and (refusal is None or refusal.name == "invalid_time_in_force"):
        refusal = Refusal("invalid_time_in_force", "주문조건을 다시 확인해 주세요.")
    if refusal is not None:
        raise Refused(refusal.status, refusal.name, refusal.message)


def _smp_type(given: str, force: TimeInForce, *, told: bool) -> SelfMatch | None:
    """The rule an order gets: since 2026-11-09 never absent, and none for an order that only makes."""
    if told and force is TimeInForce.POST_ONLY:
        if given not in {"", SelfMatch.NONE}:
            raise Refused(400, "invalid_post_only", "post_only 주문에는 smp_type 을 사용할 수 없습니다.")
        return SelfMatch.NONE
    if given:
        return SelfMatch(given)
    return SelfMatch.CANCEL_MAKER if told else None


def _told(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
