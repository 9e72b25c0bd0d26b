"""The archivist on its own thread, with a real archive on a real disk; only the exchange is played by hand."""

import queue
import time
from collections.abc import Sequence
from decimal import Decimal as D
from pathlib import Path

import pytest
from peewee import SqliteDatabase

from actors.archivist import FETCHED_AT_ONCE, RETRY_S, Archivist, pieces
from actors.engine import Engine, Outlets
from actors.runtime import ScaledClock
from actors.venues import Place
from domain.config import Settings
from domain.errors import ExchangeUnavailable, StorageError
from domain.market import DAY, HOUR, MINUTE, Bar
from domain.messages import CandlesTold, IncidentRaised, SealNow
from storage.archive import CandleIndex, CandleTiers, Owed
from storage.candles import CandleStore, Quarantined
from storage.database import open_database
from storage.hot import HotCandles
from tests.actors.edge import Ear
from tests.actors.test_engine import Quotes, Rows, Tape, glance
from tests.actors.upbit.hand import HandClock

BTC, ETH = "KRW-BTC", "KRW-ETH"
NEW_YEAR = 1_767_225_600_000_000
NOON = NEW_YEAR + 12 * HOUR


def bar(minute: int) -> Bar:
    return Bar(NEW_YEAR + minute * MINUTE, *[D(100)] * 6)


class Watched(CandleTiers):
    """An archive that says when a round looks at what is owed: its sealing is over then."""

    def __init__(self, store: CandleStore, database: SqliteDatabase) -> None:
        super().__init__(store, HotCandles(database), CandleIndex(database))
        self.looks: queue.Queue[tuple[Owed, ...]] = queue.Queue()
        self.sealed: list[str] = []
        self.fault: Exception | None = None

    def sealable(self, until: int) -> tuple[str, ...]:
        if self.fault:
            raise self.fault
        return super().sealable(until)

    def seal(self, market: str, until: int, now: int) -> tuple[Quarantined, ...]:
        self.sealed.append(market)
        return super().seal(market, until, now)

    def owed(self, now: int) -> tuple[Owed, ...]:
        found = super().owed(now)
        self.looks.put(found)
        return found


