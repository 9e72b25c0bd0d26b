"""The exchange that candles come from, the time it has, and which of its markets are meant."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final, NamedTuple

from actors.collect.backfill import Job
from actors.local import local_exchange
from actors.runtime import Clock, wall_clock
from actors.upbit.rest import UpbitRest
from domain.errors import ConfigError, ExchangeError
from domain.market import DAY, US_PER_S

SETTLED: Final = 10 * US_PER_S
"""A candle is collected this long after its end: the last trades of it may be told late."""


class Source(NamedTuple):
    """A client without keys, and the clock it lives by."""

    rest: UpbitRest
    clock: Clock

    def now(self) -> int:
        """The exchange's time, microseconds UTC, as well as its answers told: our clock may be minutes off."""
        return self.clock.now() + int((self.rest.transport.skew_s or 0.0) * US_PER_S)


@contextmanager
def source(url: str, sandbox: Path | None) -> Iterator[Source]:
    """The exchange at an address; or the local one of this folder, started for as long as the block lasts."""
    with nullcontext() if sandbox is None else local_exchange(sandbox) as local:
        clock = wall_clock() if local is None else local.place.clock
        rest = UpbitRest(url, None, clock) if local is None else local.place.rest
        try:
            yield Source(rest, clock)
        finally:
            rest.close()


def markets_of(
    rest: UpbitRest, wanted: Sequence[str], quotes: Sequence[str], judged: Callable[[], Sequence[str]] | None
) -> tuple[str, ...]:
    """The markets meant: those named, those last `judged` worth trading, or all of these quote currencies.

    Raises ConfigError for a market the exchange does not have, or when there is none.
    """
    try:
        known = rest.market_all()
    except ExchangeError as error:
        raise ConfigError(f"the exchange cannot be reached ({error}); try again later, or import --from-dir") from error
    if judged is not None:
        chosen = tuple(market for market in judged() if market in known)
        if not chosen:
            raise ConfigError("no market was judged yet: let `paper` run until it has, or name some with --markets")
        return chosen
    if unknown := [market for market in wanted if market not in known]:
        raise ConfigError(f"the exchange has no market {', '.join(unknown)}; it has {len(known)}: {_few(known)}")
    chosen = tuple(wanted) or tuple(market for market in known if market.partition("-")[0] in quotes)
    if not chosen:
        raise ConfigError(f"the exchange has no market of {', '.join(quotes)}; it has {len(known)}: {_few(known)}")
    return chosen


def jobs_of(markets: Sequence[str], step: int, days: int, now: int) -> tuple[Job, ...]:
    """What shall be collected: so many days up to the last candle that is over for good."""
    until = settled(now, step)
    since = max(0, (now - days * DAY) // step * step)
    return tuple(Job(market, step, since, until) for market in markets)


def settled(now: int, step: int) -> int:
    """The end of the newest candle that is over for good."""
    return (now - SETTLED) // step * step


def _few(markets: Sequence[str]) -> str:
    return ", ".join(markets[:8]) + (", …" if len(markets) > len(markets[:8]) else "")
