"""What the exchange confirmed of a market's minutes, what it told otherwise, and what follows for the indicators."""

from decimal import Decimal as D

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.candles import BadBars
from domain.features import MarketMemory
from domain.finality import (
    KEPT,
    KEPT_MAX,
    LAGS_MAX,
    SETTLE,
    Finality,
    NotNext,
    add,
    doubt,
    forget,
    is_moved,
    is_same,
    note_candle,
    note_late,
    oldest_needed,
    require_minutes,
    settle,
    to_ask,
)
from domain.market import BASE_FRAME, HOUR, MINUTE, US_PER_S, Bar, Trade
from domain.messages import Revision
from domain.orders import Side
from domain.restating import advance, base_bars, checkpoint, restate
from tests.domain.test_features import same

T0 = 1_767_225_600 * US_PER_S  # 2026-01-01T00:00Z


def minute(k: int, price: int = 1_000, volume: str = "1", *, high: int = 0, low: int = 0) -> Bar:
    close, size = D(price), D(volume)
    return Bar(T0 + k * MINUTE, close, D(high or price), D(low or price), close, size, close * size)


def at(k: float) -> int:
    return T0 + int(k * MINUTE)


def span(since: int, until: int) -> tuple[int, int]:
    return at(since), at(until)


@pytest.fixture
def five() -> Finality:
    """Five minutes, the third without a trade, none of them checked."""
    finality = Finality(at(0), at(0))
    add(finality, at(5), [minute(0), minute(1), minute(3), minute(4)], final=False)
    return finality


def told(finality: Finality, *changed: Bar, without: tuple[int, ...] = ()) -> list[Bar]:
    """Our minutes as the exchange would tell them, apart from these."""
    bars = {bar.start: bar for bar in finality.bars} | {bar.start: bar for bar in changed}
    return [bars[start] for start in sorted(bars) if start not in {at(k) for k in without}]


def test_minutes_are_unchecked_until_the_exchange_was_asked(five):
    assert five.unchecked == (span(0, 5),)
    done = settle(five, at(0), at(5), told(five))
    assert (done.spans, done.revisions, done.checked, done.lost) == ((span(0, 5),), (), 4, 0)
    assert (five.unchecked, five.waiting) == ((), 0)


def test_an_answer_for_a_part_leaves_the_rest_unchecked(five):
    settle(five, at(1), at(3), told(five)[1:2])
    assert five.unchecked == (span(0, 1), span(3, 5))
    assert five.waiting == 3


def test_what_the_exchange_tells_otherwise_is_a_revision_with_both_versions(five):
    other = minute(1, 1_010, "2")
    done = settle(five, at(0), at(5), told(five, other))
    assert done.revisions == (Revision(at(1), minute(1), other),)
    assert (done.checked, done.lost) == (4, 1)
    assert five.bars[1] == other


def test_a_candle_only_the_exchange_has_is_a_revision_and_was_lost(five):
    extra = minute(2, 990)
    done = settle(five, at(0), at(5), told(five, extra))
    assert done.revisions == (Revision(at(2), None, extra),)
    assert (done.checked, done.lost) == (5, 1)
    assert [bar.start for bar in five.bars] == [at(k) for k in range(5)]


def test_what_was_final_may_be_revised_again(five):
    settle(five, at(0), at(5), told(five))
    first, second = minute(1, 1_001), minute(1, 1_002)
    assert settle(five, at(1), at(2), [first]).revisions == (Revision(at(1), minute(1), first),)
    assert settle(five, at(1), at(2), [second]).revisions == (Revision(at(1), first, second),)


def test_what_the_exchange_does_not_know_yet_is_asked_for_again_and_believed_in_the_end(five):
    for _ in range(LAGS_MAX):
        done = settle(five, at(0), at(5), told(five, minute(3, 1_000, "0.5"), without=(4,)))
        assert (done.spans, done.revisions) == ((span(0, 3),), ())
        assert five.unchecked == (span(3, 5),)
    done = settle(five, at(0), at(5), told(five, minute(3, 1_000, "0.5"), without=(4,)))
    assert [one.start for one in done.revisions] == [at(3), at(4)]
    assert done.revisions[1].final is None
    assert (five.unchecked, done.lost, five.lags) == ((), 0, 0)


def test_an_answer_that_knows_all_resets_the_patience(five):
    settle(five, at(0), at(5), told(five, without=(4,)))
    settle(five, at(0), at(5), told(five))
    assert five.lags == 0


def test_a_late_trade_is_waited_for_although_the_exchange_still_tells_what_we_had(five):
    settle(five, at(0), at(5), told(five))
    assert note_late(five, [Trade(at(1.5), D(1_000), D("0.5"), Side.BUY, 1)])
    assert (five.unchecked, five.doubted) == ((span(1, 2),), (span(1, 2),))
    assert settle(five, at(1), at(2), [minute(1)]).spans == ()
    whole = minute(1, 1_000, "1.5")
    done = settle(five, at(1), at(2), [whole])
    assert done.revisions == (Revision(at(1), minute(1), whole),)
    assert (done.lost, five.doubted) == (0, ())


