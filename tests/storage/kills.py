"""A session that stores minutes and seals them without end, killed with signal 9; and what must be left of it."""

import random
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from peewee import SqliteDatabase

from domain.market import MINUTE
from domain.messages import CandlesTold, Revision
from storage.archive import CandleIndex, CandleTiers
from storage.candles import CandleStore
from storage.columns import REVISED
from storage.database import open_database
from storage.hot import HotCandles
from tests.storage.conftest import NEW_YEAR, a_bar, killed_after

MARKETS = ("KRW-BTC", "KRW-ETH")
REVISED_EVERY = 4
BEGIN = NEW_YEAR - 30 * MINUTE  # so that both files of two years are written


def price(minute: int) -> str:
    return str(1_000 + minute)


def kill(root: Path, known: int, chance: random.Random) -> int:
    """Let a session go on behind the first `known` minutes and kill it; gives how many are acknowledged now."""
    count = chance.randint(1, 25)
    killed_after(count, lambda tell: session(root, known, tell))
    return known + count


def session(root: Path, known: int, tell: Callable[[], object]) -> None:
    """Store minute after minute, acknowledging each, while another thread seals all but the newest three."""
    database = open_database(root / "baeu.sqlite3")
    newest = [known]

    def seal() -> None:
        for market in MARKETS:
            archive(root, database).seal(market, BEGIN + (newest[0] - 3) * MINUTE, now=0)

    def seal_on() -> None:
        while True:
            seal()

    seal()  # however soon the kill comes: something of the last session is sealed
    threading.Thread(target=seal_on, daemon=True).start()
    hot = HotCandles(database)
    minute = known
    while True:
        hot.take_all([(2 * minute + number, told(market, minute)) for number, market in enumerate(MARKETS)])
        tell()
        newest[0] = minute = minute + 1


def told(market: str, minute: int) -> CandlesTold:
    bar = a_bar(minute, price(minute), begin=BEGIN)
    seen = (Revision(bar.start, a_bar(minute, "7", begin=BEGIN), bar),) if minute % REVISED_EVERY == 0 else ()
    return CandlesTold(market, bar.start, bar.start + MINUTE, (bar,), "rest", "final", seen)


def archive(root: Path, database: SqliteDatabase) -> CandleTiers:
    return CandleTiers(CandleStore(root / "candles"), HotCandles(database), CandleIndex(database))


def require_all(root: Path, known: int) -> int:
    """Assert that every acknowledged minute is there as it was told, and no file is damaged; gives how many are sealed.

    The session may have stored one more than it could tell.
    """
    store = CandleStore(root / "candles")
    assert store.check() == ()
    assert all(store.set_aside(market) == () for market in MARKETS)
    with closing(open_database(root / "baeu.sqlite3")) as database:
        tiers = archive(root, database)
        for market in MARKETS:
            found = tiers.read(market, MINUTE, BEGIN, BEGIN + known * MINUTE)
            assert found.time.tolist() == [BEGIN + minute * MINUTE for minute in range(known)]
            assert found.close.tolist() == [float(price(minute)) for minute in range(known)]
            assert found.marked(REVISED).tolist() == [minute % REVISED_EVERY == 0 for minute in range(known)]
            assert tiers.whole(market)[0][0] == BEGIN
            assert tiers.whole(market)[-1][1] >= BEGIN + known * MINUTE
            assert len(tiers.whole(market)) == 1
    return sum(len(store.load(market)) for market in MARKETS)
