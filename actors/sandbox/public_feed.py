"""What sockets are told of the markets: snapshots when they ask, then trades, tickers, books and candles as they come.

Trades are told one by one, the rest at the flush, for several trades at once: tickers at every flush, books at most
every 100 ms of a market, candles at most once a second of a market and length. What had to wait is told later; the end
of a candle is never left out.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from actors.sandbox import frames
from actors.sandbox.frames import Format
from actors.sandbox.history import Candle
from actors.sandbox.listing import Announcement
from actors.sandbox.live import LiveMarket
from actors.sandbox.numerals import plain
from actors.sandbox.prints import Print
from actors.sandbox.quotation_wire import supported_levels
from actors.sandbox.seats import Listener, Seat
from actors.sandbox.streams import CANDLES, PUBLIC, Wish, split_code
from actors.sandbox.world import World
from domain.market import US_PER_S

BOOK_EVERY: Final = US_PER_S // 10
CANDLE_EVERY: Final = US_PER_S
_LONG_AGO: Final = -(10**18)
Written: TypeAlias = Callable[[Seat], bytes]


@dataclass(slots=True)
class _Pace:
    """Candles of one market and length that nobody was told of: those that are `over`, and whether the newest changed.

    `told` is when the last one was told, `since` when the oldest untold change happened (microseconds).
    """

    told: int = _LONG_AGO
    since: int = 0
    over: list[Candle] = field(default_factory=list)
    changed: bool = False

    @property
    def due(self) -> int | None:
        """When the next one may be told."""
        return max(self.told + CANDLE_EVERY, self.since) if self.over or self.changed else None


class PublicFeed:
    """Knows who listens to which market. Runs on the world's thread only."""

    def __init__(self, world: World, listeners: dict[Listener, None]) -> None:
        self._world, self._listeners = world, listeners
        self._seats: dict[tuple[str, str], list[Seat]] = defaultdict(list)
        self._paces: dict[str, dict[str, _Pace]] = {}
        self._dirty: dict[str, LiveMarket] = {}
        self._unseen: dict[str, LiveMarket] = {}
        self._book_told: dict[str, int] = {}

    def reseat(self) -> None:
        """The listeners or what they want have changed."""
        self._seats.clear()
        paces: dict[str, dict[str, _Pace]] = {}
        for listener in self._listeners:
            for wish in listener.demand.wishes if listener.demand else ():
                for live, seat in () if wish.only_snapshot else self._wanted(listener, wish):
                    self._seats[live.market, wish.kind].append(seat)
                    if wish.kind in CANDLES:
                        known = self._paces.get(live.market, {}).get(wish.kind)
                        paces.setdefault(live.market, {})[wish.kind] = known or _Pace()
        self._paces = paces

    def snapshots(self, listener: Listener, wish: Wish) -> None:
        """How everything asked for stands now."""
        for live, seat in self._wanted(listener, wish):
            self._tell((seat,), self._written(live, seat.kind, snapshot=True))

    # --- what happens ------------------------------------------------------------------------------------------------

    def turning(self, live: LiveMarket, at: int) -> None:
        """The next trade comes at `at`: candles that were due before it are told, those that end with it are kept."""
        for kind, pace in self._paces.get(live.market, {}).items():
            self._let_go(live, kind, pace, at)
            period = CANDLES[kind]
            if pace.changed and period.number(at) != period.number(live.last.at):
                pace.over.extend(_newest(live, kind))
                pace.changed = False

    def printed(self, live: LiveMarket, trade: Print) -> None:
        """A public trade."""
        if not live.listing.listed:
            return
        self._dirty[live.market] = live
        if live.series.recorded is None and (live.market, "orderbook") in self._seats:
            self._unseen[live.market] = live
        for pace in self._paces.get(live.market, {}).values():
            pace.since = trade.at if pace.due is None else pace.since
            pace.changed = True
        self._tell(
            self._seats.get((live.market, "trade"), ()),
            lambda seat: frames.trade(live, trade, seat.listener.form, snapshot=False),
        )

    def quoted(self, live: LiveMarket) -> None:
        """A recorded book, told as it was."""
        if live.listing.listed:
            self._tell_kind(live, "orderbook")

    def announced(self, one: Announcement) -> None:
        """A notice of the exchange."""
        for listener in self._listeners:
            for wish in listener.demand.wishes if listener.demand else ():
                if wish.kind == "announcement" and (not wish.categories or one.category in wish.categories):
                    text = frames.announcement(one, listener.form, self._world.now, with_body=wish.with_body)
                    listener.push(text, private=True)

    def flush(self, now: int) -> None:
        """Push what may be told by now (microseconds)."""
        for live in self._dirty.values():
            self._tell_kind(live, "ticker")
        self._dirty.clear()
        for market, live in tuple(self._unseen.items()):
            if self._book_told.get(market, _LONG_AGO) + BOOK_EVERY <= now:
                self._tell_kind(live, "orderbook")
                self._book_told[market] = now
                del self._unseen[market]
        for market, paces in self._paces.items():
            for kind, pace in paces.items():
                self._let_go(self._world.markets[market], kind, pace, now)

    # --- how it is told ----------------------------------------------------------------------------------------------

    def _wanted(self, listener: Listener, wish: Wish) -> Iterable[tuple[LiveMarket, Seat]]:
        """The markets a wish is about; what nobody knows or supports is left out silently."""
        for code in dict.fromkeys(wish.codes) if wish.kind in PUBLIC else ():
            market, count = split_code(code) if wish.kind == "orderbook" else (code, 0)
            live = self._world.markets.get(market)
            if live is None or not live.listing.listed:
                continue
            if not wish.level or plain(wish.level) in supported_levels(live):
                yield live, Seat(listener, wish.kind, count, wish.level)

    def _tell_kind(self, live: LiveMarket, kind: str) -> None:
        self._tell(self._seats.get((live.market, kind), ()), self._written(live, kind, snapshot=False))

    def _tell(self, seats: Iterable[Seat], written: Written) -> None:
        """Push a message to each; it is written once for all who want it in the same way."""
        told = dict[tuple[Format, int, float], bytes]()
        for seat in seats:
            way = (seat.listener.form, seat.levels, seat.level)
            payload = told[way] if way in told else told.setdefault(way, written(seat))
            if payload:
                seat.listener.push(payload)

    def _written(self, live: LiveMarket, kind: str, *, snapshot: bool) -> Written:
        """How a message of this type is written for a seat; nothing when there is nothing to say."""
        match kind:
            case "ticker":
                whole = self._world.choices.deprecated_fields == "told"
                return lambda seat: frames.ticker(
                    live, seat.listener.form, self._world.now, snapshot=snapshot, whole=whole
                )
            case "trade":
                return lambda seat: _last_trade(live, seat)
            case "orderbook":
                return lambda seat: _book(live, seat, snapshot=snapshot)
            case _:
                return lambda seat: b"".join(
                    frames.candle(live.market, kind, one, seat.listener.form, snapshot=snapshot)
                    for one in _newest(live, kind)
                )

    def _let_go(self, live: LiveMarket, kind: str, pace: _Pace, now: int) -> None:
        """Tell the candles that are due, the oldest first."""
        while (due := pace.due) is not None and due <= now:
            pace.told = due
            if pace.over:
                self._tell_candle(live, kind, pace.over.pop(0))
                continue
            pace.changed = False
            for one in _newest(live, kind):
                self._tell_candle(live, kind, one)

    def _tell_candle(self, live: LiveMarket, kind: str, one: Candle) -> None:
        if live.listing.listed:
            self._tell(
                self._seats.get((live.market, kind), ()),
                lambda seat: frames.candle(live.market, kind, one, seat.listener.form, snapshot=False),
            )


def _newest(live: LiveMarket, kind: str) -> list[Candle]:
    """The newest candle there is."""
    return live.candles(CANDLES[kind], before=live.last.at + 1, count=1)


def _last_trade(live: LiveMarket, seat: Seat) -> bytes:
    """The newest trade; nothing while none was recorded."""
    return frames.trade(live, live.last, seat.listener.form, snapshot=True) if live.last.units else b""


def _book(live: LiveMarket, seat: Seat, *, snapshot: bool) -> bytes:
    """The book as this seat wants it; nothing when its grouping is no longer supported."""
    book, form = live.book, seat.listener.form
    if seat.level:
        if plain(seat.level) not in supported_levels(live):
            return b""
        book = book.grouped(seat.level)
    return frames.orderbook(live.market, book, form, count=seat.levels, level=seat.level, snapshot=snapshot)
