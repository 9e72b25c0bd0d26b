"""How the exchange stands to a market: a state folded from every word it says of it, and what follows from that.

Each source keeps its own last word, so a source can only take back what it said itself; the worst living word names the
state. Times are int microseconds UTC. Sources: `flags` (market/all), `ticker`, `orders` (refusals), and `notice:…`.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from domain.config import ListingSettings
from domain.market import DAY, MINUTE
from domain.message import Value

NORMAL: Final = "NORMAL"
CAUTION: Final = "CAUTION"
WARNING: Final = "WARNING"
TERMINATING: Final = "TERMINATING"
HALTED: Final = "HALTED"
STATES: Final = (NORMAL, CAUTION, WARNING, TERMINATING, HALTED)
"""From the best to the worst."""

FLAGS: Final = "flags"
TICKER: Final = "ticker"
ORDERS: Final = "orders"
MARKET_REFUSALS: Final = frozenset({"market_offline", "notfoundmarket", "market_does_not_exist"})
"""Names of refusals that are about the market and not about the order (upbit-api.md 8)."""

ACTIVE: Final = "ACTIVE"
DELISTED: Final = "DELISTED"


class MarketListing(Value, frozen=True):
    """How one market was found listed.

    `cautions` are the flags that are up; `state` (ACTIVE, PREVIEW, DELISTED) is "" while it was not told, and with it
    `delisting`, the announced date (KST) of the market's end: "" for none, `delisting_at` its beginning, 0 when nobody
    can read the date. `korean` and `english` are the coin's names, "" when not told.
    """

    market: str
    listed: bool = True
    warning: bool = False
    cautions: tuple[str, ...] = ()
    state: str = ""
    delisting: str = ""
    delisting_at: int = 0
    korean: str = ""
    english: str = ""


class Notice(Value, frozen=True):
    """What was said of a market, by whom and when: the reason of a transition. `url` and `id` are "" for none."""

    source: str
    text: str
    at: int
    url: str = ""
    id: str = ""


class Word(Value, frozen=True):
    """The last word of one source on one market, heard at `at`.

    `until` is the announced end of the market, None when none is known. At `halts_at` nothing can be traded any more:
    before it a TERMINATING market goes on, and a pause is only announced. From `expires` on the word says nothing.
    `gone` tells a market that ended from one that may come back.
    """

    source: str
    state: str
    at: int
    notice: Notice
    until: int | None = None
    halts_at: int | None = None
    expires: int | None = None
    gone: bool = False

    def state_at(self, now: int) -> str:
        """The state it stands for at this time."""
        if self.expires is not None and now >= self.expires:
            return NORMAL
        if self.halts_at is None or self.state not in {TERMINATING, HALTED}:
            return self.state
        if now >= self.halts_at:
            return HALTED
        return CAUTION if self.state == HALTED else self.state

    def due_after(self, now: int) -> int | None:
        """When time alone changes what it stands for, None when nothing but another word does."""
        coming = [at for at in (self.halts_at, self.expires) if at is not None and at > now]
        return min(coming, default=None) if self.state_at(now) != NORMAL else None


Words = Mapping[str, Word]
"""The last word of every source on one market."""


class Standing(Value, frozen=True):
    """How the exchange stands to one market, since when, and what follows from it.

    `until` is the announced end, None when none is known. `tighten` is the part of its distance a position's stop
    keeps, None for all. `leave_at` is when a position must be sold, 0 for at once, None for never. `gone`: nothing will
    be traded there any more. `text` has the reasons, worst first.
    """

    market: str
    state: str
    since: int
    until: int | None
    may_enter: bool
    tighten: Decimal | None
    leave_at: int | None
    gone: bool
    text: str


def severity(state: str) -> int:
    """The place of a state among STATES: 0 for the best."""
    return STATES.index(state)


def heard(words: Words, word: Word) -> dict[str, Word]:
    """The words after one more; an older one of the same source changes nothing, whatever the order of hearing."""
    before = words.get(word.source)
    newest = word if before is None else max(before, word, key=_age)
    return {**words, word.source: newest}


def leading(words: Words, now: int) -> Word | None:
    """The word that names the state at this time: the worst, of several the newest; None when all is normal."""
    living = [word for word in words.values() if word.state_at(now) != NORMAL]
    return max(living, key=lambda word: (severity(word.state_at(now)), _age(word)), default=None)


def standing(market: str, words: Words, settings: ListingSettings, now: int) -> Standing:
    """The state of a market and what follows from it; every living word counts, so one more never makes it laxer."""
    lead = leading(words, now)
    if lead is None:
        return Standing(market, NORMAL, 0, None, True, None, None, False, "")
    living = sorted(words.values(), key=lambda word: (-severity(word.state_at(now)), word.source))
    living = [word for word in living if word.state_at(now) != NORMAL]
    tight = min(stop for word in living for stop in _stops(word, settings, now))
    return Standing(
        market,
        lead.state_at(now),
        0,
        min((word.until for word in living if word.until is not None), default=None),
        may_enter=all(_enters(word, settings, now) for word in living),
        tighten=tight if tight < 1 else None,
        leave_at=min((at for word in living for at in _leaves(word, settings, now)), default=None),
        gone=any(word.gone and word.state_at(now) == HALTED for word in living),
        text="; ".join(dict.fromkeys(word.notice.text for word in living)),
    )


def words_of(listing: MarketListing, at: int) -> tuple[Word, ...]:
    """What a reading says of a market: always a word of its flags, and one of its ticker when that was told."""
    flags = _word(FLAGS, *_flags(listing), at, gone=not listing.listed)
    if not listing.state:
        return (flags,)
    state, text = _ending(listing)
    known = listing.delisting_at if state == TERMINATING and listing.delisting_at else None
    return (
        flags,
        _word(
            TICKER,
            state,
            text,
            at,
            until=known,
            halts_at=None if known is None else known + DAY,  # a date without a time: some time in that day
            gone=listing.state == DELISTED,
        ),
    )


def refused(error: str, settings: ListingSettings, at: int) -> Word:
    """What an order refused for its market's state says: halted, until one is taken or the refusal is old."""
    text = f"an order was refused because of its market: {error}"
    return _word(ORDERS, HALTED, text, at, expires=at + settings.refusal_minutes * MINUTE)