def test_a_late_trade_that_the_exchanges_candle_had_already_is_not_waited_for(five):
    whole = minute(1, 1_000, "1.5")
    settle(five, at(0), at(5), told(five, whole))
    note_late(five, [Trade(at(1.5), D(1_000), D("0.5"), Side.BUY, 1)])
    assert settle(five, at(1), at(2), [whole]).spans == (span(1, 2),)


def test_of_minutes_the_exchange_told_a_late_trade_says_nothing_of_what_it_must_know(five):
    add(five, at(6), [minute(5)], final=True, seen=False)
    note_late(five, [Trade(at(5.5), D(1_000), D("0.5"), Side.BUY, 1)])
    assert settle(five, at(5), at(6), [minute(5)]).spans == (span(5, 6),)


def test_what_the_exchange_forgets_that_it_told_is_waited_for(five):
    add(five, at(6), [minute(5)], final=True, seen=False)
    doubt(five, at(5), at(6))
    assert settle(five, at(5), at(6), []).spans == ()


def test_a_late_trade_of_a_minute_without_a_candle_is_waited_for_too(five):
    note_late(five, [Trade(at(2.5), D(1_000), D("0.5"), Side.BUY, 1)])
    assert settle(five, at(2), at(3), []).spans == ()


def test_a_trade_that_is_too_late_to_be_run_again_is_told(five):
    assert not note_late(five, [Trade(at(-1), D(1_000), D(1), Side.BUY, 1)])
    assert note_late(five, [Trade(at(7), D(1_000), D(1), Side.BUY, 1)])
    assert sorted(five.saw) == [at(0), at(1), at(3), at(4)]


def test_a_doubt_touches_whole_minutes_and_only_those_known(five):
    settle(five, at(0), at(5), told(five))
    assert doubt(five, at(1.2), at(2.1))
    assert five.doubted == (span(1, 3),)
    assert doubt(five, at(4.5), at(9))
    assert five.doubted == (span(1, 3), span(4, 5))
    assert not doubt(five, at(5), at(6))


def test_minutes_are_asked_for_once_they_have_settled_and_doubts_at_once(five):
    assert to_ask(five, at(5) + SETTLE - 1) == span(0, 4)
    assert to_ask(five, at(5) + SETTLE) == span(0, 5)
    doubt(five, at(4), at(5))
    assert to_ask(five, at(5)) == span(0, 5)
    settle(five, at(0), at(5), told(five))
    assert to_ask(five, at(60)) is None


def test_volume_and_value_are_equal_within_a_hundred_millionth_and_prices_exactly():
    bar = minute(0, 1_000, "100")
    assert is_same(bar, replace(bar, volume=D("100.000001"), value=D("99999.9991")))
    assert not is_same(bar, replace(bar, volume=D("100.000002")))
    assert not is_same(bar, replace(bar, value=D("99999.998")))
    for name in ("open", "high", "low", "close"):
        assert not is_same(bar, replace(bar, **{name: D("1000.000001")}))


def test_a_candle_of_the_stream_differs_from_ours_or_from_none(five):
    assert not note_candle(five, minute(1))
    assert note_candle(five, minute(1, 1_001))
    assert note_candle(five, minute(2))


def test_a_candle_of_the_stream_that_lacks_trades_of_its_minute_is_no_doubt(five):
    assert not note_candle(five, minute(1, 999, "0.5"))
    assert not five.streamed


def test_what_the_stream_tells_is_waited_for_although_rest_still_tells_what_we_had(five):
    whole = minute(1, 1_000, "3")
    note_candle(five, whole)
    assert settle(five, at(0), at(5), told(five)).spans == (span(0, 1), span(2, 5))
    done = settle(five, at(1), at(2), [whole])
    assert (done.revisions, done.lost) == ((Revision(at(1), minute(1), whole),), 1)
    assert five.streamed == {}


def test_a_close_is_moved_by_more_than_one_tick(five):
    seen = minute(1, 20_000)
    assert not is_moved("KRW-BTC", Revision(at(1), seen, minute(1, 20_010)))
    assert is_moved("KRW-BTC", Revision(at(1), seen, minute(1, 20_011)))
    assert is_moved("KRW-BTC", Revision(at(1), seen, None))
    assert is_moved("KRW-BTC", Revision(at(1), None, seen))


def test_checked_minutes_are_kept_for_an_hour_and_unchecked_ones_for_six():
    finality = Finality(at(0), at(0))
    add(finality, at(7 * 60), [minute(k) for k in range(7 * 60)], final=False)
    assert oldest_needed(finality, at(5 * 60)) == at(0)
    assert oldest_needed(finality, at(7 * 60)) == at(7 * 60) - KEPT_MAX
    settle(finality, at(0), at(6 * 60 + 30), finality.bars)
    assert oldest_needed(finality, at(7 * 60)) == at(7 * 60) - KEPT
    settle(finality, at(0), at(7 * 60), finality.bars)
    doubt(finality, at(303), at(304))
    assert oldest_needed(finality, at(7 * 60)) == at(300)


