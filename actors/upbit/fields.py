"""The names the exchange is known to use, by kind of row; a name that is in none of them is new, and is logged."""

from typing import Final

ORDER: Final = frozenset({
    "market", "uuid", "side", "ord_type", "price", "state", "created_at", "volume", "remaining_volume",
    "executed_volume", "reserved_fee", "remaining_fee", "paid_fee", "locked", "trades_count", "time_in_force",
    "identifier", "smp_type", "prevented_volume", "prevented_locked", "executed_funds", "trades",
})  # fmt: skip
ORDER_TRADE: Final = frozenset({"market", "uuid", "price", "volume", "funds", "trend", "created_at", "side"})
BALANCE: Final = frozenset({
    "currency", "balance", "locked", "avg_buy_price", "avg_buy_price_modified", "unit_currency",
})  # fmt: skip
CHANCE: Final = frozenset({
    "bid_fee", "ask_fee", "maker_bid_fee", "maker_ask_fee", "market", "bid_account", "ask_account",
})  # fmt: skip
CANDLE: Final = frozenset({
    "market", "candle_date_time_utc", "candle_date_time_kst", "opening_price", "high_price", "low_price",
    "trade_price", "timestamp", "candle_acc_trade_price", "candle_acc_trade_volume", "unit", "prev_closing_price",
    "change_price", "change_rate", "converted_trade_price", "first_day_of_period", "type", "code", "stream_type",
})  # fmt: skip
LISTING: Final = frozenset({"market", "korean_name", "english_name", "market_event", "market_warning"})
INSTRUMENT: Final = frozenset({"market", "quote_currency", "tick_size", "supported_levels"})
_SHOWN: Final = frozenset({"type", "code", "timestamp", "stream_type"})
BOOK: Final = _SHOWN | {"market", "total_ask_size", "total_bid_size", "orderbook_units", "level"}
TRADE: Final = _SHOWN | {
    "trade_price", "trade_volume", "prev_closing_price", "change_price", "ask_bid", "change", "trade_date",
    "trade_time", "trade_timestamp", "sequential_id", "best_ask_price", "best_ask_size", "best_bid_price",
    "best_bid_size",
}  # fmt: skip
TICKER: Final = _SHOWN | {
    "market", "opening_price", "high_price", "low_price", "trade_price", "prev_closing_price", "change",
    "change_price", "change_rate", "signed_change_price", "signed_change_rate", "trade_volume", "acc_trade_volume",
    "acc_trade_volume_24h", "acc_trade_price", "acc_trade_price_24h", "trade_date", "trade_time", "trade_date_kst",
    "trade_time_kst", "trade_timestamp", "ask_bid", "acc_ask_volume", "acc_bid_volume", "highest_52_week_price",
    "highest_52_week_date", "lowest_52_week_price", "lowest_52_week_date", "market_state", "delisting_date",
    "is_trading_suspended", "market_warning",
}  # fmt: skip
MY_ORDER: Final = _SHOWN | {
    "uuid", "ask_bid", "order_type", "state", "trade_uuid", "price", "avg_price", "volume", "remaining_volume",
    "executed_volume", "trades_count", "reserved_fee", "remaining_fee", "paid_fee", "locked", "executed_funds",
    "time_in_force", "trade_fee", "is_maker", "identifier", "smp_type", "prevented_volume", "prevented_locked",
    "trade_timestamp", "order_timestamp",
}  # fmt: skip
MY_ASSET: Final = _SHOWN | {"asset_uuid", "assets", "asset_timestamp"}
ASSET: Final = frozenset({"currency", "balance", "locked"})

_COMMON_SHORT: Final = {"ty": "type", "cd": "code", "tms": "timestamp", "st": "stream_type", "error": "error"}
_UNITS: Final = {"ap": "ask_price", "bp": "bid_price", "as": "ask_size", "bs": "bid_size"}
_ASSETS: Final = {"cu": "currency", "b": "balance", "l": "locked"}
SHORT: Final = {
    "trade": _COMMON_SHORT
    | {
        "tp": "trade_price", "tv": "trade_volume", "ab": "ask_bid", "pcp": "prev_closing_price", "c": "change",
        "cp": "change_price", "td": "trade_date", "ttm": "trade_time", "ttms": "trade_timestamp",
        "sid": "sequential_id", "bap": "best_ask_price", "bas": "best_ask_size", "bbp": "best_bid_price",
        "bbs": "best_bid_size",
    },
    "orderbook": _COMMON_SHORT
    | {"tas": "total_ask_size", "tbs": "total_bid_size", "obu": "orderbook_units", "lv": "level"},
    "ticker": _COMMON_SHORT
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
    "myOrder": _COMMON_SHORT
    | {
        "uid": "uuid", "ab": "ask_bid", "ot": "order_type", "s": "state", "tuid": "trade_uuid", "p": "price",
        "ap": "avg_price", "v": "volume", "rv": "remaining_volume", "ev": "executed_volume", "tc": "trades_count",
        "rsf": "reserved_fee", "rmf": "remaining_fee", "pf": "paid_fee", "l": "locked", "ef": "executed_funds",
        "tif": "time_in_force", "tf": "trade_fee", "im": "is_maker", "id": "identifier", "smpt": "smp_type",
        "pv": "prevented_volume", "pl": "prevented_locked", "ttms": "trade_timestamp", "otms": "order_timestamp",
    },
    "candle": _COMMON_SHORT
    | {
        "cdttmu": "candle_date_time_utc", "cdttmk": "candle_date_time_kst", "op": "opening_price",
        "hp": "high_price", "lp": "low_price", "tp": "trade_price", "catv": "candle_acc_trade_volume",
        "catp": "candle_acc_trade_price",
    },
    "myAsset": _COMMON_SHORT | {"astuid": "asset_uuid", "ast": "assets", "asttms": "asset_timestamp"},
}  # fmt: skip
"""Long names of the SIMPLE format, by the frame's type: one short name means different things in two of them."""

SHORT_PARTS: Final = {"orderbook_units": _UNITS, "assets": _ASSETS}
