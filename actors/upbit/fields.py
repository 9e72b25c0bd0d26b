"""The names the exchange is known to use: of REST by kind of row, of the sockets long and short by type of frame.

A name that is in none of them is new, and is noted. Names of our own stand where rows become values.
"""

from collections.abc import Mapping
from typing import Any, Final

ORDER: Final = frozenset({
    "market", "uuid", "side", "ord_type", "price", "state", "created_at", "volume", "remaining_volume",
    "executed_volume", "reserved_fee", "remaining_fee", "paid_fee", "locked", "trades_count", "time_in_force",
    "identifier", "smp_type", "prevented_volume", "prevented_locked", "executed_funds", "trades",
})  # fmt: skip
ORDER_TRADE: Final = frozenset({"market", "uuid", "price", "volume", "funds", "trend", "created_at", "side"})
REPLACEMENT: Final = frozenset({"new_order_uuid", "new_order_identifier"})
CANCELLED: Final = frozenset({"uuid", "market", "identifier"})
ORDER_TYPES: Final = frozenset({"limit", "price", "market", "best"})
FORCES: Final = frozenset({"", "ioc", "fok", "post_only"})
BALANCE: Final = frozenset({
    "currency", "balance", "locked", "avg_buy_price", "avg_buy_price_modified", "unit_currency",
})  # fmt: skip
CHANCE: Final = frozenset({
    "bid_fee", "ask_fee", "maker_bid_fee", "maker_ask_fee", "market", "bid_account", "ask_account",
})  # fmt: skip
CHANCE_MARKET: Final = frozenset({
    "id", "name", "order_types", "order_sides", "bid_types", "ask_types", "bid", "ask", "max_total", "state",
})  # fmt: skip
API_KEY: Final = frozenset({"access_key", "expire_at", "expired_at", "created_at", "allowed_ips", "permissions"})
POCKET: Final = frozenset({"uuid", "name", "type"})
POCKET_KEYS: Final = frozenset({"uuid", "keys"})
POCKET_TRANSFER: Final = frozenset({"uuid", "identifier", "currency", "amount", "from", "to", "state", "created_at"})
TRANSFER: Final = frozenset({
    "type", "uuid", "currency", "net_type", "txid", "state", "created_at", "done_at", "amount", "fee",
    "transaction_type", "is_cancelable",
})  # fmt: skip
WALLET: Final = frozenset({
    "currency", "wallet_state", "block_state", "block_height", "block_updated_at", "block_elapsed_minutes",
    "net_type", "network_name",
})  # fmt: skip
LISTING: Final = frozenset({"market", "korean_name", "english_name", "market_event", "market_warning"})
INSTRUMENT: Final = frozenset({"market", "quote_currency", "tick_size", "supported_levels"})
PUBLIC_TRADE: Final = frozenset({
    "market", "trade_date_utc", "trade_time_utc", "timestamp", "trade_price", "trade_volume", "prev_closing_price",
    "change_price", "ask_bid", "sequential_id",
})  # fmt: skip

