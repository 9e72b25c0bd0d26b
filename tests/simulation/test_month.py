"""A small simulated month: real market actors behind a hostile wire, the real store, and the truth beside both."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pytest

from domain.candles import CandleBuilder, fold_trades
from domain.market import BASE_FRAME, DAY, HOUR, MINUTE, US_PER_S
from storage.columns import REST, arrays_of
from tests.simulation.judge import Judge, alike, memory_of
from tests.simulation.month import BEGIN, FIRST, Month
from tests.simulation.shelf import Shelf
from tests.simulation.truth import COLUMNS, Truth, made_up, quotation
from tests.simulation.weather import Roughness

STORM = Roughness(
    lost=0.01,
    doubled=0.05,
    delayed=0.1,
    late=0.01,
    candle_lost=0.3,
    drops_a_day=60.0,
    down_s=60.0,
    kills_a_day=16.0,
    rest_fails=0.3,
    rest_late=0.1,
    rest_behind=0.5,
)


@pytest.fixture(scope="module")
def month() -> Iterator[Month]:
    """Half a day of six markets in a storm."""
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder))
        yield Month(shelf, markets=6, days=0.5, rough=STORM).run()
        shelf.close()


def test_the_trades_and_the_rest_candles_of_every_made_up_market_are_one_truth():
    truth = Truth(made_up(40, 1, BEGIN - DAY, 2))
    client = quotation(truth, lambda: BEGIN + 2 * HOUR)
    for market in truth.series:
        want = truth.candles(market, BEGIN, BEGIN + HOUR)
        told = arrays_of(client.candle_range(market, 1, BEGIN, BEGIN + HOUR), REST)
        trades = [one for minute in range(BEGIN, BEGIN + HOUR, MINUTE) for one in truth.trades(market, minute)]
        built = arrays_of(
            fold_trades(
                CandleBuilder(), (*trades, msgspec.structs.replace(trades[-1], at=BEGIN + HOUR, sequential_id=0))
            ).bars,
            REST,
        )
        for name in ("time", *COLUMNS):
            assert np.array_equal(getattr(told, name), want[name]), (market, name)
            assert np.array_equal(getattr(built, name), want[name]), (market, name)


def test_everything_that_can_go_wrong_did(month):
    happened = month.host.chaos.happened
    assert happened["deaths"] > 3
    assert month.judge.marked
    assert month.judge.odd
    assert len(month.weather.outages) > 10
    assert {market.partition("-")[0] for market in month.markets} > {"KRW"}


def test_the_store_is_the_truth_candle_for_candle(month):
    wrong = {market: month.shelf.differences(month.truth, market, FIRST, month.until) for market in month.markets}
    assert not any(wrong.values()), wrong


def test_most_of_it_was_sealed(month):
    for market in month.markets:
        assert month.shelf.store.whole(market)[-1][1] >= month.until


def test_no_decision_saw_a_candle_that_was_not_closed_nor_one_older_than_the_newest(month):
    assert month.judge.broken == []
    assert len(month.judge.told) > 0.8 * len(month.markets) * (month.until - BEGIN) // BASE_FRAME


def test_no_decision_was_made_again(month):
    assert month.judge.again == 0


def test_what_a_decision_saw_otherwise_than_the_exchange_tells_now_is_marked_or_kept_as_seen(month):
    assert [odd for odd in month.judge.odd if not month.shelf.explains(odd)] == []


def test_in_the_end_the_indicators_are_those_of_who_knew_the_truth_all_along(month):
    client = quotation(month.truth, lambda: month.now)
    for market in month.markets:
        state = month.host.state(f"market:{market}")
        assert state.base_end > month.until
        assert alike(state.memory, memory_of(client, market, state.base_end)), market


@cache
def a_morning(*gone: tuple[int, int]) -> Judge:
    """What was decided in four hours of which some stretches are cut out of the truth."""
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder))
        judge = (
            Month(shelf, markets=3, days=1 / 6, rough=replace(STORM, kills_a_day=0.0, drops_a_day=12.0), gone=gone)
            .run()
            .judge
        )
        shelf.close()
    return judge


@pytest.mark.parametrize("bases", [24, 30, 40])
def test_what_trades_after_a_time_changes_no_decision_up_to_it(bases):
    at = (BEGIN // BASE_FRAME + bases) * BASE_FRAME
    whole, cut = a_morning(), a_morning((at, at + HOUR // 2))
    before = {key for key, one in whole.told.items() if key[1] <= at and one.made_at < at + 3 * US_PER_S}
    assert len(before) > 45
    assert sum(made_for == at for _, made_for in before) > 1
    assert [key for key in before if whole.told[key].evaluation != cut.told[key].evaluation] == []
