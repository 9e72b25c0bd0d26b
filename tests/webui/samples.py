"""A read model as a running engine would tell it; each builder takes only what a test is about."""

import math
from decimal import Decimal as D
from typing import Any

import msgspec

from domain.readmodel import (
    DecisionRow,
    EquityPoint,
    Kpis,
    Lamp,
    OrderRow,
    PositionRow,
    ReadModel,
    Session,
    TapeLine,
    TickerRow,
    TradingState,
)

NOON = 1_764_039_600_000_000  # 2025-11-25 12:00:00 KST
SECOND = 1_000_000
MINUTE = 60 * SECOND


def a_session(**changes: Any) -> Session:
    given = Session("paper", "sandbox", 60.0, NOON - 3_600 * SECOND, ("KRW-BTC", "KRW-ETH", "KRW-SOL"), "0.1.0")
    return msgspec.structs.replace(given, **changes)


def some_kpis(**changes: Any) -> Kpis:
    given = Kpis(
        at=NOON,
        equity=D("10324317.52"),
        cash=D("4187322.11"),
        exposure=D("6136995.41"),
        unrealised=D("-63045.20"),
        realised=D("41238.07"),
        day_start=D("10307020.40"),
        fees=D("9120.44"),
        position_count=2,
        max_positions=2,
        max_exposure=D("0.60"),
        day_loss_limit=D("0.03"),
        marked=True,
    )
    return msgspec.structs.replace(given, **changes)


def a_state(**changes: Any) -> TradingState:
    return msgspec.structs.replace(TradingState("ACTIVE", "", "", NOON), **changes)


def halted() -> TradingState:
    return TradingState("HALTED", "ALL STOP", "operator@dashboard", NOON)


def a_position(market: str = "KRW-BTC", **changes: Any) -> PositionRow:
    given = PositionRow(
        market=market,
        volume=D("0.02153700"),
        entry=D(155_586_000),
        price=D(152_200_000),
        stop=D(151_100_000),
        tp1=D(158_700_000),
        tp2=D(161_810_000),
        state="OPEN",
        strategy="A",
        opened_at=NOON - 40 * MINUTE,
    )
    return msgspec.structs.replace(given, **changes)


def an_order(identifier: str = "baeu-e-17", **changes: Any) -> OrderRow:
    given = OrderRow(
        identifier=identifier,
        market="KRW-XRP",
        side="buy",
        type="limit",
        stage="live",
        price=D(3421),
        volume=D("584.62"),
        executed_volume=D("193.02"),
        reason="ENTRY",
        created_at=NOON - 20 * SECOND,
    )
    return msgspec.structs.replace(given, **changes)


def a_refusal(market: str = "KRW-XRP", **changes: Any) -> DecisionRow:
    gates = (
        ("NO_SIGNAL", "strategies asked: A"),
        ("A.RSI_TOUCH", "lowest RSI 38.2 in 24 bars, needs < 30"),
        ("A.RECLAIM", "close 3418 then 3421, EMA20 3424.1 then 3423.8, needs a close at or below, then one above"),
        ("MAX_POSITIONS", "2 positions and pending buys, allowed are 2"),
    )
    return msgspec.structs.replace(DecisionRow(market, NOON, "NO_SIGNAL", "", D(0), gates), **changes)


def some_decisions() -> tuple[DecisionRow, ...]:
    return (
        DecisionRow("KRW-ADA", NOON, "LATE", "", D(0), (("LATE", "no evaluation of this close had arrived"),)),
        DecisionRow("KRW-BTC", NOON, "HELD", "", D(0), (("HELD", "a position in this market is open"),)),
        DecisionRow("KRW-ETH", NOON, "HELD", "", D(0), (("HELD", "a position in this market is open"),)),
        DecisionRow(
            "KRW-SOL", NOON, "COST", "A", D(0), (("COST", "target 0.214%, needs 0.300%: 2 round trips of 0.150%"),)
        ),
        DecisionRow("KRW-DOGE", NOON, "ORDER", "A", D(1_250_000), ()),
        a_refusal("KRW-XRP"),
    )


