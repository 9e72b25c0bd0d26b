"""An order that is sent again under its identifier: how long that goes on, and how fast."""

import pytest

from actors.gateway import Gateway
from actors.watch import LADDER_S, MISSES_MIN
from domain.market import US_PER_S
from domain.messages import LookUpAnswered, LookUpOrder, OrderApproved, OrderFinished, SubmitAnswered, SubmitOrder
from tests.actors.stage import Stage, a_sale, session, terms

IDENTIFIER = "abcd1234-x1"


@pytest.fixture
def gateway() -> Stage:
    """With a sale in flight: an exit never goes stale."""
    stage = Stage(Gateway, "gateway").tell(session()).tell(terms())
    return stage.tell(OrderApproved(a_sale()), "risk")


def answered(gateway: Stage, outcome: str, error: str = "") -> float:
    """The submission ends like this; gives the real seconds until the look-up that follows."""
    gateway.tell(SubmitAnswered(IDENTIFIER, outcome, error), "venue")
    return gateway.timers[-1][0] / US_PER_S


def missed(gateway: Stage) -> Stage:
    """Look up and find nothing."""
    gateway.ring()
    assert gateway.to("venue", LookUpOrder)
    return gateway.tell(LookUpAnswered(IDENTIFIER, "absent"), "venue")


@pytest.mark.parametrize("outcome", ["refused", "unsent"])
def test_what_becomes_of_a_resend_proves_nothing_of_the_submission_before_it(gateway, outcome):
    answered(gateway, "unknown")
    assert missed(gateway).to("venue", SubmitOrder)
    answered(gateway, outcome, "insufficient_funds_ask")
    assert gateway.to("portfolio", OrderFinished) == []
    assert gateway.state.orders["x1"].stage == "unknown"
    gateway.ring()
    assert gateway.to("venue", LookUpOrder)


def test_a_resend_that_is_refused_is_the_last_and_the_first_is_looked_for_until_it_is_surely_absent(gateway):
    answered(gateway, "limited")
    assert missed(gateway).to("venue", SubmitOrder)
    answered(gateway, "refused", "market_offline")
    for _ in range(MISSES_MIN):
        assert gateway.to("portfolio", OrderFinished) == []
        assert missed(gateway).to("venue", SubmitOrder) == []
    assert gateway.to("portfolio", OrderFinished)[0].stage == "absent"


def test_a_sale_the_exchange_has_no_room_for_is_sent_again_ever_later(gateway):
    waits = []
    for _ in LADDER_S:
        waits.append(answered(gateway, "limited"))
        assert missed(gateway).to("venue", SubmitOrder)
    assert tuple(waits) == LADDER_S
