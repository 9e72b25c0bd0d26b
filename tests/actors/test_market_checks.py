"""A market's closed minutes on their way to final: told, asked for, compared, and run again where they changed."""

from decimal import Decimal as D

import msgspec
import pytest
from msgspec.structs import replace

from actors.checking import ANSWER_S, FAIL_MAX_S, FAIL_S, LAG_S, SPREAD, RecheckDue
from actors.market import Market, MarketState
from actors.runtime import Recovered
from actors.runtime.codec import decode_state, encode
from domain.finality import KEPT, KEPT_MAX, LAGS_MAX, SETTLE
from domain.market import BASE_FRAME, HOUR, MINUTE, US_PER_S, Bar, Trade
from domain.messages import (
    BarMoved,
    CandlesDoubted,
    CandleSeen,
    CandlesRead,
    CandlesTold,
    CandlesUnread,
    CandlesWanted,
    HistoryLoaded,
    HistoryWanted,
    IncidentRaised,
    IntervalEnded,
    MarketEvaluated,
    MinutesChecked,
    Revision,
    StreamChanged,
    TradesPrinted,
)
from domain.orders import Side
from tests.actors.stage import BTC, T0, Stage, session
from tests.actors.test_market import bars

PRICE = D(20_000)


def at(minutes: float) -> int:
    return T0 + int(minutes * MINUTE)


def bar(k: int, price: int = 20_000, volume: str = "1") -> Bar:
    close, size = D(price), D(volume)
    return Bar(at(k), close, close, close, close, size, close * size)


class Rig:
    """A market that trades once a minute, and the exchange, which tells the same candles apart from `changed`."""

    def __init__(self, name: str = BTC, speed: float = 1.0) -> None:
        self.name = name
        self.stage = Stage(Market, f"market:{name}").tell(session(speed=speed))
        self.changed: dict[int, Bar | None] = {}
        self.minute = 0
        self.count = 0
        self.told: list[CandlesTold] = []
        self.checked: list[MinutesChecked] = []
        self.evaluated: list[MarketEvaluated] = []
        self.wanted: list[CandlesWanted] = []
        self.due: list[tuple[int, RecheckDue]] = []
        self.tell(StreamChanged("public", True, "", T0), "feed")
        self.tell(IntervalEnded(T0), "feed")
        warm = (bars(BASE_FRAME, 300, T0, 20_000), bars(HOUR, 80, T0, 20_000), bars(4 * HOUR, 60, T0, 20_000))
        self.tell(HistoryLoaded(self.name, 0, T0, (), *warm), "rest")

    def tell(self, message, sender: str = "feed") -> "Rig":
        stage = self.stage.tell(message, sender)
        self.told += stage.on("candles", CandlesTold)
        self.checked += stage.on("checks", MinutesChecked)
        self.evaluated += stage.to("portfolio", MarketEvaluated)
        self.wanted += stage.to("rest", CandlesWanted)
        self.due += [(stage.now + delay, one) for delay, one in stage.timers if isinstance(one, RecheckDue)]
        return self

    def trade(self, minutes: float, price: int = 20_000, volume: str = "1", *, number: int = 0) -> "Rig":
        self.count += 1
        one = Trade(at(minutes), D(price), D(volume), Side.BUY, number or self.count)
        return self.tell(TradesPrinted(self.name, (one,)))

    def run(self, minutes: int) -> "Rig":
        """A trade in the middle of each minute, and its end; timers do not ring by themselves."""
        for _ in range(minutes):
            self.stage.now = at(self.minute + 0.5)
            self.trade(self.minute + 0.5)
            self.minute += 1
            self.stage.now = at(self.minute) + 2 * US_PER_S
            self.tell(IntervalEnded(at(self.minute)))
        return self

    def ring(self) -> "Rig":
        """Let the newest timer ring at its time."""
        when, due = self.due[-1]
        self.stage.now = max(self.stage.now, when)
        return self.tell(due, "timer")

    def exchange(self, k: int) -> Bar | None:
        return self.changed.get(k, bar(k))

    def answer(self, wanted: CandlesWanted | None = None) -> "Rig":
        """The exchange answers the newest question, or this one."""
        wanted = wanted or self.wanted[-1]
        first, end = (wanted.since - T0) // MINUTE, (wanted.until - T0) // MINUTE
        found = tuple(one for k in range(first, end) if (one := self.exchange(k)) is not None)
        return self.tell(CandlesRead(self.name, wanted.since, wanted.until, found, wanted.reason), "rest")

    def fail(self) -> "Rig":
        wanted = self.wanted[-1]
        return self.tell(CandlesUnread(self.name, wanted.since, wanted.until, wanted.reason, "HTTP 502"), "rest")

    @property
    def state(self):
        return self.stage.state


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_every_closed_minute_is_told_provisional_an_empty_one_too(rig):
    rig.run(2).tell(IntervalEnded(at(3)))
    assert rig.told == [
        CandlesTold(BTC, at(0), at(1), (bar(0),), "trades", "provisional"),
        CandlesTold(BTC, at(1), at(2), (bar(1),), "trades", "provisional"),
        CandlesTold(BTC, at(2), at(3), (), "trades", "provisional"),
    ]


