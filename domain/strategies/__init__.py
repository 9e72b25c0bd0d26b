"""Strategies by the name settings call them."""

from collections.abc import Iterable

from domain.errors import ConfigError
from domain.strategies.protocol import Strategy
from domain.strategies.pullback import Pullback

STRATEGIES: dict[str, Strategy] = {strategy.name: strategy for strategy in (Pullback(),)}
"""In the order that settles a tie between intents (quant.md CTL-03)."""


def by_names(names: Iterable[str]) -> tuple[Strategy, ...]:
    """Give the strategies of these names, in their fixed order; raises ConfigError for a name nobody has."""
    wanted = set(names)
    if unknown := wanted - STRATEGIES.keys():
        raise ConfigError(f"no strategy is called {sorted(unknown)}; there are {sorted(STRATEGIES)}")
    return tuple(strategy for name, strategy in STRATEGIES.items() if name in wanted)
