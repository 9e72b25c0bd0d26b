"""The places Baeu can trade at, each as the client, the streams and the clock that lead there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from actors.listings import Glance
from actors.public import CANDLES, PublicStream
from actors.public import OpenStream as OpenPublic
from actors.runtime import Clock, ScaledClock, wall_clock
from actors.upbit.frames import BarFrame, BookFrame, Frame, TradeFrame
from actors.upbit.glance import tickers_now
from actors.upbit.limits import Limiter
from actors.upbit.private import AnnouncementFrame
from actors.upbit.rest import UpbitRest
from actors.upbit.sign import Keys
from actors.upbit.streams import Stream
from actors.userstream import OpenStream as OpenPrivate
from actors.userstream import PrivateStream
from domain.errors import ConfigError
from domain.market import HEARTBEAT, Bar, Book, Trade
from domain.orders import OrderReport
from domain.secret import Secret

BOOK_LEVELS = 15
ANNOUNCED = ("notice", "trade")  # categories of announcements that can be about a market's end
SANDBOX = "sandbox"  # the name of the place that has an exchange of its own


@dataclass(frozen=True, slots=True)
class Place:
    """Where to trade: `name` sandbox or exchange; without `private` orders go to the in-process exchange.

    `glance` reads the present tickers of markets by stream.
    """

    name: str
    rest: UpbitRest
    clock: Clock
    public: Callable[[tuple[str, ...]], OpenPublic]
    private: OpenPrivate | None
    glance: Glance


def sandbox_place(told: Mapping[str, Any]) -> Place:
    """The local exchange that printed this ready line; raises ConfigError when the line lacks something."""
    try:
        clock = ScaledClock(**told["clock"])
        keys = Keys(str(told["access_key"]), Secret(str(told["secret_key"])))
        rest, socket = str(told["rest"]), str(told["ws"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"the sandbox's ready line is not complete: {error}") from error
    limiter = Limiter(clock)
    return Place(
        SANDBOX,
        UpbitRest(rest, keys, clock, limiter=limiter),
        clock,
        lambda markets: _public(socket, markets, limiter, books=False),  # the one who fills our orders has its own
        _private(f"{socket}/private", keys, limiter),
        lambda markets: tickers_now(socket, markets, limiter),
    )


def upbit_place(rest: str, socket: str) -> Place:
    """Upbit's public side; orders go to the in-process exchange."""
    clock = wall_clock()
    limiter = Limiter(clock)
    client = UpbitRest(rest, None, clock, limiter=limiter)
    return Place(
        "exchange",
        client,
        clock,
        lambda markets: _public(socket, markets, limiter, books=True),
        None,
        lambda markets: tickers_now(socket, markets, limiter),
    )


def _public(url: str, markets: tuple[str, ...], limiter: Limiter, *, books: bool) -> OpenPublic:
    def start(
        on_trade: Callable[[str, Trade], None],
        on_book: Callable[[str, Book], None],
        on_echo: Callable[[int], None],
        on_candle: Callable[[str, Bar], None],
        on_state: Callable[[bool, str], None],
    ) -> PublicStream:
        def on_frame(frame: Frame) -> None:
            match frame:
                case TradeFrame():
                    on_trade(frame.market, frame.trade)
                case BookFrame():
                    on_book(frame.market, frame.book)
                case BarFrame():
                    on_candle(frame.market, frame.bar)

        return MarketStream(url, markets, limiter, books=books, on_frame=on_frame, on_state=on_state, on_echo=on_echo)

    return start


def _wanted(markets: tuple[str, ...], *, books: bool) -> tuple[dict[str, Any], ...]:
    """What the public stream is asked for, of these markets and the heartbeat."""
    codes = list(dict.fromkeys((*markets, HEARTBEAT)))
    prints: tuple[dict[str, Any], ...] = ({"type": "trade", "codes": codes}, {"type": CANDLES, "codes": codes})
    if not books:
        return prints
    return (*prints, {"type": "orderbook", "codes": [f"{code}.{BOOK_LEVELS}" for code in codes]})


class MarketStream(Stream):
    """The public stream: the same types for whatever markets are watched."""

    def __init__(  # noqa: PLR0913 (what a socket needs, by name)
        self,
        url: str,
        markets: tuple[str, ...],
        limiter: Limiter,
        *,
        books: bool,
        on_frame: Callable[[Frame], None],
        on_state: Callable[[bool, str], None],
        on_echo: Callable[[int], None],
    ) -> None:
        wanted = _wanted(markets, books=books)
        super().__init__(url, wanted, on_frame=on_frame, on_state=on_state, on_echo=on_echo, limiter=limiter)
        self._books = books
        self._watched = frozenset(markets)

    def watch(self, markets: tuple[str, ...]) -> None:
        """Want these markets and no others from now on; not for several threads at a time."""
        if self._watched != frozenset(markets):
            self._watched = frozenset(markets)
            self.replace_subscriptions(_wanted(markets, books=self._books))


def _private(url: str, keys: Keys, limiter: Limiter) -> OpenPrivate:
    def start(
        on_order: Callable[[OrderReport], None],
        on_announcement: Callable[[AnnouncementFrame], None],
        on_state: Callable[[bool, str], None],
    ) -> PrivateStream:
        def on_frame(frame: Frame) -> None:
            match frame:
                case OrderReport():
                    on_order(frame)
                case AnnouncementFrame():
                    on_announcement(frame)

        announcements = {"type": "announcement", "categories": list(ANNOUNCED), "include_body": True}
        wanted = ({"type": "myOrder"}, {"type": "myAsset"}, announcements)
        return Stream(url, wanted, on_frame=on_frame, on_state=on_state, keys=keys, limiter=limiter)

    return start
