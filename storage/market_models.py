"""Tables of the choice among markets: what was judged of each, as it stands and as it was (quant.md UNI-04)."""

from typing import Any

from peewee import BooleanField, CompositeKey, IntegerField, Model, TextField

from domain.decisions import Gate
from storage.fields import ExactField, JsonField, TimeField


class _Verdict(Model):
    """The columns of a verdict: its code, the filters it fails and those waived, and every number measured."""

    code: Any = TextField(index=True)
    rank: Any = IntegerField(null=True)
    failing: Any = JsonField(tuple[Gate, ...])
    waived: Any = JsonField(tuple[Gate, ...])
    price: Any = ExactField(null=True)
    value_24h: Any = ExactField(null=True)
    days: Any = IntegerField(null=True)
    mean_value: Any = ExactField(null=True)
    spread1: Any = ExactField(null=True)
    spread2: Any = ExactField(null=True)
    books: Any = IntegerField()
    tick: Any = ExactField(null=True)
    sequence: Any = IntegerField()


class MarketVerdictRow(_Verdict):
    """The latest verdict on one market; of one that the exchange lists no more, the last."""

    market = TextField(primary_key=True)
    at = TimeField()

    class Meta:
        """Peewee's settings."""

        table_name = "market_verdicts"


class MarketListRow(_Verdict):
    """One verdict that is kept: of a whole list (`full`), or because it is another one than before."""

    market = TextField(index=True)
    at = TimeField(index=True)
    full = BooleanField()

    class Meta:
        """Peewee's settings."""

        table_name = "market_list"
        primary_key = CompositeKey("sequence", "market")


MARKET_TABLES: tuple[type[Model], ...] = (MarketVerdictRow, MarketListRow)
