"""Dates of the exchange: how they are written, and which time each stands for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kst import begin_of, day_of, moments
from domain.market import US_PER_S

KST = timedelta(hours=9)


def at(*parts: int) -> int:
    """A Korean time as microseconds UTC."""
    return int((datetime(*parts, tzinfo=UTC) - KST).timestamp()) * US_PER_S


NOTICE = at(2026, 9, 30, 17)


@pytest.mark.parametrize(
    ("text", "when", "whole_day"),
    [
        ("거래지원 종료 안내 (10/15 15:00)", at(2026, 10, 15, 15), False),
        ("종료 안내 (10/15)", at(2026, 10, 15), True),
        ("종료 일시 : 2026년 10월 15일(수) 15:00 (KST)", at(2026, 10, 15, 15), False),
        ("2026-10-15 15:00", at(2026, 10, 15, 15), False),
        ("2026.10.15. 15시", at(2026, 10, 15), True),  # a point ends the date: what follows is not surely its time
        ("2026/10/15 15시 30분", at(2026, 10, 15, 15, 30), False),
        ("10월 15일 오후 3시", at(2026, 10, 15, 15), False),
        ("10월 15일 오전 12시", at(2026, 10, 15), False),
        ("10월 15일 오후 12:30", at(2026, 10, 15, 12, 30), False),
        ("10월 15일 24:00", at(2026, 10, 16), False),
        ("1/5 09:00", at(2027, 1, 5, 9), False),
        ("9/29", at(2026, 9, 29), True),
    ],
)
def test_a_date_is_read_as_the_exchange_writes_it(text, when, whole_day):
    assert list(moments(text, NOTICE)) == [(when, whole_day)]


def test_a_year_that_is_not_written_is_the_one_that_lies_nearest():
    assert next(moments("12/30", at(2027, 1, 2))).at == at(2026, 12, 30)
    assert next(moments("1/2", at(2026, 12, 30))).at == at(2027, 1, 2)


@pytest.mark.parametrize(
    "text", ["", "13/01", "2026-02-30", "0/5", "10/155", "1.5배", "010-1234", "10/15 25:00", "3-4"]
)
def test_what_is_no_date_or_no_time_is_left_out(text):
    assert list(moments(text, NOTICE)) == []


def test_several_dates_come_in_their_order():
    assert [one.at for one in moments("10/15 15:00 ~ 2026-11-14", NOTICE)] == [at(2026, 10, 15, 15), at(2026, 11, 14)]


@given(st.dates(min_value=datetime(1971, 1, 1).date(), max_value=datetime(2200, 1, 1).date()))  # noqa: DTZ001 (a date)
def test_a_date_begins_at_midnight_in_korea(day):
    begin = at(day.year, day.month, day.day)
    assert begin_of(day.year, day.month, day.day) == day_of(day.isoformat()) == begin
    assert next(moments(f"{day.month}/{day.day}", begin)).at == begin


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2026-02-29", "26-02-01", "2026-02-01T00:00"])
def test_no_date_is_guessed(text):
    assert day_of(text) is None
