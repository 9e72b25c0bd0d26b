"""Reads what the exchange said of its markets: transitions and announcements, newest first."""

from typing import Any

import msgspec
from peewee import SqliteDatabase

from domain.listings import Notice
from domain.messages import AnnouncementSeen, ListingChanged
from storage.database import explained
from storage.listing_models import AnnouncementRow, ListingEventRow


class ListingReadings:
    """The reading side of the listing tables; every thread may use it. All methods raise StorageError if they cannot.

    Newest first, `limit` rows at the most.
    """

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def changes(self, limit: int = 100, market: str | None = None) -> tuple[ListingChanged, ...]:
        """The latest transitions, of one market or of all, each with the notice that caused it."""
        query = ListingEventRow.select().order_by(ListingEventRow.at.desc(), ListingEventRow.sequence.desc())
        rows = self._rows(query.where(ListingEventRow.market == market) if market else query, limit)
        return tuple(_changed(row) for row in rows)

    def announcements(self, limit: int = 100) -> tuple[AnnouncementSeen, ...]:
        """The latest announcements as they were told, updates included."""
        rows = self._rows(AnnouncementRow.select().order_by(AnnouncementRow.sequence.desc()), limit)
        fields = msgspec.structs.fields(AnnouncementSeen)
        return tuple(AnnouncementSeen(*(getattr(row, field.name) for field in fields)) for row in rows)

    def _rows(self, query: Any, limit: int) -> list[Any]:
        with explained(self._database):
            return list(query.limit(limit).execute(self._database))


def _changed(row: Any) -> ListingChanged:
    notice = Notice(row.source, row.text, row.noticed_at, row.url, row.notice_id)
    return ListingChanged(row.market, row.before, row.after, row.until, notice, row.at)
