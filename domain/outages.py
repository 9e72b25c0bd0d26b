"""What is known of candles over time: where nothing traded, what was never collected, and when the exchange was down.

A stretch is [since, until) in microseconds UTC; many of them are an int64 array of shape (n, 2), in order.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from domain.market import HEARTBEAT, HOUR, MINUTE
from domain.spans import Spans

Times: TypeAlias = NDArray[np.int64]
Stretches: TypeAlias = NDArray[np.int64]

DOWN_LEAST: Final = 3 * MINUTE
"""So long nothing traded, the heartbeat included: the exchange was down (quant.md MTF-12)."""
DOWN_UNHEARD: Final = HOUR
"""So long nothing traded in at least two markets, while nobody knows of the heartbeat."""


class Starts(NamedTuple):
    """When candles of one market start, ascending, and the spans in which they are all there is."""

    market: str
    times: Times
    whole: Spans


def stretches(spans: Spans) -> Stretches:
    """Spans as an array."""
    return np.array(spans, np.int64).reshape(-1, 2)


def untraded(known: Starts, step: int) -> Stretches:
    """Where nothing traded for sure: inside a whole span, between its candles of `step` microseconds."""
    whole = stretches(known.whole)
    place = np.searchsorted(whole[:, 0], known.times, side="right") - 1
    inside = place >= 0
    inside[inside] = known.times[inside] < whole[place[inside], 1]
    times = known.times[inside]
    begins = np.sort(np.concatenate((whole[:, 0], times + step)))
    ends = np.sort(np.concatenate((times, whole[:, 1])))
    open_ = begins < ends
    return np.stack((begins[open_], ends[open_]), axis=1)


def uncollected(whole: Spans) -> Stretches:
    """The holes between whole spans: what traded there, if anything, nobody told us."""
    known = stretches(whole)
    return np.stack((known[:-1, 1], known[1:, 0]), axis=1)


def outages(markets: Sequence[Starts], step: int) -> Stretches:
    """When the exchange was down: stretches in which no market that is known there traded.

    The heartbeat must be among them, and silent for three minutes; where it is not known, two others for an hour.
    """
    silent = [(known, untraded(known, step)) for known in markets]
    quiet = _where([(known.market, stretches(known.whole), gaps) for known, gaps in silent])
    length = quiet.until - quiet.since
    down = np.where(quiet.heard, length >= max(DOWN_LEAST, step), length >= max(DOWN_UNHEARD, step))
    return np.stack((quiet.since[down], quiet.until[down]), axis=1)


def split(quiet: Stretches, down: Stretches) -> tuple[Stretches, Stretches]:
    """Divide where nothing traded: the part in which the exchange was down, and the rest."""
    at = np.unique(np.concatenate((quiet.ravel(), down.ravel())))
    parts = np.stack((at[:-1], at[1:]), axis=1)
    parts = parts[_inside(parts, quiet)]
    off = _inside(parts, down)
    return _joined(parts[off]), _joined(parts[~off])


def lengths(found: Stretches) -> Times:
    """How long each is, in microseconds."""
    return found[:, 1] - found[:, 0]


class _Quiet(NamedTuple):
    since: Times
    until: Times
    heard: NDArray[np.bool_]


def _where(markets: Sequence[tuple[str, Stretches, Stretches]]) -> _Quiet:
    """Where all that are known are silent: the heartbeat, or at least two; `heard` tells which of both it is."""
    edges, changes = [np.zeros(1, np.int64)], [np.zeros((1, 3), np.int64)]
    for market, whole, gaps in markets:
        beat = int(market == HEARTBEAT)
        for spans, what in ((whole, (1, 0, beat)), (gaps, (0, 1, 0))):
            edges += [spans[:, 0], spans[:, 1]]
            changes += [np.tile(what, (len(spans), 1)), -np.tile(what, (len(spans), 1))]
    at, changed = np.concatenate(edges), np.concatenate(changes)
    order = np.argsort(at, kind="stable")
    at, (known, silent, beats) = at[order], np.cumsum(changed[order], axis=0).T
    last = np.append(at[1:] != at[:-1], True)
    at, known, silent, beats = at[last], known[last], silent[last], beats[last]
    quiet = (known > 0) & (silent == known) & ((beats > 0) | (known > 1))
    return _runs(at, quiet, beats > 0)


def _runs(at: Times, quiet: NDArray[np.bool_], heard: NDArray[np.bool_]) -> _Quiet:
    """Neighbouring stretches of one kind as one; the last one has no end and is never quiet."""
    kind = np.where(quiet, 1 + heard, 0)
    first = np.flatnonzero(np.diff(kind, prepend=-1))
    starts, kinds = at[first], kind[first]
    ends = np.append(starts[1:], starts[-1:])
    on = kinds > 0
    return _Quiet(starts[on], ends[on], kinds[on] > 1)


def _inside(parts: Stretches, whole: Stretches) -> NDArray[np.bool_]:
    """Whether each part, cut so that it is either wholly inside or outside, lies in one of these."""
    if not len(whole):
        return np.zeros(len(parts), np.bool_)
    place = np.searchsorted(whole[:, 0], parts[:, 0], side="right") - 1
    inside: NDArray[np.bool_] = (place >= 0) & (parts[:, 0] < whole[place, 1])
    return inside


def _joined(parts: Stretches) -> Stretches:
    """Neighbours that touch as one."""
    if not len(parts):
        return parts
    cuts = np.flatnonzero(parts[1:, 0] > parts[:-1, 1])
    return np.stack((parts[np.append(0, cuts + 1), 0], parts[np.append(cuts, len(parts) - 1), 1]), axis=1)
