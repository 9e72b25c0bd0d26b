"""The end of our API key: told in time, once each; an ended or refused key halts new orders. Over real HTTP."""

import datetime as dt
import json
import queue

import pytest

from actors.keywatch import RETRY_S, KeyWatch
from actors.upbit.rest import UpbitRest
from actors.upbit.sign import Keys, Secret
from domain.errors import ConfigError
from domain.market import DAY, HOUR, US_PER_S
from domain.messages import HaltTrading, IncidentRaised
from tests.actors.edge import Ear
from tests.actors.upbit.conftest import ACCESS, SECRET, Answer, Exchange
from tests.actors.upbit.hand import HandClock, limiter_of
from tests.actors.upbit.rows import error

ENDS = 1_798_000_000 * US_PER_S  # 2026-12-23 13:26:40 KST


@pytest.fixture
def exchange():
    server = Exchange()
    yield server
    server.close()


def key(ends_at: int = ENDS, access: str = ACCESS) -> Answer:
    at = dt.datetime.fromtimestamp(ends_at // US_PER_S, dt.timezone(dt.timedelta(hours=9)))
    return Answer(200, json.dumps([{"access_key": access, "expire_at": at.isoformat()}]))


class Rig:
    """A key watch whose every wait a test sees, and ends when it wants the next look."""

    def __init__(self, exchange: Exchange, left: int) -> None:
        self.clock = HandClock(speed=10.0)
        self.clock.time = ENDS - left
        self.ear, self.waits, self.go = Ear(), queue.Queue(), queue.Queue()
        keys = Keys(ACCESS, Secret(SECRET))
        limiter = limiter_of(self.clock)
        self.rest = UpbitRest(exchange.url, keys, self.clock, limiter=limiter, pause=lambda _: None)
        now, real_seconds = self.clock.now, self.clock.real_seconds
        self.watch = KeyWatch(
            self.ear, "keywatch", client=self.rest, now=now, real_seconds=real_seconds, wait=self._wait
        )

    def _wait(self, seconds: float) -> None:
        self.waits.put(seconds)
        self.go.get(timeout=10)

    def start(self) -> list:
        self.watch.on_begin()
        self.wait_s = self.waits.get(timeout=10)
        return self.ear.all()

    def look_again(self, later: int = 0) -> list:
        """Look again: after the wait it asked for, or sooner or later."""
        self.clock.time += later or round(self.wait_s * self.clock.speed * US_PER_S)
        self.go.put(None)
        self.wait_s = self.waits.get(timeout=10)
        return self.ear.all()

    def end(self) -> None:
        self.watch._ending.set()
        self.go.put(None)
        self.watch.on_end()
        self.rest.close()


@pytest.fixture
def rig(exchange):
    made = []

    def make(left: int) -> Rig:
        made.append(Rig(exchange, left))
        return made[-1]

    yield make
    for one in made:
        one.end()


def kinds(heard: list) -> list[str]:
    return [message.kind if isinstance(message, IncidentRaised) else type(message).__name__ for _, message in heard]


def test_a_key_is_warned_of_at_thirty_seven_and_one_days_and_halts_when_it_ends(exchange, rig):
    exchange.says(key())
    one = rig(left=40 * DAY)
    assert one.start() == []
    told: list[tuple[int, str]] = []
    looks = 0
    while not told or told[-1][1] != "HaltTrading":
        told += [(round((ENDS - one.clock.time) / DAY), kind) for kind in kinds(one.look_again())]
        looks += 1
    assert told == [(30, "key_expiry"), (7, "key_expiry"), (1, "key_expiry"), (0, "key_refused"), (0, "HaltTrading")]
    assert 40 <= looks <= 45  # once a day, and when something is due


def test_a_start_within_the_last_days_warns_at_once_and_in_words(exchange, rig):
    exchange.says(key())
    ((topic, told),) = rig(left=6 * DAY + 12 * HOUR).start()
    assert (topic, told.kind, told.subject) == ("incidents", "key_expiry", "keywatch")
    assert "2026-12-23 13:26 KST" in told.text
    assert "6.5 days" in told.text


def test_an_ended_key_halts_at_once_and_again_after_a_person_resumed_without_a_new_one(exchange, rig):
    exchange.says(key())
    one = rig(left=-HOUR)
    (incident, halt) = one.start()
    assert incident[1].kind == "key_refused"
    assert (halt[0], type(halt[1])) == ("risk", HaltTrading)
    assert halt[1].by == "keywatch"
    assert kinds(one.look_again()) == ["HaltTrading"]


@pytest.mark.parametrize(
    "name", ["expired_access_key", "invalid_access_key", "no_authorization_ip", "jwt_verification"]
)
def test_a_key_that_is_not_accepted_halts_with_what_to_do(exchange, rig, name):
    exchange.says(error(401, name))
    one = rig(left=40 * DAY)
    incident, halt = one.start()
    assert name in incident[1].text
    assert halt == ("risk", HaltTrading(incident[1].text, "keywatch"))
    assert one.wait_s == RETRY_S
    exchange.says(key())
    assert one.look_again() == []
    exchange.says(error(401, name))
    assert kinds(one.look_again()) == ["key_refused", "HaltTrading"]


def test_an_exchange_that_cannot_be_asked_is_told_once_and_asked_again_soon(exchange, rig):
    exchange.says(Answer(503, "maintenance"))
    one = rig(left=40 * DAY)
    assert kinds(one.start()) == ["key_expiry_unread"]
    assert one.wait_s == RETRY_S
    assert one.look_again() == []
    exchange.says(key())
    assert one.look_again(HOUR) == []
    exchange.says(Answer(503, "maintenance"))
    assert kinds(one.look_again()) == ["key_expiry_unread"]


def test_a_key_the_exchange_does_not_list_is_said_to_be_unknown(exchange, rig):
    exchange.says(key(access="another"))
    one = rig(left=40 * DAY)
    assert kinds(one.start()) == ["key_unlisted"]
    assert one.look_again() == []


def test_a_new_key_is_warned_of_anew(exchange, rig):
    exchange.says(key())
    one = rig(left=5 * DAY)
    assert kinds(one.start()) == ["key_expiry"]
    exchange.says(key(ENDS + 5 * DAY))
    assert kinds(one.look_again(4 * DAY)) == ["key_expiry"]


def test_a_bug_in_a_look_is_told_and_the_next_look_works():
    class Broken:
        answers = iter([ZeroDivisionError("a bug"), ConfigError("a bug too"), None])

        def key_expires_at(self) -> None:
            answer = next(self.answers)
            if answer is not None:
                raise answer

    ear, waits, go = Ear(), queue.Queue(), queue.Queue()
    clock = HandClock()
    watch = KeyWatch(
        ear,
        "keywatch",
        client=Broken(),
        now=clock.now,
        real_seconds=clock.real_seconds,
        wait=lambda seconds: (waits.put(seconds), go.get(timeout=10)),
    )
    watch.on_begin()
    for _ in range(2):
        assert waits.get(timeout=10) == RETRY_S
        go.put(None)
    assert waits.get(timeout=10) == clock.real_seconds(DAY)
    assert kinds(ear.all()) == ["key_expiry_unread", "key_unlisted"]
    watch._ending.set()
    go.put(None)
    watch.on_end()


def test_a_start_that_failed_before_its_turn_can_end_it(exchange):
    one = Rig(exchange, left=DAY)
    one.end()
    assert exchange.requests == []
