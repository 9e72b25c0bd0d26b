"""What crosses from one actor to another. Commands are imperative, events past; times are int microseconds UTC.

The journal holds these names and fields: a name is for ever, and a new field needs a default.
"""

from decimal import Decimal
from typing import ClassVar

from domain.config import Settings
from domain.decisions import Decision, Evaluation, Levels, OrderIntent
from domain.market import Bar, Book, Terms, Trade
from domain.message import Message
from domain.orders import Balance, Fill, OrderReport, OrderRequest

# --- market data: edges to markets -----------------------------------------------------------------------------------


class TradesPrinted(Message, frozen=True):
    """Public trades of one market in the order of arrival; doubles are possible around a reconnect."""

    market: str
    trades: tuple[Trade, ...]


class BookSeen(Message, frozen=True):
    """The displayed book of one market, whole."""

    conflate: ClassVar[str] = "market"
    market: str
    book: Book


class TickerSeen(Message, frozen=True):
    """Feed to whoever shows prices: the last trade of one market, a few times a second at the most."""

    conflate: ClassVar[str] = "market"
    market: str
    price: Decimal
    at: int


class IntervalDue(Message, frozen=True):
    """Clock to feed: the minute ending at `end` is over, grace included."""

    end: int


class IntervalEnded(Message, frozen=True):
    """Feed to markets: the minute ending at `end` is over and the connection was alive past it (quant.md MTF-09 b)."""

    end: int


class HistoryWanted(Message, frozen=True):
    """Market to rest: load the bars needed before the first decision, all closed at `until` or before.

    `since` 0 asks for the whole warm-up; otherwise only one-minute bars from `since` on (a gap after a reconnect).
    """

    market: str
    since: int
    until: int


class HistoryLoaded(Message, frozen=True):
    """Rest to market: real bars, oldest first. A gap answer carries minutes only."""

    market: str
    since: int
    until: int
    minutes: tuple[Bar, ...]
    fives: tuple[Bar, ...] = ()
    hours: tuple[Bar, ...] = ()
    four_hours: tuple[Bar, ...] = ()


class HistoryFailed(Message, frozen=True):
    """Rest to market: the history could not be loaded; ask again later."""

    market: str
    error: str


class StreamChanged(Message, frozen=True):
    """A stream (`public` or `private`) came up or went down."""

    stream: str
    connected: bool
    reason: str
    at: int


class UniverseChanged(Message, frozen=True):
    """The markets that may be entered now."""

    markets: tuple[str, ...]


class TermsLoaded(Message, frozen=True):
    """Fees and limits of one market as the exchange tells them."""

    terms: Terms


class SettingsChanged(Message, frozen=True):
    """The settings in force from here on, with who set them and why."""

    settings: Settings
    by: str
    reason: str


class SessionOpened(Message, frozen=True):
    """First message of a start: the venue, the prefix of our order identifiers, the markets of the session.

    `speed` is that of the clock: waits that belong to the transport are this many times longer in our time.
    """

    venue: str
    identifier_prefix: str
    markets: tuple[str, ...]
    speed: float


# --- from a closed bar to an order -----------------------------------------------------------------------------------


class MarketEvaluated(Message, frozen=True):
    """Market to portfolio: all it knows at a decision time."""

    evaluation: Evaluation


class DecisionDue(Message, frozen=True):
    """Clock to portfolio: decide for `at` now, with what has arrived."""

    at: int


class DecisionsMade(Message, frozen=True):
    """Portfolio to whoever shows or keeps them: one decision for every market of the universe."""

    at: int
    decisions: tuple[Decision, ...]


class OrderIntended(Message, frozen=True):
    """Portfolio to risk."""

    intent: OrderIntent


class OrderApproved(Message, frozen=True):
    """Risk to gateway."""

    intent: OrderIntent


class OrderRefused(Message, frozen=True):
    """Risk or gateway to portfolio: this intent will never become an order."""

    intent_id: str
    market: str
    code: str
    numbers: str


