"""What happens to the accounts, as it is written down: the same inputs in the same order lead to the same state."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

import msgspec

from domain.market import Book, Trade
from domain.matching import Event, Exchange, Gate, Habits, SelfMatch
from domain.orders import OrderRequest


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
    """A request of an account to place an order, whatever became of it; it is matched at `due`."""

    account: str
    request: OrderRequest
    smp_type: SelfMatch | None
    gate: Gate
    at: int
    due: int


class Burned(msgspec.Struct, tag="burned", array_like=True):
    """An identifier used up by a request that could not be read."""

    account: str
    identifier: str


class CancelAsked(msgspec.Struct, tag="cancel", array_like=True):
    """A cancel that was accepted; it lands at `due`."""

    order_id: str
    due: int


class ReplaceAsked(msgspec.Struct, tag="replace", array_like=True):
    """An accepted cancel of the order `replaced`, after which another is placed; both happen at `due`.

    `remain_only`: the new order's volume is what is left of the old one by then.
    """

    account: str
    request: OrderRequest
    smp_type: SelfMatch | None
    gate: Gate
    replaced: str
    remain_only: bool
    due: int


class Flow(msgspec.Struct, tag="flow", array_like=True):
    """Money without a trade: deposit, airdrop, withdraw, or transfer from `account` to `other`. Its `id` comes last."""

    kind: str
    account: str
    currency: str
    amount: Decimal
    at: int
    other: str = ""
    identifier: str = ""
    id: str = ""


class Ruled(msgspec.Struct, tag="ruled", array_like=True):
    """What the exchange makes of open questions from here on, and its fee in markets outside KRW."""

    habits: Habits
    fee_elsewhere: Decimal


class DutyDone(msgspec.Struct, tag="duty", array_like=True):
    """The next thing on the agenda was done."""


Input: TypeAlias = Shown | Printed | Placed | Burned | CancelAsked | ReplaceAsked | Flow | Ruled | DutyDone
Outcome: TypeAlias = tuple[Event, ...]


class Record(msgspec.Struct, array_like=True):
    """Inputs that happened together up to `now`, in their order; `number` is that of the last one."""

    number: int
    now: int
    inputs: list[Input]


@dataclass(slots=True)
class DeskState:
    """All there is to know. `agenda` is a heap of (due, number, what, order id); `drawn` counts ids given out.

    `replacements` are orders to come, by the id they will have; `flows` is the history of money without trades.
    """

    exchange: Exchange
    number: int = 0
    now: int = 0
    drawn: int = 0
    agenda: list[tuple[int, int, str, str]] = field(default_factory=list)
    shown: dict[str, int] = field(default_factory=dict)
    replacements: dict[str, ReplaceAsked] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
