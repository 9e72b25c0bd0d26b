"""Tables of what the exchange says of its markets: its announcements."""

from peewee import IntegerField, Model, TextField

from storage.fields import TimeField


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


LISTING_TABLES: tuple[type[Model], ...] = (AnnouncementRow,)
