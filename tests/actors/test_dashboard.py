"""The engine's end of the unix socket: snapshot, changes, commands, and readers that misbehave."""

import socket
import struct
from decimal import Decimal as D

import msgspec
import pytest

from actors.dashboard import Dashboard
from domain.config import Settings
from domain.decisions import Decision, Gate, Levels
from domain.framing import frame, read_frame
from domain.messages import (
    DecisionsMade,
    EquityMeasured,
    FillBooked,
    OrderChanged,
    PositionChanged,
    ReconcileFinished,
    ResumeTrading,
    SettingsChanged,
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
        session = Session("paper", "sandbox", 60.0, T0, (BTC,), "1")
        past = (EquityPoint(T0 - 1, D(5)),)
        self.actor = Dashboard(self.ear, "dashboard", path=path, session=session, equity=lambda: past)
        self.actor.on_begin()

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


def position(volume="10", entry="100000"):
    return PositionChanged(BTC, D(volume), D(entry), D(1_000_500), "OPEN", "A", LEVELS, T0, ZERO, "ENTRY")


def order(stage="live", executed="0"):
    number = D(1)
    return OrderChanged(
        "e1", "abcd-e1", BTC, "buy", "limit", stage, number, number, None, D(executed), ZERO, "ENTRY", "A", T0, T0
    )


def test_a_reader_gets_the_snapshot_first_with_the_past_of_the_equity(rig):
    rig.tell(measured())
    model = rig.reader().next("snapshot")
    assert model.session.venue == "sandbox"
    assert [point.equity for point in model.equity] == [D(5), D(10_000_000)]


def test_an_account_that_could_not_be_valued_draws_no_point(rig):
    rig.tell(measured(), msgspec.structs.replace(measured("4000000"), marked=False))
    assert [point.equity for point in rig.actor.read_model().equity] == [D(5), D(10_000_000)]
    assert not rig.actor.read_model().kpis.marked


def test_changes_follow_the_snapshot(rig):
    reader = rig.reader()
    reader.next("snapshot")
    rig.tell(TradingStateChanged("HALTED", "ALL STOP", "me", T0))
    assert reader.next("state").reason == "ALL STOP"
    assert reader.next("tape")[0].code == "state"


def test_two_readers_are_told_the_same(rig):
    one, two = rig.reader(), rig.reader()
    one.next("snapshot"), two.next("snapshot")
    rig.tell(TickerSeen(BTC, D(100), T0))
    assert one.next("tickers") == two.next("tickers")


def test_the_account_is_valued_at_the_last_prices_between_two_measurements(rig):
    rig.tell(SettingsChanged(Settings(), "", ""), measured(), position(), TickerSeen(BTC, D(110_000), T0 + 5))
    kpis = rig.actor.read_model().kpis
    assert (kpis.cash, kpis.exposure, kpis.equity) == (9_000_000, 1_100_000, 10_100_000)
    assert kpis.unrealised == D(99_500)
    assert (kpis.position_count, kpis.max_positions, kpis.day_loss_limit) == (1, 2, D("0.03"))


def test_a_position_without_a_price_has_none_and_a_closed_one_is_gone(rig):
    rig.tell(measured(), position())
    (row,) = rig.actor.read_model().positions
    assert row.price is None
    assert not rig.actor.read_model().kpis.marked
    rig.tell(position("0"))
    assert rig.actor.read_model().positions == ()


def test_an_order_is_shown_until_it_is_over_and_counted_once(rig):
    rig.tell(order("submitting"), order("live"))
    assert [row.stage for row in rig.actor.read_model().orders] == ["live"]
    rig.tell(order("done", "1"))
    assert rig.actor.read_model().orders == ()
    assert rig.actor.counts()["orders"] == 1


def test_a_refused_order_leaves_a_line(rig):
    rig.tell(order("refused"))
    assert rig.actor.read_model().tape[0].code == "order.refused"


def test_decisions_come_with_every_reason(rig):
    gates = (Gate("NO_SIGNAL", "none"), Gate("A.RECLAIM", "close below"))
    rig.tell(DecisionsMade(T0, (Decision(BTC, T0, "NO_SIGNAL", ZERO, D(1), gates),)))
    (row,) = rig.actor.read_model().decisions
    assert row.gates == (("NO_SIGNAL", "none"), ("A.RECLAIM", "close below"))
    assert rig.actor.counts()["decisions"] == 1


def test_a_fill_from_before_this_start_is_not_told_again(rig):
    old = msgspec.structs.replace(a_fill(1), at=T0 - 1)
    rig.tell(FillBooked(old, "e1", "ENTRY", "A"))
    assert rig.actor.read_model().tape == ()
    assert rig.actor.counts()["fills"] == 0


def test_fills_are_on_the_tape_newest_first(rig):
    for number in (1, 2):
        rig.tell(FillBooked(a_fill(number), "e1", "ENTRY", "A"))
    tape = rig.actor.read_model().tape
    assert [line.code for line in tape] == ["fill.buy", "fill.buy"]
    assert tape[0].seq > tape[1].seq


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
