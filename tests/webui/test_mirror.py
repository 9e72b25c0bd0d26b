from decimal import Decimal as D

import msgspec
import pytest

from domain.readmodel import EquityPoint, TapeLine
from tests.webui.samples import NOON, a_curve, a_model, a_position, halted, some_kpis
from webui.mirror import CONNECTION, EQUITY_KEPT, SECTIONS, SILENT_AFTER_S, TAPE_KEPT, Link, Mirror, thinned


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_before_the_first_snapshot_nothing_is_known() -> None:
    view = Mirror().view()
    assert (view.model, view.link, view.age_s, view.now) == (None, Link.GONE, None, None)


def test_a_snapshot_makes_the_engine_live_and_names_every_section() -> None:
    mirror = Mirror()
    told: list[frozenset[str]] = []
    mirror.listen(told.append)
    mirror.replace(a_model())
    assert mirror.view().model == a_model()
    assert mirror.view().link is Link.LIVE
    assert told == [frozenset(SECTIONS) | {CONNECTION}]


def test_a_section_replaces_the_one_before_and_moves_the_sequence() -> None:
    mirror = Mirror()
    mirror.replace(a_model())
    mirror.apply(101, "positions", (a_position(),))
    mirror.apply(102, "state", halted())
    model = mirror.view().model
    assert model is not None
    assert model.positions == (a_position(),)
    assert model.state == halted()
    assert mirror.seq == 102


def test_tape_lines_come_in_any_order_and_stand_newest_first() -> None:
    mirror = Mirror()
    mirror.replace(a_model(tape=(TapeLine(3, NOON, "info", "a", "old"),)))
    mirror.apply(5, "tape", (TapeLine(4, NOON, "info", "b", "newer"), TapeLine(5, NOON, "info", "c", "newest")))
    model = mirror.view().model
    assert model is not None
    assert [line.seq for line in model.tape] == [5, 4, 3]


def test_tape_and_equity_stay_bounded() -> None:
    mirror = Mirror()
    mirror.replace(a_model(equity=a_curve(EQUITY_KEPT)))
    lines = tuple(TapeLine(seq, NOON, "info", "a", "") for seq in range(TAPE_KEPT + 50))
    mirror.apply(1, "tape", lines)
    newest = EquityPoint(NOON + 60_000_000, D(7))
    mirror.apply(2, "equity", (newest,))
    model = mirror.view().model
    assert model is not None
    assert len(model.tape) == TAPE_KEPT
    assert len(model.equity) <= EQUITY_KEPT
    assert model.equity[-1] == newest
    assert model.equity[0] == a_curve(EQUITY_KEPT)[0]


def test_thinning_keeps_the_newer_half_whole() -> None:
    points = a_curve(EQUITY_KEPT + 1)
    kept = thinned(points)
    assert kept[-EQUITY_KEPT // 2 :] == points[-EQUITY_KEPT // 2 :]


def test_a_section_before_the_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match="before its snapshot"):
        Mirror().apply(1, "kpis", some_kpis())


def test_an_engine_that_says_nothing_for_a_minute_is_silent_and_its_age_is_told() -> None:
    clock = Clock()
    mirror = Mirror(clock)
    mirror.replace(a_model())
    clock.now += SILENT_AFTER_S + 1
    assert mirror.view().link is Link.SILENT
    assert mirror.view().age_s == SILENT_AFTER_S + 1
    mirror.apply(101, "kpis", some_kpis())
    assert mirror.view().link is Link.LIVE


def test_a_lost_engine_leaves_what_it_said_and_is_told_once() -> None:
    mirror = Mirror()
    mirror.replace(a_model())
    told: list[frozenset[str]] = []
    mirror.listen(told.append)
    mirror.lost()
    mirror.lost()
    assert mirror.view().link is Link.GONE
    assert mirror.view().model == a_model()
    assert told == [frozenset({CONNECTION})]


def test_the_engines_clock_is_the_newest_time_it_told() -> None:
    mirror = Mirror()
    mirror.replace(a_model(kpis=some_kpis(at=NOON + 5)))
    assert mirror.view().now == NOON + 5
    mirror.replace(msgspec.structs.replace(a_model(), kpis=None, tickers=()))
    assert mirror.view().now == NOON  # the trading state's
