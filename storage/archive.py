"""Both tiers of candles as one: read in any frame, sealed from one into the other, and kept in an index."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from peewee import SqliteDatabase

from domain.errors import StorageError
from domain.market import DAY, MINUTE, Bar
from domain.message import Value
from domain.spans import Span, Spans, covers, without
from domain.timeframes import frame_of, step_of
from storage.candle_files import FileKey
from storage.candle_merge import combined
from storage.candles import CandleStore, Coverage, Quarantined
from storage.columns import FOREVER, REST, UNKNOWN, CandleArrays, Known, arrays_of, whole_steps, year_of
from storage.database import explained
from storage.frames import filled, laid_under, resampled, with_parts_marked
from storage.hot import HotCandles
from storage.models import CandleRow

LOOK_BACK: Final = (DAY, 30 * DAY, FOREVER)
"""How far before a window its first close is looked for, one after the other."""


class IndexEntry(Value, frozen=True):
    """One line of the index: sealed candles in [since, until), intervals not known, and when that was last read."""

    market: str
    timeframe: str
    since: int
    until: int
    rows: int
    gaps: int
    checked_at: int


class Owed(Value, frozen=True):
    """What a damaged file held and nobody has fetched again yet."""

    market: str
    step: int
    spans: Spans


class CandleIndex:
    """Table `candles`: what the sealed files hold, to be known without opening them."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    def record(self, market: str, coverage: Sequence[Coverage], checked_at: int, lost: Sequence[FileKey] = ()) -> None:
        """Replace the lines of one market by what its files were found to hold at `checked_at`.

        Of `lost` files, those that were set aside, the line goes on from where it began to where it ended, or over all
        of the year until now if it never had one: that much is owed.
        """
        lines = {(frame_of(found.step), found.year): _entry(found, checked_at) for found in coverage}
        before = {(line.timeframe, year_of(line.since)): line for line in self.entries(market)}
        for key in lost:
            at = (frame_of(key.step), key.year)
            lines[at] = _stretched(lines.get(at), before.get(at) or _never_indexed(key, checked_at), checked_at)
        rows = [{name: getattr(line, name) for name in IndexEntry.__struct_fields__} for line in lines.values()]
        with explained(self._database), self._database.atomic("IMMEDIATE"):
            CandleRow.delete().where(CandleRow.market == market).execute(self._database)
            if rows:
                CandleRow.insert_many(rows).execute(self._database)

    def entries(self, market: str | None = None) -> tuple[IndexEntry, ...]:
        """Give the lines of one market or of all, by market and time."""
        query = CandleRow.select().order_by(CandleRow.market, CandleRow.since)
        names = IndexEntry.__struct_fields__
        with explained(self._database):
            rows = list((query.where(CandleRow.market == market) if market else query).execute(self._database))
        return tuple(IndexEntry(*(getattr(row, name) for name in names)) for row in rows)


