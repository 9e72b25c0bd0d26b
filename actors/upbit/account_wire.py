"""What the exchange's REST side tells of an account: balances, order policies, keys."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from actors.upbit import fields
from actors.upbit.news import NEWS
from actors.upbit.order_wire import SIDES, order_type, time_in_force
from actors.upbit.wire import identity, moment, number, text
from domain.market import Terms
from domain.money import ZERO
from domain.orders import Balance
from domain.policy import OrderKind, OrderPolicy

WON: Final = "KRW"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of the account and when it ends (microseconds UTC); the rest is told to the main pocket only.

    `permissions` are the exchange's words, such as view_account, make_orders, withdraw.
    """

    access: str = field(repr=False)
    expires_at: int
    created_at: int | None = None
    allowed_ips: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()


def balance(row: Mapping[str, Any]) -> Balance:
    """One currency of the account; its average price is told in a currency of its own."""
    NEWS.fields("balance", row, fields.BALANCE)
    return Balance(
        currency=identity(row, "currency"),
        free=number(row, "balance"),
        locked=number(row, "locked"),
        average_price=number(row, "avg_buy_price", ZERO),
        average_unit=text(row, "unit_currency") or WON,
    )


def policy(row: Mapping[str, Any]) -> OrderPolicy:
    """The order policy of one market."""
    NEWS.fields("order policy", row, fields.CHANCE)
    market, terms = row["market"], _terms(row)
    NEWS.fields("market of an order policy", market, fields.CHANCE_MARKET)
    return OrderPolicy(
        terms=terms,
        maker_bid_fee=number(row, "maker_bid_fee", terms.bid_fee),
        maker_ask_fee=number(row, "maker_ask_fee", terms.ask_fee),
        sides=tuple(SIDES[side] for side in market.get("order_sides") or SIDES),
        buys=tuple(_kinds(market.get("bid_types") or ())),
        sells=tuple(_kinds(market.get("ask_types") or ())),
        quote=_holding(row, "bid_account"),
        base=_holding(row, "ask_account"),
    )


def _terms(row: Mapping[str, Any]) -> Terms:
    market = row["market"]
    return Terms(
        market=identity(market, "id"),
        bid_fee=number(row, "bid_fee"),
        ask_fee=number(row, "ask_fee"),
        min_total_bid=number(market["bid"], "min_total"),
        min_total_ask=number(market["ask"], "min_total"),
        max_total=number(market, "max_total"),
        state=text(market, "state") or "active",
    )


def _kinds(names: Iterable[str]) -> Iterator[OrderKind]:
    """Orders by the exchange's words for them: `limit`, `limit_ioc`, `price`; one of tomorrow is noted and left out."""
    for name in names:
        kind, _, force = name.partition("_")
        if kind in fields.ORDER_TYPES and force in fields.FORCES:
            yield OrderKind(order_type(kind), time_in_force(force or None))
        else:
            NEWS.note("order kind", name)


def _holding(row: Mapping[str, Any], name: str) -> Balance | None:
    return None if row.get(name) is None else balance(row[name])


def api_key(row: Mapping[str, Any]) -> ApiKey:
    """A row of api_keys, or of a pocket's keys."""
    NEWS.fields("key", row, fields.API_KEY)
    ends = row["expire_at"] if "expire_at" in row else row["expired_at"]
    return ApiKey(
        access=identity(row, "access_key"),
        expires_at=moment(ends),
        created_at=_moment_or_none(row, "created_at"),
        allowed_ips=tuple(map(str, row.get("allowed_ips") or ())),
        permissions=tuple(map(str, row.get("permissions") or ())),
    )


def _moment_or_none(row: Mapping[str, Any], name: str) -> int | None:
    return None if row.get(name) is None else moment(row[name])
