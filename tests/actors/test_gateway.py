import pytest

from actors.gateway import Gateway
from actors.runtime import Recovered
from actors.watch import BURNED_MISSES_MIN, MISSES_MIN
from domain.messages import (
    CancelOrder,
    FillBooked,
    HaltTrading,
    IncidentRaised,
    IntentAsked,
    LookUpAnswered,
    LookUpOrder,
    OrderApproved,
    OrderChanged,
    OrderFinished,
    OrderSeen,
    ResumeTrading,
    SubmitAnswered,
    SubmitOrder,
)
from domain.orders import ExchangeState
from tests.actors.stage import Stage, a_buy, a_fill, a_report, a_sale, session, terms

IDENTIFIER = "abcd1234-e1"


@pytest.fixture
def gateway() -> Stage:
    stage = Stage(Gateway, "gateway")
    stage.tell(session()).tell(terms())
    return stage


def submitted(gateway: Stage) -> Stage:
    return gateway.tell(OrderApproved(a_buy()), "risk")


def unknown(gateway: Stage) -> Stage:
    return submitted(gateway).tell(SubmitAnswered(IDENTIFIER, "unknown", "timeout"), "venue")


def missed(gateway: Stage) -> Stage:
    """Look up once more and find nothing."""
    gateway.ring()
    assert gateway.to("venue", LookUpOrder)
    return gateway.tell(LookUpAnswered(IDENTIFIER, "absent"), "venue")


def test_an_approved_intent_becomes_one_order_under_an_identifier_of_its_own(gateway):
    submitted(gateway)
    (order,) = gateway.to("venue", SubmitOrder)
    assert order.request.identifier == IDENTIFIER
    assert order.request.volume == a_buy().volume


def test_an_intent_approved_twice_is_sent_once(gateway):
    submitted(gateway)
    submitted(gateway)
    assert gateway.to("venue", SubmitOrder) == []


def test_a_stale_intent_is_never_sent(gateway):
    gateway.now += 901 * 1_000_000
    submitted(gateway)
    assert gateway.to("venue", SubmitOrder) == []
    (finished,) = gateway.to("portfolio", OrderFinished)
    assert finished.stage == "expired"
    assert gateway.to("risk", OrderFinished) == [finished]


def test_a_buy_without_known_terms_is_refused_and_says_so():
    gateway = Stage(Gateway, "gateway").tell(session())
    submitted(gateway)
    (finished,) = gateway.to("portfolio", OrderFinished)
    assert finished.stage == "refused"
    assert "terms" in finished.detail


def test_an_order_that_breaks_the_rule_book_never_leaves(gateway):
    gateway.tell(OrderApproved(a_sale(volume="0.000000001")), "risk")
    assert gateway.to("venue", SubmitOrder) == []
    assert gateway.to("portfolio", OrderFinished)[0].stage == "refused"


def test_a_fill_told_twice_counts_once(gateway):
    submitted(gateway)
    gateway.tell(OrderSeen(a_report(a_fill(), state=ExchangeState.WAIT)), "userstream")
    assert len(gateway.on("fills", FillBooked)) == 1
    gateway.tell(LookUpAnswered(IDENTIFIER, "found", a_report(a_fill())), "venue")
    assert gateway.on("fills", FillBooked) == []
    (finished,) = gateway.to("portfolio", OrderFinished)
    assert finished.executed_volume == a_fill().volume
    assert [one.fill for one in finished.fills] == [a_fill()]


def test_fills_are_told_before_the_order_is_told_finished(gateway):
    submitted(gateway)
    gateway.tell(OrderSeen(a_report(a_fill())), "userstream")
    kinds = [
        type(one.message).__name__ for one in gateway.actor.run_turn("userstream", OrderSeen(a_report()), gateway.now)
    ]
    assert "FillBooked" not in kinds
    assert gateway.state.orders["e1"].booked == a_fill().volume


def test_an_event_that_comes_before_the_answer_is_matched_by_identifier(gateway):
    submitted(gateway)
    gateway.tell(OrderSeen(a_report(a_fill())), "userstream")
    assert gateway.on("fills", FillBooked)
    gateway.tell(SubmitAnswered(IDENTIFIER, "accepted", "", a_report(state=ExchangeState.WAIT)), "venue")
    assert gateway.state.orders["e1"].stage == "done"


def test_a_finished_order_whose_fills_are_missing_is_looked_up_before_it_is_over(gateway):
    submitted(gateway)
    gateway.tell(OrderSeen(a_report(executed="0.00666666", complete=False)), "userstream")
    assert gateway.to("venue", LookUpOrder)
    assert gateway.to("portfolio", OrderFinished) == []


