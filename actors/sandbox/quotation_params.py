"""Reads the parameters of the public REST side, and says no to them the way the exchange does."""

from datetime import UTC, datetime
from typing import Final

from actors.sandbox.answers import Request, invalid, missing, mistyped, no_code
from actors.sandbox.choices import Choices
from actors.sandbox.live import LiveMarket
from actors.sandbox.world import World
from domain.market import DAY, US_PER_S

MAX_CANDLES: Final = 200
MAX_DAYS_AGO: Final = 7
_MAX_TEXT: Final = 18  # digits of a number that 64 bits hold


def listed(world: World) -> list[LiveMarket]:
    """The markets that are not delisted."""
    return [live for live in world.markets.values() if live.listing.listed]


def one_market(world: World, request: Request) -> LiveMarket:
    """The market asked for."""
    code = request.get("market")
    if code is None:
        raise missing()
    return _market(world, code)


def some_markets(world: World, request: Request) -> list[LiveMarket]:
    """The markets asked for; one unknown code fails the whole call."""
    codes = request.every("markets")
    if not codes:
        raise missing()
    return [_market(world, code.strip()) for code in codes]


def _market(world: World, code: str) -> LiveMarket:
    live = world.markets.get(code.upper())
    if live is None or not live.listing.listed:
        raise no_code()
    return live


def whole(text: str | None, default: int) -> int:
    """A number from 1 on."""
    if text is None:
        return default
    try:
        value = int(text)
    except ValueError as error:
        raise mistyped() from error
    if value < 1:
        raise invalid()
    return value


def candle_count(request: Request, choices: Choices) -> int:
    """How many candles are wanted."""
    count = whole(request.get("count"), 1)
    if count > MAX_CANDLES and choices.candle_count == "refuse":
        raise invalid()
    return min(count, MAX_CANDLES)


def candles_before(request: Request, now: int, choices: Choices) -> int:
    """The time before which candles must start, in microseconds; without `to` the one in progress is included."""
    text = _until(request, choices)
    return now + 1 if text is None else _moment(text)


def sequential_id(request: Request) -> int | None:
    """The trade before which older ones are wanted."""
    cursor = request.get("cursor")
    if cursor is None:
        return None
    if not cursor.isdecimal() or len(cursor) > _MAX_TEXT:
        raise mistyped()
    return int(cursor)


def trades_before(request: Request, now: int, choices: Choices) -> int:
    """The time before which trades are wanted, in microseconds."""
    days, text = request.get("days_ago", "daysAgo"), _until(request, choices)
    if days is not None and not days.isdecimal():
        raise mistyped()
    if days is not None and not 1 <= int(days[:3]) <= MAX_DAYS_AGO:
        raise invalid()
    day = now - now % DAY - int(days or 0) * DAY
    if text is None:
        return day + DAY if days else now + 1
    try:
        clock = datetime.strptime(text.replace(":", ""), "%H%M%S").replace(tzinfo=UTC)
    except ValueError as error:
        raise invalid() from error
    return day + (clock.hour * 3600 + clock.minute * 60 + clock.second) * US_PER_S


def _until(request: Request, choices: Choices) -> str | None:
    """The text of `to`; one with a colon that is not percent-encoded may be refused."""
    if choices.bare_colon == "refuse":
        parts = (part.partition("=") for part in request.query.split("&"))
        if any(key == "to" and ":" in value for key, _, value in parts):
            raise invalid()
    return request.get("to")


def _moment(text: str) -> int:
    """A time in microseconds; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(aware.timestamp() * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise invalid() from error
