"""A feed whose stream drops, doubles, or falls silent, and the REST side that stands in; over real sockets."""

import json

from domain.market import MINUTE
from domain.messages import (
    GapFilled,
    IntervalEnded,
    SourceChanged,
    StreamChanged,
    StreamMeasured,
    TradesPrinted,
)
from tests.actors.stage import T0
from tests.actors.upbit.peer import PING, PONG, TEXT, frame
from tests.actors.wires import BTC, ETH, Truth, frame_of

MINUTE_MS = MINUTE // 1_000


def tell(line, truth: Truth, *trades: tuple[int, int], market: str = BTC) -> None:
    """Trades that happen, and are streamed."""
    truth.trades[market] += trades
    line.sendall(b"".join(frame(frame_of(number, at, market)) for number, at in trades))


def asks_for_list(peer, line) -> bool:
    return json.loads(peer.read(line, TEXT))[1] == {"method": "LIST_SUBSCRIPTIONS"}


def test_a_double_is_told_once_and_what_comes_out_of_order_is_told(peer, truth, wired):
    feed = wired()
    line = peer.accept()
    tell(line, truth, (3, 30))
    line.sendall(frame(frame_of(3, 30)) + frame(frame_of(1, 10)))
    tell(line, truth, (4, 40))
    assert feed.numbers(3) == [3, 1, 4]


def test_trades_of_a_gap_come_before_those_after_it_each_once(peer, truth, wired):
    feed = wired(confirm_s=60.0)
    line = peer.accept()
    tell(line, truth, (1, 10), (2, 20))
    assert feed.numbers(2) == [1, 2]
    line.close()
    truth.trades[BTC] += [(3, 30), (4, 40)]
    line = peer.accept()
    assert json.loads(peer.read(line, TEXT))[1]["codes"] == [BTC, ETH]
    tell(line, truth, (5, 50))  # the snapshot: the newest there is
    tell(line, truth, (6, 60))
    assert feed.numbers(4) == [3, 4, 5, 6]
    (filled,) = feed.until(GapFilled, SourceChanged)  # a line that comes back at once is no reason to stand in
    assert (filled.markets, filled.trades, filled.unfilled) == ((BTC,), 2, ())
    assert filled.since == T0 + 20_000
    assert filled.until >= T0 + 50_000


def test_a_gap_in_which_nothing_traded_asks_for_no_trades(peer, truth, wired):
    feed = wired(look_s=60.0, calm_s=60.0)
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    line.close()
    line = peer.accept()
    line.sendall(frame(frame_of(1, 10)))  # the snapshot shows the trade known already
    (filled,) = feed.until(GapFilled)
    assert (filled.markets, filled.trades) == ((), 0)
    assert "/v1/trades/ticks" not in truth.calls


def test_a_quiet_market_without_a_snapshot_is_whole_again_when_rest_shows_nothing_newer(peer, truth, wired):
    feed = wired()
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    line.close()
    line = peer.accept()
    (filled,) = feed.until(GapFilled)
    assert (filled.markets, filled.trades, filled.unfilled) == ((), 0, ())
    tell(line, truth, (2, 20))
    assert feed.numbers(1) == [2]


def test_a_gap_rest_cannot_fill_holds_nobody_up_for_long_and_the_market_loads_its_candles(peer, truth, wired):
    feed = wired(hold_s=0.2)
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    truth.broken = 500
    line.close()
    line = peer.accept()
    tell(line, truth, (5, 50))
    changed, printed = feed.until(StreamChanged, TradesPrinted, count=2, market=BTC)
    assert (changed.connected, changed.reason) == (True, "trades were lost")
    assert [trade.sequential_id for trade in printed.trades] == [5]
    (filled,) = feed.until(GapFilled)
    assert (filled.markets, filled.unfilled) == ((BTC,), (BTC,))


def test_a_stream_that_is_connected_but_silent_is_taken_over_and_handed_back(peer, truth, wired):
    feed = wired()
    line = peer.accept()
    peer.read(line, TEXT)
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    truth.trades[BTC] += [(2, 20), (3, 30)]
    assert feed.numbers(2) == [2, 3]
    (source,) = feed.until(SourceChanged)
    assert (source.source, source.markets, source.reason) == ("rest", (BTC,), "silent")
    assert asks_for_list(peer, line)
    truth.trades[BTC] += [(4, 40)]
    assert feed.numbers(1) == [4]
    tell(line, truth, (5, 50))
    printed, back, filled = feed.until(TradesPrinted, SourceChanged, GapFilled, count=3)
    assert [trade.sequential_id for trade in printed.trades] == [5]
    assert back.source == "stream"
    assert (filled.reason, filled.since, filled.trades) == ("silent", T0 + 10_000, 3)
    tell(line, truth, (6, 60))
    assert feed.numbers(1) == [6]


