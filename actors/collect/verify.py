"""Reads a sample of stored candles from the exchange again, and has the store compared with what it says now."""

from collections.abc import Callable, Iterable
from random import Random

from actors.collect.backfill import Job, Outcome, Progress
from actors.collect.pages import PAGE, CandleClient, Page, page_before
from domain.collection import Comparison
from domain.errors import ExchangeError
from domain.spans import Spans


def sample(market: str, step: int, whole: Spans, *, pages: int, seed: int) -> tuple[Job, ...]:
    """Draw stretches of at most a page from what is known whole; the same seed draws the same from the same."""
    chance = Random(f"{seed}:{market}:{step}")  # noqa: S311 (drawn to look at, not to keep a secret)
    lengths = [(until - since) // step for since, until in whole]
    drawn: set[Job] = set()
    for since, until in chance.choices(whole, lengths, k=pages) if whole else ():
        end = since + step * chance.randint(1, (until - since) // step)
        drawn.add(Job(market, step, max(since, end - PAGE * step), end))
    return tuple(sorted(drawn))


def verify(
    client: CandleClient,
    compare: Callable[[Page, Job], Comparison],
    jobs: Iterable[Job],
    progress: Progress,
) -> tuple[tuple[Comparison, ...], tuple[Outcome, ...]]:
    """Read each stretch again and have it compared; a market that cannot be read stops no other."""
    wanted = tuple(jobs)
    progress.begin(len(wanted), sum(job.until - job.since for job in wanted))
    compared: list[Comparison] = []
    outcomes: list[Outcome] = []
    for job in wanted:
        outcome = Outcome(job)
        try:
            page = page_before(client, job.market, job.step, job.since, job.until)
        except ExchangeError as error:
            outcome.error = str(error)
        else:
            outcome.candles, outcome.calls = len(page.bars), page.calls
            progress.page(job, len(page.bars), page.calls, job.until - job.since)
            compared.append(compare(page, job))
        outcomes.append(outcome)
        progress.end(outcome)
    return tuple(compared), tuple(outcomes)
