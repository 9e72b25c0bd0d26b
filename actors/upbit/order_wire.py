"""Orders as the exchange's REST side takes and tells them."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from actors.upbit import fields, wire
from actors.upbit.news import NEWS
from actors.upbit.wire import identity, number
from domain.errors import BadPayload
from domain.money import ZERO, plain
from domain.orders import ExchangeState, Fill, OrderReport, OrderRequest, OrderType, Side, TimeInForce
from domain.policy import CancelBatch, OrderName, Replacement

SIDES: Final = {"bid": Side.BUY, "ask": Side.SELL}
SIDE_NAMES: Final = {side: name for name, side in SIDES.items()}
REMAINING: Final = "remain_only"
_MARKET_TYPES: Final = frozenset({"price", "market"})
_STEPS: Final = frozenset({"trade", "prevented"})  # states only a stream tells, of an order that lives
_RATE_STEP: Final = Decimal("0.00000001")


def order_body(request: OrderRequest, smp_type: str | None = None) -> dict[str, str]:
    """An order as the JSON body to post, in the order to hash: every number a text, nothing that does not apply."""
    by_total = request.funds is not None
    kind = request.type.value
    if request.type is OrderType.MARKET:
        kind = "price" if by_total else "market"
    price = request.funds if by_total else request.price
    body = {"market": request.market, "side": SIDE_NAMES[request.side], "ord_type": kind}
    if request.volume is not None:
        body["volume"] = plain(request.volume)
    if price is not None:
        body["price"] = plain(price)
    if request.time_in_force is not TimeInForce.GTC:
        body["time_in_force"] = request.time_in_force.value
    if smp_type and (request.time_in_force is not TimeInForce.POST_ONLY or smp_type == "none"):
        body["smp_type"] = smp_type  # beside post_only the exchange refuses every rule but `none`
    if request.identifier:
        body["identifier"] = request.identifier
    return body


def replacement_body(
    previous: Mapping[str, str], request: OrderRequest, smp_type: str | None, *, remaining: bool
) -> dict[str, str]:
    """The body that puts an order in the place of the `previous` one, whose market and side it keeps.

    `remaining` asks for the volume that is left of the previous order instead of the request's own.
    """
    body = order_body(request, smp_type)
    if remaining:
        body["volume"] = REMAINING
    kept = {name: value for name, value in body.items() if name not in {"market", "side"}}
    return {f"prev_order_{name}": value for name, value in previous.items()} | {
        f"new_{name}": value for name, value in kept.items()
    }


def order_report(row: Mapping[str, Any]) -> OrderReport:
    """An order of the exchange API; complete when the fills it came with are all that were executed."""
    NEWS.fields("order", row, fields.ORDER)
    kind, side = order_type(row["ord_type"]), SIDES[row["side"]]
    executed = number(row, "executed_volume", ZERO)
    fills = _fills(row, side, executed)
    return OrderReport(
        order_id=identity(row, "uuid"),
        identifier=wire.text(row, "identifier"),
        market=identity(row, "market"),
        side=side,
        type=kind,
        state=order_state(row["state"]),
        price=limit_price(row, "ord_type", kind),
        volume=number(row, "volume") if row.get("volume") is not None else None,
        executed_volume=executed,
        paid_fee=number(row, "paid_fee", ZERO),
        locked=number(row, "locked", ZERO),
        created_at=wire.moment(row["created_at"]),
        time_in_force=time_in_force(row.get("time_in_force")),
        trades_count=trades_count(row),
        fills=fills,
        complete=sum((fill.volume for fill in fills), ZERO) == executed,
    )


def replacement(row: Mapping[str, Any]) -> Replacement:
    """The order that is replaced, with the name of the one that will be in its place."""
    previous = {name: value for name, value in row.items() if name not in fields.REPLACEMENT}
    return Replacement(order_report(previous), identity(row, "new_order_uuid"), wire.text(row, "new_order_identifier"))


def cancel_batch(row: Mapping[str, Any]) -> CancelBatch:
    """The answer to many cancels at once."""
    return CancelBatch(*(tuple(_name(each) for each in row[part]["orders"]) for part in ("success", "failed")))


def _name(row: Mapping[str, Any]) -> OrderName:
    NEWS.fields("cancelled order", row, fields.CANCELLED)
    name = OrderName(wire.text(row, "uuid"), wire.text(row, "identifier"), wire.text(row, "market"))
    if not name.order_id and not name.identifier:
        raise BadPayload(f"expected an order by its uuid or identifier, found {dict(row)!r:.200}")
    return name


def limit_price(row: Mapping[str, Any], name: str, kind: OrderType) -> Decimal | None:
    """The price of a limit order; raises BadPayload for one without, except when we do not know its type."""
    if kind is not OrderType.LIMIT or (row.get("price") is None and row.get(name) != OrderType.LIMIT):
        return None
    return number(row, "price")


def order_type(name: str) -> OrderType:
    """Our name for an ord_type; one we do not know is a limit order for us, and is noted."""
    return OrderType.MARKET if name in _MARKET_TYPES else NEWS.word("ord_type", name, OrderType, OrderType.LIMIT)


def order_state(name: str) -> ExchangeState:
    """The state of an order; one we do not know counts as still alive, and is noted."""
    if name in _STEPS:
        return ExchangeState.WAIT
    return NEWS.word("order state", name, ExchangeState, ExchangeState.WAIT)


def time_in_force(name: str | None) -> TimeInForce:
    """How long an order stands; none said is until cancelled."""
    return TimeInForce.GTC if name is None else NEWS.word("time_in_force", name, TimeInForce, TimeInForce.GTC)


def trades_count(row: Mapping[str, Any]) -> int:
    """How many fills an order has, 0 where none are told."""
    return 0 if row.get("trades_count") is None else wire.whole(row, "trades_count")


def fee_shares(funds: Sequence[Decimal], paid: Decimal) -> tuple[Decimal, ...]:
    """Split the fee paid over fills in proportion to their funds, exactly: the shares add up to it.

    REST tells only the sum. Where the rate is a round one, as it is at Upbit, each share is what the stream says.
    """
    total = sum(funds, ZERO)
    if not total:
        return tuple(ZERO for _ in funds)
    rate = (paid / total).quantize(_RATE_STEP)
    if rate * (total - funds[-1]) > paid:  # rounded up so far that the last share would be below nothing
        rate = (paid / total).quantize(_RATE_STEP, ROUND_DOWN)
    shares = [each * rate for each in funds]
    shares[-1] += paid - sum(shares, ZERO)
    return tuple(shares)


def _fills(row: Mapping[str, Any], side: Side, executed: Decimal) -> tuple[Fill, ...]:
    """The fills a row carries; none while trades lag behind the order.

    The shares of a fee paid for more than is shown would be wrong, and a fill once booked is never corrected.
    """
    trades = row.get("trades") or ()
    if sum((number(trade, "volume") for trade in trades), ZERO) != executed:
        return ()
    fees = fee_shares([number(trade, "funds") for trade in trades], number(row, "paid_fee", ZERO))
    for trade in trades:
        NEWS.fields("fill of an order", trade, fields.ORDER_TRADE)
    return tuple(
        Fill(
            trade_id=identity(trade, "uuid"),
            order_id=row["uuid"],
            identifier=wire.text(row, "identifier"),
            market=row["market"],
            side=side,
            price=number(trade, "price"),
            volume=number(trade, "volume"),
            funds=number(trade, "funds"),
            fee=fee,
            at=wire.moment(trade["created_at"]),
        )
        for trade, fee in zip(trades, fees, strict=True)
    )
