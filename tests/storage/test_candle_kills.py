import os
import random
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from domain.market import MINUTE
from storage.candles import CandleStore
from storage.database import open_database
from storage.hot import HotCandles
from tests.storage.conftest import bars, killed_after, put
from tests.storage.kills import BEGIN, REVISED_EVERY, archive, kill, require_all, told

MARKET = "KRW-BTC"


def killed_in(work: Callable[[], object], event: str, ending: str) -> None:
    """Work in a child that is killed as it is about to do `event` on a path that ends so."""
    child = os.fork()
    if not child:

        def die(name: str, arguments: Sequence[Any]) -> None:
            if name == event and str(arguments[0]).endswith(ending):
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(die)
        try:
            work()
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("event", "ending", "count"),
    [("open", ".tmp", 50), ("os.rename", ".tmp", 50), ("open", MARKET, 60)],
    ids=["before the first byte", "before the rename", "before the folder is synced"],
)
def test_after_kill_9_the_file_is_the_old_or_the_new_one(tmp_path: Path, event: str, ending: str, count: int) -> None:
    put(CandleStore(tmp_path), MARKET, bars(50))
    killed_in(lambda: put(CandleStore(tmp_path), MARKET, bars(60, "7")), event, ending)
    store = CandleStore(tmp_path)

    assert len(store.load(MARKET)) == count
    assert store.check() == ()
    put(store, MARKET, bars(60, "7"))
    assert store.load(MARKET).close.tolist() == [7.0] * 60


def test_kill_9_at_any_moment_never_damages_a_file(tmp_path: Path) -> None:
    def put_for_ever(tell: Callable[[], object]) -> None:
        store = CandleStore(tmp_path)
        for close in count(1):
            put(store, MARKET, bars(500, str(close)))
            tell()

    for after in (1, 4, 9):
        killed_after(after, put_for_ever)
        closes = CandleStore(tmp_path).load(MARKET).close
        assert len(set(closes.tolist())) == 1
        assert closes[0] >= after


def test_kill_9_while_minutes_are_stored_and_sealed_loses_none_that_was_acknowledged(tmp_path: Path) -> None:
    """The bench of the store does the same two hundred times."""
    chance, known = random.Random(1), 0
    for _ in range(8):
        known = kill(tmp_path, known, chance)
        sealed = require_all(tmp_path, known)
    assert 0 < sealed <= 2 * known


@pytest.mark.parametrize(
    ("event", "ending"),
    [("open", ".tmp"), ("os.rename", ".tmp"), ("open", MARKET)],
    ids=["before the first byte", "before the rename", "before the folder is synced"],
)
def test_kill_9_at_each_step_of_a_seal_loses_no_minute(tmp_path: Path, event: str, ending: str) -> None:
    minutes = range(60)
    with closing(open_database(tmp_path / "baeu.sqlite3")) as database:
        HotCandles(database).take_all([(number, told(MARKET, number)) for number in minutes])

    def seal() -> None:
        child = open_database(tmp_path / "baeu.sqlite3")
        archive(tmp_path, child).seal(MARKET, BEGIN + 60 * MINUTE, now=0)

    killed_in(seal, event, ending)
    with closing(open_database(tmp_path / "baeu.sqlite3")) as database:
        tiers = archive(tmp_path, database)
        for _ in range(2):
            assert tiers.read(MARKET).time.tolist() == [BEGIN + number * MINUTE for number in minutes]
            assert tiers.whole(MARKET) == ((BEGIN, BEGIN + 60 * MINUTE),)
            tiers.seal(MARKET, BEGIN + 60 * MINUTE, now=0)
    assert len(CandleStore(tmp_path / "candles").as_seen(MARKET)) == len(minutes) // REVISED_EVERY
