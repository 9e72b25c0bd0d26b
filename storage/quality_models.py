"""Tables of what was counted of the data's quality, and of what was blocked because of it."""

from peewee import CompositeKey, IntegerField, Model, TextField

from storage.fields import TimeField


class QualityCountRow(Model):
    """What was counted of one market ("" for all of a stream) and one source up to `at`, since the row before."""

    market = TextField()
    source = TextField()
    at = TimeField(index=True)
    checked = IntegerField()
    missing = IntegerField()
    broken = IntegerField()
    spike = IntegerField()
    stale = IntegerField()
    revised = IntegerField()
    late = IntegerField()
    doubled = IntegerField()
    disordered = IntegerField()
    lost = IntegerField()
    given_up = IntegerField()
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "data_quality"
        primary_key = CompositeKey("market", "source", "at")


class BlockRow(Model):
    """One block of entries, of one market or of all (""); `until` is NULL while it lasts."""

    market = TextField()
    code = TextField(index=True)
    since = TimeField(index=True)
    until = TimeField(null=True, index=True)
    text = TextField()
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "data_blocks"
        primary_key = CompositeKey("market", "code", "since")


QUALITY_TABLES: tuple[type[Model], ...] = (QualityCountRow, BlockRow)
"""The tables of this file."""
