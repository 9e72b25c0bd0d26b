"""One market as it stands now: its last trade, its day, its forming candle, its book."""

from dataclasses import dataclass
from typing import Final

from actors.sandbox import exact
from actors.sandbox.books import BookMaker
from actors.sandbox.display import Displayed, Touch
from actors.sandbox.history import SECOND, Candle, History, Period, by_second, candle_of
from actors.sandbox.listing import Listing
from actors.sandbox.prints import Print
from actors.sandbox.recorded import Happening
from actors.sandbox.series import Series
from actors.sandbox.tape import minute_prints
from domain.market import DAY, MINUTE

YEAR: Final = 364 * DAY
SECONDS_KEPT: Final = 90 * DAY  # candles of a second are told for three months


@dataclass(slots=True)
class Day:
    """What traded since 00:00 UTC; `value` as its series counts it, units in 1e-8 coins.

    Of the `units` those bought and sold by takers are counted from the minute with index `until` on; the day's minutes
    before it begin at index `first`.
    """

    start: int
    prior: float
    open: float
    high: float
    low: float
    value: int = 0
    units: int = 0
    bid_units: int = 0
    first: int = 0
    until: int = 0

    def take(self, trade: Print, value: int) -> None:
        """Count one trade."""
        if not self.units:
            self.open = self.high = self.low = trade.price
        self.high, self.low = max(self.high, trade.price), min(self.low, trade.price)
        self.value += value
        self.units += trade.units
        self.bid_units += trade.units * trade.buys


