"""One engine on threads with the in-process exchange: what its start makes of what the journal holds."""

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from actors.engine import Engine, Outlets
from actors.replaying import last_time
from actors.runtime import ScaledClock
from actors.runtime.codec import decode_message
from actors.runtime.segments import read
from actors.venues import Place
from domain.config import Settings
from domain.market import HOUR, Bar
from domain.message import Message
from domain.messages import StreamChanged
from tests.actors.stage import BTC, T0

SPEED = 100.0


class Quotes:
    """The REST side of an exchange that has no candles."""

    def candle_range(self, *_: object) -> tuple[Bar, ...]:
        return ()

    def close(self) -> None:
        """There is nothing to close."""


class Tape:
    """The public stream: connected from its start on; a test prints on it."""

    def __init__(self, on_trade, on_book, on_echo, on_state) -> None:
        self.trade, self.book, self.echo, self._on_state = on_trade, on_book, on_echo, on_state

    def start(self) -> None:
        self._on_state(True, "connected")

    def stop(self) -> None:
        self._on_state(False, "closed")

    def probe(self, mark: int) -> None:
        self.echo(mark)


class Rows:
    """Stands where the projection stands."""

    def __init__(self) -> None:
        self.stored: list[tuple[int, Message]] = []

    def write(self, batch: Iterable[tuple[int, Message]]) -> None:
        self.stored.extend(batch)

    def catch_up(self, records: Iterable[tuple[int, Message]]) -> int:
        self.stored.extend(records)
        return len(self.stored)

    def last_sequence(self) -> int:
        return self.stored[-1][0] if self.stored else 0


@pytest.fixture
def engine(tmp_path: Path) -> Callable[..., Engine]:
    """Makes engines on one journal, each at a time of its own."""

    def make(*markets: str, at: int = T0) -> Engine:
        place = Place("exchange", Quotes(), ScaledClock(at, time.monotonic_ns(), SPEED), lambda _: Tape, None)
        rows = Rows()
        outlets = Outlets(rows.write, rows.catch_up, lambda: None, rows.last_sequence, tuple)
        return Engine(
            place=place,
            markets=markets or (BTC,),
            journal=tmp_path / "journal",
            socket=tmp_path / "web.sock",
            identifier_prefix="abcd1234",
            settings=Settings(),
            seed=1,
            code_version="1",
            outlets=outlets,
        )

    return make


def told_times(journal: Path, kind: type) -> list[int]:
    """What the messages of one kind say of their own time, in the order of the journal."""
    return [decode_message(one.type, one.payload).at for one in read(journal) if one.type == kind.__name__]


def test_an_engine_whose_clock_was_set_back_has_one_time_which_goes_on(engine, tmp_path):
    journal = tmp_path / "journal"
    with engine(at=T0 + HOUR) as first:
        assert first.close()["reconciled"] is True
    before, count = last_time(journal), len(told_times(journal, StreamChanged))
    with engine(at=T0) as second:
        assert second.now() > before
        assert second.read_model().session.started_at > before
        assert second.close()["reconciled"] is True
    told = told_times(journal, StreamChanged)[count:]
    assert told
    assert min(told) > before
