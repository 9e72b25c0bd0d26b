"""The circuit breaker: when it opens, who still passes, and how it closes again; by itself and in the client."""

import threading

import pytest

from actors.upbit.breaker import IN_A_ROW, OPEN_MAX_S, OPEN_S, PROBE_S, SEEN, Breaker, Circuit, Position
from actors.upbit.rest import UpbitRest
from actors.upbit.sign import Keys, Secret
from domain.errors import ExchangeUnavailable, OutcomeUnknown, RateLimited, RequestRefused, ServerError
from tests.actors.upbit.conftest import Answer
from tests.actors.upbit.hand import SECOND, HandClock, limiter_of
from tests.actors.upbit.rows import BUY, error


class Rig:
    def __init__(self) -> None:
        self.clock = HandClock(speed=2.0)
        self.told: list[Circuit] = []
        self.breaker = Breaker("exchange", self.clock, self.told.append, jitter=lambda: 0.0)

    def fail(self, count: int = IN_A_ROW) -> None:
        for _ in range(count):
            self.breaker.failed("a time-out")

    def passes(self, *, always: bool = False) -> bool:
        try:
            self.breaker.admit(always=always)
        except ExchangeUnavailable:
            return False
        return True

    def later(self, seconds: float) -> None:
        self.clock.time += round(seconds * SECOND)


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_failures_in_a_row_open_it_and_it_says_when_it_looks_again(rig):
    rig.fail(IN_A_ROW - 1)
    assert rig.passes()
    rig.fail(1)
    with pytest.raises(ExchangeUnavailable, match=r"exchange calls .* a time-out; next probe in 2\.5 s; not sent"):
        rig.breaker.admit()  # five seconds of its clock, which runs twice as fast
    assert rig.told == [Circuit("exchange", Position.OPEN, "a time-out", rig.clock.time + int(OPEN_S) * SECOND)]


