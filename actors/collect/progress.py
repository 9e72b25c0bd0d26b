"""Shows how a backfill goes: a bar with rate and remaining time at a terminal, else a plain line now and then."""

import time
from collections.abc import Callable
from typing import Any, Final, Self, TextIO

from actors.collect.backfill import Job, Outcome
from domain.market import DAY

LINE_EVERY_S: Final = 10.0
WIDTH: Final = 10  # of the bar
SHORTEST_S: Final = 0.1  # a rate is not told of less


class Meter:
    """The numbers behind every display: what is done, and how fast. `now` is a clock in real seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began = now()
        self.jobs = self.ended = self.candles = self.calls = self.total = self.done = 0

    def begin(self, jobs: int, left: int) -> None:
        """So many jobs lack so many microseconds of candles."""
        self._began = self._now()
        self.jobs, self.total = jobs, left

    def page(self, job: Job, candles: int, calls: int, covered: int) -> None:  # noqa: ARG002 (a display may name it)
        """One page came: it covers so many microseconds."""
        self.candles += candles
        self.calls += calls
        self.done += covered

    def end(self, outcome: Outcome) -> None:
        """A job is over; what it did not get nobody waits for any more."""
        self.ended += 1
        self.total -= outcome.left

    def words(self) -> str:
        """How it stands, in one line."""
        candles_s, calls_s = self._rates()
        return (
            f"{self.ended} of {self.jobs} markets, {self.candles:,} candles, "
            f"{candles_s:,.0f} candles/s, {calls_s:.1f} requests/s"
        )

    def short(self) -> str:
        """The same with the remaining time, as long as a terminal of 80 columns has room beside a bar."""
        candles_s, calls_s = self._rates()
        return (
            f"{self.ended}/{self.jobs} markets  {self.candles:,} candles  {candles_s:,.0f}/s  {calls_s:.1f} req/s  "
            f"{self.remaining()}"
        )

    def remaining(self) -> str:
        """The time it will take from here if it goes on like this."""
        if not self.done:
            return "?"
        left_s = (self._now() - self._began) / self.done * max(self.total - self.done, 0)
        hours, minutes = divmod(int(left_s) // 60, 60)
        return f"{hours}:{minutes:02}:{int(left_s) % 60:02}"

    def _rates(self) -> tuple[float, float]:
        spent = max(self._now() - self._began, SHORTEST_S)
        return self.candles / spent, self.calls / spent


class PlainLines(Meter):
    """Writes a line now and then, for logs and pipes."""

    def __init__(self, out: Callable[[str], Any], now: Callable[[], float] = time.monotonic) -> None:
        super().__init__(now)
        self._out = out
        self._said = now()

    def begin(self, jobs: int, left: int) -> None:
        """Say what is to be done."""
        super().begin(jobs, left)
        self._out(f"collecting {left / DAY:,.1f} market-days of candles in {jobs} markets")

    def page(self, job: Job, candles: int, calls: int, covered: int) -> None:
        """Count, and say so when it is time."""
        super().page(job, candles, calls, covered)
        if self._now() - self._said >= LINE_EVERY_S:
            self._said = self._now()
            self._out(f"{self.words()}, {self.remaining()} left")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out(self.words())


class ProgressBar(Meter):
    """A bar at a terminal. A context manager."""

    def __init__(self, out: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415 (only who sees a bar waits for its import)
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn  # noqa: PLC0415

        super().__init__()
        columns = (BarColumn(WIDTH), TaskProgressColumn(), TextColumn("{task.description}"))
        self._bar = Progress(*columns, console=Console(file=out))
        self._task = self._bar.add_task("", total=None)

    def begin(self, jobs: int, left: int) -> None:
        """Draw it empty."""
        super().begin(jobs, left)
        self._draw()

    def page(self, job: Job, candles: int, calls: int, covered: int) -> None:
        """Draw it longer."""
        super().page(job, candles, calls, covered)
        self._draw()

    def end(self, outcome: Outcome) -> None:
        """Draw it without what will not come."""
        super().end(outcome)
        self._draw()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _draw(self) -> None:
        done, total = (self.done, self.total) if self.total else (1, 1)  # nothing to do is done
        self._bar.update(self._task, completed=done, total=total, description=self.short())


def display(out: TextIO, say: Callable[[str], Any]) -> PlainLines | ProgressBar:
    """The display that fits where it goes."""
    return ProgressBar(out) if out.isatty() else PlainLines(say)
