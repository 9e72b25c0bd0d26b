"""The in-process exchange: fills our orders against the real public books and trades, with play money."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias, assert_never

from actors.runtime import Actor, Recovered, Restarted
from domain import matching
from domain.matching import Event, Executed, Finished, Holding, Refusal
from domain.messages import (
    AccountLoaded,
    AccountWanted,
    BookSeen,
    CancelAnswered,
    CancelOrder,
    LookUpAnswered,
    LookUpOrder,
    MarketsWatched,
    OrderSeen,
    SessionOpened,
    StreamChanged,
    SubmitAnswered,
    SubmitOrder,
    TermsLoaded,
    TradesPrinted,
)
from domain.orders import Balance
from domain.rules import default_terms

CAPITAL = Decimal(10_000_000)
CLOSED_KEPT = 500

Accepted: TypeAlias = (
    Recovered
    | Restarted
    | SessionOpened
    | MarketsWatched
    | BookSeen
    | TradesPrinted
    | StreamChanged
    | SubmitOrder
    | CancelOrder
    | LookUpOrder
    | AccountWanted
)


@dataclass(slots=True)
class ExchangeState:
    """The whole exchange, and a counter its order and trade ids come from."""

    exchange: matching.Exchange = field(default_factory=lambda: matching.exchange_for_one({"KRW": Holding(CAPITAL)}))
    count: int = 0


class Exchange(Actor[ExchangeState]):
    """Owns a play-money account and matches its orders with what the public feed shows (quant.md EXE-01, EXE-05).

    Stands where the venue's edge stands when trading for real and takes the same messages: answers go to the sender,
    OrderSeen to gateway, TermsLoaded is published on `terms`. It has no private stream that could drop; a book is good
    until the public stream drops or the process ends.
    """

    State = ExchangeState
    mailbox_limit = 50_000

    def handle(self, message: Accepted) -> None:  # noqa: C901 (a table of contents has as many lines as messages)
        """Hand each message to its handler."""
        match message:
            case BookSeen():
                matching.on_book(self.state.exchange, message.market, message.book)
            case TradesPrinted():
                self._on_trades(message)
            case SubmitOrder():
                self._on_submit(message)
            case CancelOrder():
                self._on_cancel(message.identifier)
            case LookUpOrder():
                self._look_up(message.identifier)
            case AccountWanted():
                self._on_account(message.request)
            case SessionOpened():
                self._list(message.markets)
                self.publish("streams", StreamChanged("private", True, "in this process", self.now))
            case MarketsWatched():
                self._list([market for market in message.markets if market not in self.state.exchange.terms])
            case Recovered() | StreamChanged(connected=False):
                self._forget_books()
            case Restarted() | StreamChanged():
                pass  # the state is all there is
            case _:
                assert_never(message)

    def _list(self, markets: Iterable[str]) -> None:
        for market in markets:
            terms = default_terms(market, self.now)
            self.state.exchange.terms[market] = terms
            self.publish("terms", TermsLoaded(terms))

    def _forget_books(self) -> None:
        """Nobody knows what is displayed now: until the next book nothing can be taken."""
        self.state.exchange.books.clear()
        self.state.exchange.taken.clear()

    def _on_trades(self, printed: TradesPrinted) -> None:
        for trade in printed.trades:
            self._tell(matching.on_trade(self.state.exchange, printed.market, trade, self._new_id))

    def _look_up(self, identifier: str) -> None:
        found = matching.by_identifier(self.state.exchange, identifier)
        self.send(self.sender, LookUpAnswered(identifier, "absent" if found is None else "found", found))

    def _on_submit(self, order: SubmitOrder) -> None:
        exchange, identifier = self.state.exchange, order.request.identifier
        order_id = self._new_id()
        placed = matching.place(exchange, order.request, order_id, self.now)
        if isinstance(placed, Refusal):
            self.send(self.sender, SubmitAnswered(identifier, "refused", placed.name))
            return
        self.send(self.sender, SubmitAnswered(identifier, "accepted", "", placed))
        self._tell(matching.match_new(exchange, order_id, self.now, self._new_id))

    def _on_cancel(self, identifier: str) -> None:
        exchange = self.state.exchange
        order_id = exchange.identifiers.get(identifier, "")
        if isinstance(matching.cancel(exchange, order_id, self.now), Refusal):
            self.send(self.sender, CancelAnswered(identifier, "absent"))
            return
        self.send(self.sender, CancelAnswered(identifier, "accepted"))
        self._tell(matching.cancel_now(exchange, order_id, self.now))

    def _on_account(self, request: int) -> None:
        exchange = self.state.exchange
        balances = tuple(
            Balance(currency, holding.free, holding.locked, holding.average_price)
            for currency, holding in sorted(exchange.balances.items())
            if holding.free or holding.locked
        )
        self.send(self.sender, AccountLoaded(request, balances, matching.open_orders(exchange), self.now))

    def _tell(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if isinstance(event, Executed | Finished):
                self.send("gateway", OrderSeen(event.report))
        closed = self.state.exchange.closed
        while len(closed) > CLOSED_KEPT:
            del closed[next(iter(closed))]

    def _new_id(self) -> str:
        self.state.count += 1
        return f"paper-{self.now // 1000:x}-{self.state.count}"
