"""Stored candles beside others of the same time: what the exchange tells of them, and what finer candles make."""

from collections.abc import Iterator

import numpy as np

from domain.collection import Comparison
from domain.market import MINUTE
from domain.spans import Spans
from domain.timeframes import frame_of
from storage.archive import CandleTiers
from storage.candles import CandleStore
from storage.columns import CandleArrays, Known, covered
from storage.compare import Beside, beside
from storage.frames import resampled

EXCHANGE = "the exchange"


def against(market: str, step: int, stored: Known, told: CandleArrays) -> tuple[Comparison, Beside]:
    """What is stored and known whole beside all that the exchange tells of the same stretch."""
    both = beside(_inside(stored.candles, stored.whole, step), _inside(told, stored.whole, step))
    compared = len(both.stored) + len(both.only_stored) + len(both.only_told)
    return Comparison(market, frame_of(step), EXCHANGE, compared, both.conflicts()), both


def across(store: CandleStore, tiers: CandleTiers, market: str) -> Iterator[Comparison]:
    """Each coarser stored frame beside what each finer one makes of its time, where both are known whole."""
    steps = [step for step in store.steps(market) if step > MINUTE]
    known = {step: store.held(market, step) for step in steps}
    known[MINUTE] = tiers.known(market)
    for step in steps:
        for finer in (MINUTE, *steps):
            if finer < step and step % finer == 0 and known[finer].whole:
                found = _made(known[finer], known[step], step)
                compared = len(found.stored) + len(found.only_stored) + len(found.only_told)
                if compared:
                    source = f"its {frame_of(finer)} candles"
                    yield Comparison(market, frame_of(step), source, compared, found.conflicts())


def _made(finer: Known, coarser: Known, step: int) -> Beside:
    stored = _inside(coarser.candles, finer.whole, step)
    made = _inside(_inside(resampled(finer.candles, step), finer.whole, step), coarser.whole, step)
    return beside(stored, made)


def _inside(candles: CandleArrays, whole: Spans, step: int) -> CandleArrays:
    return candles.picked(np.asarray(covered(whole, candles.time, step)))
