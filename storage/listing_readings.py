"""Reads what the exchange said of its markets: announcements, newest first."""

from typing import Any

import msgspec
from peewee import SqliteDatabase

from domain.messages import AnnouncementSeen
from storage.database import explained
from storage.listing_models import AnnouncementRow


class ListingReadings:
    """The reading side of the listing tables; every thread may use it. All methods raise StorageError if they cannot.

    Newest first, `limit` rows at the most.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def announcements(self, limit: int = 100) -> tuple[AnnouncementSeen, ...]:
        """The latest announcements as they were told, updates included."""
        rows = self._rows(AnnouncementRow.select().order_by(AnnouncementRow.sequence.desc()), limit)
        fields = msgspec.structs.fields(AnnouncementSeen)
        return tuple(AnnouncementSeen(*(getattr(row, field.name) for field in fields)) for row in rows)

    def _rows(self, query: Any, limit: int) -> list[Any]:
        with explained(self._database):
            return list(query.limit(limit).execute(self._database))
