from decimal import Decimal as D

import pytest

from actors.market import Market
from actors.runtime import Recovered
from domain.market import BASE_FRAME, HOUR, MINUTE, US_PER_S, Bar, Trade
from domain.messages import (
    HistoryFailed,
    HistoryLoaded,
    HistoryWanted,
    IncidentRaised,
    IntervalEnded,
    MarketEvaluated,
    MinuteClosed,
    PriceSeen,
    StreamChanged,
    TradesPrinted,
    WatchMarket,
)
from domain.orders import Side
from tests.actors.stage import BTC, T0, Stage, session


def bars(step: int, count: int, until: int, close: int = 1_000) -> tuple[Bar, ...]:
    price = D(close)
    first = until - count * step
    return tuple(Bar(first + n * step, price, price, price, price, D(1), price) for n in range(count))


def history(since: int, until: int, minutes: tuple[Bar, ...] = ()) -> HistoryLoaded:
    base = until - until % BASE_FRAME
    return HistoryLoaded(
        BTC, since, until, minutes, bars(BASE_FRAME, 300, base), bars(HOUR, 80, T0), bars(4 * HOUR, 60, T0)
    )


class Tape:
    """Prints trades with rising numbers."""

    def __init__(self) -> None:
        self.count = 0

    def at(self, seconds: float, price: int = 1_000, volume: str = "1") -> TradesPrinted:
        self.count += 1
        trade = Trade(T0 + int(seconds * US_PER_S), D(price), D(volume), Side.BUY, self.count)
        return TradesPrinted(BTC, (trade,))


@pytest.fixture
def tape() -> Tape:
    return Tape()


@pytest.fixture
def market() -> Stage:
    return Stage(Market, f"market:{BTC}").tell(session())


@pytest.fixture
def warm(market) -> Stage:
    """Connected at T0 + 10 s, warmed up at T0 + 1 min."""
    market.tell(StreamChanged("public", True, "", T0 + 10 * US_PER_S), "feed")
    market.tell(IntervalEnded(T0 + MINUTE), "feed")
    return market.tell(history(0, T0 + MINUTE, bars(MINUTE, 1, T0 + MINUTE)), "rest")


