"""One market as it stands now: its last trade, its day, its forming candle, its book."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from actors.sandbox.books import BookMaker, Displayed
from actors.sandbox.history import Candle, History
from actors.sandbox.series import UNITS, Series
from actors.sandbox.tape import print_tape
from domain.market import DAY, MINUTE

YEAR: Final = 364 * DAY


class Print(NamedTuple):
    """One public trade: microseconds UTC, KRW, volume in 1e-8 coins, whether the taker bought, sequential id."""

    at: int
    price: float
    units: int
    buys: bool
    sequential_id: int


@dataclass(slots=True)
class Day:
    """What traded since 00:00 UTC; `value` in KRW, units in 1e-8 coins by the taker's side."""

    start: int
    prior: float
    open: float
    high: float
    low: float
    value: float = 0.0
    bid_units: int = 0
    ask_units: int = 0

    @property
    def units(self) -> int:
        """Volume in 1e-8 coins."""
        return self.bid_units + self.ask_units

    def take(self, trade: Print) -> None:
        """Count one trade."""
        if not self.units:
            self.open = self.high = self.low = trade.price
        self.high, self.low = max(self.high, trade.price), min(self.low, trade.price)
        self.value += trade.price * trade.units / UNITS
        if trade.buys:
            self.bid_units += trade.units
        else:
            self.ask_units += trade.units


class LiveMarket:
    """The state of one market after every trade printed up to a time, which is given when it is made."""

    def __init__(self, series: Series, now: int) -> None:
        self.market = series.market
        self.series = series
        self.history = History(series)
        self.forming: Candle | None = None
        self.done = series.index(now - now % MINUTE)
        self.last = minute_prints(series, self.done - 1)[-1]
        self.day = self._day_so_far()
        self._books = BookMaker(series)
        self._book: Displayed | None = None
        self._base: tuple[int, float, int] | None = None
        self._extremes = self._year()
        for trade in minute_prints(series, self.done):
            if trade.at <= now:
                self.take(trade)

    def take(self, trade: Print) -> None:
        """Print one trade."""
        start = trade.at - trade.at % MINUTE
        value = trade.price * trade.units / UNITS
        one = Candle(start, trade.price, trade.price, trade.price, trade.price, trade.units, value, trade.at // 1000)
        if self.forming is None or self.forming.start != start:
            self.done = self.series.index(start)
            self.forming = one
        else:
            self.forming = self.forming.joined(one)
        if trade.at // DAY * DAY != self.day.start:
            self.day = Day(trade.at // DAY * DAY, self.last.price, trade.price, trade.price, trade.price)
        self.day.take(trade)
        self.last = trade
        self._book = None
        high, low = self._extremes
        if trade.price > high[0] or trade.price < low[0]:
            point = (trade.price, trade.at)
            self._extremes = (max(high, point), min(low, point))

    @property
    def book(self) -> Displayed:
        """The book the last trade left behind."""
        if self._book is None:
            last = self.last
            self._book = self._books.after(last.price, last.sequential_id, last.at // 1000, bought=last.buys)
        return self._book

    def candles(self, step: int, *, before: int, count: int) -> list[Candle]:
        """Candles that start before `before`, newest first, the forming one included."""
        return self.history.newest(step, self.done, self.forming, before=before, count=count)

    def rolling(self) -> tuple[float, int]:
        """KRW and 1e-8 coins traded in the 24 hours up to the last trade, to the minute."""
        since = self.last.at - self.last.at % MINUTE - DAY
        if self._base is None or self._base[0] != since:
            part = slice(self.series.index(since), self.done)
            self._base = (since, float(self.series.value[part].sum()), self.series.traded(part))
        _, value, units = self._base
        forming = self.forming
        if forming is not None and forming.start >= since:
            return value + forming.value, units + forming.units
        return value, units

    @property
    def year_high(self) -> tuple[float, int]:
        """Highest price of the last 52 weeks and when it was printed."""
        return self._extremes[0]

    @property
    def year_low(self) -> tuple[float, int]:
        """Lowest price of the last 52 weeks and when it was printed."""
        return self._extremes[1]

    def _year(self) -> tuple[tuple[float, int], tuple[float, int]]:
        series, end = self.series, self.done
        first = min(series.index(int(series.time[end - 1]) - YEAR), end - 1)
        high = first + int(series.high[first:end].argmax())
        low = first + int(series.low[first:end].argmin())
        return (
            (float(series.high[high]), int(series.time[high])),
            (float(series.low[low]), int(series.time[low])),
        )

    def _day_so_far(self) -> Day:
        """The day of the last trade as it stood when the current minute began."""
        series, end = self.series, self.done
        start = int(series.time[end - 1]) // DAY * DAY
        first = series.index(start)
        prior = float(series.close[first - 1]) if first else float(series.open[0])
        units = series.traded(slice(first, end))
        return Day(
            start,
            prior,
            float(series.open[first]),
            float(series.high[first:end].max()),
            float(series.low[first:end].min()),
            float(series.value[first:end].sum()),
            units // 2,
            units - units // 2,
        )


def minute_prints(series: Series, index: int) -> list[Print]:
    """The trades of one minute by its index; none when there is no such minute."""
    if not 0 <= index < len(series.time):
        return []
    tape = print_tape(series, index, index + 1)
    ids = tape.at * 10 + tape.number
    columns = (tape.at, tape.price, tape.units, tape.buys, ids)
    return [Print(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
