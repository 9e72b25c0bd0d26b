"""The backfill: all there is, once, whatever happens in between."""

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from actors.collect.backfill import AHEAD, Backfill, Job
from domain.errors import Blocked, ExchangeUnavailable, NotFound, RateLimited, StorageError
from domain.market import DAY, MINUTE
from tests.actors.collect.parts import BTC, ETH, T0, Killed, Listener, MemoryShelf, Truth, bar, bars


def job(since, until, market=BTC):
    return Job(market, MINUTE, T0 + since * MINUTE, T0 + until * MINUTE)


def backfill(truth, shelf, **more):
    return Backfill(truth, shelf, more.pop("progress", Listener()), **{"pause_s": 0.0, "workers": 1, **more})


def test_all_candles_of_the_time_asked_for_are_stored_and_nothing_else():
    truth, shelf = Truth({BTC: bars(*range(0, 900, 2)), ETH: bars(5, 7)}), MemoryShelf()
    done = backfill(truth, shelf, workers=3).run([job(100, 700), job(0, 30, ETH)])
    assert shelf.held(BTC) == bars(*range(100, 700, 2))
    assert shelf.held(ETH) == bars(5, 7)
    assert shelf.spans == {(one.market, MINUTE): ((one.since, one.until),) for one in (job(100, 700), job(0, 30, ETH))}
    assert [(one.candles, one.left, one.error) for one in done] == [(300, 0, ""), (2, 0, "")]


def test_what_is_known_whole_is_not_asked_again():
    truth, shelf = Truth({BTC: bars(*range(900))}), MemoryShelf()
    backfill(truth, shelf).run([job(300, 500)])
    truth.calls.clear()
    backfill(truth, shelf).run([job(0, 900)])
    assert shelf.held(BTC) == bars(*range(900))
    assert not [to for _, to in truth.pages() if T0 + 300 * MINUTE < to <= T0 + 500 * MINUTE]
    truth.calls.clear()
    backfill(truth, shelf).run([job(0, 900)])
    assert truth.calls == []


def test_a_market_younger_than_asked_is_known_from_its_beginning_and_not_asked_again():
    truth, shelf = Truth({BTC: bars(*range(500, 900))}), MemoryShelf()
    backfill(truth, shelf).run([job(0, 900)])
    assert shelf.whole(BTC, MINUTE) == ((T0, T0 + 900 * MINUTE),)
    truth.calls.clear()
    backfill(truth, shelf).run([job(0, 900)])
    assert truth.calls == []


def test_an_empty_page_is_not_believed_where_there_are_older_days():
    truth, shelf = Truth({BTC: (bar(-2000), *bars(*range(300)))}), MemoryShelf()

    def empty(market, unit, to=None, count=200):
        found = Truth.candles(truth, market, unit, to, count)
        return () if unit == 1 and to <= T0 + 100 * MINUTE else found

    truth.candles = empty
    (done,) = backfill(truth, shelf).run([job(-3000, 300)])
    assert "the day of" in done.error
    assert shelf.whole(BTC, MINUTE) == ((T0 + 100 * MINUTE, T0 + 300 * MINUTE),)


def test_a_page_shorter_than_asked_leaves_no_hole():
    truth, shelf = Truth({BTC: bars(*range(300))}, page=7), MemoryShelf()
    backfill(truth, shelf).run([job(0, 300)])
    assert shelf.held(BTC) == bars(*range(300))


@pytest.mark.parametrize(
    "odd",
    [
        (bar(5), bar(5)),
        (bar(4), bar(5)),
        (bar(300),),
        (replace(bar(5), start=T0 + 1),),
        (bar(0, price=0),),
    ],
    ids=["double", "oldest first", "not before", "off the grid", "impossible"],
)
def test_an_odd_page_fails_its_market_alone_and_stores_nothing_of_it(odd):
    truth, shelf = Truth({BTC: bars(*range(300)), ETH: bars(*range(300))}), MemoryShelf()
    tell = truth.candles
    truth.candles = lambda market, *rest: odd if market == BTC else tell(market, *rest)
    done = backfill(truth, shelf).run([job(0, 300), job(0, 300, ETH)])
    assert [bool(one.error) for one in done] == [True, False]
    assert (shelf.held(BTC), shelf.whole(BTC, MINUTE)) == ((), ())
    assert shelf.held(ETH) == bars(*range(300))


