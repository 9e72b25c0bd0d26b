"""What surrounds the actors in the simulation: the edges without threads, and an exchange behind a wire that fails.

The exchange is the product's own matching core; it outlives every kill of the process.
"""

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal as D
from typing import Any

from actors.runtime import Actor, SimulatorHost
from domain import matching
from domain.market import US_PER_S
from domain.matching import Event, Executed, Finished, Holding, Refusal
from domain.message import Message
from domain.messages import (
    AccountLoaded,
    AccountWanted,
    CancelAnswered,
    CancelOrder,
    CandlesRead,
    CandlesWanted,
    HistoryLoaded,
    HistoryWanted,
    LookUpAnswered,
    LookUpOrder,
    MarketsWatched,
    SubmitAnswered,
    SubmitOrder,
    TermsLoaded,
)
from domain.orders import Balance
from domain.rules import default_terms

CAPITAL = D(10_000_000)


@dataclass(frozen=True)
class Wire:
    """Chances that the way to the exchange fails, per call, and that a public trade comes late or twice."""

    lose_request: float = 0.0
    lose_answer: float = 0.0
    error_after: float = 0.0
    late_request: float = 0.0
    duplicate: float = 0.0
    lose_event: float = 0.0
    stream_drop: float = 0.0
    late_trade: float = 0.0
    double_trade: float = 0.0


BAD_WIRE = Wire(
    lose_request=0.1,
    lose_answer=0.1,
    error_after=0.1,
    late_request=0.1,
    duplicate=0.2,
    lose_event=0.2,
    stream_drop=0.002,
)


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
    """The venue's edge without threads: calls happen later, in virtual time."""

    edge = True
    State = None

    def __init__(self, context: Any, name: str, *, outside: "Outside", markets: tuple[str, ...]) -> None:
        super().__init__(context, name)
        self._outside = outside
        self._markets = markets

    def on_begin(self) -> None:
        for market in self._markets:
            self.outlet.publish("terms", TermsLoaded(self._outside.exchange.terms[market]))

    def handle(self, message: Message) -> None:
        if isinstance(message, MarketsWatched):
            for market in sorted(set(message.markets) - set(self._markets)):
                self.outlet.publish("terms", TermsLoaded(self._outside.exchange.terms[market]))
            self._markets = message.markets
            return
        self._outside.call(message, functools.partial(self.outlet.send, self.sender))


class SimRest(Actor[None]):
    """Downloads history from the simulation's own candles, and minutes to be checked, which come after a fixed time."""

    edge = True
    State = None

    def __init__(
        self,
        context: Any,
        name: str,
        *,
        outside: "Outside",
        history: Callable[[HistoryWanted], HistoryLoaded],
        minutes: Callable[[CandlesWanted], CandlesRead],
    ) -> None:
        super().__init__(context, name)
        self._outside = outside
        self._history = history
        self._minutes = minutes

    def handle(self, message: HistoryWanted | CandlesWanted) -> None:
        if isinstance(message, HistoryWanted):
            self._outside.later(0.4, lambda asker=self.sender: self.outlet.send(asker, self._history(message)))
            return
        asker = self.sender
        self._outside.host.call_later(US_PER_S // 2, lambda: self.outlet.send(asker, self._minutes(message)))


class Plug:
    """One end of a stream: the simulation pushes into it while it is plugged in."""

    def __init__(self, plugged: list["Plug"], *callbacks: Callable[..., None]) -> None:
        self.callbacks = callbacks
        self._plugged = plugged
        self._watched: tuple[str, ...] | None = None  # all, until it is told otherwise

    def start(self) -> None:
        self._plugged[:] = [self]
        self.callbacks[-1](True, "connected")

    def watch(self, markets: tuple[str, ...]) -> None:
        self._watched = markets

    def wants(self, market: str) -> bool:
        """Whether this market's trades and books are subscribed."""
        return self._watched is None or market in self._watched

    def probe(self, mark: int) -> None:
        """The public stream's callbacks are trade, book, echo, candle, state."""
        if self in self._plugged:
            self.callbacks[2](mark)

    def stop(self) -> None:
        if self in self._plugged:
            self._plugged.remove(self)


class Outside:
    """The exchange's private side as the venue's edge calls it, through a wire that fails as `wire` says.

    `posted` counts the orders that reached the exchange, by identifier; `streams` are the private ones plugged in.
    """

    def __init__(self, rng: random.Random, wire: Wire, markets: tuple[str, ...], at: int) -> None:
        self.rng = rng
        self.wire = wire
        terms = {market: default_terms(market, at) for market in markets}
        self.exchange = matching.exchange_for_one({"KRW": Holding(CAPITAL)}, terms)
        self.posted: dict[str, int] = {}
        self.streams: list[Plug] = []
        self.host: SimulatorHost
        self._count = 0

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
                self.tell(matching.cancel_now(exchange, order_id, now))
                return CancelAnswered(message.identifier, "absent" if absent else "accepted")
            case AccountWanted():
                balances = tuple(Balance(k, v.free, v.locked, v.average_price) for k, v in exchange.balances.items())
                return AccountLoaded(message.request, balances, matching.open_orders(exchange), now)
        raise AssertionError(message)

    def _submit(self, message: SubmitOrder, now: int) -> SubmitAnswered:
        identifier, order_id = message.request.identifier, self.new_id()
        placed = matching.place(self.exchange, message.request, order_id, now)
        if isinstance(placed, Refusal):
            return SubmitAnswered(identifier, "refused", placed.name)
        self.posted[identifier] = self.posted.get(identifier, 0) + 1
        self.later(0.1, lambda: self.tell(matching.match_new(self.exchange, order_id, now, self.new_id)))
        return SubmitAnswered(identifier, "accepted", "", placed)

    def tell(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Executed | Finished):
                times = 2 if self.rng.random() < self.wire.duplicate else 1
                for _ in range(0 if self.rng.random() < self.wire.lose_event else times):
                    report = event.report
                    self.later(0.1, lambda report=report: [plug.callbacks[0](report) for plug in self.streams])

    def count(self) -> int:
        """The next number of this exchange: of a trade, or in an id."""
        self._count += 1
        return self._count

    def new_id(self) -> str:
        return f"id{self.count()}"
