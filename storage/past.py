"""What the store knows of a market's past for sure, as exact bars: a warm-up need not ask the exchange for it."""

from decimal import Decimal
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from peewee import SqliteDatabase

from domain.market import Bar
from domain.money import VOLUME_STEP, exact, parse, plain
from domain.spans import Spans, joined, without
from storage.archive import CandleIndex, CandleTiers
from storage.candles import CandleStore
from storage.columns import COLUMNS, PROVISIONAL, CandleArrays, covered
from storage.hot import HotCandles


class Past:
    """Reads both tiers of a home's candles; any thread may, and keeps no connection.

    A damaged file is left to whoever writes: here it only counts as unknown.
    """

    def __init__(self, root: Path, database: SqliteDatabase) -> None:
        self._database = database
        self._tiers = CandleTiers(CandleStore(root, read_only=True), HotCandles(database), CandleIndex(database))

    def __call__(self, market: str, step: int, since: int, until: int) -> tuple[tuple[Bar, ...], Spans]:
        """Real bars of a frame in [since, until), oldest first, and the spans in which they are all there is.

        What the exchange did not confirm yet, or of which an amount is unknown, is in none of them. Raises StorageError
        when the disk or the database refuses.
        """
        try:
            known = self._tiers.known(market, step, since, until)
        finally:
            self._database.close()
        candles = known.candles
        lacking = np.isnan(candles.volume) | np.isnan(candles.value)
        sure = ~(candles.marked(PROVISIONAL) | lacking)
        whole = without(known.whole, _around(candles.time, sure, step, (since, until)))
        return _bars(candles.picked(sure & covered(whole, candles.time, step))), whole


def _around(times: NDArray[np.int64], sure: NDArray[np.bool_], step: int, window: tuple[int, int]) -> Spans:
    """Where candles are not sure, out to the sure ones beside them: that nothing traded between is not sure either."""
    begins = np.append(window[0], times[sure] + step)
    ends = np.append(times[sure], window[1])
    place = np.searchsorted(times[sure], times[~sure])
    return joined(zip(begins[place].tolist(), ends[place].tolist(), strict=True))


def _bars(candles: CandleArrays) -> tuple[Bar, ...]:
    columns = ([_claim(number) for number in getattr(candles, name).tolist()] for name in COLUMNS[1:-1])
    return tuple(map(Bar, candles.time.tolist(), *columns))


def _claim(number: float) -> Decimal:
    return parse(plain(exact(number, VOLUME_STEP, "down")))