def test_an_odd_page_that_comes_right_at_the_next_try_fails_nothing():
    truth, shelf = Truth({BTC: bars(*range(300))}), MemoryShelf()
    tell, odd = truth.candles, [(bar(300),), (bar(4), bar(5))]
    truth.candles = lambda *asked: odd.pop() if odd else tell(*asked)
    (done,) = backfill(truth, shelf).run([job(0, 300)])
    assert (done.error, shelf.held(BTC)) == ("", bars(*range(300)))


def test_a_market_that_fails_keeps_what_came_before_and_stops_no_other():
    truth, shelf = Truth({BTC: bars(*range(900)), ETH: bars(*range(900))}), MemoryShelf()

    def fails(number):
        if number == 3:
            raise NotFound(404, "not_found", "Code not found")

    truth.fails = fails
    done = backfill(truth, shelf).run([job(0, 900), job(0, 900, ETH)])
    assert [one.error for one in done] == ["not_found (HTTP 404): Code not found", ""]
    assert shelf.held(BTC) == bars(*range(500, 900))
    assert done[0].left == 500 * MINUTE
    assert shelf.held(ETH) == bars(*range(900))


@pytest.mark.parametrize("error", [ExchangeUnavailable("away"), RateLimited("429", 0.0), Blocked("418", 0.001)])
def test_an_exchange_that_comes_back_is_waited_for(error):
    truth, shelf = Truth({BTC: bars(*range(900))}), MemoryShelf()

    def fails(number):
        if number in {2, 3, 5}:
            raise error

    truth.fails = fails
    (done,) = backfill(truth, shelf).run([job(0, 900)])
    assert (done.error, shelf.held(BTC)) == ("", bars(*range(900)))


def test_an_exchange_that_stays_away_ends_all_markets_with_what_they_have():
    truth, shelf = Truth({BTC: bars(*range(900)), ETH: bars(*range(900))}), MemoryShelf()

    def fails(number):
        if number > 2:
            raise ExchangeUnavailable("away")

    truth.fails = fails
    done = backfill(truth, shelf, patience_s=0.0).run([job(0, 900), job(0, 900, ETH)])
    assert [one.error for one in done] == ["away", "away"]
    assert shelf.held(BTC) == bars(*range(500, 900))


def test_a_block_longer_than_anybody_waits_is_not_waited_for():
    truth, shelf = Truth({BTC: bars(*range(900))}), MemoryShelf()

    def fails(number):
        raise Blocked("blocked", 3_600.0)

    truth.fails = fails
    (done,) = backfill(truth, shelf).run([job(0, 900)])
    assert (done.error, len(truth.calls)) == ("blocked", 1)


def test_a_stop_stores_what_came_and_no_page_is_asked_for_twice():
    truth, shelf, progress = Truth({BTC: bars(*range(3000)), ETH: bars(*range(3000))}), MemoryShelf(), Listener()
    one = backfill(truth, shelf, workers=2, progress=progress)
    truth.fails = lambda number: one.stop() if number == 8 else None
    done = one.run([job(0, 3000), job(0, 3000, ETH)])
    assert all(each.stopped and not each.error for each in done)
    assert sum(len(shelf.held(market)) for market in (BTC, ETH)) == progress.candles > 0
    backfill(truth, shelf).run([job(0, 3000), job(0, 3000, ETH)])
    assert (shelf.held(BTC), shelf.held(ETH)) == (bars(*range(3000)),) * 2
    assert max(Counter(truth.pages()).values()) == 1


