"""One engine on threads with the in-process exchange: what its start makes of what the journal holds."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actors.engine import Engine, Outlets
from actors.replaying import last_time
from actors.runtime import ScaledClock, Status
from actors.runtime.codec import decode_message
from actors.runtime.segments import read
from actors.upbit.quotes import Instrument, Listing, Ticker
from actors.venues import Place
from domain.config import Settings
from domain.errors import ConfigError, StorageError
from domain.market import HOUR, Bar, Book, Level, Trade
from domain.message import Message
from domain.messages import (
    IncidentRaised,
    ListingChanged,
    OrderApproved,
    PositionChanged,
    PositionClosed,
    ReconcileFinished,
    StreamChanged,
)
from domain.orders import Side
from tests.actors.stage import BTC, T0, a_buy

ETH = "KRW-ETH"
PRICE = D(150_000_000)
SPEED = 100.0


class Quotes:
    """The REST side of an exchange that has no candles."""

    def __init__(self, *listed: str) -> None:
        self._listed = listed

    def candle_range(self, *_: object) -> tuple[Bar, ...]:
        return ()

    def market_all(self) -> tuple[str, ...]:
        return self._listed

    def listings(self) -> tuple[Listing, ...]:
        return tuple(Listing(market, market, market, warning=False, cautions=()) for market in self._listed)

    def ticker(self, markets: Sequence[str]) -> tuple[Ticker, ...]:
        return tuple(Ticker(market, T0, *[PRICE] * 4, PRICE, *[D(0)] * 3) for market in markets)

    def ticker_all(self, *_: str) -> tuple[Ticker, ...]:
        return self.ticker(self._listed)

    def candles(self, *_: object) -> tuple[Bar, ...]:
        return ()

    def orderbook(self, markets: Sequence[str], _count: int) -> dict[str, Book]:
        return {market: Book(T0, (Level(PRICE + 1000, D(1)),), (Level(PRICE, D(1)),)) for market in markets}

    def instruments(self, markets: Sequence[str]) -> tuple[Instrument, ...]:
        return tuple(Instrument(market, D(1000), ()) for market in markets)

    def close(self) -> None:
        """There is nothing to close."""


def glance(markets: Sequence[str]) -> dict[str, Ticker]:
    return {market: Ticker(market, T0, *[PRICE] * 4, PRICE, *[D(0)] * 3, state="ACTIVE") for market in markets}


class Tape:
    """The public stream: connected from its start on; a test prints on it."""

    def __init__(self, on_trade, on_book, on_echo, _on_candle, on_state) -> None:
        self._on_trade, self._on_book, self.echo, self._on_state = on_trade, on_book, on_echo, on_state
        self._count = 0
        self._heeded = threading.Event()

    def start(self) -> None:
        self._on_state(True, "connected")

    def stop(self) -> None:
        self._on_state(False, "closed")

    def watch(self, _: tuple[str, ...]) -> None:
        """Every market is printed all the time, and listened to from here on."""
        self._heeded.set()

    def probe(self, mark: int) -> None:
        self.echo(mark)

    def trade(self, price: D, at: int) -> None:
        """A trade in BTC, with a deep book around its price, once somebody listens."""
        assert self._heeded.wait(10)
        self._count += 1
        self._on_book(BTC, Book(at, (Level(price, D(10)),), (Level(price - 100_000, D(10)),)))
        self._on_trade(BTC, Trade(at, price, D(1), Side.BUY, self._count))


def matches(message: Message, fields: dict[str, Any]) -> bool:
    return all(getattr(message, name) == value for name, value in fields.items())


class Rows:
    """Stands where the projection stands; it can never store events of the kinds `never`."""

    def __init__(self, never: Any = ()) -> None:
        self.stored: list[tuple[int, Message]] = []
        self._never = never
        self._more = threading.Condition()

    def write(self, batch: Iterable[tuple[int, Message]]) -> None:
        if any(isinstance(message, self._never) for _, message in batch):
            raise StorageError("a column takes something else")
        with self._more:
            self.stored.extend(batch)
            self._more.notify_all()

    def last_sequence(self) -> int:
        return self.stored[-1][0] if self.stored else 0

    def of(self, kind: Any) -> list[Any]:
        return [message for _, message in self.stored if isinstance(message, kind)]

    def wait_for(self, kind: Any, within_s: float = 20.0, **fields: Any) -> bool:
        """Whether an event of this kind with these fields was stored in time."""
        with self._more:
            return self._more.wait_for(lambda: any(matches(one, fields) for one in self.of(kind)), within_s)


@dataclass
class Stand:
    """One engine with what stands around it."""

    engine: Engine
    rows: Rows
    tapes: list[Tape]

    @property
    def tape(self) -> Tape:
        return self.tapes[-1]


@pytest.fixture
def stand(tmp_path: Path) -> Callable[..., Stand]:
    """Makes engines on one journal, each with a time and a database of its own."""

    def make(
        *markets: str, at: int = T0, listed: tuple[str, ...] = (BTC, ETH), never: Any = (), venue: str = "exchange"
    ) -> Stand:
        rows, tapes = Rows(never), []

        def public(_: tuple[str, ...]) -> Callable[..., Tape]:
            return lambda *callbacks: tapes.append(Tape(*callbacks)) or tapes[-1]

        engine = Engine(
            place=Place(venue, Quotes(*listed), ScaledClock(at, time.monotonic_ns(), SPEED), public, None, glance),
            markets=markets or (BTC,),
            journal=tmp_path / "journal",
            socket=tmp_path / "web.sock",
            identifier_prefix="abcd1234",
            settings=Settings(),
            seed=1,
            code_version="1",
            outlets=Outlets(rows.write, lambda: None, rows.last_sequence, tuple),
        )
        return Stand(engine, rows, tapes)

    return make


def told_times(journal: Path, kind: type) -> list[int]:
    """What the messages of one kind say of their own time, in the order of the journal."""
    return [decode_message(one.type, one.payload).at for one in read(journal) if one.type == kind.__name__]


def test_an_engine_whose_clock_was_set_back_has_one_time_which_goes_on(stand, tmp_path):
    journal = tmp_path / "journal"
    with stand(at=T0 + HOUR).engine as first:
        assert first.close()["reconciled"] is True
    before, count = last_time(journal), len(told_times(journal, StreamChanged))
    with stand(at=T0).engine as second:
        assert second.now() > before
        assert second.read_model().session.started_at > before
        assert second.close()["reconciled"] is True
    told = told_times(journal, StreamChanged)[count:]
    assert told
    assert min(told) > before


def a_position_in_btc(stand: Callable[..., Stand]) -> None:
    """One session in which a buy of BTC is filled."""
    one = stand()
    with one.engine:
        one.tape.trade(PRICE, one.engine.now())
        assert one.rows.wait_for(ReconcileFinished, green=True)
        intent = msgspec.structs.replace(a_buy(), expires_at=0)
        one.engine._host.tell("gateway", OrderApproved(intent))
        assert one.rows.wait_for(PositionChanged)


def test_a_position_is_still_guarded_and_sold_when_its_market_is_left_out_at_the_next_start(stand):
    a_position_in_btc(stand)
    two = stand(ETH)
    with two.engine:
        assert two.engine.read_model().session.markets == (ETH, BTC)
        for _ in range(200):
            two.tape.trade(PRICE * D("0.9"), two.engine.now())
            if two.rows.wait_for(PositionClosed, 0.1):
                break
        assert [one.reason for one in two.rows.of(PositionClosed)] == ["STOP"]


def test_coins_in_a_market_the_exchange_does_not_list_are_told_and_keep_nothing_from_starting(stand):
    a_position_in_btc(stand)
    two = stand(ETH, listed=(ETH,))
    with two.engine:
        assert two.engine.read_model().session.markets == (ETH,)
        assert two.rows.wait_for(ListingChanged, market=BTC, after="HALTED")
        alarm = "are held there and nothing can be traded any more: a person must take them out"
        text = f"{a_buy().volume} {alarm} (the exchange does not list it any more)"
        assert two.rows.wait_for(IncidentRaised, subject=BTC, text=text)  # and nothing is offered there
    assert ("not_listed", BTC) in [(one.kind, one.subject) for one in two.rows.of(IncidentRaised)]


def test_an_event_that_can_never_be_stored_keeps_nothing_from_starting_and_is_told(stand, tmp_path):
    with stand().engine:
        pass
    told = [record for record in read(tmp_path / "journal") if record.to == "recorder"]
    last = [record.seq for record in told if record.type == "StreamChanged"][-1]
    two = stand(never=StreamChanged)
    with two.engine:
        pass
    told = [one.text for one in two.rows.of(IncidentRaised) if one.kind == "not_recorded"]
    assert any(text.startswith(f"event {last} (StreamChanged)") for text in told)


@pytest.mark.parametrize(
    ("first", "then", "way"), [("sandbox", "exchange", "with"), ("exchange", "sandbox", "without")]
)
def test_books_of_another_venue_are_refused_before_anything_starts(stand, first, then, way):
    with stand(venue=first).engine:
        pass
    with pytest.raises(ConfigError, match=f"at the {first}, .* at the {then}: start {way} --sandbox .* --home"):
        stand(venue=then)
    with stand(venue=first).engine:
        pass


def test_btc_is_watched_and_kept_out_of_the_universe_when_the_session_is_for_another_market(stand, tmp_path):
    one = stand(ETH)
    with one.engine:
        one.tape.trade(PRICE, one.engine.now())
        assert one.rows.wait_for(ReconcileFinished, green=True)
    records = list(read(tmp_path / "journal"))
    assert [record.to for record in records if record.status is Status.BORN] == [f"market:{ETH}", f"market:{BTC}"]
    told = [decode_message(one.type, one.payload) for one in records if one.type == "UniverseChanged"]
    assert {changed.markets for changed in told} == {(ETH,)}
    assert any(record.to == f"market:{BTC}" and record.type == "TradesPrinted" for record in records)


def test_the_market_actors_of_another_session_are_retired(stand, tmp_path):
    with stand(BTC, ETH).engine as first:
        first.close()
    two = stand(BTC)
    with two.engine:
        two.tape.trade(PRICE, two.engine.now())
    (retired,) = [record for record in read(tmp_path / "journal") if record.status is Status.RETIRED]
    assert (retired.to, retired.sender) == (f"market:{ETH}", "universe")


def test_btc_is_not_watched_at_an_exchange_that_does_not_list_it(stand, tmp_path):
    with stand(ETH, listed=(ETH,)).engine as engine:
        engine.close()
    assert [one.to for one in read(tmp_path / "journal") if one.status is Status.BORN] == [f"market:{ETH}"]
