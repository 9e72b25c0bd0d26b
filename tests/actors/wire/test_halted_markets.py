"""upbit-api.md 12.3: what the engine does about a tick that changes, a warning, a caution, and a market that ends."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from msgspec.structs import replace

from domain.market import DAY, KST_OFFSET, US_PER_S
from domain.messages import (
    DecisionsMade,
    ExitTriggered,
    IncidentRaised,
    ListingsWanted,
    MarketEvaluated,
    OrderChanged,
    PositionChanged,
    PositionClosed,
)
from tests.actors.trade import evaluation
from tests.actors.wire.conftest import XRP, identifier, posts, stages


def incident(kind):
    return lambda message: isinstance(message, IncidentRaised) and (message.kind, message.subject) == (kind, XRP)


def closed(message):
    return isinstance(message, PositionClosed)


def look(one):
    one.host.tell("listings", ListingsWanted("the test asks"))


def told_of(one, kind):
    """The text of the next incident of this kind about the market."""
    return one.until(incident(kind))[-1].text


def decide(one):
    """All that is told up to the market's next decision."""
    at = one.clock.now()
    made = MarketEvaluated(replace(evaluation(XRP).evaluation, at=at, close=D(3_000)))
    one.host.tell("portfolio", made, f"market:{XRP}")
    return one.until(lambda message: isinstance(message, DecisionsMade) and message.at == at)


def objection(told):
    """Why the market may not be entered, as that decision says; None when nothing is against it."""
    return {gate.code: gate.numbers for gate in told[-1].decisions[0].gates}.get("MARKET_HALT")


def exits(told):
    """Why anything was to be sold."""
    return [one.reason for one in told if isinstance(one, PositionChanged) and one.state == "EXITING"]


def price(one):
    return D(str(one.rest.orderbook([XRP])[XRP].asks[0].price))


def in_days(one, days):
    """The exchange's date (KST) so many days from now."""
    now = one.client.status()["now"] + KST_OFFSET + days * DAY
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=now // US_PER_S)).date().isoformat()


@pytest.fixture
def holder(trader):
    """A trader with a position, in a market nothing is said against."""

    def make():
        one = trader()
        one.finish(one.buy("held"))
        assert objection(decide(one)) is None
        return one

    return make


def test_a_refused_step_bars_its_market_with_both_numbers_and_what_is_held_there_is_sold(holder):
    one = holder()
    step = one.rest.instruments([XRP])[0].tick
    ask = price(one)
    ask += step if ask % (5 * step) == 0 else 0
    changed = one.client.arm("tick_change", market=XRP, factor=5)
    intent = one.buy("stale", price=ask, volume=D(20))
    one.approve(intent)
    told = one.until(incident("market_halt"))
    reason = told[-1].text
    assert f"in steps of {5 * step}, the rule book in {step}" in reason
    if "refused" not in stages(told, intent):
        told += one.until(lambda message: isinstance(message, OrderChanged) and message.stage == "refused")
    assert [message.detail for message in told if isinstance(message, OrderChanged)][-1] == "invalid_price_bid"
    assert f"in steps of {5 * step}" in objection(decide(one))
    one.host.tell("portfolio", ExitTriggered(XRP, "STOP", ask, one.clock.now()), "guard")
    assert one.until(closed)[-1].reason == "STOP"
    assert [call["status"] for call in posts(one.client)] == [201, 400, 201]  # bought, refused once, sold
    assert identifier(intent) not in {order["identifier"] for order in one.client.books()["orders"]}
    one.client.disarm(changed)
    look(one)
    assert "the rule book's again" in told_of(one, "market_free")
    assert objection(decide(one)) is None
    one.green()


def test_a_delisting_bars_its_market_and_sells_what_is_held_there_before_its_date(holder):
    one = holder()
    far = one.client.arm("delisting", market=XRP, date=(date := in_days(one, 30)))
    look(one)
    assert f"delists it on {date}" in told_of(one, "market_halt")
    told = decide(one)
    assert f"delists it on {date}" in objection(told)
    assert exits(told) == []  # there is time
    one.client.disarm(far)
    one.client.arm("delisting", market=XRP, date=in_days(one, 2))
    look(one)
    assert one.until(closed)[-1].reason == "DELISTING"
    one.green()


def test_a_warning_bars_its_market_and_sells_what_is_held_there_at_once(holder):
    one = holder()
    warned = one.client.arm("warning", market=XRP)
    look(one)
    told = one.until(closed)
    assert any(incident("market_halt")(message) and "warns of it" in message.text for message in told)
    assert told[-1].reason == "DELISTING"
    assert "warns of it" in objection(decide(one))
    one.client.disarm(warned)
    look(one)
    assert "warns of it" in told_of(one, "market_free")
    assert objection(decide(one)) is None


def test_a_caution_bars_its_market_and_leaves_what_is_held_there_to_its_guard(holder):
    one = holder()
    one.client.arm("caution", market=XRP, flag="PRICE_FLUCTUATIONS")
    look(one)
    assert "PRICE_FLUCTUATIONS" in told_of(one, "market_halt")
    told = decide(one)
    assert "PRICE_FLUCTUATIONS" in objection(told)
    assert exits(told) == []


def test_what_is_held_in_a_market_that_is_gone_needs_a_person_and_is_told(holder):
    one = holder()
    one.client.arm("delisted", market=XRP)
    look(one)
    missing = {"market_halt", "delisted_held"}  # two actors tell them: either may be first

    def last(message):
        missing.difference_update([code for code in missing if incident(code)(message)])
        return not missing

    told = one.until(last)
    (halted,) = [message for message in told if incident("market_halt")(message)]
    (held,) = [message for message in told if incident("delisted_held")(message)]
    assert "does not list it" in halted.text
    assert "a person must" in held.text
    assert exits(told + decide(one)) == []
    one.green()


def test_a_sale_refused_while_its_market_is_offline_is_tried_until_it_reopens(holder):
    one = holder()
    offline = one.client.arm("market_offline", market=XRP)
    one.host.tell("portfolio", ExitTriggered(XRP, "STOP", price(one), one.clock.now()), "guard")
    assert "market_offline" in told_of(one, "exit_retry")
    one.client.disarm(offline)
    assert one.until(closed)[-1].reason == "STOP"
    statuses = [call["status"] for call in posts(one.client)]
    assert (statuses[:2], statuses[-1], set(statuses[1:-1])) == ([201, 403], 201, {403})
    one.green()
