"""Candles page by page back in time, each page checked: between its oldest candle and its end everything is known."""

from itertools import pairwise
from typing import NamedTuple, Protocol

from domain.candles import BadBars, require_sound
from domain.errors import BadPayload
from domain.market import DAY, MINUTE, Bar

PAGE = 200
"""Candles the exchange tells at once."""


class CandleClient(Protocol):
    """The one call this needs: at most `count` real candles that start before `to`, newest first."""

    def candles(self, market: str, unit: int, to: int | None = None, count: int = PAGE) -> tuple[Bar, ...]: ...  # noqa: D102


class Page(NamedTuple):
    """All that traded in [since, until), oldest first; `calls` is how many questions it took."""

    bars: tuple[Bar, ...]
    since: int
    until: int
    calls: int = 1


def page_before(client: CandleClient, market: str, step: int, since: int, to: int) -> Page:
    """The newest page of [since, to), times on the grid of `step` microseconds.

    A page that is shorter than asked ends at its oldest candle; only an empty one says that there is nothing older.

    Raises:
        BadPayload: for a page that cannot be the exchange's, or an empty one where there are older days.
        ExchangeError: as the client.
    """
    found = client.candles(market, step // MINUTE, to, min(PAGE, -(-(to - since) // step)))
    _require_fit(found, market, step, to)
    if not found:
        return Page((), since, to, 1 + _beginning(client, market, to))
    bars = tuple(bar for bar in reversed(found) if bar.start >= since)
    return Page(bars, max(found[-1].start, since), to)


def _require_fit(found: tuple[Bar, ...], market: str, step: int, to: int) -> None:
    """What is wrong with a page would be a hole or an overlap of the store."""
    for bar in found:
        if bar.start >= to:
            raise BadPayload(f"asked for candles of {market} before {to}, got one of {bar.start}")
        if bar.start % step:
            raise BadPayload(f"asked for candles of {market} every {step} microseconds, got one of {bar.start}")
        try:
            require_sound(bar)
        except BadBars as error:
            raise BadPayload(f"{market}: {error}") from error
    for newer, older in pairwise(found):
        if older.start >= newer.start:
            raise BadPayload(f"candles of {market} are not newest first: {older.start} follows {newer.start}")


def _beginning(client: CandleClient, market: str, to: int) -> int:
    """Nothing before `to` is believed when the days say so too, for it is never asked again; gives the calls made."""
    day = to - to % DAY
    if older := client.candles(market, DAY // MINUTE, day, 1):
        raise BadPayload(
            f"the exchange tells no candle of {market} before {to}, but the day of {older[0].start}: "
            "try again later, or collect fewer --days"
        )
    return 1
