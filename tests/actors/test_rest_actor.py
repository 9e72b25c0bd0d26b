"""The edge to the candles: what a market is given for its warm-up, for a gap, and when it cannot be had."""

import threading
from decimal import Decimal as D

import pytest

from actors.rest import WARM_FIVES, WARM_FOUR_HOURS, WARM_HOURS, Past, Rest, nothing_known
from domain.errors import ExchangeUnavailable, StorageError
from domain.market import BASE_FRAME, DAY, FOUR_HOURS, HOUR, MINUTE, Bar
from domain.messages import (
    CandlesRead,
    CandlesUnread,
    CandlesWanted,
    HistoryFailed,
    HistoryLoaded,
    HistoryWanted,
)
from tests.actors.edge import Ear
from tests.actors.stage import BTC, T0

ASKER = f"market:{BTC}"


def bar(start: int) -> Bar:
    one = D(1)
    return Bar(start, one, one, one, one, one, one)


class Candles:
    """Gives the first and the last bar of each range, and remembers what was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[tuple[int, int, int]] = []

    def candle_range(self, market: str, unit: int, since: int, until: int) -> tuple[Bar, ...]:
        assert market == BTC
        self.asked.append((unit, since, until))
        if self.error:
            raise self.error
        return (bar(since), bar(until - unit * MINUTE)) if until > since else ()


def answered(wanted: HistoryWanted | CandlesWanted, client: Candles, past: Past = nothing_known):
    ear = Ear()
    rest = Rest(ear, "rest", client=client, past=past)
    rest.run_turn(ASKER, wanted, T0)
    to, answer = ear.next()
    rest.on_end()
    assert to == ASKER
    assert ear.all() == []
    return answer


def test_a_warm_up_has_every_frame_up_to_its_last_closed_bar():
    until = T0 + 5 * HOUR + 7 * MINUTE
    client = Candles()
    loaded = answered(HistoryWanted(BTC, 0, until), client)
    base, hour, four = T0 + 5 * HOUR + 5 * MINUTE, T0 + 5 * HOUR, T0 + 4 * HOUR
    assert client.asked == [
        (1, base, until),
        (5, base - WARM_FIVES * BASE_FRAME, base),
        (60, hour - WARM_HOURS * HOUR, hour),
        (240, four - WARM_FOUR_HOURS * FOUR_HOURS, four),
    ]
    assert (loaded.since, loaded.until) == (0, until)
    assert (loaded.minutes[-1].start, loaded.fives[-1].start) == (until - MINUTE, base - BASE_FRAME)
    assert (loaded.hours[-1].start, loaded.four_hours[-1].start) == (hour - HOUR, four - FOUR_HOURS)


def test_a_warm_up_at_a_base_close_needs_no_minutes():
    assert answered(HistoryWanted(BTC, 0, T0), Candles()).minutes == ()


def test_a_warm_up_near_the_beginning_of_time_asks_for_nothing_before_it():
    client = Candles()
    answered(HistoryWanted(BTC, 0, until := HOUR * 30), client)
    assert {since for unit, since, _ in client.asked if unit > 1} == {0}
    assert client.asked[0] == (1, until, until)


def test_a_warm_up_is_made_of_our_own_bars_and_asks_for_what_they_lack_alone():
    until, client, asked = T0 + DAY, Candles(), []
    first, known = until - WARM_FIVES * BASE_FRAME, until - WARM_HOURS * HOUR

    def past(market: str, step: int, since: int, end: int):
        asked.append((market, step, since, end))
        if step == BASE_FRAME:
            return (bar(since + step), bar(end - 2 * step)), ((since, until - HOUR), (until - 2 * step, end))
        return ((bar(known + 3 * step),), ((known, end),)) if step == HOUR else ((), ())

    loaded = answered(HistoryWanted(BTC, 0, until), client, past)
    four = until - WARM_FOUR_HOURS * FOUR_HOURS
    assert asked == [
        (BTC, BASE_FRAME, first, until),
        (BTC, HOUR, known, until),
        (BTC, FOUR_HOURS, four, until),
    ]
    assert client.asked == [(1, until, until), (5, until - HOUR, until - 2 * BASE_FRAME), (240, four, until)]
    starts = (first + BASE_FRAME, until - HOUR, until - 3 * BASE_FRAME, until - 2 * BASE_FRAME)
    assert tuple(one.start for one in loaded.fives) == starts
    assert loaded.hours == (bar(known + 3 * HOUR),)


def test_a_gap_and_a_check_ask_the_exchange_whatever_we_know():
    def past(*_: object):
        raise AssertionError("what is in doubt is not looked up in our own candles")

    for wanted in (HistoryWanted(BTC, T0, T0 + MINUTE), CandlesWanted(BTC, T0, T0 + MINUTE, "check")):
        client = Candles()
        assert isinstance(answered(wanted, client, past), HistoryLoaded | CandlesRead)
        assert client.asked == [(1, T0, T0 + MINUTE)]


def test_own_candles_that_cannot_be_read_cost_downloads_alone(caplog):
    def past(*_: object):
        raise StorageError("the disk is gone")

    client = Candles()
    assert isinstance(answered(HistoryWanted(BTC, 0, T0), client, past), HistoryLoaded)
    assert [unit for unit, _, _ in client.asked] == [1, 5, 60, 240]
    assert "the disk is gone" in caplog.text


def test_a_gap_is_filled_with_minutes_alone():
    client = Candles()
    loaded = answered(HistoryWanted(BTC, T0, T0 + 3 * MINUTE), client)
    assert client.asked == [(1, T0, T0 + 3 * MINUTE)]
    assert loaded == HistoryLoaded(BTC, T0, T0 + 3 * MINUTE, (bar(T0), bar(T0 + 2 * MINUTE)))


@pytest.mark.parametrize(
    ("error", "text"),
    [(ExchangeUnavailable("HTTP 502"), "HTTP 502"), (KeyError("x"), "KeyError: 'x'")],
    ids=["the exchange", "a bug of ours"],
)
def test_a_download_that_fails_is_told_to_the_one_who_asked(error, text):
    assert answered(HistoryWanted(BTC, 0, T0), Candles(error)) == HistoryFailed(BTC, text)


def test_minutes_to_be_checked_are_read_as_the_exchange_has_them():
    client = Candles()
    read = answered(CandlesWanted(BTC, T0, T0 + 5 * MINUTE, "late"), client)
    assert client.asked == [(1, T0, T0 + 5 * MINUTE)]
    assert read == CandlesRead(BTC, T0, T0 + 5 * MINUTE, (bar(T0), bar(T0 + 4 * MINUTE)), "late")


@pytest.mark.parametrize(
    ("error", "text"),
    [(ExchangeUnavailable("HTTP 502"), "HTTP 502"), (KeyError("x"), "KeyError: 'x'")],
    ids=["the exchange", "a bug of ours"],
)
def test_minutes_that_could_not_be_read_are_told_to_the_one_who_asked(error, text):
    wanted = CandlesWanted(BTC, T0, T0 + MINUTE, "check")
    assert answered(wanted, Candles(error)) == CandlesUnread(BTC, T0, T0 + MINUTE, "check", text)


def test_a_history_does_not_wait_for_checks():
    began, release, ear = threading.Event(), threading.Event(), Ear()

    class Slow(Candles):
        def candle_range(self, market, unit, since, until):
            if since == T0:
                began.set()
                release.wait(10)
            return super().candle_range(market, unit, since, until)

    rest = Rest(ear, "rest", client=Slow())
    for _ in range(10):
        rest.run_turn(ASKER, CandlesWanted(BTC, T0, T0 + MINUTE, "check"), T0)
    assert began.wait(10)
    rest.run_turn(ASKER, HistoryWanted(BTC, T0 + MINUTE, T0 + 2 * MINUTE), T0)
    assert isinstance(ear.next()[1], HistoryLoaded)
    release.set()
    rest.on_end()


def test_a_download_in_flight_is_answered_before_the_end():
    began, release, ear = threading.Event(), threading.Event(), Ear()

    class Slow(Candles):
        def candle_range(self, *asked):
            began.set()
            release.wait(10)
            return super().candle_range(*asked)

    rest = Rest(ear, "rest", client=Slow())
    rest.run_turn(ASKER, HistoryWanted(BTC, T0, T0 + MINUTE), T0)
    assert began.wait(10)
    ending = threading.Thread(target=rest.on_end)
    ending.start()
    release.set()
    ending.join(10)
    assert len(ear.of(HistoryLoaded)) == 1