def test_a_cancelled_order_with_fills_is_a_success_by_its_volume(gateway):
    submitted(gateway)
    gateway.tell(OrderSeen(a_report(a_fill(volume="0.005"), state=ExchangeState.CANCEL)), "userstream")
    (finished,) = gateway.to("portfolio", OrderFinished)
    assert (finished.stage, str(finished.executed_volume)) == ("cancelled", "0.005")


def test_a_definite_refusal_ends_the_intent(gateway):
    submitted(gateway).tell(SubmitAnswered(IDENTIFIER, "refused", "insufficient_funds_bid"), "venue")
    (finished,) = gateway.to("portfolio", OrderFinished)
    assert (finished.stage, finished.detail) == ("refused", "insufficient_funds_bid")


def test_an_order_that_never_left_is_over_at_once_and_nobody_looks_for_it(gateway):
    submitted(gateway).tell(SubmitAnswered(IDENTIFIER, "unsent", "next probe in 5 s; not sent"), "venue")
    (finished,) = gateway.to("portfolio", OrderFinished)
    assert (finished.stage, finished.detail) == ("refused", "next probe in 5 s; not sent")
    assert gateway.to("venue", LookUpOrder) == []
    assert gateway.timers == []


def test_a_limit_of_the_exchange_is_no_proof_that_the_order_was_not_taken(gateway):
    submitted(gateway).tell(SubmitAnswered(IDENTIFIER, "limited", "HTTP 429"), "venue")
    assert gateway.state.orders["e1"].stage == "unknown"
    gateway.ring()
    assert gateway.to("venue", LookUpOrder)


def test_a_resent_order_whose_identifier_was_used_is_looked_up_and_taken_over(gateway):
    """The first request floated and arrived after all: the second one's refusal is how we hear of it."""
    missed(unknown(gateway)).tell(SubmitAnswered(IDENTIFIER, "refused", "duplicated_identifier"), "venue")
    assert gateway.state.orders["e1"].stage == "unknown"
    gateway.ring()
    assert gateway.to("venue", LookUpOrder)[0].identifier == IDENTIFIER
    gateway.tell(LookUpAnswered(IDENTIFIER, "found", a_report(a_fill())), "venue")
    assert gateway.to("portfolio", OrderFinished)[0].stage == "done"
    assert gateway.on("fills", FillBooked)


def test_a_lost_answer_makes_the_order_unknown_and_it_is_looked_up(gateway):
    unknown(gateway)
    assert gateway.on("orders", OrderChanged)[0].stage == "unknown"
    gateway.ring()
    assert gateway.to("venue", LookUpOrder)[0].identifier == IDENTIFIER
    assert gateway.to("venue", SubmitOrder) == []


def test_an_answer_that_never_comes_makes_the_order_unknown_too(gateway):
    submitted(gateway).ring()
    assert gateway.state.orders["e1"].stage == "unknown"
    assert gateway.to("venue", LookUpOrder)


def test_while_the_intent_is_fresh_the_same_identifier_is_sent_again(gateway):
    missed(unknown(gateway))
    assert [order.request.identifier for order in gateway.to("venue", SubmitOrder)] == [IDENTIFIER]


def test_after_a_process_start_nothing_is_sent_again(gateway):
    unknown(gateway).tell(Recovered(2), "runtime")
    for _ in range(MISSES_MIN - 1):
        missed(gateway)
        assert gateway.to("venue", SubmitOrder) == []


def test_an_order_in_flight_at_a_process_end_is_unknown_at_the_next_start(gateway):
    submitted(gateway).tell(Recovered(2), "runtime")
    assert gateway.state.orders["e1"].stage == "unknown"
    gateway.ring()
    assert gateway.to("venue", LookUpOrder)


def test_absent_needs_both_time_and_many_look_ups(gateway):
    unknown(gateway).tell(Recovered(2), "runtime")
    gateway.now += 3_600 * 1_000_000  # a clock alone proves nothing
    for _ in range(MISSES_MIN - 1):
        missed(gateway)
        assert gateway.to("portfolio", OrderFinished) == []
    missed(gateway)
    assert gateway.to("portfolio", OrderFinished)[0].stage == "absent"


def test_many_look_ups_in_no_time_prove_nothing_either(gateway):
    unknown(gateway).tell(Recovered(2), "runtime")
    for _ in range(MISSES_MIN):
        gateway.tell(LookUpAnswered(IDENTIFIER, "absent"), "venue")
    assert gateway.to("portfolio", OrderFinished) == []


def test_a_used_up_identifier_without_an_order_is_absent_after_a_few_look_ups(gateway):
    submitted(gateway).tell(SubmitAnswered(IDENTIFIER, "refused", "duplicated_identifier"), "venue")
    for _ in range(BURNED_MISSES_MIN):
        missed(gateway)
        assert gateway.to("venue", SubmitOrder) == []
    assert gateway.to("portfolio", OrderFinished)[0].stage == "absent"