class CandleTiers:
    """Sealed files and hot tail as one history. All methods raise StorageError if disk or database fail."""

    def __init__(self, store: CandleStore, hot: HotCandles, index: CandleIndex) -> None:
        self._store = store
        self._hot = hot
        self._index = index

    def known(self, market: str, step: int = MINUTE, since: int = 0, until: int = FOREVER) -> Known:
        """Give at once what `read` and `whole` give."""
        return self._known(market, step, since, until)

    def read(self, market: str, step: int = MINUTE, since: int = 0, until: int = FOREVER) -> CandleArrays:
        """Give the real candles of any frame that lie wholly in [since, until): with `until` now, none that is open.

        A coarse candle is built from the minutes where these are known whole, else it is the exchange's own if that is
        stored (COARSE), else what there is of it (PARTIAL). `step` is any number of whole minutes, in microseconds.
        """
        return self._known(market, step, since, until).candles

    def filled(self, market: str, step: int, since: int, until: int) -> CandleArrays:
        """Give the same with the gaps filled (MTF-07): where nothing traded, the close before, marked SYNTHETIC.

        Never where we do not know whether something traded, nor before the first candle.
        """
        known = UNKNOWN
        for back in LOOK_BACK:
            begin = max(0, since - back)
            known = self._known(market, step, begin, until)
            earlier = len(known.candles) > 0 and known.candles.time[0] < since
            if earlier or begin == 0 or not covers(known.whole, begin, since):
                break
        return filled(known.candles, known.whole, step, since, until)

    def whole(self, market: str, step: int = MINUTE) -> Spans:
        """Give where every candle of a frame is known, be it that nothing traded."""
        return self._known(market, step, 0, FOREVER).whole

    def as_seen(self, market: str, since: int = 0, until: int = FOREVER) -> CandleArrays:
        """Give the first versions of minutes that were revised, or that turned out not to exist (MTF-11)."""
        return self._known(market, MINUTE, since, until).as_seen

    def seal(self, market: str, until: int, now: int) -> tuple[Quarantined, ...]:
        """Move what is known of the minutes before `until` from the hot tail into the files, and index it as of `now`.

        A crash in between leaves it in both tiers, which reads the same and is done again; the database is held only
        to forget what was sealed. Gives the damaged files found: what they held counts as unknown, see `owed`.
        """
        part = self._hot.held(market, 0, until - until % MINUTE)
        told = part.known
        found = list(self._store.put(market, MINUTE, told.candles, told.whole, told.as_seen))
        self._hot.forget(market, part)
        return (*found, *self.refresh(market, now))

    def sealable(self, until: int) -> tuple[str, ...]:
        """Give the markets with anything to seal before `until`, by name."""
        return self._hot.markets(until - until % MINUTE)

    def refresh(self, market: str, now: int) -> tuple[Quarantined, ...]:
        """Read all files of a market and bring its lines of the index up to date; gives the damaged files found."""
        found: list[Quarantined] = []
        coverage = self._store.coverage(market, found.append)
        self._index.record(market, coverage, now, self._store.set_aside(market))
        return tuple(found)

    def owed(self, now: int) -> tuple[Owed, ...]:
        """Give what damaged files held and is still unknown: what is to be fetched again."""
        found: list[Owed] = []
        for market in self._store.markets():
            for key in self._store.set_aside(market):
                hull = self._hull(key, now)
                if spans := without([hull], self._known(market, key.step, *hull).whole):
                    found.append(Owed(market, key.step, spans))
        return tuple(found)

    def restore(self, market: str, step: int, bars: Sequence[Bar], span: Span) -> None:
        """Put back what the exchange told again of one stretch: everything that traded in it."""
        self._store.put(market, step, arrays_of(bars, REST), (span,))

    def _hull(self, key: FileKey, now: int) -> Span:
        """From where to where a lost file reached."""
        lines = (line for line in self._index.entries(key.market) if line.timeframe == frame_of(key.step))
        line = next((line for line in lines if year_of(line.since) == key.year), _never_indexed(key, now))
        return line.since, line.until

    def _known(self, market: str, step: int, since: int, until: int) -> Known:
        """What both tiers know of one frame inside [since, until), which may begin and end between two candles."""
        if step <= 0 or step % MINUTE:
            raise StorageError(f"no frame is {step} us long: expected whole minutes")
        since, until = -(-since // step) * step, until // step * step
        # the tail first: what is sealed meanwhile is in the files by then
        hot = self._hot.held(market, since, until).known
        known, at = combined(self._store.held(market, MINUTE, since, until), hot, MINUTE), MINUTE
        coarser = [one for one in self._store.steps(market) if one > MINUTE and step % one == 0]
        for frame in coarser:
            if frame % at == 0:
                finer = Known(resampled(known.candles, frame), known.whole, known.as_seen)
                known, at = laid_under(finer, self._store.held(market, frame, since, until), frame), frame
        if step == MINUTE:
            return known
        candles = with_parts_marked(resampled(known.candles, step), known.whole, step)
        return Known(candles, whole_steps(known.whole, step), known.as_seen)


def tiers_of(root: Path, database: SqliteDatabase) -> CandleTiers:
    """Give both tiers of a home: the files below a folder, and the tail and index in its database."""
    return CandleTiers(CandleStore(root), HotCandles(database), CandleIndex(database))


def _entry(found: Coverage, checked_at: int) -> IndexEntry:
    frame = frame_of(found.step)
    return IndexEntry(found.market, frame, found.since, found.until, found.rows, found.gaps, checked_at)


def _never_indexed(key: FileKey, now: int) -> IndexEntry:
    """A line over all of a file's year until now: nobody knows how far it reached."""
    begin, end = key.bounds
    return IndexEntry(key.market, frame_of(key.step), begin, min(end, now - now % key.step), 0, 0, now)


def _stretched(line: IndexEntry | None, old: IndexEntry, checked_at: int) -> IndexEntry:
    """The line of a file that was lost, from where it began to where it ended: what is not there any more is a gap."""
    line = line or IndexEntry(old.market, old.timeframe, old.until, old.until, 0, 0, checked_at)
    since, until = min(line.since, old.since), max(line.until, old.until)
    more = (line.since - since + until - line.until) // step_of(line.timeframe)
    return IndexEntry(line.market, line.timeframe, since, until, line.rows, line.gaps + more, checked_at)