_ALWAYS: Final = {"ty": "type", "cd": "code", "tms": "timestamp", "st": "stream_type"}
SHORT: Final = {
    "trade": _ALWAYS
    | {
        "tp": "trade_price", "tv": "trade_volume", "ab": "ask_bid", "pcp": "prev_closing_price", "c": "change",
        "cp": "change_price", "td": "trade_date", "ttm": "trade_time", "ttms": "trade_timestamp",
        "sid": "sequential_id", "bap": "best_ask_price", "bas": "best_ask_size", "bbp": "best_bid_price",
        "bbs": "best_bid_size",
    },
    "orderbook": _ALWAYS
    | {"tas": "total_ask_size", "tbs": "total_bid_size", "obu": "orderbook_units", "lv": "level"},
    "ticker": _ALWAYS
    | {
        "op": "opening_price", "hp": "high_price", "lp": "low_price", "tp": "trade_price",
        "pcp": "prev_closing_price", "c": "change", "cp": "change_price", "scp": "signed_change_price",
        "cr": "change_rate", "scr": "signed_change_rate", "tv": "trade_volume", "atv": "acc_trade_volume",
        "atv24h": "acc_trade_volume_24h", "atp": "acc_trade_price", "atp24h": "acc_trade_price_24h",
        "tdt": "trade_date", "ttm": "trade_time", "ttms": "trade_timestamp", "ab": "ask_bid",
        "aav": "acc_ask_volume", "abv": "acc_bid_volume", "h52wp": "highest_52_week_price",
        "h52wdt": "highest_52_week_date", "l52wp": "lowest_52_week_price", "l52wdt": "lowest_52_week_date",
        "ms": "market_state", "dd": "delisting_date", "its": "is_trading_suspended", "mw": "market_warning",
    },
    "candle": _ALWAYS
    | {
        "cdttmu": "candle_date_time_utc", "cdttmk": "candle_date_time_kst", "op": "opening_price",
        "hp": "high_price", "lp": "low_price", "tp": "trade_price", "catv": "candle_acc_trade_volume",
        "catp": "candle_acc_trade_price",
    },
    "myOrder": _ALWAYS
    | {
        "uid": "uuid", "ab": "ask_bid", "ot": "order_type", "s": "state", "tuid": "trade_uuid", "p": "price",
        "ap": "avg_price", "v": "volume", "rv": "remaining_volume", "ev": "executed_volume", "tc": "trades_count",
        "rsf": "reserved_fee", "rmf": "remaining_fee", "pf": "paid_fee", "l": "locked", "ef": "executed_funds",
        "tif": "time_in_force", "tf": "trade_fee", "im": "is_maker", "id": "identifier", "smpt": "smp_type",
        "pv": "prevented_volume", "pl": "prevented_locked", "ttms": "trade_timestamp", "otms": "order_timestamp",
    },
    "myAsset": _ALWAYS | {"astuid": "asset_uuid", "ast": "assets", "asttms": "asset_timestamp"},
    "announcement": _ALWAYS
    | {
        "et": "event_type", "uid": "uuid", "tt": "title", "cat": "category", "url": "url",
        "flat": "first_listed_at", "lat": "listed_at", "bd": "body",
    },
}  # fmt: skip
"""Long names of the SIMPLE format, by the frame's type: one short name means different things in two of them."""

SHORT_PARTS: Final = {
    "orderbook_units": {"ap": "ask_price", "bp": "bid_price", "as": "ask_size", "bs": "bid_size"},
    "assets": {"cu": "currency", "b": "balance", "l": "locked"},
    "result": {"ty": "type", "cds": "codes", "lv": "level"},
}
"""The same for the rows inside a frame, by the long name of the field that holds them."""

ANSWER: Final = {"mthd": "method", "rslt": "result", "tckt": "ticket"}
"""Long names of the answer to LIST_SUBSCRIPTIONS, which has no type."""

_REST: Final = {
    "ticker": {"market", "trade_date_kst", "trade_time_kst"},
    "orderbook": {"market"},
    "candle": {
        "market", "unit", "prev_closing_price", "change_price", "change_rate", "converted_trade_price",
        "first_day_of_period",
    },
}  # fmt: skip
KNOWN: Final = {kind: frozenset(names.values()) | _REST.get(kind, set()) for kind, names in SHORT.items()}
"""Every name of a frame's type, by REST as well where the same row comes from there."""

PARTS: Final = {part: frozenset(names.values()) for part, names in SHORT_PARTS.items()}
SUBSCRIBED: Final = PARTS["result"] | {"is_only_snapshot", "is_only_realtime", "categories", "include_body"}
SUBSCRIPTIONS: Final = frozenset(ANSWER.values())


def kind_of(told: object) -> str:
    """The name under which a frame's type stands here: `candle` for `candle.1m`."""
    return str(told).partition(".")[0]


def long(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A frame with its long names; a short one nobody knows stays as it is."""
    if "ty" in row:
        names = SHORT.get(kind_of(row["ty"]), _ALWAYS)
    elif "mthd" in row:
        names = ANSWER
    else:
        return row
    renamed = {names.get(name, name): value for name, value in row.items()}
    for part, short in SHORT_PARTS.items():
        if part in renamed:
            renamed[part] = [{short.get(name, name): value for name, value in each.items()} for each in renamed[part]]
    return renamed
