"""REST that lags behind the stream, a stream that doubles itself meanwhile, and long lists of markets."""

import threading

import pytest

from domain.market import MINUTE
from domain.messages import GapFilled, IntervalEnded, StreamChanged, TradesPrinted
from tests.actors.stage import T0
from tests.actors.upbit.peer import PING, PONG, Peer, frame
from tests.actors.wires import BTC, Truth, Wired, frame_of

WAIT_S = 10.0


@pytest.fixture
def peer():
    one = Peer()
    yield one
    one.close()


@pytest.fixture
def truth():
    one = Truth()
    yield one
    one.close()


@pytest.fixture
def wired(peer, truth):
    """Opens a feed on them, and closes it."""
    opened = []

    def opening(**patience: float) -> Wired:
        opened.append(Wired(peer.url, truth, **patience))
        return opened[-1]

    yield opening
    for one in opened:
        one.close()


def tell(line, truth: Truth, *trades: tuple[int, int]) -> None:
    """Trades that happen, and are streamed."""
    truth.trades[BTC] += trades
    line.sendall(b"".join(frame(frame_of(number, at)) for number, at in trades))


def looked(truth: Truth, path: str, more: int) -> None:
    """Wait until REST was asked so many times more."""
    enough, seen = threading.Event(), len([one for one in truth.calls if one == path])

    def look() -> None:
        if truth.calls.count(path) >= seen + more:
            enough.set()

    truth.before_ticks = look
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
    line.sendall(frame(frame_of(1, 10)))  # and tells that one twice
    line.sendall(frame(b"", PING))
    peer.read(line, PONG)  # it has been read
    answer.set()
    assert feed.numbers(1) == [2]
