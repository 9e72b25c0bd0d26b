"""Accounts that send each other money: a small protocol whose total shows any turn that was half done or done twice."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, assert_never

from actors.runtime import Actor, ActorSpec, Recovered, Restarted, SimulatorHost, Topology
from domain.message import Message
from domain.messages import HaltTrading

ACCOUNTS = tuple(f"account:{number}" for number in range(4))
OPENING = 1_000
SECOND = 1_000_000


class PayDue(Message, frozen=True):
    chain: int


class Paid(Message, frozen=True):
    payment: str
    amount: int


class PaymentTaken(Message, frozen=True):
    payment: str


class PaymentsStopped(Message, frozen=True):
    """No new payments; those on their way still arrive."""


Accepted = Recovered | Restarted | PayDue | Paid | PaymentTaken | PaymentsStopped


@dataclass(slots=True)
class AccountState:
    balance: int = OPENING
    count: int = 0
    chain: int = 0
    paying: bool = True
    open: dict[str, tuple[str, int]] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)


class Account(Actor[AccountState]):
    """Pays somebody at random, again until it hears that it was taken; takes each payment once."""

    State = AccountState
    snapshot_every = 16

    def handle(self, message: Accepted) -> None:
        match message:
            case Recovered() | Restarted():
                self._next_round()
            case PayDue():
                self._pay(message.chain)
            case Paid():
                if message.payment not in self.state.taken:
                    self.state.taken.add(message.payment)
                    self.state.balance += message.amount
                self.send(self.sender, PaymentTaken(message.payment))
            case PaymentTaken():
                self.state.open.pop(message.payment, None)
            case PaymentsStopped():
                self.state.paying = False
            case _:
                assert_never(message)

    def _next_round(self) -> None:
        self.state.chain += 1
        self.after(SECOND, PayDue(self.state.chain))

    def _pay(self, chain: int) -> None:
        if chain != self.state.chain:
            return
        others = [name for name in ACCOUNTS if name != self.name]
        to = others[int(self.random() * len(others))]
        amount = int(self.random() * min(self.state.balance, 100))
        if self.state.paying and amount:
            self.state.count += 1
            self.state.balance -= amount
            self.state.open[f"{self.name}/{self.state.count}"] = (to, amount)
        for payment, (receiver, owed) in self.state.open.items():
            self.send(receiver, Paid(payment, owed))
        self._next_round()


class Halted(Actor[AccountState]):
    """Somebody to halt."""

    State = AccountState

    def handle(self, message: Any) -> None:
        match message:
            case Recovered() | Restarted() | HaltTrading():
                pass
            case _:
                raise AssertionError(message)


BANK = Topology(
    (
        ActorSpec("risk", Halted),
        ActorSpec("gateway", Halted),
        *(ActorSpec(name, Account) for name in ACCOUNTS),
    )
)


def total(state: Callable[[str], AccountState]) -> int:
    """All money: balances, and payments that have left one account and not reached the other."""
    accounts = {name: state(name) for name in ACCOUNTS}
    balances = sum(one.balance for one in accounts.values())
    travelling = sum(
        amount
        for one in accounts.values()
        for payment, (to, amount) in one.open.items()
        if payment not in accounts[to].taken
    )
    return balances + travelling


def check_at_every_turn(host: SimulatorHost) -> None:
    """Fail the run at the first turn that makes or destroys money; a crashed account is looked at when it is back."""

    def check(actor: Any, record: Any, outbox: Any) -> None:
        if not any(host.cells[name].mailbox.held for name in ACCOUNTS):
            money = total(host.state)
            if money != OPENING * len(ACCOUNTS):
                raise MoneyChanged(f"{money} after record {record.seq} {record.type} of {record.to}")

    host.watchers.append(check)


class MoneyChanged(BaseException):
    """Not an Exception, so that no turn can swallow it."""
