"""Quality by itself: what blocks entries, when a block ends, what is doubted, what is counted."""

from decimal import Decimal as D

import pytest
from msgspec.structs import replace

from actors.belief import QualityState
from actors.quality import LookDue, Quality
from actors.runtime import Recovered, Restarted
from actors.runtime.codec import decode_state, encode, fingerprint
from domain.config import DataSettings, Settings
from domain.market import BASE_FRAME, DAY, HOUR, MINUTE, US_PER_S, Bar
from domain.messages import (
    CandlesDoubted,
    CandlesTold,
    DataBlocked,
    GapFilled,
    IncidentRaised,
    MinutesChecked,
    QualityMeasured,
    QualityRow,
    SettingsChanged,
    SkewMeasured,
    SourceChanged,
    StreamChanged,
    StreamMeasured,
    UniverseChanged,
)
from tests.actors.stage import BTC, T0, Stage, session

ETH = "KRW-ETH"


def bar(start, close=1_000, **more):
    price = D(close)
    plain = Bar(start, price, price, price, price, D(1), price)
    return replace(plain, **more)


def measured(stage, silent_s, **more):
    plain = StreamMeasured("public", silent_s is not None, (), (), (), (), stage.now, silent_s)
    return replace(plain, **more)


class Watch(Stage):
    """Quality after the opening of a session; `blocks` are those told last, as (market, code)."""

    def __init__(self, *markets, speed=1.0):
        super().__init__(Quality, "quality")
        self.heard = []
        self.tell(session(*(markets or (BTC, ETH)), speed=speed), "engine")

    def tell(self, message, sender="somebody", after_s=0.0):
        super().tell(message, sender, after_s)
        self.heard += [one for _, one in (*self.published, *self.sent)]
        return self

    def all(self, kind):
        return [one for one in self.heard if isinstance(one, kind)]

    @property
    def told(self):
        return self.all(DataBlocked)[-1]

    @property
    def blocks(self):
        return [(block.market, block.code) for block in self.told.blocks]

    def minutes(self, market, count, *, trades=True):
        """Let so many minutes be over and told on time."""
        for _ in range(count):
            self.now += MINUTE
            until = self.now - self.now % MINUTE
            bars = (bar(until - MINUTE),) if trades else ()
            self.tell(CandlesTold(market, until - MINUTE, until, bars, "trades", "provisional"))

    def look(self, after_s=10.0):
        return self.tell(LookDue(self.state.chain), "timer", after_s)

    def alive(self, seconds):
        """Let time pass with everything in order: looks, a lively stream, minutes of every market."""
        for _ in range(int(seconds // 10)):
            before = self.now // MINUTE
            self.look()
            self.tell(measured(self, 0.2))
            if self.now // MINUTE > before:
                until = self.now - self.now % MINUTE
                for market in (BTC, ETH):
                    told = CandlesTold(market, until - MINUTE, until, (bar(until - MINUTE),), "trades", "provisional")
                    self.tell(told)
        return self


def test_a_session_begins_with_the_whole_set_of_blocks():
    assert Watch().told == DataBlocked((), T0)


# --- streams


def test_a_stream_that_is_silent_for_ten_seconds_blocks_entries_and_frees_them_a_minute_after():
    watch = Watch()
    watch.tell(measured(watch, 10.0), after_s=5)
    assert watch.blocks == []
    watch.tell(measured(watch, 10.1), after_s=5)
    assert watch.blocks == [("", "STREAM_SILENT")]
    assert watch.told.blocks[0].text == "public: no data for 10 s, expected within 10 s"
    watch.tell(measured(watch, 0.1), after_s=5)
    for _ in range(5):
        watch.tell(measured(watch, 0.1), after_s=10)
        assert watch.blocks == [("", "STREAM_SILENT")]
    watch.tell(measured(watch, 0.1), after_s=15)
    assert watch.blocks == []
    assert watch.told.ended[0].code == "STREAM_SILENT"


def test_a_stream_that_falls_silent_again_within_the_minute_stays_blocked_from_then_on():
    watch = Watch()
    watch.tell(measured(watch, 11.0))
    watch.tell(measured(watch, 0.1), after_s=5)
    watch.tell(measured(watch, 11.0), after_s=40)
    watch.tell(measured(watch, 0.1), after_s=5)
    watch.tell(measured(watch, 0.1), after_s=55)
    assert watch.blocks == [("", "STREAM_SILENT")]
    watch.tell(measured(watch, 0.1), after_s=16)
    assert watch.blocks == []


def test_markets_that_are_always_quiet_do_not_make_a_stream_silent():
    watch = Watch()
    watch.tell(measured(watch, 39.0, expected_s=40.0))
    assert watch.blocks == []
    watch.tell(measured(watch, 41.0, expected_s=40.0))
    assert watch.told.blocks[0].text == "public: no data for 41 s, expected within 40 s"


def test_a_stream_that_is_down_for_ten_seconds_is_silent_until_it_was_well_for_a_minute():
    watch = Watch()
    watch.tell(StreamChanged("public", False, "gone", watch.now))
    watch.tell(measured(watch, None), after_s=9)
    assert watch.blocks == []
    watch.tell(measured(watch, None), after_s=2)
    assert watch.told.blocks[0].text == "public: down for 11 s, expected within 10 s"
    watch.tell(StreamChanged("public", True, "connected", watch.now))
    watch.tell(measured(watch, 0.1), after_s=1)
    watch.tell(measured(watch, 0.1), after_s=75)
    assert watch.blocks == []


def test_a_stream_nobody_measures_is_well_when_it_comes_up():
    watch = Watch()
    watch.tell(StreamChanged("public", False, "gone", watch.now))
    watch.look(20)
    assert watch.blocks == [("", "STREAM_SILENT")]
    watch.tell(StreamChanged("public", True, "connected", watch.now))
    assert ("", "STREAM_SILENT") not in watch.look(75).blocks


def test_the_private_stream_is_no_data():
    watch = Watch()
    watch.tell(StreamChanged("private", False, "gone", watch.now))
    assert watch.look(20).blocks == []


def test_a_stream_whose_measures_stop_is_not_known():
    watch = Watch()
    watch.tell(measured(watch, 0.1))
    watch.look(30)
    assert watch.blocks == []
    watch.look(1)
    assert watch.told.blocks[0].text == "public: its freshness is not known for 31 s, expected within 30 s"
    watch.tell(measured(watch, 0.1))
    watch.tell(measured(watch, 0.1), after_s=75)
    assert watch.blocks == []


def test_real_seconds_are_longer_on_a_fast_clock():
    watch = Watch(speed=60.0)
    watch.tell(StreamChanged("public", False, "gone", watch.now))
    assert ("", "STREAM_SILENT") not in watch.look(599).blocks
    assert ("", "STREAM_SILENT") in watch.look(2).blocks
    assert watch.timers == [(60 * US_PER_S, LookDue(watch.state.chain))]


# --- clocks


@pytest.mark.parametrize("ahead", [1.1, -1.1])
def test_a_clock_that_is_off_by_more_than_a_second_blocks_entries(ahead):
    watch = Watch()
    watch.tell(SkewMeasured("rest", ahead / 1.1, watch.now))
    assert watch.blocks == []
    watch.tell(SkewMeasured("rest", ahead, watch.now))
    assert watch.told.blocks[0].text == f"rest: the exchange's clock is {ahead:+.1f} s from ours, at most 1 s"
    watch.tell(SkewMeasured("rest", 0.0, watch.now))
    assert watch.look(75).blocks == []


# --- candles that are late


def test_a_market_whose_minute_is_not_told_ninety_seconds_after_its_end_is_late():
    watch = Watch()
    watch.minutes(ETH, 2)
    watch.minutes(BTC, 2)
    assert watch.blocks == []  # ETH was told two minutes ago
    watch.look(31)
    assert watch.blocks == [(ETH, "CANDLE_LATE")]
    assert watch.told.blocks[0].text == "trades: the newest minute ended 151 s ago, expected within 150 s"
    watch.minutes(ETH, 1)
    watch.minutes(BTC, 2)
    assert watch.blocks == []


def test_a_market_in_which_nothing_trades_is_not_late():
    watch = Watch()
    for _ in range(30):
        watch.minutes(ETH, 1, trades=False)
        watch.now -= MINUTE
        watch.minutes(BTC, 1)
        watch.look(0)
    assert watch.blocks == []


def test_when_every_market_is_late_one_block_says_so():
    watch = Watch()
    watch.look(160)
    assert watch.blocks == [("", "CANDLE_LATE")]
    assert "of 2 markets all, the newest minute ended 160 s ago" in watch.told.blocks[0].text
    watch.minutes(BTC, 1)
    watch.look(0)
    assert watch.blocks == [("", "CANDLE_LATE"), (ETH, "CANDLE_LATE")]


def test_a_market_that_may_not_be_entered_any_more_is_not_waited_for():
    watch = Watch()
    watch.minutes(BTC, 3)
    watch.look(0)
    assert watch.blocks == [(ETH, "CANDLE_LATE")]
    watch.tell(UniverseChanged(("KRW-XRP",)))
    assert watch.blocks == []
    assert [block.market for block in watch.told.ended] == [ETH]
    watch.look(160)
    assert watch.blocks == [("", "CANDLE_LATE")]  # the heartbeat's market and the new one


def test_a_candle_needs_some_real_seconds_however_fast_the_clock_runs():
    watch = Watch(speed=600.0)
    assert watch.look(3_000).blocks == []
    assert watch.look(61).blocks == [("", "CANDLE_LATE")]


# --- maintenance


def test_three_minutes_without_a_heartbeat_are_maintenance_at_once():
    watch = Watch()
    watch.minutes(BTC, 5)
    watch.minutes(BTC, 2, trades=False)
    assert ("", "MAINTENANCE") not in watch.blocks
    watch.minutes(BTC, 1, trades=False)
    assert watch.blocks == [("", "MAINTENANCE")]
    assert watch.told.blocks[0].text == "KRW-BTC had no candle for 3 minutes, one is expected in every 3"


def test_after_maintenance_entries_rest_for_half_an_hour():
    watch = Watch(BTC)
    watch.minutes(BTC, 5)
    watch.minutes(BTC, 180, trades=False)
    watch.minutes(BTC, 1)
    resumed = watch.now - MINUTE
    assert watch.blocks == [("", "MAINTENANCE")]
    assert "trades again: entries rest for 30 minutes more" in watch.told.blocks[0].text
    watch.minutes(BTC, 28)
    assert watch.blocks == [("", "MAINTENANCE")]
    watch.minutes(BTC, 1)
    assert watch.blocks == []
    assert watch.told.at == resumed + 30 * MINUTE


def test_maintenance_that_is_seen_only_afterwards_is_recognised_by_the_candles_that_rest_tells():
    watch = Watch(BTC)
    watch.minutes(BTC, 5)
    since, bars = watch.now, (bar(watch.now), bar(watch.now + 20 * MINUTE))
    told = CandlesTold(BTC, since, since + 21 * MINUTE, bars, "rest", "final")
    watch.tell(told, after_s=21 * 60)
    assert watch.blocks == [("", "MAINTENANCE")]
    watch.minutes(BTC, 29)
    assert watch.blocks == []


def test_minutes_nobody_told_are_no_maintenance():
    watch = Watch(BTC)
    watch.minutes(BTC, 5)
    watch.now += 10 * MINUTE
    watch.minutes(BTC, 1)
    assert ("", "MAINTENANCE") not in watch.blocks


def test_minutes_that_rest_tells_after_all_end_what_looked_like_maintenance():
    watch = Watch(BTC)
    watch.minutes(BTC, 5)
    since = watch.now
    watch.minutes(BTC, 3, trades=False)
    assert watch.blocks == [("", "MAINTENANCE")]
    bars = tuple(bar(since + n * MINUTE) for n in range(3))
    watch.tell(CandlesTold(BTC, since, since + 3 * MINUTE, bars, "rest", "final"))
    assert watch.blocks == []


def test_another_market_without_trades_is_no_maintenance():
    watch = Watch()
    watch.minutes(ETH, 10, trades=False)
    assert ("", "MAINTENANCE") not in watch.blocks


# --- spikes and broken candles


def spiky(watch, market=ETH):
    """Two hours of calm, a base bar 20 % up, and one back."""
    for price in (*([1_000] * 24), 1_200, 1_000):
        watch.now += BASE_FRAME
        since = watch.now - BASE_FRAME
        bars = tuple(bar(since + n * MINUTE, price) for n in range(5))
        watch.tell(CandlesTold(market, since, watch.now, bars, "trades", "provisional"))
    return watch.now - 2 * BASE_FRAME


def test_a_spike_blocks_its_market_until_rest_has_told_the_candle_again():
    watch = Watch(ETH)
    start = spiky(watch)
    assert watch.sent == [(f"market:{ETH}", CandlesDoubted(ETH, start, start + BASE_FRAME, "spike"))]
    assert (ETH, "SPIKE") in watch.blocks
    spike = next(block for block in watch.told.blocks if block.code == "SPIKE")
    assert spike.text == f"trades: the base bar at {start} moved by +20.0%, and the next one back"
    half = tuple(bar(start + n * MINUTE, 1_200) for n in range(2))
    watch.tell(CandlesTold(ETH, start, start + 2 * MINUTE, half, "rest", "final"))
    assert (ETH, "SPIKE") in watch.blocks
    rest = tuple(bar(start + n * MINUTE, 1_200) for n in range(2, 5))
    watch.tell(CandlesTold(ETH, start + 2 * MINUTE, start + BASE_FRAME, rest, "rest", "final"))
    assert (ETH, "SPIKE") not in watch.blocks


def test_a_spike_that_rest_confirms_is_never_doubted_again():
    watch = Watch(ETH)
    start = spiky(watch)
    bars = tuple(bar(start + n * MINUTE, 1_200) for n in range(5))
    watch.tell(CandlesTold(ETH, start, start + BASE_FRAME, bars, "rest", "final"))
    watch.minutes(ETH, 10)
    assert len(watch.all(CandlesDoubted)) == 1
    assert (ETH, "SPIKE") not in watch.blocks


def test_the_stream_is_no_answer_to_a_doubt():
    watch = Watch(ETH)
    start = spiky(watch)
    watch.tell(CandlesTold(ETH, start, start + BASE_FRAME, (), "rest", "provisional"))
    assert (ETH, "SPIKE") in watch.blocks


def test_rest_is_asked_again_when_it_does_not_answer():
    watch = Watch(ETH)
    start = spiky(watch)
    assert watch.look(60).all(CandlesDoubted)[1:] == []
    watch.look(1)
    assert watch.to(f"market:{ETH}", CandlesDoubted) == [CandlesDoubted(ETH, start, start + BASE_FRAME, "spike")]
    assert watch.look(30).to(f"market:{ETH}", CandlesDoubted) == []


def test_a_candle_that_cannot_be_is_asked_for_again_once():
    watch = Watch(ETH)
    wrong = bar(T0, low=D(2_000))
    watch.tell(CandlesTold(ETH, T0, T0 + MINUTE, (wrong,), "trades", "provisional"), after_s=60)
    assert watch.sent == [(f"market:{ETH}", CandlesDoubted(ETH, T0, T0 + MINUTE, "broken"))]
    assert watch.blocks == [(ETH, "BROKEN")]
    watch.tell(CandlesTold(ETH, T0, T0 + MINUTE, (wrong,), "rest", "final"), after_s=1)
    assert watch.sent == []  # REST confirms it: it stays
    assert watch.blocks == []


def test_a_candle_that_stands_twice_is_broken():
    watch = Watch(ETH)
    watch.tell(CandlesTold(ETH, T0, T0 + MINUTE, (bar(T0), bar(T0)), "trades", "provisional"))
    assert watch.blocks == [(ETH, "BROKEN")]


# --- revised candles


def checked(watch, market, count, revised, **more):
    until = watch.now - watch.now % MINUTE
    return watch.tell(MinutesChecked(market, until - 5 * MINUTE, until, count, revised, **more))


def test_half_a_per_cent_of_revised_candles_is_told_to_a_person_and_two_per_cent_block():
    watch = Watch()
    checked(watch, ETH, 199, 0)
    checked(watch, ETH, 1, 1)
    assert watch.all(IncidentRaised) == []
    checked(watch, ETH, 0, 0)
    for _ in range(2):
        checked(watch, ETH, 1, 1)
    alerts = [(one.kind, one.subject) for one in watch.all(IncidentRaised)]
    assert alerts == [("candles_revised", ETH), ("candles_revised", "all markets")]
    assert watch.blocks == []
    checked(watch, ETH, 3, 2)
    assert watch.blocks == [("", "REVISED"), (ETH, "REVISED")]
    assert watch.told.blocks[1].text == (
        "trades: REST told 5 of the last hour's 205 candles otherwise (2.4%), at most 2.0%"
    )
    assert len(watch.all(IncidentRaised)) == 2


def test_one_revised_candle_of_a_few_is_told_but_blocks_nothing():
    watch = Watch()
    checked(watch, ETH, 5, 1)
    assert len(watch.all(IncidentRaised)) == 2
    assert watch.blocks == []
    checked(watch, ETH, 5, 1)
    assert (ETH, "REVISED") in watch.blocks


def test_the_share_is_of_all_markets_together_as_well():
    watch = Watch()
    checked(watch, BTC, 1_000, 0)
    checked(watch, ETH, 5, 2)
    assert watch.blocks == [(ETH, "REVISED")]


def test_the_block_ends_a_minute_after_the_hour_has_gone_over_the_revised_candles():
    watch = Watch()
    checked(watch, ETH, 5, 5)
    assert (ETH, "REVISED") in watch.alive(HOUR / US_PER_S - 10 * 60).blocks
    assert watch.alive(20 * 60).blocks == []


def test_a_close_that_moved_is_told_to_a_person():
    watch = Watch()
    checked(watch, ETH, 1_000, 1, close_moved=True)
    assert [(one.kind, one.subject) for one in watch.all(IncidentRaised)] == [("close_revised", ETH)]


def test_the_bounds_are_settings():
    watch = Watch()
    watch.tell(SettingsChanged(Settings(data=DataSettings(silent_s=20)), "me", ""))
    assert watch.tell(measured(watch, 19.0)).blocks == []
    assert watch.tell(measured(watch, 21.0)).blocks == [("", "STREAM_SILENT")]


# --- counters


def told_of(watch, *markets):
    """When the last turn told what was counted of these markets, and what."""
    (told,) = watch.on("quality", QualityMeasured)
    return told.at, [row for row in told.rows if row.market in markets]


def test_what_is_wrong_is_told_every_five_minutes_and_what_is_usual_every_hour():
    watch = Watch(ETH)
    watch.look(0)
    checked(watch, ETH, 5, 0)
    watch.tell(CandlesTold(ETH, T0, T0 + 3 * MINUTE, (bar(T0),), "trades", "provisional"))
    watch.tell(GapFilled("public", "gone", T0, T0 + 5, (ETH,), 7, (), T0))
    watch.look(300)
    assert told_of(watch, "", ETH) == (T0 + BASE_FRAME, [QualityRow("", "public", lost=7)])
    checked(watch, ETH, 5, 1, late=2, doubled=3, disordered=4, lost=1, given_up=6)
    watch.tell(SourceChanged("public", "rest", (ETH,), "silent", watch.now))
    watch.look(300)
    _, rows = told_of(watch, ETH)
    assert rows == [
        QualityRow(ETH, "public", stale=1),
        QualityRow(ETH, "trades", 10, 2, revised=1, late=2, doubled=3, disordered=4, lost=1, given_up=6),
    ]
    assert watch.look(1).on("quality", QualityMeasured) == []
    checked(watch, ETH, 5, 0)
    assert watch.look(300).on("quality", QualityMeasured) == []
    assert told_of(watch.look(2_700), ETH)[1] == [QualityRow(ETH, "trades", checked=5)]


# --- starts


def test_a_process_start_gives_everything_its_time_again_and_forgets_no_block():
    watch = Watch()
    spiky(watch)
    watch.tell(SkewMeasured("rest", 2.0, watch.now))
    watch.tell(measured(watch, 0.1))
    watch.tell(Recovered(2), after_s=DAY / US_PER_S)
    assert {code for _, code in watch.blocks} >= {"SPIKE", "CLOCK_SKEW"}
    assert watch.to(f"market:{ETH}", CandlesDoubted)
    assert watch.on("data", DataBlocked)
    assert {code for _, code in watch.look(149).blocks} == {"SPIKE", "CLOCK_SKEW"}
    assert "CANDLE_LATE" in {code for _, code in watch.look(2).blocks}


def test_a_restart_tells_all_again_and_starts_its_timers_anew():
    watch = Watch()
    watch.tell(SkewMeasured("rest", 2.0, watch.now))
    watch.tell(Restarted())
    assert [block.code for block in watch.told.blocks] == ["CLOCK_SKEW"]
    assert watch.told.changed == ()
    assert watch.on("data", DataBlocked)
    stale = LookDue(watch.state.chain - 1)
    assert watch.tell(stale).timers == []


def test_all_it_knows_survives_a_snapshot():
    watch = Watch()
    spiky(watch)
    watch.minutes(BTC, 5, trades=False)
    checked(watch, ETH, 5, 2)
    watch.tell(measured(watch, 11.0))
    back = decode_state(QualityState, encode(watch.state))
    assert fingerprint(back) == fingerprint(watch.state)
