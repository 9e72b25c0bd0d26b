"""Dates as the exchange writes them, in Korean time, and the times they stand for (int microseconds UTC)."""

import calendar
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from domain.market import DAY, HOUR, KST_OFFSET, MINUTE, US_PER_S

_CLOCK: Final = (
    r"(?:\s*\([월화수목금토일]\))?(?:\s*(?P<half>오전|오후)?\s*(?P<hour>\d{1,2})\s*(?::|시)\s*(?P<minute>\d{2})?)?"
)
_DATED: Final = re.compile(
    r"(?<!\d)(?:(?P<year>20\d{2})\s*[-./년]\s*(?P<month>\d{1,2})\s*[-./월]\s*(?P<day>\d{1,2})"
    r"|(?P<month_only>\d{1,2})\s*[/월]\s*(?P<day_only>\d{1,2}))(?!\d)\s*일?" + _CLOCK
)


_MONTHS: Final = 12
_HALF_DAY: Final = 12  # hours
_YEARS: Final = range(1970, 10_000)


class Moment(NamedTuple):
    """A time somebody wrote down: when it begins, and whether no hour was named: then it is some time in that day."""

    at: int
    whole_day: bool


def begin_of(year: int, month: int, day: int) -> int | None:
    """When a date of Korea begins; None for a date that no calendar has."""
    if not (1 <= month <= _MONTHS and year in _YEARS and 1 <= day <= calendar.monthrange(year, month)[1]):
        return None
    return calendar.timegm((year, month, day, 0, 0, 0)) * US_PER_S - KST_OFFSET


def day_of(text: str) -> int | None:
    """When a date such as 2026-12-01 begins; None when it is none."""
    found = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", text.strip())
    return begin_of(*map(int, found.groups())) if found else None


def moments(text: str, about: int) -> Iterator[Moment]:
    """Every date of a text in its order, with its time when one follows; one without a year is the next to `about`."""
    for found in _DATED.finditer(text):
        if (day := _day(found, about)) is not None and (clock := _clock(found)) is not None:
            yield Moment(day + clock, whole_day=found["hour"] is None)


def _day(found: re.Match[str], about: int) -> int | None:
    if found["year"]:
        return begin_of(int(found["year"]), int(found["month"]), int(found["day"]))
    month, day, near = int(found["month_only"]), int(found["day_only"]), _year(about)
    days = (begin_of(year, month, day) for year in (near - 1, near, near + 1))
    return min((at for at in days if at is not None), key=lambda at: abs(at - about), default=None)


def _clock(found: re.Match[str]) -> int | None:
    """The time of day, 0 when none was named, None for one that no clock shows."""
    hour, minute = int(found["hour"] or 0), int(found["minute"] or 0)
    if found["half"] and 1 <= hour <= _HALF_DAY:
        hour = hour % _HALF_DAY + (_HALF_DAY if found["half"] == "오후" else 0)
    at = hour * HOUR + minute * MINUTE
    return at if minute * MINUTE < HOUR and at <= DAY else None


def _year(at: int) -> int:
    """The year in Korea that holds this time."""
    second = (at + KST_OFFSET) // US_PER_S
    year = 1970 + second // 31_556_952  # the mean year: one off at the most
    while calendar.timegm((year, 1, 1, 0, 0, 0)) > second:
        year -= 1
    while calendar.timegm((year + 1, 1, 1, 0, 0, 0)) <= second:
        year += 1
    return year
