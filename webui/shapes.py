"""Geometry of the small drawings: sparkline, bars, the range of a position, drawdown. Estimates only, no money."""

from collections.abc import Sequence
from itertools import accumulate

import msgspec

from domain.money import estimate
from domain.readmodel import EquityPoint, PositionRow

BUCKET_S = 10
SPARK_POINTS = 72
_WIDTH = 100.0


class Spark(msgspec.Struct, frozen=True):
    """A line and the area under it as SVG paths, and whether it rose (`up`, `down`, `flat`)."""

    line: str
    area: str
    trend: str


class Curve(msgspec.Struct, frozen=True):
    """Columns of the equity chart: seconds UTC (ascending, distinct), KRW, and drawdown in percent (0 or less)."""

    t: list[int]
    v: list[float]
    dd: list[float]


class Span(msgspec.Struct, frozen=True):
    """A position on the way from its stop (0) to its second target (100): entry, price and first target."""

    entry: float
    price: float | None
    first: float


def spark(values: Sequence[float], width: float = 160.0, height: float = 44.0) -> Spark | None:
    """A sparkline of these values, oldest first; None with fewer than two."""
    if len(values) < 2:  # noqa: PLR2004 (a line has two ends)
        return None
    low, high = min(values), max(values)
    reach = (high - low) or 1.0
    step, inner = width / (len(values) - 1), height - 6.0
    points = [f"{i * step:.1f} {height - 3.0 - (value - low) / reach * inner:.1f}" for i, value in enumerate(values)]
    line = "M" + "L".join(points)
    first, last = values[0], values[-1]
    trend = "up" if last > first else "down" if last < first else "flat"
    return Spark(line, f"{line}L{width:g} {height:g}L0 {height:g}Z", trend)


def share(part: float | None, whole: float | None) -> float:
    """How far a bar reaches, 0 to 100; an unknown or impossible share is an empty bar."""
    if part is None or whole is None or whole <= 0:
        return 0.0
    return min(_WIDTH, max(0.0, part / whole * _WIDTH))


def span(row: PositionRow) -> Span | None:
    """Where price and entry of a position stand between stop and second target; None when the two do not differ."""
    low, high = estimate(row.stop), estimate(row.tp2)
    if high <= low:
        return None
    return Span(
        entry=share(estimate(row.entry) - low, high - low),
        price=None if row.price is None else share(estimate(row.price) - low, high - low),
        first=share(estimate(row.tp1) - low, high - low),
    )


def curve(points: Sequence[EquityPoint]) -> Curve:
    """The equity curve in steps of BUCKET_S seconds, the last point of each step; points out of order are left out."""
    buckets: dict[int, float] = {}
    newest = -1
    for point in points:
        second = point.at // 1_000_000 // BUCKET_S * BUCKET_S
        if second >= newest:
            newest = second
            buckets[second] = estimate(point.equity)
    values = list(buckets.values())
    peaks = accumulate(values, max)
    return Curve(list(buckets), values, [drawdown(value, peak) for value, peak in zip(values, peaks, strict=True)])


def drawdown(value: float, peak: float) -> float:
    """Loss from the peak in percent, 0 or less; 0 when there is no positive peak to measure from."""
    return round((value / peak - 1.0) * 100.0, 4) if peak > 0 else 0.0


def spark_of(points: Sequence[EquityPoint]) -> Spark | None:
    """The sparkline of the newest SPARK_POINTS equity points."""
    return spark([estimate(point.equity) for point in points[-SPARK_POINTS:]])
