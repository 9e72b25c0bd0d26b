"""Minutes on their way from the trades to the store, and what the exchange says of them when asked."""

from typing import ClassVar

from domain.market import Bar
from domain.message import Message, Value


class Revision(Value, frozen=True):
    """A minute the exchange tells otherwise than we saw it; None: there was no such candle (quant.md MTF-11)."""

    start: int
    as_seen: Bar | None
    final: Bar | None


class CandlesTold(Message, frozen=True):
    """Market to recorder, quality and dashboard (topic `candles`): `bars` are all that traded in [since, until).

    They are oldest first. `source` is `trades` (we built them) or `rest` (the exchange told them); `state` is
    `provisional` until the exchange was asked, `final` afterwards. `revisions` are those of the span that the exchange
    told otherwise than before.
    """

    market: str
    since: int
    until: int
    bars: tuple[Bar, ...]
    source: str
    state: str
    revisions: tuple[Revision, ...] = ()


class CandlesWanted(Message, frozen=True):
    """Market to rest: tell the minutes of [since, until) again, because of `reason` (check, late, spike, stream)."""

    market: str
    since: int
    until: int
    reason: str


class CandlesRead(Message, frozen=True):
    """Rest to market: the real minutes of [since, until) as the exchange tells them, oldest first."""

    market: str
    since: int
    until: int
    minutes: tuple[Bar, ...]
    reason: str


class CandlesDoubted(Message, frozen=True):
    """Quality to market: something is odd about the minutes that touch [since, until), ask the exchange again."""

    market: str
    since: int
    until: int
    reason: str


class CandleSeen(Message, frozen=True):
    """Feed to market: the exchange's stream tells this candle of a minute that is over by now, told at `at`.

    A minute may be told again when its candle has changed: the last one counts.
    """

    market: str
    bar: Bar
    at: int


class CandlesUnread(Message, frozen=True):
    """Rest to market: the minutes asked for could not be read; ask again later."""

    market: str
    since: int
    until: int
    reason: str
    error: str


class SealNow(Message, frozen=True):
    """Anyone to archivist: move what is old enough of the hot tail into sealed files now, because of `reason`."""

    reason: str


class BarMoved(Message, frozen=True):
    """Market to whoever shows it: the minute that is still open, now and then."""

    conflate: ClassVar[str] = "market"
    market: str
    bar: Bar
