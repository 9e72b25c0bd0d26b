"""Tables of the SQL projection: what people, reports and the dashboard read. Rows never leave this package.

`sequence` is the journal record a row comes from: a row is only ever replaced by a younger record. The tables belong to
no database of their own; every query names the one it runs on, so that several can be open in one process.
"""

from typing import Any

from peewee import BooleanField, Check, CompositeKey, IntegerField, Model, TextField

from domain.config import Settings
from domain.decisions import Gate, Levels
from storage.fields import ExactField, JsonField, TimeField


class ProjectionRow(Model):
    """The one row that says how far the journal was told: youngest sequence, and how many batches it took."""

    id = IntegerField(primary_key=True, constraints=[Check("id = 1")])
    sequence = IntegerField()
    batch = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "projection"


class AccountRow(Model):
    """The account valued at one time (KRW)."""

    at = TimeField(primary_key=True)
    cash = ExactField()
    equity = ExactField()
    exposure = ExactField()
    day_start = ExactField()
    realised = ExactField()
    fees = ExactField()
    flows = ExactField()
    marked = BooleanField()
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "accounts_snapshot"


class PositionRow(Model):
    """The latest word on the position of one market; `held` is false once its volume is zero."""

    market = TextField(primary_key=True)
    volume = ExactField()
    entry = ExactField()
    cost = ExactField()
    state = TextField()
    strategy = TextField()
    levels = JsonField(Levels, null=True)
    opened_at = TimeField()
    realised = ExactField()
    reason = TextField()
    held = BooleanField(index=True)
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "positions"


class OrderRow(Model):
    """The latest word on one order of ours."""

    intent_id = TextField(primary_key=True)
    identifier = TextField(index=True)
    order_id = TextField()
    market = TextField(index=True)
    side = TextField(constraints=[Check("side in ('buy', 'sell')")])
    type = TextField()
    stage = TextField(index=True)
    price = ExactField(null=True)
    volume = ExactField(null=True)
    funds = ExactField(null=True)
    executed_volume = ExactField()
    paid_fee = ExactField()
    reason = TextField()
    strategy = TextField()
    created_at = TimeField(index=True)
    changed_at = TimeField()
    detail = TextField()
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "orders"


class TradeRow(Model):
    """One execution, once for each trade id."""

    trade_id = TextField(primary_key=True)
    order_id = TextField(index=True)
    identifier = TextField()
    intent_id = TextField(index=True)
    market = TextField()
    side = TextField(constraints=[Check("side in ('buy', 'sell')")])
    price = ExactField()
    volume = ExactField()
    funds = ExactField()
    fee = ExactField()
    at = TimeField(index=True)
    reason = TextField()
    strategy = TextField()
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "trades"
        indexes = ((("market", "at"), False),)


class RoundTripRow(Model):
    """One closed position; `pnl` is proceeds minus cost, fees included (KRW)."""

    market = TextField()
    strategy = TextField(index=True)
    opened_at = TimeField()
    closed_at = TimeField(index=True)
    entry = ExactField()
    volume = ExactField()
    cost = ExactField()
    proceeds = ExactField()
    pnl = ExactField()
    reason = TextField()
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "round_trips"
        primary_key = CompositeKey("market", "opened_at", "closed_at")


class DecisionRow(Model):
    """What was decided for one market at one time, with every reason."""

    market = TextField()
    at = TimeField(index=True)
    code = TextField()
    funds = ExactField()
    reference = ExactField(null=True)
    gates = JsonField(tuple[Gate, ...])
    strategy = TextField()
    atr = ExactField(null=True)
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "decisions"
        indexes = ((("strategy", "at"), False),)
        primary_key = CompositeKey("market", "at")


class RiskEventRow(Model):
    """Something an operator should know of: a limit, a halt, an incident, a difference, a stream gone."""

    sequence = IntegerField()
    at = TimeField(index=True)
    source = TextField()
    kind = TextField(index=True)
    subject = TextField()
    text = TextField()
    released = BooleanField()

    class Meta:
        """Peewee's settings."""

        table_name = "risk_events"
        primary_key = CompositeKey("sequence", "source", "kind", "subject", "text")


class ConfigRow(Model):
    """The settings in force from one journal record on."""

    sequence = IntegerField(primary_key=True)
    by = TextField()
    reason = TextField()
    settings = JsonField(Settings)

    class Meta:
        """Peewee's settings."""

        table_name = "config_history"


class StrategyRow(Model):
    """One strategy that was ever named: whether the latest settings let it enter, and its parameters."""

    strategy = TextField(primary_key=True)
    enabled = BooleanField()
    parameters = JsonField(dict[str, Any])
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "strategy_state"


class StatusRow(Model):
    """The latest word on one state of the whole system: `trading`, `reconcile`, `stream:public`, `stream:private`."""

    name = TextField(primary_key=True)
    value = TextField()
    text = TextField()
    at = TimeField()
    sequence = IntegerField()

    class Meta:
        """Peewee's settings."""

        table_name = "status"


class CandleRow(Model):
    """What one sealed file holds of [since, until): how many candles, and of how many intervals nothing is known."""

    market = TextField()
    timeframe = TextField()
    since = TimeField()
    until = TimeField()
    rows = IntegerField()
    gaps = IntegerField()
    checked_at = TimeField()

    class Meta:
        """Peewee's settings."""

        table_name = "candles"
        primary_key = CompositeKey("market", "timeframe", "since")


class VersionRow(Model):
    """One migration that this file went through."""

    version = IntegerField(primary_key=True)

    class Meta:
        """Peewee's settings."""

        table_name = "schema_version"


TABLES: tuple[type[Model], ...] = (
    ProjectionRow,
    AccountRow,
    PositionRow,
    OrderRow,
    TradeRow,
    RoundTripRow,
    DecisionRow,
    RiskEventRow,
    ConfigRow,
    StrategyRow,
    StatusRow,
    CandleRow,
)
"""All tables of schema version 1, apart from the version table itself."""
