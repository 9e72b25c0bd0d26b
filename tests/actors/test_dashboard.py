"""The engine's end of the unix socket: snapshot, changes, commands, and readers that misbehave."""

import socket
import struct
import threading
from decimal import Decimal as D

import msgspec
import pytest

from actors.dashboard import BEHIND_MAX, Dashboard
from domain.decisions import Levels
from domain.errors import ConfigError
from domain.framing import frame, read_frame
from domain.messages import (
    DecisionsMade,
    EquityMeasured,
    FillBooked,
    IncidentRaised,
    ReconcileFinished,
    ResumeTrading,
    StopAll,
    TickerSeen,
    TradingStateChanged,
)
from domain.readmodel import (
    Command,
    CommandAnswer,
    DecisionRow,
    EquityPoint,
    Kpis,
    OrderRow,
    PositionRow,
    ReadModel,
    Session,
    TapeLine,
    TickerRow,
    TradingState,
)
from tests.actors.edge import Ear
from tests.actors.stage import BTC, T0, a_fill

KINDS = {
    "snapshot": ReadModel,
    "state": TradingState,
    "kpis": Kpis,
    "positions": tuple[PositionRow, ...],
    "orders": tuple[OrderRow, ...],
    "decisions": tuple[DecisionRow, ...],
    "tickers": tuple[TickerRow, ...],
    "tape": tuple[TapeLine, ...],
    "equity": tuple[EquityPoint, ...],
    "answer": CommandAnswer,
}
LEVELS = Levels(D(97), D(102), D(104), D(101))
ZERO = D(0)


class Reader:
    """One web process."""

    def __init__(self, path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(10)
        self.socket.connect(str(path))

    def next(self, section: str):
        """Read on to the next frame of a section."""
        while True:
            payload = read_frame(self.socket.recv)
            assert payload is not None, "hung up"
            told = msgspec.msgpack.decode(payload)
            if told["section"] == section:
                return msgspec.msgpack.decode(told["data"], type=KINDS[section])

    def command(self, name: str) -> None:
        self.socket.sendall(
            frame(msgspec.msgpack.encode({"command": msgspec.msgpack.encode(Command(name, "me", "t1"))}))
        )

    def ready(self) -> None:
        """Wait until both threads of the other end are there."""
        self.command("hello")
        self.next("answer")

    def hung_up(self) -> bool:
        while True:
            try:
                if not self.socket.recv(1 << 16):
                    return True
            except ConnectionResetError:
                return True


class Rig:
    def __init__(self, path) -> None:
        self.ear, self.path, self.readers = Ear(), path, []
        self.others = set(threading.enumerate())
        session = Session("paper", "sandbox", 60.0, T0, (BTC,), "1")
        past = (EquityPoint(T0 - 1, D(5)),)
        self.actor = Dashboard(self.ear, "dashboard", path=path, session=session, equity=lambda: past)
        self.actor.on_begin()

    def threads(self) -> list[threading.Thread]:
        """The dashboard's own threads, those of an earlier test not among them."""
        return [one for one in threading.enumerate() if one.name.startswith("dashboard-") and one not in self.others]

    def reader(self) -> Reader:
        self.readers.append(Reader(self.path))
        return self.readers[-1]

    def tell(self, *messages) -> None:
        for message in messages:
            self.actor.run_turn("somebody", message, T0)


@pytest.fixture
def rig(tmp_path):
    one = Rig(tmp_path / "web.sock")
    yield one
    one.actor.on_end()
    for reader in one.readers:
        reader.socket.close()


def measured(equity="10000000", at=T0):
    return EquityMeasured(at, D(9_000_000), D(equity), D(1_000_000), D(10_000_000), ZERO, D(500), ZERO, True)


def test_a_reader_gets_the_snapshot_first_with_the_past_of_the_equity(rig):
    rig.tell(measured())
    model = rig.reader().next("snapshot")
    assert model.session.venue == "sandbox"
    assert [point.equity for point in model.equity] == [D(5), D(10_000_000)]


def test_changes_follow_the_snapshot(rig):
    reader = rig.reader()
    reader.next("snapshot")
    rig.tell(TradingStateChanged("HALTED", "ALL STOP", "me", T0))
    assert reader.next("state").reason == "ALL STOP"
    assert reader.next("tape")[0].code == "state"


def test_a_fill_from_before_this_start_is_not_told_again(rig):
    old = msgspec.structs.replace(a_fill(1), at=T0 - 1)
    rig.tell(FillBooked(old, "e1", "ENTRY", "A"))
    assert rig.actor.read_model().tape == ()
    assert rig.actor.counts()["fills"] == 0


def test_it_counts_what_happened_since_the_start(rig):
    rig.tell(FillBooked(a_fill(), "e1", "ENTRY", "A"), DecisionsMade(T0, ()))
    assert rig.actor.counts() == {"decisions": 0, "orders": 0, "fills": 1}


def test_two_readers_are_told_the_same(rig):
    one, two = rig.reader(), rig.reader()
    one.next("snapshot"), two.next("snapshot")
    rig.tell(TickerSeen(BTC, D(100), T0))
    assert one.next("tickers") == two.next("tickers")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stop_all", StopAll("me", False)),
        ("stop_all_liquidate", StopAll("me", True)),
        ("resume", ResumeTrading("me")),
    ],
)
def test_a_command_reaches_risk_and_is_answered_to_the_one_who_gave_it(rig, name, message):
    reader = rig.reader()
    reader.command(name)
    assert rig.ear.next() == ("risk", message)
    answer = reader.next("answer")
    assert (answer.token, answer.accepted) == ("t1", True)