def test_an_order_given_up_that_surfaces_is_adopted_and_cancelled(gateway):
    submitted(gateway).tell(SubmitAnswered(IDENTIFIER, "refused", "under_min_total_bid"), "venue")
    gateway.tell(OrderSeen(a_report(state=ExchangeState.WAIT)), "userstream")
    assert gateway.to("venue", CancelOrder)[0].identifier == IDENTIFIER
    assert gateway.on("incidents", IncidentRaised)[0].kind == "order_surfaced"
    gateway.tell(OrderSeen(a_report(a_fill(volume="0.001"), state=ExchangeState.CANCEL)), "userstream")
    assert gateway.on("fills", FillBooked)


def test_a_fill_after_the_end_is_still_booked(gateway):
    submitted(gateway).tell(OrderSeen(a_report(state=ExchangeState.CANCEL)), "userstream")
    gateway.tell(OrderSeen(a_report(a_fill(), state=ExchangeState.CANCEL)), "userstream")
    assert len(gateway.on("fills", FillBooked)) == 1


def test_a_halt_cancels_live_buys_and_stops_new_ones(gateway):
    submitted(gateway).tell(SubmitAnswered(IDENTIFIER, "accepted", "", a_report(state=ExchangeState.WAIT)), "venue")
    gateway.tell(HaltTrading("test", "person"), "risk")
    assert gateway.to("venue", CancelOrder)[0].identifier == IDENTIFIER
    gateway.tell(OrderApproved(a_buy("e2")), "risk")
    assert gateway.to("venue", SubmitOrder) == []
    gateway.tell(OrderApproved(a_sale()), "risk")
    assert len(gateway.to("venue", SubmitOrder)) == 1


def test_a_start_in_a_halt_tells_risk_which_may_never_have_heard_of_it(gateway):
    gateway.tell(HaltTrading("gave up on risk", "supervisor"), "supervisor").tell(Recovered(2), "runtime")
    assert [one.by for one in gateway.to("risk", HaltTrading)] == ["gateway"]
    gateway.tell(ResumeTrading("person"), "risk").tell(Recovered(3), "runtime")
    assert gateway.to("risk", HaltTrading) == []


def test_a_buy_that_floats_when_the_halt_comes_is_not_sent_again_and_cancelled_when_it_shows(gateway):
    unknown(gateway).tell(HaltTrading("test", "person"), "risk")
    gateway.tell(LookUpAnswered(IDENTIFIER, "absent"), "venue")
    assert gateway.to("venue", SubmitOrder) == []
    gateway.tell(LookUpAnswered(IDENTIFIER, "found", a_report(state=ExchangeState.WAIT)), "venue")
    assert gateway.to("venue", CancelOrder)


def test_after_a_resume_buys_go_out_again(gateway):
    gateway.tell(HaltTrading("test", "person"), "risk").tell(ResumeTrading("person"), "risk")
    submitted(gateway)
    assert gateway.to("venue", SubmitOrder)


def test_asked_about_a_finished_intent_it_tells_again_and_about_an_unknown_one_that_it_never_came(gateway):
    submitted(gateway).tell(OrderSeen(a_report(a_fill())), "userstream")
    gateway.tell(IntentAsked("e1"), "portfolio")
    assert gateway.to("portfolio", OrderFinished)[0].stage == "done"
    gateway.tell(IntentAsked("e9"), "risk")
    assert gateway.to("risk", OrderFinished)[0].stage == "absent"


def test_an_intent_that_comes_after_it_was_said_never_to_have_come_is_not_sent(gateway):
    gateway.tell(IntentAsked("x1"), "portfolio")
    gateway.tell(OrderApproved(a_sale("x1")), "risk")
    assert gateway.to("venue", SubmitOrder) == []
    assert [one.stage for one in gateway.to("risk", OrderFinished)] == ["absent"]


def test_an_order_with_our_prefix_that_is_in_no_book_of_ours_is_cancelled(gateway):
    gateway.tell(OrderSeen(a_report(state=ExchangeState.WAIT, identifier="abcd1234-e77")), "userstream")
    assert gateway.to("venue", CancelOrder)[0].identifier == "abcd1234-e77"


def test_an_order_of_somebody_else_is_reported_and_left_alone(gateway):
    gateway.tell(OrderSeen(a_report(state=ExchangeState.WAIT, identifier="")), "userstream")
    assert gateway.to("venue", CancelOrder) == []
    assert gateway.on("incidents", IncidentRaised)[0].kind == "foreign_order"
