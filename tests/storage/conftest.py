"""Databases and candle stores of their own, and events and bars of which a test names only what it is about."""

import os
import signal
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from peewee import SqliteDatabase

from domain.decisions import Decision, Gate, Levels
from domain.market import MINUTE, Bar
from domain.messages import (
    CandlesTold,
    DecisionsMade,
    EquityMeasured,
    FillBooked,
    OrderChanged,
    PositionChanged,
    PositionClosed,
    UniverseJudged,
)
from domain.orders import Fill, Side
from domain.universe import MarketSurvey, MarketVerdict
from storage.archive import CandleIndex, CandleTiers
from storage.candles import CandleStore, Quarantined
from storage.columns import REST, arrays_of
from storage.database import SECOND_TABLES, open_database
from storage.hot import HotCandles
from storage.models import TABLES
from storage.projection import Projection

NEW_YEAR = 1_767_225_600_000_000
"""2026-01-01 00:00 UTC."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteDatabase]:
    opened = open_database(tmp_path / "baeu.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def projection(database: SqliteDatabase) -> Projection:
    return Projection(database)


@pytest.fixture
def hot(database: SqliteDatabase) -> HotCandles:
    return HotCandles(database)


@pytest.fixture
def store(tmp_path: Path) -> CandleStore:
    return CandleStore(tmp_path / "candles")


@pytest.fixture
def index(database: SqliteDatabase) -> CandleIndex:
    return CandleIndex(database)


@pytest.fixture
def tiers(store: CandleStore, hot: HotCandles, index: CandleIndex) -> CandleTiers:
    return CandleTiers(store, hot, index)


def a_fill(trade_id: str = "t1", **changes: Any) -> FillBooked:
    told = {name: changes.pop(name, default) for name, default in (("intent_id", "n1"), ("reason", "ENTRY"))}
    values: dict[str, Any] = {
        "trade_id": trade_id,
        "order_id": "o1",
        "identifier": "i1",
        "market": "KRW-BTC",
        "side": Side.BUY,
        "price": Decimal(143_250_000),
        "volume": Decimal("0.001"),
        "funds": Decimal(143_250),
        "fee": Decimal("71.625"),
        "at": NEW_YEAR,
    }
    return FillBooked(fill=Fill(**(values | changes)), strategy="A", **told)


def an_order(intent_id: str = "n1", **changes: Any) -> OrderChanged:
    values: dict[str, Any] = {
        "identifier": "i1",
        "market": "KRW-BTC",
        "side": "buy",
        "type": "limit",
        "stage": "OPEN",
        "price": Decimal(143_250_000),
        "volume": Decimal("0.001"),
        "funds": None,
        "executed_volume": Decimal(0),
        "paid_fee": Decimal(0),
        "reason": "ENTRY",
        "strategy": "A",
        "created_at": NEW_YEAR,
        "changed_at": NEW_YEAR,
    }
    return OrderChanged(intent_id=intent_id, **(values | changes))


def a_position(market: str = "KRW-BTC", volume: str = "0.001", **changes: Any) -> PositionChanged:
    values: dict[str, Any] = {
        "entry": Decimal(143_250_000),
        "cost": Decimal("143321.625"),
        "state": "OPEN",
        "strategy": "A",
        "levels": Levels(Decimal(140_000_000), Decimal(146_000_000), Decimal(149_000_000), Decimal(143_500_000)),
        "opened_at": NEW_YEAR,
        "realised": Decimal(0),
        "reason": "ENTRY",
    }
    return PositionChanged(market=market, volume=Decimal(volume), **(values | changes))


def a_round_trip(market: str = "KRW-BTC", pnl: str = "1200.5", **changes: Any) -> PositionClosed:
    values: dict[str, Any] = {
        "strategy": "A",
        "opened_at": NEW_YEAR,
        "closed_at": NEW_YEAR + 60 * MINUTE,
        "entry": Decimal(143_250_000),
        "volume": Decimal("0.001"),
        "cost": Decimal(143_000),
        "proceeds": Decimal(143_000) + Decimal(pnl),
        "reason": "TP1",
    }
    return PositionClosed(market=market, pnl=Decimal(pnl), **(values | changes))


def equity_at(at: int, equity: str = "1000000") -> EquityMeasured:
    rest = [Decimal(number) for number in (0, 1_000_000, 0, 0, 0)]
    return EquityMeasured(at, Decimal(equity), Decimal(equity), *rest, marked=True)


def decisions_at(at: int, *markets: str, code: str = "CTL-05") -> DecisionsMade:
    gates = () if code == "ORDER" else (Gate(code, "tp1 0.0021 < 0.004"), Gate("SIZ-02", "weight 0.3 > 0.25"))
    return DecisionsMade(
        at, tuple(Decision(market, at, code, Decimal(30_000), Decimal(143), gates, "A") for market in markets)
    )


def a_verdict(market: str = "KRW-BTC", *failing: str, **numbers: Any) -> MarketVerdict:
    """A verdict: MEMBER, or that it fails the filters named."""
    gates = tuple(Gate(code, f"{code} of {market}") for code in failing)
    values = {
        "price": Decimal("0.0171"),
        "value_24h": Decimal("5.25"),
        "days": 30,
        "mean_value": Decimal(7),
        "books": 9,
    }
    survey = MarketSurvey(market, **(values | numbers))
    return MarketVerdict(market, failing[0] if failing else "MEMBER", 1, gates, (Gate("AGE", "3"),), survey, None)


def judged_at(at: int, *verdicts: MarketVerdict, full: bool = False, changed: tuple[str, ...] = ()) -> UniverseJudged:
    return UniverseJudged(at, full, verdicts, changed)


def a_bar(minute: int = 0, close: str = "100", *, real: bool = True, begin: int = NEW_YEAR) -> Bar:
    price = Decimal(close)
    return Bar(begin + minute * MINUTE, price, price + 1, price - 1, price, Decimal("0.5"), price / 2, real)


def bars(count: int = 50, close: str = "100") -> list[Bar]:
    return [a_bar(minute, close) for minute in range(count)]


def at(minute: int) -> int:
    return NEW_YEAR + minute * MINUTE


def span(first: int, end: int) -> tuple[int, int]:
    return at(first), at(end)


def tell(hot: HotCandles, first: int, end: int, *bars: Bar, seq: int = 1, final: bool = False, **more: Any) -> None:
    source, state = ("rest", "final") if final else ("trades", "provisional")
    hot.take(seq, CandlesTold(more.pop("market", "KRW-BTC"), at(first), at(end), bars, source, state, **more))


def put(store: CandleStore, market: str, told: list[Bar], flags: int = REST, **more: Any) -> tuple[Quarantined, ...]:
    """Put minutes into a store that are known by themselves."""
    return store.put(market, more.pop("step", MINUTE), arrays_of(told, flags), more.pop("whole", ()), **more)


def dump(database: SqliteDatabase) -> dict[str, list[Any]]:
    """Every row of every table, without the count of batches: the one thing that may differ."""
    tables = (*TABLES, *SECOND_TABLES)
    rows = {table._meta.table_name: sorted(table.select().tuples().execute(database), key=repr) for table in tables}
    rows["projection"] = [row[:2] for row in rows["projection"]]
    return rows


def killed_after(count: int, work: Callable[[Callable[[], object]], None]) -> None:
    """Do the work in a child process, and kill it with signal 9 once it has reported `count` times."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        os.close(told)  # so that the child ends by itself if this process is gone
        try:
            work(lambda: os.write(tell, b"."))
        finally:
            os._exit(1)
    os.close(tell)
    try:
        for _ in range(count):
            assert os.read(told, 1), "the child ended too early"
    finally:
        os.close(told)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
