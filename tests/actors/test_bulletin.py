"""What a person is shown of the markets' states: tape lines with the notice, and a lamp that says what it misses."""

import pytest

from actors.board import Board
from domain.listings import Notice, Standing
from domain.messages import AnnouncementSeen, ListingChanged, ListingStates, StreamChanged
from domain.readmodel import Session
from tests.actors.stage import BTC, T0

NOTICE = Notice("notice", "거래지원 종료 안내", T0, "https://upbit.com/1", "1")


def board() -> Board:
    return Board(Session("paper", "sandbox", 1.0, T0, (BTC,), "1"), ())


def lamp(told: ListingStates, *, keyed: bool = True) -> tuple[str, str]:
    one = board()
    if keyed:
        one.apply(StreamChanged("private", told.announced, "", T0))
    assert one.apply(told) == {"lamps"}
    shown = {each.name: each for each in one.snapshot().lamps}["listings"]
    return shown.state, shown.text


def states(count: int = 0, *, announced: bool = True) -> ListingStates:
    made = tuple(Standing(f"KRW-{n}", "WARNING", T0, None, False, None, 0, False, "why") for n in range(count))
    return ListingStates(made, announced, T0)


@pytest.mark.parametrize(
    ("before", "after", "level"),
    [("NORMAL", "CAUTION", "warn"), ("TERMINATING", "TERMINATING", "warn"), ("WARNING", "NORMAL", "info")],
)
def test_a_transition_is_a_line_with_the_notice_that_caused_it(before, after, level):
    one = board()
    assert one.apply(ListingChanged(BTC, before, after, None, NOTICE, T0)) == {"tape"}
    (line,) = one.snapshot().tape
    assert (line.level, line.code) == (level, f"listing.{after.lower()}")
    assert line.text == f"{BTC} {before} -> {after}, by notice: 거래지원 종료 안내 (https://upbit.com/1)"


def test_an_announcement_is_a_line_to_read():
    one = board()
    one.apply(AnnouncementSeen("CREATED", "1", "거래지원 종료 안내", "trade", "https://upbit.com/1", 0, "", T0))
    assert one.snapshot().tape[0].text == "[trade] 거래지원 종료 안내 https://upbit.com/1"


def test_the_lamp_names_the_markets_that_are_not_normal():
    assert lamp(states()) == ("ok", "every market is normal")
    assert lamp(states(2)) == ("warn", "KRW-0 WARNING, KRW-1 WARNING")
    assert lamp(states(7))[1].endswith("KRW-4 WARNING and 2 more")


def test_the_lamp_says_that_no_announcements_come():
    assert lamp(states(announced=False)) == ("warn", "every market is normal; announcements do not reach us now")
    assert lamp(states(announced=False), keyed=False) == (
        "ok",
        "every market is normal; no announcements without a key",
    )
