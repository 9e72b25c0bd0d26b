"""The edge that measures the markets for the choice among them: what they trade, for how long, at which spreads."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias, assert_never

from actors.lookout import NAMED_MAX
from actors.runtime import Actor, Context
from actors.soundings import KEPT, Books, DayCandles, DayClient
from actors.upbit.quotes import Listing, Ticker
from domain.config import UniverseSettings
from domain.errors import BadPayload, ExchangeError, ExchangeUnavailable, RequestRefused
from domain.market import DAY, HOUR, MINUTE, Book
from domain.messages import IncidentRaised, SessionOpened, SettingsChanged, SurveyTaken
from domain.universe import MarketSurvey

log = logging.getLogger(__name__)

SETTLE: Final = 5 * MINUTE  # after a full hour until it is looked at; a day is over by then at the exchange, too
RETRY_S: Final = 60.0  # real, after a look that failed
LEAST_S: Final = 5.0  # real, between two looks, however fast the clock runs
BOOKS_LEAST_S: Final = 1.0  # real, between two looks at the books
QUICK_S: Final = 0.25  # real, between the first looks at the books, until there are enough of them to judge by
IN_A_ROW: Final = 3  # failures after which the rest is left for later: the exchange is away
LEVELS: Final = 2  # of a book

Accepted: TypeAlias = SessionOpened | SettingsChanged


class Quotes(DayClient, Protocol):
    """The public calls this edge makes; each raises ExchangeError."""

    def listings(self) -> Sequence[Listing]: ...  # noqa: D102
    def ticker_all(self, *currencies: str) -> Sequence[Ticker]: ...  # noqa: D102
    def orderbook(self, markets: Sequence[str], count: int) -> Mapping[str, Book]: ...  # noqa: D102


class Survey(Actor[None]):
    """Owns the look at all markets: at the start, every hour of the session's clock, and at the books every minute.

    Edge: sends SurveyTaken to universe; publishes IncidentRaised on `incidents` when something cannot be read, once
    until it can. What could not be read is told as not known, and tried again. Blocks on its own thread only. A restart
    reads everything anew.
    """

    edge = True
    State = None

    def __init__(  # noqa: PLR0913 (what it is given, by name)
        self,
        context: Context,
        name: str,
        *,
        client: Quotes,
        now: Callable[[], int],
        real_seconds: Callable[[int], float],
        least_s: float = LEAST_S,
        books_least_s: float = BOOKS_LEAST_S,
        quick_s: float = QUICK_S,
    ) -> None:
        super().__init__(context, name)
        self._client = client
        self._now = now
        self._real_seconds = real_seconds
        self._least_s = least_s
        self._books_s = max(real_seconds(MINUTE), books_least_s)
        self._quick_s = quick_s
        self._settings = UniverseSettings()
        self._days = DayCandles(client)
        self._books = Books()
        self._listed: tuple[str, ...] = ()
        self._tickers: dict[str, Ticker] = {}
        self._book_looks = 0
        self._books_at = 0.0  # when the books are due, as the machine's monotonic clock reads
        self._look_at = 0.0
        self._told_until = 0
        self._failing: set[str] = set()
        self._ending = False
        self._wanted = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def on_begin(self) -> None:
        """Be ready to look; the first look is the session's opening."""
        self._thread.start()

    def on_end(self) -> None:
        """Stop looking; a call in flight is waited for."""
        self._ending = True
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def handle(self, message: Accepted) -> None:
        """Look now, when a session opens; the settings say what to look at from the next look on."""
        match message:
            case SettingsChanged():
                self._settings = message.settings.universe
            case SessionOpened():
                self._wanted.set()
            case _:
                assert_never(message)

    # --- when

    def _run(self) -> None:
        self._wanted.wait()
        while not self._ending:
            if self._wanted.is_set() or time.monotonic() >= self._look_at:
                self._wanted.clear()
                self._look()
            self._books_if_due()
            self._pause(min(self._look_at, self._books_at) - time.monotonic())

    def _pause(self, wait_s: float) -> None:
        """Wait so long, or until the end or another wish."""
        if not self._ending and wait_s > 0:
            self._wanted.wait(wait_s)

    def _due(self, at: int, *, done: bool) -> float:
        """When to look again after a look that began at `at`: a little past the hour, sooner after one that failed."""
        following = (at - SETTLE) // HOUR * HOUR + HOUR + SETTLE
        wait_s = max(self._real_seconds(following - at), self._least_s)
        return time.monotonic() + (wait_s if done else min(wait_s, RETRY_S))

    # --- looking

    def _look(self) -> None:
        """Measure every market and tell it; what cannot be ranked at all is not told."""
        at = self._now()
        until = (at - SETTLE) // DAY * DAY
        ranked = self._tried("which markets there are and what they trade", self._rank)
        done = ranked and self._tried("the day candles", lambda: self._read_days(until))
        if ranked:
            done = self._enough_books() and done
        if ranked and not self._ending:
            rows = tuple(self._row(market, until) for market in self._listed)
            self.outlet.send("universe", SurveyTaken(at, until > self._told_until, rows))
            self._told_until = until
        self._look_at = self._due(at, done=done)

    def _rank(self) -> None:
        """All markets with their present tickers; that none is listed at all is no delisting of everything."""
        listed = tuple(row.market for row in self._client.listings())
        if not listed:
            raise BadPayload("the exchange lists no market at all")
        currencies = sorted({market.partition("-")[0] for market in listed})
        self._tickers = {ticker.market: ticker for ticker in self._client.ticker_all(*currencies)}
        self._listed = listed
        known = frozenset(listed)
        self._days.keep(known)
        self._books.keep(known)

    def _candidates(self) -> list[str]:
        """The markets that could be traded, the largest value first: those are needed first."""
        quotes = self._settings.quotes
        markets = [market for market in self._listed if market.partition("-")[0] in quotes]
        return sorted(markets, key=lambda market: -self._tickers[market].value_24h if market in self._tickers else 0)

    def _read_days(self, until: int) -> None:
        """Read the day candles that are not known; raises ExchangeUnavailable when some could not be read."""
        days, failed, in_a_row = self._settings.min_days, dict[str, ExchangeError](), 0
        for market in self._candidates():
            if self._ending or in_a_row == IN_A_ROW:
                break
            if not self._days.lacks(market, until, days):
                continue
            try:
                self._days.read(market, until, days)
                in_a_row = 0
            except ExchangeError as error:
                failed[market] = error
                in_a_row += 1
            self._books_if_due()
        for market, reason in failed.items():
            raise ExchangeUnavailable(f"{market}, one of {len(failed)}: {reason}") from reason

    def _enough_books(self) -> bool:
        """Look at the books as often as it takes to judge by them; gives whether that was possible."""
        while self._book_looks < self._settings.min_books and not self._ending:
            self._pause(self._books_at - time.monotonic())
            if not self._books_if_due():
                return False
        return True

    def _books_if_due(self) -> bool:
        """Look at the books of all candidates once a minute; gives whether they could be read when last tried."""
        if self._ending or time.monotonic() < self._books_at:
            return True
        good = self._tried("the books", self._read_books)
        self._book_looks += good
        wait_s = self._quick_s if good and self._book_looks < self._settings.min_books else self._books_s
        self._books_at = time.monotonic() + wait_s
        return good

    def _read_books(self) -> None:
        """One book of each candidate; a market that is unknown fails the call for all, so the list is read again."""
        markets = self._candidates()
        try:
            for start in range(0, len(markets), NAMED_MAX):
                books = self._client.orderbook(markets[start : start + NAMED_MAX], LEVELS)
                self._books.take(books, self._now())
        except RequestRefused:
            self._look_at = min(self._look_at, time.monotonic() + RETRY_S)
            raise

    def _row(self, market: str, until: int) -> MarketSurvey:
        """What is known of one market; books count for twice as long as it takes to see all that are kept."""
        ticker = self._tickers.get(market)
        figures = self._days.figures(market, until, self._settings.min_days)
        span = int(2 * KEPT * MINUTE * self._books_s / self._real_seconds(MINUTE))
        books, first, second = self._books.medians(market, self._now() - span)
        return MarketSurvey(
            market,
            price=ticker.price if ticker else None,
            value_24h=ticker.value_24h if ticker else None,
            days=figures[0] if figures else None,
            mean_value=figures[1] if figures else None,
            spread1=first,
            spread2=second,
            books=books,
        )

    def _tried(self, what: str, read: Callable[[], object]) -> bool:
        """Whether this could be read; the first failure in a row is told."""
        try:
            read()
        except ExchangeError as error:
            text = f"{what} could not be read, trying on: {error}"
        except Exception:  # a bug of ours in a thread: nobody else would ever see it
            log.exception("not read what=%s", what)
            text = f"{what} could not be read, see the log"
        else:
            self._failing.discard(what)
            return True
        log.warning("survey: %s", text)
        if what not in self._failing:
            self._failing.add(what)
            self.outlet.publish("incidents", IncidentRaised(self._now(), "survey_unread", self.name, text))
        return False
