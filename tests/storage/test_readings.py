from decimal import Decimal, localcontext

import pytest
from peewee import SqliteDatabase

from domain.config import Settings, SizeSettings
from domain.errors import StorageError
from domain.messages import IncidentRaised, RiskTripped, SettingsChanged, StreamChanged, TradingStateChanged
from domain.orders import Side
from storage.projection import Projection
from storage.readings import Counts, RiskEvent, Status, StrategyState
from tests.storage.conftest import (
    NEW_YEAR,
    a_fill,
    a_position,
    a_round_trip,
    an_order,
    decisions_at,
    equity_at,
)


def test_events_come_back_as_they_went_in(projection: Projection) -> None:
    projection.apply(
        [
            (1, a_fill(price=Decimal("0.00000000000000000001"))),
            (2, an_order(price=None, funds=Decimal(30_000))),
            (3, a_position(levels=None)),
            (4, a_round_trip(pnl="-0.00000000000000000001")),
            (5, equity_at(NEW_YEAR, "1234567890123456789.00000000000000000001")),
            (6, decisions_at(NEW_YEAR, "KRW-BTC")),
        ]
    )
    readings = projection.readings

    assert readings.recent_fills() == (a_fill(price=Decimal("0.00000000000000000001")),)
    assert isinstance(readings.recent_fills()[0].fill.side, Side)
    assert readings.orders() == (an_order(price=None, funds=Decimal(30_000)),)
    assert readings.positions() == (a_position(levels=None),)
    assert readings.round_trips() == (a_round_trip(pnl="-0.00000000000000000001"),)
    assert readings.equity_points() == (equity_at(NEW_YEAR, "1234567890123456789.00000000000000000001"),)
    assert readings.decisions_of("KRW-BTC") == decisions_at(NEW_YEAR, "KRW-BTC").decisions


def test_fills_are_newest_first_and_limited_and_of_one_market_if_asked(projection: Projection) -> None:
    markets = ("KRW-BTC", "KRW-ETH", "KRW-BTC", "KRW-ETH")
    fills = [a_fill(f"t{n}", at=NEW_YEAR + n, market=market) for n, market in enumerate(markets)]
    projection.apply(list(enumerate(fills, start=1)))

    assert projection.readings.recent_fills(limit=3) == (fills[3], fills[2], fills[1])
    assert projection.readings.recent_fills(market="KRW-BTC") == (fills[2], fills[0])


def test_the_fills_of_one_intent_are_oldest_first(projection: Projection) -> None:
    fills = [a_fill(f"t{n}", at=NEW_YEAR + n, intent_id=f"n{n % 2}") for n in range(4)]
    projection.apply(list(enumerate(fills, start=1)))

    assert projection.readings.fills_of("n1") == (fills[1], fills[3])


def test_orders_and_round_trips_of_one_market(projection: Projection) -> None:
    orders = [an_order(f"n{n}", created_at=NEW_YEAR + n, market=f"KRW-{n % 2}") for n in range(4)]
    trips = [a_round_trip(f"KRW-{n % 2}", closed_at=NEW_YEAR + n) for n in range(4)]
    projection.apply(list(enumerate([*orders, *trips], start=1)))

    assert projection.readings.orders(market="KRW-1") == (orders[3], orders[1])
    assert projection.readings.orders(limit=1) == (orders[3],)
    assert projection.readings.round_trips(market="KRW-0") == (trips[2], trips[0])
    assert projection.readings.round_trips(limit=1) == (trips[3],)


def test_a_sold_position_is_no_position(projection: Projection) -> None:
    projection.apply([(1, a_position("KRW-B")), (2, a_position("KRW-A")), (3, a_position("KRW-B", "0.000"))])

    assert projection.readings.positions() == (a_position("KRW-A"),)


def test_decisions_of_a_time_are_sorted_by_market(projection: Projection) -> None:
    projection.apply([(1, decisions_at(NEW_YEAR, "KRW-B", "KRW-A")), (2, decisions_at(NEW_YEAR + 1, "KRW-A"))])

    assert [decision.market for decision in projection.readings.decisions_at(NEW_YEAR)] == ["KRW-A", "KRW-B"]
    assert [decision.at for decision in projection.readings.decisions_of("KRW-A", limit=1)] == [NEW_YEAR + 1]


