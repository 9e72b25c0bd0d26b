from decimal import Decimal as D

import pytest

from actors.guard import REPEAT_S, Guard
from actors.runtime import Recovered
from domain.decisions import Levels
from domain.market import MINUTE, US_PER_S, Bar
from domain.messages import (
    ExitTriggered,
    GuardAlive,
    GuardPosition,
    LevelsMoved,
    MinuteClosed,
    PriceSeen,
    WatchMarket,
)
from tests.actors.stage import BTC, T0, Stage, session

LEVELS = Levels(stop=D(97_000), tp1=D(102_000), tp2=D(104_000), breakeven=D(100_200))


def position(volume="1", *, tp1=False, tp2=False):
    return GuardPosition(BTC, D(volume), D(100_000), LEVELS, T0, tp1, tp2)


def price(low, high=None, *, market=BTC):
    high = low if high is None else high
    return PriceSeen(market, D(high), D(low), D(high), T0 + US_PER_S)


def minute(high, *, close=None, atr="1000", number=1):
    top = D(high)
    bar = Bar(T0 + number * MINUTE, top, top, D(close or high), D(close or high), D(1), top)
    return MinuteClosed(BTC, bar.start + MINUTE, bar, D(atr) if atr else None)


@pytest.fixture
def guard() -> Stage:
    return Stage(Guard, "guard").tell(session()).tell(position(), "portfolio")


def exits(guard: Stage) -> list[str]:
    return [one.reason for one in guard.to("portfolio", ExitTriggered)]


def test_a_new_position_makes_the_market_send_prices_and_a_closed_one_ends_it(guard):
    assert guard.to("market:KRW-BTC", WatchMarket) == [WatchMarket(True)]
    guard.tell(position("0.5"))
    assert guard.to("market:KRW-BTC", WatchMarket) == []
    guard.tell(position("0"))
    assert guard.to("market:KRW-BTC", WatchMarket) == [WatchMarket(False)]
    guard.tell(price(1))
    assert exits(guard) == []


def test_a_price_at_the_stop_sells_and_one_above_does_not(guard):
    guard.tell(price(97_001))
    assert exits(guard) == []
    guard.tell(price(97_000))
    assert exits(guard) == ["STOP"]


def test_the_stop_comes_first_when_one_message_touched_both(guard):
    guard.tell(price(97_000, 102_000))
    assert exits(guard) == ["STOP"]


def test_the_first_target_then_the_second(guard):
    guard.tell(price(102_000))
    assert exits(guard) == ["TP1"]
    guard.tell(position("0.5", tp1=True)).tell(price(103_999))
    assert exits(guard) == []
    guard.tell(price(104_000))
    assert exits(guard) == ["TP2"]


def test_a_trigger_is_not_told_with_every_trade_but_again_after_a_while(guard):
    guard.tell(price(96_000))
    guard.tell(price(96_000))
    assert exits(guard) == []
    guard.tell(price(96_000), after_s=REPEAT_S)
    assert exits(guard) == ["STOP"]


def test_another_reason_is_told_at_once(guard):
    guard.tell(price(102_000))
    guard.tell(price(96_000))
    assert exits(guard) == ["STOP"]


def test_the_stop_trails_only_after_the_first_target_and_only_from_the_next_bar(guard):
    guard.tell(minute(101_900))
    assert guard.to("portfolio", LevelsMoved) == []
    guard.tell(position("0.5", tp1=True)).tell(minute(103_000, number=2))
    (moved,) = guard.to("portfolio", LevelsMoved)
    assert moved.stop == D(102_000)
    guard.tell(price(102_000))
    assert exits(guard) == ["TRAIL"]


def test_the_stop_never_falls_and_never_lies_below_break_even(guard):
    guard.tell(position("0.5", tp1=True)).tell(minute(100_500, atr="5000"))
    assert guard.to("portfolio", LevelsMoved)[0].stop == LEVELS.breakeven
    guard.tell(minute(103_000, number=2))
    guard.tell(minute(103_000, atr="3000", number=3))
    assert guard.to("portfolio", LevelsMoved) == []
    assert guard.state.watched[BTC].stop == D(102_000)


def test_after_a_process_start_the_prices_are_asked_for_again(guard):
    guard.tell(Recovered(2))
    assert guard.to("market:KRW-BTC", WatchMarket) == [WatchMarket(True)]


def test_it_shows_that_it_is_alive_with_the_last_price_of_each_market(guard):
    guard.tell(price(99_000)).tell(minute(99_500))
    (alive,) = guard.on("guard", GuardAlive)
    assert alive.watched == ((BTC, T0 + 2 * MINUTE),)


def test_a_start_tells_again_where_the_stop_of_a_runner_has_trailed_to(guard):
    guard.tell(Recovered(2), "runtime")
    assert guard.to("portfolio", LevelsMoved) == []
    guard.tell(position("0.5", tp1=True)).tell(minute(103_000))
    (moved,) = guard.to("portfolio", LevelsMoved)
    guard.tell(Recovered(3), "runtime")
    assert guard.to("portfolio", LevelsMoved) == [moved]
