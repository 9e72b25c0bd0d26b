"""Turns approved intents into orders, exactly once each, and follows every order to its last fill."""

from decimal import Decimal
from typing import TypeAlias, assert_never

from actors.runtime import Recovered, Restarted
from actors.tracked import TrackedOrder
from actors.watch import FINISHED_KEPT, LADDER_S, CheckDue, OrderWatch
from domain.decisions import OrderIntent
from domain.listings import MARKET_REFUSALS
from domain.market import US_PER_S
from domain.messages import (
    BooksWanted,
    CancelAnswered,
    CancelOrder,
    HaltTrading,
    IncidentRaised,
    IntentAsked,
    LookUpAnswered,
    MarketRefused,
    MarketServed,
    OrderAdopted,
    OrderApproved,
    OrderFinished,
    OrderSeen,
    OrdersTold,
    ResumeTrading,
    SessionOpened,
    StreamChanged,
    SubmitAnswered,
    TermsLoaded,
)
from domain.order_rules import check_request
from domain.order_state import Stage
from domain.orders import OrderReport

TELL_AGAIN_US = 24 * 3_600 * US_PER_S  # fills of orders that changed this long before a start are told again


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


class Gateway(OrderWatch):
    """Owns the state of every order of ours.

    Sends SubmitOrder, LookUpOrder and CancelOrder to venue, OrderFinished to portfolio and risk, MarketRefused and
    MarketServed to warnings; publishes FillBooked on `fills`, OrderChanged on `orders`. An unknown outcome is a state:
    it is left by evidence only, and the same identifier alone is ever sent again. A restart loses nothing; a process
    start never sends again, it looks up, and tells risk if it was halted.
    """

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
        if intent.intent_id in self.state.disowned:
            late = OrderFinished(
                intent.intent_id, intent.market, Stage.ABSENT, Decimal(0), "came after it was given up"
            )
            self.send("portfolio", late)
            self.send("risk", late)
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

    def _on_submitted(self, answer: SubmitAnswered) -> None:
        order = self._find(answer.identifier)
        if order is None:
            return
        self._note_market(order.intent.market, answer)
        match answer.outcome:
            case "accepted" if answer.report is not None:
                self._absorb(order, answer.report)
            case "refused" if order.final:
                return
            case "refused" if answer.error == "duplicated_identifier":
                order.burned = True
                self._doubt(order, "the identifier was used before")
            case "refused" | "unsent" if order.submissions == 1 and order.stage is Stage.SUBMITTING:
                self._finish(order, Stage.REFUSED, answer.error)
            case "refused":  # no proof about the submissions before it, but never again as it is
                order.may_resend = False
                self._doubt(order, f"refused: {answer.error}")
            case _:
                self._doubt(order, f"{answer.outcome}: {answer.error}")

    def _note_market(self, market: str, answer: SubmitAnswered) -> None:
        """Tell warnings of a market that takes no orders, and when it takes them again."""
        shut = self.state.shut
        if answer.outcome == "refused" and answer.error in MARKET_REFUSALS:
            self.state.shut = sorted({*shut, market})
            self.send("warnings", MarketRefused(market, answer.error))
        elif answer.outcome == "accepted" and market in shut:
            shut.remove(market)
            self.send("warnings", MarketServed(market))

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
        if self.state.halted:  # the supervisor tells risk and us: risk's own may have died with the process
            self.send("risk", HaltTrading("the process ended in a halt", self.name))
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
            self.state.disowned = [*self.state.disowned[1 - FINISHED_KEPT :], intent_id]
            self.send(self.sender, OrderFinished(intent_id, "", Stage.ABSENT, Decimal(0), "never reached the gateway"))
            return
        if self.sender == "portfolio":
            for fill in order.fills.values():
                self.send("portfolio", order.booked_as(fill))
        if order.final:
            self.send(self.sender, self._finished(order))
