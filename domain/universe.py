"""Which markets are traded: judges each by every filter of quant.md UNI-01..03, ranks them, and tells all that fails.

Some filters protect (the exchange's warnings, its price steps, the operator's black list): nothing switches them off.
The others choose (value, age, spread, step, rank …): they are not applied to markets that an operator named.
"""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Final, NamedTuple

from domain.config import UniverseSettings
from domain.decisions import Gate
from domain.market import Bar, Book
from domain.message import Value
from domain.money import ZERO, ceil_to, plain, won_floor
from domain.rules import base_of, tick_size

MEMBER: Final = "MEMBER"
WATCHED_ONLY: Final = "WATCHED_ONLY"
NOT_LISTED: Final = "NOT_LISTED"
UNKNOWN_STEPS: Final = "UNKNOWN_STEPS"
WIDEST: Final = Decimal(2)  # what a spread tends to where nobody bids: (ask - 0) / (ask / 2)
FRACTION: Final = Decimal("0.00000001")  # to which fractions are rounded up: no limit of fewer digits is crossed by it


class MarketSurvey(Value, frozen=True):
    """What was measured of one market; None is not known, which is never zero.

    `days` counts its closed day candles, up to those asked for, and `mean_value` is the mean of what they traded.
    `spread1` and `spread2` are medians over `books` books, as fractions of the mid. Values are in the quote currency.
    """

    market: str
    price: Decimal | None = None
    value_24h: Decimal | None = None
    days: int | None = None
    mean_value: Decimal | None = None
    spread1: Decimal | None = None
    spread2: Decimal | None = None
    books: int = 0


class MarketVerdict(Value, frozen=True):
    """What follows for one market: code MEMBER if it may be entered, else that of the first filter it fails.

    `failing` are all filters against it, `waived` those it fails and that were not applied. `rank` is its place by 24 h
    value among the markets that pass every other filter, or the place it would take there; None when that is not known.
    `tick` is the price step as a fraction of the price.
    """

    market: str
    code: str
    rank: int | None
    failing: tuple[Gate, ...]
    waived: tuple[Gate, ...]
    survey: MarketSurvey
    tick: Decimal | None

    @property
    def codes(self) -> tuple[str, ...]:
        """What must change for the verdict to be another one: its code, every failing filter, and those waived."""
        return (self.code, *(gate.code for gate in self.failing), *(f"({gate.code})" for gate in self.waived))


class Choice(NamedTuple):
    """How the choice is made: `members` are those of before, for the hysteresis; `named` those an operator named.

    Where markets are named, exactly they are the universe and nothing is chosen; None leaves it to the filters.
    """

    members: Collection[str] = ()
    named: Collection[str] | None = None


class _Sifted(NamedTuple):
    """One market before the ranking: what protects from it, and what speaks against choosing it."""

    survey: MarketSurvey
    protecting: tuple[Gate, ...]
    choosing: tuple[Gate, ...]
    tick: Decimal | None
    ranked: bool


def judge(
    rows: Iterable[MarketSurvey],
    settings: UniverseSettings,
    barriers: Mapping[str, tuple[Gate, ...]],
    choice: Choice,
    at: int,
) -> tuple[MarketVerdict, ...]:
    """One verdict for each market surveyed, by market; `barriers` is what the exchange has against some of them.

    Ranks are by 24 h value, ties by name. A market that was no member becomes one at rank `top_n` or better, a member
    stays one up to rank `leave_factor` x `top_n`: so there are never more members than that, `always` apart.
    """
    sifted = [_sift(row, settings, barriers.get(row.market, ()), at) for row in rows]
    eligible = [one for one in sifted if one.ranked and not one.protecting and not one.choosing]
    places = {one.survey.market: place for place, one in enumerate(sorted(eligible, key=_place), start=1)}
    ordered = sorted(_place(one) for one in eligible)
    verdicts = (_verdict(one, _rank(one, places, ordered), settings, choice) for one in sifted)
    return tuple(sorted(verdicts, key=attrgetter("market")))


def members_of(verdicts: Iterable[MarketVerdict], before: Collection[str]) -> tuple[str, ...]:
    """The markets chosen, by name: those that may be entered, and those of before that were only not looked at yet."""
    return tuple(
        one.market
        for one in verdicts
        if one.code == MEMBER or (one.market in before and {gate.code for gate in one.failing} == {UNKNOWN_STEPS})
    )


def unlisted(market: str) -> MarketVerdict:
    """The last verdict on a market that the exchange has no more."""
    gate = Gate(NOT_LISTED, "the exchange does not list it any more")
    return MarketVerdict(market, NOT_LISTED, None, (gate,), (), MarketSurvey(market), None)


def day_figures(bars: Collection[Bar], days: int) -> tuple[int, Decimal | None]:
    """How many of the newest `days` closed day candles (oldest first) there are, and the mean value of those in KRW."""
    counted = list(bars)[-days:]
    if not counted:
        return 0, None
    return len(counted), won_floor(sum((bar.value for bar in counted), ZERO) / len(counted))


def spreads(book: Book) -> tuple[Decimal, Decimal]:
    """How far the best, and the second best, prices of a book lie apart as fractions of its mid.

    A price that nobody asks or bids counts as bid at zero: WIDEST.
    """
    levels = list(zip(book.asks, book.bids, strict=False))
    if not levels:
        return WIDEST, WIDEST
    mid = (levels[0][0].price + levels[0][1].price) / 2
    found = [ceil_to((ask.price - bid.price) / mid, FRACTION) for ask, bid in levels[:2]]
    return found[0], found[1] if len(found) > 1 else WIDEST


