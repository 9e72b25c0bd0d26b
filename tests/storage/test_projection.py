import random
import tempfile
from collections.abc import Callable
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import SqliteDatabase

from domain.blocks import Block
from domain.config import Settings
from domain.errors import StorageError
from domain.listings import Notice
from domain.market import MINUTE
from domain.message import Message
from domain.messages import (
    AnnouncementSeen,
    CancelOrder,
    CandlesTold,
    DataBlocked,
    IncidentRaised,
    LedgerCorrected,
    ListingChanged,
    QualityMeasured,
    QualityRow,
    ReconcileFinished,
    RiskTripped,
    SettingsChanged,
    StreamChanged,
    TradingStateChanged,
)
from storage.database import open_database
from storage.models import TradeRow
from storage.projection import Projection
from storage.rows import RECORDED
from tests.storage.conftest import (
    NEW_YEAR,
    a_bar,
    a_fill,
    a_position,
    a_round_trip,
    a_verdict,
    an_order,
    decisions_at,
    dump,
    equity_at,
    judged_at,
    killed_after,
)

SILENT = Block("", "STREAM_SILENT", "public: no data for 12 s", NEW_YEAR)
EVENTS: tuple[Message, ...] = (
    a_fill(),
    an_order(),
    a_position(),
    a_round_trip(),
    equity_at(NEW_YEAR),
    decisions_at(NEW_YEAR, "KRW-BTC"),
    SettingsChanged(Settings(), "me", "why"),
    RiskTripped(NEW_YEAR, "DAY_LOSS", "account", "-3.1 %"),
    TradingStateChanged("HALTED", "day loss", "risk", NEW_YEAR),
    ReconcileFinished(NEW_YEAR, False, ("KRW 1 more than booked",)),
    LedgerCorrected("KRW", Decimal(1), Decimal(0), "deposit", False, NEW_YEAR),
    StreamChanged("public", False, "no message for 10 s", NEW_YEAR),
    IncidentRaised(NEW_YEAR, "crash", "gateway", "KeyError"),
    CandlesTold("KRW-BTC", NEW_YEAR, NEW_YEAR + MINUTE, (a_bar(),), "trades", "provisional"),
    ListingChanged("KRW-BTC", "NORMAL", "WARNING", None, Notice("flags", "why", NEW_YEAR), NEW_YEAR),
    AnnouncementSeen("CREATED", "4711", "title", "trade", "url", 0, "body", NEW_YEAR),
    DataBlocked((SILENT,), NEW_YEAR, (SILENT,)),
    QualityMeasured(NEW_YEAR, (QualityRow("KRW-BTC", "trades", checked=5),)),
    judged_at(NEW_YEAR, a_verdict(), full=True),
)


def test_every_recorded_event_leaves_a_row(tmp_path: Path) -> None:
    assert {type(event) for event in EVENTS} == RECORDED
    for number, event in enumerate(EVENTS):
        database = open_database(tmp_path / f"{number}.sqlite3")
        Projection(database).apply([(5, event)])
        assert sum(len(rows) for name, rows in dump(database).items() if name != "projection"), event
        database.close()


def test_the_last_sequence_counts_events_that_are_no_rows(projection: Projection) -> None:
    assert projection.last_sequence() == 0
    projection.apply([(3, a_fill()), (9, CancelOrder("i1"))])

    assert projection.last_sequence() == 9


def test_a_batch_with_candles_that_cannot_be_is_not_stored_at_all(projection: Projection) -> None:
    bad = CandlesTold("KRW-BTC", NEW_YEAR + 1, NEW_YEAR + MINUTE, (), "trades", "provisional")
    with pytest.raises(StorageError, match="no whole minutes"):
        projection.apply([(1, a_fill()), (2, bad)])

    assert projection.readings.counts().fills == 0
    assert projection.last_sequence() == 0


def test_an_empty_batch_changes_nothing(projection: Projection, database: SqliteDatabase) -> None:
    before = dump(database)
    projection.apply([])

    assert dump(database) == before


def test_a_batch_told_twice_counts_once(projection: Projection, database: SqliteDatabase) -> None:
    batch = list(enumerate(EVENTS, start=1))
    projection.apply(batch)
    before = dump(database)
    projection.apply(batch)

    assert dump(database) == before
    assert projection.readings.counts().risk_events == 7


def test_a_fill_told_again_by_a_later_record_counts_once(projection: Projection) -> None:
    projection.apply([(1, a_fill())])
    projection.apply([(2, a_fill())])

    assert projection.readings.counts().fills == 1


def test_a_late_older_event_never_overwrites_a_newer_state(projection: Projection) -> None:
    newer = (an_order(stage="DONE"), a_position(volume="0"), equity_at(NEW_YEAR, "2"))
    older = (an_order(stage="OPEN"), a_position(volume="1"), equity_at(NEW_YEAR, "1"))
    projection.apply([(10 + number, event) for number, event in enumerate(newer)])
    projection.apply([(1 + number, event) for number, event in enumerate(older)])

    assert projection.readings.orders() == (newer[0],)
    assert projection.readings.positions() == ()
    assert projection.readings.equity_points() == (newer[2],)
    assert projection.last_sequence() == 12


