"""What `collect` does once its flags are read: fetch, import, verify; each says what became of it."""

import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from actors.collect.backfill import Backfill, Job, Outcome
from actors.collect.pages import Page
from actors.collect.progress import display
from actors.collect.show import comparison_lines, import_lines, plain
from actors.collect.source import Source, jobs_of, markets_of
from actors.collect.tools import CandleTools
from actors.collect.verify import sample, verify
from domain.collection import Comparison, Folder, Part
from domain.errors import ConfigError
from domain.market import MINUTE
from domain.timeframes import frame_of

FAILED = 1
BY_SIGNAL = 128
GO_ON = "the same command goes on where it stopped"


class Result(NamedTuple):
    """What to tell: lines, the summary, and the exit code."""

    lines: tuple[str, ...]
    summary: dict[str, Any]
    code: int


class Meant(NamedTuple):
    """Which candles: of these markets, or of all of these quote currencies, or those last judged worth trading.

    `step` is their length in microseconds, None for minutes, or for whatever is stored.
    """

    markets: tuple[str, ...]
    quotes: tuple[str, ...]
    universe: bool
    step: int | None
    days: int


class Sampling(NamedTuple):
    """So many pages of a market, drawn with this seed; with `repair` what the exchange says is stored."""

    pages: int
    seed: int
    repair: bool


def fetch(source: Source, tools: CandleTools, meant: Meant, say: Callable[[str], Any]) -> Result:
    """Collect what is missing."""
    judged = tools.judged if meant.universe else None
    markets = markets_of(source.rest, meant.markets, meant.quotes, judged)
    return backfill(source, tools, jobs_of(markets, meant.step or MINUTE, meant.days, source.now()), say)


def backfill(source: Source, tools: CandleTools, jobs: Iterable[Job], say: Callable[[str], Any]) -> Result:
    """Collect what these jobs lack, and show how it goes; a signal ends it cleanly."""
    began = time.monotonic()
    with display(sys.stderr, say) as progress:
        work = Backfill(source.rest, tools, progress, release=source.rest.close)
        with _obeying(work.stop) as signals:
            done = work.run(jobs)
    tools.index({one.job.market for one in done if one.candles}, source.now())
    failed = {one.job.market: one.error for one in done if one.error}
    stopped = any(one.stopped for one in done)
    summary = {
        "markets": len(done),
        "candles": sum(one.candles for one in done),
        "requests": sum(one.calls for one in done),
        "seconds": round(time.monotonic() - began, 1),
        "failed": failed,
        "stopped": stopped,
    }
    lines = [*_by_reason(done), *([f"stopped: what came is stored; {GO_ON}"] if stopped else [])]
    code = BY_SIGNAL + signals[0] if stopped and signals else FAILED if failed else 0
    return Result(tuple(lines), summary, code)


def take(tools: CandleTools, folder: Folder, say: Callable[[str], Any]) -> Result:
    """Import a folder, and say what became of each file."""
    done = []
    for one in tools.take(folder):
        done.append(one)
        for line in import_lines(one):
            say(line)
    refused = [one.path for one in done if one.error]
    counts = {name: sum(getattr(one, name) for one in done) for name in ("rows", "new", "changed", "completed")}
    return Result((), {"files": len(done), **counts, "refused": len(refused)}, FAILED if refused else 0)


def across(tools: CandleTools, markets: tuple[str, ...]) -> Result:
    """Compare coarser candles with the minutes."""
    return _compared(tuple(tools.across(markets)), ())


def reread(source: Source, tools: CandleTools, meant: Meant, sampling: Sampling) -> Result:
    """Compare a sample of what is stored with what the exchange says now."""
    jobs = [
        job
        for market in tools.markets()
        for step in ((meant.step,) if meant.step else tools.steps(market))
        if not meant.markets or market in meant.markets
        for job in sample(market, step, tools.traded(market, step), pages=sampling.pages, seed=sampling.seed)
    ]
    if not jobs:
        raise ConfigError("nothing is stored that could be compared: `collect` it first, or see `candles info`")

    def compare(page: Page, job: Job) -> Comparison:
        return tools.beside(Part(job.market, job.step, page.since, page.until), page.bars, repair=sampling.repair)

    with display(sys.stderr, lambda _: None) as progress:
        compared, outcomes = verify(source.rest, compare, jobs, progress)
    return _compared(compared, outcomes)


def _compared(found: tuple[Comparison, ...], outcomes: tuple[Outcome, ...]) -> Result:
    merged = tuple(_together(found))
    different = sum(len(one.conflicts) for one in merged)
    failed = {one.job.market: one.error for one in outcomes if one.error}
    lines = [line for one in merged for line in comparison_lines(one)]
    summary = {
        "compared": sum(one.compared for one in merged),
        "different": different,
        "failed": failed,
        "differences": plain([one for one in merged if one.conflicts]),
    }
    return Result((*lines, *_by_reason(outcomes)), summary, FAILED if different or failed else 0)


def _together(found: Iterable[Comparison]) -> Iterator[Comparison]:
    """All pages of a market, frame and source as one."""
    parts: dict[tuple[str, str, str], list[Comparison]] = {}
    for one in found:
        parts.setdefault((one.market, one.frame, one.source), []).append(one)
    for key, each in parts.items():
        conflicts = {conflict.start: conflict for one in each for conflict in one.conflicts}  # pages may overlap
        yield Comparison(*key, sum(one.compared for one in each), tuple(conflicts.values()))


def _by_reason(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """One line for each reason, however many markets failed for it."""
    reasons: dict[str, list[str]] = {}
    for one in outcomes:
        if one.error:
            reasons.setdefault(one.error, []).append(f"{one.job.market} {frame_of(one.job.step)}")
    for reason, names in reasons.items():
        who = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004 (a line)
        yield f"error: {who}: {reason}; {GO_ON}"


@contextmanager
def _obeying(stop: Callable[[], None]) -> Iterator[list[int]]:
    """End at SIGINT and SIGTERM; gives those that came. A second one ends at once."""
    came: list[int] = []

    def hear(number: int, _: object) -> None:
        came.append(number)
        for each, handler in old.items():
            signal.signal(each, handler)
        stop()

    old = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in old:
        signal.signal(number, hear)
    try:
        yield came
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
