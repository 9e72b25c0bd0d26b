from decimal import Decimal as D

import pytest

from actors.feed import Feed
from actors.pace import Pace
from actors.rhythm import MarketStaleness, Staleness
from domain.market import MINUTE, US_PER_S, Bar, Book, Level, Trade
from domain.messages import (
    BookSeen,
    CandleSeen,
    IntervalDue,
    IntervalEnded,
    MarketsWatched,
    SkewMeasured,
    StreamChanged,
    StreamMeasured,
    TickerSeen,
    TradesPrinted,
)
from domain.orders import Side
from tests.actors.edge import Ear
from tests.actors.stage import T0

BTC, ETH = "KRW-BTC", "KRW-ETH"


class Stream:
    """The socket's end: the test calls what the stream would call."""

    def __init__(self, on_trade, on_book, on_echo, on_candle, on_state) -> None:
        self.trade, self.book, self.echo, self.candle, self.state = on_trade, on_book, on_echo, on_candle, on_state
        self.probes: list[int] = []
        self.watched: list[tuple[str, ...]] = []
        self.running = False
        self.fresh = Staleness(None, None, None, (), (), (), 0)

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def watch(self, markets: tuple[str, ...]) -> None:
        self.watched.append(markets)

    def probe(self, mark: int) -> None:
        self.probes.append(mark)

    def staleness(self) -> Staleness:
        return self.fresh


class Rig:
    """A feed of two markets with its stream and its host."""

    def __init__(self, **more) -> None:
        self.ear = Ear()

        def open_stream(*callbacks):
            self.stream = Stream(*callbacks)
            return self.stream

        self.feed = Feed(self.ear, "feed", open_stream=open_stream, markets=(BTC, ETH), now=lambda: T0, **more)
        self.feed.on_begin()

    def watch(self, *markets: str) -> None:
        self.feed.run_turn("universe", MarketsWatched(markets), T0)

    def due(self, end: int) -> list:
        self.feed.run_turn("clock", IntervalDue(end), end + 2 * US_PER_S)
        return self.ended()

    def ended(self) -> list[tuple[str, int]]:
        return [(name, one.end) for name, one in self.ear.all() if isinstance(one, IntervalEnded)]


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.fixture
def heard() -> Rig:
    """A feed that an exchange in this process listens to."""
    return Rig(listeners=("venue",))


def trade(at: int, number: int = 1) -> Trade:
    return Trade(at, D(100), D(1), Side.BUY, number)


def book(at: int) -> Book:
    return Book(at, (Level(D(101), D(1)),), (Level(D(100), D(1)),))


def candle(k: int, volume: int = 1) -> Bar:
    """A candle of minute k as the exchange's stream tells it."""
    return Bar(T0 + k * MINUTE, *[D(100)] * 4, D(volume), D(100 * volume))


BOTH = [(f"market:{BTC}", T0 + MINUTE), (f"market:{ETH}", T0 + MINUTE)]


def test_it_lives_as_long_as_its_stream(rig):
    assert rig.stream.running
    rig.feed.on_end()
    assert not rig.stream.running


def test_every_trade_goes_to_its_market_and_others_are_only_a_pulse(rig):
    rig.stream.trade(BTC, trade(T0))
    rig.stream.trade("KRW-DOGE", trade(T0))
    assert [(to, type(one)) for to, one in rig.ear.all()] == [(f"market:{BTC}", TradesPrinted), ("tickers", TickerSeen)]


