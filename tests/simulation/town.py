"""The world outside the actors, simulated: an exchange, a market that trends and dips, a wire that loses things.

The exchange is the product's own matching core; it outlives every kill of the process. What is under test are the real
core actors, the real feed and user stream; the venue and the download edges have no threads here.
"""

import functools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal as D
from typing import Any

from actors.feed import Feed
from actors.runtime import Actor, ActorSpec, Faults, SimulatorHost
from actors.runtime.simulator import START_US
from actors.system import SESSION_FOR, SETTINGS_FOR, market_actor, system
from actors.userstream import UserStream
from domain import matching
from domain.candles import resample
from domain.config import Settings, SizeSettings
from domain.market import BASE_FRAME, DAY, FOUR_HOURS, HOUR, MINUTE, US_PER_S, Bar, Book, Level, Trade
from domain.matching import Event, Exchange, Executed, Finished, Holding, Refusal
from domain.message import Message
from domain.messages import (
    AccountLoaded,
    AccountWanted,
    CancelAnswered,
    CancelOrder,
    HistoryLoaded,
    HistoryWanted,
    LookUpAnswered,
    LookUpOrder,
    SessionOpened,
    SettingsChanged,
    SubmitAnswered,
    SubmitOrder,
    TermsLoaded,
)
from domain.orders import Balance, Side
from domain.rules import default_terms

MARKETS = ("KRW-AAA", "KRW-BBB", "KRW-CCC")
TICK = 10
EVERY = 15 * US_PER_S
WARM = 12 * DAY
CAPITAL = D(10_000_000)


@dataclass(frozen=True)
class Wire:
    """Chances that the way to the exchange fails, per call."""

    lose_request: float = 0.0
    lose_answer: float = 0.0
    error_after: float = 0.0
    late_request: float = 0.0
    duplicate: float = 0.0
    lose_event: float = 0.0
    stream_drop: float = 0.0


class Sink(Actor[None]):
    """Stands where the recorder and the dashboard stand, and keeps what they would hear."""

    edge = True
    State = None

    def __init__(self, context: Any, name: str, *, heard: list[Message]) -> None:
        super().__init__(context, name)
        self._heard = heard

    def handle(self, message: Message) -> None:
        self._heard.append(message)


class SimVenue(Actor[None]):
    """The venue's edge without threads: calls happen later, in the town's time."""

    edge = True
    State = None

    def __init__(self, context: Any, name: str, *, town: "Town") -> None:
        super().__init__(context, name)
        self._town = town

    def on_begin(self) -> None:
        for market in MARKETS:
            self.outlet.publish("terms", TermsLoaded(default_terms(market, START_US)))

    def handle(self, message: Message) -> None:
        self._town.call(message, functools.partial(self.outlet.send, self.sender))


class SimRest(Actor[None]):
    """Downloads history from the town's own candles."""

    edge = True
    State = None

    def __init__(self, context: Any, name: str, *, town: "Town") -> None:
        super().__init__(context, name)
        self._town = town

    def handle(self, message: HistoryWanted) -> None:
        self._town.later(0.4, lambda asker=self.sender: self.outlet.send(asker, self._town.history(message)))


class Plug:
    """One end of a stream: the town pushes into it while it is plugged in."""

    def __init__(self, plugged: list["Plug"], *callbacks: Callable[..., None]) -> None:
        self.callbacks = callbacks
        self._plugged = plugged

    def start(self) -> None:
        self._plugged[:] = [self]
        self.callbacks[-1](True, "connected")

    def probe(self, mark: int) -> None:
        """The public stream's callbacks are trade, book, echo, state."""
        if self in self._plugged:
            self.callbacks[2](mark)

    def stop(self) -> None:
        if self in self._plugged:
            self._plugged.remove(self)


