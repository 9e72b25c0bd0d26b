from decimal import Decimal as D

import pytest

from actors.reconciler import CONFIRMATIONS, Reconciler
from domain.messages import (
    AccountFailed,
    AccountLoaded,
    AccountWanted,
    BooksWanted,
    LedgerCorrected,
    LedgerTold,
    OrderAdopted,
    OrdersTold,
    ReconcileFinished,
    StreamChanged,
)
from domain.orders import Balance, ExchangeState
from tests.actors.stage import Stage, a_report, session

KRW = Balance("KRW", D(9_000_000), D(1_000_000))


@pytest.fixture
def reconciler() -> Stage:
    stage = Stage(Reconciler, "reconciler")
    stage.now += 3_600 * 1_000_000
    return stage.tell(session())


def compare(stage: Stage, theirs=(KRW,), ours=(("KRW", D(10_000_000)),), **more) -> Stage:
    """One comparison, from the exchange's answer to the portfolio's."""
    request = stage.state.request
    stage.tell(AccountLoaded(request, theirs, more.get("orders", ()), stage.now), "venue")
    assert stage.to("gateway", BooksWanted)
    stage.tell(OrdersTold(request, more.get("waiting", ()), more.get("changed_at", 0)), "gateway")
    assert stage.to("portfolio", BooksWanted)
    return stage.tell(LedgerTold(request, ours, more.get("opened", True)), "portfolio")


def test_it_asks_the_exchange_as_soon_as_the_session_opens(reconciler):
    assert len(reconciler.to("venue", AccountWanted)) == 1


def test_equal_books_are_green(reconciler):
    compare(reconciler)
    assert reconciler.on("reconciled", ReconcileFinished)[0].green


def test_free_and_locked_count_together_and_a_missing_currency_holds_nothing(reconciler):
    compare(reconciler, (KRW, Balance("BTC", D(0), D(0))))
    assert reconciler.on("reconciled", ReconcileFinished)[0].green


def test_the_first_look_at_an_account_makes_its_balances_the_capital(reconciler):
    compare(reconciler, (KRW, Balance("BTC", D("0.5"), D(0), D(100))), (), opened=False)
    told = {one.currency: one for one in reconciler.on("corrections", LedgerCorrected)}
    assert {name: one.amount for name, one in told.items()} == {"KRW": D(10_000_000), "BTC": D("0.5")}
    assert all(one.opening for one in told.values())
    assert reconciler.on("reconciled", ReconcileFinished) == []


def test_a_coin_bought_in_another_market_opens_at_what_it_cost_in_won_and_an_unknown_cost_is_told(reconciler):
    coins = (
        Balance("BTC", D(1), D(0), D(100)),
        Balance("ETH", D(2), D(0), D("0.5"), "BTC"),
        Balance("XRP", D(3), D(0), D("0.5"), "USDT"),
    )
    compare(reconciler, (KRW, *coins), (), opened=False)
    told = {one.currency: one for one in reconciler.on("corrections", LedgerCorrected)}
    assert {name: one.average_price for name, one in told.items()} == {
        "KRW": D(0),
        "BTC": D(100),
        "ETH": D(50),
        "XRP": D(0),
    }
    assert {name for name, one in told.items() if "not known" in one.reason} == {"XRP"}


def test_an_empty_account_opens_too(reconciler):
    compare(reconciler, (), (), opened=False)
    (told,) = reconciler.on("corrections", LedgerCorrected)
    assert (told.currency, told.amount, told.opening) == ("KRW", D(0), True)


def test_a_difference_is_believed_only_after_equal_observations(reconciler):
    ours = (("KRW", D(9_000_000)),)
    for _ in range(CONFIRMATIONS - 1):
        compare(reconciler, ours=ours)
        assert reconciler.on("corrections", LedgerCorrected) == []
        reconciler.ring()
    compare(reconciler, ours=ours)
    (told,) = reconciler.on("corrections", LedgerCorrected)
    assert (told.currency, told.amount, told.opening) == ("KRW", D(1_000_000), False)
    assert not reconciler.on("reconciled", ReconcileFinished)[0].green


def test_a_difference_that_changes_starts_the_count_again(reconciler):
    for step in range(CONFIRMATIONS + 2):
        compare(reconciler, ours=(("KRW", D(9_000_000 + step)),))
        assert reconciler.on("corrections", LedgerCorrected) == []
        reconciler.ring()


def test_a_difference_that_goes_away_is_nothing(reconciler):
    compare(reconciler, ours=(("KRW", D(1)),)).ring()
    compare(reconciler)
    assert reconciler.on("reconciled", ReconcileFinished)[0].green


@pytest.mark.parametrize(
    "busy",
    [{"waiting": ("abcd1234-e1",)}, {"orders": (a_report(state=ExchangeState.WAIT),)}, {"changed_at": 1}],
    ids=["an order of ours is open", "the exchange has an open order", "an order ended just now"],
)
def test_nothing_is_compared_while_orders_move(reconciler, busy):
    if "changed_at" in busy:
        busy = {"changed_at": reconciler.now - 1_000_000}
    for _ in range(CONFIRMATIONS + 1):
        compare(reconciler, ours=(("KRW", D(1)),), **busy)
        assert reconciler.published == []
        assert reconciler.on("corrections", LedgerCorrected) == []
        busy = {"changed_at": reconciler.now} if "changed_at" in busy else busy
        reconciler.ring()
        assert reconciler.to("venue", AccountWanted)


def test_an_open_order_with_our_prefix_that_the_gateway_does_not_know_is_adopted(reconciler):
    compare(reconciler, orders=(a_report(state=ExchangeState.WAIT),))
    assert reconciler.to("gateway", OrderAdopted)
    reconciler.ring()
    compare(reconciler, orders=(a_report(state=ExchangeState.WAIT),), waiting=("abcd1234-e1",))
    assert reconciler.to("gateway", OrderAdopted) == []


def test_answers_to_an_older_question_are_ignored(reconciler):
    old = reconciler.state.request
    reconciler.ring()
    reconciler.tell(AccountLoaded(old, (KRW,), (), reconciler.now), "venue")
    assert reconciler.sent == []


def test_a_lost_private_stream_is_red_at_once_and_its_return_asks_again(reconciler):
    compare(reconciler)
    reconciler.tell(StreamChanged("private", False, "gone", reconciler.now), "userstream")
    assert not reconciler.on("reconciled", ReconcileFinished)[0].green
    reconciler.tell(StreamChanged("private", True, "back", reconciler.now), "userstream")
    assert reconciler.to("venue", AccountWanted)


def test_the_public_stream_does_not_matter(reconciler):
    compare(reconciler)
    reconciler.tell(StreamChanged("public", False, "gone", reconciler.now), "feed")
    assert reconciler.sent == reconciler.published == []


def test_an_exchange_that_cannot_be_asked_is_red_and_asked_again(reconciler):
    reconciler.tell(AccountFailed(reconciler.state.request, "HTTP 502"), "venue")
    assert "HTTP 502" in reconciler.on("reconciled", ReconcileFinished)[0].differences[0]
    reconciler.ring()
    assert reconciler.to("venue", AccountWanted)


def test_a_question_that_is_never_answered_is_asked_again(reconciler):
    reconciler.ring()
    assert reconciler.to("venue", AccountWanted)
