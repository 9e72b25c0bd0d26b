"""The edge to the exchange's public REST side: loads the bars a market needs before it may decide."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeAlias

from actors.runtime import Actor, Context
from domain.errors import ExchangeError
from domain.market import BASE_FRAME, FOUR_HOURS, HOUR, MINUTE, Bar
from domain.messages import HistoryFailed, HistoryLoaded, HistoryWanted

log = logging.getLogger(__name__)

WARM_FIVES = 1_000  # MTF-14, in bars
WARM_HOURS = 600
WARM_FOUR_HOURS = 400
WORKERS = 2

Accepted: TypeAlias = HistoryWanted


class CandleClient(Protocol):
    """The one call this edge makes: real bars of a unit in minutes with since <= start < until, oldest first."""

    def candle_range(self, market: str, unit: int, since: int, until: int) -> tuple[Bar, ...]: ...  # noqa: D102


class Rest(Actor[None]):
    """Owns the downloads in flight.

    Edge: answers HistoryWanted with HistoryLoaded or HistoryFailed to the market that asked. Blocks in its own worker
    threads; a restart of the process loses what was in flight, and the markets ask again.
    """

    edge = True
    State = None

    def __init__(self, context: Context, name: str, *, client: CandleClient) -> None:
        super().__init__(context, name)
        self._client = client
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix=name)

    def on_end(self) -> None:
        """Let the downloads in flight finish."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def handle(self, message: Accepted) -> None:
        """Give the download to a worker."""
        self._pool.submit(self._load, self.sender, message)

    def _load(self, asker: str, wanted: HistoryWanted) -> None:
        try:
            answer: HistoryLoaded | HistoryFailed = self._history(wanted)
        except ExchangeError as error:
            log.warning("history not loaded market=%s error=%s", wanted.market, error)
            answer = HistoryFailed(wanted.market, str(error))
        except Exception as error:  # a bug of ours in a worker thread: nobody else would ever see it
            log.exception("history not loaded market=%s", wanted.market)
            answer = HistoryFailed(wanted.market, f"{type(error).__name__}: {error}")
        self.outlet.send(asker, answer)

    def _history(self, wanted: HistoryWanted) -> HistoryLoaded:
        """Bars that are closed at `until`: a unit's last bucket that is still open then is left out."""
        market, until = wanted.market, wanted.until

        def closed(step: int, bars: int) -> tuple[Bar, ...]:
            end = until - until % step
            return self._client.candle_range(market, step // MINUTE, max(0, end - bars * step), end)

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