def test_half_of_many_calls_failing_opens_it_too(rig):
    for _ in range(SEEN // 2 - 1):
        rig.breaker.succeeded()
        rig.fail(1)
    rig.breaker.succeeded()
    assert rig.passes()
    rig.fail(1)
    assert not rig.passes()


def test_a_success_now_and_then_keeps_it_closed(rig):
    for _ in range(SEEN):
        rig.fail(1)
        rig.breaker.succeeded()
        rig.breaker.succeeded()
    assert rig.passes()
    assert rig.told == []


def test_cancels_and_look_ups_always_pass(rig):
    rig.fail()
    assert rig.passes(always=True)
    rig.breaker.failed("again")
    assert rig.passes(always=True)


def test_one_call_looks_whether_it_works_again_and_closes_it(rig):
    rig.fail()
    rig.later(OPEN_S)
    assert [rig.passes(), rig.passes()] == [True, False]
    rig.breaker.succeeded()
    assert [rig.passes(), rig.passes()] == [True, True]
    assert [one.position for one in rig.told] == [Position.OPEN, Position.CLOSED]
    rig.fail(IN_A_ROW - 1)
    assert rig.passes()  # what was before counts no more


def test_a_probe_that_fails_makes_the_next_one_wait_longer_up_to_a_bound(rig):
    rig.fail()
    waits = []
    for _ in range(6):
        wait = (rig.breaker.snapshot().probe_at - rig.clock.time) / SECOND
        waits.append(wait)
        rig.later(wait)
        assert rig.passes()
        rig.fail(1)
    assert waits == [OPEN_S, 2 * OPEN_S, 4 * OPEN_S, 8 * OPEN_S, OPEN_MAX_S, OPEN_MAX_S]
    assert len(rig.told) == 1  # it never closed, so nothing changed for anybody


def test_a_probe_that_was_not_made_or_got_lost_does_not_keep_it_open_for_ever(rig):
    rig.fail()
    rig.later(OPEN_S)
    assert rig.passes()
    rig.breaker.spared()
    assert rig.passes()
    assert not rig.passes()
    rig.later(PROBE_S)
    assert rig.passes()


def test_failures_of_calls_that_were_on_their_way_do_not_move_the_probe(rig):
    rig.fail()
    before = rig.breaker.snapshot()
    rig.later(1)
    rig.fail(3)
    assert rig.breaker.snapshot() == before


# --- in the client


@pytest.fixture
def client(exchange):
    clock = HandClock(speed=1.0)
    keys = Keys("access", Secret("s"))
    made = UpbitRest(exchange.url, keys, clock, limiter=limiter_of(clock), pause=lambda _: None)
    yield made
    made.close()


DOWN = Answer(503, "<html>maintenance</html>")


def opened(exchange, client) -> None:
    exchange.says(DOWN)
    with pytest.raises(ServerError):
        client.accounts()
    with pytest.raises(OutcomeUnknown):
        client.place(BUY)
    exchange.requests.clear()


def test_with_the_exchange_away_orders_are_not_sent_and_questions_fail_at_once(exchange, client):
    opened(exchange, client)
    for call in (client.accounts, lambda: client.chance("KRW-BTC"), lambda: client.place(BUY), client.key_expires_at):
        with pytest.raises(ExchangeUnavailable, match=r"next probe in .* not sent"):
            call()
    assert exchange.requests == []


def test_with_the_exchange_away_cancels_and_look_ups_are_still_tried(exchange, client):
    opened(exchange, client)
    with pytest.raises(OutcomeUnknown):
        client.cancel("abcd-e1")
    for look in (lambda: client.order(identifier="abcd-e1"), client.open_orders, lambda: client.orders_by(["a"])):
        count = len(exchange.requests)
        with pytest.raises(ServerError):
            look()
        assert len(exchange.requests) > count


def test_the_first_answer_lets_everything_through_again_and_all_of_it_is_told(exchange, client):
    told: list[Circuit] = []
    client.watch(told.append)
    opened(exchange, client)
    exchange.says(error(404, "order_not_found"), Answer(200, "[]"))
    assert client.order(identifier="abcd-e1") is None
    assert client.accounts() == ()
    assert [(one.kind, one.position) for one in told] == [("exchange", Position.OPEN), ("exchange", Position.CLOSED)]
    assert "GET /v1/accounts" in told[0].reason or "POST /v1/orders" in told[0].reason


def test_the_public_side_has_a_breaker_of_its_own(exchange, client):
    opened(exchange, client)
    exchange.says(Answer(200, "[]"))
    assert client.market_all() == ()
    with pytest.raises(ExchangeUnavailable, match="held back"):
        client.accounts()


def test_a_refusal_or_a_limit_is_an_answer_and_opens_nothing(exchange, client):
    exchange.says(error(401, "out_of_scope"))
    for _ in range(2 * IN_A_ROW):
        with pytest.raises(RequestRefused):
            client.accounts()
    exchange.says(Answer(429, "Too many API requests."), Answer(200, "[]"))
    with pytest.raises(RateLimited):
        client.place(BUY)
    assert client.market_all() == ()


def test_a_probe_without_a_turn_in_its_limit_leaves_the_probe_to_the_next_call(exchange):
    clock = HandClock(speed=1.0)
    limiter = limiter_of(clock)
    client = UpbitRest(exchange.url, Keys("access", Secret("s")), clock, limiter=limiter, pause=lambda _: None)
    opened(exchange, client)
    clock.time += 2 * round(OPEN_S) * SECOND
    limiter.refused("default", blocked=False, seconds=3_600)
    with pytest.raises(RateLimited):
        client.accounts()
    with pytest.raises(OutcomeUnknown):  # it was sent
        client.place(BUY)
    client.close()


def test_a_broken_line_opens_it_as_well(exchange, client):
    exchange.says(Answer(cut=True))
    with pytest.raises(ExchangeUnavailable, match="no answer"):
        client.accounts()
    with pytest.raises(OutcomeUnknown):
        client.place(BUY)
    with pytest.raises(ExchangeUnavailable, match="held back"):
        client.place(BUY)


def test_many_threads_let_one_probe_through(rig):
    rig.fail()
    rig.later(OPEN_S)
    passed: list[bool] = []
    threads = [threading.Thread(target=lambda: passed.append(rig.passes())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert sum(passed) == 1
