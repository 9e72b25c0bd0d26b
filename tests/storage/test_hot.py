import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from peewee import SqliteDatabase

from domain.errors import StorageError
from domain.market import Bar
from domain.messages import CandlesTold, Revision
from storage.candle_models import HotMinuteRow
from storage.columns import PROVISIONAL, REST, REVISED, TRADES
from storage.database import MIGRATIONS
from storage.hot import HotCandles
from tests.storage.conftest import NEW_YEAR, a_bar, at, dump

MARKET = "KRW-BTC"


def told(first: int, end: int, *bars: Bar, market: str = MARKET, final: bool = False, **more: Any) -> CandlesTold:
    source, state = ("rest", "final") if final else ("trades", "provisional")
    return CandlesTold(market, at(first), at(end), bars, source, state, **more)


def test_a_minute_is_known_traded_or_not(hot: HotCandles) -> None:
    hot.take(1, told(0, 1, a_bar(0, "0.1")))
    hot.take(2, told(1, 3))
    hot.take(3, told(5, 6, a_bar(5, "7"), final=True))
    known = hot.held(MARKET).known

    assert known.candles.time.tolist() == [at(0), at(5)]
    assert known.candles.close.tolist() == [0.1, 7.0]
    assert known.candles.flags.tolist() == [TRADES | PROVISIONAL, REST]
    assert known.whole == ((at(0), at(3)), (at(5), at(6)))


def test_decimals_are_kept_digit_for_digit(hot: HotCandles, database: SqliteDatabase) -> None:
    exact = Bar(NEW_YEAR, *(Decimal(f"828810596.0008935600000000000{digit}") for digit in range(6)))
    hot.take(1, told(0, 1, exact))
    row = HotMinuteRow.select().get(database)

    assert Bar(row.start, row.open, row.high, row.low, row.close, row.volume, row.value) == exact


def test_a_range_holds_its_begin_and_not_its_end(hot: HotCandles) -> None:
    hot.take(1, told(0, 5, *(a_bar(minute) for minute in range(5))))
    hot.take(2, told(2, 3, a_bar(2), market="KRW-ETH"))
    known = hot.held(MARKET, at(1), at(3)).known

    assert known.candles.time.tolist() == [at(1), at(2)]
    assert known.whole == ((at(1), at(3)),)


def test_the_younger_word_stands_and_a_final_one_before_all(hot: HotCandles) -> None:
    hot.take(5, told(0, 2, a_bar(0, "5"), a_bar(1, "5")))
    hot.take(4, told(0, 1, a_bar(0, "4")))
    hot.take(3, told(1, 2, a_bar(1, "3"), final=True))
    hot.take(6, told(1, 2, a_bar(1, "6")))

    assert hot.held(MARKET).known.candles.close.tolist() == [5.0, 3.0]


def test_the_exchange_may_say_that_nothing_traded(hot: HotCandles) -> None:
    hot.take(2, told(0, 1, final=True, revisions=(Revision(at(0), a_bar(0), None),)))
    hot.take(1, told(0, 1, a_bar(0)))
    known = hot.held(MARKET).known

    assert len(known.candles) == 0
    assert known.whole == ((at(0), at(1)),)
    assert known.as_seen.time.tolist() == [at(0)]


def test_both_versions_of_a_revised_candle_are_kept(hot: HotCandles) -> None:
    hot.take(1, told(0, 1, a_bar(0, "5")))
    hot.take(2, told(0, 1, a_bar(0, "7"), final=True, revisions=(Revision(at(0), a_bar(0, "5"), a_bar(0, "7")),)))
    hot.take(3, told(0, 1, a_bar(0, "8"), final=True, revisions=(Revision(at(0), a_bar(0, "7"), a_bar(0, "8")),)))
    known = hot.held(MARKET).known

    assert known.candles.close.tolist() == [8.0]
    assert known.candles.flags.tolist() == [REST | REVISED]
    assert known.as_seen.close.tolist() == [5.0]
    assert known.as_seen.flags.tolist() == [TRADES | PROVISIONAL]


