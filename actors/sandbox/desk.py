"""The account at the exchange: every order, fill and balance, kept on disk before anybody is told of it.

What happens to the exchange core is written down as inputs. A restart reads the snapshot and gives the core the same
inputs again, which leads to the same state: nothing is lost, nothing happens twice.
"""

import heapq
from collections import deque
from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Final, TypeAlias
from uuid import UUID

import msgspec

from actors.sandbox.store import Store
from domain.errors import StorageError
from domain.market import Book, Terms, Trade
from domain.matching import (
    Event,
    Exchange,
    Holding,
    Refusal,
    cancel,
    cancel_now,
    exchange_for_one,
    match_new,
    on_book,
    on_trade,
    place,
)
from domain.orders import OrderReport, OrderRequest

SNAPSHOT_AFTER: Final = 4_000  # inputs
_TEST_ID: Final = "test"


class Shown(msgspec.Struct, tag="shown", array_like=True):
    """The displayed book a market's orders meet from here on; `event` is the trade that left it."""

    market: str
    event: int
    book: Book


class Printed(msgspec.Struct, tag="printed", array_like=True):
    """A public trade in a market with open orders."""

    market: str
    trade: Trade


class Placed(msgspec.Struct, tag="placed", array_like=True):
    """A request to place an order, whatever became of it; it is matched at `due`."""

    at: int
    request: OrderRequest
    smp_type: str
    due: int


class Burned(msgspec.Struct, tag="burned", array_like=True):
    """An identifier used up by a request that could not be read."""

    identifier: str


class CancelAsked(msgspec.Struct, tag="cancel", array_like=True):
    """A cancel that was accepted; it lands at `due`."""

    order_id: str
    due: int


class DutyDone(msgspec.Struct, tag="duty", array_like=True):
    """The next thing on the agenda was done."""


Input: TypeAlias = Shown | Printed | Placed | Burned | CancelAsked | DutyDone
Outcome: TypeAlias = tuple[Event, ...]


class Record(msgspec.Struct, array_like=True):
    """Inputs that happened together up to `now`, in their order; `number` is that of the last one."""

    number: int
    now: int
    inputs: list[Input]


@dataclass(slots=True)
class DeskState:
    """All there is to know. `agenda` is a heap of (due, number, what, order id); `drawn` counts ids given out."""

    exchange: Exchange
    number: int = 0
    now: int = 0
    drawn: int = 0
    agenda: list[tuple[int, int, str, str]] = field(default_factory=list)
    smp_types: dict[str, str] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)


