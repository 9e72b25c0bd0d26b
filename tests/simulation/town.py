"""A simulated town: the real core actors, feed and user stream in a market that trends and dips, in virtual time."""

import bisect
import functools
import math
import random
from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

from actors.feed import Feed
from actors.runtime import ActorSpec, Faults, Replay, ReplayReport, SimulatorHost, replay_records
from actors.runtime.simulator import START_US
from actors.system import SESSION_FOR, SETTINGS_FOR, core_alone, system
from actors.userstream import UserStream
from domain import matching
from domain.candles import resample
from domain.config import Settings, SizeSettings
from domain.market import BASE_FRAME, DAY, FOUR_HOURS, HOUR, MINUTE, US_PER_S, Bar, Book, Level, Trade
from domain.matching import Exchange
from domain.messages import CandlesRead, CandlesWanted, HistoryLoaded, HistoryWanted, SessionOpened, SettingsChanged
from domain.orders import Side
from tests.simulation.world import Outside, Plug, SimRest, SimVenue, Sink, Wire

MARKETS = ("KRW-AAA", "KRW-BBB", "KRW-CCC")
TICK = 10
EVERY = 15 * US_PER_S
WARM = 12 * DAY


class Town:
    """One simulated run. `heard` is what the recorder heard, over all lives of the process.

    `markets` are those the session is opened for from the next start on, `entries` those of them that may be entered,
    () for all. With `inside` the exchange is the
    one of this process, as on Upbit's public data: it dies and comes back with the actors.
    """

    def __init__(
        self, seed: int = 1, faults: Faults | None = None, wire: Wire | None = None, *, inside: bool = False
    ) -> None:
        self.inside = inside
        self.rng = random.Random(f"town {seed}")
        self.outside = Outside(self.rng, wire or Wire(), MARKETS, START_US)
        self.posted = self.outside.posted
        self.markets = MARKETS
        self.entries: tuple[str, ...] = ()
        self.heard: list[Any] = []
        self.public: list[Plug] = []
        self.minutes: dict[str, list[Bar]] = {market: [] for market in MARKETS}
        self._phase = {market: self.rng.random() * 7 for market in MARKETS}
        self._noise = dict.fromkeys(MARKETS, 0.0)
        self._make_past()
        self.host = SimulatorHost(system(self._edges(), exchange=inside), seed, faults)
        self.outside.host = self.host
        self.host.call_later(0, self._tick)
        self.host.start()
        self.host.call_later(US_PER_S, self.open)

    # --- the session

    def open(self) -> None:
        """What run.py tells the actors after a start; told again after each kill."""
        sizes = SizeSettings(max_positions=3, entries_per_day=20, day_loss=D("0.5"))
        told = SettingsChanged(Settings(sizes=sizes), "town", "")
        opened = SessionOpened("town", "towntown", self.markets, 1.0, self.entries)
        for name in SETTINGS_FOR:
            self.host.tell(name, told)
        for name in (*SESSION_FOR, *(("venue",) if self.inside else ())):
            self.host.tell(name, opened)

    def watch(self, *markets: str) -> None:
        """From now on exactly these markets have an actor, in this life of the process and the next ones."""
        self.markets = markets
        self.host.tell("universe", SessionOpened("town", "towntown", markets, 1.0, self.entries))

    @property
    def exchange(self) -> Exchange:
        """The exchange that fills our orders."""
        return self.host.state("venue").exchange if self.inside else self.outside.exchange

    def run(self, hours: float) -> "Town":
        """Let time pass; a process that died and came back is opened again, as run.py would."""
        end = self.host.agenda.now + int(hours * HOUR)
        while self.host.agenda.now < end:
            boot = self.host.boot
            self.host.run_for(min(MINUTE, end - self.host.agenda.now))
            if self.host.boot != boot:
                self.open()
        return self

    def calm(self) -> "Town":
        """From now on nothing fails any more."""
        self.outside.wire = Wire()
        self.host.chaos.faults = Faults()
        return self

    def of(self, kind: type) -> list[Any]:
        """What the recorder heard of one kind."""
        return [message for message in self.heard if isinstance(message, kind)]

    def holdings(self) -> dict[str, D]:
        """The exchange's truth: totals by currency, zeros left out."""
        totals = {name: one.free + one.locked for name, one in self.exchange.balances.items()}
        return {name: total for name, total in totals.items() if total}

    def books(self) -> dict[str, D]:
        """What our portfolio believes, in the same form."""
        ledger = self.host.state("portfolio").ledger
        coins = {market.partition("-")[2]: volume for market, volume in ledger.coins.items()}
        return {name: total for name, total in {"KRW": ledger.cash, **coins}.items() if total}

    def replayed(self) -> ReplayReport:
        """The whole journal, run again."""
        run = Replay(core_alone(exchange=self.inside), self.host.seed)
        return replay_records(run, self.host.ledger.records, self.host.store.snapshots)

    def _edges(self) -> tuple[ActorSpec, ...]:
        def public(*callbacks: Callable[..., None]) -> Plug:
            return Plug(self.public, *callbacks)

        def private(*callbacks: Callable[..., None]) -> Plug:
            return Plug(self.outside.streams, *callbacks)

        def now() -> int:
            return self.host.agenda.now

        listeners = ("venue",) if self.inside else ()
        rest = functools.partial(SimRest, outside=self.outside, history=self.history, minutes=self.reread)
        edges = (
            ActorSpec("recorder", functools.partial(Sink, heard=self.heard)),
            ActorSpec("dashboard", functools.partial(Sink, heard=[])),
            ActorSpec("listings", functools.partial(Sink, heard=[])),
            ActorSpec("rest", rest),
            ActorSpec(
                "feed",
                functools.partial(
                    Feed,
                    open_stream=public,
                    now=now,
                    listeners=listeners,
                    real=lambda: now() / US_PER_S,
                ),
            ),
        )
        if self.inside:
            return edges
        return (
            ActorSpec("venue", functools.partial(SimVenue, outside=self.outside, markets=MARKETS)),
            ActorSpec("userstream", functools.partial(UserStream, open_stream=private, now=now)),
            *edges,
        )

    # --- the market

    def price(self, market: str, at: int) -> int:
        """A rise of a few percent a day with a dip of about two percent every few hours, and noise."""
        hours = (at - START_US) / HOUR + self._phase[market]
        drift = 1.0 + 0.02 * hours / 24
        dip = 0.018 * max(0.0, math.sin(hours / 4.5 * 2 * math.pi)) ** 3
        self._noise[market] = 0.9 * self._noise[market] + self.rng.gauss(0, 0.000_6)
        return round(20_000 * drift * (1 - dip) * (1 + self._noise[market]) / TICK) * TICK

    def _tick(self) -> None:
        now = self.host.agenda.now
        for market in MARKETS:
            self._print(market, now)
        for stream in (self.public, self.outside.streams):
            if stream and self.rng.random() < self.outside.wire.stream_drop:
                self._drop(stream)
        self.host.call_later(EVERY, self._tick)

    def _print(self, market: str, now: int) -> None:
        price = D(self.price(market, now))
        number = self.outside.count()
        side = Side.BUY if self.rng.random() < 0.5 else Side.SELL
        trade = Trade(now, price, D(self.rng.randint(1, 400)) / 8, side, number)
        sizes = [D(self.rng.randint(50, 900)) for _ in range(20)]
        asks = tuple(Level(price + TICK * (n + 1), sizes[n]) for n in range(10))
        bids = tuple(Level(price - TICK * n, sizes[10 + n]) for n in range(10))
        book = Book(now, asks, bids)
        self._candle(market, trade)
        self.outside.tell(matching.on_trade(self.outside.exchange, market, trade, self.outside.new_id))
        matching.on_book(self.outside.exchange, market, book)
        self._publish(market, trade)
        for plug in self._plugs(market):
            plug.callbacks[1](market, book)
            plug.callbacks[3](market, self.minutes[market][-1])

    def _plugs(self, market: str) -> list[Plug]:
        return [plug for plug in self.public if plug.wants(market)]

    def _publish(self, market: str, trade: Trade) -> None:
        """A trade on the public stream: perhaps more than a minute late, perhaps twice."""
        wire = self.outside.wire

        def tell() -> None:
            for plug in self._plugs(market):
                plug.callbacks[0](market, trade)

        if wire.late_trade and self.rng.random() < wire.late_trade:
            self.host.call_later(80 * US_PER_S, tell)
            return
        tell()
        if wire.double_trade and self.rng.random() < wire.double_trade:
            tell()

    def _candle(self, market: str, trade: Trade) -> None:
        bars, start, price = self.minutes[market], trade.at - trade.at % MINUTE, trade.price
        bars.append(Bar(start, price, price, price, price, trade.volume, price * trade.volume))
        if len(bars) > 1 and bars[-2].start == start:
            bars[-2:] = resample_two(bars[-2], bars[-1])

    def _make_past(self) -> None:
        for at in range(START_US - WARM, START_US, MINUTE):
            for market in MARKETS:
                price = D(self.price(market, at))
                self.minutes[market].append(Bar(at - at % MINUTE, price, price, price, price, D(10), price * 10))

    def history(self, wanted: HistoryWanted) -> HistoryLoaded:
        bars = [bar for bar in self.minutes[wanted.market] if bar.start + MINUTE <= wanted.until]
        if wanted.since:
            return HistoryLoaded(
                wanted.market, wanted.since, wanted.until, tuple(bar for bar in bars if bar.start >= wanted.since)
            )
        base = wanted.until - wanted.until % BASE_FRAME

        def closed(step: int, count: int) -> tuple[Bar, ...]:
            end = wanted.until - wanted.until % step
            return resample([bar for bar in bars if bar.start < end], step)[-count:]

        return HistoryLoaded(
            wanted.market,
            0,
            wanted.until,
            tuple(bar for bar in bars if bar.start >= base),
            closed(BASE_FRAME, 400),
            closed(HOUR, 200),
            closed(FOUR_HOURS, 60),
        )

    def reread(self, wanted: CandlesWanted) -> CandlesRead:
        """The minutes as the exchange has them."""
        bars = self.minutes[wanted.market]
        first, end = (bisect.bisect_left(bars, at, key=lambda bar: bar.start) for at in (wanted.since, wanted.until))
        return CandlesRead(wanted.market, wanted.since, wanted.until, tuple(bars[first:end]), wanted.reason)

    def _drop(self, stream: list[Plug]) -> None:
        plug = stream.pop()
        plug.callbacks[-1](False, "dropped")
        self.outside.later(2.0, plug.start)


def resample_two(one: Bar, two: Bar) -> list[Bar]:
    """Two bars of one minute as one."""
    return [
        Bar(
            one.start,
            one.open,
            max(one.high, two.high),
            min(one.low, two.low),
            two.close,
            one.volume + two.volume,
            one.value + two.value,
        )
    ]
