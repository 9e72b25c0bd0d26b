import pytest

from domain.readmodel import Command, CommandAnswer
from webui.desk import KEPT_MAX, LATE_AFTER_S, OPERATOR, TOKEN_LIFE_S, Desk, Stage, TokenSpent


class Wire:
    """Takes commands as an engine does; `up` says whether it is there."""

    def __init__(self) -> None:
        self.up = True
        self.sent: list[Command] = []
        self.now = 0.0
        self.desk = Desk(self.send, lambda: self.now)

    def send(self, command: Command) -> bool:
        if self.up:
            self.sent.append(command)
        return self.up


def test_a_token_sends_its_command_once() -> None:
    wire = Wire()
    token = wire.desk.offer("stop_all", "mine")
    assert wire.desk.execute(token, "mine").stage is Stage.SENT
    with pytest.raises(TokenSpent):
        wire.desk.execute(token, "mine")
    assert wire.sent == [Command("stop_all", OPERATOR, token)]


def test_a_token_of_another_browser_sends_nothing_and_is_not_spent() -> None:
    wire = Wire()
    token = wire.desk.offer("resume", "mine")
    with pytest.raises(TokenSpent):
        wire.desk.execute(token, "theirs")
    assert wire.sent == []
    assert wire.desk.execute(token, "mine").stage is Stage.SENT


def test_an_old_or_invented_token_sends_nothing() -> None:
    wire = Wire()
    token = wire.desk.offer("stop_all", "mine")
    wire.now = TOKEN_LIFE_S + 1
    for bad in (token, "invented", ""):
        with pytest.raises(TokenSpent):
            wire.desk.execute(bad, "mine")
    assert wire.sent == []


def test_a_command_nobody_took_is_lost_and_its_token_spent() -> None:
    wire = Wire()
    wire.up = False
    token = wire.desk.offer("stop_all", "mine")
    assert wire.desk.execute(token, "mine").stage is Stage.LOST
    with pytest.raises(TokenSpent):
        wire.desk.execute(token, "mine")


@pytest.mark.parametrize(("accepted", "stage"), [(True, Stage.ACCEPTED), (False, Stage.REFUSED)])
def test_the_answer_of_the_engine_is_kept_with_its_words(accepted: bool, stage: Stage) -> None:  # noqa: FBT001
    wire = Wire()
    token = wire.desk.offer("stop_all", "mine")
    wire.desk.execute(token, "mine")
    told = wire.desk.answered(CommandAnswer(token, accepted, "said"))
    assert told == wire.desk.ticket(token)
    assert told is not None
    assert (told.stage, told.text) == (stage, "said")


def test_an_answer_to_a_command_that_was_never_sent_is_nothing() -> None:
    wire = Wire()
    token = wire.desk.offer("stop_all", "mine")
    assert wire.desk.answered(CommandAnswer(token, True, "")) is None
    assert wire.desk.answered(CommandAnswer("invented", True, "")) is None
    assert wire.desk.execute(token, "mine").stage is Stage.SENT


def test_an_engine_that_does_not_answer_makes_the_command_late_not_failed() -> None:
    wire = Wire()
    token = wire.desk.offer("stop_all", "mine")
    wire.desk.execute(token, "mine")
    wire.now = LATE_AFTER_S + 1
    late = wire.desk.ticket(token)
    assert late is not None
    assert late.stage is Stage.LATE
    wire.desk.answered(CommandAnswer(token, True, ""))
    done = wire.desk.ticket(token)
    assert done is not None
    assert done.stage is Stage.ACCEPTED


def test_offers_are_bounded_and_the_oldest_goes_first() -> None:
    wire = Wire()
    tokens = [wire.desk.offer("resume", "mine") for _ in range(KEPT_MAX + 1)]
    with pytest.raises(TokenSpent):
        wire.desk.execute(tokens[0], "mine")
    assert wire.desk.execute(tokens[1], "mine").stage is Stage.SENT


def test_there_is_no_token_for_a_command_the_engine_does_not_have() -> None:
    with pytest.raises(ValueError, match="sell_everything"):
        Wire().desk.offer("sell_everything", "mine")
