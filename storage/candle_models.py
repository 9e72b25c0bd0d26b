"""Tables of the hot tail: what is known of recent minutes that no sealed file holds yet. Rows never leave storage."""

from peewee import BooleanField, CompositeKey, IntegerField, Model, TextField

from storage.fields import ExactField, TimeField


class HotMinuteRow(Model):
    """One minute of which we know all: its candle, or NULL in all columns of it where nothing was traded.

    `final` tells whether the exchange was asked. `sequence` is the journal record: a row is replaced by a final one,
    or by a younger one of the same state.
    """

    market = TextField()
    start = TimeField()
    open = ExactField(null=True)
    high = ExactField(null=True)
    low = ExactField(null=True)
    close = ExactField(null=True)
    volume = ExactField(null=True)
    value = ExactField(null=True)
    source = IntegerField()
    final = BooleanField()
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "hot_minutes"
        primary_key = CompositeKey("market", "start")
        without_rowid = True


class HotSeenRow(Model):
    """The first version of a minute's candle that the exchange tells otherwise (quant.md MTF-11)."""

    market = TextField()
    start = TimeField()
    open = ExactField()
    high = ExactField()
    low = ExactField()
    close = ExactField()
    volume = ExactField()
    value = ExactField()
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "hot_as_seen"
        primary_key = CompositeKey("market", "start")
        without_rowid = True
