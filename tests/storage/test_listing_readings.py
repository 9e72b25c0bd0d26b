"""What is read back of the exchange's word on its markets."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import SqliteDatabase

from domain.listings import Notice
from domain.messages import AnnouncementSeen, ListingChanged
from storage.database import MIGRATIONS, open_database
from storage.listing_readings import ListingReadings
from storage.projection import Projection
from tests.storage.conftest import NEW_YEAR, dump

FIRST = ListingChanged("KRW-A", "NORMAL", "WARNING", None, Notice("flags", "warned of", NEW_YEAR), NEW_YEAR)
END = Notice("notice", "거래지원 종료 안내", NEW_YEAR + 1, "https://upbit.com/1", "4711")
SECOND = ListingChanged("KRW-A", "WARNING", "TERMINATING", NEW_YEAR + 99, END, NEW_YEAR + 2)
OTHER = ListingChanged("KRW-B", "CAUTION", "NORMAL", None, Notice("flags", "no flag", NEW_YEAR + 3), NEW_YEAR + 3)
SEEN = AnnouncementSeen(
    "CREATED", "4711", "거래지원 종료 안내", "trade", "https://upbit.com/1", NEW_YEAR, "why", NEW_YEAR + 1
)
UPDATED = AnnouncementSeen("UPDATED", "4711", "거래지원 종료 안내 (수정)", "trade", "", 0, "", NEW_YEAR + 9)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "baeu.sqlite3"


@pytest.fixture
def database(file: Path) -> Iterator[SqliteDatabase]:
    opened = open_database(file)
    Projection(opened).apply(list(enumerate((FIRST, SEEN, SECOND, OTHER, UPDATED), start=1)))
    yield opened
    opened.close()


def test_transitions_come_back_with_their_notices_newest_first(database: SqliteDatabase) -> None:
    readings = ListingReadings(database)
    assert readings.changes() == (OTHER, SECOND, FIRST)
    assert readings.changes(market="KRW-A") == (SECOND, FIRST)
    assert readings.changes(limit=1) == (OTHER,)


def test_every_announcement_is_kept_as_it_was_told_updates_too(database: SqliteDatabase) -> None:
    assert ListingReadings(database).announcements() == (UPDATED, SEEN)
    assert ListingReadings(database).announcements(limit=1) == (UPDATED,)


def test_a_transition_is_a_line_of_the_operators_log_and_only_the_way_back_is_a_release(
    database: SqliteDatabase,
) -> None:
    events = Projection(database).readings.risk_events()
    assert [(one.source, one.kind, one.subject, one.released) for one in events] == [
        ("listing", "NORMAL", "KRW-B", True),
        ("listing", "TERMINATING", "KRW-A", False),
        ("listing", "WARNING", "KRW-A", False),
    ]
    assert "거래지원 종료 안내" in events[1].text


def test_told_twice_they_are_there_once(database: SqliteDatabase) -> None:
    before = dump(database)
    Projection(database).apply([(2, SEEN), (3, SECOND)])
    assert dump(database) == before


def test_a_file_of_the_first_version_gets_the_tables(file: Path) -> None:
    open_database(file, migrations=MIGRATIONS[:1]).close()
    database = open_database(file)
    assert ListingReadings(database).changes() == ()
    database.close()
