"""A session's journal on disk, run again: identical, or the first difference by name."""

import threading
import time
from decimal import Decimal as D
from functools import partial
from pathlib import Path

import msgspec
import pytest

from actors import gateway
from actors.replaying import Books, books_in, last_time, replay_home
from actors.runtime import Actor, ActorSpec, Context, ScaledClock, Status, ThreadHost
from actors.runtime.record import decode_record, encode_record, frame, frames
from actors.runtime.segments import listing, read
from actors.system import market_actor, system
from domain.config import Settings
from domain.errors import JournalDamaged, StorageError
from domain.market import Book, Level, Trade
from domain.message import Message
from domain.messages import BookSeen, MarketsWatched, OrderApproved, SettingsChanged, TradesPrinted
from domain.order_rules import Refusal
from domain.orders import Side
from tests.actors.stage import BTC, T0, a_buy, session, terms

ETH = "KRW-ETH"
PRICE = D(150_000_000)


class Deaf(Actor[None]):
    """An edge that takes whatever comes and says nothing; `begun` is set once it hears whose actors live."""

    edge = True
    State = None

    def __init__(self, context: Context, name: str, *, begun: threading.Event) -> None:
        super().__init__(context, name)
        self._begun = begun

    def handle(self, message: Message) -> None:
        if isinstance(message, MarketsWatched) and message.markets:
            self._begun.set()


def live(journal: Path, *markets: str, exchange: bool = True, intent: str = "e1") -> None:
    """One start of a session in which the gateway gets an order, with an exchange inside or a venue that is silent."""
    edges = ("recorder", "dashboard", "rest", "feed", "listings", *(() if exchange else ("venue",)))
    begun = threading.Event()
    wiring = system([ActorSpec(name, partial(Deaf, begun=begun)) for name in edges], exchange=exchange)
    clock = ScaledClock(T0, time.monotonic_ns())
    with ThreadHost(wiring, journal, clock, 1, "1", on_fatal=fatal) as host:
        for name in ("risk", "portfolio", "guard"):
            host.tell(name, SettingsChanged(Settings(), "test", ""))
        for name in ("gateway", "portfolio", "risk", "universe", *(("venue",) if exchange else ())):
            host.tell(name, session(*markets))
        assert begun.wait(10)
        if exchange:
            book = Book(T0, (Level(PRICE, D(1)),), (Level(PRICE - 100_000, D(1)),))
            host.tell("venue", BookSeen(BTC, book), "feed")
        for name in (market_actor(BTC), *(("venue",) if exchange else ())):
            host.tell(name, TradesPrinted(BTC, (Trade(T0, PRICE, D(1), Side.BUY, 1),)), "feed")
        host.tell("gateway", terms())
        host.tell("gateway", OrderApproved(a_buy(intent)))


def fatal(reason: str) -> None:
    raise AssertionError(reason)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def rewrite(journal: Path, change) -> int:
    """Change the first record `change` has something else for, checksum included; gives its number."""
    path = listing(journal)[-1].path
    head, *bodies = [body for _, body in frames(path.read_bytes())]
    records = [decode_record(body) for body in bodies]
    place, other = next((i, new) for i, old in enumerate(records) if (new := change(old)) is not None)
    bodies[place] = encode_record(other)
    path.write_bytes(b"".join(frame(body) for body in (head, *bodies)))
    return records[place].seq


def test_two_starts_with_an_order_that_was_filled_replay_identically(journal):
    live(journal, BTC)
    live(journal, BTC, ETH, intent="e2")
    report = replay_home(journal)
    assert report.first_difference is None
    assert report.identical
    assert report.records == sum(1 for _ in read(journal))
    assert report.turns == sum(record.status is Status.APPLIED for record in read(journal)) > 40
    assert {"FillBooked", "OrderFinished"} <= {record.type for record in read(journal) if record.to == "portfolio"}


def test_a_session_with_a_venue_outside_replays_too(journal):
    live(journal, BTC, exchange=False)
    assert replay_home(journal).first_difference is None


def test_a_home_that_traded_inside_first_and_outside_later_replays_whole(journal):
    live(journal, BTC)
    live(journal, BTC, exchange=False, intent="e2")
    report = replay_home(journal)
    assert report.first_difference is None
    assert report.since == 1


def test_a_message_that_was_changed_is_named(journal):
    live(journal, BTC)

    def larger(record):
        if record.type != "OrderApproved":
            return None
        return msgspec.structs.replace(record, payload=record.payload.replace(b"1000000", b"9000000"))

    seq = rewrite(journal, larger)
    report = replay_home(journal)
    assert not report.identical
    assert report.first_difference.startswith(f"record {seq}: gateway on OrderApproved")


def test_a_message_that_was_invented_is_named(journal):
    live(journal, BTC)

    def double(record):
        if record.type != "FillBooked" or record.to != "portfolio":
            return None
        return msgspec.structs.replace(record, payload=record.payload.replace(b"ENTRY", b"ENTER"))

    seq = rewrite(journal, double)
    assert replay_home(journal).first_difference.startswith(f"record {seq}: portfolio got FillBooked from gateway")


def test_code_that_decides_otherwise_is_found_out(journal, monkeypatch):
    live(journal, BTC)
    monkeypatch.setattr(gateway, "check_request", lambda *_: Refusal("no", "not today"))
    assert "gateway on OrderApproved now says" in replay_home(journal).first_difference


def test_bytes_that_were_changed_are_damage_and_say_where(journal):
    live(journal, BTC)
    path = listing(journal)[-1].path
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalDamaged, match=r"journal-00000001\.log is damaged at byte \d+"):
        replay_home(journal)


def test_a_folder_without_a_start_of_a_session_says_so(tmp_path):
    with pytest.raises(StorageError, match="no start of a session"):
        replay_home(tmp_path)


def test_the_books_are_told_as_the_next_start_finds_them_with_a_snapshot_and_without(journal):
    assert books_in(journal, "1", 1) == Books()
    live(journal, BTC, ETH)
    assert books_in(journal, "1", 1) == Books("sandbox", (BTC,))
    for snapshot in (journal / "snapshots").iterdir():
        snapshot.unlink()
    assert books_in(journal, "1", 1) == Books("sandbox", (BTC,))


def test_the_last_time_of_a_journal_is_that_of_its_newest_record(journal):
    assert last_time(journal) == 0
    live(journal, BTC)
    newest = max(record.at for record in read(journal))
    assert last_time(journal) == newest >= T0
