"""Which core actors there are and who hears what: one table for the live system, the simulator and replay."""

from collections.abc import Sequence

from actors.clock import Clock
from actors.exchange import Exchange
from actors.gateway import Gateway
from actors.guard import Guard
from actors.market import Market
from actors.portfolio import Portfolio
from actors.reconciler import Reconciler
from actors.risk import Risk
from actors.runtime import ActorSpec, Topology
from actors.universe import Universe

SHOWN = ("recorder", "dashboard")
SETTINGS_FOR = ("portfolio", "risk", "guard", *SHOWN)
SESSION_FOR = ("gateway", "risk", "reconciler", "portfolio", "guard", "universe", "clock")


def market_actor(market: str) -> str:
    """Address of the actor of one market."""
    return f"market:{market}"


def topics(markets: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Who hears what is published."""
    actors = tuple(market_actor(market) for market in markets)
    return {
        "streams": (*actors, "gateway", "reconciler", *SHOWN),
        "tape": SHOWN,
        "freshness": ("dashboard",),
        "terms": ("gateway", "portfolio"),
        "universe": ("portfolio",),
        "fills": ("portfolio", *SHOWN),
        "orders": SHOWN,
        "decisions": SHOWN,
        "positions": SHOWN,
        "equity": ("risk", *SHOWN),
        "corrections": ("portfolio", "recorder"),
        "risk": ("portfolio", *SHOWN),
        "reconciled": ("risk", *SHOWN),
        "guard": ("dashboard",),
        "tickers": ("dashboard",),
        "incidents": SHOWN,
    }


def core(markets: Sequence[str], *, exchange: bool) -> tuple[ActorSpec, ...]:
    """The core actors in start order; with `exchange` the in-process exchange stands where the venue's edge would."""
    venue = (ActorSpec("venue", Exchange),) if exchange else ()
    return (
        ActorSpec("gateway", Gateway),
        ActorSpec("portfolio", Portfolio),
        ActorSpec("risk", Risk),
        ActorSpec("guard", Guard),
        ActorSpec("reconciler", Reconciler),
        *venue,
        *(ActorSpec(market_actor(market), Market) for market in markets),
        ActorSpec("universe", Universe),
        ActorSpec("clock", Clock),
    )


def system(markets: Sequence[str], edges: Sequence[ActorSpec], *, exchange: bool) -> Topology:
    """The whole table: core actors, the edges given, topics, and the one name whose mail leaves the process."""
    external = frozenset() if exchange else frozenset({"venue"})
    return Topology((*core(markets, exchange=exchange), *edges), topics(markets), external)
