"""The exchange's clock, as its answers tell it."""

import pytest

from actors.runtime import wall_clock
from actors.upbit.skew import KEPT, Skew
from domain.errors import Forbidden
from tests.actors.upbit.hand import SECOND, HandClock
from tests.actors.upbit.raw import ask, says

AT = 1_795_327_200 * SECOND  # Sun, 22 Nov 2026 06:00:00 GMT
DATE = "Sun, 22 Nov 2026 06:00:00 GMT"


def heard(*dates: str | None, ahead_s: float = 0.0, took_s: float = 0.0) -> float | None:
    """What our clock, ahead by so much, makes of these headers."""
    clock = HandClock()
    clock.time = AT + round(ahead_s * SECOND) + SECOND // 2
    skew = Skew(clock)
    sent_at = clock.time - round(took_s / 2 * SECOND)
    clock.time += round(took_s / 2 * SECOND)
    for date in dates:
        skew.hear(date, sent_at)
    return skew.seconds()


@pytest.mark.parametrize("ahead_s", [-300.0, 0.0, 0.4, 300.0])
def test_the_difference_is_that_of_the_middle_of_the_second_and_of_the_call(ahead_s):
    assert heard(DATE, ahead_s=ahead_s, took_s=0.6) == pytest.approx(-ahead_s)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 Nov 2026 06:00:00 GMT", "0", "Sun, 22 Nov 99999999"])
def test_a_date_that_is_none_tells_nothing(date):
    assert heard(date) is None


def test_a_date_without_a_zone_is_utc():
    assert heard(DATE.removesuffix(" GMT") + " -0000") == pytest.approx(0.0)


def test_one_wrong_date_among_many_counts_for_nothing():
    assert heard(DATE, "Thu, 01 Jan 1970 00:00:00 GMT", DATE) == pytest.approx(0.0)
    assert heard(*[DATE] * KEPT, *["Sun, 22 Nov 2026 06:05:00 GMT"] * KEPT) == pytest.approx(300.0)


def test_an_answer_that_took_long_tells_nothing():
    assert heard(DATE, took_s=1.5) is None


def test_the_line_hears_it_from_every_answer_even_a_refusal(rig):
    refusal = b'{"error":{"name":"out_of_scope"}}'
    nonsense = says(b"[]", "200 OK", "date: nonsense")
    server, _ = rig(nonsense, says(refusal, "403 Forbidden", f"date: {DATE}"), says(b"[]"))
    transport = rig.to(server.url, clock=wall_clock())
    ask(transport)
    assert transport.skew_s is None
    with pytest.raises(Forbidden):
        ask(transport)
    told = transport.skew_s
    assert told is not None
    ask(transport)  # without a Date
    assert transport.skew_s == told
