"""When minutes end and decisions are due, also across restarts and at speed."""

import pytest

from actors.clock import DECIDE_AFTER, GRACE, Clock, DecideDue, MinuteDue
from actors.runtime import Recovered, Restarted
from domain.market import BASE_FRAME, MINUTE, US_PER_S
from domain.messages import DecisionDue, IntervalDue
from tests.actors.stage import T0, Stage, session


@pytest.fixture
def clock() -> Stage:
    """A session that opened half a minute after a base close."""
    stage = Stage(Clock, "clock")
    stage.now += 30 * US_PER_S
    return stage.tell(session())


def armed(clock: Stage, kind: type) -> list[int]:
    """When timers of this kind that the last turn armed will ring."""
    return [clock.now + delay for delay, one in clock.timers if isinstance(one, kind)]


def test_two_seconds_after_each_minute_the_interval_is_due(clock):
    for minute in (1, 2, 3):
        clock.ring()
        assert clock.now == T0 + minute * MINUTE + GRACE
        assert clock.to("feed", IntervalDue) == [IntervalDue(T0 + minute * MINUTE)]


def test_three_seconds_after_a_base_close_the_decision_is_due(clock):
    for _ in range(4):
        clock.ring()
        assert armed(clock, DecideDue) == []
    clock.ring()
    assert armed(clock, DecideDue) == [T0 + BASE_FRAME + DECIDE_AFTER]
    clock.tell(DecideDue(T0 + BASE_FRAME))
    assert clock.to("portfolio", DecisionDue) == [DecisionDue(T0 + BASE_FRAME)]


def test_a_fast_clock_leaves_the_transport_its_real_time():
    clock = Stage(Clock, "clock")
    clock.now += 30 * US_PER_S
    clock.tell(session(speed=600.0))
    for _ in range(5):
        clock.ring()
    (ring,) = armed(clock, DecideDue)
    assert ring - clock.now == 150 * US_PER_S  # a quarter of a real second


def test_a_clock_that_was_held_up_tells_every_minute_it_missed_at_once(clock):
    clock.now += 5 * MINUTE
    ends = []
    for _ in range(5):
        clock.tell(clock.timers[-1][1], "timer")
        ends += [one.end for one in clock.to("feed", IntervalDue)]
    assert ends == [T0 + minute * MINUTE for minute in range(1, 6)]
    assert armed(clock, DecideDue) == [clock.now]


@pytest.mark.parametrize("back", [Recovered(2), Restarted()])
def test_a_new_chain_of_timers_makes_the_old_one_stale(clock, back):
    old = clock.timers[-1][1]
    clock.tell(back)
    assert isinstance(old, MinuteDue)
    assert armed(clock, MinuteDue) == [T0 + MINUTE + GRACE]
    clock.tell(old, "timer")
    assert clock.sent == clock.timers == []


def test_a_restart_within_the_grace_of_a_minute_does_not_lose_that_minute(clock):
    clock.now = T0 + MINUTE + GRACE - 1
    clock.tell(Restarted())
    assert armed(clock, MinuteDue) == [T0 + MINUTE + GRACE]
    clock.now += 1
    clock.tell(Restarted())
    assert armed(clock, MinuteDue) == [T0 + 2 * MINUTE + GRACE]


def test_before_the_session_opens_nothing_is_armed():
    clock = Stage(Clock, "clock").tell(Recovered(1))
    assert clock.timers == clock.sent == []