class OrderFinished(Message, frozen=True):
    """Gateway to portfolio and risk: nothing more will happen to this intent, and all its fills were told before."""

    intent_id: str
    market: str
    stage: str
    executed_volume: Decimal
    detail: str


class IntentAsked(Message, frozen=True):
    """Portfolio or risk to gateway: what became of this intent? Answered by OrderFinished, or by silence while open."""

    intent_id: str


class FillBooked(Message, frozen=True):
    """Gateway to all: an execution, exactly once for each trade id."""

    fill: Fill
    intent_id: str
    reason: str
    strategy: str


class OrderChanged(Message, frozen=True):
    """Gateway to whoever shows or keeps orders: one order of ours as it now stands."""

    conflate: ClassVar[str] = "intent_id"
    intent_id: str
    identifier: str
    market: str
    side: str
    type: str
    stage: str
    price: Decimal | None
    volume: Decimal | None
    funds: Decimal | None
    executed_volume: Decimal
    paid_fee: Decimal
    reason: str
    strategy: str
    created_at: int
    changed_at: int
    order_id: str = ""
    detail: str = ""


# --- gateway and reconciler to the venue, and back -------------------------------------------------------------------


class SubmitOrder(Message, frozen=True):
    """Send this order; the intent is durable before this message leaves."""

    request: OrderRequest


class SubmitAnswered(Message, frozen=True):
    """Outcome of a submission: accepted, refused (never existed), limited (429), unknown (may exist)."""

    identifier: str
    outcome: str
    error: str = ""
    report: OrderReport | None = None


class CancelOrder(Message, frozen=True):
    """Ask the venue to cancel; only a wish until the order itself says so."""

    identifier: str


class CancelAnswered(Message, frozen=True):
    """Outcome of a cancel request: accepted, absent (finished or unknown there), failed."""

    identifier: str
    outcome: str
    error: str = ""


class LookUpOrder(Message, frozen=True):
    """Ask the venue for one order by our identifier, with all its fills."""

    identifier: str


class LookUpAnswered(Message, frozen=True):
    """Outcome of a look-up: found (with a complete report), absent (404), failed."""

    identifier: str
    outcome: str
    report: OrderReport | None = None
    error: str = ""


class OrderSeen(Message, frozen=True):
    """The private stream told of an order; may be late, doubled or out of order."""

    report: OrderReport


class AccountWanted(Message, frozen=True):
    """Ask the venue for balances and open orders."""

    request: int


class AccountLoaded(Message, frozen=True):
    """The venue's truth: all balances and all open orders."""

    request: int
    balances: tuple[Balance, ...]
    open_orders: tuple[OrderReport, ...]
    at: int


class AccountFailed(Message, frozen=True):
    """The venue could not be asked."""

    request: int
    error: str


# --- positions, guard, risk ------------------------------------------------------------------------------------------


class GuardPosition(Message, frozen=True):
    """Portfolio to guard: watch this position. Sent again whenever volume or state changed; volume 0 ends the watch."""

    market: str
    volume: Decimal
    entry: Decimal
    levels: Levels
    opened_at: int
    tp1_done: bool
    tp2_done: bool


class WatchMarket(Message, frozen=True):
    """Guard to market: send prices, or stop sending them."""

    on: bool


class PriceSeen(Message, frozen=True):
    """Market to guard: traded prices of one message, with the extremes inside it."""

    market: str
    last: Decimal
    low: Decimal
    high: Decimal
    at: int


class MinuteClosed(Message, frozen=True):
    """Market to guard: an execution bar closed. `atr` is the ATR14 of 1h visible now, None when unknown."""

    market: str
    end: int
    bar: Bar
    atr: Decimal | None


class LevelsMoved(Message, frozen=True):
    """Guard to portfolio: the trailing stop of a position stands at `stop` now."""

    conflate: ClassVar[str] = "market"
    market: str
    stop: Decimal
    high: Decimal