class Desk:
    """Owns the account. Every change goes through an input; `commit` makes all inputs so far durable."""

    def __init__(self, store: Store, salt: str, terms: dict[str, Terms], capital: Decimal) -> None:
        self.store, self._salt = store, salt
        self._inputs: list[Input] = []
        self._since_snapshot = 0
        self._past: deque[tuple[int, dict[str, Holding]]] = deque(maxlen=10_000)
        self.keep_past_us = 0
        kept = store.snapshot()
        if kept is None:
            exchange = exchange_for_one({"KRW": Holding(free=capital)}, terms)
            self.state = DeskState(exchange)
        else:
            self.state = msgspec.msgpack.decode(kept, type=DeskState)
        self._replay(store.records())
        self.state.now = max(self.state.now, store.time)

    @property
    def exchange(self) -> Exchange:
        """The core's state; read it, and change it only through this desk."""
        return self.state.exchange

    @property
    def next_due(self) -> int | None:
        """When the agenda has something to do, in microseconds; None when it is empty."""
        return self.state.agenda[0][0] if self.state.agenda else None

    def has_orders(self, market: str) -> bool:
        """Whether trades and books of this market matter to anyone here."""
        return any(order.request.market == market for order in self.state.exchange.orders.values())

    def show(self, market: str, event: int, book: Book) -> None:
        """Let the orders of a market meet this book, unless they have met it already."""
        if self.state.shown.get(market) != event:
            self._do(Shown(market, event, book))

    def print(self, market: str, trade: Trade) -> Outcome:
        """A public trade reaches the orders of its market."""
        return self._do(Printed(market, trade))

    def place(self, request: OrderRequest, smp_type: str, at: int, due: int) -> OrderReport | Refusal:
        """Take a request in; an order is matched at `due`. The answer may be told only after `commit`."""
        placed = Placed(at, request, smp_type, due)
        self._write(placed)
        return self._place(placed)

    def test(self, request: OrderRequest, at: int) -> OrderReport | Refusal:
        """What would be answered if this were placed now; nothing is placed, no identifier is used up."""
        exchange = self.exchange
        if request.identifier in exchange.identifiers:
            return Refusal("duplicated_identifier", "이미 사용된 identifier 입니다.")
        answer = place(exchange, request, _TEST_ID, at)
        exchange.identifiers.pop(request.identifier, None)
        if isinstance(answer, OrderReport):
            cancel_now(exchange, _TEST_ID, at)
            del exchange.closed[_TEST_ID]
        return answer

    def burn(self, identifier: str) -> None:
        """Use an identifier up."""
        if identifier and identifier not in self.exchange.identifiers:
            self._do(Burned(identifier))

    def cancel(self, order_id: str, at: int, due: int) -> OrderReport | Refusal:
        """Accept a cancel that lands at `due`."""
        answer = cancel(self.exchange, order_id, at)
        if isinstance(answer, OrderReport):
            self._do(CancelAsked(order_id, due))
        return answer

    def duty(self) -> Outcome:
        """Do the next thing on the agenda, at the time it is due."""
        return self._do(DutyDone())

    def commit(self, now: int) -> None:
        """Make everything up to `now` durable; raises StorageError."""
        self.state.now = now
        if not self._inputs:
            self.store.commit(now)
            return
        record = msgspec.msgpack.encode(Record(self.state.number, now, self._inputs))
        self.store.commit(now, self.state.number, record)
        self._since_snapshot += len(self._inputs)
        self._inputs = []
        if self._since_snapshot >= SNAPSHOT_AFTER:
            self.snapshot()

    def snapshot(self) -> None:
        """Put the whole state in place of the records so far; only right after `commit`."""
        self.store.replace(msgspec.msgpack.encode(self.state))
        self._since_snapshot = 0

    def balances(self, at: int) -> dict[str, Holding]:
        """Balances as they stood at `at`, as far back as `keep_past_us`."""
        while self._past and self._past[0][0] <= at:
            self._past.popleft()
        return self._past[0][1] if self._past else self.exchange.balances

    # --- inputs ------------------------------------------------------------------------------------------------------

    def _write(self, item: Input) -> None:
        self.state.number += 1
        self._inputs.append(item)

    def _do(self, item: Input) -> Outcome:
        self._write(item)
        return self._apply(item)

    def _apply(self, item: Input) -> Outcome:
        state, exchange = self.state, self.exchange
        match item:
            case Shown(market, event, book):
                state.shown[market] = event
                on_book(exchange, market, book)
            case Printed(market, trade):
                self._remember(trade.at)
                return on_trade(exchange, market, trade, self._new_id)
            case Placed():
                self._place(item)
            case Burned(identifier):
                exchange.identifiers[identifier] = ""
            case CancelAsked(order_id, due):
                heapq.heappush(state.agenda, (due, state.number, "cancel", order_id))
            case DutyDone():
                return self._duty()
        return ()

    def _place(self, item: Placed) -> OrderReport | Refusal:
        self._remember(item.at)
        order_id = self._new_id()
        answer = place(self.exchange, item.request, order_id, item.at)
        if isinstance(answer, OrderReport):
            self.state.smp_types[order_id] = item.smp_type
            heapq.heappush(self.state.agenda, (item.due, self.state.number, "match", order_id))
        return answer

    def _duty(self) -> Outcome:
        due, _, what, order_id = heapq.heappop(self.state.agenda)
        self._remember(due)
        if what == "match":
            return match_new(self.exchange, order_id, due, self._new_id)
        return cancel_now(self.exchange, order_id, due)

    def _new_id(self) -> str:
        self.state.drawn += 1
        digest = blake2b(f"{self._salt}:{self.state.drawn}".encode(), digest_size=16).digest()
        return str(UUID(bytes=digest, version=4))

    def _remember(self, at: int) -> None:
        if self.keep_past_us:
            self._past.append((at, {name: copy(held) for name, held in self.exchange.balances.items()}))

    def _replay(self, records: list[bytes]) -> None:
        for payload in records:
            try:
                record = msgspec.msgpack.decode(payload, type=Record)
            except msgspec.DecodeError as error:
                raise StorageError(f"the sandbox's books were written by another version: {error}") from error
            if record.number <= self.state.number:
                continue  # the snapshot knows it already
            for item in record.inputs:
                self.state.number += 1
                self._apply(item)
            self.state.now = record.now