def test_a_command_nobody_knows_is_refused_and_reaches_nobody(rig):
    reader = rig.reader()
    reader.command("buy_everything")
    assert not reader.next("answer").accepted
    assert rig.ear.all() == []


@pytest.mark.parametrize(
    "raw",
    [struct.pack("<I", 1 << 31), frame(b"\xff\xfe"), frame(msgspec.msgpack.encode({"command": b"junk"}))],
    ids=["a frame without end", "no msgpack", "a command that is none"],
)
def test_hostile_bytes_cost_the_reader_its_connection_and_nobody_else(rig, raw):
    bad, good = rig.reader(), rig.reader()
    bad.next("snapshot"), good.next("snapshot")
    bad.socket.sendall(raw)
    assert bad.hung_up()
    rig.tell(TickerSeen(BTC, D(100), T0))
    assert good.next("tickers")
    assert rig.ear.all() == []


def test_a_command_nested_without_end_costs_the_reader_its_connection(rig):
    reader = rig.reader()
    reader.socket.sendall(frame(b"\x81\xa1x" + b"\x91" * 100_000))
    assert reader.hung_up()


def test_a_frame_that_is_cut_short_is_no_command(rig):
    reader = rig.reader()
    command = frame(msgspec.msgpack.encode({"command": msgspec.msgpack.encode(Command("stop_all", "me", "t1"))}))
    reader.socket.sendall(command[:-1])
    reader.socket.shutdown(socket.SHUT_WR)
    assert reader.hung_up()
    assert rig.ear.all() == []


def test_a_reader_that_does_not_read_is_cut_off_even_while_stuck_in_a_send_and_nobody_else(rig):
    slow = rig.reader()
    slow.ready()
    of_slow = [thread for thread in rig.threads() if thread.name != "dashboard-accept"]
    assert len(of_slow) == 2
    good = rig.reader()
    good.next("snapshot")
    long = "x" * 4_000  # a few hundred such lines fill every buffer on the way
    for number in range(2 * BEHIND_MAX):
        rig.tell(IncidentRaised(T0, "crash", str(number), long))
        if number % 300 == 299:
            good.next("tape")
    assert len(rig.actor._readers) == 1
    for thread in of_slow:  # before the slow one reads again: its writer must not wait for that
        thread.join(10)
        assert not thread.is_alive()
    rig.tell(TickerSeen(BTC, D(100), T0))
    assert good.next("tickers")
    assert slow.hung_up()


def test_the_end_wakes_every_thread_of_the_dashboard(rig):
    reader = rig.reader()
    reader.ready()
    threads = rig.threads()
    assert len(threads) == 3
    rig.actor.on_end()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()


def test_a_path_no_socket_can_have_says_so(tmp_path):
    session = Session("paper", "sandbox", 1.0, T0, (BTC,), "1")
    actor = Dashboard(Ear(), "dashboard", path=tmp_path / ("x" * 120), session=session, equity=tuple)
    with pytest.raises(ConfigError, match="too long"):
        actor.on_begin()
    actor.on_end()


def test_the_socket_of_a_killed_engine_is_taken_over(tmp_path):
    path = tmp_path / "web.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    rig = Rig(path)
    reader = rig.reader()
    assert reader.next("snapshot")
    rig.actor.on_end()
    reader.socket.close()


def test_the_end_of_the_engine_hangs_up_and_takes_the_socket_away(rig):
    reader = rig.reader()
    reader.next("snapshot")
    rig.actor.on_end()
    assert reader.hung_up()
    assert not rig.path.exists()


def test_only_the_owner_may_connect(rig):
    assert rig.path.stat().st_mode & 0o777 == 0o600


def test_it_says_when_the_books_agreed_after_a_moment(rig):
    rig.tell(ReconcileFinished(T0, True, ()))
    assert rig.actor.wait_for_green(T0, 0.0)
    assert not rig.actor.wait_for_green(T0 + 1, 0.0)
    rig.tell(ReconcileFinished(T0 + 2, False, ("KRW 1",)))
    assert not rig.actor.wait_for_green(T0, 0.0)
