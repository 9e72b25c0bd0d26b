"""What is read back of the exchange's word on its markets."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import SqliteDatabase

from domain.messages import AnnouncementSeen
from storage.database import MIGRATIONS, open_database
from storage.listing_readings import ListingReadings
from storage.projection import Projection
from tests.storage.conftest import NEW_YEAR, dump

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
    Projection(opened).apply(list(enumerate((SEEN, UPDATED), start=1)))
    yield opened
    opened.close()


def test_every_announcement_is_kept_as_it_was_told_updates_too(database: SqliteDatabase) -> None:
    assert ListingReadings(database).announcements() == (UPDATED, SEEN)
    assert ListingReadings(database).announcements(limit=1) == (UPDATED,)


def test_told_twice_they_are_there_once(database: SqliteDatabase) -> None:
    before = dump(database)
    Projection(database).apply([(1, SEEN), (2, UPDATED)])
    assert dump(database) == before


def test_a_file_of_the_first_version_gets_the_tables(file: Path) -> None:
    open_database(file, migrations=MIGRATIONS[:1]).close()
    database = open_database(file)
    assert ListingReadings(database).announcements() == ()
    database.close()
