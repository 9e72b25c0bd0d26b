"""Real market actors through a month of the made-up world behind a hostile wire, in virtual time."""

import functools
import random
from collections import defaultdict
from collections.abc import Sequence

from actors.clock import Clock
from actors.feed import Feed
from actors.market import Market
from actors.recorder import Recorder
from actors.runtime import ActorSpec, Faults, SimulatorHost, Topology
from actors.runtime.errors import ProcessKilled
from actors.runtime.parcel import Outgoing
from actors.runtime.record import Record, Status
from actors.runtime.simulator import START_US
from actors.system import market_actor
from domain.config import Settings
from domain.errors import ExchangeUnavailable
from domain.market import BASE_FRAME, DAY, HOUR, MINUTE, US_PER_S, Bar, Trade
from domain.messages import CandlesTold, SealNow, SessionOpened, SettingsChanged
from domain.spans import Span
from tests.simulation.edges import Heard, Line, SimArchivist, SimRest
from tests.simulation.judge import Judge
from tests.simulation.shelf import Shelf
from tests.simulation.truth import Truth, made_up, quotation
from tests.simulation.weather import Roughness, Weather
from tests.simulation.world import Plug, Sink

WARM_DAYS = 12
BAD_DAY = Faults(delay_us=5_000, slow=0.000_1, crash=0.000_01)  # mail takes its time, a handler stalls or crashes
BEGIN = START_US // MINUTE * MINUTE + MINUTE
CALM = 10 * MINUTE
FIRST = BEGIN + BASE_FRAME  # by then all markets have begun: from here on the store is to be the truth
BEHIND_MAX = 4 * US_PER_S  # REST tells of a trade after so long at the latest: minutes are final five seconds old
SINKS = ("portfolio", "guard")
QUIET = 80 * MINUTE  # after the end nothing more goes wrong, and the last minutes become final and old enough to seal


