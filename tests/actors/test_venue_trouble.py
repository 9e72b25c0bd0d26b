"""What the edge to the private side tells a person: trouble with the key, and an exchange that is away."""

import pytest

from actors.runtime import wall_clock
from actors.upbit.breaker import Circuit, Position
from actors.upbit.rest import UpbitRest
from actors.upbit.sign import Keys, Secret
from actors.venue import TOLD_AGAIN, Venue
from domain.errors import AuthError, AuthReason, BadTick, Forbidden
from domain.messages import (
    AccountWanted,
    CancelOrder,
    HaltTrading,
    IncidentRaised,
    ListingsWanted,
    LookUpOrder,
    SubmitAnswered,
    SubmitOrder,
)
from tests.actors.edge import Ear
from tests.actors.stage import BTC, T0
from tests.actors.test_venue import ID, NO_KEY, REQUEST, Rig
from tests.actors.upbit.conftest import Exchange
from tests.actors.upbit.rows import error

NO_SCOPE = Forbidden(403, "out_of_scope", "not allowed")


@pytest.fixture
def rig():
    made = []

    def make(*markets: str, **answers) -> Rig:
        made.append(Rig(*markets, **answers))
        return made[-1]

    yield make
    for one in made:
        one.venue.on_end()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("place", SubmitOrder(REQUEST)),
        ("order", LookUpOrder(ID)),
        ("cancel", CancelOrder(ID)),
        ("open_orders", AccountWanted(1)),
    ],
)
def test_a_key_that_is_not_accepted_halts_trading_and_is_told_with_what_to_do(rig, call, message):
    one = rig(**{call: NO_KEY})
    one.venue.run_turn("gateway", message, T0)
    one.answer()
    (topic, incident), halt = one.aside
    assert (topic, incident.kind) == ("incidents", "key_refused")
    assert AuthReason.EXPIRED.value in incident.text
    assert halt == ("risk", HaltTrading(incident.text, "venue"))


def test_terms_refused_for_the_key_halt_too(rig):
    answers = iter([NO_KEY, None])
    one = rig(BTC, chance=lambda _: next(answers))
    heard = [one.ear.next() for _ in range(4)]
    assert ("risk", HaltTrading) in [(to, type(message)) for to, message in heard]


def test_the_same_trouble_is_told_again_only_after_a_while(rig):
    one = rig(order=NO_KEY)

    def told() -> int:
        one.aside.clear()
        one.venue.run_turn("gateway", LookUpOrder(ID), T0)
        one.answer()
        return len(one.aside)

    assert [told(), told()] == [2, 0]
    one.now += TOLD_AGAIN
    assert [told(), told()] == [2, 0]
    one.client.answers["order"] = AuthError(401, "no_authorization_ip", "", AuthReason.ADDRESS)
    assert told() == 2


def test_a_missing_permission_is_told_and_halts_nothing(rig):
    one = rig(place=NO_SCOPE)
    one.venue.run_turn("gateway", SubmitOrder(REQUEST), T0)
    assert one.answer()[1].outcome == "refused"
    ((topic, incident),) = one.aside
    assert (topic, incident.kind) == ("incidents", "key_forbidden")


def test_a_nonce_seen_twice_is_no_trouble_with_the_key(rig):
    one = rig(order=AuthError(401, "nonce_used", "", AuthReason.NONCE))
    assert one.ask(LookUpOrder(ID))[1].outcome == "failed"


def test_calls_that_are_held_back_and_go_on_are_told(rig):
    one = rig()
    one.client.circuit(Circuit("exchange", Position.OPEN, "a time-out", T0 + 5))
    one.client.circuit(Circuit("exchange", Position.CLOSED, "", 0))
    heard = one.ear.all()
    away, back = [message for _, message in heard if isinstance(message, IncidentRaised)]
    assert (away.kind, back.kind) == ("exchange_away", "exchange_back")
    assert "a time-out" in away.text
    assert [to for to, message in heard if isinstance(message, ListingsWanted)] == ["listings"]  # once, at its end


def test_a_price_refused_for_its_step_makes_the_listings_look_anew(rig):
    one = rig(place=BadTick(400, "invalid_price_bid", "not a step"))
    one.venue.run_turn("gateway", SubmitOrder(REQUEST), T0)
    assert one.answer()[1] == SubmitAnswered(ID, "refused", "invalid_price_bid")
    ((to, wanted),) = one.aside
    assert (to, type(wanted)) == ("listings", ListingsWanted)
    assert REQUEST.market in wanted.reason


def test_over_a_real_line_an_expired_key_refuses_the_order_and_halts():
    exchange = Exchange()
    exchange.says(error(401, "expired_access_key", "This key has expired."))
    rest = UpbitRest(exchange.url, Keys("a", Secret("s")), wall_clock())
    ear = Ear()
    venue = Venue(ear, "venue", client=rest, now=lambda: T0, markets=())
    venue.on_begin()
    venue.run_turn("gateway", SubmitOrder(REQUEST), T0)
    heard = [ear.next() for _ in range(3)]
    venue.on_end()
    rest.close()
    exchange.close()
    assert [(to, type(message)) for to, message in heard] == [
        ("incidents", IncidentRaised),
        ("risk", HaltTrading),
        ("gateway", SubmitAnswered),
    ]
    assert (heard[2][1].outcome, heard[2][1].error) == ("refused", "expired_access_key")
