"""An order refused for its market's state: what the gateway tells warnings, and what the last gate lets pass then."""

from decimal import Decimal as D

import pytest

from actors.gateway import Gateway
from actors.risk import Risk
from domain.config import Settings
from domain.listings import Standing
from domain.messages import (
    EquityMeasured,
    ListingStates,
    MarketRefused,
    MarketServed,
    OrderApproved,
    OrderIntended,
    OrderRefused,
    ReconcileFinished,
    SettingsChanged,
    SubmitAnswered,
)
from domain.orders import ExchangeState
from tests.actors.stage import BTC, T0, Stage, a_buy, a_report, a_sale, session, terms

ETH = "KRW-ETH"


@pytest.fixture
def gateway() -> Stage:
    return Stage(Gateway, "gateway").tell(session(BTC, ETH)).tell(terms()).tell(terms(ETH))


def answered(gateway: Stage, number: int, outcome: str, error: str = "", *, market: str = BTC) -> Stage:
    """One order is sent and answered."""
    gateway.tell(OrderApproved(a_buy(f"e{number}", market=market)), "risk")
    identifier = f"abcd1234-e{number}"
    report = a_report(state=ExchangeState.WAIT, identifier=identifier) if outcome == "accepted" else None
    return gateway.tell(SubmitAnswered(identifier, outcome, error, report), "venue")


@pytest.mark.parametrize("name", ["market_offline", "notfoundmarket", "market_does_not_exist"])
def test_a_refusal_that_is_about_the_market_is_told_each_time(gateway, name):
    for number in (1, 2):
        answered(gateway, number, "refused", name)
        assert gateway.to("warnings", object) == [MarketRefused(BTC, name)]


@pytest.mark.parametrize(
    ("outcome", "error"),
    [("refused", "insufficient_funds_bid"), ("unknown", "market_offline"), ("unsent", "market_offline")],
)
def test_other_answers_say_nothing_of_the_market(gateway, outcome, error):
    assert answered(gateway, 1, outcome, error).to("warnings", object) == []


def test_the_first_order_taken_after_a_refusal_is_told_once_and_only_of_its_own_market(gateway):
    assert answered(gateway, 1, "accepted").to("warnings", object) == []
    answered(gateway, 2, "refused", "market_offline")
    assert answered(gateway, 3, "accepted", market=ETH).to("warnings", object) == []
    assert answered(gateway, 4, "accepted").to("warnings", object) == [MarketServed(BTC)]
    assert answered(gateway, 5, "accepted").to("warnings", object) == []


# --- the last gate


@pytest.fixture
def risk() -> Stage:
    zero = D(0)
    account = EquityMeasured(T0, D(10_000_000), D(10_000_000), zero, D(10_000_000), zero, zero, zero, True)
    stage = Stage(Risk, "risk").tell(session()).tell(SettingsChanged(Settings(), "test", ""))
    return stage.tell(ReconcileFinished(T0, True, ())).tell(account)


def states(*, enter: bool = False) -> ListingStates:
    return ListingStates((Standing(BTC, "CAUTION", T0, None, enter, None, None, False, "its caution"),), True, T0)


def test_a_buy_in_a_market_that_may_not_be_entered_is_refused_and_a_sale_never(risk):
    risk.tell(states(), "warnings").tell(OrderIntended(a_buy()), "portfolio")
    assert [(one.code, one.numbers) for one in risk.to("portfolio", OrderRefused)] == [("MARKET_HALT", "its caution")]
    risk.tell(OrderIntended(a_sale()), "portfolio")
    assert risk.to("gateway", OrderApproved)


@pytest.mark.parametrize("told", [states(enter=True), ListingStates((), True, T0)])
def test_a_buy_passes_where_the_state_allows_it_or_is_normal_again(risk, told):
    risk.tell(states(), "warnings").tell(told, "warnings").tell(OrderIntended(a_buy()), "portfolio")
    assert risk.to("gateway", OrderApproved)
