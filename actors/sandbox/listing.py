"""What the exchange says of its markets and to its members beyond prices: flags, delistings, halts, announcements."""

from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

CAUTIONS: Final = (
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)
DELISTED: Final = "DELISTED"


@dataclass(slots=True)
class Listing:
    """How one market is listed now.

    `state` is PREVIEW, ACTIVE or DELISTED; a market that is `offline` takes no orders; prices of new orders must be
    multiples of `tick_factor` times the rule book's step.
    """

    warning: bool = False
    cautions: frozenset[str] = frozenset()
    state: str = "ACTIVE"
    delisting: date | None = None
    offline: bool = False
    tick_factor: int = 1

    @property
    def listed(self) -> bool:
        """Whether anybody is still told of it."""
        return self.state != DELISTED


class Announcement(NamedTuple):
    """A notice of the exchange; `event` is CREATED or UPDATED, times are microseconds UTC."""

    event: str
    id: str
    title: str
    category: str
    url: str
    first_listed_at: int
    listed_at: int
    body: str = ""
