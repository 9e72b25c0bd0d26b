"""Tables of what the exchange says of its markets: transitions with their notices, and its announcements."""

from peewee import CompositeKey, IntegerField, Model, TextField

from storage.fields import TimeField


class ListingEventRow(Model):
    """One change of a market's state or announced end, with the notice that caused it; `until` is null for no end."""

    sequence = IntegerField()
    market = TextField(index=True)
    at = TimeField(index=True)
    before = TextField()
    after = TextField()
    until = TimeField(null=True)
    source = TextField()
    text = TextField()
    url = TextField()
    notice_id = TextField()
    noticed_at = TimeField()

    class Meta:
        """Peewee's settings."""

        table_name = "listing_events"
        primary_key = CompositeKey("sequence", "market")


class AnnouncementRow(Model):
    """One announcement as it was told; an update of it is a row of its own. `listed_at` is 0 when not told."""

    sequence = IntegerField(primary_key=True)
    id = TextField(index=True)
    event = TextField()
    title = TextField()
    category = TextField()
    url = TextField()
    listed_at = TimeField()
    body = TextField()
    at = TimeField(index=True)

    class Meta:
        """Peewee's settings."""

        table_name = "announcements"


LISTING_TABLES: tuple[type[Model], ...] = (ListingEventRow, AnnouncementRow)
