"""The inbox that pykka reads from."""

import threading

import pykka
import pytest
from pykka._envelope import Envelope

from actors.runtime.mailbox import Mailbox
from actors.runtime.parcel import Control, GuardedFuture, Parcel

from .sample import Added, PriceTicked, TotalAsked


def parcel(message, sender="a") -> Envelope:
    return Envelope(Parcel(sender, "b", message, b""))


@pytest.fixture
def refused() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def box(refused: list[tuple[str, str]]) -> Mailbox:
    box = Mailbox()
    box.limit = 3
    box.refused = lambda one, reason: refused.append((type(one.message).__name__, reason))
    return box


def drain(box: Mailbox) -> list[object]:
    return [envelope.message.message for envelope in iter(box.take, None)]


def test_mail_comes_out_in_the_order_it_came_in(box: Mailbox) -> None:
    for n in range(3):
        box.put(parcel(Added(n)))
    assert drain(box) == [Added(0), Added(1), Added(2)]
    assert box.peak == 3


def test_beyond_the_limit_mail_is_refused_and_the_rest_stays(box: Mailbox, refused: list[tuple[str, str]]) -> None:
    for n in range(5):
        box.put(parcel(Added(n)))
    assert refused == [("Added", "mailbox full")] * 2
    assert len(box) == 3


def test_conflation_keeps_the_place_and_the_newest_value_even_when_full(
    box: Mailbox, refused: list[tuple[str, str]]
) -> None:
    for message in (PriceTicked("x", 1), Added(1), PriceTicked("y", 1), PriceTicked("x", 2)):
        box.put(parcel(message))
    assert drain(box) == [PriceTicked("x", 2), Added(1), PriceTicked("y", 1)]
    assert refused == []
    box.put(parcel(PriceTicked("x", 3)))  # a read one is not replaced
    assert drain(box) == [PriceTicked("x", 3)]
    assert box.conflated == 1


def test_a_refused_price_does_not_hide_the_next_one(box: Mailbox, refused: list[tuple[str, str]]) -> None:
    for n in range(3):
        box.put(parcel(Added(n)))
    box.put(parcel(PriceTicked("x", 1)))
    drain(box)
    box.put(parcel(PriceTicked("x", 2)))
    assert refused == [("PriceTicked", "mailbox full")]
    assert drain(box) == [PriceTicked("x", 2)]


def test_controls_overtake_mail_and_pass_a_held_mailbox(box: Mailbox) -> None:
    box.put(parcel(Added(1)))
    box.hold(on=True)
    box.put(Envelope(Control("restart")))
    assert type(box.take().message) is Control
    assert box.take() is None
    box.put_front(parcel(Added(0)))
    box.hold(on=False)
    assert drain(box) == [Added(0), Added(1)]


def test_a_waiting_reader_wakes_up_for_mail_a_control_and_the_end_of_a_hold(box: Mailbox) -> None:
    got: list[object] = []
    steps = [threading.Event() for _ in range(3)]

    def read() -> None:
        for step in steps:
            got.append(box.get().message)
            step.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    box.put(parcel(Added(1)))
    assert steps[0].wait(5)
    box.put(Envelope(Control("snapshot")))
    assert steps[1].wait(5)
    box.hold(on=True)
    box.put(parcel(Added(2)))
    box.hold(on=False)
    assert steps[2].wait(5)
    assert [type(one).__name__ for one in got] == ["Parcel", "Control", "Parcel"]


def test_a_closed_mailbox_gives_back_told_mail_and_leaves_asked_mail_to_pykka(
    box: Mailbox, refused: list[tuple[str, str]]
) -> None:
    box.hold(on=True)
    box.put(parcel(Added(1)))
    asked = Envelope(Parcel("a", "b", TotalAsked(), b""), reply_to=GuardedFuture())
    box.put(asked)
    assert [one.message for one in box.close()] == [Added(1)]
    assert not box.empty()
    assert box.get() is asked
    assert box.empty()
    box.put(parcel(Added(2)))
    assert refused == [("Added", "stopped")]
    late = GuardedFuture()
    box.put(Envelope(Parcel("a", "b", TotalAsked(), b""), reply_to=late))
    with pytest.raises(pykka.ActorDeadError):
        late.get(timeout=0)


def test_many_senders_and_one_reader_lose_nothing() -> None:
    box = Mailbox()
    box.limit = 10_000

    def send(sender: str) -> None:
        for n in range(1_000):
            box.put(parcel(Added(n), sender))

    threads = [threading.Thread(target=send, args=(name,)) for name in "pqrs"]
    for thread in threads:
        thread.start()
    got: dict[str, list[int]] = {name: [] for name in "pqrs"}
    for _ in range(4_000):
        one = box.get().message
        got[one.sender].append(one.message.n)
    assert got == {name: list(range(1_000)) for name in "pqrs"}
