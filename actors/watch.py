"""Follows an order that was sent: looks it up, takes its fills over, and tells when nothing more can come."""

from dataclasses import dataclass, field

from actors.runtime import Actor
from actors.tracked import TrackedOrder
from domain.market import US_PER_S, Terms
from domain.message import Message
from domain.messages import CancelOrder, IncidentRaised, LookUpAnswered, LookUpOrder, OrderFinished, SubmitOrder
from domain.order_state import Stage
from domain.orders import ExchangeState, OrderReport

LADDER_S = (0.3, 0.7, 1.5, 3.0, 5.0)  # waits between look-ups, upbit-api.md 3.4; the last one repeats
FLOAT_S = 30.0  # the longest a request may float before the exchange serves it, with margin
MISSES_MIN = 8  # look-ups in a row that must have found nothing: never a clock alone (actors-design.md 5)
BURNED_MISSES_MIN = 5
FINISHED_KEPT = 500
ANSWER_WITHIN_S = 20.0  # the venue answers by itself sooner; this only covers an answer that was lost with its actor


class CheckDue(Message, frozen=True):
    """Own timer: look after this order, unless it has moved on since (`turn`)."""

    intent_id: str
    turn: int


@dataclass(slots=True)
class GatewayState:
    """Unfinished orders and the newest finished ones, by intent; `last_change_at` is the last end or fill of any.

    `disowned` are the newest intents that were said never to have come: should one come late, it is not sent. `shut`
    are the markets that refused an order for their own state and have taken none since.
    """

    prefix: str = ""
    speed: float = 1.0
    halted: bool = False
    orders: dict[str, TrackedOrder] = field(default_factory=dict)
    intents: dict[str, str] = field(default_factory=dict)
    terms: dict[str, Terms] = field(default_factory=dict)
    finished: list[str] = field(default_factory=list)
    disowned: list[str] = field(default_factory=list)
    last_change_at: int = 0
    shut: list[str] = field(default_factory=list)


class OrderWatch(Actor[GatewayState]):
    """The half of the gateway that lives on evidence; `actors.gateway` has the half that takes commands.

    An order whose outcome is unknown is left by evidence only: found, or looked for often enough and long enough. While
    its intent is fresh the same identifier may be sent again, because the exchange itself removes doubles of that.
    """

    State = GatewayState

    def _submit(self, order: TrackedOrder) -> None:
        order.move(Stage.SUBMITTING, self.now)
        order.submissions += 1
        order.submitted_at = self.now
        order.misses = 0
        self.send("venue", SubmitOrder(order.request()))
        self._check_in(order, ANSWER_WITHIN_S)
        self._tell(order)

    def _doubt(self, order: TrackedOrder, why: str) -> None:
        """The outcome is unknown: from here on only evidence counts."""
        if order.final:
            return
        if order.stage is Stage.SUBMITTING:
            order.move(Stage.UNKNOWN, self.now, why)
            self._tell(order)
        if order.submissions == 1:  # a resend that fails again and again comes ever later
            order.looks = 0
        self._look_later(order)

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
        fills = tuple(order.booked_as(fill) for fill in order.fills.values())
        wish = order.intent
        return OrderFinished(wish.intent_id, wish.market, order.stage, order.booked, order.detail, fills)

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
