"""How the exchange's word on its markets is put for a person: tape lines."""

from domain.messages import AnnouncementSeen


def announcement_line(seen: AnnouncementSeen) -> str:
    """An announcement in one line."""
    return f"[{seen.category}] {seen.title} {seen.url}".rstrip()
