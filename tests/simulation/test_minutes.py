"""The minutes of a simulated town, where streams drop and trades come late or twice: in the end all are the truth."""

from functools import cache

import pytest

from actors.runtime import Faults
from actors.system import market_actor
from domain.features import MarketMemory, close_base_bar, seed
from domain.finality import FINAL
from domain.market import BASE_FRAME, HOUR, MINUTE, Bar
from domain.messages import CandlesRead, CandlesTold, CandlesUnread, CandlesWanted, HistoryWanted
from domain.restating import base_bars
from domain.spans import Spans, joined, without
from tests.domain.test_features import same
from tests.simulation.town import MARKETS, Town
from tests.simulation.world import Wire

SEEDS = (1, 2)
WIRE = Wire(stream_drop=0.004, late_trade=0.02, double_trade=0.05)
FAULTS = Faults(delay_us=5_000, slow=0.01, crash=0.001, kill=0.000_1)


class Mended(Town):
    """A town whose exchange cannot tell minutes now and then, or not the newest yet."""

    def reread(self, wanted: CandlesWanted) -> CandlesRead | CandlesUnread:
        if (chance := self.rng.random()) < 0.1:
            return CandlesUnread(wanted.market, wanted.since, wanted.until, wanted.reason, "HTTP 502")
        read = super().reread(wanted)
        return read if chance < 0.9 else CandlesRead(*(read.market, read.since, read.until), read.minutes[:-1], "")


@cache
def a_day(number: int) -> Town:
    town = Mended(number, FAULTS, WIRE).run(10).calm()
    return town.run(2)


def store(town: Town, market: str) -> tuple[dict[int, Bar], Spans, Spans]:
    """What a store that hears of a market's candles has: bars, what is whole, and what is final."""
    bars: dict[int, Bar] = {}
    whole: Spans = ()
    final: Spans = ()
    for told in town.of(CandlesTold):
        if told.market == market:
            bars = {start: bar for start, bar in bars.items() if not told.since <= start < told.until}
            bars |= {bar.start: bar for bar in told.bars}
            span = ((told.since, told.until),)
            whole = joined((*whole, *span))
            final = joined((*final, *span)) if told.state == FINAL else without(final, span)
    return bars, whole, final


def truth(town: Town, market: str, since: int, until: int) -> dict[int, Bar]:
    return {bar.start: bar for bar in town.minutes[market] if since <= bar.start < until}


@pytest.mark.parametrize("number", SEEDS)
@pytest.mark.parametrize("market", MARKETS)
def test_after_a_bad_day_every_minute_is_whole_and_what_is_final_is_the_truth(number, market):
    town = a_day(number)
    bars, whole, final = store(town, market)
    ((since, until),) = whole
    assert until == town.host.state(market_actor(market)).finality.until
    assert until - since > 11 * HOUR
    open_ended = without(whole, final)
    assert sum(end - begin for begin, end in open_ended) <= 3 * BASE_FRAME
    assert all(begin >= until - 3 * BASE_FRAME for begin, _ in open_ended)
    last = open_ended[0][0] if open_ended else until
    assert {start: bar for start, bar in bars.items() if start < last} == truth(town, market, since, last)


@pytest.mark.parametrize("number", SEEDS)
@pytest.mark.parametrize("market", MARKETS)
def test_after_a_bad_day_the_indicators_are_those_of_the_truth(number, market):
    town = a_day(number)
    state = town.host.state(market_actor(market))
    since = next(told.since for told in town.of(CandlesTold) if told.market == market)
    known = town.history(HistoryWanted(market, 0, since))
    memory = MarketMemory()
    seed(memory, known.fives, known.hours, known.four_hours, since)
    minutes = truth(town, market, since, state.base_end).values()
    for bar in base_bars(memory, minutes, since, state.base_end):
        close_base_bar(memory, bar)
    checked = state.finality.unchecked[0][0] if state.finality.unchecked else state.base_end
    assert checked >= state.base_end - BASE_FRAME  # the newest bar alone may still be provisional, and it is equal
    assert same(state.memory, memory)


def test_such_days_had_revisions_late_and_doubled_trades_failures_and_candles_that_came_later():
    states = [a_day(number).host.state(market_actor(market)) for number in SEEDS for market in MARKETS]
    for counter in ("late", "doubled", "disordered"):
        assert sum(getattr(state.builder, counter) for state in states) > 10, counter
    revisions = [one for number in SEEDS for told in a_day(number).of(CandlesTold) for one in told.revisions]
    assert len(revisions) > 20


def test_a_minute_is_final_within_minutes_of_its_end():
    """On a good day: no minute waits longer than two base bars for its check."""
    town = Town(7).run(2)
    for market in MARKETS:
        waiting = town.host.state(market_actor(market)).finality.waiting
        assert 0 < waiting <= 2 * BASE_FRAME // MINUTE
