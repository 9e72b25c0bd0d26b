"""Tells every socket what it asked for: snapshots at once, then what happens, in order and only once it is durable."""

from collections import defaultdict

import msgspec

from actors.sandbox import frames
from actors.sandbox.frames import Format
from actors.sandbox.history import step_of
from actors.sandbox.inputs import Outcome
from actors.sandbox.live import LiveMarket, Print
from actors.sandbox.numerals import plain
from actors.sandbox.private_feed import PrivateFeed, check_demand
from actors.sandbox.quotation_wire import supported_levels
from actors.sandbox.seats import Listener, Seat
from actors.sandbox.streams import CANDLES, Demand, Wish, split_code
from actors.sandbox.world import World
from domain.market import US_PER_S


class Hub:
    """Knows who listens to what. Runs on the world's thread only."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.listeners: dict[Listener, None] = {}
        self._seats: dict[tuple[str, str], list[Seat]] = defaultdict(list)
        self._dirty: dict[str, LiveMarket] = {}
        self._unseen: dict[str, LiveMarket] = {}
        self._candle_told: dict[str, int] = {}
        self._private = PrivateFeed(world, self.listeners)
        world.watcher = self

    # --- listeners ---------------------------------------------------------------------------------------------------

    def join(self, listener: Listener) -> None:
        """A socket opened."""
        self.listeners[listener] = None

    def leave(self, listener: Listener) -> None:
        """A socket closed."""
        self.listeners.pop(listener, None)
        self._reseat()

    def demand(self, listener: Listener, demand: Demand) -> None:
        """A request replaces everything the socket had asked for; a list only tells what that is.

        Raises BadFrame when the socket may not have it.
        """
        check_demand(listener, demand)
        if demand.form is not None:
            listener.form = demand.form
        if demand.lists:
            listener.push(_listed(listener, demand.ticket))
            listener.flush()
            return
        if demand.form is None:
            listener.form = Format()
        listener.demand = demand
        self._reseat()
        for wish in demand.wishes:
            if not wish.only_realtime:
                self._snapshots(listener, wish)
        listener.flush()

    def _reseat(self) -> None:
        self._seats.clear()
        for listener in self.listeners:
            for wish in listener.demand.wishes if listener.demand else ():
                if not wish.only_snapshot:
                    self._seat(listener, wish)

    def _seat(self, listener: Listener, wish: Wish) -> None:
        for code in dict.fromkeys(wish.codes):
            market, count = split_code(code) if wish.kind == "orderbook" else (code, 0)
            live = self._world.markets.get(market)
            if live is not None and (not wish.level or plain(wish.level) in supported_levels(live)):
                self._seats[market, wish.kind.partition(".")[0]].append(Seat(listener, wish.kind, count, wish.level))

    def _snapshots(self, listener: Listener, wish: Wish) -> None:
        for code in dict.fromkeys(wish.codes):
            market, count = split_code(code) if wish.kind == "orderbook" else (code, 0)
            live = self._world.markets.get(market)
            if live is None:
                continue
            seat = Seat(listener, wish.kind, count, wish.level)
            match wish.kind:
                case "ticker":
                    listener.push(frames.ticker(live, listener.form, self._world.now, snapshot=True))
                case "trade":
                    listener.push(frames.trade(live, live.last, listener.form, snapshot=True))
                case "orderbook":
                    self._push_book(live, seat, snapshot=True)
                case kind if kind in CANDLES:
                    self._push_candle(live, seat, snapshot=True)

    # --- what happens ------------------------------------------------------------------------------------------------

    def turning(self, live: LiveMarket) -> None:
        """The forming candle is over: whoever has not seen its end sees it now."""
        if live.market in self._unseen or live.market in self._dirty:
            self._push_candles(live)

    def printed(self, live: LiveMarket, trade: Print) -> None:
        """A public trade: told by itself; ticker, book and candles follow at the flush, once for several trades."""
        self._dirty[live.market] = live
        seats = self._seats.get((live.market, "trade"))
        if seats:
            told: dict[Format, bytes] = {}
            for seat in seats:
                form = seat.listener.form
                if form not in told:
                    told[form] = frames.trade(live, trade, form, snapshot=False)
                seat.listener.push(told[form])

    def happened(self, events: Outcome) -> None:
        """Orders, fills, ends and balances of the accounts."""
        self._private.happened(events)

    def flush(self, now: int) -> None:
        """Send everything that has happened."""
        for market, live in self._dirty.items():
            self._push_tickers(live, now)
            for seat in self._seats.get((market, "orderbook"), ()):
                self._push_book(live, seat, snapshot=False)
        self._flush_candles(now)
        self._dirty.clear()
        self._private.flush(now)
        for listener in tuple(self.listeners):
            listener.flush()

    # --- public messages ---------------------------------------------------------------------------------------------

    def _push_tickers(self, live: LiveMarket, now: int) -> None:
        told: dict[Format, bytes] = {}
        for seat in self._seats.get((live.market, "ticker"), ()):
            form = seat.listener.form
            if form not in told:
                told[form] = frames.ticker(live, form, now, snapshot=False)
            seat.listener.push(told[form])

    def _push_book(self, live: LiveMarket, seat: Seat, *, snapshot: bool) -> None:
        book = live.book
        if seat.level:
            if plain(seat.level) not in supported_levels(live):
                return
            book = book.grouped(seat.level)
        form = seat.listener.form
        payload = frames.orderbook(live.market, book, form, count=seat.levels, level=seat.level, snapshot=snapshot)
        seat.listener.push(payload)

    def _flush_candles(self, now: int) -> None:
        """Candles go out at most once a second of the exchange's time; what must wait goes out at a later flush."""
        self._unseen.update((market, live) for market, live in self._dirty.items() if (market, "candle") in self._seats)
        for market, live in tuple(self._unseen.items()):
            if self._candle_told.get(market, 0) + US_PER_S <= now:
                self._push_candles(live)
                self._candle_told[market] = now
                del self._unseen[market]

    def _push_candles(self, live: LiveMarket) -> None:
        for seat in self._seats.get((live.market, "candle"), ()):
            self._push_candle(live, seat, snapshot=False)

    def _push_candle(self, live: LiveMarket, seat: Seat, *, snapshot: bool) -> None:
        step = step_of(CANDLES[seat.kind])
        found = live.candles(step, before=self._world.now + 1, count=1)
        if found:
            seat.listener.push(frames.candle(live.market, seat.kind, found[0], seat.listener.form, snapshot=snapshot))


def _listed(listener: Listener, ticket: str) -> bytes:
    """What a socket is subscribed to."""
    short = listener.form.short
    rows = []
    for wish in listener.demand.wishes if listener.demand else ():
        row: dict[str, object] = {"ty" if short else "type": wish.kind}
        if wish.codes:
            row["cds" if short else "codes"] = list(wish.codes)
        if wish.kind == "orderbook":
            row["lv" if short else "level"] = msgspec.Raw(plain(wish.level).encode())
        rows.append(row)
    names = ("mthd", "rslt", "tckt") if short else ("method", "result", "ticket")
    return msgspec.json.encode(dict(zip(names, ("LIST_SUBSCRIPTIONS", rows, ticket), strict=True)))
