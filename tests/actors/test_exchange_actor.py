"""The in-process exchange: it answers as the venue's edge does, and money only changes its form."""

from decimal import Decimal as D

import pytest

from actors.exchange import CAPITAL, CLOSED_KEPT, Exchange
from actors.runtime import Recovered
from domain.market import Book, Level, Trade
from domain.messages import (
    AccountLoaded,
    AccountWanted,
    BookSeen,
    CancelAnswered,
    CancelOrder,
    LookUpAnswered,
    LookUpOrder,
    MarketsWatched,
    OrderSeen,
    StreamChanged,
    SubmitAnswered,
    SubmitOrder,
    TermsLoaded,
    TradesPrinted,
)
from domain.orders import ExchangeState, OrderRequest, OrderType, Side, TimeInForce
from tests.actors.stage import BTC, T0, Stage, session

PRICE = D(150_000_000)


@pytest.fixture
def exchange() -> Stage:
    stage = Stage(Exchange, "venue").tell(session())
    return stage.tell(BookSeen(BTC, book()), "feed")


def book(*, price: D = PRICE, size: str = "1") -> Book:
    return Book(T0, (Level(price, D(size)),), (Level(price - 100_000, D(size)),))


def buy(identifier="e1", volume="0.004", price: D = PRICE, time_in_force=TimeInForce.IOC) -> SubmitOrder:
    return SubmitOrder(
        OrderRequest(
            identifier, BTC, Side.BUY, OrderType.LIMIT, price=price, volume=D(volume), time_in_force=time_in_force
        )
    )


def sell(identifier="x1", volume="0.004") -> SubmitOrder:
    return SubmitOrder(OrderRequest(identifier, BTC, Side.SELL, OrderType.MARKET, volume=D(volume)))


def rest(identifier="e1") -> SubmitOrder:
    return buy(identifier, price=PRICE - 100_000, time_in_force=TimeInForce.GTC)


def totals(exchange: Stage) -> dict[str, D]:
    exchange.tell(AccountWanted(1), "reconciler")
    (account,) = exchange.to("reconciler", AccountLoaded)
    return {one.currency: one.free + one.locked for one in account.balances}


def seen(exchange: Stage) -> list[tuple[str, D]]:
    return [(one.report.state, one.report.executed_volume) for one in exchange.to("gateway", OrderSeen)]


def test_a_session_begins_with_terms_a_private_stream_and_play_money(exchange):
    exchange.tell(session(BTC, "KRW-ETH"))
    assert [one.terms.market for one in exchange.on("terms", TermsLoaded)] == [BTC, "KRW-ETH"]
    assert exchange.on("streams", StreamChanged)[0].connected
    assert totals(exchange) == {"KRW": CAPITAL}


def test_a_buy_is_accepted_filled_from_the_book_and_paid(exchange):
    exchange.tell(buy(), "gateway")
    (answer,) = exchange.to("gateway", SubmitAnswered)
    assert (answer.outcome, answer.report.state) == ("accepted", ExchangeState.WAIT)
    assert seen(exchange) == [("wait", D("0.004")), ("done", D("0.004"))]
    assert totals(exchange) == {"KRW": CAPITAL - 600_000 * D("1.0005"), "BTC": D("0.004")}


def test_what_the_book_does_not_have_is_dropped(exchange):
    exchange.tell(BookSeen(BTC, book(size="0.001")), "feed").tell(buy(), "gateway")
    assert seen(exchange)[-1] == ("cancel", D("0.001"))
    assert totals(exchange)["BTC"] == D("0.001")


def test_two_orders_cannot_eat_the_same_size(exchange):
    exchange.tell(BookSeen(BTC, book(size="0.005")), "feed").tell(buy(), "gateway").tell(buy("e2"), "gateway")
    assert seen(exchange)[-1] == ("cancel", D("0.001"))


def test_a_round_trip_costs_the_spread_and_both_fees(exchange):
    exchange.tell(buy(), "gateway").tell(sell(), "gateway")
    paid, got = PRICE * D("0.004") * D("1.0005"), (PRICE - 100_000) * D("0.004") * D("0.9995")
    assert totals(exchange) == {"KRW": CAPITAL - paid + got}


@pytest.mark.parametrize(
    ("order", "name"),
    [(sell(), "insufficient_funds_ask"), (buy(volume="1"), "insufficient_funds_bid"), (buy(volume="0.00001"), "under")],
    ids=["no coins", "no money", "too small"],
)
def test_what_cannot_be_is_refused_by_name_and_changes_nothing(exchange, order, name):
    exchange.tell(order, "gateway")
    (answer,) = exchange.to("gateway", SubmitAnswered)
    assert answer.outcome == "refused"
    assert answer.error.startswith(name)
    assert totals(exchange) == {"KRW": CAPITAL}