def test_a_book_goes_to_the_listeners_alone_once_a_second(heard):
    for at in (T0, T0 + US_PER_S // 2, T0 + US_PER_S):
        heard.stream.book(BTC, book(at))
    heard.stream.book(ETH, book(T0))
    told = [(to, one.market, one.book.at) for to, one in heard.ear.all() if isinstance(one, BookSeen)]
    assert told == [("venue", BTC, T0), ("venue", BTC, T0 + US_PER_S), ("venue", ETH, T0)]


def test_the_last_book_of_a_market_that_fell_silent_comes_with_the_next_frame_of_any_market(heard):
    for late in range(3):
        heard.stream.book(BTC, book(T0 + late))
    heard.ear.all()
    heard.stream.trade("KRW-DOGE", trade(T0 + US_PER_S // 2))
    assert heard.ear.of(BookSeen) == []
    heard.stream.trade("KRW-DOGE", trade(T0 + US_PER_S))
    assert [(one.market, one.book.at) for one in heard.ear.of(BookSeen)] == [(BTC, T0 + 2)]
    heard.stream.trade("KRW-DOGE", trade(T0 + 5 * US_PER_S))
    assert heard.ear.of(BookSeen) == []


def test_a_book_that_waited_when_the_stream_dropped_never_goes_out(heard):
    heard.stream.book(BTC, book(T0))
    heard.stream.book(BTC, book(T0 + 1))
    heard.stream.state(False, "gone")
    heard.stream.state(True, "back")
    heard.ear.all()
    heard.stream.trade(BTC, trade(T0 + 5 * US_PER_S))
    assert heard.ear.of(BookSeen) == []


def test_a_pace_lets_each_market_through_by_itself_and_keeps_only_the_newest():
    pace: Pace[str] = Pace(10)
    assert pace.passes(BTC, "first", 0)
    assert pace.passes(ETH, "other", 1)
    assert not pace.passes(BTC, "second", 5)
    assert not pace.passes(BTC, "third", 9)
    assert pace.late(9) == []
    assert pace.late(11) == ["third"]
    assert not pace.passes(BTC, "fourth", 12)
    assert pace.passes(BTC, "fifth", 21)
    assert pace.late(40) == []


def test_an_end_that_is_told_due_again_is_told_ended_again_and_nothing_else(rig):
    rig.due(T0 + MINUTE)
    rig.stream.echo(T0 + MINUTE)
    rig.ear.all()
    assert rig.due(T0 + MINUTE) == BOTH  # the clock came back and told it again: markets know it by then


def test_a_disconnection_keeps_what_is_due_until_frames_come_again(rig):
    rig.due(T0 + MINUTE)
    rig.stream.state(False, "gone")
    rig.due(T0 + 2 * MINUTE)
    assert rig.stream.probes == [T0 + MINUTE, T0 + 2 * MINUTE]
    rig.stream.state(True, "back")
    rig.ear.all()
    rig.stream.echo(T0 + 2 * MINUTE)
    assert [end for _, end in rig.ended()] == [T0 + MINUTE] * 2 + [T0 + 2 * MINUTE] * 2


def test_an_interval_ends_at_once_when_a_later_frame_has_been_seen(rig):
    rig.stream.trade(BTC, trade(T0 + MINUTE))
    rig.ear.all()
    assert rig.due(T0 + MINUTE) == BOTH
    assert rig.stream.probes == []


def test_otherwise_it_waits_for_a_frame_of_any_market_and_tells_the_end_before_the_trade(rig):
    rig.stream.trade(BTC, trade(T0 + MINUTE - 1))
    rig.ear.all()
    assert rig.due(T0 + MINUTE) == []
    rig.stream.trade(ETH, trade(T0 + MINUTE))
    heard = [type(one) for _, one in rig.ear.all()]
    assert heard[:3] == [IntervalEnded, IntervalEnded, TradesPrinted]


def test_a_quiet_market_is_probed_and_the_echo_ends_the_interval(rig):
    assert rig.due(T0 + MINUTE) == []
    assert rig.stream.probes == [T0 + MINUTE]
    rig.stream.echo(T0 + MINUTE)
    assert rig.ended() == BOTH


def test_intervals_that_piled_up_end_in_order(rig):
    rig.due(T0 + MINUTE)
    rig.due(T0 + 2 * MINUTE)
    rig.stream.trade(BTC, trade(T0 + 2 * MINUTE))
    assert [end for _, end in rig.ended()] == [T0 + MINUTE] * 2 + [T0 + 2 * MINUTE] * 2


def test_the_in_process_exchange_hears_the_trades_that_the_markets_hear(heard):
    heard.stream.trade(BTC, trade(T0))
    assert [to for to, one in heard.ear.all() if isinstance(one, TradesPrinted)] == [f"market:{BTC}", "venue"]


def test_the_state_of_the_connection_is_published_and_told_to_the_listeners(heard):
    heard.stream.state(False, "silent for 25 s")
    down = StreamChanged("public", False, "silent for 25 s", T0)
    assert heard.ear.all() == [("streams", down), ("venue", down)]


def test_a_trade_told_twice_goes_on_once_and_the_next_one_says_so(rig):
    for number in (1, 1, 1, 2, 3):
        rig.stream.trade(BTC, trade(T0, number))
    told = rig.ear.of(TradesPrinted)
    assert [(one.trades[0].sequential_id, one.doubled) for one in told] == [(1, 0), (2, 2), (3, 0)]


def test_of_the_candles_of_a_minute_the_last_one_is_told_when_a_later_minute_begins(rig):
    for bar in (candle(0, 1), candle(0, 2), candle(1, 1)):
        rig.stream.candle(BTC, bar)
    assert rig.ear.all() == [(f"market:{BTC}", CandleSeen(BTC, candle(0, 2), T0))]


def test_the_candle_of_a_market_that_fell_silent_is_told_when_the_clock_says_the_minute_is_over(rig):
    rig.stream.candle(BTC, candle(0))
    rig.stream.candle(ETH, candle(1))
    rig.feed.run_turn("clock", IntervalDue(T0 + MINUTE), T0)
    assert rig.ear.of(CandleSeen) == [CandleSeen(BTC, candle(0), T0)]
    rig.feed.run_turn("clock", IntervalDue(T0 + 2 * MINUTE), T0)
    assert [one.market for one in rig.ear.of(CandleSeen)] == [ETH]


def test_a_candle_that_changes_after_it_was_told_is_told_again(rig):
    rig.stream.candle(BTC, candle(0))
    rig.feed.run_turn("clock", IntervalDue(T0 + MINUTE), T0)
    rig.stream.candle(BTC, candle(0, 2))
    rig.stream.candle(BTC, candle(1))
    assert [one.bar.volume for one in rig.ear.of(CandleSeen)] == [1, 2]


def test_candles_hold_nothing_up_and_are_no_pulse(rig):
    rig.stream.candle(BTC, candle(5))
    assert rig.due(T0 + MINUTE) == []
    rig.stream.echo(T0 + MINUTE)
    assert rig.ended() == BOTH


def test_candles_of_a_market_that_is_not_ours_are_dropped(rig):
    rig.stream.candle("KRW-DOGE", candle(0))
    rig.stream.candle("KRW-DOGE", candle(1))
    assert rig.ear.all() == []


def test_a_silent_candle_is_late_only_when_there_was_a_trade_for_it(rig):
    silent = [MarketStaleness("candle.1m", market, 30.0, 12.0) for market in (BTC, ETH)]
    rig.stream.fresh = Staleness(99.0, 1.0, 1.0, tuple(silent), (), (), 0)
    rig.stream.trade(BTC, trade(T0))
    rig.feed._measure(())
    (told,) = rig.ear.of(StreamMeasured)
    assert told.late == (("candle.1m", BTC, 30.0),)


def test_a_measure_tells_how_long_no_data_came_and_how_long_is_usual(rig):
    busy, calm = MarketStaleness("trade", BTC, 3.0, 11.0), MarketStaleness("trade", ETH, 30.0, 80.0)
    new = MarketStaleness("orderbook", ETH, 0.1, None)
    for dataless_s, connected_s in ((3.0, 99.0), (None, 4.0), (None, None)):
        rig.stream.fresh = Staleness(connected_s, 0.1, dataless_s, (busy, calm, new), (), (), 0)
        rig.feed._measure(())
    told = rig.ear.of(StreamMeasured)
    assert [one.silent_s for one in told] == [3.0, 4.0, None]
    assert {one.expected_s for one in told} == {11.0}


def test_how_far_the_clocks_are_apart_is_told_when_it_has_changed():
    ahead = iter([None, 0.5, 0.5, -1.5])
    rig = Rig(skew=lambda: next(ahead))
    for _ in range(4):
        rig.feed._measure(())
    assert [(name, one.ahead) for name, one in rig.ear.all() if isinstance(one, SkewMeasured)] == [
        ("quality", 0.5),
        ("quality", -1.5),
    ]


def test_what_rest_has_found_quiet_is_not_told_late(rig):
    silent = [MarketStaleness(kind, market, 30.0, 12.0) for kind in ("trade", "orderbook") for market in (BTC, ETH)]
    never = MarketStaleness("ticker", BTC, None, None)
    rig.stream.fresh = Staleness(99.0, 1.0, 1.0, (*silent, never), (("ticker", BTC),), (), 0)
    rig.feed._tapes[BTC].looked = 1.0
    rig.feed._measure((ETH,))
    (told,) = rig.ear.of(StreamMeasured)
    assert told.connected
    assert told.types == (("orderbook", 30.0), ("trade", 30.0))
    assert told.late == (("trade", ETH, 30.0), ("orderbook", BTC, 30.0), ("orderbook", ETH, 30.0))
    assert (told.unheard, told.on_rest) == ((("ticker", BTC),), (ETH,))


# --- which markets


XRP = "KRW-XRP"


def test_a_new_market_is_subscribed_and_told_of_the_stream_with_its_first_trade(rig):
    rig.stream.state(True, "connected")
    rig.watch(BTC, ETH, XRP)
    assert rig.stream.watched == [(BTC, ETH, XRP)]
    rig.ear.all()
    rig.stream.trade(XRP, trade(T0))
    rig.stream.trade(XRP, trade(T0, 2))
    told = [one for to, one in rig.ear.all() if to == f"market:{XRP}"]
    assert [type(one) for one in told] == [StreamChanged, TradesPrinted, TradesPrinted]
    assert (told[0].stream, told[0].connected, told[0].at) == ("public", True, T0)


def test_a_new_market_without_a_trade_is_told_of_the_stream_at_the_end_of_a_whole_minute(rig):
    rig.stream.state(True, "connected")
    rig.watch(BTC, ETH, XRP)
    for minute in (0, 1):
        rig.ear.all()
        rig.feed.run_turn("clock", IntervalDue(T0 + minute * MINUTE), T0)
        rig.stream.echo(T0 + minute * MINUTE)
        told = [type(one) for to, one in rig.ear.all() if to == f"market:{XRP}"]
        assert told == [*[StreamChanged] * minute, IntervalEnded]


def test_a_new_market_hears_of_another_connection_with_all_the_others(rig):
    rig.stream.state(True, "connected")
    rig.watch(BTC, ETH, XRP)
    rig.stream.state(False, "lost before it was heard")
    rig.stream.state(True, "connected")
    rig.stream.trade(XRP, trade(T0))
    assert [to for to, one in rig.ear.all() if isinstance(one, StreamChanged)] == ["streams"] * 3


def test_a_retired_market_is_told_nothing_more_and_subscribed_no_more(heard):
    heard.stream.state(True, "connected")
    heard.watch(ETH)
    assert heard.stream.watched == [(ETH,)]
    heard.ear.all()
    heard.stream.trade(BTC, trade(T0))
    heard.stream.book(BTC, book(T0))
    heard.feed.run_turn("clock", IntervalDue(T0 + MINUTE), T0)
    heard.stream.echo(T0 + MINUTE)
    assert [(to, type(one)) for to, one in heard.ear.all()] == [(f"market:{ETH}", IntervalEnded)]


def test_a_market_that_is_watched_again_is_new(rig):
    rig.stream.state(True, "connected")
    rig.stream.trade(BTC, trade(T0))
    rig.watch(ETH)
    rig.watch(BTC, ETH)
    rig.ear.all()
    rig.stream.trade(BTC, trade(T0))  # the snapshot of the new subscription, which this actor has never heard
    told = [type(one) for to, one in rig.ear.all() if to == f"market:{BTC}"]
    assert told == [StreamChanged, TradesPrinted]


def test_the_same_markets_again_change_nothing(rig):
    rig.stream.state(True, "connected")
    rig.watch(ETH, BTC)
    assert rig.stream.watched == []
    rig.ear.all()
    rig.stream.trade(BTC, trade(T0))
    assert StreamChanged not in {type(one) for _, one in rig.ear.all()}
