"""Stretches of time as half-open spans of int microseconds UTC: what is known whole, and what is not."""

from collections.abc import Iterable
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]
Spans: TypeAlias = tuple[Span, ...]
"""Sorted, disjoint and not touching: two stretches that touch are one."""


def joined(spans: Iterable[Span]) -> Spans:
    """Give any spans in order, those that overlap or touch as one; an empty one says nothing.

    Raises ValueError for one that ends before it begins.
    """
    found: list[Span] = []
    for since, until in sorted(spans):
        if until < since:
            raise ValueError(f"a span cannot end at {until} before it begins at {since}")
        if since == until:
            continue
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return tuple(found)


def without(spans: Iterable[Span], taken: Iterable[Span]) -> Spans:
    """Give what is in `spans` and not in `taken`."""
    left: list[Span] = []
    away = joined(taken)
    for since, until in joined(spans):
        at = since
        for begin, end in away:
            if end <= at or begin >= until:
                continue
            if begin > at:
                left.append((at, begin))
            at = max(at, end)
        if at < until:
            left.append((at, until))
    return tuple(left)


def within(spans: Iterable[Span], since: int, until: int) -> Spans:
    """Give the part of the spans that lies in [since, until)."""
    cut = ((max(begin, since), min(end, until)) for begin, end in joined(spans))
    return tuple((begin, end) for begin, end in cut if begin < end)


def covers(spans: Iterable[Span], since: int, until: int) -> bool:
    """Whether all of [since, until) lies in the spans."""
    return not without([(since, until)], spans)
