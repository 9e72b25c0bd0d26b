"""The edge that reads how the exchange lists our markets and in which steps their prices move, now and then."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeAlias, assert_never

from msgspec.structs import replace

from actors import rulebook
from actors.runtime import Actor, Context
from actors.upbit.quotes import Listing
from domain.errors import BadPayload, ExchangeError
from domain.kst import day_of
from domain.listings import MarketListing
from domain.market import HOUR
from domain.messages import (
    IncidentRaised,
    ListingsRead,
    ListingsWanted,
    MarketsWatched,
    SessionOpened,
    StepsCompared,
)

log = logging.getLogger(__name__)

RETRY_S: Final = 60.0  # real, after a look that failed
LEAST_S: Final = 5.0  # real, between two looks of our own, however fast the clock runs

Accepted: TypeAlias = SessionOpened | ListingsWanted | MarketsWatched


class Quotes(rulebook.Quotes, Protocol):
    """The three public calls this edge makes."""

    def listings(self) -> Sequence[Listing]: ...  # noqa: D102


class Ending(Protocol):
    """What a ticker of the stream tells of its market's end: `state` None when not told, `delisting` a date or ""."""

    @property
    def state(self) -> str | None: ...  # noqa: D102
    @property
    def delisting(self) -> str: ...  # noqa: D102


Glance: TypeAlias = Callable[[Sequence[str]], Mapping[str, Ending]]
"""The present tickers of markets, by market; blocks, and raises ExchangeError."""


class Listings(Actor[None]):
    """Owns the look at how our markets are listed: at the start, once an hour of the session's clock, and when asked.

    Edge: sends ListingsRead to warnings and StepsCompared to universe; publishes IncidentRaised on `incidents` when
    what it reads cannot be had, once until it can. Blocks on its own thread only. It remembers nothing: every look
    tells all.
    """

    edge = True
    State = None

    def __init__(  # noqa: PLR0913 (what it is given, by name)
        self,
        context: Context,
        name: str,
        *,
        client: Quotes,
        glance: Glance,
        markets: Sequence[str],
        now: Callable[[], int],
        real_seconds: Callable[[int], float],
        least_s: float = LEAST_S,
    ) -> None:
        super().__init__(context, name)
        self._client = client
        self._glance = glance
        self._markets = tuple(markets)
        self._now = now
        self._real_seconds = real_seconds
        self._least_s = least_s
        self._ending = False
        self._wanted = threading.Event()
        self._failing: set[str] = set()
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
        """Look now: whoever asks while a look is under way gets another one."""
        match message:
            case ListingsWanted():
                log.info("looking at the listings reason=%s", message.reason)
                self._wanted.set()
            case SessionOpened():
                self._wanted.set()
            case MarketsWatched():
                before, self._markets = self._markets, tuple(sorted({*message.markets, *message.candidates}))
                new = set(self._markets) - set(before)
                if new:
                    self._wanted.set()
            case _:
                assert_never(message)

    def _run(self) -> None:
        wait_s: float | None = None
        while True:
            self._wanted.wait(wait_s)
            self._wanted.clear()  # before the look at `_ending`, which is set before it: no wish to end is lost
            if self._ending:
                return
            done = self._look()
            hour_s = max(self._real_seconds(HOUR), self._least_s)
            wait_s = hour_s if done else min(hour_s, RETRY_S)

    def _look(self) -> bool:
        """Read it all and tell it; gives whether all of it could be read."""
        rows: list[Listing] = []
        if not self._tried("how the markets are listed", lambda: rows.extend(self._listed())):
            return False
        listed = [row.market for row in rows]
        endings: dict[str, Ending] = {}
        told = self._tried("when markets end", lambda: endings.update(self._glance(listed)))
        by_market = {row.market: row for row in rows}
        listings = tuple(_listing(market, by_market.get(market), endings.get(market)) for market in self._markets)
        self.outlet.send("warnings", ListingsRead(listings, self._now()))
        return self._tried("the price steps", lambda: self._compare(listed)) and told

    def _listed(self) -> list[Listing]:
        """Our markets among those the exchange lists; that it lists none at all is no delisting of everything."""
        rows = self._client.listings()
        if not rows:
            raise BadPayload("the exchange lists no market at all")
        return [row for row in rows if row.market in self._markets]

    def _compare(self, markets: Sequence[str]) -> None:
        faults = rulebook.tick_faults(self._client, markets, self._now)
        told = tuple((market, rulebook.bar_text(fault)) for market, fault in faults.items())
        self.outlet.send("universe", StepsCompared(tuple(markets), told, self._now()))

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
        log.warning("listings: %s", text)
        if what not in self._failing:
            self._failing.add(what)
            self.outlet.publish("incidents", IncidentRaised(self._now(), "listings_unread", self.name, text))
        return False


def _listing(market: str, row: Listing | None, ending: Ending | None) -> MarketListing:
    """How a market is listed, of its row in market/all and its ticker, as far as they are there."""
    if row is None:
        return MarketListing(market, listed=False)
    listing = MarketListing(
        market, warning=row.warning, cautions=row.cautions, korean=row.korean_name, english=row.english_name
    )
    if ending is None or not ending.state:
        return listing
    date = ending.delisting
    return replace(listing, state=ending.state, delisting=date, delisting_at=_begin_of(date))


def _begin_of(date: str) -> int:
    """When a date of the exchange (yyyy-mm-dd, KST) begins; 0 for none and for one nobody can read."""
    begin = day_of(date)
    if begin is None and date:
        log.warning("a market's last date cannot be read date=%.40s", date)
    return begin or 0
