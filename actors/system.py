"""Which core actors there are and who hears what: one table for the live system, the simulator and replay."""

from collections.abc import Mapping, Sequence
from typing import Final

from actors.clock import Clock
from actors.exchange import Exchange
from actors.gateway import Gateway
from actors.guard import Guard
from actors.market import Market
from actors.portfolio import Portfolio
from actors.quality import Quality
from actors.reconciler import Reconciler
from actors.risk import Risk
from actors.runtime import ActorSpec, Topology
from actors.runtime.topology import EVERYONE, Factory
from actors.universe import Universe
from actors.warnings import Warnings

SHOWN = ("recorder", "dashboard")
SETTINGS_FOR = ("portfolio", "risk", "guard", "quality", "universe", "warnings", *SHOWN)
SESSION_FOR = ("gateway", "risk", "reconciler", "portfolio", "guard", "quality", "universe", "warnings", "clock")
MARKET_FAMILY: Final = "market"  # the family of market actors: the universe begins and retires them
ALL_MARKETS: Final = f"{MARKET_FAMILY}:{EVERYONE}"
FAMILIES: Final[Mapping[str, Factory]] = {MARKET_FAMILY: Market}


def market_actor(market: str) -> str:
    """Address of the actor of one market."""
    return f"{MARKET_FAMILY}:{market}"


def topics() -> dict[str, tuple[str, ...]]:
    """Who hears what is published."""
    return {
        "streams": (ALL_MARKETS, "gateway", "reconciler", "quality", "warnings", *SHOWN),
        "markets": ("feed", "listings", "venue"),
        "tape": ("quality", *SHOWN),
        "freshness": ("quality", "dashboard"),
        "data": ("portfolio", "risk", *SHOWN),
        "quality": SHOWN,
        "terms": ("gateway", "portfolio"),
        "universe": ("portfolio", "quality"),
        "verdicts": ("recorder",),
        "listings": ("universe", "portfolio", "risk", "dashboard"),
        "transitions": SHOWN,
        "announcements": ("warnings", *SHOWN),
        "fills": ("portfolio", *SHOWN),
        "orders": ("universe", *SHOWN),
        "decisions": SHOWN,
        "positions": ("universe", *SHOWN),
        "equity": ("risk", *SHOWN),
        "corrections": ("portfolio", "universe", "recorder"),
        "risk": ("portfolio", *SHOWN),
        "reconciled": ("risk", *SHOWN),
        "guard": ("dashboard",),
        "tickers": ("dashboard",),
        "candles": ("quality", "recorder"),
        "bars": ("dashboard",),
        "checks": ("quality",),
        "incidents": SHOWN,
    }


def core(*, exchange: bool) -> tuple[ActorSpec, ...]:
    """The core actors that are always there, in start order.

    With `exchange` the in-process exchange stands where the venue's edge would.
    """
    venue = (ActorSpec("venue", Exchange),) if exchange else ()
    return (
        ActorSpec("gateway", Gateway),
        ActorSpec("portfolio", Portfolio),
        ActorSpec("risk", Risk),
        ActorSpec("guard", Guard),
        ActorSpec("reconciler", Reconciler),
        ActorSpec("quality", Quality),
        *venue,
        ActorSpec("universe", Universe),
        ActorSpec("warnings", Warnings),
        ActorSpec("clock", Clock),
    )


def system(edges: Sequence[ActorSpec], *, exchange: bool) -> Topology:
    """The whole table: core actors, the edges given, topics, and the one name whose mail leaves the process."""
    external = frozenset() if exchange else frozenset({"venue"})
    return Topology((*core(exchange=exchange), *edges), topics(), external, FAMILIES)


def core_alone(*, exchange: bool) -> Topology:
    """The table without edges, as a replay needs it."""
    specs = core(exchange=exchange)
    present = {*(spec.name for spec in specs), ALL_MARKETS}
    heard = {topic: tuple(name for name in names if name in present) for topic, names in topics().items()}
    return Topology(specs, heard, families=FAMILIES)