def served(at: int) -> Word:
    """What an order that was taken says: the market trades."""
    return _word(ORDERS, NORMAL, "an order was taken there again", at)


def next_due(words: Iterable[Word], now: int) -> int | None:
    """When time alone changes any of these words, None for never."""
    coming = (word.due_after(now) for word in words)
    return min((at for at in coming if at is not None), default=None)


def objections(states: Iterable[Standing]) -> dict[str, str]:
    """Every market that may not be entered, with the reason in words."""
    return {one.market: one.text for one in states if not one.may_enter}


def _word(  # noqa: PLR0913 (the fields of a word)
    source: str,
    state: str,
    text: str,
    at: int,
    *,
    until: int | None = None,
    halts_at: int | None = None,
    expires: int | None = None,
    gone: bool = False,
) -> Word:
    return Word(source, state, at, Notice(source, text, at), until, halts_at, expires, gone)


def _flags(listing: MarketListing) -> tuple[str, str]:
    if not listing.listed:
        return HALTED, "the exchange does not list it any more"
    caution = f"the exchange's caution is up: {', '.join(listing.cautions)}"
    if listing.warning:
        text = "the exchange warns of it, which usually comes before a delisting"
        return WARNING, f"{text}; {caution}" if listing.cautions else text
    return (CAUTION, caution) if listing.cautions else (NORMAL, "no flag of the exchange is up")


def _ending(listing: MarketListing) -> tuple[str, str]:
    date = f"the exchange delists it on {listing.delisting} (KST)" if listing.delisting else ""
    if listing.state != ACTIVE:
        text = f"its state at the exchange is {listing.state}"
        return HALTED, f"{text}; {date}" if date else text
    return (TERMINATING, date) if date else (NORMAL, "the exchange names no end of it")


def _age(word: Word) -> tuple[object, ...]:
    """A total order of words: the newer is greater, of two of the same time the worse."""
    times = (0 if at is None else -at for at in (word.until, word.halts_at))
    expires = (word.expires is None, word.expires or 0)
    return (word.at, severity(word.state), word.gone, *times, expires, word.notice.at, word.notice.text, word.notice.id)


def _stops(word: Word, settings: ListingSettings, now: int) -> Iterator[Decimal]:
    yield Decimal(1)
    if TERMINATING in {word.state, word.state_at(now)}:
        yield settings.terminating_stop
    elif word.state_at(now) == WARNING:
        yield settings.warning_stop
    elif word.state_at(now) == CAUTION:
        yield settings.caution_stop


def _leaves(word: Word, settings: ListingSettings, now: int) -> Iterator[int]:
    """When it wants a position sold; an end without a known time may come at any."""
    state = word.state_at(now)
    if word.state == TERMINATING:
        yield 0 if word.until is None else max(0, word.until - settings.terminating_days * DAY)
    elif (state == WARNING and settings.warning_leave) or (state == CAUTION and settings.caution_leave):
        yield 0


def _enters(word: Word, settings: ListingSettings, now: int) -> bool:
    state = word.state_at(now)
    return (state == CAUTION and settings.caution_enter) or (state == WARNING and settings.warning_enter)
