"""Rows as the exchange writes them, and answers made of them."""

import json
from decimal import Decimal as D

from domain.orders import OrderRequest, OrderType, Side, TimeInForce
from tests.actors.upbit.conftest import Answer

BUY = OrderRequest("abcd-e1", "KRW-BTC", Side.BUY, OrderType.LIMIT, D(155_772_000), D("0.0001"), None, TimeInForce.IOC)
ORDER = {
    "market": "KRW-BTC",
    "uuid": "u1",
    "side": "bid",
    "ord_type": "limit",
    "price": "155772000",
    "state": "wait",
    "created_at": "2026-11-22T15:04:05+09:00",
    "volume": "0.0001",
    "remaining_volume": "0.0001",
    "executed_volume": "0",
    "paid_fee": "0",
    "locked": "15584.9886",
    "trades_count": 0,
    "identifier": "abcd-e1",
    "a_field_of_tomorrow": {"x": 1},
}


def error(status: int, name: object, message: str = "") -> Answer:
    return Answer(status, json.dumps({"error": {"name": name, "message": message}}))


def candle(minute: int) -> dict:
    return {
        "market": "KRW-BTC",
        "candle_date_time_utc": f"2026-11-22T{minute // 60:02}:{minute % 60:02}:00",
        "opening_price": 145831000,
        "high_price": 1.4592e8,
        "low_price": 145800000.0,
        "trade_price": 145880000,
        "candle_acc_trade_price": 4022470467.03403,
        "candle_acc_trade_volume": 27.58904602,
    }