class LiveMarket:
    """The state of one market after everything that happened up to a time, which is given when it is made."""

    def __init__(self, series: Series, now: int) -> None:
        self.market = series.market
        self.series = series
        self.listing = Listing()
        self.history = History(series)
        self.forming: Candle | None = None
        self.done = series.index(now - now % MINUTE)
        self.last = self._last_over()
        self.day = self._day_so_far()
        self._books = BookMaker(series)
        self._book: Displayed | None = None
        self._shown = 0
        self._touch: Touch | None = None
        self._base: tuple[int, int, int] | None = None
        self._extremes = self._year()
        if series.recorded is not None:
            self._catch_up(series.recorded.until(now), now - now % MINUTE)
            return
        for trade in minute_prints(series, self.done):
            if trade.at <= now:
                self.take(trade)

    def take(self, trade: Print) -> None:
        """Print one trade."""
        start = trade.at - trade.at % MINUTE
        one = candle_of(self.series, start, trade)
        if self.forming is None or self.forming.start < start:
            self.done = self.series.index(start)
            self.forming = one
        elif self.forming.start == start:  # a recorded trade told late is in the candle of its minute already
            self.forming = self.forming.joined(one)
        if trade.at // DAY * DAY > self.day.start:
            self.day = Day(trade.at // DAY * DAY, self.last.price, trade.price, trade.price, trade.price)
        self.day.take(trade, one.value)
        self.last = trade
        if self.series.recorded is None:
            self._book = self._touch = None
        high, low = self._extremes
        if trade.price > high[0] or trade.price < low[0]:
            point = (trade.price, trade.at)
            self._extremes = (max(high, point), min(low, point))

    def show(self, book: Displayed) -> None:
        """Show a recorded book."""
        self._book, self._touch = book, None
        self._shown += 1

    @property
    def book(self) -> Displayed:
        """The book the last trade left behind, which the next one will meet; or the one recorded last."""
        if self._book is None:
            nothing = Displayed(self.last.at // 1000, (), (), [], [])
            self._book = nothing if self.series.recorded else self._books.between(self.last, self.touch)
        return self._book

    @property
    def touch(self) -> Touch:
        """The best prices of that book."""
        if self._touch is None:
            made = self.series.recorded is None
            self._touch = self._books.touch(self.last, self._following()) if made else self.book.touch()
        return self._touch

    @property
    def book_event(self) -> int:
        """A number of the book's own."""
        return self.last.sequential_id if self.series.recorded is None else self._shown

    def candles(self, period: Period, *, before: int, count: int) -> list[Candle]:
        """Candles that start before `before`, newest first, the forming one included."""
        if period is SECOND:
            return self._seconds(before, count)
        if count == 1 and period.step == MINUTE and self.forming and self.forming.start < before:
            return [self.forming]
        return self.history.newest(period, self.done, self.forming, before=before, count=count)

    def rolling(self) -> tuple[float, int]:
        """Quote currency and 1e-8 coins traded in the 24 hours up to the last trade, to the minute."""
        since, series = self.last.at - self.last.at % MINUTE - DAY, self.series
        if self._base is None or self._base[0] != since:
            part = slice(series.index(since), self.done)
            self._base = (since, exact.total(series.value, part), exact.total(series.units, part))
        _, value, units = self._base
        forming = self.forming
        if forming is not None and forming.start >= since:
            value, units = value + forming.value, units + forming.units
        return value / series.per, units

    def taken(self) -> tuple[int, int]:
        """What takers sold and bought since 00:00 UTC, in 1e-8 coins."""
        day = self.day
        if day.first < day.until:  # asked for the first time since this market opened in the middle of a day
            earlier = (trade for index in range(day.first, day.until) for trade in minute_prints(self.series, index))
            day.bid_units += sum(trade.units for trade in earlier if trade.buys)
            day.first = day.until
        return day.units - day.bid_units, day.bid_units

    @property
    def year_high(self) -> tuple[float, int]:
        """Highest price of the last 52 weeks and when it was printed."""
        return self._extremes[0]

    @property
    def year_low(self) -> tuple[float, int]:
        """Lowest price of the last 52 weeks and when it was printed."""
        return self._extremes[1]

    def printed(self, index: int) -> tuple[Print, ...]:
        """The trades of a minute that have been printed by now."""
        if index > self.done or (index == self.done and self.forming is None):
            return ()
        prints = minute_prints(self.series, index)
        if self.series.recorded is not None:  # a trade of an earlier minute may have been told late
            return tuple(trade for trade in prints if trade.told_ms <= self.last.told_ms)
        return prints if index < self.done else prints[: prints.index(self.last) + 1]

    def _catch_up(self, events: tuple[Happening, ...], minute: int) -> None:
        """Let what was recorded happen; the minutes before this one are counted already."""
        for event in events:
            if isinstance(event, Displayed):
                self.show(event)
            elif event.at >= minute:
                self.take(event)

    def _following(self) -> Print | None:
        """The trade that comes after the last one."""
        prints = minute_prints(self.series, self.done)
        place = 0 if self.forming is None else prints.index(self.last) + 1
        if place < len(prints):
            return prints[place]
        return next(iter(minute_prints(self.series, self.done + 1)), None)

    def _seconds(self, before: int, count: int) -> list[Candle]:
        """Candles of a second; three months old ones are told no more."""
        index = min(self.series.index(before - before % MINUTE + MINUTE) - 1, self.done)
        oldest, found = self.last.at - SECONDS_KEPT, list[Candle]()
        while index >= 0 and self.series.time[index] >= oldest and len(found) < count:
            newest = reversed(by_second(self.series, self.printed(index)))
            found.extend(candle for candle in newest if candle.start < before)
            index -= 1
        return found[:count]

    def _last_over(self) -> Print:
        """The last trade of the minutes that are over."""
        if self.done:
            return minute_prints(self.series, self.done - 1)[-1]
        if self.series.recorded is None:
            raise AssertionError("a market opens after its first minute")
        return self.series.recorded.seed

    def _year(self) -> tuple[tuple[float, int], tuple[float, int]]:
        series, end = self.series, self.done
        if not end:
            return (self.last.price, self.last.at), (self.last.price, self.last.at)
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
        if not end:
            price = self.last.price
            prior = series.recorded.prior if series.recorded else price
            return Day(self.last.at // DAY * DAY, prior, price, price, price)
        start = int(series.time[end - 1]) // DAY * DAY
        first = series.index(start)
        prior = float(series.close[first - 1]) if first else float(series.open[0])
        part = slice(first, end)
        return Day(
            start,
            prior,
            float(series.open[first]),
            float(series.high[part].max()),
            float(series.low[part].min()),
            exact.total(series.value, part),
            exact.total(series.units, part),
            first=first,
            until=end,
        )
