"""REST that lags behind the stream, a stream that doubles itself meanwhile, and long lists of markets."""

import threading

from actors.lookout import Lookout
from actors.runtime import ScaledClock
from actors.upbit.rest import UpbitRest
from domain.market import MINUTE
from domain.messages import GapFilled, IntervalEnded, StreamChanged, TradesPrinted
from tests.actors.stage import T0
from tests.actors.upbit.peer import PING, PONG, frame
from tests.actors.wires import BTC, ETH, Truth, frame_of

WAIT_S = 10.0


def tell(line, truth: Truth, *trades: tuple[int, int], market: str = BTC) -> None:
    """Trades that happen, and are streamed."""
    truth.trades[market] += trades
    line.sendall(b"".join(frame(frame_of(number, at, market)) for number, at in trades))


def looked(truth: Truth, path: str, more: int) -> None:
    """Wait until REST was asked so many times more."""
    enough, seen = threading.Event(), len([one for one in truth.calls if one == path])

    def look() -> None:
        if truth.calls.count(path) >= seen + more:
            enough.set()

    truth.before_answer = look
    assert enough.wait(WAIT_S)


def test_a_gap_stays_open_until_rest_shows_what_the_stream_has_told_since(peer, truth, wired):
    feed = wired(confirm_s=60.0)
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    line.close()
    truth.trades[BTC] += [(2, 20)]
    truth.late = {2, 3}  # REST lags: it shows neither the missing trade nor the one the stream begins with
    line = peer.accept()
    tell(line, truth, (3, 30))
    looked(truth, "/v1/trades/ticks", 2)
    truth.late = set()
    assert feed.numbers(2) == [2, 3]


