"""The accounts at the exchange: every order, fill and balance, kept on disk before anybody is told of it.

What happens to the exchange core is written down as inputs. A restart reads the snapshot and gives the core the same
inputs again, which leads to the same state: nothing is lost, nothing happens twice.
"""

import heapq
from collections import deque
from copy import copy
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from actors.sandbox.accounts import Pocket, opening_accounts
from actors.sandbox.inputs import (
    Burned,
    CancelAsked,
    DeskState,
    DutyDone,
    Flow,
    Input,
    Outcome,
    Placed,
    Printed,
    Record,
    ReplaceAsked,
    Ruled,
    Shown,
)
from actors.sandbox.noise import uuid_of
from actors.sandbox.store import Store
from domain.errors import StorageError
from domain.market import Book, Terms, Trade
from domain.matching import (
    Exchange,
    Habits,
    Holding,
    Refusal,
    Working,
    cancel,
    cancel_now,
    credit,
    debit,
    draft,
    match_new,
    on_book,
    on_trade,
    opened,
    place,
    transfer,
)
from domain.orders import OrderReport
from domain.rules import quote_of

T = TypeVar("T")

SNAPSHOT_AFTER: Final = 4_000  # inputs


class Desk:
    """Owns the accounts. Every change goes through an input; `commit` makes all inputs so far durable."""

    def __init__(self, store: Store, salt: str, terms: dict[str, Terms], pockets: tuple[Pocket, ...]) -> None:
        self.store, self._salt = store, salt
        self._inputs: list[Input] = []
        self._since_snapshot = self._drafts = 0
        self._past: deque[tuple[int, dict[str, dict[str, Holding]]]] = deque(maxlen=10_000)
        self.keep_past_us = 0
        kept = store.snapshot()
        self.state = (
            DeskState(Exchange(opening_accounts(pockets), terms)) if kept is None else _decoded(kept, DeskState)
        )
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

    def place(self, placed: Placed) -> OrderReport | Refusal:
        """Take a request in; an order is matched when due. The answer may be told only after `commit`."""
        self._write(placed)
        return self._place(placed)

    def draft(self, wish: Placed) -> Working | Refusal:
        """What placing this would make; nothing is placed, no identifier is used up."""
        request, who, rule = wish.request, wish.account, wish.smp_type
        self._drafts += 1
        order_id = uuid_of(f"{self._salt}:draft:{wish.at}:{self._drafts}")
        return draft(self.exchange, request, order_id, wish.at, account=who, smp_type=rule, gate=wish.gate)

    def burn(self, account: str, identifier: str) -> None:
        """Use an identifier up."""
        if identifier and identifier not in self.exchange.accounts[account].identifiers:
            self._do(Burned(account, identifier))

    def cancel(self, order_id: str, at: int, due: int) -> OrderReport | Refusal:
        """Accept a cancel that lands at `due`."""
        answer = cancel(self.exchange, order_id, at)
        if isinstance(answer, OrderReport):
            self._do(CancelAsked(order_id, due))
        return answer

    def replace(self, asked: ReplaceAsked) -> str:
        """Accept a cancel that lands when due, and then places another order; gives that order's id."""
        self._write(asked)
        return self._replace(asked)

    def flow(self, flow: Flow) -> Outcome:
        """Money comes, goes, or moves to another account; raises NotEnough, and then nothing has happened."""
        events = self._flow(flow)
        self._write(flow)
        return events

    def rule(self, habits: Habits, fee_elsewhere: Decimal) -> None:
        """How the exchange behaves from here on, and the fee of its markets outside KRW."""
        self._do(Ruled(habits, fee_elsewhere))

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

    def balances(self, account: str, at: int) -> dict[str, Holding]:
        """Balances as they stood at `at`, as far back as `keep_past_us`."""
        while self._past and self._past[0][0] <= at:
            self._past.popleft()
        return self._past[0][1][account] if self._past else self.exchange.accounts[account].balances

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
            case Burned(account, identifier):
                exchange.accounts[account].identifiers[identifier] = ""
            case CancelAsked(order_id, due):
                self._plan(due, "cancel", order_id)
            case ReplaceAsked():
                self._replace(item)
            case Flow():
                return self._flow(item)
            case Ruled(habits, fee):
                exchange.habits = habits
                _charge(exchange, fee)
            case DutyDone():
                return self._duty()
        return ()

    def _plan(self, due: int, what: str, order_id: str) -> None:
        heapq.heappush(self.state.agenda, (due, self.state.number, what, order_id))

    def _place(self, item: Placed) -> OrderReport | Refusal:
        self._remember(item.at)
        return self._enter(self._new_id(), item, item.at, item.due)

    def _enter(self, order_id: str, wish: Placed | ReplaceAsked, at: int, due: int) -> OrderReport | Refusal:
        who, rule = wish.account, wish.smp_type
        answer = place(self.exchange, wish.request, order_id, at, account=who, smp_type=rule, gate=wish.gate)
        if isinstance(answer, OrderReport):
            self._plan(due, "match", order_id)
        return answer

    def _replace(self, item: ReplaceAsked) -> str:
        order_id, identifier = self._new_id(), item.request.identifier
        if identifier:
            self.exchange.accounts[item.account].identifiers[identifier] = ""
        self.state.replacements[order_id] = item
        self._plan(item.due, "replace", order_id)
        return order_id

    def _duty(self) -> Outcome:
        due, _, what, order_id = heapq.heappop(self.state.agenda)
        self._remember(due)
        if what == "match":
            return match_new(self.exchange, order_id, due, self._new_id)
        if what == "cancel":
            return cancel_now(self.exchange, order_id, due)
        return self._swap(order_id, self.state.replacements.pop(order_id), due)

    def _swap(self, order_id: str, wish: ReplaceAsked, at: int) -> Outcome:
        """Cancel the old order and place the new one; nothing happens when the old one has ended."""
        old = self.exchange.orders.get(wish.replaced)
        if old is None:
            return ()
        if wish.remain_only:
            wish = msgspec.structs.replace(wish, request=msgspec.structs.replace(wish.request, volume=old.left))
        events = cancel_now(self.exchange, wish.replaced, at)
        if isinstance(self._enter(order_id, wish, at, at), Refusal):
            return events
        return events + opened(self.exchange, order_id)

    def _flow(self, flow: Flow) -> Outcome:
        exchange = self.exchange
        self._remember(flow.at)
        match flow.kind:
            case "deposit" | "airdrop":
                events = credit(exchange, flow.account, flow.currency, flow.amount)
            case "withdraw":
                events = debit(exchange, flow.account, flow.currency, flow.amount)
            case _:
                events = transfer(exchange, flow.account, flow.other, flow.currency, flow.amount)
        self.state.flows.append(msgspec.structs.replace(flow, id=self._new_id()))
        return events

    def _new_id(self) -> str:
        self.state.drawn += 1
        return uuid_of(f"{self._salt}:{self.state.drawn}")

    def _remember(self, at: int) -> None:
        if self.keep_past_us:
            accounts = self.exchange.accounts.items()
            held = {name: {code: copy(one) for code, one in account.balances.items()} for name, account in accounts}
            self._past.append((at, held))

    def _replay(self, records: list[bytes]) -> None:
        for payload in records:
            record = _decoded(payload, Record)
            if record.number <= self.state.number:
                continue  # the snapshot knows it already
            for item in record.inputs:
                self.state.number += 1
                self._apply(item)
            self.state.now = record.now


def _charge(exchange: Exchange, fee: Decimal) -> None:
    """Set the fee of every market outside KRW."""
    for market, terms in exchange.terms.items():
        if quote_of(market) != "KRW":
            exchange.terms[market] = msgspec.structs.replace(terms, bid_fee=fee, ask_fee=fee)


def _decoded(payload: bytes, kind: type[T]) -> T:
    try:
        return msgspec.msgpack.decode(payload, type=kind)
    except msgspec.DecodeError as error:
        raise StorageError(f"the sandbox's books were written by another version: {error}") from error