def test_a_candle_nobody_saw_has_no_version_as_seen(hot: HotCandles) -> None:
    hot.take(1, told(0, 1, a_bar(0), final=True, revisions=(Revision(at(0), None, a_bar(0)),)))

    assert len(hot.held(MARKET).known.as_seen) == 0


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (CandlesTold(MARKET, at(0) + 1, at(1), (), "trades", "provisional"), "no whole minutes"),
        (CandlesTold(MARKET, at(0), at(1) - 1, (), "trades", "provisional"), "no whole minutes"),
        (told(1, 0), "no whole minutes"),
        (told(0, 32 * 1_440), "history goes to the files"),
        (told(0, 1, a_bar(1)), "is no minute of"),
        (told(0, 1, a_bar(begin=NEW_YEAR + 1)), "is no minute of"),
        (told(0, 1, a_bar(0, real=False)), "fills a gap"),
        (CandlesTold(MARKET, at(0), at(1), (), "hearsay", "final"), "source 'hearsay'"),
        (CandlesTold(MARKET, at(0), at(1), (), "rest", "sure"), "state 'sure'"),
        (told(0, 1, Bar(NEW_YEAR, *[Decimal(1)] * 5, value=1.5)), "column value takes a finite Decimal"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_of_the_batch_is_stored(
    hot: HotCandles, message: CandlesTold, fault: str
) -> None:
    with pytest.raises(StorageError, match=fault):
        hot.take_all([(1, told(0, 1_500, *(a_bar(minute) for minute in range(1_500)), market="KRW-ETH")), (2, message)])

    assert hot.markets() == ()


def test_a_minute_of_all_markets_is_stored_together(hot: HotCandles) -> None:
    hot.take_all([(number, told(0, 2, a_bar(0), market=f"KRW-{number}")) for number in range(1, 701)])

    assert len(hot.markets()) == 700
    assert all(hot.held(f"KRW-{number}").known.whole == ((at(0), at(2)),) for number in (1, 700))


def test_markets_are_those_with_something_that_old(hot: HotCandles) -> None:
    hot.take(1, told(0, 1))
    hot.take(2, told(5, 6, market="KRW-ETH"))
    hot.take(3, told(9, 9, market="KRW-XRP", revisions=(Revision(at(2), a_bar(2), None),)))

    assert hot.markets(at(5)) == (MARKET, "KRW-XRP")
    assert hot.markets() == (MARKET, "KRW-ETH", "KRW-XRP")


def test_only_the_rows_that_were_read_are_forgotten(hot: HotCandles) -> None:
    revised = (Revision(at(0), a_bar(0, "5"), a_bar(0, "7")),)
    for market in (MARKET, "KRW-ETH"):
        hot.take(1, told(0, 4, a_bar(0, "7"), market=market, final=True, revisions=revised))
    part = hot.held(MARKET, 0, at(3))
    hot.take(2, told(1, 2, a_bar(1, "9"), final=True))  # the exchange adds one meanwhile
    hot.forget(MARKET, part)
    left = hot.held(MARKET).known

    assert left.candles.close.tolist() == [9.0]
    assert left.whole == ((at(1), at(2)), (at(3), at(4)))
    assert len(left.as_seen) == 0
    assert hot.held("KRW-ETH").known.whole == ((at(0), at(4)),)


def test_a_long_tail_is_forgotten_whole(hot: HotCandles) -> None:
    hot.take(1, told(0, 3_500))
    hot.forget(MARKET, hot.held(MARKET))

    assert hot.markets() == ()


def in_memory() -> SqliteDatabase:
    database = SqliteDatabase(":memory:")
    for step in MIGRATIONS:
        step(database)
    return database


def words() -> st.SearchStrategy[CandlesTold]:
    def word(first: int, traded: list[int], close: int, seen: list[int], *, final: bool) -> CandlesTold:
        end = first + 5
        bars = [a_bar(minute, str(close)) for minute in sorted(set(traded)) if first <= minute < end]
        revised = [Revision(at(minute), a_bar(minute, str(close + 50)), None) for minute in sorted(set(seen))]
        return told(first, end, *bars, final=final, revisions=tuple(revised) if final else ())

    some = st.lists(st.integers(0, 12), max_size=6)
    return st.builds(word, st.integers(0, 9), some, st.integers(2, 40), some, final=st.booleans())


@settings(max_examples=40, deadline=None)
@given(journal=st.lists(words(), max_size=6), seed=st.integers(0, 99))
def test_any_order_and_any_repetition_ends_in_the_same_rows(journal: list[CandlesTold], seed: int) -> None:
    numbered = list(enumerate(journal, start=1))
    shuffled = random.Random(seed).choices(numbered, k=len(numbered)) + numbered if numbered else []
    random.Random(seed + 1).shuffle(shuffled)
    ends = []
    for batches in ([numbered], [[one] for one in shuffled]):
        database = in_memory()
        for batch in batches:
            HotCandles(database).take_all(batch)
        ends.append(dump(database))
        database.close()

    assert ends[0] == ends[1]
