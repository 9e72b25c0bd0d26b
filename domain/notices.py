"""Reads the exchange's announcements: which of our markets one names, and what it says of their future.

Titles have forms such as `아이큐(IQ) 거래지원 종료 안내 (10/15 15:00)` and `아이큐(IQ) 거래 유의 종목 지정 안내`; which
words count is a setting. An announcement that is not understood says nothing: the flags are read every hour anyway.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from domain.config import ListingSettings
from domain.kst import Moment, moments
from domain.listings import CAUTION, HALTED, NORMAL, TERMINATING, WARNING, Notice, Word
from domain.market import DAY, HOUR
from domain.messages import AnnouncementSeen

END: Final = "end"
PAUSE: Final = "pause"

_QUOTES: Final = r"(?:KRW|BTC|USDT|원화)"
_MARKETS: Final = re.compile(rf"({_QUOTES}(?:\s*[,/·&]\s*{_QUOTES})*)\s*마켓")
_CODE: Final = re.compile(r"(?=[0-9]*[A-Z])[A-Z0-9]{2,15}")
_TAG: Final = re.compile(r"<[^<>]{0,500}>")


class Names(NamedTuple):
    """What a coin is called, in Korean and in English; "" when not known."""

    korean: str = ""
    english: str = ""


def words_in(
    seen: AnnouncementSeen, names: Mapping[str, Names], settings: ListingSettings
) -> tuple[tuple[str, Word], ...]:
    """What an announcement says of each market it names, as (market, word); `names` has the markets we know."""
    if seen.category not in settings.notice_categories:
        return ()
    said = tuple(_said(seen, settings))
    if not said:
        return ()
    return tuple((market, word) for market in named(seen.title, seen.body, names) for word in said)


def named(title: str, body: str, names: Mapping[str, Names]) -> tuple[str, ...]:
    """The markets an announcement names: by codes in brackets, else by name or bare code, else in its text.

    A title that speaks of the BTC market alone names no market of another quote.
    """
    quotes = {quote for found in _MARKETS.findall(title) for quote in re.findall(_QUOTES, found)}
    wanted = {"KRW" if quote == "원화" else quote for quote in quotes}
    known = {market: each for market, each in names.items() if not wanted or market.partition("-")[0] in wanted}
    rest = _MARKETS.sub(" ", title)
    codes = set(_bracketed(rest))
    if codes:
        return tuple(market for market in known if _base(market) in codes)
    found = tuple(market for market, each in known.items() if _called(rest, market, each))
    return found or tuple(market for market, each in known.items() if _listed_in(body, market, each))


def _said(seen: AnnouncementSeen, settings: ListingSettings) -> Iterator[Word]:
    """The words of an announcement, whichever market it is of."""
    title, source = _bare(seen.title), "notice"
    notice = Notice(source, seen.title, seen.listed_at or seen.at, seen.url, seen.id)
    kinds = (
        (END, TERMINATING, settings.end_words, settings.end_off_words),
        ("warning", WARNING, settings.warning_words, settings.warning_off_words),
        ("caution", CAUTION, settings.caution_words, settings.caution_off_words),
        (PAUSE, HALTED, settings.pause_words, settings.pause_off_words),
    )
    for kind, state, words, off_words in kinds:
        source = f"notice:{kind}"
        if any(_bare(word) in title for word in off_words):
            yield Word(source, NORMAL, seen.at, notice)
        elif any(_bare(word) in title for word in words):
            yield _word(Word(source, state, seen.at, notice), seen, settings)


def _word(word: Word, seen: AnnouncementSeen, settings: ListingSettings) -> Word:
    """A word with the times that the announcement names."""
    until = halts_at = None
    expires = seen.at + settings.notice_days * DAY
    if word.state in {TERMINATING, HALTED} and (when := _when(seen, settings)) is not None:
        halts_at = when.at + (DAY if when.whole_day and word.state == TERMINATING else 0)
        until = when.at if word.state == TERMINATING else None
        expires = max(seen.at, halts_at) + settings.notice_days * DAY
    if word.state == HALTED:
        expires = max(seen.at, halts_at or 0) + settings.notice_pause_hours * HOUR
    return Word(word.source, word.state, word.at, word.notice, until, halts_at, expires)


def _when(seen: AnnouncementSeen, settings: ListingSettings) -> Moment | None:
    """The date of the title, else the first of the text behind what it is about that is not over.

    The date of a title that speaks of deposits or withdrawals is theirs.
    """
    about = seen.listed_at or seen.at
    title = _bare(seen.title)
    if not any(_bare(word) in title for word in settings.wallet_words):
        for moment in moments(seen.title, about):
            return moment
    body = _plain(seen.body)
    if (start := _first(body, (*settings.end_words, *settings.pause_words))) is None:
        return None
    return next((moment for moment in moments(body[start:], about) if moment.at >= about - DAY), None)


def _first(text: str, phrases: Iterable[str]) -> int | None:
    """Where the first of these phrases ends, whatever its blanks and case."""
    ends = (re.search(r"\s*".join(map(re.escape, _bare(one))), text, re.IGNORECASE) for one in phrases)
    return min((found.end() for found in ends if found), default=None)


def _bracketed(text: str) -> Iterator[str]:
    """Codes in brackets, also several; brackets around anything else, such as a date, hold none."""
    for inside in re.findall(r"[(\[]([^()\[\]]*)[)\]]", text):
        parts: Sequence[str] = re.split(r"[,\s/·]+", inside.strip())
        if all(_CODE.fullmatch(part) for part in parts):
            yield from parts


def _called(text: str, market: str, names: Names) -> bool:
    """Whether a text has the coin's name or bare code as a word of its own."""
    if re.search(rf"(?<![\w-]){re.escape(_base(market))}(?![\w-])|(?<!\w){re.escape(market)}(?!\w)", text):
        return True
    told = (name for name in names if len(name) > 1)
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) for name in told)


def _listed_in(body: str, market: str, names: Names) -> bool:
    """Whether the text of an announcement has a name of the coin followed by its code in brackets."""
    text, code = _bare(_plain(body)), f"({_base(market)})".casefold()
    return any(f"{_bare(name)}{code}" in text for name in names if name)


def _base(market: str) -> str:
    return market.partition("-")[2]


def _plain(body: str) -> str:
    """A text without the tags of a page."""
    return _TAG.sub(" ", body)


def _bare(text: str) -> str:
    """A text without blanks and in one case."""
    return "".join(text.split()).casefold()