class Exchange:
    """Tells a bar for each minute of the first hour; `away` it tells nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int, int, int]] = []
        self.away = False

    def candle_range(self, market: str, unit: int, since: int, until: int) -> Sequence[Bar]:
        self.asked.append((market, unit, since, until))
        if self.away:
            raise ExchangeUnavailable("no answer within 5 s")
        return [bar(minute) for minute in range(60) if since <= bar(minute).start < until]


class Rig:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.database = open_database(root / "baeu.sqlite3")
        self.hot = HotCandles(self.database)
        self.archive = Watched(CandleStore(root / "candles"), self.database)
        self.reader = CandleStore(root / "candles", read_only=True)
        self.clock, self.ear, self.exchange = HandClock(speed=1.0), Ear(), Exchange()
        self.clock.time = NOON
        self.waits: list[int] = []
        self.released: list[bool] = []
        self.actor: Archivist | None = None

    def start(self, first_s: float = 3_600.0, speed: float = 1.0, retry_s: float = RETRY_S) -> Archivist:
        def real_seconds(delay: int) -> float:
            self.waits.append(delay)
            return delay / 1e6 / speed

        self.actor = Archivist(
            self.ear,
            "archivist",
            archive=self.archive,
            client=self.exchange,
            now=self.clock.now,
            real_seconds=real_seconds,
            release=self.release,
            first_s=first_s,
            retry_s=retry_s,
        )
        self.actor.on_begin()
        return self.actor

    def release(self) -> None:
        self.released.append(self.database.close())

    def tell(self, market: str, minutes: range, seq: int = 1) -> None:
        first, end = bar(minutes.start).start, bar(minutes.stop).start
        self.hot.take(seq, CandlesTold(market, first, end, tuple(map(bar, minutes)), "rest", "final"))

    def round(self) -> tuple[Owed, ...]:
        """Have it seal now; gives what it then found to be owed."""
        self.actor.handle(SealNow("a test"))
        return self.archive.looks.get(timeout=20)

    def incident(self) -> IncidentRaised:
        topic, message = self.ear.next()
        assert topic == "incidents"
        return message

    def end(self) -> None:
        if self.actor:
            self.actor.on_end()
        self.database.close()


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path)
    yield made
    made.end()


def test_all_that_is_older_than_an_hour_is_sealed_market_by_market(rig):
    rig.tell(ETH, range(10 * 60, 12 * 60))
    rig.tell(BTC, range(60))
    rig.start()
    assert rig.round() == ()
    assert rig.archive.sealed == [BTC, ETH]
    assert len(rig.reader.load(BTC)) == 60
    assert rig.reader.load(ETH).time.tolist() == [bar(minute).start for minute in range(10 * 60, 11 * 60)]
    assert len(rig.hot.held(ETH).known.candles) == 60
    assert rig.ear.all() == []


def test_it_begins_soon_after_the_start_by_itself(rig):
    rig.tell(BTC, range(60))
    rig.start(first_s=0.01)
    rig.archive.looks.get(timeout=20)
    assert len(rig.reader.load(BTC)) == 60


def test_it_comes_back_at_five_past_midnight(rig):
    rig.clock.time = NEW_YEAR + DAY + 4 * MINUTE
    rig.start(speed=1e7)  # a minute of the session's clock passes in microseconds
    rig.archive.looks.get(timeout=20)
    assert rig.waits[0] == MINUTE
    rig.clock.time += MINUTE
    while rig.waits[-1] != DAY:  # the clock stands still: each look is at the same time
        rig.archive.looks.get(timeout=20)


def test_what_could_not_be_sealed_is_told_once_a_round_and_stays(rig):
    markets = [f"KRW-A{number}" for number in range(6)]
    for market in markets:
        rig.tell(market, range(60))
    (rig.root / "candles").write_text("in the way")
    rig.start()
    rig.round()
    told = rig.incident()
    assert (told.kind, told.subject) == ("candles_not_sealed", "KRW-A0")
    assert "3 of 3 markets stay in the database, trying again later" in told.text
    assert rig.archive.sealed == markets[:3]  # it is the disk: the others would fail as well
    assert rig.hot.markets() == tuple(markets)
    (rig.root / "candles").unlink()
    rig.round()
    assert rig.hot.markets() == ()
    assert rig.ear.all() == []


def test_a_round_that_failed_is_tried_again_soon(rig):
    (rig.root / "candles").write_text("in the way")
    rig.tell(BTC, range(60))
    rig.start(retry_s=0.05)
    rig.round()
    assert rig.incident().kind == "candles_not_sealed"
    (rig.root / "candles").unlink()
    while rig.hot.markets():
        rig.archive.looks.get(timeout=20)


def test_a_damaged_file_is_told_and_fetched_again(rig):
    rig.tell(BTC, range(60))
    rig.start()
    rig.round()
    (rig.root / "candles" / BTC / "2026.h5").write_bytes(b"?")
    rig.tell(BTC, range(60, 70), seq=2)
    (owed,) = rig.round()
    damaged, restored = rig.incident(), rig.incident()

    assert owed == Owed(BTC, MINUTE, ((NEW_YEAR, NEW_YEAR + HOUR),))
    assert (damaged.kind, damaged.subject) == ("candles_damaged", BTC)
    assert "2026.h5.damaged, fetching it again" in damaged.text
    assert (restored.kind, restored.subject) == ("candles_restored", BTC)
    assert rig.exchange.asked == [(BTC, 1, NEW_YEAR, NEW_YEAR + HOUR)]
    assert rig.reader.whole(BTC) == ((NEW_YEAR, NEW_YEAR + 70 * MINUTE),)
    assert len(rig.reader.load(BTC)) == 70
    assert rig.round() == ()


def test_what_cannot_be_fetched_is_told_once_and_tried_again(rig):
    rig.tell(BTC, range(60))
    rig.start()
    rig.round()
    (rig.root / "candles" / BTC / "2026.h5").write_bytes(b"?")
    assert len(rig.reader.load(BTC)) == 0
    rig.archive.read(BTC)  # a reader that may write sets it aside
    rig.exchange.away = True
    assert len(rig.round()) == len(rig.round()) == 1
    told = rig.incident()
    assert (told.kind, told.subject) == ("candles_not_restored", BTC)
    assert "no answer within 5 s" in told.text
    rig.exchange.away = False
    assert len(rig.round()) == 1
    assert rig.incident().kind == "candles_restored"
    assert len(rig.exchange.asked) == 3


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (ZeroDivisionError("a bug"), "trying again later, see the log"),
        (StorageError("see to the disk"), "trying again later: see to the disk"),
    ],
)
def test_a_fault_is_told_and_does_not_end_the_archivist(rig, caplog, fault, text):
    rig.start()
    rig.archive.fault = fault
    rig.actor.handle(SealNow("a test"))
    assert rig.incident().text == text
    assert ("a bug" in caplog.text) == isinstance(fault, ZeroDivisionError)
    rig.archive.fault = None
    assert rig.round() == ()


def test_an_end_lets_go_of_the_database(rig):
    rig.start()
    rig.actor.on_end()
    assert not rig.actor._thread.is_alive()
    assert len(rig.released) == 1


def test_an_end_before_the_start_is_no_trouble(rig):
    Archivist(
        rig.ear,
        "archivist",
        archive=rig.archive,
        client=rig.exchange,
        now=rig.clock.now,
        real_seconds=rig.clock.real_seconds,
        release=rig.release,
    ).on_end()


def test_an_engine_that_is_given_an_archive_seals_it(rig, tmp_path):
    rig.tell(BTC, range(60))
    rows = Rows()
    clock = ScaledClock(NOON, time.monotonic_ns(), 1.0)
    engine = Engine(
        place=Place("exchange", Quotes(BTC), clock, lambda _: Tape, None, glance),
        markets=(BTC,),
        journal=tmp_path / "journal",
        socket=tmp_path / "web.sock",
        identifier_prefix="abcd1234",
        settings=Settings(),
        seed=1,
        code_version="1",
        outlets=Outlets(rows.write, rig.release, rows.last_sequence, tuple, rig.archive),
    )
    with engine:
        engine._host.tell("archivist", SealNow("a test"))
        rig.archive.looks.get(timeout=20)
    assert len(rig.reader.load(BTC)) == 60
    assert len(rig.released) >= 1


def test_long_stretches_are_fetched_in_pieces():
    assert list(pieces(((0, 5), (9, 10)), 2)) == [(0, 2), (2, 4), (4, 5), (9, 10)]
    assert FETCHED_AT_ONCE * MINUTE == 30 * DAY
