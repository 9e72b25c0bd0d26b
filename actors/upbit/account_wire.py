"""What the exchange's REST side tells of an account: balances, order policies, keys, pockets, money on its way."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from actors.upbit import fields, wire
from actors.upbit.news import NEWS
from actors.upbit.order_wire import SIDES, order_type, time_in_force
from actors.upbit.wire import identity, moment, number, text
from domain.market import Terms
from domain.money import ZERO
from domain.orders import Balance
from domain.policy import OrderKind, OrderPolicy
from domain.transfers import (
    BlockState,
    Pocket,
    PocketKind,
    PocketTransfer,
    PocketTransferState,
    Transfer,
    TransferKind,
    TransferState,
    WalletState,
    WalletStatus,
)

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


@dataclass(frozen=True, slots=True)
class PocketKeys:
    """The keys of one pocket."""

    pocket_id: str
    keys: tuple[ApiKey, ...]


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


def pocket(row: Mapping[str, Any]) -> Pocket:
    """A row of pockets."""
    NEWS.fields("pocket", row, fields.POCKET)
    kind = NEWS.word("pocket type", row["type"], PocketKind, PocketKind.UNKNOWN)
    return Pocket(identity(row, "uuid"), text(row, "name"), kind)


def pocket_keys(row: Mapping[str, Any]) -> PocketKeys:
    """A row of pockets/api_keys."""
    NEWS.fields("keys of a pocket", row, fields.POCKET_KEYS)
    return PocketKeys(identity(row, "uuid"), tuple(api_key(each) for each in row["keys"]))


def pocket_transfer(row: Mapping[str, Any]) -> PocketTransfer:
    """A move between two pockets."""
    NEWS.fields("pocket transfer", row, fields.POCKET_TRANSFER)
    state = NEWS.word("pocket transfer state", row["state"], PocketTransferState, PocketTransferState.UNKNOWN)
    return PocketTransfer(
        transfer_id=identity(row, "uuid"),
        identifier=text(row, "identifier"),
        currency=identity(row, "currency"),
        amount=number(row, "amount"),
        source=identity(row, "from"),
        target=identity(row, "to"),
        state=state,
        created_at=moment(row["created_at"]),
    )


def transfer(row: Mapping[str, Any]) -> Transfer:
    """A deposit or a withdrawal."""
    NEWS.fields("transfer", row, fields.TRANSFER)
    return Transfer(
        kind=TransferKind(row["type"]),
        transfer_id=identity(row, "uuid"),
        currency=identity(row, "currency"),
        amount=number(row, "amount"),
        fee=number(row, "fee", ZERO),
        state=NEWS.word("transfer state", str(row["state"]).upper(), TransferState, TransferState.UNKNOWN),
        created_at=moment(row["created_at"]),
        done_at=_moment_or_none(row, "done_at"),
        network=text(row, "net_type"),
        txid=text(row, "txid"),
        internal=row.get("transaction_type") == "internal",
    )


def wallet(row: Mapping[str, Any]) -> WalletStatus:
    """A row of status/wallet."""
    NEWS.fields("wallet", row, fields.WALLET)
    return WalletStatus(
        currency=identity(row, "currency"),
        network=text(row, "net_type"),
        network_name=text(row, "network_name"),
        state=NEWS.word("wallet state", row["wallet_state"], WalletState, WalletState.UNKNOWN),
        block_state=NEWS.word("block state", text(row, "block_state"), BlockState, BlockState.UNKNOWN),
        block_height=_whole_or_none(row, "block_height"),
        block_at=_moment_or_none(row, "block_updated_at"),
        block_age_minutes=_whole_or_none(row, "block_elapsed_minutes"),
    )


def _moment_or_none(row: Mapping[str, Any], name: str) -> int | None:
    return None if row.get(name) is None else moment(row[name])


def _whole_or_none(row: Mapping[str, Any], name: str) -> int | None:
    return None if row.get(name) is None else wire.whole(row, name)
