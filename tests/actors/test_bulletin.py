"""What a person is shown of the exchange's word on its markets."""

from actors.board import Board
from domain.messages import AnnouncementSeen
from domain.readmodel import Session
from tests.actors.stage import BTC, T0


def board() -> Board:
    return Board(Session("paper", "sandbox", 1.0, T0, (BTC,), "1"), ())


def test_an_announcement_is_a_line_to_read():
    one = board()
    one.apply(AnnouncementSeen("CREATED", "1", "거래지원 종료 안내", "trade", "https://upbit.com/1", 0, "", T0))
    assert one.snapshot().tape[0].text == "[trade] 거래지원 종료 안내 https://upbit.com/1"
