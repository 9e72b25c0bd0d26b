"""Fetches what the store lacks, several markets at once within the client's one limit, and goes on where it stopped.

Workers fetch pages back from the newest; the thread that called `run` keeps them, a chunk at a time, and with each
chunk the span of which it is the whole. So what is stored never has a hole that nobody knows of: whoever dies loses
the pages of at most one chunk of each market in work, and what is missing is asked again.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, Protocol

from actors.collect.pages import CandleClient, Page, page_before
from domain.errors import BadPayload, ExchangeError, ExchangeUnavailable, RateLimited
from domain.market import Bar
from domain.spans import Spans, joined, without

log = logging.getLogger(__name__)

WORKERS: Final = 4  # enough for the limit as long as an answer takes less than half a second
AHEAD: Final = 2  # pages that each worker may be ahead of what is stored: more would be lost with the process
CHUNK: Final = 50  # pages between two writes of a market's file: six seconds of the limit, a twentieth spent writing
ODD_TRIES: Final = 3
PAUSE_S: Final = 2.0
PATIENCE_S: Final = 120.0


class Job(NamedTuple):
    """What one market shall have: all candles of `step` microseconds with since <= start < until, both on the grid."""

    market: str
    step: int
    since: int
    until: int


class Shelf(Protocol):
    """The store, used by the one thread that runs the backfill."""

    def whole(self, market: str, step: int) -> Spans:
        """What is known whole."""

    def keep(self, market: str, step: int, bars: Sequence[Bar], whole: Spans) -> None:
        """Store candles and the spans of which they are all there is; on return they are on disk."""


@dataclass(slots=True)
class Outcome:
    """What became of a job: candles and calls of this run, `oldest` where it came to, and why it ended early."""

    job: Job
    candles: int = 0
    calls: int = 0
    left: int = 0
    error: str = ""
    stopped: bool = False


class Progress(Protocol):
    """Who is told how it goes, on the thread that runs the backfill."""

    def begin(self, jobs: int, left: int) -> None:
        """So many jobs lack so many microseconds of candles."""

    def page(self, job: Job, candles: int, calls: int, covered: int) -> None:
        """One page came: it covers so many microseconds."""

    def end(self, outcome: Outcome) -> None:
        """A job is over."""


class _Told(NamedTuple):
    """One page, or with none the end of a job and what ended it."""

    job: Job
    page: Page | None
    error: BaseException | None = None


@dataclass(slots=True)
class _Work:
    """A job on the way: pages that are not stored yet, newest first."""

    outcome: Outcome
    pages: list[Page] = field(default_factory=list)


class Backfill:
    """One run over many markets. `run` blocks; `stop` may be called by a signal handler or any thread.

    `chunk` is how many pages of a market are kept at once; `patience_s` how long the workers together bear with an
    exchange of which nothing comes; `release` makes calls in waiting give up.
    """

    def __init__(  # noqa: PLR0913 (what it joins, by name)
        self,
        client: CandleClient,
        shelf: Shelf,
        progress: Progress,
        *,
        release: Callable[[], object] = bool,
        workers: int = WORKERS,
        chunk: int = CHUNK,
        patience_s: float = PATIENCE_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._client = client
        self._shelf = shelf
        self._progress = progress
        self._release = release
        self._workers = workers
        self._chunk = chunk
        self._ending = threading.Event()
        self._news: SimpleQueue[_Told | None] = SimpleQueue()
        self._room = threading.Semaphore(AHEAD * workers)
        self._patience = _Patience(patience_s, pause_s, self._ending.wait)

    def run(self, jobs: Iterable[Job]) -> tuple[Outcome, ...]:
        """Fetch and keep what the jobs lack; gives what became of each, in their order.

        Raises:
            StorageError: when it cannot be kept. What was stored before stays.
        """
        missing = {job: _missing(job, self._shelf.whole(job.market, job.step)) for job in jobs}
        works = {job: _Work(Outcome(job, left=_length(spans))) for job, spans in missing.items()}
        self._progress.begin(len(works), sum(work.outcome.left for work in works.values()))
        self._patience.worked()
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="collect")
        try:
            for job, spans in missing.items():
                pool.submit(self._fetch, job, spans)
            self._keep_all(works)
        finally:
            self._end()
            self._room.release()  # whoever waits for room sees that it is over, and lets the next one see it
            pool.shutdown(wait=True, cancel_futures=True)
        return tuple(work.outcome for work in works.values())

    def stop(self) -> None:
        """End soon and cleanly: pages that came are stored."""
        self._ending.set()
        self._news.put(None)

    # --- the thread that runs

    def _keep_all(self, works: dict[Job, _Work]) -> None:
        open_jobs = set(works)
        while open_jobs:
            told = self._news.get()
            if told is None:
                self._end()
            elif told.page is not None:
                self._take(works[told.job], told.page)
                self._room.release()
            else:
                self._finish(works[told.job], told.error)
                open_jobs.discard(told.job)

    def _take(self, work: _Work, page: Page) -> None:
        job, outcome = work.outcome.job, work.outcome
        outcome.candles += len(page.bars)
        outcome.calls += page.calls
        outcome.left -= page.until - page.since
        self._progress.page(job, len(page.bars), page.calls, page.until - page.since)
        work.pages.append(page)
        if len(work.pages) >= self._chunk:
            self._flush(work)

    def _finish(self, work: _Work, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, ExchangeError):
            raise error
        self._flush(work)
        work.outcome.stopped = self._ending.is_set() and work.outcome.left > 0
        if error is not None and not work.outcome.stopped:
            log.info("collection failed market=%s error=%s", work.outcome.job.market, error)
            work.outcome.error = str(error)
        self._progress.end(work.outcome)

    def _flush(self, work: _Work) -> None:
        if not work.pages:
            return
        job = work.outcome.job
        bars = [bar for page in reversed(work.pages) for bar in page.bars]
        self._shelf.keep(job.market, job.step, bars, joined((page.since, page.until) for page in work.pages))
        work.pages.clear()

    def _end(self) -> None:
        self._ending.set()
        self._release()

    # --- the workers

    def _fetch(self, job: Job, spans: Spans) -> None:
        error: BaseException | None = None
        try:
            for since, until in reversed(spans):
                to = until
                while to > since and self._has_room():
                    page = self._page_or_room(job, since, to)
                    self._news.put(_Told(job, page))
                    to = page.since
        except BaseException as found:  # noqa: BLE001 (raised again by the thread that runs)
            error = found
        self._news.put(_Told(job, None, error))

    def _has_room(self) -> bool:
        """Wait until pages that came are not too far ahead of those stored; False when it is to end."""
        self._room.acquire()
        if self._ending.is_set():
            self._room.release()
            return False
        return True

    def _page_or_room(self, job: Job, since: int, to: int) -> Page:
        """The page before a time; the room it does not take is given back."""
        try:
            return self._page(job, since, to)
        except BaseException:
            self._room.release()
            raise

    def _page(self, job: Job, since: int, to: int) -> Page:
        odd = 0
        while True:
            try:
                page = page_before(self._client, job.market, job.step, since, to)
            except (ExchangeUnavailable, RateLimited) as error:
                if self._ending.is_set() or not self._patience.again(error):
                    raise
            except BadPayload:
                odd += 1
                if odd == ODD_TRIES or self._ending.is_set():
                    raise
            else:
                self._patience.worked()
                return page


class _Patience:
    """How long all workers together put up with an exchange of which nothing comes: one clock for all of them."""

    def __init__(self, patience_s: float, pause_s: float, pause: Callable[[float], Any]) -> None:
        self._patience_s = patience_s
        self._pause_s = pause_s
        self._pause = pause
        self._worked_at = time.monotonic()

    def worked(self) -> None:
        """Something came, or the waiting begins."""
        self._worked_at = time.monotonic()

    def again(self, error: ExchangeError) -> bool:
        """Pause before another try; False when that would be longer than anything may take."""
        pause_s = max(error.retry_after_s, self._pause_s) if isinstance(error, RateLimited) else self._pause_s
        if time.monotonic() + pause_s > self._worked_at + self._patience_s:
            return False
        self._pause(pause_s)
        return True


def _missing(job: Job, whole: Spans) -> Spans:
    return without([(job.since, job.until)], whole)


def _length(spans: Spans) -> int:
    return sum(until - since for since, until in spans)
