"""Clocks, timers, codec, topology: the small parts."""

import queue
import time
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from actors.runtime import ActorSpec, ScaledClock, Topology, wall_clock
from actors.runtime.codec import decode_message, decode_state, encode, fingerprint
from actors.runtime.parcel import PUBLISH, SEND, TIMER, Outgoing, Parcel, digest
from actors.runtime.record import BrokenFrame, frame, frames
from actors.runtime.timers import Timers
from domain.errors import ConfigError, StorageError
from domain.message import Value

from .sample import Added, Counter, Sink, TotalTold


def test_a_clock_shared_as_three_numbers_reads_the_same() -> None:
    clock = ScaledClock(1_000_000, time.monotonic_ns(), 60.0)
    other = msgspec.json.decode(msgspec.json.encode(clock), type=ScaledClock)
    first, second, third = clock.now(), other.now(), clock.now()
    assert 1_000_000 <= first <= second <= third
    assert clock.real_seconds(60_000_000) == 1.0


def test_a_fast_clock_runs_fast() -> None:
    anchor = time.monotonic_ns() - 2_000_000_000
    assert ScaledClock(0, anchor, 1_000.0).now() >= 2_000_000_000
    assert 2_000_000 <= ScaledClock(0, anchor, 1.0).now() < 2_000_000_000


def test_the_wall_clock_starts_at_the_machines_time() -> None:
    before = time.time_ns() // 1000
    assert before <= wall_clock().now() <= time.time_ns() // 1000 + 1_000


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_a_clock_cannot_stand_or_run_backwards(speed: float) -> None:
    with pytest.raises(ValueError, match="above zero"):
        ScaledClock(0, 0, speed)


def test_timers_fire_earliest_first_and_not_after_stop() -> None:
    fired: queue.Queue[int] = queue.Queue()
    timers = Timers(lambda parcel: fired.put(parcel.message.n))
    for n, seconds in ((3, 0.03), (1, 0.01), (2, 0.02), (9, 60.0)):
        timers.after(seconds, Parcel("timer", "a", Added(n), b""))
    timers.start()
    timers.after(0.0, Parcel("timer", "a", Added(0), b""))
    assert [fired.get(timeout=10) for _ in range(4)] == [0, 1, 2, 3]
    timers.stop()
    assert fired.empty()


class Lot(Value, frozen=True):
    price: Decimal


@dataclass(slots=True)
class Rich:
    row: NDArray[np.float64] = field(default_factory=lambda: np.array([np.nan, -0.0, 1 / 3]))
    grid: NDArray[np.float64] = field(default_factory=lambda: np.arange(6.0).reshape(2, 3))
    maybe: NDArray[np.float64] | None = None
    lots: dict[tuple[str, int], Lot] = field(default_factory=lambda: {("a", 1): Lot(Decimal("1.500"))})
    names: set[str] = field(default_factory=lambda: {"x", "y", "z"})
    pairs: list[tuple[str, Decimal]] = field(default_factory=lambda: [("k", Decimal("0.1"))])


def test_a_state_of_arrays_decimals_dicts_and_structs_comes_back_exactly() -> None:
    state = Rich()
    back = decode_state(Rich, encode(state))
    assert fingerprint(back) == fingerprint(state)
    assert np.array_equal(back.row, state.row, equal_nan=True)
    assert back.grid.shape == (2, 3)
    assert str(back.lots["a", 1].price) == "1.500"
    back.grid[0, 0] = 5  # and it can be written
    assert fingerprint(back) != fingerprint(state)


def test_a_fingerprint_does_not_depend_on_the_order_inside_a_set() -> None:
    one, other = Rich(names=set("abcdefgh")), Rich(names=set())
    for name in "hgfedcba":
        other.names.add(name)
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint(Rich(names=set("abcdefg")))


def test_an_unknown_message_and_one_that_does_not_fit_say_so() -> None:
    with pytest.raises(StorageError, match="NeverHeardOf"):
        decode_message("NeverHeardOf", b"")
    with pytest.raises(StorageError, match="Added"):
        decode_message("Added", encode(TotalTold(1)))


def test_something_that_has_no_bytes_is_refused_when_it_is_sent() -> None:
    with pytest.raises(NotImplementedError, match="cannot be journaled"):
        encode({"lock": object()})


def test_a_digest_covers_kind_receiver_message_order_and_delay() -> None:
    def out(kind=SEND, to="a", n=1, delay_us=0) -> Outgoing:
        return Outgoing(kind, to, Added(n), encode(Added(n)), delay_us)

    variants = [
        [],
        [out()],
        [out(kind=PUBLISH)],
        [out(to="b")],
        [out(n=2)],
        [out(), out(n=2)],
        [out(n=2), out()],
        [out(kind=TIMER, delay_us=1)],
        [out(kind=TIMER, delay_us=2)],
        [Outgoing(SEND, "a", TotalTold(1), encode(Added(1)))],
    ]
    assert len({digest(one) for one in variants}) == len(variants)
    assert digest([]) == 0


@pytest.mark.parametrize("tail", [b"\0", bytes(64), b"\xff" * 9, frame(b"body")[:-1]])
def test_bytes_that_are_no_frame_are_broken(tail: bytes) -> None:
    stream = frames(frame(b"first") + tail)
    assert next(stream)[1] == b"first"
    with pytest.raises(BrokenFrame):
        next(stream)


def test_a_topology_with_a_name_twice_or_a_deaf_topic_is_refused() -> None:
    with pytest.raises(ConfigError, match="taken twice: a"):
        Topology((ActorSpec("a", Counter), ActorSpec("a", Sink)))
    with pytest.raises(ConfigError, match="'news' has subscribers that do not exist: b"):
        Topology((ActorSpec("a", Counter),), {"news": ("a", "b")})


def test_a_factory_may_be_a_partial(bench) -> None:
    with bench.host(Topology((ActorSpec("a", partial(Counter)),))) as host:
        assert set(host.cells) == {"supervisor", "a"}
