"""Compares the exchange's truth with our books, and corrects ours when a difference stays."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias, assert_never

from actors.runtime import Actor, Recovered, Restarted
from domain.account import costs_in_won
from domain.market import US_PER_S
from domain.message import Message
from domain.messages import (
    AccountFailed,
    AccountLoaded,
    AccountWanted,
    BooksWanted,
    LedgerCorrected,
    LedgerTold,
    OrderAdopted,
    OrdersTold,
    ReconcileFinished,
    ReconcileNow,
    SessionOpened,
    StreamChanged,
)
from domain.money import plain
from domain.orders import Balance

EVERY_S = 60.0  # a regular comparison, in our clock's seconds
QUIET_S = 5.0  # no order may have ended or filled this long before a comparison counts, in our clock's seconds
QUIET_REAL_S = 0.3  # and at least this long in real seconds, because messages need real time
RETRY_REAL_S = 0.4  # between looks while something is in flight, or a difference waits to be confirmed
CONFIRMATIONS = 4  # equal observations before a difference is believed: reliability.md fault 10
ZERO = Decimal(0)


class CompareDue(Message, frozen=True):
    """Own timer: compare now; `chain` tells a live timer from a stale one."""

    chain: int


Accepted: TypeAlias = (
    Recovered
    | Restarted
    | SessionOpened
    | StreamChanged
    | ReconcileNow
    | CompareDue
    | AccountLoaded
    | AccountFailed
    | LedgerTold
    | OrdersTold
)


@dataclass(slots=True)
class ReconcilerState:
    """The comparison under way (`request`), its answers as they come, and a difference waiting to be confirmed."""

    prefix: str = ""
    speed: float = 1.0
    request: int = 0
    chain: int = 0
    asked_at: int = 0
    account: AccountLoaded | None = None
    ledger: LedgerTold | None = None
    orders: OrdersTold | None = None
    suspects: dict[str, Decimal] = field(default_factory=dict)
    seen: int = 0
    green: bool = False


class Reconciler(Actor[ReconcilerState]):
    """Owns the comparison of books and exchange.

    Asks venue, portfolio and gateway; sends OrderAdopted to gateway; publishes LedgerCorrected on `corrections` and
    ReconcileFinished on `reconciled`. Runs at start, after every gap of the private stream, when asked, each minute.
    """

    State = ReconcilerState

    def handle(self, message: Accepted) -> None:
        """Hand each message to its handler."""
        match message:
            case SessionOpened():
                self.state.prefix, self.state.speed = message.identifier_prefix, message.speed
                self._ask()
            case Recovered():
                self._turn_red("just started")
            case StreamChanged():
                self._on_stream(message)
            case Restarted() | ReconcileNow():
                self._ask()
            case CompareDue():
                if message.chain == self.state.chain:
                    self._ask()
            case AccountLoaded() | LedgerTold() | OrdersTold():
                self._on_answer(message)
            case AccountFailed():
                if message.request == self.state.request:
                    self._turn_red(f"the exchange could not be asked: {message.error}")
                    self._again(RETRY_REAL_S)
            case _:
                assert_never(message)

    def _on_stream(self, change: StreamChanged) -> None:
        if change.stream != "private":
            return
        if change.connected:
            self._ask()
        else:
            self._turn_red(f"the private stream is down: {change.reason}")

    def _ask(self) -> None:
        """Begin a comparison; what is still under way is forgotten."""
        state = self.state
        state.request += 1
        state.account = state.ledger = state.orders = None
        state.asked_at = self.now
        self.send("venue", AccountWanted(state.request))
        self._again(30.0)

    def _on_answer(self, answer: AccountLoaded | LedgerTold | OrdersTold) -> None:
        state = self.state
        if answer.request != state.request:
            return
        match answer:
            case AccountLoaded():
                state.account = answer
                self.send("gateway", BooksWanted(state.request))
            case OrdersTold():
                state.orders = answer
                self.send("portfolio", BooksWanted(state.request))
            case LedgerTold():
                state.ledger = answer
                self._compare()
            case _:
                assert_never(answer)

    def _compare(self) -> None:
        state = self.state
        if state.account is None or state.ledger is None or state.orders is None:
            return
        self._adopt(state.account, state.orders)
        quiet = max(int(QUIET_S * US_PER_S), self._real(QUIET_REAL_S))
        changed = state.orders.last_change_at
        if state.orders.open_identifiers or state.account.open_orders or changed + quiet > state.asked_at:
            self._again(RETRY_REAL_S)
            return
        found = _differences(state.account, state.ledger)
        if not state.ledger.opened:
            self._open(state.account)
        elif not found:
            self._agree()
        else:
            self._suspect(found, state.account)

    def _adopt(self, account: AccountLoaded, orders: OrdersTold) -> None:
        known = set(orders.open_identifiers)
        for report in account.open_orders:
            if report.identifier.startswith(f"{self.state.prefix}-") and report.identifier not in known:
                self.send("gateway", OrderAdopted(report))

    def _open(self, account: AccountLoaded) -> None:
        """The first look at an account: what it holds is our capital."""
        balances = {balance.currency: balance for balance in account.balances}
        balances.setdefault("KRW", Balance("KRW", ZERO, ZERO))
        for balance in balances.values():
            self._correct(balance.currency, balance.free + balance.locked, account, "opening balance", opening=True)
        self._again(RETRY_REAL_S)

    def _agree(self) -> None:
        state = self.state
        state.suspects, state.seen = {}, 0
        state.green = True
        self.publish("reconciled", ReconcileFinished(self.now, True, ()))
        self._again_at(int(EVERY_S * US_PER_S))

    def _suspect(self, found: dict[str, Decimal], account: AccountLoaded) -> None:
        """A difference counts when it was seen four times in a row, unchanged."""
        state = self.state
        state.seen = state.seen + 1 if found == state.suspects else 1
        state.suspects = found
        words = tuple(f"{currency} {plain(amount)}" for currency, amount in found.items())
        if state.seen < CONFIRMATIONS:
            self._again(RETRY_REAL_S)
            return
        for currency, amount in found.items():
            self._correct(currency, amount, account, "the exchange's balance changed without a fill of ours")
        state.suspects, state.seen, state.green = {}, 0, False
        self.publish("reconciled", ReconcileFinished(self.now, False, words))
        self._again(RETRY_REAL_S)

    def _correct(
        self, currency: str, amount: Decimal, account: AccountLoaded, why: str, *, opening: bool = False
    ) -> None:
        costs = costs_in_won(account.balances)
        if amount > 0 and currency not in costs:
            why = f"{why}; what it cost in KRW is not known and counts as nothing"
        cost = costs.get(currency, ZERO)
        self.publish("corrections", LedgerCorrected(currency, amount, cost, why, opening, self.now))

    def _turn_red(self, why: str) -> None:
        self.state.green = False
        self.publish("reconciled", ReconcileFinished(self.now, False, (why,)))

    def _real(self, seconds: float) -> int:
        return int(seconds * US_PER_S * self.state.speed)

    def _again(self, real_seconds: float) -> None:
        self._again_at(self._real(real_seconds))

    def _again_at(self, delay: int) -> None:
        self.state.chain += 1
        self.after(delay, CompareDue(self.state.chain))


def _differences(account: AccountLoaded, ledger: LedgerTold) -> dict[str, Decimal]:
    """Exchange minus ours, per currency, zeros left out; a currency missing on either side holds nothing there."""
    theirs = {balance.currency: balance.free + balance.locked for balance in account.balances}
    ours = dict(ledger.totals)
    currencies = sorted(theirs.keys() | ours.keys())
    gaps = ((currency, theirs.get(currency, ZERO) - ours.get(currency, ZERO)) for currency in currencies)
    return {currency: gap for currency, gap in gaps if gap}
