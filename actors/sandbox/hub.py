"""Tells every socket what it asked for: snapshots at once, then what happens, in order and only once it is durable."""

from collections import defaultdict
from typing import NamedTuple, Protocol
from uuid import UUID

import msgspec

from actors.sandbox import frames
from actors.sandbox.desk import Outcome
from actors.sandbox.frames import Format
from actors.sandbox.history import step_of
from actors.sandbox.live import LiveMarket, Print
from actors.sandbox.noise import key_of
from actors.sandbox.numerals import plain
from actors.sandbox.order_wire import reserved_fee
from actors.sandbox.quotation_wire import supported_levels
from actors.sandbox.streams import CANDLES, Demand, Wish, split_code
from actors.sandbox.world import World
from domain.market import US_PER_S
from domain.matching import BalanceChanged, Executed, Finished, request_of
from domain.orders import Fill, OrderReport


class Listener(Protocol):
    """A socket as the hub sees it."""

    demand: Demand | None
    form: Format

    def push(self, payload: bytes, *, private: bool = False) -> None:
        """Take one message for the next flush."""

    def flush(self) -> None:
        """Send what was pushed."""


class Seat(NamedTuple):
    """One listener's interest in one market and type; `levels` and grouping `level` are for books."""

    listener: Listener
    kind: str
    levels: int
    level: float


class Hub:
    """Knows who listens to what. Runs on the world's thread only."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.listeners: dict[Listener, None] = {}
        self._seats: dict[tuple[str, str], list[Seat]] = defaultdict(list)
        self._dirty: dict[str, LiveMarket] = {}
        self._unseen: dict[str, LiveMarket] = {}
        self._candle_told: dict[str, int] = {}
        self._balances: dict[str, BalanceChanged] = {}
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
        """A request replaces everything the socket had asked for; a list only tells what that is."""
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

    def accepted(self, report: OrderReport) -> None:
        """An order was taken in, and money locked for it."""
        self._push_order(report, "wait")
        market = report.market
        for currency in market.split("-"):
            held = self._world.desk.exchange.balances.get(currency)
            if held is not None:
                self._balances[currency] = BalanceChanged(currency, held.free, held.locked)

    def happened(self, events: Outcome) -> None:
        """Fills, ends and balances of the account."""
        for event in events:
            match event:
                case Executed(report, fill, is_maker):
                    self._push_order(report, "trade", fill=fill, is_maker=is_maker)
                case Finished(report):
                    self._push_order(report, report.state.value)
                case BalanceChanged(currency):
                    self._balances[currency] = event

    def flush(self, now: int) -> None:
        """Send everything that has happened."""
        for market, live in self._dirty.items():
            self._push_tickers(live, now)
            for seat in self._seats.get((market, "orderbook"), ()):
                self._push_book(live, seat, snapshot=False)
        self._flush_candles(now)
        self._dirty.clear()
        self._flush_balances(now)
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

    # --- private messages --------------------------------------------------------------------------------------------

    def _push_order(self, report: OrderReport, state: str, *, fill: Fill | None = None, is_maker: bool = False) -> None:
        desk = self._world.desk
        wish = request_of(desk.exchange, report.order_id)
        if wish is None:
            return
        for listener in self._wanting("myOrder", report.market):
            payload = frames.my_order(
                report,
                listener.form,
                state=state,
                smp_type=desk.state.smp_types.get(report.order_id, "cancel_maker"),
                funds=wish.funds,
                reserved=reserved_fee(wish, desk.exchange),
                now=self._world.now,
                fill=fill,
                is_maker=is_maker,
            )
            listener.push(payload, private=True)

    def _flush_balances(self, now: int) -> None:
        if not self._balances:
            return
        changes = {name: (event.free, event.locked) for name, event in self._balances.items()}
        asset_id = str(UUID(int=key_of("asset", now, *changes)))
        for listener in self._wanting("myAsset", ""):
            listener.push(frames.my_asset(listener.form, changes, asset_id, now), private=True)
        self._balances.clear()

    def _wanting(self, kind: str, market: str) -> list[Listener]:
        return [
            listener
            for listener in self.listeners
            if listener.demand
            and any(
                wish.kind == kind and not wish.only_snapshot and (not wish.codes or market in wish.codes)
                for wish in listener.demand.wishes
            )
        ]


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