def test_the_order_inside_a_batch_does_not_matter(projection: Projection) -> None:
    projection.apply([(2, an_order(stage="DONE")), (1, an_order(stage="OPEN"))])

    assert [order.stage for order in projection.readings.orders()] == ["DONE"]


def test_a_late_fill_is_still_stored(projection: Projection) -> None:
    projection.apply([(10, a_fill("t10"))])
    projection.apply([(9, a_fill("t9"))])

    assert projection.readings.counts().fills == 2


def test_a_batch_that_cannot_be_stored_leaves_nothing(projection: Projection, database: SqliteDatabase) -> None:
    projection.apply([(1, a_fill())])
    before = dump(database)
    with pytest.raises(StorageError, match="column fee takes a finite Decimal"):
        projection.apply([(2, an_order()), (3, a_fill("t2", fee=0.5))])

    assert dump(database) == before


def test_more_rows_than_one_statement_holds_are_stored(projection: Projection) -> None:
    projection.apply([(number, a_fill(f"t{number}")) for number in range(1, 1_203)])

    assert projection.readings.counts().fills == 1_202


def test_a_strategy_that_is_not_named_any_more_is_disabled(projection: Projection) -> None:
    projection.apply([(1, SettingsChanged(Settings(strategies=("A", "B")), "me", "try B"))])
    projection.apply([(2, SettingsChanged(Settings(), "me", "B loses"))])

    assert [(s.strategy, s.enabled) for s in projection.readings.strategies()] == [("A", True), ("B", False)]


def test_late_settings_do_not_enable_a_strategy_again(projection: Projection) -> None:
    projection.apply([(2, SettingsChanged(Settings(), "me", "B loses"))])
    projection.apply([(1, SettingsChanged(Settings(strategies=("A", "B")), "me", "try B"))])

    assert [(s.strategy, s.enabled) for s in projection.readings.strategies()] == [("A", True), ("B", False)]


def test_a_green_reconciliation_is_a_state_and_no_event(projection: Projection) -> None:
    projection.apply(
        [(1, ReconcileFinished(NEW_YEAR, False, ("a", "b"))), (2, ReconcileFinished(NEW_YEAR + 1, True, ()))]
    )

    assert [(s.name, s.value, s.at) for s in projection.readings.status()] == [("reconcile", "green", NEW_YEAR + 1)]
    assert [event.text for event in projection.readings.risk_events()] == ["a; b"]


small = st.integers(0, 3)
amounts = st.decimals(min_value=0, max_value=10**9, places=20, allow_nan=False, allow_infinity=False)
events = st.one_of(
    st.builds(lambda n, fee: a_fill(f"t{n}", fee=fee, at=NEW_YEAR + n), small, amounts),
    st.builds(lambda n, volume: an_order(f"n{n}", executed_volume=volume), small, amounts),
    st.builds(lambda n, volume: a_position(f"KRW-M{n}", str(volume)), small, amounts),
    st.builds(lambda n, pnl: a_round_trip(f"KRW-M{n}", str(pnl)), small, amounts),
    st.builds(lambda n, equity: equity_at(NEW_YEAR + n, str(equity)), small, amounts),
    st.builds(
        lambda n, code: decisions_at(NEW_YEAR + n, "KRW-A", "KRW-B", code=code), small, st.sampled_from(["ORDER", "X"])
    ),
    st.builds(
        lambda names: SettingsChanged(Settings(strategies=tuple(names)), "me", ""), st.sets(st.sampled_from("ABC"))
    ),
    st.builds(lambda green: ReconcileFinished(NEW_YEAR, green, () if green else ("x",)), st.booleans()),
    st.builds(lambda n: IncidentRaised(NEW_YEAR, f"kind{n}", "x", "y"), small),
)


@settings(max_examples=60)
@given(told=st.lists(events, max_size=30), seed=st.integers(0, 2**32))
def test_any_batches_in_any_order_with_repetitions_end_in_the_same_rows(told: list[Message], seed: int) -> None:
    chance = random.Random(seed)
    records = list(enumerate(told, start=1))
    shuffled = records + chance.sample(records, len(records) // 3)
    chance.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as folder:
        one, many = (open_database(Path(folder) / name) for name in ("one.sqlite3", "many.sqlite3"))
        Projection(one).apply(records)
        while shuffled:
            size = chance.randint(1, 7)
            Projection(many).apply(shuffled[:size])
            del shuffled[:size]
        assert dump(one) == dump(many)
        one.close()
        many.close()


def test_after_kill_9_every_batch_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "killed.sqlite3"

    def write_for_ever(tell: Callable[[], object]) -> None:
        projection = Projection(open_database(path))
        for begin in count(1, 10):
            projection.apply([(sequence, a_fill(f"t{sequence}")) for sequence in range(begin, begin + 10)])
            tell()

    killed_after(25, write_for_ever)
    database = open_database(path)
    last = Projection(database).last_sequence()
    assert last >= 250
    assert last % 10 == 0
    assert TradeRow.select().count(database) == last
    database.close()