def test_an_identifier_is_used_once_even_when_it_was_refused(exchange):
    for order in (buy(), buy(), sell("x1", "1"), sell("x1")):
        exchange.tell(order, "gateway")
    assert exchange.to("gateway", SubmitAnswered)[0].error == "duplicated_identifier"
    assert totals(exchange)["BTC"] == D("0.004")


def test_a_resting_order_waits_for_a_trade_through_its_price(exchange):
    exchange.tell(rest(), "gateway")
    assert seen(exchange) == []
    through = Trade(T0, PRICE - 200_000, D(1), Side.SELL, 1)
    exchange.tell(TradesPrinted(BTC, (through,)), "feed")
    assert seen(exchange)[-1] == ("done", D("0.004"))


def test_an_open_order_shows_in_the_account_and_can_be_cancelled_once(exchange):
    exchange.tell(rest(), "gateway").tell(AccountWanted(1), "reconciler")
    (account,) = exchange.to("reconciler", AccountLoaded)
    assert [one.identifier for one in account.open_orders] == ["e1"]
    exchange.tell(CancelOrder("e1"), "gateway")
    assert exchange.to("gateway", CancelAnswered)[0].outcome == "accepted"
    assert seen(exchange) == [("cancel", 0)]
    exchange.tell(CancelOrder("e1"), "gateway")
    assert exchange.to("gateway", CancelAnswered)[0].outcome == "absent"
    assert totals(exchange) == {"KRW": CAPITAL}


def test_an_order_is_found_by_its_identifier_with_all_its_fills(exchange):
    exchange.tell(buy(), "gateway").tell(LookUpOrder("e1"), "gateway")
    (found,) = exchange.to("gateway", LookUpAnswered)
    assert (found.outcome, found.report.complete, len(found.report.fills)) == ("found", True, 1)
    exchange.tell(LookUpOrder("e2"), "gateway")
    assert exchange.to("gateway", LookUpAnswered) == [LookUpAnswered("e2", "absent")]


def test_answers_go_to_the_one_who_asked(exchange):
    exchange.tell(LookUpOrder("e1"), "somebody")
    assert exchange.to("somebody", LookUpAnswered)


def test_old_orders_are_forgotten_but_their_identifiers_never(exchange):
    for number in range(CLOSED_KEPT + 1):
        exchange.tell(rest(f"e{number}"), "gateway").tell(CancelOrder(f"e{number}"), "gateway")
    assert len(exchange.state.exchange.closed) == CLOSED_KEPT
    exchange.tell(LookUpOrder("e0"), "gateway")
    assert exchange.to("gateway", LookUpAnswered)[0].outcome == "absent"
    exchange.tell(buy("e0"), "gateway")
    assert exchange.to("gateway", SubmitAnswered)[0].error == "duplicated_identifier"


def test_ids_stay_unique_over_a_lost_counter(exchange):
    exchange.tell(buy(), "gateway")
    exchange.state.count = 0
    exchange.now += 1_000
    exchange.tell(buy("e2"), "gateway")
    reports = list(exchange.state.exchange.closed.values())
    assert len({one.order_id for one in reports} | {fill.trade_id for one in reports for fill in one.fills}) == 4


@pytest.mark.parametrize(
    "change", [Recovered(2), StreamChanged("public", False, "gone", T0)], ids=["a start", "a lost stream"]
)
def test_nothing_is_filled_at_a_book_from_before_until_the_next_one_comes(exchange, change):
    exchange.tell(buy(), "gateway").tell(change)
    exchange.tell(sell(), "gateway")
    assert exchange.to("gateway", SubmitAnswered)[0].error == "market_order_exceeds_book"
    exchange.tell(buy("e2"), "gateway")
    assert seen(exchange) == [("cancel", 0)]
    exchange.tell(BookSeen(BTC, book()), "feed").tell(sell("x2"), "gateway")
    assert seen(exchange)[-1] == ("done", D("0.004"))


def test_after_a_start_everything_is_as_it_was(exchange):
    exchange.tell(rest(), "gateway").tell(Recovered(2), "runtime").tell(session())
    assert next(iter(exchange.state.exchange.orders.values())).request.identifier == "e1"
    assert totals(exchange) == {"KRW": CAPITAL}


def test_a_market_that_is_watched_later_gets_its_terms_and_the_others_keep_theirs(exchange):
    exchange.tell(MarketsWatched((BTC, "KRW-ETH")))
    assert [one.terms.market for one in exchange.on("terms", TermsLoaded)] == ["KRW-ETH"]
