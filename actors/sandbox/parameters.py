"""Parameters of the private side's lists: counts, states, times, order; raises Refused for what cannot be meant."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

from actors.sandbox.answers import Request, bad_parameter
from actors.sandbox.order_wire import KST
from domain.market import DAY

T = TypeVar("T")

WEEK: Final = 7 * DAY
_LATEST: Final = 253_402_300_799_000  # milliseconds: the end of the year 9999


def count(request: Request, name: str, default: int, most: int | None = None) -> int:
    """A whole number from one up, cut to the most the exchange gives."""
    text = request.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < 1:  # noqa: PLR2004 (digits)
        raise bad_parameter(f"{name} does not have a valid value")
    return int(text) if most is None else min(int(text), most)


def market_of(request: Request) -> str | None:
    """The market asked for, which REST takes in either case; None when none is."""
    market = request.get("market")
    return None if market is None else market.upper()


def states(request: Request, known: frozenset[str], default: frozenset[str]) -> frozenset[str]:
    """The states of `state` or `states[]`, not of both; the default when neither is there."""
    one, several = request.get("state"), request.every("states")
    if one is not None and several:
        raise bad_parameter()
    asked = frozenset(several) if one is None else frozenset({one})
    if not asked <= known:
        raise bad_parameter()
    return asked or default


def ordered(rows: list[T], at: Callable[[T], int], request: Request) -> list[T]:
    """Newest first, or oldest first if asked for."""
    order_by = request.get("order_by") or "desc"
    if order_by not in {"asc", "desc"}:
        raise bad_parameter()
    oldest_first = sorted(rows, key=at)
    return oldest_first if order_by == "asc" else oldest_first[::-1]


def window(request: Request, now: int) -> tuple[int, int]:
    """From `start_time` to `end_time`, at most seven days, in microseconds."""
    start, end = (moment(request.get(name)) for name in ("start_time", "end_time"))
    if end is None:
        end = now if start is None else start + WEEK
    if start is None:
        start = end - WEEK
    if end - start > WEEK or end < start:
        raise bad_parameter("조회 기간은 최대 7일입니다.")
    return start, end


def moment(text: str | None) -> int | None:
    """A time parameter, ISO 8601 (KST without a zone) or epoch milliseconds, in microseconds."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal():
        if int(text[:20]) > _LATEST:
            raise bad_parameter()
        return int(text) * 1000
    try:
        found = datetime.fromisoformat(text)
        aware = found if found.tzinfo else found.replace(tzinfo=KST)
        return int(aware.timestamp()) * 1_000_000
    except (ValueError, OverflowError) as error:
        raise bad_parameter() from error
