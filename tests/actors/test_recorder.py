"""What is told becomes rows, at the recorder's own pace, and one bad event never holds up the others."""

import threading
from decimal import Decimal as D

from actors.recorder import TRIES, Recorder
from domain.errors import StorageError
from domain.messages import FillBooked, IncidentRaised, TickerSeen
from storage.database import open_database
from storage.projection import Projection
from tests.actors.edge import Ear
from tests.actors.stage import BTC, T0, a_fill


class Store:
    """Keeps what is written; fails as often as it is told, and always for `poison`."""

    def __init__(self, fails: int = 0, poison: int = 0) -> None:
        self.fails, self.poison = fails, poison
        self.rows: list[tuple[int, object]] = []
        self.stored = threading.Event()

    def __call__(self, batch) -> None:
        if self.fails or any(seq == self.poison for seq, _ in batch):
            self.fails = max(0, self.fails - 1)
            raise StorageError("database is locked")
        self.rows.extend(batch)
        self.stored.set()


def recorded(store, count: int = 3) -> tuple[Ear, Store]:
    """Tell it so many events, then end it."""
    ear = Ear()
    recorder = Recorder(ear, "recorder", write=store, release=lambda: None, retry_s=0.0)
    recorder.on_begin()
    for seq in range(1, count + 1):
        recorder.seq = seq
        recorder.run_turn("feed", TickerSeen(BTC, D(seq), T0), T0)
    recorder.on_end()
    recorder.on_drained()
    return ear, store


def test_every_event_is_written_once_under_its_own_number():
    _, store = recorded(Store())
    assert [seq for seq, _ in store.rows] == [1, 2, 3]


def test_a_database_that_is_locked_for_a_while_loses_nothing():
    ear, recorder_store = Ear(), Store(fails=TRIES - 1)
    recorder = Recorder(ear, "recorder", write=recorder_store, release=lambda: None, retry_s=0.0)
    recorder.seq = 7
    recorder.run_turn("feed", TickerSeen(BTC, D(1), T0), T0)
    recorder.on_begin()
    assert recorder_store.stored.wait(10)
    recorder.on_drained()
    assert [seq for seq, _ in recorder_store.rows] == [7]
    assert ear.all() == []


def test_an_event_that_can_never_be_stored_is_set_aside_and_said():
    ear, store = Ear(), Store(poison=2)
    recorder = Recorder(ear, "recorder", write=store, release=lambda: None, retry_s=0.0)
    for seq in (1, 2, 3):
        recorder.seq = seq
        recorder.run_turn("feed", TickerSeen(BTC, D(seq), T0), T0)
    recorder.on_begin()
    topic, told = ear.next()
    recorder.on_drained()
    assert topic == "incidents"
    assert isinstance(told, IncidentRaised)
    assert told.kind == "not_recorded"
    assert [seq for seq, _ in store.rows] == [1, 3]


def test_fills_arrive_in_the_database(tmp_path):
    database = open_database(tmp_path / "baeu.sqlite3")
    projection = Projection(database)
    recorder = Recorder(Ear(), "recorder", write=projection.apply, release=database.close)
    recorder.on_begin()
    for seq, number in enumerate((1, 2, 1), start=1):
        recorder.seq = seq
        recorder.run_turn("gateway", FillBooked(a_fill(number), "e1", "ENTRY", "A"), T0)
    recorder.on_drained()
    assert len(projection.readings.recent_fills()) == 2
    assert projection.last_sequence() == 3
    database.close()