def test_a_stop_releases_who_waits_for_a_turn():
    released = []
    truth, shelf = Truth({BTC: bars(*range(900))}), MemoryShelf()

    def fails(number):
        one.stop()
        while not released:
            pass
        raise ExchangeUnavailable("the client is closed")

    truth.fails = fails
    one = backfill(truth, shelf, release=lambda: released.append(1))
    (done,) = one.run([job(0, 900)])
    assert (done.stopped, done.error) == (True, "")


def test_what_cannot_be_stored_ends_the_run_with_its_reason():
    truth, shelf = Truth({BTC: bars(*range(900)), ETH: bars(*range(900))}), MemoryShelf()

    def dies(write):
        raise StorageError("the disk is full")

    shelf.dies = dies
    with pytest.raises(StorageError, match="disk is full"):
        backfill(truth, shelf, workers=2).run([job(0, 900), job(0, 900, ETH)])


def test_a_fault_of_ours_in_a_worker_is_told_and_not_swallowed():
    truth, shelf = Truth({BTC: bars(*range(900))}), MemoryShelf()
    truth.candles_of = {}
    with pytest.raises(KeyError):
        backfill(truth, shelf).run([job(0, 900)])


@settings(max_examples=60)
@given(
    minutes=st.sets(st.integers(0, 400), max_size=200),
    span=st.tuples(st.integers(0, 400), st.integers(0, 400)).map(sorted),
    page=st.integers(1, 20),
    chunk=st.integers(1, 6),
    kills=st.lists(st.tuples(st.sampled_from(["page", "write"]), st.integers(1, 12)), max_size=5),
)
def test_killed_anywhere_and_started_again_the_store_holds_the_truth(minutes, span, page, chunk, kills):
    truth, shelf = Truth({BTC: bars(*sorted(minutes))}, page=page), MemoryShelf()
    since, until = span
    for what, number in kills:
        calls, writes = len(truth.calls), shelf.writes

        def at(count, last):
            if count == last:
                raise Killed

        truth.fails = lambda count, last=calls + number: at(count, last)
        shelf.dies = lambda count, last=writes + number: at(count, last)
        if what == "page":
            shelf.dies = lambda _: None
        else:
            truth.fails = lambda _: None
        with suppress(Killed):
            backfill(truth, shelf, chunk=chunk).run([job(since, until)])
    truth.fails = shelf.dies = lambda _: None
    (done,) = backfill(truth, shelf, chunk=chunk).run([job(since, until)])
    assert (done.error, done.left) == ("", 0)
    assert shelf.held(BTC) == bars(*(minute for minute in sorted(minutes) if since <= minute < until))
    assert shelf.whole(BTC, MINUTE) == (((job(since, until).since, job(since, until).until),) if since < until else ())
    again = sum(count - 1 for count in Counter(truth.pages()).values())
    most = chunk + AHEAD
    assert again <= len(kills) * most, "more pages were asked for again than a chunk and those that were ahead of it"


def test_markets_that_fail_take_no_room_from_those_behind_them():
    names = [f"KRW-A{number}" for number in range(3 * AHEAD)]
    truth, shelf = Truth({BTC: bars(*range(900))}), MemoryShelf()

    def fails(call):
        if call <= len(names):
            raise NotFound(404, "not_found", "Code not found")

    truth.fails = fails
    done = backfill(truth, shelf).run([*(job(0, 900, name) for name in names), job(0, 900)])
    assert [one.error != "" for one in done] == [True] * len(names) + [False]
    assert shelf.held(BTC) == bars(*range(900))


def test_the_days_are_asked_once_to_be_sure_of_a_beginning():
    truth, shelf = Truth({BTC: bars(*range(20))}), MemoryShelf()
    (done,) = backfill(truth, shelf).run([Job(BTC, MINUTE, T0 - 90 * DAY, T0 + 20 * MINUTE)])
    assert [unit for _, unit, _, _ in truth.calls] == [1, 1, 1440]
    assert (done.calls, done.candles) == (3, 20)
