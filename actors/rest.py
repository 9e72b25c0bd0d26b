"""The edge to the exchange's public REST side: loads bars before a market decides, and its minutes to be checked."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeAlias

from actors.runtime import Actor, Context
from domain.errors import ExchangeError, StorageError
from domain.market import BASE_FRAME, FOUR_HOURS, HOUR, MINUTE, Bar
from domain.message import Message
from domain.messages import CandlesRead, CandlesUnread, CandlesWanted, HistoryFailed, HistoryLoaded, HistoryWanted
from domain.spans import Spans, without

log = logging.getLogger(__name__)

WARM_FIVES = 1_000  # MTF-14, in bars
WARM_HOURS = 600
WARM_FOUR_HOURS = 400
WORKERS = 2
CHECKERS = 1

Accepted: TypeAlias = HistoryWanted | CandlesWanted
Past: TypeAlias = Callable[[str, int, int, int], tuple[tuple[Bar, ...], Spans]]
"""Market, step, since, until: the real bars that are known for sure, oldest first, and the spans they are whole in."""


class CandleClient(Protocol):
    """The one call this edge makes: real bars of a unit in minutes with since <= start < until, oldest first."""

    def candle_range(self, market: str, unit: int, since: int, until: int) -> tuple[Bar, ...]: ...  # noqa: D102


def nothing_known(_market: str, _step: int, _since: int, _until: int) -> tuple[tuple[Bar, ...], Spans]:
    """The past of whoever keeps no candles."""
    return (), ()


class Rest(Actor[None]):
    """Owns the downloads in flight.

    Edge: answers HistoryWanted with HistoryLoaded or HistoryFailed to the market that asked, and CandlesWanted with
    CandlesRead or CandlesUnread. A warm-up is made of our own `past`, and of what the exchange tells where that has
    gaps (quant.md MTF-04); minutes behind a gap, and those to be checked, are the exchange's alone. Blocks in its own
    worker threads; those of checks are not those of histories, which a market waits for. A restart of the process loses
    what was in flight, and the markets ask again.
    """

    edge = True
    State = None

    def __init__(self, context: Context, name: str, *, client: CandleClient, past: Past = nothing_known) -> None:
        super().__init__(context, name)
        self._client = client
        self._past = past
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix=name)
        self._checks = ThreadPoolExecutor(CHECKERS, thread_name_prefix=f"{name}-checks")

    def on_end(self) -> None:
        """Let the downloads in flight finish."""
        for pool in (self._pool, self._checks):
            pool.shutdown(wait=True, cancel_futures=True)

    def handle(self, message: Accepted) -> None:
        """Give the download to a worker."""
        if isinstance(message, HistoryWanted):
            self._pool.submit(self._load, self.sender, message)
        else:
            self._checks.submit(self._load, self.sender, message)

    def _load(self, asker: str, wanted: Accepted) -> None:
        try:
            answer = self._history(wanted) if isinstance(wanted, HistoryWanted) else self._minutes(wanted)
        except ExchangeError as error:
            is_check = isinstance(wanted, CandlesWanted)  # the market counts what is not checked, and asks again
            log.log(
                logging.DEBUG if is_check else logging.WARNING,
                "candles not loaded market=%s error=%s",
                wanted.market,
                error,
            )
            answer = _failed(wanted, str(error))
        except Exception as error:  # a bug of ours in a worker thread: nobody else would ever see it
            log.exception("candles not loaded market=%s", wanted.market)
            answer = _failed(wanted, f"{type(error).__name__}: {error}")
        self.outlet.send(asker, answer)

    def _minutes(self, wanted: CandlesWanted) -> Message:
        minutes = self._client.candle_range(wanted.market, 1, wanted.since, wanted.until)
        return CandlesRead(wanted.market, wanted.since, wanted.until, minutes, wanted.reason)

    def _history(self, wanted: HistoryWanted) -> Message:
        """Bars that are closed at `until`: a unit's last bucket that is still open then is left out."""
        market, until = wanted.market, wanted.until

        def closed(step: int, bars: int) -> tuple[Bar, ...]:
            end = until - until % step
            return self._warm(market, step, max(0, end - bars * step), end)

        if wanted.since:
            minutes = self._client.candle_range(market, 1, wanted.since, until)
            return HistoryLoaded(market, wanted.since, until, minutes)
        base = until - until % BASE_FRAME
        return HistoryLoaded(
            market,
            0,
            until,
            minutes=self._client.candle_range(market, 1, base, until),
            fives=closed(BASE_FRAME, WARM_FIVES),
            hours=closed(HOUR, WARM_HOURS),
            four_hours=closed(FOUR_HOURS, WARM_FOUR_HOURS),
        )

    def _warm(self, market: str, step: int, since: int, until: int) -> tuple[Bar, ...]:
        """Bars of a frame: our own where they are whole, the exchange's everywhere else."""
        try:
            known, whole = self._past(market, step, since, until)
        except StorageError as error:  # costs downloads, nothing else
            log.warning("own candles not read market=%s error=%s", market, error)
            known, whole = (), ()
        bars = list(known)
        for span in without([(since, until)], whole):
            bars += self._client.candle_range(market, step // MINUTE, *span)
        return tuple(sorted(bars, key=lambda bar: bar.start))


def _failed(wanted: Accepted, error: str) -> Message:
    if isinstance(wanted, HistoryWanted):
        return HistoryFailed(wanted.market, error)
    return CandlesUnread(wanted.market, wanted.since, wanted.until, wanted.reason, error)
