"""What was judged of the markets, read back: as it stands, through time, and the whole list of a day."""

from decimal import Decimal as D
from pathlib import Path

import pytest
from peewee import SqliteDatabase

from domain.errors import StorageError
from domain.market import DAY, HOUR
from storage.database import MIGRATIONS, open_database
from storage.market_readings import KeptVerdict, MarketReadings
from storage.projection import Projection
from tests.storage.conftest import NEW_YEAR, a_verdict, judged_at

BTC, XRP, OLD = "KRW-BTC", "KRW-XRP", "KRW-OLD"


@pytest.fixture
def readings(database: SqliteDatabase) -> MarketReadings:
    return MarketReadings(database)


def test_a_verdict_comes_back_with_every_number_and_what_is_not_known_stays_so(
    projection: Projection, readings: MarketReadings
) -> None:
    known = a_verdict(BTC, "WARNING", "TICK", spread1=D("0.00100051"), spread2=D("0.0021"))
    unknown = a_verdict(XRP, "UNKNOWN_AGE", price=None, value_24h=None, days=None, mean_value=None, books=0)
    projection.apply([(1, judged_at(NEW_YEAR, known, unknown))])

    assert readings.verdicts() == (KeptVerdict(NEW_YEAR, known), KeptVerdict(NEW_YEAR, unknown))


def test_the_current_verdict_follows_every_judgement_and_the_members_with_it(
    projection: Projection, readings: MarketReadings
) -> None:
    projection.apply([(1, judged_at(NEW_YEAR, a_verdict(BTC), a_verdict(XRP)))])
    assert readings.members() == (BTC, XRP)
    projection.apply([(2, judged_at(NEW_YEAR + HOUR, a_verdict(BTC), a_verdict(XRP, "VALUE")))])
    assert readings.members() == (BTC,)
    assert [one.at for one in readings.verdicts()] == [NEW_YEAR + HOUR] * 2


def test_between_whole_lists_only_what_changed_is_kept(projection: Projection, readings: MarketReadings) -> None:
    barred = a_verdict(BTC, "CAUTION")
    projection.apply(
        [
            (1, judged_at(NEW_YEAR, a_verdict(BTC), a_verdict(XRP), full=True, changed=(BTC, XRP))),
            (2, judged_at(NEW_YEAR + HOUR, a_verdict(BTC), a_verdict(XRP))),
            (3, judged_at(NEW_YEAR + 2 * HOUR, barred, a_verdict(XRP), changed=(BTC,))),
        ]
    )
    assert readings.verdict_history(BTC) == (
        KeptVerdict(NEW_YEAR + 2 * HOUR, barred),
        KeptVerdict(NEW_YEAR, a_verdict(BTC)),
    )
    assert [one.at for one in readings.verdict_history(XRP)] == [NEW_YEAR]
    assert [one.verdict for one in readings.verdict_history(BTC, limit=1)] == [barred]


def test_the_list_of_a_day_is_its_first_whole_one(projection: Projection, readings: MarketReadings) -> None:
    projection.apply(
        [
            (1, judged_at(NEW_YEAR - HOUR, a_verdict(OLD), full=True)),
            (2, judged_at(NEW_YEAR + HOUR, a_verdict(OLD), changed=(OLD,))),
            (3, judged_at(NEW_YEAR + 2 * HOUR, a_verdict(BTC), a_verdict(XRP, "VALUE"), full=True)),
            (4, judged_at(NEW_YEAR + 3 * HOUR, a_verdict(BTC, "AGE"), full=True)),
        ]
    )
    found = readings.list_of(NEW_YEAR + 5 * HOUR)
    assert [(one.verdict.market, one.verdict.code) for one in found] == [(BTC, "MEMBER"), (XRP, "VALUE")]
    assert readings.list_of(NEW_YEAR + DAY) == ()


def test_what_held_at_a_time_has_markets_that_are_gone_since_and_not_those_gone_before(
    projection: Projection, readings: MarketReadings
) -> None:
    gone = a_verdict(OLD, "NOT_LISTED")
    projection.apply(
        [
            (1, judged_at(NEW_YEAR, a_verdict(BTC), a_verdict(OLD), full=True)),
            (2, judged_at(NEW_YEAR + HOUR, a_verdict(BTC, "TICK"), changed=(BTC,))),
            (3, judged_at(NEW_YEAR + HOUR, a_verdict(BTC), changed=(BTC,))),  # twice at one time: the later word
            (4, judged_at(NEW_YEAR + 2 * HOUR, a_verdict(BTC), gone, changed=(OLD,))),
        ]
    )
    assert readings.verdicts_at(NEW_YEAR - 1) == ()
    assert [one.verdict for one in readings.verdicts_at(NEW_YEAR + HOUR)] == [a_verdict(BTC), a_verdict(OLD)]
    assert [one.verdict for one in readings.verdicts_at(NEW_YEAR + DAY)] == [a_verdict(BTC)]
    assert [one.verdict.code for one in readings.verdicts()] == ["MEMBER", "NOT_LISTED"]


def test_a_file_of_the_first_version_gets_the_tables(tmp_path: Path) -> None:
    open_database(tmp_path / "old.sqlite3", migrations=MIGRATIONS[:1]).close()
    database = open_database(tmp_path / "old.sqlite3")
    Projection(database).apply([(1, judged_at(NEW_YEAR, a_verdict()))])
    assert MarketReadings(database).members() == (BTC,)
    database.close()


def test_a_file_without_the_tables_says_what_to_do(database: SqliteDatabase, readings: MarketReadings) -> None:
    database.execute_sql("drop table market_list")
    with pytest.raises(StorageError, match="no such table"):
        readings.verdict_history(BTC)
