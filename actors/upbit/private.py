"""The frames of the private socket and the answers of both, read name by name: they are few and worth the care."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from actors.upbit import fields, wire
from actors.upbit.news import NEWS
from actors.upbit.order_wire import limit_price, order_state, order_type, time_in_force, trades_count
from actors.upbit.quotes import TAKERS
from actors.upbit.wire import identity, number, positive, text
from domain.errors import BadPayload
from domain.money import ZERO
from domain.orders import Balance, Fill, OrderReport


class AssetsFrame(NamedTuple):
    """Balances that changed."""

    balances: tuple[Balance, ...]
    at: int


class AnnouncementFrame(NamedTuple):
    """A notice of the exchange; `event` is CREATED or UPDATED, the times are None and the texts "" when not told."""

    event: str
    id: str
    title: str
    category: str
    url: str
    first_listed_at: int | None
    listed_at: int | None
    body: str


class Subscribed(NamedTuple):
    """One part of a subscription as the exchange holds it: without codes for all markets, books grouped by `level`."""

    type: str
    codes: tuple[str, ...]
    level: Decimal = ZERO


class SubscriptionsFrame(NamedTuple):
    """What the socket is subscribed to, as an answer to LIST_SUBSCRIPTIONS."""

    ticket: str
    subscriptions: tuple[Subscribed, ...]


class StatusFrame(NamedTuple):
    """The exchange is there (`UP`): its answer to a text PING."""

    status: str


class ErrorFrame(NamedTuple):
    """The exchange refuses the subscription; it closes the socket after this."""

    name: str
    message: str


def order(row: Mapping[str, Any]) -> OrderReport:
    """An order event. In state `trade` price and volume are those of the fill, otherwise those of the order."""
    NEWS.fields("myOrder", row, fields.KNOWN["myOrder"])
    kind, traded = order_type(row["order_type"]), row["state"] == "trade"
    executed = number(row, "executed_volume", ZERO)
    # without its fee a fill is left for REST to tell: once booked it is never corrected
    fills = (_fill(row),) if traded and row.get("trade_fee") is not None else ()
    return OrderReport(
        order_id=identity(row, "uuid"),
        identifier=text(row, "identifier"),
        market=identity(row, "code"),
        side=TAKERS[row["ask_bid"]],
        type=kind,
        state=order_state(row["state"]),
        price=None if traded else limit_price(row, "order_type", kind),
        volume=number(row, "volume") if row.get("volume") is not None and not traded else None,
        executed_volume=executed,
        paid_fee=number(row, "paid_fee", ZERO),
        locked=number(row, "locked", ZERO),
        created_at=wire.at_ms(row, "timestamp" if row.get("order_timestamp") is None else "order_timestamp"),
        time_in_force=time_in_force(row.get("time_in_force")),
        trades_count=trades_count(row),
        fills=fills,
        complete=sum((fill.volume for fill in fills), ZERO) == executed,
    )


def _fill(row: Mapping[str, Any]) -> Fill:
    price, volume = positive(row, "price"), positive(row, "volume")
    return Fill(
        trade_id=identity(row, "trade_uuid"),
        order_id=row["uuid"],
        identifier=text(row, "identifier"),
        market=row["code"],
        side=TAKERS[row["ask_bid"]],
        price=price,
        volume=volume,
        funds=price * volume,
        fee=number(row, "trade_fee"),
        at=wire.at_ms(row, "trade_timestamp"),
    )


def assets(row: Mapping[str, Any]) -> AssetsFrame:
    """Balances that changed; what was paid for them is not told here."""
    NEWS.fields("myAsset", row, fields.KNOWN["myAsset"])
    for each in row["assets"]:
        NEWS.fields("asset", each, fields.PARTS["assets"])
    balances = (
        Balance(identity(each, "currency"), number(each, "balance"), number(each, "locked")) for each in row["assets"]
    )
    return AssetsFrame(tuple(balances), wire.at_ms(row, "timestamp"))


def announcement(row: Mapping[str, Any]) -> AnnouncementFrame:
    """A notice of the exchange."""
    NEWS.fields("announcement", row, fields.KNOWN["announcement"])
    return AnnouncementFrame(
        event=text(row, "event_type"),
        id=text(row, "uuid"),
        title=text(row, "title"),
        category=text(row, "category"),
        url=text(row, "url"),
        first_listed_at=_moment_or_none(row.get("first_listed_at")),
        listed_at=_moment_or_none(row.get("listed_at")),
        body=text(row, "body"),
    )


def subscriptions(row: Mapping[str, Any]) -> SubscriptionsFrame:
    """The answer to LIST_SUBSCRIPTIONS, in long names."""
    NEWS.fields("list of subscriptions", row, fields.SUBSCRIPTIONS)
    for each in row["result"]:
        NEWS.fields("subscription", each, fields.SUBSCRIBED)
    told = (
        Subscribed(identity(each, "type"), tuple(map(str, each.get("codes") or ())), number(each, "level", ZERO))
        for each in row["result"]
    )
    return SubscriptionsFrame(text(row, "ticket"), tuple(told))


def error(row: Mapping[str, Any]) -> ErrorFrame:
    """A refusal, whichever way it is told."""
    told = row["error"]
    return (
        ErrorFrame(text(told, "name"), text(told, "message")) if isinstance(told, dict) else ErrorFrame(str(told), "")
    )


def _moment_or_none(told: object) -> int | None:
    if told is None:
        return None
    if not isinstance(told, str):
        raise BadPayload(f"expected an ISO time, found {told!r:.80}")
    return wire.moment(told)