def test_after_a_base_close_the_exchange_is_asked_once_for_all_settled_minutes(rig):
    rig.run(10)
    assert rig.wanted == []
    rig.ring()
    assert rig.wanted == [CandlesWanted(BTC, at(0), at(9), "check")]  # the tenth ended two seconds ago


def test_the_checks_of_many_markets_are_spread_evenly_and_end_before_the_next_close():
    waits = sorted(Rig(f"KRW-C{n:03}").run(5).due[-1][0] - at(5) - 2 * US_PER_S for n in range(60))
    assert waits[0] >= SETTLE
    assert waits[-1] < SETTLE + SPREAD < BASE_FRAME
    assert all(
        sum(low <= wait < low + SPREAD // 4 for wait in waits) >= 6 for low in range(SETTLE, SPREAD, SPREAD // 4)
    )
    assert Rig("KRW-C007").run(5).due == Rig("KRW-C007").run(5).due


def test_equal_minutes_become_final_as_the_exchange_tells_them(rig):
    rig.run(5).ring()
    rig.told.clear()
    rig.answer()
    (told,) = rig.told
    assert told == CandlesTold(BTC, at(0), at(5), tuple(bar(k) for k in range(5)), "rest", "final")
    assert rig.checked == [MinutesChecked(BTC, at(0), at(5), 5, 0)]
    assert rig.state.finality.waiting == 0


def test_of_a_difference_both_versions_are_told_and_the_exchange_counts(rig):
    rig.changed[1] = other = bar(1, 20_010, "2")
    rig.run(5).ring().answer()
    assert rig.told[-1].revisions == (Revision(at(1), bar(1), other),)
    assert rig.told[-1].bars[1] == other
    assert rig.checked == [MinutesChecked(BTC, at(0), at(5), 5, 1, close_moved=False, lost=1)]


def test_a_close_revised_by_more_than_a_tick_is_told(rig):
    rig.changed[1] = bar(1, 20_020)
    rig.run(5).ring().answer()
    assert rig.checked[-1].close_moved


def test_the_next_decision_runs_on_what_is_final_and_none_is_made_again(rig):
    rig.changed[4] = bar(4, 21_000)
    rig.run(5)
    assert [one.evaluation.close for one in rig.evaluated] == [PRICE]
    rig.ring().answer()
    assert len(rig.evaluated) == 1
    assert rig.state.memory.close == 21_000
    rig.run(5)
    known = Rig()
    known.run(4).trade(4.5, 21_000)
    known.tell(IntervalEnded(at(5)))
    known.minute = 5
    known.run(5)
    assert rig.evaluated[1].evaluation.features == known.evaluated[1].evaluation.features
    assert rig.state.memory.history.tobytes() == known.state.memory.history.tobytes()
    assert rig.evaluated[1].evaluation.features != Rig().run(10).evaluated[1].evaluation.features


def test_a_revision_of_the_base_bar_that_is_still_open_is_in_it_at_its_close(rig):
    rig.changed[6] = bar(6, 20_000, "7")
    rig.run(8)
    rig.stage.now = at(8) + SETTLE
    rig.ring().answer().run(2)
    assert rig.state.last.volume == 1 + 7 + 3


def test_a_late_trade_is_asked_about_at_once_and_changes_only_what_is_final(rig):
    rig.run(5).ring().answer().run(1)
    rig.changed[2] = whole = bar(2, 20_000, "1.5")
    rig.trade(2.9, volume="0.5")
    assert rig.wanted[-1].reason == "late"
    assert rig.wanted[-1].since <= at(2) < at(3) <= rig.wanted[-1].until
    rig.answer()
    assert [one for told in rig.told for one in told.revisions] == [Revision(at(2), bar(2), whole)]
    assert (rig.checked[-1].late, rig.checked[-1].disordered, rig.checked[-1].lost) == (1, 1, 0)
    rig.ring().answer()
    assert rig.checked[-1].late == 0


def test_while_a_late_trade_is_not_in_the_exchanges_candle_it_is_asked_for_again(rig):
    rig.run(5).ring().answer()
    rig.trade(2.9, volume="0.5").answer()
    assert rig.state.finality.doubted == ((at(2), at(3)),)
    for n in range(1, LAGS_MAX):
        when, _ = rig.due[-1]
        assert when - rig.stage.now == int(LAG_S * 2 ** (n - 1) * US_PER_S)
        rig.ring().answer()
    rig.ring().answer()
    assert rig.state.finality.doubted == ()
    assert [one for told in rig.told for one in told.revisions] == []


def test_many_late_trades_cost_one_question_at_a_time(rig):
    rig.run(5)
    for n in range(10):
        rig.trade(2 + n / 100)
    assert len(rig.wanted) == 1
    rig.changed[2] = bar(2, 20_000, "11")
    rig.answer()
    assert len(rig.wanted) == 2
    rig.answer()
    assert len(rig.wanted) == 2
    assert rig.state.finality.doubted == ()


def test_a_bar_decided_while_a_minute_behind_it_is_in_doubt_is_marked(rig):
    rig.run(9).trade(2.9)
    rig.run(1)
    assert [one.evaluation.trusted for one in rig.evaluated] == [True, False]
    rig.changed[2] = bar(2, 20_000, "2")
    rig.answer(rig.wanted[0]).run(5)
    assert [one.evaluation.trusted for one in rig.evaluated] == [True, False, True]


def test_a_trade_from_before_all_that_is_kept_makes_the_market_warm_up_anew(rig):
    rig.run(KEPT // MINUTE + 5).ring().answer().run(5)
    assert rig.state.finality.since > at(1)
    rig.trade(0.5)
    assert rig.state.holding
    evaluated = len(rig.evaluated)
    rig.run(5)
    assert len(rig.evaluated) == evaluated
    assert rig.state.asking
    assert rig.state.finality.until == 0


# --- the exchange's own stream of candles


def test_a_candle_of_the_stream_that_equals_ours_asks_nothing(rig):
    rig.run(1).tell(CandleSeen(BTC, bar(0), at(1)))
    assert (rig.wanted, rig.state.finality.doubted) == ([], ())


@pytest.mark.parametrize("seen", [bar(1, 20_010), bar(1, 20_000, "3")])
def test_a_candle_of_the_stream_that_differs_asks_rest_at_once_and_decides_nothing(rig, seen):
    rig.run(2).tell(CandleSeen(BTC, seen, at(2)))
    assert rig.wanted == [CandlesWanted(BTC, at(0), at(2), "stream")]
    rig.answer()
    for _ in range(LAGS_MAX):  # of a candle with more in it the exchange's own may come later
        rig.ring().answer()
    assert [told.revisions for told in rig.told if told.revisions] == []
    assert (rig.state.finality.unchecked, rig.state.finality.doubted) == ((), ())


def test_a_candle_of_the_stream_where_we_have_none_asks_rest(rig):
    rig.tell(IntervalEnded(at(1))).tell(CandleSeen(BTC, bar(0), at(1)))
    assert [one.reason for one in rig.wanted] == ["stream"]


def test_a_candle_of_the_stream_waits_until_its_minute_is_closed_here(rig):
    rig.trade(0.5).tell(CandleSeen(BTC, bar(0, 20_010), at(1)))
    assert rig.wanted == []
    rig.tell(IntervalEnded(at(1)))
    assert [one.reason for one in rig.wanted] == ["stream"]


def test_a_candle_of_the_stream_from_before_the_market_was_warm_is_not_compared(rig):
    rig.run(1).tell(CandleSeen(BTC, bar(-5, 7), at(1)))
    assert rig.wanted == []


# --- doubts of others


def test_doubted_minutes_are_read_again(rig):
    rig.run(5).ring().answer()
    rig.tell(CandlesDoubted(BTC, at(1), at(3), "spike"), "quality")
    assert rig.wanted[-1] == CandlesWanted(BTC, at(1), at(3), "spike")
    rig.answer()
    assert (rig.told[-1].since, rig.told[-1].until, rig.told[-1].state) == (at(1), at(3), "final")
    assert rig.checked[-1].checked == 2


def test_doubted_minutes_from_before_all_that_is_kept_are_told_as_they_are_now(rig):
    rig.run(1).tell(CandlesDoubted(BTC, at(-20), at(-10), "spike"), "quality")
    assert rig.wanted == [CandlesWanted(BTC, at(-20), at(-10), "spike")]
    rig.answer()
    told = rig.told[-1]
    assert (told.since, told.until, len(told.bars), told.revisions) == (at(-20), at(-10), 10, ())
    assert rig.checked[-1] == MinutesChecked(BTC, at(-20), at(-10), 0, 0, waiting=1)


def test_what_is_doubted_while_the_answer_is_on_its_way_is_asked_for_again(rig):
    rig.run(5).ring()
    rig.tell(CandlesDoubted(BTC, at(1), at(2), "spike"), "quality")
    assert len(rig.wanted) == 1
    rig.answer()
    assert rig.wanted[-1] == CandlesWanted(BTC, at(1), at(2), "again")


# --- an exchange that does not answer


def test_minutes_the_exchange_does_not_have_yet_are_asked_for_again_and_told_then(rig):
    rig.changed[4] = None
    rig.run(5).ring().answer()
    assert [told.until for told in rig.told if told.state == "final"] == [at(4)]
    del rig.changed[4]
    rig.ring().answer()
    assert rig.told[-1] == CandlesTold(BTC, at(4), at(5), (bar(4),), "rest", "final")


def test_a_minute_the_exchange_never_has_is_revised_away_in_the_end(rig):
    rig.changed[4] = None
    rig.run(5)
    for _ in range(LAGS_MAX + 1):
        rig.ring().answer()
    assert rig.told[-1].revisions == (Revision(at(4), bar(4), None),)
    assert rig.state.memory.history[-1].tolist()[:5] == [20_000, 20_000, 20_000, 4, 80_000]


def test_a_failure_is_tried_again_more_and_more_rarely_and_counted(rig):
    rig.run(5).ring()
    waits = []
    for _ in range(9):
        rig.fail()
        waits.append((rig.due[-1][0] - rig.stage.now) / US_PER_S)
        rig.ring()
    assert waits == [FAIL_S, 10, 20, 40, 80, 160, FAIL_MAX_S, FAIL_MAX_S, FAIL_MAX_S]
    assert [one.waiting for one in rig.checked] == [5] * 9
    rig.answer()
    assert rig.checked[-1].waiting == 0
    rig.run(5).ring().fail()
    assert (rig.due[-1][0] - rig.stage.now) / US_PER_S == FAIL_S


def test_an_answer_that_never_comes_counts_as_a_failure(rig):
    rig.run(5).ring()
    assert (rig.due[-1][0] - rig.stage.now) / US_PER_S == ANSWER_S
    rig.ring()
    assert rig.checked[-1].waiting == 5
    rig.ring()
    assert len(rig.wanted) == 2


def test_while_the_exchange_cannot_be_asked_a_doubt_waits_for_the_next_try(rig):
    rig.run(5).ring().fail()
    rig.trade(2.9)
    assert len(rig.wanted) == 1
    rig.ring()
    assert len(rig.wanted) == 2


def test_minutes_that_cannot_be_checked_for_hours_are_given_up_and_counted(rig):
    rig.run(5).ring()
    for _ in range(KEPT_MAX // BASE_FRAME + 1):
        rig.fail().run(5).ring()
    rig.fail()
    assert [one.given_up for one in rig.checked[-3:]] == [0, 5, 5]
    assert rig.checked[-1].waiting == KEPT_MAX // MINUTE
    assert len(rig.state.finality.bars) == KEPT_MAX // MINUTE


def test_impossible_candles_are_reported_and_asked_for_again(rig):
    rig.changed[1] = replace(bar(1), low=D(30_000))
    rig.run(5).ring().answer()
    (incident,) = rig.stage.on("incidents", IncidentRaised)
    assert (incident.kind, incident.subject) == ("bad_candles", BTC)
    assert rig.state.finality.waiting == 5
    rig.changed.clear()
    rig.ring().answer()
    assert rig.state.finality.waiting == 0


def test_waits_for_the_exchange_are_transport_time_whatever_the_clocks_speed():
    rig = Rig(speed=10.0).run(5).ring().fail()
    assert (rig.due[-1][0] - rig.stage.now) / US_PER_S == 10 * FAIL_S


# --- gaps and restarts


def gap(rig: Rig, down: float, up: float) -> None:
    rig.stage.now = at(down)
    rig.tell(StreamChanged("public", False, "gone", at(down)))
    rig.stage.now = at(up)
    rig.tell(StreamChanged("public", True, "back", at(up)))


def test_no_minute_is_told_before_the_gap_is_filled_and_then_as_rest_has_them(rig):
    rig.run(2)
    gap(rig, 2.3, 3.4)
    rig.told.clear()
    rig.trade(3.5).tell(IntervalEnded(at(4))).trade(4.5).tell(IntervalEnded(at(5)))
    assert rig.told == []
    rig.stage.now = at(5) + 2 * US_PER_S
    rig.tell(HistoryLoaded(BTC, at(2), at(4), (bar(2, volume="3"),)), "rest")
    assert rig.told == [
        CandlesTold(BTC, at(2), at(4), (bar(2, volume="3"),), "rest", "final"),
        CandlesTold(BTC, at(4), at(5), (bar(4),), "trades", "provisional"),
    ]
    assert rig.state.finality.unchecked == ((at(0), at(2)), (at(4), at(5)))


def test_the_newest_minute_of_a_filled_gap_is_asked_for_again_for_the_exchange_may_not_have_all_of_it(rig):
    rig.run(2)
    gap(rig, 2.3, 3.4)
    rig.stage.now = at(4) + 2 * US_PER_S
    rig.tell(IntervalEnded(at(4)))
    rig.told.clear()
    rig.tell(HistoryLoaded(BTC, at(2), at(4), (bar(2), bar(3))), "rest")
    assert [(one.since, one.until, one.source, one.state) for one in rig.told] == [
        (at(2), at(3), "rest", "final"),
        (at(3), at(4), "rest", "provisional"),
    ]


def test_impossible_candles_do_not_fill_a_gap(rig):
    rig.run(2)
    gap(rig, 2.3, 3.4)
    rig.tell(IntervalEnded(at(4)))
    rig.tell(HistoryLoaded(BTC, at(2), at(4), (replace(bar(2), low=D(30_000)),)), "rest")
    assert rig.state.holding
    assert [one.kind for one in rig.stage.on("incidents", IncidentRaised)] == ["bad_history"]


def test_a_late_trade_of_a_minute_known_before_the_gap_is_asked_about_too(rig):
    rig.run(3)
    gap(rig, 3.3, 3.4)
    rig.trade(2.9)
    assert [one.reason for one in rig.wanted] == ["late"]


def test_what_was_asked_before_a_restart_is_asked_again_after_it(rig):
    rig.run(5).ring()
    rig.trade(2.9).tell(Recovered(2), "runtime")
    rig.tell(StreamChanged("public", True, "", at(6))).tell(IntervalEnded(at(7)))
    assert len(rig.wanted) == 1
    rig.stage.now = at(7) + 2 * US_PER_S
    rig.tell(HistoryLoaded(BTC, at(5), at(7), (bar(5), bar(6))), "rest")
    assert rig.wanted[-1].reason == "again"
    assert (rig.wanted[-1].since, rig.wanted[-1].until) == (at(0), at(5))


def test_a_late_trade_that_changes_all_does_not_let_an_older_answer_pass_for_a_warm_up(rig):
    rig.run(KEPT // MINUTE + 5).ring().answer().run(5)
    gap(rig, 70.3, 70.4)
    rig.tell(IntervalEnded(at(72)))
    (wanted,) = rig.stage.to("rest", HistoryWanted)
    loaded = HistoryLoaded(BTC, wanted.since, wanted.until, ())
    assert not rig.tell(loaded, "rest").state.holding
    rig.trade(0.5)
    assert rig.tell(loaded, "rest").state.holding


def test_a_state_from_before_minutes_were_checked_is_read_and_warms_up_anew(rig):
    rig.run(7)
    old = msgspec.msgpack.decode(encode(rig.state))
    for name in ("finality", "mark", "check", "streamed", "shown_at", "held"):
        del old[name]
    old |= {"complete_until": at(7), "minutes": []}
    rig.stage.actor.state = decode_state(MarketState, encode(old))
    rig.tell(Recovered(2), "runtime").tell(StreamChanged("public", True, "", at(8))).tell(IntervalEnded(at(8)))
    assert rig.stage.to("rest", HistoryWanted) == [HistoryWanted(BTC, 0, at(8))]


# --- the open minute


def test_the_open_minute_is_shown_now_and_then(rig):
    shown = []
    for n in range(60):
        rig.trade(n / 60)
        shown += rig.stage.on("bars", BarMoved)
    assert len(shown) == 30
    assert shown[-1].bar.volume == 59
    assert shown[-1].bar.start == T0


def test_the_open_minute_is_shown_as_often_in_real_time_whatever_the_clocks_speed():
    rig = Rig(speed=10.0)
    shown = []
    for n in range(60):
        rig.trade(n / 60)
        shown += rig.stage.on("bars", BarMoved)
    assert len(shown) == 3