def evaluations(stage: Stage) -> list[int]:
    return [(one.evaluation.at - T0) // MINUTE for one in stage.to("portfolio", MarketEvaluated)]


def test_history_is_asked_for_once_the_stream_has_seen_a_whole_minute_begin(market):
    market.tell(StreamChanged("public", True, "", T0 + 10 * US_PER_S), "feed")
    assert market.to("rest", HistoryWanted) == []
    market.tell(IntervalEnded(T0 + MINUTE), "feed")
    assert market.to("rest", HistoryWanted) == [HistoryWanted(BTC, 0, T0 + MINUTE)]
    market.tell(IntervalEnded(T0 + 2 * MINUTE), "feed")
    assert market.to("rest", HistoryWanted) == []


def test_history_that_does_not_come_is_asked_for_again(market):
    market.tell(StreamChanged("public", True, "", T0), "feed").tell(IntervalEnded(T0 + MINUTE), "feed")
    market.ring()
    market.tell(IntervalEnded(T0 + 2 * MINUTE), "feed")
    assert market.to("rest", HistoryWanted) == [HistoryWanted(BTC, 0, T0 + 2 * MINUTE)]


def test_history_that_failed_is_asked_for_again_later(market):
    market.tell(StreamChanged("public", True, "", T0), "feed").tell(IntervalEnded(T0 + MINUTE), "feed")
    market.tell(HistoryFailed(BTC, "HTTP 502"), "rest")
    assert market.to("rest", HistoryWanted) == []
    market.ring()
    market.tell(IntervalEnded(T0 + 2 * MINUTE), "feed")
    assert market.to("rest", HistoryWanted)


def test_impossible_history_is_reported_and_asked_for_again_and_the_market_stays_quiet(market):
    market.tell(StreamChanged("public", True, "", T0), "feed").tell(IntervalEnded(T0 + MINUTE), "feed")
    good = history(0, T0 + MINUTE)
    bad = Bar(T0 - BASE_FRAME, D(1), D(1), D(1), D(1), D(-1), D(1))
    broken = HistoryLoaded(BTC, 0, T0 + MINUTE, (), (*good.fives[:-1], bad), good.hours, good.four_hours)
    market.tell(broken, "rest")
    assert market.on("incidents", IncidentRaised)[0].kind == "bad_history"
    market.ring()
    market.tell(IntervalEnded(T0 + BASE_FRAME), "feed")
    assert evaluations(market) == []
    assert market.to("rest", HistoryWanted)


def test_a_base_close_is_evaluated_when_the_interval_ends(warm, tape):
    warm.tell(tape.at(70), "feed")
    warm.tell(IntervalEnded(T0 + 4 * MINUTE), "feed")
    assert evaluations(warm) == []
    warm.tell(IntervalEnded(T0 + BASE_FRAME), "feed")
    assert evaluations(warm) == [5]


def test_a_trade_behind_the_close_ends_the_interval_too(warm, tape):
    warm.tell(tape.at(70, 1_010), "feed").tell(tape.at(301), "feed")
    assert evaluations(warm) == [5]
    warm.tell(IntervalEnded(T0 + BASE_FRAME), "feed")
    assert evaluations(warm) == []


def test_the_base_bar_is_made_of_history_and_tape(warm, tape):
    warm.tell(tape.at(70, 1_010), "feed").tell(tape.at(200, 990, "2"), "feed")
    warm.tell(IntervalEnded(T0 + BASE_FRAME), "feed")
    last = warm.state.last
    assert (last.open, last.high, last.low, last.close, last.volume) == (1_000, 1_010, 990, 990, 4)


def test_an_interval_without_trades_is_flat_and_may_not_be_entered(warm):
    warm.tell(IntervalEnded(T0 + BASE_FRAME), "feed").tell(IntervalEnded(T0 + 2 * BASE_FRAME), "feed")
    (told,) = warm.to("portfolio", MarketEvaluated)
    assert not told.evaluation.real
    assert "SYNTHETIC" in {gate.code for gate in told.evaluation.gates}


def test_minutes_that_come_while_history_is_loading_are_not_lost(market, tape):
    market.tell(StreamChanged("public", True, "", T0), "feed").tell(IntervalEnded(T0 + MINUTE), "feed")
    market.tell(tape.at(70, 1_234), "feed").tell(tape.at(310, 1_000), "feed")
    assert evaluations(market) == []
    market.tell(history(0, T0 + MINUTE), "rest")
    assert evaluations(market) == [5]
    assert market.state.last.high == 1_234


def test_after_a_gap_nothing_is_evaluated_before_the_missing_minutes_are_there(warm, tape):
    warm.tell(tape.at(70, 1_010), "feed").tell(IntervalEnded(T0 + 2 * MINUTE), "feed")
    warm.tell(StreamChanged("public", False, "gone", T0 + 130 * US_PER_S), "feed")
    warm.tell(StreamChanged("public", True, "back", T0 + 200 * US_PER_S), "feed")
    warm.tell(IntervalEnded(T0 + BASE_FRAME), "feed")
    assert evaluations(warm) == []
    (wanted,) = warm.to("rest", HistoryWanted)
    assert (wanted.since, wanted.until) == (T0 + 2 * MINUTE, T0 + BASE_FRAME)
    missing = Bar(T0 + 2 * MINUTE, D(900), D(900), D(900), D(900), D(1), D(900))
    warm.tell(HistoryLoaded(BTC, wanted.since, wanted.until, (missing,)), "rest")
    assert evaluations(warm) == [5]
    assert (warm.state.last.high, warm.state.last.low) == (1_010, 900)


def test_half_a_minute_seen_after_a_reconnect_is_replaced_by_the_whole_one(warm, tape):
    warm.tell(StreamChanged("public", False, "gone", T0 + 70 * US_PER_S), "feed")
    warm.tell(StreamChanged("public", True, "back", T0 + 90 * US_PER_S), "feed")
    warm.tell(tape.at(100, 2_000), "feed").tell(IntervalEnded(T0 + 2 * MINUTE), "feed")
    (wanted,) = warm.to("rest", HistoryWanted)
    whole = Bar(T0 + MINUTE, D(1_000), D(2_000), D(1), D(2_000), D(5), D(5_000))
    warm.tell(HistoryLoaded(BTC, wanted.since, wanted.until, (whole,)), "rest")
    warm.tell(IntervalEnded(T0 + BASE_FRAME), "feed")
    assert warm.state.last.low == 1


def test_an_answer_from_before_the_newest_gap_does_not_fill_it(warm):
    warm.tell(StreamChanged("public", False, "", T0 + 70 * US_PER_S), "feed")
    warm.tell(StreamChanged("public", True, "", T0 + 190 * US_PER_S), "feed")
    warm.tell(HistoryLoaded(BTC, T0 + MINUTE, T0 + 2 * MINUTE, ()), "rest")
    warm.tell(IntervalEnded(T0 + BASE_FRAME), "feed")
    assert evaluations(warm) == []


def test_prices_go_to_the_guard_only_while_it_watches(warm, tape):
    warm.tell(tape.at(70), "feed")
    assert warm.to("guard", PriceSeen) == []
    warm.tell(WatchMarket(True), "guard").tell(tape.at(80, 1_050), "feed")
    assert warm.to("guard", PriceSeen) == [PriceSeen(BTC, D(1_050), D(1_050), D(1_050), T0 + 80 * US_PER_S)]
    warm.tell(IntervalEnded(T0 + 2 * MINUTE), "feed")
    (closed,) = warm.to("guard", MinuteClosed)
    assert (closed.bar.high, closed.end) == (1_050, T0 + 2 * MINUTE)
    warm.tell(WatchMarket(False), "guard").tell(tape.at(130), "feed")
    assert warm.to("guard", PriceSeen) == []


def test_after_a_start_prices_go_to_the_guard_once_it_asks_for_them_again(warm, tape):
    warm.tell(WatchMarket(True), "guard").tell(Recovered(2), "runtime").tell(tape.at(70), "feed")
    assert warm.to("guard", PriceSeen) == []
    warm.tell(WatchMarket(True), "guard").tell(tape.at(80), "feed")
    assert warm.to("guard", PriceSeen)


def test_the_state_survives_a_snapshot_in_the_middle_of_a_bar(warm, tape):
    from actors.market import MarketState  # noqa: PLC0415
    from actors.runtime.codec import decode_state, encode  # noqa: PLC0415

    warm.tell(tape.at(70, 1_010), "feed")
    warm.actor.state = decode_state(MarketState, encode(warm.state))
    warm.tell(tape.at(301), "feed")
    assert evaluations(warm) == [5]
    assert warm.state.last.high == 1_010


def test_the_answer_to_a_gap_of_an_earlier_life_is_no_warm_up(market):
    market.tell(StreamChanged("public", True, "", T0 + 10 * US_PER_S), "feed")
    market.tell(IntervalEnded(T0 + MINUTE), "feed")
    market.tell(history(T0 - MINUTE, T0 + MINUTE, bars(MINUTE, 2, T0 + MINUTE)), "rest")
    assert market.state.holding
    market.tell(history(0, T0 + MINUTE, bars(MINUTE, 1, T0 + MINUTE)), "rest")
    for minute in range(2, 6):
        market.tell(IntervalEnded(T0 + minute * MINUTE), "feed")
    assert evaluations(market) == [5]
