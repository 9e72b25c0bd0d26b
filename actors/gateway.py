"""Turns approved intents into orders, exactly once each, and follows every order to its last fill."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias, assert_never

from actors.runtime import Actor, Recovered, Restarted
from actors.tracked import TrackedOrder
from domain.decisions import OrderIntent
from domain.market import US_PER_S, Terms
from domain.message import Message
from domain.messages import (
    BooksWanted,
    CancelAnswered,
    CancelOrder,
    HaltTrading,
    IncidentRaised,
    IntentAsked,
    LookUpAnswered,
    LookUpOrder,
    OrderAdopted,
    OrderApproved,
    OrderFinished,
    OrderSeen,
    OrdersTold,
    ResumeTrading,
    SessionOpened,
    StreamChanged,
    SubmitAnswered,
    SubmitOrder,
    TermsLoaded,
)
from domain.order_rules import check_request
from domain.order_state import Stage
from domain.orders import ExchangeState, OrderReport

ANSWER_WITHIN_S = 20.0  # the venue answers by itself sooner; this only covers an answer that was lost with its actor
LADDER_S = (0.3, 0.7, 1.5, 3.0, 5.0)  # waits between look-ups, upbit-api.md 3.4; the last one repeats
FLOAT_S = 30.0  # the longest a request may float before the exchange serves it, with margin
MISSES_MIN = 8  # look-ups in a row that must have found nothing: never a clock alone (actors-design.md 5)
BURNED_MISSES_MIN = 5
FINISHED_KEPT = 500
TELL_AGAIN_US = 24 * 3_600 * US_PER_S  # fills of orders that changed this long before a start are told again


class CheckDue(Message, frozen=True):
    """Own timer: look after this order, unless it has moved on since (`turn`)."""

    intent_id: str
    turn: int


Accepted: TypeAlias = (
    Recovered
    | Restarted
    | SessionOpened
    | TermsLoaded
    | OrderApproved
    | SubmitAnswered
    | LookUpAnswered
    | CancelAnswered
    | OrderSeen
    | OrderAdopted
    | StreamChanged
    | HaltTrading
    | ResumeTrading
    | BooksWanted
    | IntentAsked
    | CheckDue
)


@dataclass(slots=True)
class GatewayState:
    """Unfinished orders and the newest finished ones, by intent; `last_change_at` is the last end or fill of any."""

    prefix: str = ""
    speed: float = 1.0
    halted: bool = False
    orders: dict[str, TrackedOrder] = field(default_factory=dict)
    intents: dict[str, str] = field(default_factory=dict)
    terms: dict[str, Terms] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    last_change_at: int = 0


class Gateway(Actor[GatewayState]):
    """Owns the state of every order of ours.

    Sends SubmitOrder, LookUpOrder and CancelOrder to venue, OrderFinished to portfolio and risk; publishes FillBooked
    on `fills`, OrderChanged on `orders`. An unknown outcome is a state: it is left by evidence only, and the same
    identifier alone is ever sent again. A restart loses nothing; a process start never sends again, it looks up.
    """

    State = GatewayState

    def handle(self, message: Accepted) -> None:  # noqa: C901, PLR0912 (a table of contents has as many lines as messages)
        """Hand each message to its handler."""
        match message:
            case Recovered():
                self._on_recovered()
            case Restarted() | StreamChanged():
                self._look_after_all()
            case SessionOpened():
                self.state.prefix, self.state.speed = message.identifier_prefix, message.speed
            case TermsLoaded():
                self.state.terms[message.terms.market] = message.terms
            case OrderApproved():
                self._on_approved(message.intent)
            case SubmitAnswered():
                self._on_submitted(message)
            case LookUpAnswered():
                self._on_looked_up(message)
            case CancelAnswered():
                self._on_cancel_answered(message)
            case OrderSeen() | OrderAdopted():
                self._on_report(message.report)
            case HaltTrading():
                self._on_halt()
            case ResumeTrading():
                self.state.halted = False
            case BooksWanted():
                self._on_books_wanted(message)
            case IntentAsked():
                self._on_asked(message.intent_id)
            case CheckDue():
                self._on_check(message)
            case _:
                assert_never(message)

    # --- a new order

    def _on_approved(self, intent: OrderIntent) -> None:
        if intent.intent_id in self.state.orders:
            return
        identifier = f"{self.state.prefix}-{intent.intent_id}"
        order = TrackedOrder(intent, identifier, self.now, self.now)
        self.state.orders[intent.intent_id] = order
        self.state.intents[identifier] = intent.intent_id
        terms = self.state.terms.get(intent.market)
        if not order.fresh(self.now):
            self._finish(order, Stage.EXPIRED, "the intent went stale before it could be sent")
        elif self.state.halted and order.buys:
            self._finish(order, Stage.EXPIRED, "trading is halted")
        elif terms is None and order.buys:
            self._finish(order, Stage.REFUSED, f"the exchange's terms for {intent.market} are not known yet")
        elif terms is not None and (refusal := check_request(order.request(), terms, self.now)):
            self._finish(order, Stage.REFUSED, f"{refusal.name}: {refusal.message}")
        else:
            self._submit(order)

    def _submit(self, order: TrackedOrder) -> None:
        order.move(Stage.SUBMITTING, self.now)
        order.submissions += 1
        order.submitted_at = self.now
        order.misses = 0
        self.send("venue", SubmitOrder(order.request()))
        self._check_in(order, ANSWER_WITHIN_S)
        self._tell(order)

    def _on_submitted(self, answer: SubmitAnswered) -> None:
        order = self._find(answer.identifier)
        if order is None:
            return
        match answer.outcome:
            case "accepted" if answer.report is not None:
                self._absorb(order, answer.report)
            case "refused" if order.final:
                return
            case "refused" if answer.error == "duplicated_identifier":
                order.burned = True
                self._doubt(order, "the identifier was used before")
            case "refused" if order.submissions == 1 and order.stage is Stage.SUBMITTING:
                self._finish(order, Stage.REFUSED, answer.error)
            case _:
                self._doubt(order, f"{answer.outcome}: {answer.error}")

    def _doubt(self, order: TrackedOrder, why: str) -> None:
        """The outcome is unknown: from here on only evidence counts."""
        if order.final:
            return
        if order.stage is Stage.SUBMITTING:
            order.move(Stage.UNKNOWN, self.now, why)
            self._tell(order)
        order.looks = 0
        self._check_in(order, LADDER_S[0])

    # --- evidence

    def _look(self, order: TrackedOrder) -> None:
        self.send("venue", LookUpOrder(order.identifier))
        self._check_in(order, ANSWER_WITHIN_S)

    def _on_looked_up(self, answer: LookUpAnswered) -> None:
        order = self._find(answer.identifier)
        if order is None:
            return
        if answer.report is not None:
            self._absorb(order, answer.report)
        elif order.final:
            return
        elif answer.outcome == "absent" and order.stage is not Stage.LIVE:
            self._on_absent(order)
        else:
            self._look_later(order)

    def _on_absent(self, order: TrackedOrder) -> None:
        order.misses += 1
        floated = self.now - order.submitted_at >= self._real(FLOAT_S)
        wanted = order.may_resend and not order.burned and not order.want_cancel and order.fresh(self.now)
        if wanted and not (order.buys and self.state.halted):
            self._submit(order)
        elif order.burned and order.misses >= BURNED_MISSES_MIN:
            self._finish(order, Stage.ABSENT, "its identifier is used up and no such order exists")
        elif floated and order.misses >= MISSES_MIN:
            self._finish(order, Stage.ABSENT, f"looked up {order.misses} times after the last submission, never there")
        else:
            self._look_later(order)

    def _look_later(self, order: TrackedOrder) -> None:
        self._check_in(order, LADDER_S[min(order.looks, len(LADDER_S) - 1)])
        order.looks += 1

    def _absorb(self, order: TrackedOrder, report: OrderReport) -> None:
        """Take over what the exchange tells: fills first, then whether it is over."""
        for fill in report.fills:
            if order.take(fill):
                self.state.last_change_at = self.now
                self.publish("fills", order.booked_as(fill))
        settled = order.heard(report)
        if order.stage in {Stage.DONE, Stage.CANCELLED}:
            return
        if order.final:
            self._incident("order_surfaced", order, f"was given up as {order.stage}, now the exchange shows it")
            order.want_cancel = True
        if order.stage is not Stage.LIVE:
            order.move(Stage.LIVE, self.now)
            order.looks = 0
        if settled:
            self._finish(order, Stage.DONE if report.state is ExchangeState.DONE else Stage.CANCELLED)
        elif report.finished:
            self._look(order)
        else:
            if order.want_cancel:
                self.send("venue", CancelOrder(order.identifier))
            self._look_later(order)
            self._tell(order)

    def _on_report(self, report: OrderReport) -> None:
        order = self._find(report.identifier)
        if order is not None:
            self._absorb(order, report)
        elif not report.finished and not report.fills:
            ours = report.identifier.startswith(f"{self.state.prefix}-")
            whose = "carries our prefix but is not in our books" if ours else "is not ours"
            text = f"order {report.order_id} ({report.identifier or 'no identifier'}) in {report.market} {whose}"
            self.publish("incidents", IncidentRaised(self.now, "foreign_order", report.market, text))
            if ours:
                self.send("venue", CancelOrder(report.identifier))

    # --- cancels and halts

    def _on_halt(self) -> None:
        self.state.halted = True
        for order in self._unfinished():
            if order.buys and not order.want_cancel:
                order.want_cancel = True
                if order.stage is Stage.LIVE:
                    self.send("venue", CancelOrder(order.identifier))

    def _on_cancel_answered(self, answer: CancelAnswered) -> None:
        order = self._find(answer.identifier)
        if order is not None and not order.final:
            self._check_in(order, LADDER_S[0])

    # --- upkeep

    def _on_recovered(self) -> None:
        """Mail died with the process: tell the newest fills again, and look at every order that was under way."""
        for order in self.state.orders.values():
            if self.now - order.changed_at <= TELL_AGAIN_US:
                for fill in order.fills.values():
                    self.publish("fills", order.booked_as(fill))
        for order in self._unfinished():
            order.may_resend = False
            order.misses = order.looks = 0
            if order.stage is Stage.SUBMITTING:
                order.move(Stage.UNKNOWN, self.now, "the process ended between intent and answer")
            elif order.stage is Stage.INTENDED:
                self._finish(order, Stage.EXPIRED, "the process ended before it was sent")
        self._look_after_all()

    def _look_after_all(self) -> None:
        for order in self._unfinished():
            self._check_in(order, LADDER_S[0])

    def _on_check(self, due: CheckDue) -> None:
        order = self.state.orders.get(due.intent_id)
        if order is None or order.turn != due.turn or order.final:
            return
        if order.stage is Stage.SUBMITTING:
            order.move(Stage.UNKNOWN, self.now, "no answer came back")
            self._tell(order)
        self._look(order)

    def _on_books_wanted(self, message: BooksWanted) -> None:
        waiting = tuple(order.identifier for order in self._unfinished())
        self.send("reconciler", OrdersTold(message.request, waiting, self.state.last_change_at))

    def _on_asked(self, intent_id: str) -> None:
        """Tell again what may have been lost with a process: fills first, then the end; receivers remove doubles."""
        order = self.state.orders.get(intent_id)
        if order is None:
            self.send(self.sender, OrderFinished(intent_id, "", Stage.ABSENT, Decimal(0), "never reached the gateway"))
            return
        if self.sender == "portfolio":
            for fill in order.fills.values():
                self.send("portfolio", order.booked_as(fill))
        if order.final:
            self.send(self.sender, self._finished(order))

    def _finish(self, order: TrackedOrder, stage: Stage, detail: str = "") -> None:
        order.move(stage, self.now, detail)
        order.turn += 1
        self.state.last_change_at = self.now
        done = self._finished(order)
        self.send("portfolio", done)
        self.send("risk", done)
        self._tell(order)
        self._forget_oldest(order.intent.intent_id)

    def _forget_oldest(self, intent_id: str) -> None:
        """Keep hot state small; what leaves here stays in the journal and in SQL."""
        finished = self.state.finished
        if intent_id not in finished:
            finished.append(intent_id)
        while len(finished) > FINISHED_KEPT:
            old = self.state.orders.pop(finished.pop(0))
            del self.state.intents[old.identifier]

    def _finished(self, order: TrackedOrder) -> OrderFinished:
        return OrderFinished(order.intent.intent_id, order.intent.market, order.stage, order.booked, order.detail)

    def _find(self, identifier: str) -> TrackedOrder | None:
        intent_id = self.state.intents.get(identifier)
        return None if intent_id is None else self.state.orders[intent_id]

    def _unfinished(self) -> list[TrackedOrder]:
        return [order for order in self.state.orders.values() if not order.final]

    def _real(self, seconds: float) -> int:
        """Transport time in microseconds of our clock."""
        return int(seconds * US_PER_S * self.state.speed)

    def _check_in(self, order: TrackedOrder, seconds: float) -> None:
        order.turn += 1
        self.after(self._real(seconds), CheckDue(order.intent.intent_id, order.turn))

    def _tell(self, order: TrackedOrder) -> None:
        self.publish("orders", order.told())

    def _incident(self, kind: str, order: TrackedOrder, text: str) -> None:
        self.publish("incidents", IncidentRaised(self.now, kind, order.identifier, text))
