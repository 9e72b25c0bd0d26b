"""The one place that knows the exchange's field names in REST answers and requests."""

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

import msgspec

from actors.upbit import fields
from domain.errors import BadPayload
from domain.market import US_PER_S, Bar, Terms
from domain.money import parse, plain
from domain.orders import (
    Balance,
    ExchangeState,
    Fill,
    OrderReport,
    OrderRequest,
    OrderType,
    Side,
    TimeInForce,
)

log = logging.getLogger(__name__)

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
ZERO: Final = Decimal(0)
_RATE_STEP: Final = Decimal("0.00000001")
SIDES: Final = {"bid": Side.BUY, "ask": Side.SELL}
SIDE_NAMES: Final = {side: name for name, side in SIDES.items()}
_decoder = msgspec.json.Decoder(float_hook=Decimal)
# not UTF-8 inside a text, a number beyond any Decimal, brackets without end: none of them is a DecodeError
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError)
_told: set[str] = set()


def load(raw: bytes | str) -> Any:
    """JSON with every fraction an exact Decimal; raises BadPayload when it is none."""
    try:
        return _decoder.decode(raw)
    except _UNREADABLE as error:
        raise BadPayload(f"the exchange's answer is not JSON: {str(raw[:120])!r}") from error


def once(kind: str, value: object) -> None:
    """Log something the exchange says that this version does not know; each only once."""
    key = f"{kind}={value}"
    if key not in _told:
        _told.add(key)
        log.warning("exchange says something new %s", key)


def note_fields(kind: str, row: Mapping[str, Any], known: frozenset[str]) -> None:
    """Log the names of a row that this version does not know; what they say is not used."""
    if not row.keys() <= known:
        for name in sorted(row.keys() - known):
            once(f"field of {kind}", name)