def test_a_market_the_stream_never_told_of_is_taken_over_too(peer, truth, wired):
    feed = wired()
    peer.accept()
    truth.trades[ETH] += [(7, 70)]
    assert feed.numbers(1, ETH) == [7]
    (source,) = feed.until(SourceChanged)
    assert source.markets == (ETH,)


def test_a_quiet_market_is_left_alone(peer, truth, wired):
    feed = wired()
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    looks = truth.calls.count("/v1/ticker")
    while truth.calls.count("/v1/ticker") < looks + 5:
        (measured,) = feed.until(StreamMeasured)
        assert measured.on_rest == ()
    assert "/v1/trades/ticks" not in truth.calls


def test_while_the_stream_is_down_rest_stands_in(peer, truth, wired):
    feed = wired()
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    peer.close()
    truth.trades[BTC] += [(2, 20)]
    assert feed.numbers(1) == [2]
    (source,) = feed.until(SourceChanged)
    assert source.source == "rest"
    truth.trades[BTC] += [(3, 30)]
    assert feed.numbers(1) == [3]


def end_of_interval(feed, peer, line) -> None:
    """The clock says that a minute is over, and the connection lives past it."""
    feed.clock_strikes(T0 + MINUTE)
    line.sendall(frame(peer.read(line, PING), PONG))


def test_no_interval_ends_for_a_market_before_the_trades_it_misses(peer, truth, wired):
    feed = wired(quiet_s=60.0)
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    truth.trades[BTC] += [(2, MINUTE_MS - 1)]
    end_of_interval(feed, peer, line)
    printed, ended = feed.until(TradesPrinted, IntervalEnded, count=2, market=BTC)
    assert [trade.sequential_id for trade in printed.trades] == [2]
    assert ended.end == T0 + MINUTE


def test_the_interval_of_a_market_that_is_only_quiet_ends_after_a_look(peer, truth, wired):
    feed = wired(quiet_s=60.0)
    line = peer.accept()
    feed.until(StreamChanged)
    end_of_interval(feed, peer, line)
    assert [one.end for one in feed.until(IntervalEnded, count=2)] == [T0 + MINUTE] * 2
    assert truth.calls == ["/v1/ticker"]


def test_an_interval_ends_without_a_look_for_a_market_that_spoke_just_now(peer, truth, wired):
    feed = wired(quiet_s=60.0, settle_s=60.0, look_s=60.0)
    line = peer.accept()
    tell(line, truth, (8, 10), market=ETH)
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    feed.clock_strikes(T0 + MINUTE)
    tell(line, truth, (2, MINUTE_MS))
    ended, printed = feed.until(TradesPrinted, IntervalEnded, count=2, market=BTC)
    assert (ended.end, printed.trades[0].sequential_id) == (T0 + MINUTE, 2)
    assert truth.calls == []


def test_an_interval_that_waits_for_rest_ends_with_a_later_trade_of_the_stream(peer, truth, wired):
    feed = wired(quiet_s=60.0, calm_s=60.0)
    truth.broken = 500
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    line.close()
    line = peer.accept()
    line.sendall(frame(frame_of(1, 10)))
    feed.until(GapFilled)
    end_of_interval(feed, peer, line)
    tell(line, truth, (2, MINUTE_MS))
    printed, ended = feed.until(TradesPrinted, IntervalEnded, count=2, market=BTC)
    assert (printed.trades[0].sequential_id, ended.end) == (2, T0 + MINUTE)


def test_when_rest_does_not_answer_a_quiet_market_is_believed_while_the_stream_tells_of_another(peer, truth, wired):
    feed = wired(quiet_s=60.0, calm_s=60.0)
    truth.broken = 500
    line = peer.accept()
    tell(line, truth, (1, 10), market=ETH)
    assert feed.numbers(1, ETH) == [1]
    end_of_interval(feed, peer, line)
    assert [one.end for one in feed.until(IntervalEnded, count=2)] == [T0 + MINUTE] * 2


def test_one_market_that_is_gone_does_not_blind_the_look_at_the_others(peer, truth, wired):
    feed = wired()
    truth.unknown = {ETH}
    peer.accept()
    truth.trades[BTC] += [(2, 20)]
    assert feed.numbers(1) == [2]
    assert "/v1/ticker/all" in truth.calls


def test_a_stream_that_stays_silent_is_tried_on_another_connection(peer, truth, wired):
    feed = wired(renew_s=0.2)
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    truth.trades[BTC] += [(2, 20)]
    (lost,) = feed.until(StreamChanged)
    assert not lost.connected
    assert "although there were trades" in lost.reason
    again = peer.accept()
    assert json.loads(peer.read(again, TEXT))[1]["codes"] == [BTC, ETH]


def test_freshness_is_told_by_type(peer, truth, wired):
    feed = wired()
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    (measured,) = feed.until(StreamMeasured)
    assert measured.connected
    assert [kind for kind, _ in measured.types] == ["trade"]
    assert measured.types[0][1] < 10
