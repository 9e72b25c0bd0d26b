"""What a strategy is (quant.md STR-00)."""

from typing import Protocol, TypeAlias

from domain.config import Settings
from domain.decisions import Gate, Intent
from domain.strategies.view import MarketView

Answer: TypeAlias = Intent | tuple[Gate, ...]
"""A wish to buy, or every condition that was not met, with its numbers; codes are `<strategy>.<CONDITION>`."""


class Strategy(Protocol):
    """Looks at one market at the close of a base bar. It keeps nothing between two calls."""

    @property
    def name(self) -> str:
        """The letter it goes by in settings, orders and reports."""

    def on_close(self, view: MarketView, settings: Settings) -> Answer:
        """Give the intent, or why there is none."""