def median(numbers: Collection[Decimal]) -> Decimal | None:
    """The middle one, or the mean of the two in the middle; None of no numbers."""
    if not numbers:
        return None
    ordered, half = sorted(numbers), len(numbers) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


# --- the filters


def _sift(row: MarketSurvey, settings: UniverseSettings, barriers: tuple[Gate, ...], at: int) -> _Sifted:
    protecting = (*excluding(row.market, settings), *barriers)
    if not is_tradable(row.market, settings):  # its numbers are in another currency than the limits
        return _Sifted(row, protecting, (), None, ranked=False)
    tick = None
    if row.price is not None and row.price > ZERO:
        tick = ceil_to(tick_size(row.market, row.price, at) / row.price, FRACTION)
    choosing = (*_chosen(row.market, settings), *_measured(row, settings), *_touched(row, settings, tick))
    return _Sifted(row, protecting, choosing, tick, ranked=row.value_24h is not None)


def is_tradable(market: str, settings: UniverseSettings) -> bool:
    """Whether prices are in a currency that is traded; the exchange may have some we know no rules of."""
    return market.partition("-")[0] in settings.quotes


def excluding(market: str, settings: UniverseSettings) -> Iterator[Gate]:
    """What the operator says against any trade in a market."""
    if market in settings.watched:
        yield Gate(WATCHED_ONLY, "the operator has it watched, not traded")
    if not is_tradable(market, settings):
        yield Gate("QUOTE", f"its prices are in {market.partition('-')[0]}, traded is {', '.join(settings.quotes)}")
    if market in settings.never:
        yield Gate("BLACK_LIST", "the operator's list universe.never names it")


def _chosen(market: str, settings: UniverseSettings) -> Iterator[Gate]:
    if settings.only and market not in settings.only:
        yield Gate("WHITE_LIST", "the operator's list universe.only does not name it")
    if base_of(market) in settings.stablecoins:
        yield Gate("STABLECOIN", f"{base_of(market)} follows a currency: universe.stablecoins names it")


def _measured(row: MarketSurvey, settings: UniverseSettings) -> Iterator[Gate]:
    """Age and value; the value of the last 24 hours must be known to rank it."""
    if row.days is None:
        yield Gate("UNKNOWN_AGE", "its day candles are not known")
    elif row.days < settings.min_days:
        yield Gate("AGE", f"{row.days} closed day candles, at least {settings.min_days}")
    if row.mean_value is None:
        yield Gate("UNKNOWN_VALUE", "what it traded in the last days is not known")
    elif row.mean_value < settings.min_value:
        least = plain(settings.min_value)
        yield Gate("VALUE", f"{plain(row.mean_value)} KRW a day over {row.days} closed days, at least {least}")
    if row.value_24h is None:
        yield Gate("UNKNOWN_RANK", "what it traded in the last 24 hours is not known")


def _touched(row: MarketSurvey, settings: UniverseSettings, tick: Decimal | None) -> Iterator[Gate]:
    """Spreads and price step: what a trade costs before it has moved anything."""
    levels = (("SPREAD_1", row.spread1, settings.max_spread1), ("SPREAD_2", row.spread2, settings.max_spread2))
    for code, spread, most in levels:
        if spread is None or row.books < settings.min_books:
            yield Gate(f"UNKNOWN_{code}", f"{row.books} books seen, at least {settings.min_books}")
        elif spread > most:
            yield Gate(code, f"median of {row.books} books {percent(spread)}, at most {percent(most)}")
    if tick is None:
        yield Gate("UNKNOWN_TICK", "its price is not known")
    elif tick > settings.max_tick:
        yield Gate("TICK", f"a price step is {percent(tick)} of the price, at most {percent(settings.max_tick)}")


# --- rank and verdict


def _place(one: _Sifted) -> tuple[Decimal, str]:
    """What a market is ranked by: the larger value first, and of equal ones the first by name."""
    return -(one.survey.value_24h or ZERO), one.survey.market


def _rank(one: _Sifted, places: Mapping[str, int], ordered: list[tuple[Decimal, str]]) -> int | None:
    if not one.ranked:
        return None
    return places.get(one.survey.market) or 1 + bisect_left(ordered, _place(one))


def _verdict(one: _Sifted, rank: int | None, settings: UniverseSettings, choice: Choice) -> MarketVerdict:
    market = one.survey.market
    choosing = (*one.choosing, *_ranked(rank, settings, member=market in choice.members))
    waives = choice.named is not None or market in settings.always
    protecting = one.protecting
    if choice.named is not None and market not in choice.named:
        protecting += (Gate("NOT_NAMED", "the operator named other markets"),)
    failing = protecting if waives else protecting + choosing
    code = failing[0].code if failing else MEMBER
    return MarketVerdict(market, code, rank, failing, choosing if waives else (), one.survey, one.tick)


def _ranked(rank: int | None, settings: UniverseSettings, *, member: bool) -> Iterator[Gate]:
    leave = settings.leave_factor * settings.top_n
    if rank is not None and rank > (leave if member else settings.top_n):
        text = f"rank {rank} by 24 h value, one enters up to {settings.top_n} and leaves behind {plain(leave)}"
        yield Gate("RANK", text)


def percent(fraction: Decimal) -> str:
    """A fraction for people."""
    return f"{plain(fraction * 100)} %"
