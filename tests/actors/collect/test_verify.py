"""A sample of what is stored, read again."""

from hypothesis import given
from hypothesis import strategies as st

from actors.collect.backfill import Job
from actors.collect.verify import sample, verify
from domain.collection import Comparison
from domain.errors import ExchangeUnavailable
from domain.market import MINUTE
from domain.spans import covers, joined
from tests.actors.collect.parts import BTC, ETH, T0, Listener, Truth, bars

spans = st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 3_000)).map(sorted), max_size=5)


def whole(*parts):
    return joined((T0 + since * MINUTE, T0 + until * MINUTE) for since, until in parts)


@given(parts=spans, pages=st.integers(1, 6), seed=st.integers())
def test_what_is_drawn_lies_in_what_is_known_and_fits_a_page(parts, pages, seed):
    known = whole(*parts)
    jobs = sample(BTC, MINUTE, known, pages=pages, seed=seed)
    assert jobs == sample(BTC, MINUTE, known, pages=pages, seed=seed)
    assert len(jobs) <= pages
    assert bool(jobs) == bool(known)
    for job in jobs:
        assert covers(known, job.since, job.until)
        assert 0 < job.until - job.since <= 200 * MINUTE
        assert (job.since % MINUTE, job.until % MINUTE) == (0, 0)


def test_every_known_minute_may_be_drawn():
    known = whole((0, 3), (500, 502))
    ends = {job.until for seed in range(200) for job in sample(BTC, MINUTE, known, pages=1, seed=seed)}
    assert ends == {T0 + minute * MINUTE for minute in (1, 2, 3, 501, 502)}


def test_other_markets_and_seeds_draw_other_pages():
    known = whole((0, 100_000))
    drawn = {sample(market, MINUTE, known, pages=3, seed=seed)[0][1:] for market in (BTC, ETH) for seed in (1, 2)}
    assert len(drawn) == 4


def compared(pages):
    def compare(page, job):
        pages.append((job, page))
        return Comparison(job.market, "1m", "the exchange", len(page.bars), ())

    return compare


def test_each_page_is_read_and_compared():
    truth, pages, progress = Truth({BTC: bars(*range(0, 300, 2))}), [], Listener()
    jobs = [Job(BTC, MINUTE, T0, T0 + 100 * MINUTE), Job(BTC, MINUTE, T0 + 200 * MINUTE, T0 + 210 * MINUTE)]
    found, outcomes = verify(truth, compared(pages), jobs, progress)
    assert [one.compared for one in found] == [50, 5]
    assert [(page.since, page.until) for _, page in pages] == [(job.since, job.until) for job in jobs]
    assert (progress.left, progress.covered, len(outcomes)) == (110 * MINUTE, 110 * MINUTE, 2)


def test_a_market_that_cannot_be_read_is_told_and_stops_no_other():
    truth, pages = Truth({BTC: bars(*range(300)), ETH: bars(*range(300))}), []

    def fails(number):
        if number == 1:
            raise ExchangeUnavailable("away")

    truth.fails = fails
    jobs = [Job(market, MINUTE, T0, T0 + 100 * MINUTE) for market in (BTC, ETH)]
    found, outcomes = verify(truth, compared(pages), jobs, Listener())
    assert [one.error for one in outcomes] == ["away", ""]
    assert [one.market for one in found] == [ETH]
