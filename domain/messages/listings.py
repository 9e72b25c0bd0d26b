"""What the exchange says of its markets beyond prices, and what we make of it."""

from domain.listings import Notice, Standing
from domain.message import Message


class AnnouncementSeen(Message, frozen=True):
    """User stream to warnings and whoever keeps or shows it: a notice of the exchange, heard at `at`.

    `event` is CREATED or UPDATED; `listed_at` is 0 and a text "" when not told. A long `body` may be cut off.
    """

    event: str
    id: str
    title: str
    category: str
    url: str
    listed_at: int
    body: str
    at: int


class MarketRefused(Message, frozen=True):
    """Gateway to warnings: an order was refused because of the state of its market; `error` is the refusal's name."""

    market: str
    error: str


class MarketServed(Message, frozen=True):
    """Gateway to warnings: an order was taken in a market that had refused one for its state."""

    market: str


class ListingChanged(Message, frozen=True):
    """Warnings to whoever keeps or shows it: a market's state or announced end changed, and what was said to cause it.

    `until` is the announced end after the change, None when none is known.
    """

    market: str
    before: str
    after: str
    until: int | None
    notice: Notice
    at: int


class ListingStates(Message, frozen=True):
    """Warnings to universe, portfolio, risk and dashboard: every market whose state is not NORMAL, by name.

    `announced` tells whether announcements reach us now; where no key is, they never do.
    """

    states: tuple[Standing, ...]
    announced: bool
    at: int
