"""How the exchange's word on its markets is put for a person: tape lines and the lamp."""

from domain.listings import NORMAL, severity
from domain.messages import AnnouncementSeen, ListingChanged, ListingStates
from domain.readmodel import Lamp

SHOWN = 5


def change_line(changed: ListingChanged) -> str:
    """A transition with the notice that caused it, in one line."""
    notice = changed.notice
    where = f" ({notice.url})" if notice.url else ""
    return f"{changed.market} {changed.before} -> {changed.after}, by {notice.source}: {notice.text}{where}"


def change_level(changed: ListingChanged) -> str:
    """The level of its tape line: only a way back is good news."""
    return "warn" if severity(changed.after) >= severity(changed.before) else "info"


def announcement_line(seen: AnnouncementSeen) -> str:
    """An announcement in one line."""
    return f"[{seen.category}] {seen.title} {seen.url}".rstrip()


def listings_lamp(told: ListingStates, *, keyed: bool) -> Lamp:
    """The lamp of the markets' states; it says when no announcements reach us: without a key never."""
    states = [f"{one.market} {one.state}" for one in told.states if one.state != NORMAL]
    more = f" and {len(states) - SHOWN} more" if len(states) > SHOWN else ""
    text = ", ".join(states[:SHOWN]) + more or "every market is normal"
    if not keyed:
        return Lamp("listings", "warn" if states else "ok", f"{text}; no announcements without a key", told.at)
    if not told.announced:
        return Lamp("listings", "warn", f"{text}; announcements do not reach us now", told.at)
    return Lamp("listings", "warn" if states else "ok", text, told.at)
