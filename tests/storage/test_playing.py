"""The store's own candles come out of the folder that the sandbox plays as they went in."""

from decimal import Decimal as D
from pathlib import Path

import pandas as pd
import pytest

from actors.sandbox.source import load_candles
from domain.errors import ConfigError
from domain.market import MINUTE, Bar
from storage.candles import CandleStore
from storage.playing import playable
from tests.storage.conftest import put

START = 1_757_894_400_000_000


def bar(minute: int) -> Bar:
    price = D(100_000 + minute * 100)
    return Bar(START + minute * MINUTE, price, price + 100, price, price, D("1.5"), price * D("1.5"))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "candles"
    put(CandleStore(folder), "KRW-ETH", [bar(0), bar(2)], whole=((START, START + 3 * MINUTE),))
    return folder


def test_a_folder_of_files_is_played_as_it_is(tmp_path: Path) -> None:
    assert playable(tmp_path, tmp_path / "scratch") == tmp_path
    assert not (tmp_path / "scratch").exists()


def test_our_own_store_becomes_such_a_folder(store: Path, tmp_path: Path) -> None:
    folder = playable(store, tmp_path / "scratch")
    frame = pd.read_parquet(folder / "KRW-ETH.parquet")
    assert list(frame["close"]) == [100_000.0, 100_200.0]
    assert str(frame["time"].iloc[1]) == "2025-09-15 00:02:00+00:00"


def test_the_sandbox_reads_it(store: Path, tmp_path: Path) -> None:
    series = load_candles(playable(store, tmp_path / "scratch"), (), 1)["KRW-ETH"]
    assert list(series.time) == [START, START + 2 * MINUTE]
    assert list(series.units) == [150_000_000, 150_000_000]


def test_what_an_earlier_store_left_is_not_played(store: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "KRW-OLD.parquet").write_bytes(b"old")
    assert [path.name for path in playable(store, scratch).iterdir()] == ["KRW-ETH.parquet"]


def test_a_store_without_a_minute_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "candles"
    put(CandleStore(folder), "KRW-ETH", [], whole=((START, START + MINUTE),))
    with pytest.raises(ConfigError, match="no minute candle"):
        playable(folder, tmp_path / "scratch")


def test_a_damaged_year_is_left_out_and_where_it_is(store: Path, tmp_path: Path) -> None:
    put(CandleStore(store), "KRW-BTC", [bar(0)])
    broken = store / "KRW-BTC" / "2025.h5"
    broken.write_bytes(b"?")
    assert [path.name for path in playable(store, tmp_path / "scratch").iterdir()] == ["KRW-ETH.parquet"]
    assert broken.read_bytes() == b"?"
