"""Orders as the exchange side of REST writes and reads them: every number a text, what does not apply left out."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

from actors.sandbox.answers import Refused, bad_parameter
from domain.matching import Exchange, Working
from domain.money import BadNumber, fee_of, parse, plain, volume_floor
from domain.order_rules import total_of
from domain.orders import Fill, OrderRequest, OrderType, Side, TimeInForce

KST: Final = timezone(timedelta(hours=9))
ZERO: Final = Decimal(0)
SMP_TYPES: Final = ("cancel_maker", "cancel_taker", "reduce", "none")
_SIDES: Final = {"bid": Side.BUY, "ask": Side.SELL}
_TYPES: Final = {
    "limit": OrderType.LIMIT,
    "price": OrderType.MARKET,
    "market": OrderType.MARKET,
    "best": OrderType.BEST,
}
_FORCES: Final = {"ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, "post_only": TimeInForce.POST_ONLY}


def body_fields(body: bytes) -> dict[str, Any]:
    """The fields of a POST body, numbers as the text they were sent as; raises Refused when it is no JSON object."""
    try:
        fields = json.loads(body, parse_float=str, parse_int=str)
    except ValueError as error:
        raise Refused(400, "bad_request", "JSON 형식이 올바르지 않습니다.") from error
    if not isinstance(fields, dict):
        raise Refused(400, "bad_request", "JSON 형식이 올바르지 않습니다.")
    return fields


def read_order(fields: dict[str, Any]) -> tuple[OrderRequest, str]:
    """The order asked for and its self-match rule; raises Refused with the exchange's name for what is wrong."""
    side, kind, market = (_text(fields, name) for name in ("side", "ord_type", "market"))
    faulty = [
        f"{name} is missing, {name} does not have a valid value"
        for name, good in (("market", bool(market)), ("side", side in _SIDES), ("ord_type", kind in _TYPES))
        if not good
    ]
    if faulty:
        raise Refused(400, "validation_error", ", ".join(faulty))
    if (kind, side) in {("price", "ask"), ("market", "bid")}:
        raise Refused(400, f"create_{side}_error", "주문 요청 정보가 올바르지 않습니다.")
    force = _force(fields)
    by_total = kind == "price" or (kind == "best" and side == "bid")
    price, volume = _amount(fields, "price"), _amount(fields, "volume")
    request = OrderRequest(
        identifier=_text(fields, "identifier"),
        market=market.upper(),
        side=_SIDES[side],
        type=_TYPES[kind],
        price=None if by_total else price,
        volume=None if volume is None else volume_floor(volume),
        funds=price if by_total else None,
        time_in_force=force,
    )
    return request, _smp_type(fields, force)


def order_row(order: Working, exchange: Exchange, smp_type: str, *, trades: bool = False) -> dict[str, Any]:
    """An order as an answer tells it."""
    wish = order.request
    finished = bool(order.finished_at)
    reserved = reserved_fee(wish, exchange)
    row: dict[str, Any] = {
        "market": wish.market,
        "uuid": order.order_id,
        "side": "bid" if wish.side is Side.BUY else "ask",
        "ord_type": wire_type(wish.type, wish.side),
        "price": _told(wish.funds if wish.funds is not None else wish.price),
        "state": order.state.value,
        "created_at": kst(order.created_at),
        "volume": _told(wish.volume),
        "remaining_volume": None if wish.volume is None else plain(wish.volume - order.executed),
        "executed_volume": plain(order.executed),
        "reserved_fee": plain(reserved),
        "remaining_fee": plain(ZERO if finished or not reserved else reserved - order.paid_fee),
        "paid_fee": plain(order.paid_fee),
        "locked": plain(order.locked),
        "trades_count": len(order.fills),
        "time_in_force": None if wish.time_in_force is TimeInForce.GTC else wish.time_in_force.value,
        "identifier": wish.identifier or None,
        "smp_type": smp_type,
        "prevented_volume": "0",
        "prevented_locked": "0",
        "executed_funds": plain(sum((fill.funds for fill in order.fills), ZERO)),
    }
    if trades:
        row["trades"] = [_trade_row(fill) for fill in order.fills]
    return {name: value for name, value in row.items() if value is not None}


def reserved_fee(wish: OrderRequest, exchange: Exchange) -> Decimal:
    """What a buy set aside for its fee when it was placed; nothing for a sale."""
    if wish.side is Side.SELL:
        return ZERO
    return fee_of(total_of(wish) or ZERO, exchange.terms[wish.market].bid_fee)


def wire_type(kind: OrderType, side: Side) -> str:
    """The exchange's name for a type of order."""
    if kind is OrderType.MARKET:
        return "price" if side is Side.BUY else "market"
    return kind.value


def kst(at: int, *, fine: bool = False) -> str:
    """A time in microseconds as the exchange writes it: KST, to the second, or to the microsecond."""
    moment = datetime.fromtimestamp(at // 1_000_000, UTC).replace(microsecond=at % 1_000_000).astimezone(KST)
    return moment.isoformat(timespec="microseconds" if fine else "seconds")


def _trade_row(fill: Fill) -> dict[str, Any]:
    return {
        "market": fill.market,
        "uuid": fill.trade_id,
        "price": plain(fill.price),
        "volume": plain(fill.volume),
        "funds": plain(fill.funds),
        "trend": "up" if fill.side is Side.BUY else "down",
        "created_at": kst(fill.at, fine=True),
        "side": "bid" if fill.side is Side.BUY else "ask",
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


def _force(fields: dict[str, Any]) -> TimeInForce:
    text = _text(fields, "time_in_force")
    if not text:
        return TimeInForce.GTC
    if text not in _FORCES:
        raise Refused(400, "invalid_time_in_force", "주문조건을 다시 확인해 주세요.")
    return _FORCES[text]


def _smp_type(fields: dict[str, Any], force: TimeInForce) -> str:
    """The self-match rule since 2026-11-09: never absent, and none for an order that only makes."""
    given = _text(fields, "smp_type")
    if given and given not in SMP_TYPES:
        raise Refused(400, "validation_error", "smp_type does not have a valid value")
    if force is TimeInForce.POST_ONLY:
        if given not in {"", "none"}:
            raise Refused(400, "invalid_post_only", "post_only 주문에는 smp_type 을 사용할 수 없습니다.")
        return "none"
    return given or "cancel_maker"


def _told(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)
