import os
import signal
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from storage.candles import CandleStore
from tests.storage.conftest import bars, killed_after, put

MARKET = "KRW-BTC"


def killed_while(root: Path, event: str, ending: str) -> None:
    """Put 60 bars at 7 in a child that is killed as it is about to do `event` on a path that ends so."""
    child = os.fork()
    if not child:

        def die(name: str, arguments: Sequence[Any]) -> None:
            if name == event and str(arguments[0]).endswith(ending):
                os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(die)
        try:
            put(CandleStore(root), MARKET, bars(60, "7"))
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
    killed_while(tmp_path, event, ending)
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