def test_an_interval_does_not_end_before_rest_shows_the_trades_it_knows_of(peer, truth, wired):
    feed = wired(quiet_s=60.0)
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    truth.trades[BTC] += [(2, MINUTE // 1_000 - 1)]
    truth.late = {2}  # the ticker shows it, the list of trades does not yet
    feed.clock_strikes(T0 + MINUTE)
    line.sendall(frame(peer.read(line, PING), PONG))
    looked(truth, "/v1/trades/ticks", 2)
    truth.late = set()
    printed, ended = feed.until(TradesPrinted, IntervalEnded, count=2, market=BTC)
    assert [trade.sequential_id for trade in printed.trades] == [2]
    assert ended.end == T0 + MINUTE


def test_an_end_that_a_market_has_spoken_past_is_told_while_rest_fails(peer, truth, wired):
    feed = wired(calm_s=0.0)  # no failing look finds the stream speaking
    truth.broken = 500
    line = peer.accept()
    tell(line, truth, (1, MINUTE // 1_000 + 500))
    assert feed.numbers(1) == [1]
    feed.clock_strikes(T0 + MINUTE)
    ended = [(to, said.end) for to, said in feed.ear.all() if isinstance(said, IntervalEnded)]
    assert ended == [(f"market:{BTC}", T0 + MINUTE)]  # the other may be silent or quiet: nobody knows


def test_a_double_while_rest_is_asked_loses_no_trade_that_the_stream_never_told(peer, truth, wired):
    feed = wired()
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    asked, answer = threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        assert answer.wait(WAIT_S)

    truth.before_ticks = hold
    truth.trades[BTC] += [(2, 20)]  # the stream loses this one
    assert asked.wait(WAIT_S)
    line.sendall(frame(frame_of(1, 10)))  # it tells that one twice, and goes on
    tell(line, truth, (3, 30))
    line.sendall(frame(b"", PING))
    peer.read(line, PONG)  # it has been read
    answer.set()
    assert feed.numbers(2) == [2, 3]


def test_a_silence_too_long_for_rest_has_the_market_load_its_candles(peer, truth, wired):
    feed = wired()
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    truth.broken = 500
    feed.time += 100 * MINUTE
    truth.trades[BTC] += [(2, 30 * 60_000), (3, 90 * 60_000)]
    truth.broken = 0
    (lost,) = feed.until(StreamChanged, market=BTC)
    assert lost.reason == "trades were lost"
    assert feed.numbers(1) == [3]
    tell(line, truth, (4, 100 * 60_000))
    (filled,) = feed.until(GapFilled)
    assert filled.unfilled == (BTC,)


def test_a_market_that_begins_again_with_an_old_trade_is_not_held_up(peer, truth, wired):
    feed = wired(confirm_s=60.0)
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    line.close()
    feed.time += 200 * MINUTE
    line = peer.accept()
    tell(line, truth, (2, 60 * 60_000))
    assert feed.numbers(1) == [2]


def test_a_look_at_very_many_markets_asks_for_all_there_are(truth):
    many = [BTC, *(f"KRW-C{number:03}" for number in range(300))]
    rest = UpbitRest(truth.url, None, ScaledClock(T0, 0, 1_000.0))
    truth.trades[BTC] += [(1, 10)]
    assert Lookout(rest, 1.0).newest(many) == {BTC: T0 + 10_000}
    rest.close()
    assert truth.calls == ["/v1/ticker/all"]


def test_an_interval_does_not_end_before_a_trade_of_it_that_is_held(peer, truth, wired):
    feed = wired(confirm_s=60.0, look_s=0.05)
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    line.close()
    line = peer.accept()
    feed.until(StreamChanged, count=2)
    line.sendall(frame(frame_of(2, MINUTE // 1_000 - 1)))  # the stream is ahead of all that REST shows
    feed.clock_strikes(T0 + MINUTE)
    line.sendall(frame(peer.read(line, PING), PONG))
    looked(truth, "/v1/ticker", 3)
    truth.trades[BTC] += [(2, MINUTE // 1_000 - 1)]
    printed, ended = feed.until(TradesPrinted, IntervalEnded, count=2, market=BTC)
    assert [trade.sequential_id for trade in printed.trades] == [2]
    assert ended.end == T0 + MINUTE


def test_a_gap_is_over_when_the_last_market_that_waits_for_its_trades_is_retired(peer, truth, wired):
    feed = wired(snapshot_s=60.0)
    line = peer.accept()
    tell(line, truth, (1, 10))
    tell(line, truth, (2, 20), market=ETH)
    feed.numbers(1)
    feed.numbers(1, ETH)
    line.close()
    line = peer.accept()
    line.sendall(frame(frame_of(2, 20, ETH)))  # ETH has missed nothing; of BTC the stream says nothing yet
    feed.until(StreamChanged, count=1)
    feed.watch(ETH)
    (filled,) = feed.until(GapFilled)
    assert (filled.trades, filled.unfilled) == (0, ())
    tell(line, truth, (3, 30), market=ETH)
    assert feed.numbers(1, ETH) == [3]


def test_a_market_retired_while_rest_is_asked_about_it_is_told_nothing_more(peer, truth, wired, caplog):
    feed = wired(confirm_s=60.0)
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    line.close()
    truth.trades[BTC] += [(3, 30)]
    retired = threading.Event()

    def retire() -> None:
        if not retired.is_set():
            feed.watch(ETH)
            retired.set()

    truth.before_ticks = retire
    line = peer.accept()
    tell(line, truth, (4, 40))
    assert retired.wait(10)
    tell(line, truth, (5, 50), market=ETH)
    told = []
    while not (told and told[-1].market == ETH):
        told += feed.until(TradesPrinted)
    assert {one.market for one in told} == {ETH}
    assert "the feed's stand-in failed" not in caplog.text


def test_a_market_that_comes_back_at_once_is_told_of_as_before(peer, truth, wired):
    feed = wired()
    line = peer.accept()
    tell(line, truth, (1, 10))
    assert feed.numbers(1) == [1]
    feed.watch(ETH)
    feed.watch(BTC, ETH)
    tell(line, truth, (2, 20))
    assert feed.numbers(1) == [2]
