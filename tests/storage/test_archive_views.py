"""What is read of both tiers as one: any frame, the exchange's own coarse candles, gaps filled."""

from decimal import Decimal

import numpy as np
import pytest

from domain.errors import StorageError
from domain.market import DAY, FOUR_HOURS, HOUR, MINUTE, Bar
from storage.archive import CandleTiers
from storage.candles import CandleStore
from storage.columns import COARSE, IMPORTED, PARTIAL, PROVISIONAL, REST, REVISED, SYNTHETIC
from storage.hot import HotCandles
from tests.storage.conftest import a_bar, at, put, span, tell

MARKET = "KRW-BTC"


def candle(minute: int, low: int, high: int, *, begin: str = "5", end: str = "6") -> Bar:
    return Bar(at(minute), Decimal(begin), Decimal(high), Decimal(low), Decimal(end), Decimal("0.1"), Decimal("0.3"))


def test_both_tiers_read_as_one(tiers: CandleTiers, store: CandleStore, hot: HotCandles) -> None:
    put(store, MARKET, [a_bar(0, "1"), a_bar(1, "2")])
    tell(hot, 1, 3, a_bar(1, "7"), a_bar(2, "9"))

    assert tiers.read(MARKET).close.tolist() == [1.0, 2.0, 9.0]
    assert tiers.read(MARKET).marked(REVISED).tolist() == [False, True, False]
    assert tiers.read(MARKET, MINUTE, at(1), at(3)).close.tolist() == [2.0, 9.0]
    assert tiers.whole(MARKET) == (span(0, 3),)


def test_a_coarse_candle_is_built_of_the_minutes_that_traded(tiers: CandleTiers, store: CandleStore) -> None:
    told = [candle(1, 3, 8, begin="4"), candle(3, 2, 7), candle(4, 3, 9, end="7"), candle(5, 1, 20)]
    put(store, MARKET, told, whole=(span(0, 10),))
    found = tiers.read(MARKET, 5 * MINUTE, at(0), at(5))

    assert found.time.tolist() == [at(0)]
    assert [getattr(found, name)[0] for name in ("open", "high", "low", "close")] == [4.0, 9.0, 2.0, 7.0]
    assert [found.volume[0], found.value[0]] == [0.3, 0.9]  # 0.1 + 0.1 + 0.1 is not 0.3 in plain floats
    assert found.flags.tolist() == [REST]


@pytest.mark.parametrize("step", [3, 5, 15, 30, 60, 240, 1_440, 7, 10_080])
def test_any_frame_of_whole_minutes_can_be_read(tiers: CandleTiers, store: CandleStore, step: int) -> None:
    put(store, MARKET, [a_bar(minute) for minute in range(0, 3_000, 2)], whole=(span(0, 3_000),))
    found = tiers.read(MARKET, step * MINUTE)

    assert np.all(found.time % (step * MINUTE) == 0)
    assert found.volume.sum() == 750.0


@pytest.mark.parametrize("step", [0, -MINUTE, 90_000_000])
def test_a_frame_that_is_not_of_whole_minutes_is_refused(tiers: CandleTiers, step: int) -> None:
    with pytest.raises(StorageError, match="expected whole minutes"):
        tiers.read(MARKET, step)


def test_a_candle_that_is_open_at_the_end_of_the_window_is_not_shown(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(minute) for minute in range(120)])

    assert tiers.read(MARKET, HOUR, at(0), at(119)).time.tolist() == [at(0)]
    assert tiers.read(MARKET, HOUR, at(1), at(120)).time.tolist() == [at(60)]
    assert tiers.read(MARKET, MINUTE, at(0) + 1, at(2) - 1).time.tolist() == []


def test_what_the_parts_carry_the_coarse_candle_carries(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0), a_bar(5), a_bar(10)], REST)
    put(store, MARKET, [a_bar(1), a_bar(5, "7")], IMPORTED)
    put(store, MARKET, [a_bar(11)], REST | PROVISIONAL)
    found = tiers.read(MARKET, 5 * MINUTE)

    assert found.source.tolist() == [0, IMPORTED, REST]
    assert found.marked(REVISED).tolist() == [False, True, False]
    assert found.marked(PROVISIONAL).tolist() == [False, False, True]
    assert found.marked(PARTIAL).tolist() == [True, True, True]


def test_an_amount_that_one_part_lacks_is_not_known(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0), a_bar(5)])
    less = tiers.read(MARKET).picked([1])
    less.value[:] = np.nan
    less.time[:] = at(1)
    store.put(MARKET, MINUTE, less, ())
    found = tiers.read(MARKET, 5 * MINUTE)

    assert np.isnan(found.value).tolist() == [True, False]
    assert found.volume.tolist() == [1.0, 0.5]


# --- coarser frames that are stored


def test_the_exchanges_own_candle_stands_in_where_minutes_are_not_whole(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(60, "1"), a_bar(125, "2")], whole=(span(60, 120),))
    put(store, MARKET, [a_bar(hour * 60, str(10 + hour)) for hour in range(3)], step=HOUR)
    found = tiers.read(MARKET, HOUR)

    assert found.close.tolist() == [10.0, 1.0, 12.0]
    assert found.marked(COARSE).tolist() == [True, False, True]
    assert found.marked(PARTIAL).tolist() == [False, False, False]
    assert tiers.read(MARKET).close.tolist() == [1.0, 2.0]
    assert tiers.read(MARKET, 30 * MINUTE).close.tolist() == [1.0, 2.0]
    assert tiers.whole(MARKET, HOUR) == (span(0, 180),)