class ExitTriggered(Message, frozen=True):
    """Guard to portfolio: sell. `reason` is the exit's code; `price` the trade that triggered it."""

    market: str
    reason: str
    price: Decimal
    at: int


class GuardAlive(Message, frozen=True):
    """Guard to whoever shows it: the markets it watches, and when it last saw a price in each."""

    at: int
    watched: tuple[tuple[str, int], ...]


class PositionChanged(Message, frozen=True):
    """Portfolio to whoever shows or keeps it: one position as it stands; volume 0 means closed."""

    market: str
    volume: Decimal
    entry: Decimal
    cost: Decimal
    state: str
    strategy: str
    levels: Levels | None
    opened_at: int
    realised: Decimal
    reason: str


class PositionClosed(Message, frozen=True):
    """Portfolio to all: a round trip ended. `pnl` is proceeds minus cost, fees included in both (KRW)."""

    market: str
    strategy: str
    opened_at: int
    closed_at: int
    entry: Decimal
    volume: Decimal
    cost: Decimal
    proceeds: Decimal
    pnl: Decimal
    reason: str


class EquityMeasured(Message, frozen=True):
    """Portfolio: the account valued at `at`. `marked` is false when a holding has no price: then equity is a floor."""

    at: int
    cash: Decimal
    equity: Decimal
    exposure: Decimal
    day_start: Decimal
    realised: Decimal
    fees: Decimal
    flows: Decimal
    marked: bool


class TradingStateChanged(Message, frozen=True):
    """Risk: ACTIVE, REDUCING (exits only) or HALTED (nothing new but what a person orders), and why."""

    state: str
    reason: str
    by: str
    at: int


class RiskTripped(Message, frozen=True):
    """Risk: a limit or latch acted (kind DAY_LOSS, HALT, …) or was released."""

    at: int
    kind: str
    subject: str
    text: str
    released: bool = False


# --- truth of money --------------------------------------------------------------------------------------------------


class BooksWanted(Message, frozen=True):
    """Reconciler to portfolio and gateway: what do you believe?"""

    request: int


class LedgerTold(Message, frozen=True):
    """Portfolio to reconciler: total of each currency in our books (free and locked together)."""

    request: int
    totals: tuple[tuple[str, Decimal], ...]
    opened: bool


class OrdersTold(Message, frozen=True):
    """Gateway to reconciler: our unfinished identifiers, and whether an order ended or filled just now."""

    request: int
    open_identifiers: tuple[str, ...]
    last_change_at: int


class OrderAdopted(Message, frozen=True):
    """Reconciler to gateway: the exchange holds this order under our prefix."""

    report: OrderReport


class LedgerCorrected(Message, frozen=True):
    """Reconciler to portfolio: money came or went without a fill of ours; the exchange is right.

    `opening` marks the first look at an account: its balances are the capital, not a gain.
    """

    currency: str
    amount: Decimal
    average_price: Decimal
    reason: str
    opening: bool
    at: int


class ReconcileFinished(Message, frozen=True):
    """Reconciler: green when books and exchange agree; otherwise the differences in words."""

    at: int
    green: bool
    differences: tuple[str, ...]


class ReconcileNow(Message, frozen=True):
    """Command: compare now (start, stream gap, a person)."""

    reason: str


# --- a person's commands and what went wrong -------------------------------------------------------------------------


class HaltTrading(Message, frozen=True):
    """Command: nothing new; bids in flight are cancelled. Exits stay possible. Only a person resumes."""

    reason: str
    by: str


class StopAll(Message, frozen=True):
    """A person's ALL STOP: halt, and sell every position if `liquidate`."""

    by: str
    liquidate: bool


class ResumeTrading(Message, frozen=True):
    """A person's command: leave the halt."""

    by: str


class LiquidatePositions(Message, frozen=True):
    """Risk to portfolio: sell everything now."""

    reason: str
    by: str


class IncidentRaised(Message, frozen=True):
    """Something an operator should read: its kind (crash, restart, give_up, dead_letter, …), whom, what."""

    at: int
    kind: str
    subject: str
    text: str