def moment(text: str) -> int:
    """Microseconds UTC of an ISO time; one without a zone is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except (ValueError, TypeError) as error:
        raise BadPayload(f"expected an ISO time, found {text!r}") from error
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def iso_utc(at: int) -> str:
    """A time as the exchange's `to` parameter takes it: whole seconds, up, since what lies before it is meant."""
    return (EPOCH + timedelta(seconds=-(-at // US_PER_S))).strftime("%Y-%m-%dT%H:%M:%SZ")


def number(row: Mapping[str, Any], name: str, default: Decimal | None = None) -> Decimal:
    """A number of a row, given as JSON number or text; raises BadPayload without one and without a default."""
    value = row.get(name)
    if value is None:
        if default is None:
            raise BadPayload(f"expected a number in {name!r}, found none in {dict(row)!r:.200}")
        return default
    try:
        return parse(value)
    except ValueError as error:
        raise BadPayload(f"expected a number in {name!r}: {error}") from error


def identity(row: Mapping[str, Any], name: str) -> str:
    """An identity of a row; raises BadPayload without one: two things without a name would count as the same."""
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise BadPayload(f"expected a text in {name!r}, found {value!r}")
    return value


def limit_price(row: Mapping[str, Any], name: str, kind: OrderType) -> Decimal | None:
    """The price of a limit order; raises BadPayload for one without, except when we do not know its type."""
    if kind is not OrderType.LIMIT or (row.get("price") is None and row.get(name) != OrderType.LIMIT):
        return None
    return number(row, "price")


def bar(row: Mapping[str, Any]) -> Bar:
    """A candle of the quotation API."""
    note_fields("candle", row, fields.CANDLE)
    return Bar(
        start=moment(row["candle_date_time_utc"]),
        open=number(row, "opening_price"),
        high=number(row, "high_price"),
        low=number(row, "low_price"),
        close=number(row, "trade_price"),
        volume=number(row, "candle_acc_trade_volume"),
        value=number(row, "candle_acc_trade_price"),
    )


def terms(row: Mapping[str, Any]) -> Terms:
    """The order policy of one market."""
    note_fields("order policy", row, fields.CHANCE)
    market = row["market"]
    return Terms(
        market=market["id"],
        bid_fee=number(row, "bid_fee"),
        ask_fee=number(row, "ask_fee"),
        min_total_bid=number(market["bid"], "min_total"),
        min_total_ask=number(market["ask"], "min_total"),
        max_total=number(market, "max_total"),
        state=str(market.get("state", "active")),
    )


def balance(row: Mapping[str, Any]) -> Balance:
    """One currency of the account; its average price is 0 when it is not told in KRW."""
    note_fields("balance", row, fields.BALANCE)
    average = number(row, "avg_buy_price", ZERO) if row.get("unit_currency", "KRW") == "KRW" else ZERO
    return Balance(row["currency"], number(row, "balance"), number(row, "locked"), average)


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


def order_report(row: Mapping[str, Any]) -> OrderReport:
    """An order of the exchange API; complete when the fills it came with are all that were executed."""
    note_fields("order", row, fields.ORDER)
    kind, side = order_type(row["ord_type"]), SIDES[row["side"]]
    executed = number(row, "executed_volume", ZERO)
    fills = _fills(row, side, executed)
    return OrderReport(
        order_id=identity(row, "uuid"),
        identifier=row.get("identifier") or "",
        market=row["market"],
        side=side,
        type=kind,
        state=order_state(row["state"]),
        price=limit_price(row, "ord_type", kind),
        volume=number(row, "volume") if row.get("volume") is not None else None,
        executed_volume=executed,
        paid_fee=number(row, "paid_fee", ZERO),
        locked=number(row, "locked", ZERO),
        created_at=moment(row["created_at"]),
        time_in_force=time_in_force(row.get("time_in_force")),
        trades_count=int(row.get("trades_count") or 0),
        fills=fills,
        complete=sum((fill.volume for fill in fills), ZERO) == executed,
    )


def order_type(name: str) -> OrderType:
    """Our name for an ord_type; one we do not know is a limit order for us, and is logged."""
    if name in {"price", "market"}:
        return OrderType.MARKET
    try:
        return OrderType(name)
    except ValueError:
        once("ord_type", name)
        return OrderType.LIMIT


def order_state(name: str) -> ExchangeState:
    """The state of an order; one we do not know counts as still alive."""
    try:
        return ExchangeState(name)
    except ValueError:
        if name not in {"trade", "prevented"}:
            once("order state", name)
        return ExchangeState.WAIT


def time_in_force(name: str | None) -> TimeInForce:
    """How long an order stands; none said is until cancelled."""
    if name is None:
        return TimeInForce.GTC
    try:
        return TimeInForce(name)
    except ValueError:
        once("time_in_force", name)
        return TimeInForce.GTC


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
        note_fields("fill of an order", trade, fields.ORDER_TRADE)
    return tuple(
        Fill(
            trade_id=identity(trade, "uuid"),
            order_id=row["uuid"],
            identifier=row.get("identifier") or "",
            market=row["market"],
            side=side,
            price=number(trade, "price"),
            volume=number(trade, "volume"),
            funds=number(trade, "funds"),
            fee=fee,
            at=moment(trade["created_at"]),
        )
        for trade, fee in zip(trades, fees, strict=True)
    )


_TIME_TOLD: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(s\b|sec|초|min|분)")


def seconds_told(text: str, header: str | None = None) -> float | None:
    """How long a refusal says to stay away, in seconds of the exchange's time: from its text, or a Retry-After."""
    if told := _TIME_TOLD.search(text):
        return float(told[1]) * (60.0 if told[2] in {"min", "분"} else 1.0)
    if header and header.strip().isdecimal():
        return float(header)
    return None


def error_of(raw: bytes) -> tuple[str, str]:
    """Name and message of an error body of any family; ("", text) when it is none of them."""
    text = raw.decode("utf-8", "replace")
    try:
        body = _decoder.decode(raw)
    except _UNREADABLE:
        return "", text[:200]
    inner = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(inner, str):
        return inner, ""
    if isinstance(inner, dict) and isinstance(inner.get("name"), str | int):
        return str(inner["name"]), str(inner.get("message", ""))
    return "", text[:200]


def dump(body: Mapping[str, str]) -> bytes:
    """A JSON body, keys in the order given."""
    return msgspec.json.encode(body)
