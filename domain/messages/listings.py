"""What the exchange says of its markets beyond prices."""

from domain.message import Message


class AnnouncementSeen(Message, frozen=True):
    """User stream to whoever keeps or shows it: a notice of the exchange, heard at `at`.

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
