"""What is told becomes rows, at the recorder's own pace, and one bad event never holds up the others."""

import threading
from contextlib import closing
from decimal import Decimal as D
from functools import partial

import msgspec
import pytest

from actors.recorder import BATCH_MAX, TRIES, Recorder, SetAside, catch_up, events_of
from actors.runtime import ActorSpec, ThreadHost, Topology, wall_clock
from domain.errors import StorageError
from domain.messages import FillBooked, IncidentRaised, TickerSeen
from storage.database import open_database
from storage.projection import Projection
from tests.actors.edge import Ear
from tests.actors.stage import BTC, T0, a_fill


class Store:
    """Keeps what is written; fails as often as it is told, and always for the events `poison`."""

    def __init__(self, fails: int = 0, poison: int | tuple[int, ...] = 0) -> None:
        self.fails, self.poison = fails, {poison} if isinstance(poison, int) else set(poison)
        self.rows: list[tuple[int, object]] = []
        self.stored = threading.Event()
        self.calls = 0

    def __call__(self, batch) -> None:
        self.calls += 1
        bad = any(seq in self.poison and not isinstance(message, SetAside) for seq, message in batch)
        if self.fails or bad:
            self.fails = max(0, self.fails - 1)
            raise StorageError("database is locked")
        self.rows.extend((seq, message) for seq, message in batch if not isinstance(message, SetAside))
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


def told(recorder: Recorder, *numbers: int) -> None:
    for seq in numbers:
        recorder.seq = seq
        recorder.run_turn("feed", TickerSeen(BTC, D(seq), T0), T0)


def a_recorder(store, ear: Ear | None = None) -> Recorder:
    return Recorder(ear or Ear(), "recorder", write=store, release=lambda: None, retry_s=0.0)


def test_an_outage_longer_than_all_tries_sets_nothing_aside_and_is_told_once():
    ear, store = Ear(), Store(fails=5 * TRIES)
    recorder = a_recorder(store, ear)
    told(recorder, 1, 2, 3)
    recorder.on_begin()
    assert store.stored.wait(10)
    recorder.on_drained()
    assert [seq for seq, _ in store.rows] == [1, 2, 3]
    assert [one.kind for one in ear.of(IncidentRaised)] == ["not_recording"]


def test_an_outage_that_ends_in_the_middle_of_the_sifting_loses_nothing():
    ear, store = Ear(), Store(fails=TRIES + 1)
    recorder = a_recorder(store, ear)
    told(recorder, 1, 2, 3)
    recorder.on_begin()
    assert store.stored.wait(10)
    recorder.on_drained()
    assert sorted(seq for seq, _ in store.rows) == [1, 2, 3]
    assert ear.of(IncidentRaised) == []


def test_many_bad_events_at_the_head_do_not_hold_up_a_good_one_behind_them():
    ear, store = Ear(), Store(poison=tuple(range(1, 40)))
    recorder = a_recorder(store, ear)
    told(recorder, *range(1, 42))
    recorder.on_begin()
    assert store.stored.wait(10)
    recorder.on_drained()
    assert [seq for seq, _ in store.rows] == [40, 41]
    assert [one.kind for one in ear.of(IncidentRaised)] == ["not_recorded"] * 39


def test_at_the_end_a_bad_event_is_set_aside_though_nothing_comes_after_it():
    ear, store = Ear(), Store(poison=3)
    recorder = a_recorder(store, ear)
    told(recorder, 1, 2, 3)
    recorder.on_end()
    with recorder._changed:
        recorder._ending = True
    recorder.on_begin()
    recorder.on_drained()
    assert [seq for seq, _ in store.rows] == [1, 2]
    assert [one.kind for one in ear.of(IncidentRaised)] == ["not_recorded"]


def test_at_the_end_what_a_dead_database_does_not_take_is_left_to_the_journal():
    ear, store = Ear(), Store(fails=1_000)
    recorder = a_recorder(store, ear)
    told(recorder, 1, 2, 3)
    with recorder._changed:
        recorder._ending = True
    recorder.on_begin()
    recorder.on_drained()
    assert store.rows == []
    assert ear.of(IncidentRaised) == []


def test_when_too_much_waits_the_newest_is_left_out_so_that_the_next_start_can_catch_up(monkeypatch):
    monkeypatch.setattr("actors.recorder.WAITING_MAX", 2)
    store = Store()
    recorder = a_recorder(store)
    told(recorder, 1, 2)
    outbox = []
    for seq in (3, 4):
        recorder.seq = seq
        outbox += recorder.run_turn("feed", TickerSeen(BTC, D(seq), T0), T0)
    assert [(one.to, one.message.kind) for one in outbox] == [("incidents", "not_recording")]
    recorder.on_begin()
    assert store.stored.wait(10)
    told(recorder, 5)
    recorder.on_drained()
    assert [seq for seq, _ in store.rows] == [1, 2]


def test_a_start_that_failed_before_the_recorders_turn_still_lets_go_of_the_database():
    released = []
    recorder = Recorder(Ear(), "recorder", write=Store(), release=lambda: released.append(1))
    recorder.on_end()
    recorder.on_drained()
    assert released == [1]


class Undurable(Ear):
    """A journal whose disk is full."""

    def sync(self) -> None:
        raise StorageError("no space left")


def test_nothing_is_stored_that_the_journal_does_not_have_for_sure():
    store = Store()
    recorder = a_recorder(store, Undurable())
    told(recorder, 1)
    recorder.on_begin()
    recorder.on_drained()
    assert store.calls == 0


def test_events_the_recorder_was_told_are_found_in_the_journal_by_their_numbers(tmp_path):
    store = Store()
    journal = tmp_path / "journal"
    specs = (ActorSpec("recorder", partial(Recorder, write=store, release=lambda: None)),)
    with ThreadHost(Topology(specs, {"fills": ("recorder",)}), journal, wall_clock(), 1, "1") as host:
        for number in (1, 2, 3):
            host.tell_topic("fills", FillBooked(a_fill(number), "e1", "ENTRY", "A"), "gateway")
    assert len(store.rows) == 3
    assert list(events_of(journal, 0)) == store.rows
    assert list(events_of(journal, store.rows[0][0])) == store.rows[1:]


NEVER = FillBooked(msgspec.structs.replace(a_fill(9), fee=D("NaN")), "e9", "ENTRY", "A")


@pytest.mark.parametrize("place", [0, 2, BATCH_MAX - 1, BATCH_MAX + 1])
def test_a_start_catches_up_and_sets_aside_what_can_never_be_stored_wherever_it_stands(tmp_path, place):
    events = [FillBooked(a_fill(number), "e1", "ENTRY", "A") for number in range(BATCH_MAX + 1)]
    events.insert(place, NEVER)
    with closing(open_database(tmp_path / "baeu.sqlite3")) as database:
        projection = Projection(database)
        (told,) = catch_up(projection.apply, enumerate(events, start=1))
        assert told.startswith(f"event {place + 1} (FillBooked) cannot be stored")
        assert projection.last_sequence() == len(events)
        assert projection.readings.counts().fills == BATCH_MAX + 1


def test_a_start_with_a_dead_database_says_so_instead_of_setting_events_aside():
    store = Store(fails=1_000)
    with pytest.raises(StorageError, match="database is locked"):
        catch_up(store, [(1, TickerSeen(BTC, D(1), T0))])


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
