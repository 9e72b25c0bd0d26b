"""From a socket that is cut to the next decision: the market decides on nothing before the hole is filled."""

from decimal import Decimal as D

import pytest

from actors.market import Market
from domain.market import BASE_FRAME, HOUR, MINUTE, US_PER_S, Bar
from domain.message import Message
from domain.messages import (
    CandlesTold,
    HistoryLoaded,
    HistoryWanted,
    IntervalEnded,
    MarketEvaluated,
    StreamChanged,
    TradesPrinted,
)
from tests.actors.stage import T0, Stage, session
from tests.actors.upbit.peer import PING, PONG, TEXT, Peer, frame
from tests.actors.wires import BTC, ETH, Truth, Wired, frame_of

PRICE = D(100)


def bars(step: int, count: int, until: int) -> tuple[Bar, ...]:
    return tuple(Bar(until - n * step, PRICE, PRICE, PRICE, PRICE, D(1), PRICE) for n in range(count, 0, -1))


class Chain:
    """A feed on a real socket, and the market it tells; `wanted` is the history asked for and not yet given."""

    def __init__(self, feed: Wired) -> None:
        self.feed = feed
        self.market = Stage(Market, f"market:{BTC}").tell(session())
        self.evaluated: list[int] = []
        self.wanted: list[HistoryWanted] = []
        self.trades: list[int] = []
        self.told: list[CandlesTold] = []

    def tell(self, message: Message, sender: str = "feed") -> None:
        self.market.now = self.feed.time
        self.market.tell(message, sender)
        self.evaluated += [one.evaluation.at - T0 for one in self.market.to("portfolio", MarketEvaluated)]
        self.wanted += self.market.to("rest", HistoryWanted)
        self.told += self.market.on("candles", CandlesTold)

    def until(self, kind: type[Message]) -> None:
        """Hand on what the feed says, up to the first of this kind."""
        for to, message in self.feed.ear.each():
            if to not in {f"market:{BTC}", "streams"}:
                continue
            self.tell(message)
            if isinstance(message, TradesPrinted):
                self.trades += [trade.sequential_id for trade in message.trades]
            if isinstance(message, kind):
                return


@pytest.fixture
def chain(peer, truth):
    feed = Wired(peer.url, truth)
    yield Chain(feed)
    feed.close()


def trades(truth: Truth, *told: tuple[int, float], market: str = BTC) -> bytes:
    """Trades that happen (number, seconds after T0), as the stream tells them."""
    happened = [(number, int(seconds * 1_000)) for number, seconds in told]
    truth.trades[market] += happened
    return b"".join(frame(frame_of(number, at, market)) for number, at in happened)


def warm_up(chain: Chain, peer: Peer, truth: Truth):
    """Connected, and its history loaded up to the first minute."""
    line = peer.accept()
    peer.read(line, TEXT)
    line.sendall(trades(truth, (1, 1.0)))
    chain.until(TradesPrinted)
    strike(chain, peer, line, T0 + MINUTE)
    (wanted,) = chain.wanted
    chain.wanted.clear()
    warm = (bars(BASE_FRAME, 300, T0), bars(HOUR, 80, T0), bars(4 * HOUR, 60, T0))
    minute = Bar(T0, PRICE, PRICE, PRICE, PRICE, D(1), PRICE)
    chain.tell(HistoryLoaded(BTC, wanted.since, wanted.until, (minute,), *warm), "rest")
    return line


def strike(chain: Chain, peer: Peer, line, end: int) -> None:
    """A minute is over, and the connection lives past it."""
    chain.feed.clock_strikes(end)
    line.sendall(frame(peer.read(line, PING), PONG))
    chain.until(IntervalEnded)


def test_after_a_drop_the_next_decision_waits_for_the_candles_of_the_hole(chain, peer, truth):
    line = warm_up(chain, peer, truth)
    line.sendall(trades(truth, (2, 70.0)))
    chain.until(TradesPrinted)
    chain.feed.time = T0 + 130 * US_PER_S
    line.close()
    trades(truth, (3, 131.0), (4, 189.0))  # nobody hears of these
    line = peer.accept()
    peer.read(line, TEXT)
    chain.feed.time = T0 + 200 * US_PER_S
    line.sendall(trades(truth, (5, 201.0)))
    chain.until(TradesPrinted)
    assert chain.trades == [1, 2, 3, 4, 5]
    strike(chain, peer, line, T0 + BASE_FRAME)
    assert chain.evaluated == []
    (wanted,) = chain.wanted
    assert (wanted.since, wanted.until) == (T0 + MINUTE, T0 + BASE_FRAME)
    hole = tuple(Bar(T0 + n * MINUTE, PRICE, PRICE, PRICE, PRICE, D(n), PRICE * n) for n in (1, 2, 3))
    chain.tell(HistoryLoaded(BTC, wanted.since, wanted.until, hole), "rest")
    assert chain.evaluated == [BASE_FRAME]
    assert chain.market.state.last.volume == 1 + 1 + 2 + 3


def test_of_a_silent_stream_the_next_decision_is_made_on_the_trades_rest_tells(chain, peer, truth):
    line = warm_up(chain, peer, truth)
    trades(truth, (2, 70.0), (3, 140.0), (4, 299.9))
    trades(truth, (9, 10.0), market=ETH)
    strike(chain, peer, line, T0 + BASE_FRAME)
    assert chain.trades == [1, 2, 3, 4]
    assert chain.evaluated == [BASE_FRAME]
    assert chain.market.state.last.volume == 1 + 3


def test_trades_that_nobody_could_tell_are_never_taken_for_none(peer, truth):
    """The stand-in gives the hole up; until the candles of it have come there is no minute and no decision."""
    feed = Wired(peer.url, truth, hold_s=0.2)
    chain = Chain(feed)
    try:
        line = warm_up(chain, peer, truth)
        line.sendall(trades(truth, (2, 70.0)))
        chain.until(TradesPrinted)
        chain.feed.time = T0 + 130 * US_PER_S
        truth.broken = 500
        line.close()
        trades(truth, (3, 131.0))
        chain.until(StreamChanged)
        chain.told.clear()
        line = peer.accept()
        peer.read(line, TEXT)
        chain.feed.time = T0 + 200 * US_PER_S
        line.sendall(trades(truth, (5, 201.0)))
        chain.until(TradesPrinted)
        assert chain.trades == [1, 2, 5]
        for end in (T0 + BASE_FRAME, T0 + 2 * BASE_FRAME):
            line.sendall(trades(truth, (end // MINUTE, (end - T0) / US_PER_S + 0.5)))
            chain.feed.clock_strikes(end)
            chain.until(IntervalEnded)
        assert (chain.evaluated, chain.told) == ([], [])
        wanted = chain.wanted[0]
        assert wanted.since == T0 + MINUTE
        hole = tuple(Bar(T0 + n * MINUTE, PRICE, PRICE, PRICE, PRICE, D(n), PRICE * n) for n in (1, 2, 3))
        chain.tell(HistoryLoaded(BTC, wanted.since, wanted.until, hole), "rest")
        assert chain.evaluated == [2 * BASE_FRAME]
        assert (chain.told[0].source, chain.told[0].bars[0].volume) == ("rest", 1)
    finally:
        feed.close()