def some_tickers() -> tuple[TickerRow, ...]:
    return (
        TickerRow("KRW-BTC", D(152_200_000), 0.0292, NOON),
        TickerRow("KRW-ETH", D(5_223_000), 0.0417, NOON),
        TickerRow("KRW-SOL", D(241_100), -0.0071, NOON),
        TickerRow("KRW-XRP", D(3_421), 0.0637, NOON),
        TickerRow("KRW-ADA", D("812.1"), 0.0, NOON),
        TickerRow("KRW-DOGE", D("231.4"), -0.0123, NOON),
    )


def some_lamps() -> tuple[Lamp, ...]:
    return (
        Lamp("public", "ok", "connected", NOON - 50 * MINUTE),
        Lamp("private", "ok", "connected", NOON - 50 * MINUTE),
        Lamp("reconciler", "ok", "books equal the exchange", NOON - 30 * SECOND),
        Lamp("guard", "ok", "2 positions watched", NOON),
    )


def some_tape() -> tuple[TapeLine, ...]:
    lines = (
        ("trade", "fill.buy", "KRW-XRP 193.02 @ 3421 = 660,321 KRW, ENTRY"),
        ("trade", "fill.sell", "KRW-SOL 12.5 @ 243,900 = 3,048,750 KRW, TP1"),
        ("trade", "position.closed", "KRW-DOGE closed, TRAIL: +18,204 KRW (A)"),
        ("info", "stream.up", "private stream: connected"),
        ("warn", "stream.down", "private stream: no pong for 10 s"),
        ("trade", "fill.buy", "KRW-ETH 0.59 @ 5,204,000 = 3,070,360 KRW, ENTRY"),
        ("error", "incident.crash", "feed: BadPayload in TradesPrinted, restarted"),
        ("trade", "fill.buy", "KRW-BTC 0.021537 @ 155,586,000 = 3,350,855 KRW, ENTRY"),
        ("warn", "state", "trading is ACTIVE"),
        ("info", "stream.up", "public stream: connected"),
    )
    count = len(lines)
    return tuple(
        TapeLine(count - i, NOON - i * 3 * MINUTE, level, code, text) for i, (level, code, text) in enumerate(lines)
    )


def a_curve(points: int = 600, step_s: int = 120, end: int = NOON) -> tuple[EquityPoint, ...]:
    def value(i: int) -> D:
        wave = math.sin(i / 37) * 90_000 + math.sin(i / 7.3) * 21_000 + math.sin(i / 101) * 160_000
        return D(round(10_250_000 + i * 120 + wave))

    return tuple(EquityPoint(end - (points - 1 - i) * step_s * SECOND, value(i)) for i in range(points))


def a_model(**changes: Any) -> ReadModel:
    given = ReadModel(
        seq=100,
        session=a_session(),
        state=a_state(),
        kpis=some_kpis(),
        positions=(
            a_position(),
            a_position(
                "KRW-ETH",
                volume=D("0.59"),
                entry=D(5_204_000),
                price=D(5_223_000),
                stop=D(5_099_000),
                tp1=D(5_310_000),
                tp2=D(5_412_000),
                state="RUNNER1",
            ),
        ),
        orders=(an_order(),),
        decisions=some_decisions(),
        tickers=some_tickers(),
        lamps=some_lamps(),
        tape=some_tape(),
        equity=a_curve(),
    )
    return msgspec.structs.replace(given, **changes)


def a_fresh_model() -> ReadModel:
    """An engine that has just started: nothing valued, nothing traded, nothing decided."""
    return a_model(
        state=a_state(state="REDUCING", reason="starting"),
        kpis=None,
        positions=(),
        orders=(),
        decisions=(),
        tickers=(),
        lamps=(),
        tape=(),
        equity=(),
    )
