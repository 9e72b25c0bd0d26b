"""Which actors there are, in which order they start, who hears which topic, and which families may grow."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from actors.runtime.actor import Actor
from domain.errors import ConfigError

Factory = Callable[..., Actor[Any]]

EVERYONE: Final = "*"
"""Behind a family's name, as in `market:*`: every living member of it."""


@dataclass(frozen=True, slots=True)
class ActorSpec:
    """One child: its address and how to build it; `factory(context, name)` gives a new, unstarted actor.

    A factory is the class itself (`Risk`), or `functools.partial(Rest, client=client)` for one that needs more.
    """

    name: str
    factory: Factory


@dataclass(frozen=True, slots=True)
class Topology:
    """Children in start order, the static table topic -> subscribers, and the names that lead out of the process.

    A turn that sends to an `external` name is made durable before its mail is released. A family is a kind of core
    actor whose members are begun and retired at runtime: `market:KRW-BTC` belongs to `market`, and the subscriber
    `market:*` is all that live, by name. Raises ConfigError when a name is taken twice, belongs to a family, or a topic
    names a subscriber that does not exist.
    """

    specs: tuple[ActorSpec, ...]
    topics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    external: frozenset[str] = frozenset()
    families: Mapping[str, Factory] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [spec.name for spec in self.specs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"actor names must be unique, these are taken twice: {', '.join(twice)}")
        members = sorted(name for name in names if self.factory_of(name))
        if members:
            raise ConfigError(f"members of a family are begun at runtime, not named: {', '.join(members)}")
        edges = sorted(family for family, factory in self.families.items() if is_edge(factory))
        if edges:
            raise ConfigError(f"a family has core actors only, these are edges: {', '.join(edges)}")
        known = {*names, "supervisor", *(f"{family}:{EVERYONE}" for family in self.families)}
        for topic, subscribers in self.topics.items():
            unknown = sorted(set(subscribers) - known)
            if unknown:
                raise ConfigError(f"topic {topic!r} has subscribers that do not exist: {', '.join(unknown)}")

    def factory_of(self, name: str) -> Factory | None:
        """Give what makes the member of a family that is called so; None for a name of no family."""
        family, _, member = name.partition(":")
        return self.families.get(family) if member else None

    def hearers(self, living: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """Give the subscribers of each topic, with the living members of families by name in place of `family:*`."""
        grown: dict[str, list[str]] = {f"{family}:{EVERYONE}": [] for family in self.families}
        for name in sorted(living):
            grown[f"{family_of(name)}:{EVERYONE}"].append(name)
        return {
            topic: tuple(hearer for name in names for hearer in grown.get(name, (name,)))
            for topic, names in self.topics.items()
        }


def family_of(name: str) -> str:
    """Give the family that a name belongs to by its form, such as `market` of `market:KRW-BTC`; "" for none."""
    return name.partition(":")[0] if ":" in name else ""


def is_edge(factory: Factory) -> bool:
    """Tell whether a factory, a class or a partial of one, makes edges."""
    return bool(getattr(getattr(factory, "func", factory), "edge", False))
