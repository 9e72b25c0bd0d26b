"""The edge to the private side: every way a call can end has its own answer, and no failure is silent."""

import threading
from collections.abc import Callable
from decimal import Decimal as D
from typing import Any

import pytest

from actors.venue import WORKERS, Venue
from domain.errors import (
    AuthError,
    AuthReason,
    BadPayload,
    DuplicateIdentifier,
    ExchangeError,
    ExchangeUnavailable,
    MarketOffline,
    OutcomeUnknown,
    RateLimited,
    RequestRefused,
)
from domain.messages import (
    AccountFailed,
    AccountLoaded,
    AccountWanted,
    CancelAnswered,
    CancelOrder,
    IncidentRaised,
    LookUpAnswered,
    LookUpOrder,
    MarketsWatched,
    SubmitAnswered,
    SubmitOrder,
    TermsLoaded,
)
from domain.orders import Balance, ExchangeState, OrderRequest, OrderType, Side
from tests.actors.edge import Ear
from tests.actors.stage import BTC, T0, a_report, terms

ETH = "KRW-ETH"
ID = "abcd1234-e1"
REPORT = a_report(state=ExchangeState.WAIT)
REQUEST = OrderRequest(ID, BTC, Side.SELL, OrderType.MARKET, volume=D(1))
REFUSED = RequestRefused(400, "insufficient_funds_bid", "not enough")
LIMITED = RateLimited("too many", 1.0)
NO_ROOM = RateLimited("no room", 1.0, sent=False)
TWICE = DuplicateIdentifier(400, "duplicated_identifier", "used")
OFFLINE = MarketOffline(403, "market_offline", "maintenance")
NO_KEY = AuthError(401, "expired_access_key", "expired", AuthReason.EXPIRED)
AWAY = ExchangeUnavailable("connection refused")
UNKNOWN = OutcomeUnknown("time-out")
BAD = BadPayload("no JSON")
BUG = ZeroDivisionError("a bug of ours")


