"""The properties of quant.md MTF-15 once more, of candles as arrays and of both tiers read as one."""

from collections.abc import Iterator
from decimal import Decimal as D

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.candles import resample
from domain.errors import StorageError
from domain.market import BASE_FRAME, DAY, FOUR_HOURS, HOUR, MINUTE, Bar
from domain.messages import CandlesTold
from storage.archive import CandleIndex, CandleTiers
from storage.candles import CandleStore
from storage.columns import AMOUNTS, PARTIAL, PRICES, REST, SYNTHETIC, CandleArrays, arrays_of
from storage.database import open_database
from storage.frames import filled, resampled
from storage.hot import HotCandles

T0 = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC
M = "KRW-TST"
FRAMES = (MINUTE, 3 * MINUTE, BASE_FRAME, 15 * MINUTE, 30 * MINUTE, HOUR, FOUR_HOURS, DAY)
PAIRS = [(fine, coarse) for fine in FRAMES for coarse in FRAMES if fine < coarse and coarse % fine == 0]

prices = st.integers(1, 10**6)
rows = st.lists(
    st.tuples(st.integers(0, 3 * DAY // MINUTE - 1), prices, prices, prices, st.integers(1, 10**9)),
    unique_by=lambda row: row[0],
    min_size=1,
    max_size=50,
).map(sorted)
Rows = list[tuple[int, ...]]


def real_bars(told: Rows) -> list[Bar]:
    return [
        Bar(T0 + k * MINUTE, D(a), D(max(a, b, c)), D(min(a, b, c)), D(b), D(d).scaleb(-8), D(c * d).scaleb(-8))
        for k, a, b, c, d in told
    ]


def assert_alike(one: CandleArrays, other: CandleArrays) -> None:
    """Times, prices and flags are equal; sums but for the rounding of each step."""
    for name in ("time", *PRICES, "flags"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    for name in AMOUNTS:
        assert np.allclose(getattr(one, name), getattr(other, name), rtol=1e-15, atol=0), name


@pytest.mark.parametrize(("fine", "coarse"), PAIRS)
@settings(max_examples=25, deadline=None)
@given(told=rows)
def test_resampling_in_two_steps_is_resampling_at_once(fine: int, coarse: int, told: Rows) -> None:
    candles = arrays_of(real_bars(told), REST)
    assert_alike(resampled(resampled(candles, fine), coarse), resampled(candles, coarse))


@pytest.mark.parametrize("frame", FRAMES[1:])
@settings(max_examples=25, deadline=None)
@given(told=rows)
def test_arrays_are_resampled_as_exact_bars_are(frame: int, told: Rows) -> None:
    bars = real_bars(told)
    assert resampled(arrays_of(bars, REST), frame).same_as(arrays_of(resample(bars, frame), REST))


@pytest.mark.parametrize("frame", FRAMES)
@settings(max_examples=25, deadline=None)
@given(told=rows)
def test_a_view_with_a_synthetic_candle_cannot_be_resampled(frame: int, told: Rows) -> None:
    candles = arrays_of(real_bars(told), REST)
    end = T0 + (told[-1][0] + 2) * MINUTE
    view = filled(candles, ((T0, end),), MINUTE, T0, end)
    assert view.marked(SYNTHETIC)[-1]
    with pytest.raises(StorageError, match="fills a gap"):
        resampled(view, frame)


@pytest.fixture(scope="module")
def tiers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[CandleTiers, CandleStore, HotCandles]]:
    root = tmp_path_factory.mktemp("candles")
    database = open_database(root / "baeu.sqlite3")
    store, hot = CandleStore(root / "candles"), HotCandles(database)
    yield CandleTiers(store, hot, CandleIndex(database)), store, hot
    database.close()


def test_views_are_not_stored(tiers) -> None:
    both, store, _ = tiers
    bar = arrays_of(real_bars([(0, 1, 1, 1, 1)]), REST)
    with pytest.raises(StorageError, match="views are not stored"):
        store.put("KRW-SYN", MINUTE, filled(bar, ((T0, T0 + HOUR),), MINUTE, T0, T0 + HOUR), ())
    store.put("KRW-PAR", MINUTE, bar, ())
    hour = both.read("KRW-PAR", HOUR)
    assert hour.marked(PARTIAL).all()
    with pytest.raises(StorageError, match="views are not stored"):
        store.put("KRW-PAR", HOUR, hour, ())


def walk(market: str, gone: frozenset[int], tiers) -> CandleTiers:
    """Three days, the last in the hot tail, without the minutes `gone`; the whole of it is known."""
    both, store, hot = tiers
    minutes = [k for k in range(3 * DAY // MINUTE) if k % 7 and (k // 60) % 11 and k not in gone]
    bars = real_bars([(k, 100 + k % 13, 100 + k % 17, 90 + k % 5, 10**8 + k) for k in minutes])
    cut = T0 + 2 * DAY
    sealed = [bar for bar in bars if bar.start < cut]
    store.put(market, MINUTE, arrays_of(sealed, REST), ((T0, cut),))
    told = tuple(bar for bar in bars if bar.start >= cut)
    hot.take(1, CandlesTold(market, cut, T0 + 3 * DAY, told, "rest", "final"))
    return both


@pytest.mark.parametrize("at", [T0 + DAY + 61 * MINUTE, T0 + 2 * DAY, T0 + 2 * DAY + 5 * HOUR + 7 * MINUTE])
def test_candles_deleted_after_a_time_change_nothing_that_is_read_up_to_it(at: int, tiers) -> None:
    first = (at - T0) // MINUTE
    whole = walk("KRW-ALL", frozenset(), tiers)
    cut = walk(f"KRW-CUT{first}", frozenset(k for k in range(first, 3 * DAY // MINUTE) if k % 3), tiers)
    for step in FRAMES:
        assert len(whole.read("KRW-ALL", step, 0, at)) > 0
        assert whole.read("KRW-ALL", step, 0, at).same_as(cut.read(f"KRW-CUT{first}", step, 0, at))
        assert whole.filled("KRW-ALL", step, 0, at).same_as(cut.filled(f"KRW-CUT{first}", step, 0, at))


def test_at_every_close_of_a_day_the_newest_closed_candle_of_every_frame_is_seen_and_none_that_is_open(tiers) -> None:
    both = walk("KRW-DAY", frozenset(), tiers)
    minutes = both.read("KRW-DAY")
    for at in range(T0 + DAY, T0 + 2 * DAY + 1, BASE_FRAME):
        for step in (BASE_FRAME, HOUR, FOUR_HOURS, DAY):
            seen = both.filled("KRW-DAY", step, max(T0, at - 2 * step), at)
            end = int(seen.time[-1]) + step
            assert at - step < end <= at
            assert seen.close[-1] == minutes.between(0, end).close[-1]
            assert not seen.marked(PARTIAL).any()