class Month:
    """One simulated run from BEGIN to `until`, with two maintenance windows, and what it left on its `shelf`.

    `share` (number, of so many) takes only a part of the markets; their world and their weather are the same. In `gone`
    nothing trades.
    """

    def __init__(  # noqa: PLR0913 (what there is to choose, by name)
        self,
        shelf: Shelf,
        *,
        markets: int,
        days: float,
        seed: int = 1,
        rough: Roughness | None = None,
        share: tuple[int, int] = (0, 1),
        gone: tuple[Span, ...] = (),
    ) -> None:
        self.shelf = shelf
        self.until = BEGIN + int(days * DAY) // MINUTE * MINUTE
        silences = maintenance(days)
        world = made_up(markets, seed, BEGIN - WARM_DAYS * DAY, int(days) + WARM_DAYS + 3)
        number, parts = share
        self.truth = Truth({name: world[name] for name in list(world)[number::parts]}, (*silences, *gone))
        self.markets = tuple(self.truth.series)
        self.weather = Weather(seed, rough or Roughness(), BEGIN + CALM, self.until, silences)
        self.judge = Judge(self.truth)
        self.plugged: list[Plug] = []
        self.line: Line | None = None
        self.trades = 0
        self._chance = random.Random(f"month {seed}")
        self._due: dict[int, list[tuple[int, int, str, Trade]]] = defaultdict(list)
        self._over: dict[int, list[tuple[str, int]]] = defaultdict(list)
        self._forgotten = 0
        self._doomed = False
        self._behind = 0
        self._quotation = quotation(self.truth, lambda: self.now - self._behind)
        self.host = SimulatorHost(self._topology(), seed, BAD_DAY, snapshot_records=50_000)
        self.host.watchers += [self.judge.watch, self._die]
        self.host.call_later(BEGIN - START_US, self._minute)
        self.host.call_later(BEGIN - START_US, self._second)
        self.host.start()
        self.open()

    @property
    def now(self) -> int:
        """Virtual time, which is the exchange's."""
        return self.host.agenda.now

    def candle_range(self, market: str, unit: int, since: int, until: int) -> tuple[Bar, ...]:
        """What REST answers; raises ExchangeUnavailable by chance, and while the exchange is in maintenance."""
        calm, rough, chance = self.now < BEGIN + CALM, self.weather.rough, self._chance  # all compare from there on
        if self.weather.is_closed(self.now) or (not calm and chance.random() < rough.rest_fails):
            raise ExchangeUnavailable("HTTP 503")
        self._behind = int(chance.random() * BEHIND_MAX) if chance.random() < rough.rest_behind else 0
        try:
            return self._quotation.candle_range(market, unit, since, until)
        finally:
            self._behind = 0

    def open(self) -> None:
        """What run.py tells the actors after a start."""
        opened = SessionOpened("month", "monthmon", self.markets, 1.0)
        for name in (*map(market_actor, self.markets), "clock"):
            if name != "clock":
                self.host.tell(name, SettingsChanged(Settings(), "month", ""))
            self.host.tell(name, opened)

    def run(self) -> "Month":
        """Let it pass, sealed day by day, and then a while in calm; seal all that was told of it."""
        while self.now < self.until:
            self._pass(min(self.until, self.now + HOUR))
        self.weather.rough = Roughness.none()
        self._pass(self.until + QUIET)
        self.host.tell("archivist", SealNow("the end"))
        self._pass(self.now + MINUTE)
        self.host.stop()
        return self

    def _pass(self, until: int) -> None:
        """Let time pass; a process that died and came back is opened again."""
        kills = self.weather.kills
        while kills and kills[0] < until:
            self.host.run(kills.pop(0))
            boot, self._doomed = self.host.boot, True
            while self.host.boot == boot:
                self.host.run_for(US_PER_S)
            self.open()
        self.host.run(until)
        self._forget()

    def _topology(self) -> Topology:
        specs = (
            *(ActorSpec(market_actor(market), Market) for market in self.markets),
            ActorSpec("clock", Clock),
            *(ActorSpec(name, functools.partial(Sink, heard=Heard())) for name in SINKS),
            ActorSpec("recorder", self._recorder),
            ActorSpec("archivist", functools.partial(SimArchivist, month=self)),
            ActorSpec("rest", functools.partial(SimRest, month=self)),
            ActorSpec(
                "feed",
                functools.partial(
                    Feed,
                    open_stream=functools.partial(Line, self),
                    markets=self.markets,
                    now=lambda: self.now,
                    real=lambda: self.now / US_PER_S,
                ),
            ),
        )
        heard = {
            "streams": tuple(map(market_actor, self.markets)),
            "candles": ("recorder",),
            "incidents": ("recorder",),
        }
        return Topology(specs, heard)

    # --- the exchange

    def _minute(self) -> None:
        """Send what trades in this minute on its way."""
        for market in self.markets:
            trades = self.truth.trades(market, self.now)
            self.trades += len(trades)
            if trades:
                self._over[trades[-1].at // US_PER_S + 1].append((market, self.now))
            for at, trade in self.weather.arrivals(market, self.now, trades):
                self._due[at // US_PER_S].append((at, trade.sequential_id, market, trade))
        self.host.call_later(MINUTE, self._minute)

    def _second(self) -> None:
        """Let what has arrived in the last second out of the socket, if there is one."""
        now = self.now
        if self.plugged and self.weather.is_down(now):
            self.plugged.pop().callbacks[-1](False, "dropped")
        elif not self.plugged and self.line is not None and self.host.up and not self.weather.is_down(now):
            self.line.start()
            self._snapshot()
        due = sorted(self._due.pop(now // US_PER_S - 1, ()), key=lambda each: each[:3])
        over = self._over.pop(now // US_PER_S - 1, ())
        if self.plugged and not self.weather.is_closed(now):
            on_trade, _, _, on_candle, _ = self.plugged[0].callbacks
            for _, _, market, trade in due:
                on_trade(market, trade)
            lost = self.weather.rough.candle_lost
            for market, minute in over:
                if self._chance.random() >= lost:
                    on_candle(market, self._quotation.candles(market, 1, minute + MINUTE, 1)[0])
        self.host.call_later(US_PER_S, self._second)

    def _snapshot(self) -> None:
        """A new subscription begins with the last trade of each market."""
        for market in self.markets:
            self.plugged[0].callbacks[0](market, self.truth.last(market, self.now))

    def _recorder(self, host: SimulatorHost, name: str) -> Recorder:
        """A start begins with what the journal still has."""
        self.judge.torn(host.ledger.last_seq)
        return self.shelf.recorder(host, name)

    def _die(self, _actor: object, record: Record, outbox: Sequence[Outgoing]) -> None:
        """Kill the process at the worst moment: a market has told of minutes, and nobody has heard of them yet."""
        if self._doomed and any(isinstance(out.message, CandlesTold) for out in outbox):
            self._doomed = False
            if record.seq % 2:
                self.host.sync()
            raise ProcessKilled("before the release")

    def _forget(self) -> None:
        """Let go of records no start can need; in their places stands the newest start's, which every start reads."""
        records, kept = self.host.ledger.records, self.host.store.snapshots
        end = max(0, min((one.seq for one in kept), default=0) - 200_000)
        boots = [number for number in range(self._forgotten, end) if records[number].status is Status.BOOT]
        boot = records[boots[-1] if boots else max(0, self._forgotten - 1)]
        records[self._forgotten : end] = [boot] * (end - self._forgotten)
        self._forgotten = max(end, self._forgotten)


def maintenance(days: float) -> tuple[Span, Span]:
    """Two windows in which the exchange is closed, up to 40 minutes long."""
    length = int(min(40 * MINUTE, days * DAY / 20)) // MINUTE * MINUTE
    first, second = (BEGIN + int(days * DAY * part) // MINUTE * MINUTE for part in (0.3, 0.7))
    return (first, first + length), (second, second + length)
