"""Market data, from the edges to the markets, and what opens a session."""

from decimal import Decimal
from typing import ClassVar

from domain.config import Settings
from domain.listings import MarketListing
from domain.market import Bar, Book, Terms, Trade
from domain.message import Message


class TradesPrinted(Message, frozen=True):
    """Public trades of one market in the order of arrival; `doubled` came before them a second time and are left out.

    Doubles among them are possible after a restart of the one who tells.
    """

    market: str
    trades: tuple[Trade, ...]
    doubled: int = 0


class BookSeen(Message, frozen=True):
    """The displayed book of one market, whole."""

    conflate: ClassVar[str] = "market"
    market: str
    book: Book


class TickerSeen(Message, frozen=True):
    """Feed to whoever shows prices: the last trade of one market, a few times a second at the most."""

    conflate: ClassVar[str] = "market"
    market: str
    price: Decimal
    at: int


class IntervalDue(Message, frozen=True):
    """Clock to feed: the minute ending at `end` is over, grace included."""

    end: int


class IntervalEnded(Message, frozen=True):
    """Feed to markets: the minute ending at `end` is over and the connection was alive past it (quant.md MTF-09 b)."""

    end: int


class HistoryWanted(Message, frozen=True):
    """Market to rest: load the bars needed before the first decision, all closed at `until` or before.

    `since` 0 asks for the whole warm-up; otherwise only one-minute bars from `since` on (a gap after a reconnect).
    """

    market: str
    since: int
    until: int


class HistoryLoaded(Message, frozen=True):
    """Rest to market: real bars, oldest first. A gap answer carries minutes only."""

    market: str
    since: int
    until: int
    minutes: tuple[Bar, ...]
    fives: tuple[Bar, ...] = ()
    hours: tuple[Bar, ...] = ()
    four_hours: tuple[Bar, ...] = ()


class HistoryFailed(Message, frozen=True):
    """Rest to market: the history could not be loaded; ask again later."""

    market: str
    error: str


class StreamChanged(Message, frozen=True):
    """A stream (`public` or `private`) came up or went down."""

    stream: str
    connected: bool
    reason: str
    at: int


class SourceChanged(Message, frozen=True):
    """Feed to quality and whoever shows the streams: where the trades of `markets` come from now.

    `source` is `rest` while the stream says nothing of trades that REST shows, `stream` once it speaks again.
    """

    stream: str
    source: str
    markets: tuple[str, ...]
    reason: str
    at: int


class GapFilled(Message, frozen=True):
    """Feed to quality and whoever shows the streams: the tape is whole again.

    Of what happened from `since` to `until` on these `markets` the stream had said nothing; REST told so many `trades`
    in its place. The gap of those `unfilled` stays: they load their candles anew.
    """

    stream: str
    reason: str
    since: int
    until: int
    markets: tuple[str, ...]
    trades: int
    unfilled: tuple[str, ...]
    at: int


class StreamMeasured(Message, frozen=True):
    """Feed to quality and the dashboard, every few seconds: how fresh the data is. Ages are real seconds.

    `types` is the age of the newest data of each type, `late` what is silent for longer than its habits explain,
    `unheard` what never came; these three name a type, and a market. `on_rest` are the markets REST stands in for.
    `silent_s` is the time without any data (None: not connected), `expected_s` that after which some would have come by
    the habits of the busiest market (None: not known yet).
    """

    conflate: ClassVar[str] = "stream"
    stream: str
    connected: bool
    types: tuple[tuple[str, float], ...]
    late: tuple[tuple[str, str, float], ...]
    unheard: tuple[tuple[str, str], ...]
    on_rest: tuple[str, ...]
    at: int
    silent_s: float | None = None
    expected_s: float | None = None


class ListingsWanted(Message, frozen=True):
    """Venue or warnings to listings: what is listed, or in which steps prices move, may have changed: look now."""

    reason: str


class ListingsRead(Message, frozen=True):
    """Listings to warnings: how the exchange lists every market of the session. What was not told stays as it was."""

    listings: tuple[MarketListing, ...]
    at: int


class StepsCompared(Message, frozen=True):
    """Listings to universe: the price steps of `markets` were compared with the rule book; `faults` says what differs.

    Of markets that are not among them nothing is said.
    """

    markets: tuple[str, ...]
    faults: tuple[tuple[str, str], ...]
    at: int


class UniverseChanged(Message, frozen=True):
    """Universe to portfolio and quality: the markets chosen or named, and which may not be entered now, and why."""

    markets: tuple[str, ...]
    halted: tuple[tuple[str, str], ...] = ()


class MarketsWatched(Message, frozen=True):
    """Universe to feed, listings and venue: these markets have an actor that lives, and only they want to be told of.

    `candidates` are all that could be chosen: of them too it must be known how they are listed, and their price steps.
    """

    markets: tuple[str, ...]
    candidates: tuple[str, ...] = ()


class TermsLoaded(Message, frozen=True):
    """Venue to gateway and portfolio: fees and limits of one market as the exchange tells them."""

    terms: Terms


class SettingsChanged(Message, frozen=True):
    """The settings in force from here on, with who set them and why."""

    settings: Settings
    by: str
    reason: str


class SessionOpened(Message, frozen=True):
    """First message of a start: the venue, the prefix of our order identifiers, the markets of the session.

    `speed` is that of the clock: waits that belong to the transport are this many times longer in our time. `entries`
    are the markets that may be entered, () for all: the others are there because something is held in them. `halted`
    are those of them that may not be entered after all, each with the reason. `watched` are markets besides, which are
    there whatever is chosen. With `chooses` an operator named none: the universe chooses among the `markets`, and among
    those that are listed later; `held` are those in which something is held at the start.
    """

    venue: str
    identifier_prefix: str
    markets: tuple[str, ...]
    speed: float
    entries: tuple[str, ...] = ()
    halted: tuple[tuple[str, str], ...] = ()
    watched: tuple[str, ...] = ()
    chooses: bool = False
    held: tuple[str, ...] = ()