@pytest.mark.parametrize(("limit", "kept"), [(100, 100), (50, 50), (40, 34), (1, 1)])
def test_a_long_equity_curve_is_thinned_and_keeps_its_end(projection: Projection, limit: int, kept: int) -> None:
    projection.apply([(n, equity_at(NEW_YEAR + n)) for n in range(1, 101)])
    times = [point.at - NEW_YEAR for point in projection.readings.equity_points(limit=limit)]

    assert len(times) == kept
    assert times == list(range(100, 0, -(100 // kept if kept != 34 else 3)))[::-1]


def test_equity_since_a_time_is_oldest_first(projection: Projection) -> None:
    projection.apply([(n, equity_at(NEW_YEAR + n)) for n in range(1, 10)])

    assert [point.at - NEW_YEAR for point in projection.readings.equity_points(since=NEW_YEAR + 7)] == [7, 8, 9]
    assert [point.at - NEW_YEAR for point in projection.equity_curve()] == list(range(1, 10))


def test_the_operators_log_is_newest_first(projection: Projection) -> None:
    projection.apply(
        [
            (1, RiskTripped(NEW_YEAR, "DAY_LOSS", "account", "-3 %", released=True)),
            (2, IncidentRaised(NEW_YEAR + 1, "crash", "gateway", "KeyError")),
            (3, TradingStateChanged("HALTED", "day loss", "risk", NEW_YEAR + 2)),
            (4, StreamChanged("private", True, "connected", NEW_YEAR + 3)),
        ]
    )
    readings = projection.readings

    assert readings.risk_events() == (
        RiskEvent(4, NEW_YEAR + 3, "stream", "UP", "private", "connected", True),
        RiskEvent(3, NEW_YEAR + 2, "trading", "HALTED", "risk", "day loss", False),
        RiskEvent(2, NEW_YEAR + 1, "incident", "crash", "gateway", "KeyError", False),
        RiskEvent(1, NEW_YEAR, "risk", "DAY_LOSS", "account", "-3 %", True),
    )
    assert [event.sequence for event in readings.risk_events(limit=1)] == [4]
    assert [event.sequence for event in readings.risk_events(since=NEW_YEAR + 2)] == [4, 3]
    assert readings.status() == (
        Status("stream:private", "up", "connected", NEW_YEAR + 3),
        Status("trading", "HALTED", "day loss (by risk)", NEW_YEAR + 2),
    )


def test_the_config_history_tells_what_changed_and_skips_starts_that_changed_nothing(projection: Projection) -> None:
    changed = Settings(sizes=SizeSettings(risk=Decimal("0.01")))
    told = [(1, Settings()), (2, Settings()), (3, changed), (4, changed)]
    projection.apply([(sequence, SettingsChanged(settings, "me", f"no. {sequence}")) for sequence, settings in told])
    history = projection.readings.config_history()

    assert [entry.sequence for entry in history] == [3, 1]
    assert history[0].changes == (("sizes.risk", "0.005", "0.01"),)
    assert history[0].settings == changed
    assert ("sizes.risk", "", "0.005") in history[1].changes
    assert projection.readings.config_history(limit=1) == history[:1]


def test_a_strategy_knows_its_parameters_its_latest_order_and_its_results(projection: Projection) -> None:
    projection.apply(
        [
            (1, SettingsChanged(Settings(), "me", "start")),
            (2, decisions_at(NEW_YEAR + 5, "KRW-A", code="ORDER")),
            (3, decisions_at(NEW_YEAR + 9, "KRW-A")),
            (4, a_round_trip(pnl="10.5")),
            (5, a_round_trip("KRW-ETH", pnl="-20")),
            (6, a_round_trip("KRW-XRP", pnl="99", strategy="B")),
        ]
    )
    parameters = (("window", "24"), ("dip_atr", "2.0"), ("max_synthetic", "4"))

    assert projection.readings.strategies() == (StrategyState("A", True, parameters, NEW_YEAR + 5, 2, Decimal("-9.5")),)


def test_counts_are_of_rows(projection: Projection) -> None:
    projection.apply(
        [
            (1, a_fill()),
            (2, an_order()),
            (3, a_position()),
            (4, a_position("KRW-ETH", "0")),
            (5, a_round_trip()),
            (6, equity_at(NEW_YEAR)),
            (7, decisions_at(NEW_YEAR, "KRW-A", "KRW-B", code="ORDER")),
            (8, decisions_at(NEW_YEAR + 1, "KRW-A")),
            (9, IncidentRaised(NEW_YEAR, "crash", "gateway", "KeyError")),
        ]
    )

    assert projection.readings.counts() == Counts(
        fills=1, orders=1, positions=1, round_trips=1, decisions=3, entries=2, risk_events=1, equity_points=1
    )


def test_totals_are_exact_whatever_the_precision_of_the_thread(projection: Projection) -> None:
    projection.apply(
        [
            (1, a_fill("t1", funds=Decimal(10**20), fee=Decimal("0.00000000000000000001"), at=NEW_YEAR)),
            (2, a_fill("t2", funds=Decimal("0.00000000000000000001"), fee=Decimal(5), at=NEW_YEAR + 9)),
            (3, a_fill("t3", funds=Decimal(7), fee=Decimal(5), side=Side.SELL, at=NEW_YEAR + 9)),
            (4, a_fill("t4", funds=Decimal(7), fee=Decimal(5), at=NEW_YEAR + 10)),
            (5, a_round_trip("KRW-A", "5", closed_at=NEW_YEAR)),
            (6, a_round_trip("KRW-B", "-7", closed_at=NEW_YEAR + 9)),
            (7, a_round_trip("KRW-C", "-7", closed_at=NEW_YEAR + 10)),
        ]
    )
    with localcontext(prec=9):
        totals = projection.readings.totals(NEW_YEAR, NEW_YEAR + 10)

    assert (totals.round_trips, totals.wins, totals.pnl, totals.fills) == (2, 1, Decimal(-2), 3)
    assert totals.fees == Decimal("10.00000000000000000001")
    assert totals.bought == Decimal("100000000000000000000.00000000000000000001")
    assert totals.sold == Decimal(7)


def test_a_table_that_is_gone_is_a_storage_error(projection: Projection, database: SqliteDatabase) -> None:
    database.execute_sql("drop table trades")

    with pytest.raises(StorageError, match=r"no such table: trades; .*rebuilt from the journal"):
        projection.readings.recent_fills()
    with pytest.raises(StorageError, match="no such table"):
        projection.readings.counts()
