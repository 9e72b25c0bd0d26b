"""An exchange in memory that knows the truth, a shelf that keeps what it is given, and one who only listens."""

import threading
from decimal import Decimal as D

from domain.market import DAY, MINUTE, Bar
from domain.spans import covers, joined

BTC, ETH = "KRW-BTC", "KRW-ETH"
T0 = 20_000 * DAY


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


def bar(minute, price=100):
    value = D(price)
    return Bar(T0 + minute * MINUTE, value, value + 1, value - 1, value, D("0.5"), value / 2)


def bars(*minutes):
    return tuple(bar(minute, 100 + minute % 7) for minute in minutes)


class Truth:
    """Tells the candles of its markets as the exchange does, at most `page` at once; `fails` may break a call."""

    def __init__(self, candles, *, page=200):
        self.candles_of, self.page = candles, page
        self.calls, self.fails = [], lambda _: None
        self._lock = threading.Lock()

    def candles(self, market, unit, to=None, count=200):
        with self._lock:
            self.calls.append((market, unit, to, count))
            number = len(self.calls)
        self.fails(number)
        step = unit * MINUTE
        known = {one.start - one.start % step: one for one in self.candles_of[market]}
        starts = sorted((start for start in known if start < to), reverse=True)
        return tuple(self._told(known[start], start) for start in starts[: min(count, self.page)])

    def pages(self):
        """The ends of the pages asked for; days are only asked to be sure of the beginning."""
        return [(market, to) for market, unit, to, _ in self.calls if unit != 1440]

    @staticmethod
    def _told(one, start):
        return Bar(start, one.open, one.high, one.low, one.close, one.volume, one.value)


class MemoryShelf:
    """Keeps candles and spans; `dies` may end the process before or after a write."""

    def __init__(self):
        self.bars, self.spans, self.writes = {}, {}, 0
        self.dies = lambda _: None

    def whole(self, market, step):
        return self.spans.get((market, step), ())

    def keep(self, market, step, found, whole):
        self.writes += 1
        self.dies(self.writes)
        kept = self.bars.setdefault((market, step), {})
        for one in found:
            assert one.start not in kept, f"{one.start} of {market} was told twice"
            assert covers(whole, one.start, one.start + step), "a candle outside of what is known whole"
            kept[one.start] = one
        self.spans[market, step] = joined((*self.whole(market, step), *whole))

    def held(self, market, step=MINUTE):
        return tuple(one for _, one in sorted(self.bars.get((market, step), {}).items()))


class Listener:
    """Hears the progress and keeps it."""

    def __init__(self):
        self.left, self.covered, self.candles, self.ends = 0, 0, 0, []

    def begin(self, _, left):
        self.left = left

    def page(self, _, candles, __, covered):
        self.candles += candles
        self.covered += covered

    def end(self, outcome):
        self.ends.append(outcome)
