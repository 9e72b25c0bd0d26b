"""What a warm-up is given from the store, and what it must still ask the exchange for."""

from dataclasses import replace
from decimal import Decimal as D
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from peewee import SqliteDatabase

from domain.market import BASE_FRAME, HOUR, MINUTE
from storage.candles import CandleStore
from storage.columns import REST, arrays_of
from storage.hot import HotCandles
from storage.past import Past
from tests.storage.conftest import a_bar, at, put, span, tell

MARKET = "KRW-BTC"


@pytest.fixture
def past(tmp_path: Path, database: SqliteDatabase) -> Past:
    return Past(tmp_path / "candles", database)


def test_a_coarse_bar_is_built_from_the_minutes_of_both_tiers(past: Past, store: CandleStore, hot: HotCandles) -> None:
    put(store, MARKET, [a_bar(0, "5"), a_bar(1, "7.5")], whole=(span(0, 3),))
    tell(hot, 3, 15, a_bar(4, "6"), a_bar(11, "8"), final=True)
    bars, whole = past(MARKET, BASE_FRAME, at(0), at(15))
    assert whole == (span(0, 15),)
    assert [bar.start for bar in bars] == [at(0), at(10)]
    assert (bars[0].open, bars[0].high, bars[0].low, bars[0].close) == (D(5), D("8.5"), D(4), D(6))
    assert (bars[0].volume, bars[0].value) == (D("1.5"), D("9.25"))
    assert str(bars[0].high) == "8.5"


def test_a_sum_is_the_decimal_it_stands_for(past: Past, store: CandleStore) -> None:
    put(store, MARKET, [structs.replace(a_bar(minute), volume=D("0.1")) for minute in range(3)], whole=(span(0, 5),))
    ((bar,), _) = past(MARKET, BASE_FRAME, at(0), at(5))
    assert bar.volume == D("0.3")


def test_what_is_not_known_is_in_no_span(past: Past, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0), a_bar(7)], whole=(span(0, 5), span(6, 15)))
    bars, whole = past(MARKET, BASE_FRAME, at(0), at(20))
    assert [bar.start for bar in bars] == [at(0)]
    assert whole == (span(0, 5), span(10, 15))
    assert past("KRW-ETH", BASE_FRAME, at(0), at(20)) == ((), ())


def test_what_the_exchange_did_not_confirm_is_asked_for_with_the_quiet_bars_beside_it(
    past: Past, hot: HotCandles
) -> None:
    tell(hot, 0, 5, a_bar(0), final=True)
    tell(hot, 5, 20, a_bar(12), seq=2)
    tell(hot, 20, 25, a_bar(20), seq=3, final=True)
    bars, whole = past(MARKET, BASE_FRAME, at(0), at(25))
    assert [bar.start for bar in bars] == [at(0), at(20)]
    assert whole == (span(0, 5), span(20, 25))


def test_a_bar_with_an_unknown_amount_is_asked_for(past: Past, store: CandleStore) -> None:
    hours = arrays_of([a_bar(0), a_bar(60)], REST)
    store.put(MARKET, HOUR, replace(hours, value=np.array([np.nan, 1.0])), (span(0, 120),))
    bars, whole = past(MARKET, HOUR, at(0), at(120))
    assert [bar.start for bar in bars] == [at(60)]
    assert whole == (span(60, 120),)


def test_a_damaged_file_is_left_to_whoever_writes(past: Past, store: CandleStore, tmp_path: Path) -> None:
    put(store, MARKET, [a_bar(0)], whole=(span(0, 5),))
    (file,) = (tmp_path / "candles").rglob("*.h5")
    file.write_bytes(b"?")
    assert past(MARKET, MINUTE, at(0), at(5)) == ((), ())
    assert file.is_file()
