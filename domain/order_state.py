"""The life of an order of ours as data: its stages, which lead where, and when nothing more can come."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from domain.orders import OrderReport


class Stage(StrEnum):
    """Where an order of ours is. UNKNOWN: it was sent and nobody has said what became of it."""

    INTENDED = "intended"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    LIVE = "live"
    DONE = "done"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    ABSENT = "absent"
    EXPIRED = "expired"


FINAL: Final = frozenset({Stage.DONE, Stage.CANCELLED, Stage.REFUSED, Stage.ABSENT, Stage.EXPIRED})
"""Stages in which an order counts as over. How much was filled is told by its fills, never by its stage."""

NEXT: Final = {
    Stage.INTENDED: frozenset({Stage.SUBMITTING, Stage.REFUSED, Stage.EXPIRED}),
    Stage.SUBMITTING: frozenset({Stage.UNKNOWN, Stage.LIVE, Stage.DONE, Stage.CANCELLED, Stage.REFUSED}),
    Stage.UNKNOWN: frozenset(
        {Stage.SUBMITTING, Stage.LIVE, Stage.DONE, Stage.CANCELLED, Stage.REFUSED, Stage.ABSENT, Stage.EXPIRED}
    ),
    Stage.LIVE: frozenset({Stage.DONE, Stage.CANCELLED}),
    Stage.DONE: frozenset(),
    Stage.CANCELLED: frozenset(),
    # A request may float and surface after it was given up: then the order is there, and is adopted.
    Stage.REFUSED: frozenset({Stage.LIVE}),
    Stage.ABSENT: frozenset({Stage.LIVE}),
    Stage.EXPIRED: frozenset({Stage.LIVE}),
}
"""Which stages may follow each one."""


def advance(stage: Stage, to: Stage) -> Stage:
    """Give the next stage; raises ValueError for a step that cannot happen."""
    if to not in NEXT[stage]:
        raise ValueError(f"an order cannot go from {stage} to {to}")
    return to


def is_settled(report: OrderReport, booked: Decimal) -> bool:
    """Whether nothing more can come: the exchange calls it finished, and our fills make up all it executed."""
    return report.finished and booked == report.executed_volume
