"""Which actors there are, in which order they start, and who hears which topic: fixed before the first turn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from actors.runtime.actor import Actor
from domain.errors import ConfigError

Factory = Callable[..., Actor[Any]]


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

    A turn that sends to an `external` name is made durable before its mail is released. Raises ConfigError when a
    name is taken twice or a topic names a subscriber that does not exist.
    """

    specs: tuple[ActorSpec, ...]
    topics: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    external: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        names = [spec.name for spec in self.specs]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"actor names must be unique, these are taken twice: {', '.join(twice)}")
        known = set(names) | {"supervisor"}
        for topic, subscribers in self.topics.items():
            unknown = sorted(set(subscribers) - known)
            if unknown:
                raise ConfigError(f"topic {topic!r} has subscribers that do not exist: {', '.join(unknown)}")
