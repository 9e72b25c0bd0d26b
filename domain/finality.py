"""Which minutes of a market the exchange has confirmed, and what it told otherwise than we saw (quant.md MTF-11).

A minute is open while its trades come, provisional once it is closed, final when the exchange was asked, and revised
if it said otherwise; a doubt makes it provisional again. The exchange decides, also over what was final before.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from domain.candles import BadBars, require_sound
from domain.errors import TradingError
from domain.market import BASE_FRAME, HOUR, MINUTE, US_PER_S, Bar, Trade
from domain.messages.candles import Revision
from domain.rules import tick_size
from domain.spans import Span, Spans, joined, within, without

PROVISIONAL: Final = "provisional"
FINAL: Final = "final"

TOLERANCE: Final = Decimal("1e-8")  # relative: volume and value, which the exchange rounds
SETTLE: Final = 5 * US_PER_S  # so long after its end a minute is left to the exchange before it is asked for
KEPT: Final = HOUR  # minutes are kept for so long though all are final: a trade may come late
KEPT_MAX: Final = 6 * HOUR  # a minute that could not be checked for so long is given up
NOTHING: Final = Decimal(0)
LAGS_MAX: Final = 4  # answers that know less than our trades, before the exchange is believed all the same


class NotNext(TradingError, ValueError):
    """Minutes were added that do not follow the newest ones."""


@dataclass(slots=True)
class Finality:
    """The closed minutes of one market from `since` (on the base grid) to `until`; all of them are whole.

    `bars` are the real ones, as far as checked as the exchange tells them. Of `unchecked` the exchange was not asked
    yet, of `doubted`, a part of it, we know that our version may be wrong. `saw` is the volume by minute of all trades
    that came, late ones too, `streamed` that of the stream's candles that differ from ours. `lags` counts answers in a
    row that knew less than all of these, `given_up` the minutes that were never checked, since the start.
    """

    since: int = 0
    until: int = 0
    bars: list[Bar] = field(default_factory=list)
    unchecked: Spans = ()
    doubted: Spans = ()
    saw: dict[int, Decimal] = field(default_factory=dict)
    streamed: dict[int, Decimal] = field(default_factory=dict)
    lags: int = 0
    given_up: int = 0

    @property
    def waiting(self) -> int:
        """How many minutes the exchange has not confirmed yet."""
        return minutes_in(self.unchecked)


class Settled(NamedTuple):
    """What an answer settled: spans that are final now, those of their candles that changed, and what was counted.

    `checked` are the candles that either side has; `lost` those in which the exchange has more than we ever saw.
    """

    spans: Spans
    revisions: tuple[Revision, ...]
    checked: int
    lost: int


def minutes_in(spans: Spans) -> int:
    """How many minutes lie in these spans."""
    return sum(until - since for since, until in spans) // MINUTE


def require_minutes(bars: Iterable[Bar]) -> None:
    """Raise BadBars unless these are possible minutes of trades, on the grid and ascending."""
    before = -1
    for bar in bars:
        require_sound(bar)
        if not bar.real or bar.start % MINUTE or bar.start <= before:
            raise BadBars(f"expected real minutes on the grid, each once and ascending, found {bar}")
        before = bar.start


def add(finality: Finality, until: int, bars: Iterable[Bar], *, final: bool, seen: bool = True) -> None:
    """Take the minutes from the newest one on up to `until`: closed, whole, and `bars` are the real ones.

    `seen` says that they are made of trades that came, otherwise the exchange told them.

    Raises:
        NotNext: for a bar outside of them or not ascending.
    """
    known = finality.until
    for bar in bars:
        if not known <= bar.start < until:
            raise NotNext(f"expected a minute in [{known}, {until}), found one at {bar.start}: add them in order")
        known = bar.start + MINUTE
        finality.bars.append(bar)
        if seen:
            finality.saw[bar.start] = bar.volume
    if not final:
        finality.unchecked = joined((*finality.unchecked, (finality.until, until)))
    finality.until = until


def doubt(finality: Finality, since: int, until: int) -> bool:
    """Ask again for the minutes that touch [since, until), final or not; False when none of them is known here."""
    whole = (since - since % MINUTE, until + -until % MINUTE)
    touched = within((whole,), finality.since, finality.until)
    finality.unchecked = joined((*finality.unchecked, *touched))
    finality.doubted = joined((*finality.doubted, *touched))
    return bool(touched)


def recheck(finality: Finality, since: int = 0) -> None:
    """Have the minutes from `since` on confirmed again, though they may be final."""
    again = within([(finality.since, finality.until)], since - since % MINUTE, finality.until)
    finality.unchecked = joined((*finality.unchecked, *again))


def note_candle(finality: Finality, told: Bar) -> bool:
    """Compare the stream's candle with ours of that minute, which must be known here; gives whether ours may be wrong.

    One with less volume than ours is a state of the minute before its last trades: it says nothing against them.
    """
    ours = next((bar for bar in finality.bars if bar.start == told.start), None)
    if _is_same(ours, told) or _is_less(told.volume, _volume(ours)):
        return False
    finality.streamed[told.start] = told.volume
    return True


def note_late(finality: Finality, trades: Iterable[Trade]) -> bool:
    """Doubt the minutes these trades came too late for; False when one of them lies before all that is known here."""
    known = True
    for trade in trades:
        start = trade.at - trade.at % MINUTE
        if doubt(finality, start, start + MINUTE):
            finality.saw[start] = finality.saw.get(start, NOTHING) + trade.volume
        known = known and start >= finality.since
    return known


def to_ask(finality: Finality, now: int) -> Span | None:
    """The stretch to ask the exchange for now: all that is unchecked and settled by its clock, and all doubts."""
    settled = now - SETTLE
    spans = joined((*within(finality.unchecked, 0, settled - settled % MINUTE), *finality.doubted))
    return (spans[0][0], spans[-1][1]) if spans else None


def is_same(ours: Bar, theirs: Bar) -> bool:
    """Whether two versions of a minute are equal by MTF-11: prices exactly, volume and value within 1e-8."""
    prices = (ours.open, ours.high, ours.low, ours.close) == (theirs.open, theirs.high, theirs.low, theirs.close)
    return prices and _is_near(ours.volume, theirs.volume) and _is_near(ours.value, theirs.value)


def settle(finality: Finality, since: int, until: int, told: Iterable[Bar]) -> Settled:
    """Take the exchange's word for [since, until), as far as it lies in what is known here.

    A minute of which the exchange knows less than we do stays unchecked, for LAGS_MAX answers in a row.
    """
    since, until = max(since, finality.since), min(until, finality.until)
    ours = {bar.start: bar for bar in finality.bars}
    theirs = {bar.start: bar for bar in told if since <= bar.start < until}
    told_of = sorted({**ours, **theirs, **finality.saw, **finality.streamed})
    starts = [start for start in told_of if since <= start < until]
    seen = {start: max(_volume(ours.get(start)), finality.saw.get(start, NOTHING)) for start in starts}
    least = {start: max(seen[start], finality.streamed.get(start, NOTHING)) for start in starts}
    behind = [(start, start + MINUTE) for start in starts if _is_less(_volume(theirs.get(start)), least[start])]
    spans = without([(since, until)], _waited_for(finality, behind)) if since < until else ()
    starts = [start for start in starts if _lies_in(spans, start)]
    revisions = tuple(
        Revision(start, ours.get(start), theirs.get(start))
        for start in starts
        if not _is_same(ours.get(start), theirs.get(start))
    )
    changed = {one.start for one in revisions}
    checked = sum(start in changed or _lies_in(finality.unchecked, start) for start in starts)
    lost = sum(_is_less(seen[start], _volume(theirs.get(start))) for start in starts)
    _put(finality, revisions)
    finality.unchecked, finality.doubted = without(finality.unchecked, spans), without(finality.doubted, spans)
    finality.streamed = {start: one for start, one in finality.streamed.items() if not _lies_in(spans, start)}
    return Settled(spans, revisions, checked, lost)


def oldest_needed(finality: Finality, base_end: int) -> int:
    """From where on minutes must be kept, on the base grid, when the newest base bar ended at `base_end`."""
    needed = base_end - KEPT
    if finality.unchecked:
        needed = min(needed, finality.unchecked[0][0])
    return max(needed - needed % BASE_FRAME, base_end - KEPT_MAX, finality.since)


def forget(finality: Finality, since: int) -> int:
    """Keep only the minutes from `since` on; gives how many of the others were never checked."""
    lost = minutes_in(within(finality.unchecked, 0, since))
    finality.given_up += lost
    finality.unchecked = within(finality.unchecked, since, finality.until)
    finality.doubted = within(finality.doubted, since, finality.until)
    finality.saw = {start: volume for start, volume in finality.saw.items() if start >= since}
    finality.streamed = {start: volume for start, volume in finality.streamed.items() if start >= since}
    finality.bars = [bar for bar in finality.bars if bar.start >= since]
    finality.since = since
    return lost


def is_moved(market: str, revision: Revision) -> bool:
    """Whether the close changed by more than one tick, or only one side has a candle; raises NoRule for no market."""
    seen, final = revision.as_seen, revision.final
    if seen is None or final is None:
        return True
    return abs(seen.close - final.close) > tick_size(market, min(seen.close, final.close), revision.start)


def _put(finality: Finality, revisions: Iterable[Revision]) -> None:
    bars = {bar.start: bar for bar in finality.bars}
    for one in revisions:
        bars.pop(one.start, None)
        if one.final is not None:
            bars[one.start] = one.final
    finality.bars = [bars[start] for start in sorted(bars)]


def _waited_for(finality: Finality, behind: Spans | list[Span]) -> Spans:
    """Of the minutes of which the exchange knows less than we saw: those to ask for again, none when it lasts."""
    finality.lags = finality.lags + 1 if behind and finality.lags < LAGS_MAX else 0
    return joined(behind) if finality.lags else ()


def _is_same(ours: Bar | None, theirs: Bar | None) -> bool:
    return ours is theirs if ours is None or theirs is None else is_same(ours, theirs)


def _is_near(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= TOLERANCE * max(one, other)


def _is_less(one: Decimal, other: Decimal) -> bool:
    return one < other and not _is_near(one, other)


def _volume(bar: Bar | None) -> Decimal:
    return NOTHING if bar is None else bar.volume


def _lies_in(spans: Spans, start: int) -> bool:
    return any(since <= start < until for since, until in spans)