class Town:
    """One simulated run. `heard` is what the recorder heard, over all lives of the process."""

    def __init__(self, seed: int = 1, faults: Faults | None = None, wire: Wire | None = None) -> None:
        self.rng = random.Random(f"town {seed}")
        self.wire = wire or Wire()
        self.exchange = Exchange(
            balances={"KRW": Holding(CAPITAL)}, terms={market: default_terms(market, START_US) for market in MARKETS}
        )
        self.heard: list[Message] = []
        self.posted: dict[str, int] = {}
        self.public: list[Plug] = []
        self.private: list[Plug] = []
        self.minutes: dict[str, list[Bar]] = {market: [] for market in MARKETS}
        self._count = 0
        self._phase = {market: self.rng.random() * 7 for market in MARKETS}
        self._noise = dict.fromkeys(MARKETS, 0.0)
        self._make_past()
        self.host = SimulatorHost(system(MARKETS, self._edges(), exchange=False), seed, faults)
        self.host.call_later(0, self._tick)
        self.host.start()
        self.host.call_later(US_PER_S, self.open)

    # --- the session

    def open(self) -> None:
        """What run.py tells the actors after a start; told again after each kill."""
        sizes = SizeSettings(max_positions=3, entries_per_day=20, day_loss=D("0.5"))
        told = SettingsChanged(Settings(sizes=sizes), "town", "")
        opened = SessionOpened("town", "towntown", MARKETS, 1.0)
        actors = tuple(map(market_actor, MARKETS))
        for name in (*SETTINGS_FOR, *actors):
            self.host.tell(name, told)
        for name in (*SESSION_FOR, *actors):
            self.host.tell(name, opened)

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
        self.wire = Wire()
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

    def _edges(self) -> tuple[ActorSpec, ...]:
        def public(*callbacks: Callable[..., None]) -> Plug:
            return Plug(self.public, *callbacks)

        def private(*callbacks: Callable[..., None]) -> Plug:
            return Plug(self.private, *callbacks)

        def now() -> int:
            return self.host.agenda.now

        return (
            ActorSpec("recorder", functools.partial(Sink, heard=self.heard)),
            ActorSpec("dashboard", functools.partial(Sink, heard=[])),
            ActorSpec("venue", functools.partial(SimVenue, town=self)),
            ActorSpec("rest", functools.partial(SimRest, town=self)),
            ActorSpec("userstream", functools.partial(UserStream, open_stream=private, now=now)),
            ActorSpec("feed", functools.partial(Feed, open_stream=public, markets=MARKETS, now=now)),
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
        if self.public and self.rng.random() < self.wire.stream_drop:
            self._drop(self.public)
        if self.private and self.rng.random() < self.wire.stream_drop:
            self._drop(self.private)
        self.host.call_later(EVERY, self._tick)

    def _print(self, market: str, now: int) -> None:
        price = D(self.price(market, now))
        self._count += 1
        side = Side.BUY if self.rng.random() < 0.5 else Side.SELL
        trade = Trade(now, price, D(self.rng.randint(1, 400)) / 8, side, self._count)
        sizes = [D(self.rng.randint(50, 900)) for _ in range(20)]
        asks = tuple(Level(price + TICK * (n + 1), sizes[n]) for n in range(10))
        bids = tuple(Level(price - TICK * n, sizes[10 + n]) for n in range(10))
        book = Book(now, asks, bids)
        self._candle(market, trade)
        self._tell(matching.on_trade(self.exchange, market, trade, self._new_id))
        matching.on_book(self.exchange, market, book)
        for plug in self.public:
            plug.callbacks[0](market, trade)

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

    def _drop(self, stream: list[Plug]) -> None:
        plug = stream.pop()
        plug.callbacks[-1](False, "dropped")
        self.later(2.0, plug.start)

    # --- the exchange's private side

    def later(self, mean_s: float, happening: Callable[[], object]) -> None:
        self.host.call_later(int(self.rng.expovariate(1 / mean_s) * US_PER_S), happening)

    def call(self, message: Message, answer: Callable[[Message], None]) -> None:
        if self.rng.random() < self.wire.lose_request:
            self._fail(message, answer)
            return
        wait = 8.0 if self.rng.random() < self.wire.late_request else 0.05
        if wait > 1:
            self._fail(message, answer)
        self.later(wait, lambda: self._serve(message, answer))

    def _fail(self, message: Message, answer: Callable[[Message], None]) -> None:
        """The client's own time-out."""
        if isinstance(message, SubmitOrder):
            lost = SubmitAnswered(message.request.identifier, "unknown", "time-out")
            self.host.call_later(10 * US_PER_S, lambda: answer(lost))
        elif isinstance(message, LookUpOrder):
            self.host.call_later(10 * US_PER_S, lambda: answer(LookUpAnswered(message.identifier, "failed")))

    def _serve(self, message: Message, answer: Callable[[Message], None]) -> None:
        reply = self._reply(message)
        if isinstance(message, SubmitOrder) and self.rng.random() < self.wire.error_after:
            reply = SubmitAnswered(message.request.identifier, "unknown", "HTTP 502")
        if self.rng.random() >= self.wire.lose_answer:
            self.later(0.05, lambda: answer(reply))
        else:
            self._fail(message, answer)

    def _reply(self, message: Message) -> Message:
        now, exchange = self.host.agenda.now, self.exchange
        match message:
            case SubmitOrder():
                return self._submit(message, now)
            case LookUpOrder():
                found = matching.by_identifier(exchange, message.identifier)
                return LookUpAnswered(message.identifier, "absent" if found is None else "found", found)
            case CancelOrder():
                order_id = exchange.identifiers.get(message.identifier, "")
                absent = isinstance(matching.cancel(exchange, order_id, now), Refusal)
                self._tell(matching.cancel_now(exchange, order_id, now))
                return CancelAnswered(message.identifier, "absent" if absent else "accepted")
            case AccountWanted():
                balances = tuple(Balance(k, v.free, v.locked, v.average_price) for k, v in exchange.balances.items())
                return AccountLoaded(message.request, balances, matching.open_orders(exchange), now)
        raise AssertionError(message)

    def _submit(self, message: SubmitOrder, now: int) -> SubmitAnswered:
        identifier, order_id = message.request.identifier, self._new_id()
        placed = matching.place(self.exchange, message.request, order_id, now)
        if isinstance(placed, Refusal):
            return SubmitAnswered(identifier, "refused", placed.name)
        self.posted[identifier] = self.posted.get(identifier, 0) + 1
        self.later(0.1, lambda: self._tell(matching.match_new(self.exchange, order_id, now, self._new_id)))
        return SubmitAnswered(identifier, "accepted", "", placed)

    def _tell(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Executed | Finished):
                times = 2 if self.rng.random() < self.wire.duplicate else 1
                for _ in range(0 if self.rng.random() < self.wire.lose_event else times):
                    report = event.report
                    self.later(0.1, lambda report=report: [plug.callbacks[0](report) for plug in self.private])

    def _new_id(self) -> str:
        self._count += 1
        return f"id{self._count}"


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
