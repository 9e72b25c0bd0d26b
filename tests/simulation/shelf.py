"""Where a simulated month is kept: the real recorder, database and candle files, and how they compare to the truth.

A decision that did not see the truth is explained by the versions of its minutes that are kept.
"""

from collections import Counter
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

from actors.recorder import BATCH_MAX, Recorder, catch_up
from actors.runtime import SimulatorHost
from actors.runtime.codec import decode_message
from actors.runtime.record import Status
from domain.finality import minutes_in
from domain.market import DAY, MINUTE
from domain.message import Message
from domain.spans import without
from storage.archive import CandleIndex, CandleTiers
from storage.candles import CandleStore
from storage.columns import PROVISIONAL, REVISED, CandleArrays
from storage.database import open_database
from storage.hot import HotCandles
from storage.projection import Projection
from tests.simulation.judge import Odd, same
from tests.simulation.truth import COLUMNS, Truth

LOOK_BACK = DAY  # by then every market has traded


class Minute(NamedTuple):
    """One row of a candle file."""

    close: float
    high: float
    low: float
    volume: float
    value: float
    flags: int


class InlineRecorder(Recorder):
    """The real edge without its thread: batches are written between two turns."""

    def on_begin(self) -> None:
        pass

    def on_drained(self) -> None:
        self.write()

    def handle(self, message: Message) -> None:
        super().handle(message)
        if len(self._waiting) >= BATCH_MAX:
            self.write()

    def write(self) -> None:
        """Store what waits."""
        while self._waiting:
            self._durable(self._take())


class Shelf:
    """A database and a folder of candle files below `root`."""

    def __init__(self, root: Path) -> None:
        self.database = open_database(root / "baeu.sqlite3")
        self.projection = Projection(self.database)
        self.store = CandleStore(root / "candles")
        self.tiers = CandleTiers(self.store, HotCandles(self.database), CandleIndex(self.database))

    def recorder(self, host: SimulatorHost, name: str) -> InlineRecorder:
        """The recorder of a start, before which the database catches up with the journal."""
        told = (
            (record.seq, decode_message(record.type, record.payload))
            for record in host.ledger.read(self.projection.last_sequence())
            if record.to == "recorder" and record.status is Status.EDGE
        )
        catch_up(self.projection.apply, told)
        return InlineRecorder(host, name, write=self.projection.apply, release=lambda: None)

    def close(self) -> None:
        self.database.close()

    # --- comparing

    def differences(self, truth: Truth, market: str, since: int, until: int) -> Counter[str]:
        """How many minutes of [since, until) are not what the truth says, by what is wrong with them."""
        found, want = self.tiers.read(market, MINUTE, since, until), truth.candles(market, since, until)
        wrong: Counter[str] = Counter()
        wrong["not known whole"] = minutes_in(without([(since, until)], self.tiers.whole(market)))
        wrong["missing"] = len(np.setdiff1d(want["time"], found.time))
        wrong["invented"] = len(np.setdiff1d(found.time, want["time"]))
        _, ours, theirs = np.intersect1d(found.time, want["time"], return_indices=True)
        for name in COLUMNS:
            wrong[name] = int((getattr(found, name)[ours] != want[name][theirs]).sum())
        wrong["provisional"] = int(found.marked(PROVISIONAL).sum())
        return +wrong

    def explains(self, odd: Odd) -> bool:
        """Whether what was decided on is what the minutes were first seen as, which is kept.

        Of a longer bar, and of one in which nothing traded, that is the close of the newest minute before its end.
        """
        if odd.is_bar and (odd.seen[-1] or odd.true[-1]):
            options = self._versions(odd.market, odd.since, odd.until)
            bars = (tuple(filter(None, chosen)) for chosen in product(*options))
            return any(all(map(same, odd.seen, _bar(chosen, odd.seen[0]))) for chosen in bars)
        newest = int(self.tiers.read(odd.market, MINUTE, odd.until - LOOK_BACK, odd.until).time[-1])
        return odd.seen[0] in self.store.as_seen(odd.market, MINUTE, newest, odd.until).close.tolist()

    def _versions(self, market: str, since: int, until: int) -> list[list[Minute | None]]:
        """For each minute the versions of it that are kept; None stands for no candle."""
        final = _by_start(self.tiers.read(market, MINUTE, since, until))
        seen = _by_start(self.store.as_seen(market, MINUTE, since, until))
        found: list[list[Minute | None]] = []
        for start in range(since, until, MINUTE):
            now, first = final.get(start), seen.get(start)
            revised = first is not None or (now is not None and now.flags & REVISED)
            found.append([now, first] if revised else [now])
        return found


def _by_start(rows: CandleArrays) -> dict[int, Minute]:
    columns = zip(*(getattr(rows, name).tolist() for name in Minute._fields), strict=True)
    return {start: Minute(*row) for start, row in zip(rows.time.tolist(), columns, strict=True)}


def _bar(minutes: tuple[Minute, ...], before: float) -> tuple[float, ...]:
    """Close, high, low, volume, value of some minutes, and whether there are any."""
    if not minutes:
        return before, before, before, 0.0, 0.0, 0.0
    high, low = max(one.high for one in minutes), min(one.low for one in minutes)
    return minutes[-1].close, high, low, sum(one.volume for one in minutes), sum(one.value for one in minutes), 1.0