def test_minutes_that_were_never_checked_are_counted_when_they_are_let_go(five):
    settle(five, at(0), at(1), told(five)[:1])
    note_late(five, [Trade(at(1.5), D(1_000), D(1), Side.BUY, 1), Trade(at(3.5), D(1_000), D(1), Side.BUY, 2)])
    assert forget(five, at(3)) == 2
    assert (five.given_up, five.unchecked, five.doubted) == (2, (span(3, 5),), (span(3, 4),))
    assert [bar.start for bar in five.bars] == [at(3), at(4)]
    assert five.saw == {at(3): D(2), at(4): D(1)}


def test_an_answer_from_before_what_is_known_settles_only_what_is(five):
    forget(five, at(3))
    done = settle(five, at(0), at(5), told(five, minute(0, 7)))
    assert (done.spans, done.revisions) == ((span(3, 5),), ())
    assert settle(five, at(0), at(2), [minute(0, 7)]).spans == ()


def test_minutes_come_in_order(five):
    with pytest.raises(NotNext, match="add them in order"):
        add(five, at(6), [minute(4)], final=True)
    with pytest.raises(NotNext):
        add(five, at(6), [minute(6)], final=True)
    add(five, at(6), [], final=True)
    assert (five.until, five.unchecked) == (at(6), (span(0, 5),))


@pytest.mark.parametrize(
    "bars",
    [
        [replace(minute(0), high=D(1))],
        [replace(minute(0), start=at(0) + 1)],
        [minute(1), minute(0)],
        [minute(0), minute(0)],
        [replace(minute(0), real=False)],
    ],
)
def test_impossible_minutes_are_refused(bars):
    require_minutes([minute(0), minute(2)])
    with pytest.raises(BadBars):
        require_minutes(bars)


def test_it_survives_its_snapshot(five):
    note_late(five, [Trade(at(1.5), D(1_000), D("0.5"), Side.BUY, 1)])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(five), type=Finality) == five


# --- the indicators run again

COUNT = 8 * HOUR // MINUTE
prices = st.integers(900, 1_100)
tape = st.dictionaries(st.integers(0, COUNT - 1), prices, max_size=200)


def minutes_of(rows: dict[int, int]) -> list[Bar]:
    return [minute(k, price, str(1 + k % 7), high=price + 2, low=price - 2) for k, price in sorted(rows.items())]


def lived(bars: list[Bar], since: int, until: int, memory: MarketMemory | None = None) -> MarketMemory:
    memory = MarketMemory() if memory is None else memory
    advance_keeping(memory, base_bars(memory, bars, since, until))
    return memory


def advance_keeping(memory: MarketMemory, bars: tuple[Bar, ...]) -> None:
    from domain.features import close_base_bar  # noqa: PLC0415

    for bar in bars:
        close_base_bar(memory, bar)


@given(tape, tape, st.integers(0, COUNT // 5), st.sets(st.integers(0, COUNT - 1), max_size=40))
def test_indicators_run_again_equal_those_that_knew_the_final_minutes_from_the_start(seen, final, cut, gone):
    """Minutes behind the checkpoint change, appear and vanish; those before it are the same in both worlds."""
    base = T0 + cut * BASE_FRAME
    before = {k: price for k, price in seen.items() if at(k) < base}
    after = {k: price for k, price in (seen | final).items() if at(k) >= base and k not in gone}
    memory = lived(minutes_of(seen), T0, base)
    mark = checkpoint(memory)
    end = T0 + COUNT * MINUTE
    lived(minutes_of(seen), base, end, memory)
    restate(memory, mark, base_bars(mark, minutes_of(after), base, end))
    assert same(memory, lived(minutes_of(before | after), T0, end))


@given(tape, st.integers(0, COUNT // 5), st.integers(0, COUNT // 5))
def test_a_checkpoint_that_moves_on_is_the_one_noted_later(rows, one, other):
    first, later = (T0 + k * BASE_FRAME for k in sorted((one, other)))
    bars = minutes_of(rows)
    mark = checkpoint(lived(bars, T0, first))
    advance(mark, base_bars(mark, bars, first, later))
    assert same(mark, checkpoint(lived(bars, T0, later)))


def test_a_full_history_is_restored_to_its_last_row():
    bars = minutes_of({k: 1_000 + k % 50 for k in range(0, 400 * 5, 3)})
    base, end = T0 + 390 * BASE_FRAME, T0 + 400 * BASE_FRAME
    memory = lived(bars, T0, base)
    mark = checkpoint(memory)
    lived(bars, base, end, memory)
    changed = [replace(bar, close=bar.high) if bar.start >= base else bar for bar in bars]
    restate(memory, mark, base_bars(mark, changed, base, end))
    assert len(memory.history) == 300
    assert same(memory, lived(changed, T0, end))
    assert len(mark.history) == 0
