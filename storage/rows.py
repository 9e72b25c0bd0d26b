"""What each event of the core becomes in the SQL projection: pure, one function an event."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec
from peewee import Model

from domain.listings import NORMAL
from domain.message import Message
from domain.messages import (
    AnnouncementSeen,
    CandlesTold,
    DataBlocked,
    DecisionsMade,
    EquityMeasured,
    FillBooked,
    IncidentRaised,
    LedgerCorrected,
    ListingChanged,
    OrderChanged,
    PositionChanged,
    PositionClosed,
    QualityMeasured,
    ReconcileFinished,
    RiskTripped,
    SettingsChanged,
    StreamChanged,
    TradingStateChanged,
    UniverseJudged,
)
from domain.universe import MarketVerdict
from storage.listing_models import AnnouncementRow, ListingEventRow
from storage.market_models import MarketListRow, MarketVerdictRow
from storage.models import (
    AccountRow,
    ConfigRow,
    DecisionRow,
    OrderRow,
    PositionRow,
    RiskEventRow,
    RoundTripRow,
    StatusRow,
    TradeRow,
)
from storage.quality_models import BlockRow, QualityCountRow

Row: TypeAlias = tuple[type[Model], dict[str, Any]]
"""A table and the columns of one row in it; the column `sequence` is added by whoever writes it."""


def rows_of(message: Message) -> tuple[Row, ...]:
    """The rows of one event; none for a message that is not in `RECORDED`, and for candles (`storage/hot.py`)."""
    rows = _ROWS.get(type(message))
    return rows(message) if rows else ()


def _fill(message: FillBooked) -> tuple[Row, ...]:
    told = {"intent_id": message.intent_id, "reason": message.reason, "strategy": message.strategy}
    return ((TradeRow, msgspec.structs.asdict(message.fill) | told),)


def _order(message: OrderChanged) -> tuple[Row, ...]:
    return ((OrderRow, msgspec.structs.asdict(message)),)


def _position(message: PositionChanged) -> tuple[Row, ...]:
    return ((PositionRow, msgspec.structs.asdict(message) | {"held": message.volume > 0}),)


def _round_trip(message: PositionClosed) -> tuple[Row, ...]:
    return ((RoundTripRow, msgspec.structs.asdict(message)),)


def _equity(message: EquityMeasured) -> tuple[Row, ...]:
    return ((AccountRow, msgspec.structs.asdict(message)),)


def _decisions(message: DecisionsMade) -> tuple[Row, ...]:
    return tuple((DecisionRow, msgspec.structs.asdict(decision)) for decision in message.decisions)


def _settings(message: SettingsChanged) -> tuple[Row, ...]:
    return ((ConfigRow, msgspec.structs.asdict(message)),)


def _tripped(message: RiskTripped) -> tuple[Row, ...]:
    return (_event(message.at, "risk", message.kind, message.subject, message.text, released=message.released),)


def _trading(message: TradingStateChanged) -> tuple[Row, ...]:
    return (
        _status("trading", message.state, f"{message.reason} (by {message.by})", message.at),
        _event(message.at, "trading", message.state, message.by, message.reason),
    )


def _reconciled(message: ReconcileFinished) -> tuple[Row, ...]:
    text = "; ".join(message.differences)
    status = _status("reconcile", "green" if message.green else "different", text, message.at)
    if message.green:
        return (status,)
    return status, _event(message.at, "reconcile", "DIFFERENT", "account", text)


def _corrected(message: LedgerCorrected) -> tuple[Row, ...]:
    kind = "OPENING" if message.opening else "CORRECTED"
    text = f"{message.amount:f} at {message.average_price:f}: {message.reason}"
    return (_event(message.at, "ledger", kind, message.currency, text),)


def _stream(message: StreamChanged) -> tuple[Row, ...]:
    value = "up" if message.connected else "down"
    return (
        _status(f"stream:{message.stream}", value, message.reason, message.at),
        _event(message.at, "stream", value.upper(), message.stream, message.reason, released=message.connected),
    )


def _incident(message: IncidentRaised) -> tuple[Row, ...]:
    return (_event(message.at, "incident", message.kind, message.subject, message.text),)


def _listing(message: ListingChanged) -> tuple[Row, ...]:
    notice = message.notice
    text = f"{message.before} -> {message.after}, by {notice.source}: {notice.text}"
    values = {
        "market": message.market,
        "at": message.at,
        "before": message.before,
        "after": message.after,
        "until": message.until,
        "source": notice.source,
        "text": notice.text,
        "url": notice.url,
        "notice_id": notice.id,
        "noticed_at": notice.at,
    }
    over = message.after == NORMAL
    return (
        (ListingEventRow, values),
        _event(message.at, "listing", message.after, message.market, text, released=over),
    )


def _announcement(message: AnnouncementSeen) -> tuple[Row, ...]:
    return ((AnnouncementRow, msgspec.structs.asdict(message)),)


def _blocked(message: DataBlocked) -> tuple[Row, ...]:
    told = ((block, None) for block in message.changed), ((block, message.at) for block in message.ended)
    return tuple((BlockRow, msgspec.structs.asdict(block) | {"until": until}) for part in told for block, until in part)


def _measured(message: QualityMeasured) -> tuple[Row, ...]:
    return tuple((QualityCountRow, msgspec.structs.asdict(row) | {"at": message.at}) for row in message.rows)


def _judged(message: UniverseJudged) -> tuple[Row, ...]:
    kept = [one for one in message.verdicts if message.full or one.market in message.changed]
    at = {"at": message.at}
    return (
        *((MarketVerdictRow, _verdict(one) | at) for one in message.verdicts),
        *((MarketListRow, _verdict(one) | at | {"full": message.full}) for one in kept),
    )


def _verdict(verdict: MarketVerdict) -> dict[str, Any]:
    values = msgspec.structs.asdict(verdict)
    return msgspec.structs.asdict(values.pop("survey")) | values


def _status(name: str, value: str, text: str, at: int) -> Row:
    return StatusRow, {"name": name, "value": value, "text": text, "at": at}


def _event(at: int, source: str, kind: str, subject: str, text: str, *, released: bool = False) -> Row:  # noqa: PLR0913 (the columns)
    values = {"at": at, "source": source, "kind": kind, "subject": subject, "text": text, "released": released}
    return RiskEventRow, values


_ROWS: Mapping[type[Message], Callable[[Any], tuple[Row, ...]]] = {
    FillBooked: _fill,
    OrderChanged: _order,
    PositionChanged: _position,
    PositionClosed: _round_trip,
    EquityMeasured: _equity,
    DecisionsMade: _decisions,
    SettingsChanged: _settings,
    RiskTripped: _tripped,
    TradingStateChanged: _trading,
    ReconcileFinished: _reconciled,
    LedgerCorrected: _corrected,
    StreamChanged: _stream,
    IncidentRaised: _incident,
    ListingChanged: _listing,
    AnnouncementSeen: _announcement,
    DataBlocked: _blocked,
    QualityMeasured: _measured,
    UniverseJudged: _judged,
}

RECORDED: frozenset[type[Message]] = frozenset(_ROWS) | {CandlesTold}
"""The events that become rows, here or in the hot tail of candles: all a recorder needs to hear."""
