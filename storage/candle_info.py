"""What there is of candles, and what is missing for which reason: by market and frame, for people."""

from collections.abc import Iterable, Iterator

import numpy as np

from domain.collection import FrameInfo, Spike, Stretch
from domain.market import BASE_FRAME, HEARTBEAT, MINUTE
from domain.outages import Starts, Stretches, lengths, outages, split, uncollected, untraded
from domain.quality import spikes
from domain.spans import Spans, joined, without
from domain.timeframes import frame_of
from storage.archive import CandleTiers
from storage.candles import CandleStore
from storage.columns import FOREVER, REVISED, Known, covered
from storage.frames import filled, resampled
from storage.imports import hole_of


def infos(store: CandleStore, tiers: CandleTiers, markets: Iterable[str]) -> Iterator[FrameInfo]:
    """What there is of these markets, frame by frame, finest first; minutes with those that are not sealed yet.

    However many there are, the candles of one market and frame at a time are in memory.
    """
    steps = {market: {MINUTE, *store.steps(market)} for market in markets}
    for step in sorted({step for found in steps.values() for step in found}):
        having = [market for market, found in steps.items() if step in found]
        down = _outages(store, tiers, having, step)
        for market in having:
            known = _known(store, tiers, market, step)
            if len(known.candles):
                yield _info(market, step, known, down)


def _outages(store: CandleStore, tiers: CandleTiers, markets: Iterable[str], step: int) -> Stretches:
    """When the exchange was down: others are asked only where the heartbeat is silent, or not known."""
    beat = _starts(HEARTBEAT, _known(store, tiers, HEARTBEAT, step))
    silent = [(since, until) for since, until in outages([beat], step).tolist()]
    windows = joined((*silent, *without([(0, FOREVER)], beat.whole)))
    others = (market for market in markets if market != HEARTBEAT)
    parts = [_inside(_starts(market, _known(store, tiers, market, step)), windows) for market in others]
    return outages([beat, *parts], step)


def _inside(known: Starts, windows: Spans) -> Starts:
    whole = without(known.whole, without([(0, FOREVER)], windows))
    return Starts(known.market, known.times[covered(windows, known.times, 1)], whole)


def _known(store: CandleStore, tiers: CandleTiers, market: str, step: int) -> Known:
    return tiers.known(market) if step == MINUTE else store.held(market, step)


def _starts(market: str, known: Known) -> Starts:
    return Starts(market, known.candles.time, known.whole)


def _info(market: str, step: int, known: Known, down: Stretches) -> FrameInfo:
    """Before the first candle there is no trade to miss: that time is left out."""
    since, until = int(known.candles.time[0]), known.whole[-1][1]
    quiet = untraded(_starts(market, known), step)
    quiet = quiet[quiet[:, 0] >= since]
    down, quiet = split(quiet, down)
    lacking = uncollected(known.whole)
    lacking = lacking[lacking[:, 0] >= since]
    notable = quiet[lengths(quiet) > hole_of(step)]
    named = (*_named("uncollected", lacking), *_named("down", down), *_named("untraded", notable))
    missing, off, silent = (int(lengths(each).sum()) for each in (lacking, down, quiet))
    return FrameInfo(
        market,
        frame_of(step),
        since,
        until,
        len(known.candles),
        int(known.candles.marked(REVISED).sum()),
        missing,
        off,
        silent,
        stretches=tuple(sorted(named, key=lambda one: one.since)),
        spikes=tuple(_spikes(known, step)),
    )


def _spikes(known: Known, step: int) -> Iterator[Spike]:
    """Suspect bars of five minutes, or of the stored frame where that is coarser (quant.md MTF-13)."""
    base = max(step, BASE_FRAME)
    candles = resampled(known.candles, base)
    since, until = int(candles.time[0]), int(candles.time[-1]) + base
    bars = filled(candles, known.whole, base, since, until)
    closes = np.full((until - since) // base, np.nan)
    closes[(bars.time - since) // base] = bars.close
    for place in np.flatnonzero(spikes(closes)).tolist():
        yield Spike(since + place * base, *closes[place - 1 : place + 2].tolist())


def _named(kind: str, found: Stretches) -> Iterator[Stretch]:
    return (Stretch(kind, since, until) for since, until in found.tolist())
