"""The edge that moves candles from the hot tail into sealed files, and fetches again what a damaged file held."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol, TypeAlias

from actors.rest import CandleClient
from actors.runtime import Actor, Context
from domain.errors import ExchangeError, StorageError
from domain.market import DAY, HOUR, MINUTE, Bar
from domain.messages import IncidentRaised, SealNow
from domain.spans import Span, Spans

log = logging.getLogger(__name__)

KEEP: Final = HOUR  # what is younger stays in the hot tail: the exchange may still tell it otherwise
DAILY_AT: Final = 5 * MINUTE  # after 00:00 UTC of the session's clock
FIRST_S: Final = 600.0  # real, after the start: a session that never lives until 00:05 seals too
RETRY_S: Final = 600.0  # real, after a round in which something failed
PAUSE_S: Final = 0.05  # real, between two markets: the others want the disk and the interpreter as well
FAILS_MAX: Final = 3  # in a row: then it is the disk, and the round is over
FETCHED_AT_ONCE: Final = 43_200  # candles: 30 days of minutes, put back as one

Accepted: TypeAlias = SealNow


class Damaged(Protocol):
    """A file that was set aside."""

    @property
    def market(self) -> str: ...  # noqa: D102
    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


class Owed(Protocol):
    """What a damaged file held and is not known any more."""

    @property
    def market(self) -> str: ...  # noqa: D102
    @property
    def step(self) -> int: ...  # noqa: D102
    @property
    def spans(self) -> Spans: ...  # noqa: D102


class Archive(Protocol):
    """Both tiers of candles; every call may block for a second, and raises StorageError."""

    def sealable(self, until: int, /) -> Sequence[str]: ...  # noqa: D102
    def seal(self, market: str, until: int, now: int, /) -> Sequence[Damaged]: ...  # noqa: D102
    def refresh(self, market: str, now: int, /) -> Sequence[Damaged]: ...  # noqa: D102
    def owed(self, now: int, /) -> Sequence[Owed]: ...  # noqa: D102
    def restore(self, market: str, step: int, bars: Sequence[Bar], span: Span, /) -> None: ...  # noqa: D102


class Archivist(Actor[None]):
    """Owns the sealing: once a day of the session's clock after 00:05 UTC, soon after a start, and when asked.

    Edge: publishes IncidentRaised on `incidents` for damaged files, for what could not be sealed or fetched again, and
    for what was. Blocks on its own thread only, market by market; the database is held for moments. A restart of the
    process loses nothing: what is not sealed is in the hot tail, and what is owed is known by the files.
    """

    edge = True
    State = None

    def __init__(  # noqa: PLR0913 (what it is given, by name)
        self,
        context: Context,
        name: str,
        *,
        archive: Archive,
        client: CandleClient,
        now: Callable[[], int],
        real_seconds: Callable[[int], float],
        release: Callable[[], object],
        first_s: float = FIRST_S,
        retry_s: float = RETRY_S,
    ) -> None:
        super().__init__(context, name)
        self._archive = archive
        self._client = client
        self._now = now
        self._real_seconds = real_seconds
        self._release = release
        self._first_s = first_s
        self._retry_s = retry_s
        self._ending = threading.Event()
        self._wanted = threading.Event()
        self._unfetched: set[tuple[str, int]] = set()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def on_begin(self) -> None:
        """Be ready to seal."""
        self._thread.start()

    def on_end(self) -> None:
        """Stop after the market that is being sealed, or the call in flight."""
        self._ending.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def handle(self, message: Accepted) -> None:
        """Seal now: whoever asks during a round gets another one."""
        log.info("sealing candles reason=%s", message.reason)
        self._wanted.set()

    def _run(self) -> None:
        try:
            wait_s = min(self._first_s, self._next_s())
            while True:
                self._wanted.wait(wait_s)
                self._wanted.clear()  # before the look at `_ending`, which is set before it: no wish to end is lost
                if self._ending.is_set():
                    return
                done = self._round()
                wait_s = self._next_s() if done else min(self._retry_s, self._next_s())
        finally:
            self._release()

    def _next_s(self) -> float:
        """Real seconds until 00:05 UTC comes next."""
        return self._real_seconds(DAY - (self._now() - DAILY_AT) % DAY)

    def _round(self) -> bool:
        """Seal everything that is old enough, and fetch again what is owed; gives whether all of it went well."""
        try:
            sealed = self._seal_all()
            fetched = [self._fetch(owed) for owed in self._archive.owed(self._now() - KEEP)]
        except StorageError as error:
            self._tell("candles_not_sealed", self.name, f"trying again later: {error}")
            return False
        except Exception:  # a bug of ours in a thread: nobody else would ever see it
            log.exception("candles not sealed")
            self._tell("candles_not_sealed", self.name, "trying again later, see the log")
            return False
        return sealed and all(fetched)

    def _seal_all(self) -> bool:
        now = self._now()
        failed: dict[str, str] = {}
        in_a_row = sealed = 0
        for market in self._archive.sealable(now - KEEP):
            if in_a_row == FAILS_MAX or self._ending.wait(PAUSE_S):
                break
            try:
                self._tell_damaged(self._archive.seal(market, now - KEEP, now))
            except StorageError as error:
                failed[market] = str(error)
                in_a_row += 1
            else:
                sealed, in_a_row = sealed + 1, 0
        log.info("candles sealed markets=%d failed=%d", sealed, len(failed))
        if failed:
            market, reason = next(iter(failed.items()))
            text = f"{len(failed)} of {sealed + len(failed)} markets stay in the database, trying again later: {reason}"
            self._tell("candles_not_sealed", market, text)
        return not failed

    def _fetch(self, owed: Owed) -> bool:
        """Fetch what one market owes, piece by piece; what was put back is not asked for again."""
        market, step = owed.market, owed.step
        try:
            for since, until in pieces(owed.spans, step * FETCHED_AT_ONCE):
                if self._ending.is_set():
                    return False
                bars = self._client.candle_range(market, step // MINUTE, since, until)
                self._archive.restore(market, step, bars, (since, until))
            self._tell_damaged(self._archive.refresh(market, self._now()))
        except (ExchangeError, StorageError) as error:
            log.warning("candles not fetched again market=%s error=%s", market, error)
            if (market, step) not in self._unfetched:
                self._unfetched.add((market, step))
                text = f"candles of {step // MINUTE} m that a damaged file held are still missing, trying on: {error}"
                self._tell("candles_not_restored", market, text)
            return False
        self._unfetched.discard((market, step))
        self._tell("candles_restored", market, f"candles of {step // MINUTE} m that a damaged file held are back")
        return True

    def _tell_damaged(self, found: Sequence[Damaged]) -> None:
        for one in found:
            text = f"{one.reason}; set aside as {one.path}, fetching it again"
            self._tell("candles_damaged", one.market, text)

    def _tell(self, kind: str, subject: str, text: str) -> None:
        self.outlet.publish("incidents", IncidentRaised(self._now(), kind, subject, text))


def pieces(spans: Spans, length: int) -> Iterator[Span]:
    """Cut spans into pieces of at most this length."""
    for since, until in spans:
        for begin in range(since, until, length):
            yield begin, min(begin + length, until)
