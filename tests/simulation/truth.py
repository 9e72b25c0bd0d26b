"""What really happened in a simulated month: the sandbox's made-up world, its trades, and its REST code's answers."""

import functools
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray

from actors.sandbox.answers import Request
from actors.sandbox.choices import Choices
from actors.sandbox.history import candle_of
from actors.sandbox.live import LiveMarket
from actors.sandbox.quotation_candles import Candles
from actors.sandbox.series import Series
from actors.sandbox.synthetic import MARKETS, synthetic_universe
from actors.sandbox.tape import minute_prints
from actors.sandbox.world import exact_trade
from actors.upbit import wire
from actors.upbit.quotation import Quotation
from domain.market import DAY, MINUTE, Trade
from domain.spans import Span

COLUMNS = ("open", "high", "low", "close", "volume", "value")
Columns = dict[str, NDArray[Any]]


@dataclass(slots=True)
class Truth:
    """Every trade and every candle of the `series`, by the market's name; nothing trades in the `silences`."""

    series: dict[str, Series]
    silences: tuple[Span, ...] = ()
    live: dict[str, LiveMarket] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.series = {name: _without(series, self.silences) for name, series in self.series.items()}

    def trades(self, market: str, minute: int) -> tuple[Trade, ...]:
        """The trades of the minute that starts at this time, oldest first."""
        series = self.series[market]
        index = series.index(minute)
        if index == len(series.time) or series.time[index] != minute:
            return ()
        return tuple(map(exact_trade, minute_prints(series, index)))

    def last(self, market: str, now: int) -> Trade:
        """The last trade up to `now`."""
        series = self.series[market]
        index = series.index(now - now % MINUTE + MINUTE) - 1
        told = [one for place in (index - 1, index) for one in minute_prints(series, place) if one.at <= now]
        return exact_trade(told[-1])

    def candles(self, market: str, since: int, until: int) -> Columns:
        """The minutes that start in [since, until) as columns: `time` int64 microseconds UTC, the others float64."""
        series = self.series[market]
        part = slice(series.index(since), series.index(until))
        columns: Columns = {name: getattr(series, name)[part] for name in ("time", "open", "high", "low", "close")}
        columns["volume"] = np.array([units / 10**8 for units in series.units[part].tolist()], np.float64)
        columns["value"] = np.array([value / series.per for value in series.value[part].tolist()], np.float64)
        return columns

    def bar(self, market: str, since: int, until: int) -> tuple[float, ...]:
        """Close, high, low, volume, value of [since, until), and whether anything traded: the close before if not."""
        series = self.series[market]
        part = slice(series.index(since), series.index(until))
        if part.start == part.stop:
            close = float(series.close[part.start - 1])
            return close, close, close, 0.0, 0.0, 0.0
        units, value = sum(series.units[part].tolist()), sum(series.value[part].tolist())
        prices = float(series.close[part][-1]), float(series.high[part].max()), float(series.low[part].min())
        return *prices, units / 10**8, value / series.per, 1.0

    def at(self, market: str, now: int) -> LiveMarket:
        """The sandbox's view of a market after everything up to `now`."""
        series = self.series[market]
        if market not in self.live:
            self.live[market] = LiveMarket(series, now)
            self.live[market].market = market  # a market of the second world has a name of its own
        live = self.live[market]
        live.done = series.index(now - now % MINUTE)
        printed = [candle_of(series, now - now % MINUTE, one) for one in minute_prints(series, live.done)]
        told = [one for one in printed if one.last_ms * 1_000 <= now and series.time[live.done] == one.start]
        live.forming = functools.reduce(type(told[0]).joined, told) if told else None
        return live


def made_up(count: int, seed: int, since: int, days: int) -> dict[str, Series]:
    """So many markets, busy and quiet ones, of made-up worlds: those of the second world are called KRW-BTC2."""
    found: dict[str, Series] = {}
    for number in range(1, -(-count // len(MARKETS)) + 1):
        wanted = min(count - len(found), len(MARKETS))
        names = tuple(MARKETS[place * len(MARKETS) // wanted] for place in range(wanted))
        world = synthetic_universe(seed * 1_000 + number, days, names, since // DAY * DAY)
        found |= {f"{name}{number if number > 1 else ''}": one for name, one in world.items()}
    return found


def quotation(truth: Truth, now: Any) -> Quotation:
    """Our client's REST calls, answered by the sandbox's own code as the world stands at `now()`."""

    def get(path: str, params: dict[str, Any], group: str, urgency: object) -> Any:
        del group, urgency
        query = urlencode({name: value for name, value in params.items() if value is not None})
        at = now()
        world: Any = SimpleNamespace(
            markets={params["market"]: truth.at(params["market"], at)}, now=at, choices=Choices()
        )
        answer = Candles(world).minutes(Request("GET", path, query, {}))
        return wire.load(answer.body)

    line: Any = SimpleNamespace(get=get)
    return Quotation(line, SimpleNamespace(now=now), keys=None, smp_type=None, pause=lambda _: None)


def _without(series: Series, silences: tuple[Span, ...]) -> Series:
    """The same market, but nothing trades in some stretches of time."""
    kept = np.ones(len(series.time), bool)
    for since, until in silences:
        kept &= (series.time < since) | (series.time >= until)
    names = ("time", "open", "high", "low", "close", "step", "units", "value", "last_ms")
    return replace(series, printed={}, **{name: getattr(series, name)[kept] for name in names})