def test_minutes_without_a_trade_are_no_reason_for_the_coarse_candle(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [], whole=(span(0, 60),))
    put(store, MARKET, [a_bar(0)], step=HOUR)

    assert len(tiers.read(MARKET, HOUR)) == 0


def test_a_still_coarser_frame_is_built_of_both(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(60, "900"), a_bar(120, "1")], whole=(span(60, 120),))
    put(store, MARKET, [a_bar(0, "10"), a_bar(120, "12"), a_bar(180, "13")], step=HOUR)
    found = tiers.read(MARKET, FOUR_HOURS)

    assert [found.open[0], found.high[0], found.close[0]] == [10.0, 901.0, 13.0]
    assert found.marked(COARSE).tolist() == [True]
    assert found.marked(PARTIAL).tolist() == [False]


def test_each_bucket_takes_the_finest_frame_that_is_whole(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0, "1")], whole=(span(0, 240),))
    put(store, MARKET, [a_bar(hour * 60, "2") for hour in range(8)], step=HOUR)
    put(store, MARKET, [a_bar(hour * 60, "3") for hour in range(0, 24, 4)], step=FOUR_HOURS)
    put(store, MARKET, [a_bar(day * 1_440, "4") for day in range(2)], step=DAY)

    assert tiers.read(MARKET, FOUR_HOURS).close.tolist() == [1.0, 2.0, 3.0, 3.0, 3.0, 3.0]
    assert tiers.read(MARKET, DAY).close.tolist() == [3.0, 4.0]
    assert tiers.read(MARKET, DAY).open.tolist() == [1.0, 4.0]


def test_a_frame_that_does_not_divide_is_left_alone(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0, "1"), a_bar(3, "1")], step=3 * MINUTE)
    put(store, MARKET, [a_bar(0, "2"), a_bar(5, "2")], step=5 * MINUTE)

    assert tiers.read(MARKET, 15 * MINUTE).close.tolist() == [1.0]
    assert tiers.read(MARKET, 5 * MINUTE).close.tolist() == [2.0, 2.0]


# --- filled views


def test_a_gap_in_which_nothing_traded_is_filled_with_the_close_before(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(1, "7"), a_bar(4, "9")], whole=(span(0, 6),))
    found = tiers.filled(MARKET, MINUTE, at(0), at(9))

    assert found.time.tolist() == [at(minute) for minute in range(1, 6)]
    assert found.close.tolist() == [7.0, 7.0, 7.0, 9.0, 9.0]
    assert found.high.tolist() == [8.0, 7.0, 7.0, 10.0, 9.0]
    assert found.low.tolist() == [6.0, 7.0, 7.0, 8.0, 9.0]
    assert found.volume.tolist() == [0.5, 0.0, 0.0, 0.5, 0.0]
    assert found.value.tolist() == [3.5, 0.0, 0.0, 4.5, 0.0]
    assert found.flags.tolist() == [REST, SYNTHETIC, SYNTHETIC, REST, SYNTHETIC]


def test_nothing_is_filled_across_what_is_not_known(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0, "7"), a_bar(7, "9")], whole=(span(0, 2), span(4, 10)))

    assert tiers.filled(MARKET, MINUTE, 0, at(20)).time.tolist() == [at(minute) for minute in (0, 1, 7, 8, 9)]


@pytest.mark.parametrize("quiet", [2, 2_000, 50_000])
def test_the_close_before_the_window_is_found_however_far_back(
    tiers: CandleTiers, store: CandleStore, quiet: int
) -> None:
    put(store, MARKET, [a_bar(0, "7")], whole=(span(0, quiet + 2),))
    found = tiers.filled(MARKET, MINUTE, at(quiet), at(quiet + 2))

    assert found.close.tolist() == [7.0, 7.0]
    assert found.time.tolist() == [at(quiet), at(quiet + 1)]


def test_a_close_from_before_a_hole_is_not_taken(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(0, "7")], whole=(span(0, 2), span(3, 9)))

    assert len(tiers.filled(MARKET, MINUTE, at(4), at(9))) == 0


def test_a_frame_is_filled_on_its_own(tiers: CandleTiers, store: CandleStore) -> None:
    put(store, MARKET, [a_bar(3, "7"), a_bar(14, "9")], whole=(span(0, 20),))
    found = tiers.filled(MARKET, 5 * MINUTE, at(0), at(20))

    assert found.close.tolist() == [7.0, 7.0, 9.0, 9.0]
    assert found.open.tolist() == [7.0, 7.0, 9.0, 9.0]
    assert found.marked(SYNTHETIC).tolist() == [False, True, False, True]


def test_an_unknown_market_has_nothing_to_fill(tiers: CandleTiers) -> None:
    assert len(tiers.filled(MARKET, HOUR, 0, at(600))) == 0