class Client:
    """Answers each call with what the test put there; an exception is raised, a function is called."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, Any]] = []

    def _answer(self, call: str, asked: Any) -> Any:
        self.calls.append((call, asked))
        answer = self.answers.get(call)
        answer = answer(asked) if isinstance(answer, Callable) else answer
        if isinstance(answer, Exception):
            raise answer
        return answer

    def chance(self, market: str) -> Any:
        return self._answer("chance", market) or terms(market).terms

    def accounts(self) -> Any:
        return self._answer("accounts", None)

    def open_orders(self) -> Any:
        return self._answer("open_orders", None)

    def place(self, request: OrderRequest) -> Any:
        return self._answer("place", request)

    def order(self, *, identifier: str) -> Any:
        return self._answer("order", identifier)

    def cancel(self, identifier: str) -> Any:
        return self._answer("cancel", identifier)

    def watch(self, told: Any) -> None:
        self.circuit = told


class Rig:
    def __init__(self, *markets: str, **answers: Any) -> None:
        self.ear, self.client, self.now = Ear(), Client(**answers), T0
        self.real = 0.0  # seconds, moved by hand
        self.aside: list[tuple[str, Any]] = []
        self.venue = Venue(
            self.ear,
            "venue",
            client=self.client,
            now=lambda: self.now,
            markets=markets,
            terms_retry_s=0.0,
            real=lambda: self.real,
        )
        self.venue.on_begin()

    def answer(self) -> tuple[str, Any]:
        """The next thing said to somebody who asked."""
        while (said := self.ear.next())[0] not in {"gateway", "reconciler"}:
            self.aside.append(said)
        return said

    def ask(self, message, sender: str = "gateway"):
        """What is answered, and to whom."""
        self.venue.run_turn(sender, message, T0)
        return self.ear.next()


@pytest.fixture
def rig():
    made = []

    def make(*markets: str, **answers: Any) -> Rig:
        made.append(Rig(*markets, **answers))
        return made[-1]

    yield make
    for one in made:
        one.venue.on_end()


@pytest.mark.parametrize(
    ("placed", "outcome", "error", "report"),
    [
        (REPORT, "accepted", "", REPORT),
        (REFUSED, "refused", "insufficient_funds_bid", None),
        (LIMITED, "limited", "too many", None),
        (NO_ROOM, "unsent", "no room", None),
        (TWICE, "refused", "duplicated_identifier", None),
        (OFFLINE, "refused", "market_offline", None),
        (NO_KEY, "refused", "expired_access_key", None),
        (AWAY, "unsent", "connection refused", None),
        (UNKNOWN, "unknown", "time-out", None),
        (BAD, "unknown", "no JSON", None),
        (ExchangeError("something new"), "unknown", "something new", None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_end_of_a_submission_is_told_apart(rig, placed, outcome, error, report):
    one = rig(place=placed)
    one.venue.run_turn("gateway", SubmitOrder(REQUEST), T0)
    assert one.answer() == ("gateway", SubmitAnswered(ID, outcome, error, report))
    assert one.client.calls == [("place", REQUEST)]  # never twice by itself


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        (REPORT, LookUpAnswered(ID, "found", REPORT)),
        (None, LookUpAnswered(ID, "absent")),
        (LIMITED, LookUpAnswered(ID, "failed", None, "too many")),
        (AWAY, LookUpAnswered(ID, "failed", None, "connection refused")),
        (BAD, LookUpAnswered(ID, "failed", None, "no JSON")),
        (REFUSED, LookUpAnswered(ID, "failed", None, str(REFUSED))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_only_a_clear_no_makes_an_order_absent(rig, found, answer):
    assert rig(order=found).ask(LookUpOrder(ID)) == ("gateway", answer)


@pytest.mark.parametrize(
    ("cancelled", "answer"),
    [
        (REPORT, CancelAnswered(ID, "accepted")),
        (None, CancelAnswered(ID, "absent")),
        (UNKNOWN, CancelAnswered(ID, "failed", "time-out")),
        (REFUSED, CancelAnswered(ID, "failed", str(REFUSED))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_cancel_is_accepted_absent_or_failed(rig, cancelled, answer):
    assert rig(cancel=cancelled).ask(CancelOrder(ID)) == ("gateway", answer)


def test_the_account_comes_with_every_order_that_was_open_before_or_after_it(rig):
    later = a_report(state=ExchangeState.WAIT, executed="0.001")
    views = iter([(REPORT,), (later,)])
    balances = (Balance("KRW", D(1), D(0)),)
    one = rig(open_orders=lambda _: next(views), accounts=balances)
    assert one.ask(AccountWanted(7), "reconciler") == ("reconciler", AccountLoaded(7, balances, (later,), T0))
    assert [call for call, _ in one.client.calls] == ["open_orders", "accounts", "open_orders"]


@pytest.mark.parametrize("call", ["open_orders", "accounts"])
def test_an_account_that_cannot_be_had_whole_is_not_told_at_all(rig, call):
    one = rig(**{"open_orders": (), "accounts": (), call: AWAY})
    assert one.ask(AccountWanted(7), "reconciler") == ("reconciler", AccountFailed(7, "connection refused"))


@pytest.mark.parametrize("message", [SubmitOrder(REQUEST), LookUpOrder(ID), CancelOrder(ID), AccountWanted(1)])
def test_a_bug_in_a_call_is_an_incident_and_the_next_call_works(rig, message):
    one = rig(place=BUG, order=BUG, cancel=BUG, open_orders=BUG)
    topic, told = one.ask(message)
    assert (topic, told.kind) == ("incidents", "venue_call")
    one.client.answers["order"] = None
    assert one.ask(LookUpOrder(ID))[1].outcome == "absent"


def test_a_call_that_hangs_does_not_keep_others_waiting(rig):
    release = threading.Event()
    one = rig(place=lambda _: release.wait(10) and REPORT)
    for _ in range(WORKERS - 1):
        one.venue.run_turn("gateway", SubmitOrder(REQUEST), T0)
    assert one.ask(LookUpOrder(ID))[1].outcome == "absent"
    release.set()
    assert {one.ear.next()[1].outcome for _ in range(WORKERS - 1)} == {"accepted"}


def test_a_cancel_goes_out_while_every_other_call_hangs(rig):
    release = threading.Event()
    one = rig(place=lambda _: release.wait(10) and REPORT, order=lambda _: release.wait(10) and None)
    for _ in range(2 * WORKERS):
        one.venue.run_turn("gateway", SubmitOrder(REQUEST), T0)
        one.venue.run_turn("gateway", LookUpOrder(ID), T0)
    assert one.ask(CancelOrder(ID))[1] == CancelAnswered(ID, "absent")
    release.set()


def test_an_order_that_waited_long_for_a_worker_is_not_sent(rig):
    placing, release = threading.Semaphore(0), threading.Event()
    one = rig(place=lambda _: placing.release() or (release.wait(10) and REPORT))
    for _ in range(WORKERS + 1):
        one.venue.run_turn("gateway", SubmitOrder(REQUEST), T0)
    for _ in range(WORKERS):
        assert placing.acquire(timeout=10)
    one.real = 60.0
    release.set()
    outcomes = [one.ear.next()[1].outcome for _ in range(WORKERS + 1)]
    assert sorted(outcomes) == ["accepted"] * WORKERS + ["unsent"]
    assert [call for call, _ in one.client.calls] == ["place"] * WORKERS


def test_calls_in_flight_are_answered_before_the_end(rig):
    began, release = threading.Event(), threading.Event()
    one = rig(place=lambda _: began.set() or (release.wait(10) and REPORT))
    one.venue.run_turn("gateway", SubmitOrder(REQUEST), T0)
    assert began.wait(10)
    ending = threading.Thread(target=one.venue.on_end)
    ending.start()
    release.set()
    ending.join(10)
    assert [answer.outcome for answer in one.ear.of(SubmitAnswered)] == ["accepted"]


# --- terms


def test_the_terms_of_every_market_are_loaded_at_the_start(rig):
    one = rig(BTC, ETH)
    assert [one.ear.next() for _ in range(2)] == [("terms", terms(BTC)), ("terms", terms(ETH))]


@pytest.mark.parametrize("error", [LIMITED, BUG], ids=["an error of the exchange", "a bug of ours"])
def test_terms_that_could_not_be_loaded_are_reported_once_and_tried_until_they_are_there(rig, error):
    ends = {BTC: iter([error, error, error, None]), ETH: iter([None])}
    one = rig(BTC, ETH, chance=lambda market: next(ends[market]))
    heard = [one.ear.next() for _ in range(3)]
    assert [type(message) for _, message in heard] == [TermsLoaded, IncidentRaised, TermsLoaded]
    assert (heard[1][1].kind, heard[1][1].subject) == ("terms", BTC)
    assert [message.terms.market for _, message in heard if isinstance(message, TermsLoaded)] == [ETH, BTC]


def test_terms_that_never_come_do_not_keep_the_end_waiting(rig):
    one = rig(BTC, chance=AWAY)
    assert one.ear.next()[1].kind == "terms"
    one.venue.on_end()
    assert one.ear.of(IncidentRaised) == []


def test_a_start_that_failed_before_the_venues_turn_can_end_it():
    venue = Venue(Ear(), "venue", client=Client(), now=lambda: T0, markets=(BTC,))
    venue.on_end()


def test_terms_are_loaded_for_a_market_that_is_watched_later(rig):
    one = rig(BTC)
    assert one.ear.next() == ("terms", terms(BTC))
    one.venue.run_turn("universe", MarketsWatched((BTC, ETH)), T0)
    assert one.ear.next() == ("terms", terms(ETH))
    assert one.client.calls.count(("chance", BTC)) == 1
