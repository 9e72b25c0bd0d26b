"""The candles of one home, as the commands that collect, verify and show them need it."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from domain.collection import Comparison, FileImport, Folder, FrameInfo, Owed, Part, Quarantine
from domain.market import Bar
from domain.spans import Spans, within, without
from domain.timeframes import frame_of, step_of
from storage.archive import tiers_of
from storage.candle_info import infos
from storage.candle_tables import write_table
from storage.candles import CandleStore, Quarantined
from storage.columns import FOREVER, PARTIAL, PROVISIONAL, REST, SYNTHETIC, arrays_of
from storage.cross_check import across, against
from storage.database import open_database
from storage.home import Home
from storage.imports import import_all, sources
from storage.market_readings import MarketReadings


class Collected:
    """Both tiers of a home's candles. All methods raise StorageError when the disk or the database refuses."""

    def __init__(self, home: Path) -> None:
        place = Home(home)
        self.sandbox = place.sandbox
        self._database = open_database(place.database)
        self._store = CandleStore(place.candles)
        self._tiers = tiers_of(place.candles, self._database)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def markets(self) -> tuple[str, ...]:
        """The markets of which there are candles."""
        return tuple(sorted({*self._store.markets(), *self._tiers.sealable(FOREVER)}))

    def steps(self, market: str) -> tuple[int, ...]:
        """The frames that files hold of a market, as microseconds."""
        return self._store.steps(market)

    def judged(self) -> tuple[str, ...]:
        """The markets that were last found worth trading."""
        return MarketReadings(self._database).members()

    def whole(self, market: str, step: int) -> Spans:
        """What need not be asked again: sealed, and not provisional."""
        held = self._store.held(market, step)
        open_ = held.candles.time[held.candles.marked(PROVISIONAL)]
        return without(held.whole, [(at, at + step) for at in open_.tolist()])

    def traded(self, market: str, step: int) -> Spans:
        """What is sealed and known whole, from the first candle on: before a listing there is nothing to compare."""
        held = self._store.held(market, step)
        return within(held.whole, int(held.candles.time[0]), FOREVER) if len(held.candles) else ()

    def keep(self, market: str, step: int, bars: Sequence[Bar], whole: Spans) -> None:
        """Seal what the exchange told of some spans."""
        self._store.put(market, step, arrays_of(bars, REST), whole)

    def index(self, markets: Iterable[str], now: int) -> None:
        """Bring the index up to what the files hold."""
        for market in markets:
            self._tiers.refresh(market, now)

    def take(self, folder: Folder) -> Iterator[FileImport]:
        """Import the files of a folder one by one; raises ConfigError when there is nothing to import."""
        found = sources(Path(folder.path), folder.frame, folder.markets)
        yield from import_all(self._store, found, now=folder.now, hole=folder.hole)
        self.index({one.path.stem for one in found}, folder.now)

    def beside(self, part: Part, bars: Sequence[Bar], *, repair: bool) -> Comparison:
        """What is stored of a stretch beside all that the exchange tells; with `repair` what it tells is stored."""
        told = arrays_of(bars, REST)
        stored = self._store.held(part.market, part.step, part.since, part.until)
        found, both = against(part.market, part.step, stored, told)
        if repair and (found.conflicts or both.completes.any()):
            self._store.put(part.market, part.step, told, ((part.since, part.until),))
        return found

    def across(self, markets: tuple[str, ...]) -> Iterator[Comparison]:
        """Each stored coarser frame beside what finer ones make, where both are known whole."""
        for market in markets or self.markets():
            yield from across(self._store, self._tiers, market)

    def info(self, markets: tuple[str, ...]) -> tuple[FrameInfo, ...]:
        """What there is, by market and frame."""
        found = infos(self._store, self._tiers, markets or self.markets())
        return tuple(sorted(found, key=lambda one: (one.market, step_of(one.frame))))

    def export(self, part: Part, path: Path, *, fill: bool) -> int:
        """Write candles of any frame as a table, without those of which a part is not known; gives how many rows."""
        market, step = part.market, part.step
        whole = self._tiers.whole(market, step)
        if not whole:
            return 0
        since = max(part.since, whole[0][0])
        read = self._tiers.filled if fill else self._tiers.read
        candles = read(market, step, since, part.until)
        candles = candles.picked(~candles.marked(PARTIAL))
        if len(candles):
            write_table(path, candles, filled=candles.marked(SYNTHETIC) if fill else None)
        return len(candles)

    def seal(self, now: int) -> tuple[Quarantine, ...]:
        """Move what is over from the database to the files; gives damaged files found."""
        found = [one for market in self._tiers.sealable(now) for one in self._tiers.seal(market, now, now)]
        return tuple(map(_quarantine, found))

    def check(self, now: int) -> tuple[Quarantine, ...]:
        """Read every file; gives the damaged ones, which are set aside."""
        return tuple(_quarantine(one) for market in self._store.markets() for one in self._tiers.refresh(market, now))

    def owed(self, now: int) -> tuple[Owed, ...]:
        """What damaged files held, these or earlier ones, and is not known again yet."""
        return tuple(Owed(one.market, one.step, one.spans) for one in self._tiers.owed(now))


def _quarantine(one: Quarantined) -> Quarantine:
    return Quarantine(one.market, frame_of(one.step), one.since, one.until, one.path, one.reason)
