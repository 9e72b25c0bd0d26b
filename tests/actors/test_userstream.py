"""The private stream on a real socket, and what gateway and reconciler do with what comes of it."""

import json
from typing import Any

import pytest

from actors.gateway import Gateway
from actors.reconciler import Reconciler
from actors.upbit.frames import AnnouncementFrame, AssetsFrame, Frame
from actors.upbit.sign import Keys, Secret
from actors.upbit.streams import Stream, Timing
from actors.userstream import BODY_MAX, TITLE_MAX, UserStream
from domain.messages import (
    AccountWanted,
    AnnouncementSeen,
    BooksWanted,
    FillBooked,
    LookUpOrder,
    OrderApproved,
    OrderSeen,
    ReconcileFinished,
    StreamChanged,
)
from domain.orders import OrderReport
from tests.actors.edge import Ear
from tests.actors.stage import T0, Stage, a_buy, session, terms
from tests.actors.upbit.peer import TEXT, Peer, frame
from tests.actors.upbit.samples import ANNOUNCEMENT, ORDER_EVENT

IDENTIFIER = "abcd1234-e1"
FILL = ORDER_EVENT.replace(b'"bot1"', f'"{IDENTIFIER}"'.encode())


@pytest.fixture
def peer():
    one = Peer()
    yield one
    one.close()


class Wired:
    """A user stream on the peer's socket, and what it said."""

    def __init__(self, url: str) -> None:
        self.ear = Ear()

        def open_stream(on_order, on_announcement, on_state) -> Stream:
            def on_frame(frame: Frame) -> None:
                assert isinstance(frame, OrderReport | AssetsFrame | AnnouncementFrame)
                if isinstance(frame, OrderReport):
                    on_order(frame)
                elif isinstance(frame, AnnouncementFrame):
                    on_announcement(frame)

            wanted = ({"type": "myOrder"}, {"type": "myAsset"})
            quick = Timing(backoff_s=0.01, backoff_max_s=0.02)
            keys = Keys("access", Secret("secret"))
            return Stream(url, wanted, on_frame=on_frame, on_state=on_state, keys=keys, timing=quick)

        self.edge = UserStream(self.ear, "userstream", open_stream=open_stream, now=lambda: T0)
        self.edge.on_begin()

    def next(self, kind: type) -> Any:
        """Its next message, which is of this kind."""
        _, message = self.ear.next()
        assert isinstance(message, kind)
        return message


@pytest.fixture
def wired(peer):
    one = Wired(peer.url)
    yield one
    one.edge.on_end()


@pytest.fixture
def gateway() -> Stage:
    """It has an order out."""
    stage = Stage(Gateway, "gateway").tell(session()).tell(terms())
    return stage.tell(OrderApproved(a_buy()), "risk")


def test_both_private_types_are_asked_for_on_one_socket_without_codes(peer, wired):
    line = peer.accept()
    _, *types, _ = json.loads(peer.read(line, TEXT))
    assert types == [{"type": "myOrder"}, {"type": "myAsset"}]
    assert "Authorization: Bearer " in peer.request


def test_a_fill_the_socket_tells_twice_is_booked_once(peer, wired, gateway):
    line = peer.accept()
    line.sendall(frame(FILL) * 2)
    assert wired.next(StreamChanged).connected
    booked = []
    for _ in range(2):
        gateway.tell(wired.next(OrderSeen), "userstream")
        booked += gateway.on("fills", FillBooked)
    assert [one.fill.trade_id for one in booked] == ["6831"]


def test_a_loss_turns_the_books_red_and_the_return_asks_for_orders_and_accounts(peer, wired, gateway):
    reconciler = Stage(Reconciler, "reconciler").tell(session())
    peer.accept().close()
    assert wired.next(StreamChanged).connected
    lost = wired.next(StreamChanged)
    reconciler.tell(lost, "userstream")
    assert (lost.stream, lost.connected) == ("private", False)
    assert not reconciler.on("reconciled", ReconcileFinished)[0].green
    peer.accept()
    back = wired.next(StreamChanged)
    assert back.connected
    assert reconciler.tell(back, "userstream").to("venue", AccountWanted)
    gateway.tell(back, "userstream").ring()
    assert [one.identifier for one in gateway.to("venue", LookUpOrder)] == [IDENTIFIER]


def test_an_announcement_is_told_with_its_times_and_a_long_text_is_cut_off(peer, wired):
    line = peer.accept()
    told = json.loads(ANNOUNCEMENT) | {"body": "x" * (BODY_MAX + 1), "title": "y" * (TITLE_MAX + 1)}
    bare = {"type": "announcement", "event_type": "UPDATED", "category": "trade", "title": "t"}
    line.sendall(frame(json.dumps(told).encode()) + frame(json.dumps(bare).encode()))
    assert wired.next(StreamChanged).connected
    topic, seen = wired.ear.next()
    assert (topic, seen.id, seen.title, seen.category) == ("announcements", "4711", "y" * TITLE_MAX, "maintenance")
    assert seen.listed_at > 0
    assert seen.body == "x" * BODY_MAX
    assert wired.next(AnnouncementSeen) == AnnouncementSeen("UPDATED", "", "t", "trade", "", 0, "", T0)


def test_nobody_sends_the_user_stream_anything(peer, wired):
    peer.accept()
    with pytest.raises(TypeError, match="takes no messages"):
        wired.edge.handle(BooksWanted(1))
