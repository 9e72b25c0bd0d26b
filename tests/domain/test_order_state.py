from decimal import Decimal as D

import pytest

from domain.order_state import FINAL, NEXT, Stage, advance, is_settled
from domain.orders import ExchangeState, OrderReport, OrderType, Side

GIVEN_UP = (Stage.REFUSED, Stage.ABSENT, Stage.EXPIRED)


def a_report(state: ExchangeState, executed: str) -> OrderReport:
    zero = D(0)
    return OrderReport(
        "o1", "i1", "KRW-TST", Side.BUY, OrderType.LIMIT, state, D(1000), D(10), D(executed), zero, zero, created_at=0
    )


@pytest.mark.parametrize(
    "path",
    [
        (Stage.INTENDED, Stage.SUBMITTING, Stage.LIVE, Stage.DONE),
        (Stage.INTENDED, Stage.SUBMITTING, Stage.UNKNOWN, Stage.LIVE, Stage.CANCELLED),
        (Stage.INTENDED, Stage.SUBMITTING, Stage.UNKNOWN, Stage.SUBMITTING, Stage.REFUSED),
        (Stage.INTENDED, Stage.SUBMITTING, Stage.UNKNOWN, Stage.ABSENT),
        (Stage.INTENDED, Stage.EXPIRED),
        (Stage.INTENDED, Stage.REFUSED),
    ],
)
def test_an_order_lives_through_these_stages(path: tuple[Stage, ...]) -> None:
    stage = path[0]
    for following in path[1:]:
        stage = advance(stage, following)
    assert stage is path[-1]
    assert stage in FINAL


@pytest.mark.parametrize("stage", GIVEN_UP)
def test_a_floating_order_that_surfaces_is_adopted(stage: Stage) -> None:
    assert advance(stage, Stage.LIVE) is Stage.LIVE


@pytest.mark.parametrize("to", Stage)
@pytest.mark.parametrize("stage", [Stage.DONE, Stage.CANCELLED])
def test_what_the_exchange_called_finished_never_moves_again(stage: Stage, to: Stage) -> None:
    with pytest.raises(ValueError, match=f"from {stage} to {to}"):
        advance(stage, to)


@pytest.mark.parametrize("stage", GIVEN_UP)
def test_what_was_given_up_is_never_sent_again(stage: Stage) -> None:
    with pytest.raises(ValueError, match="cannot go"):
        advance(stage, Stage.SUBMITTING)


@pytest.mark.parametrize("to", [Stage.LIVE, Stage.UNKNOWN, Stage.DONE])
def test_nothing_is_at_the_exchange_before_it_was_sent(to: Stage) -> None:
    with pytest.raises(ValueError, match="cannot go"):
        advance(Stage.INTENDED, to)


def test_a_live_order_is_never_in_doubt_again() -> None:
    assert NEXT[Stage.LIVE] == {Stage.DONE, Stage.CANCELLED}


def test_every_stage_has_its_row() -> None:
    assert set(NEXT) == set(Stage)


@pytest.mark.parametrize("state", [ExchangeState.DONE, ExchangeState.CANCEL])
def test_a_finished_order_is_settled_once_every_fill_is_booked(state: ExchangeState) -> None:
    assert not is_settled(a_report(state, "10"), D(4))
    assert is_settled(a_report(state, "10"), D(10))


@pytest.mark.parametrize("state", [ExchangeState.WAIT, ExchangeState.WATCH])
def test_an_order_that_may_still_trade_is_not_settled(state: ExchangeState) -> None:
    assert not is_settled(a_report(state, "10"), D(10))
