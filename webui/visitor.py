"""What a browser prefers: language and the colours of gains and losses, kept in two cookies of its own."""

from flask import request

from webui.language import choose

LANGUAGE_COOKIE = "baeu_lang"
PALETTE_COOKIE = "baeu_palette"
PALETTES = ("kr", "intl")
"""`kr`: gains red, losses blue, as Korean exchanges show them. `intl`: gains green, losses red."""


def language() -> str:
    """The language of the request being answered."""
    return choose(request.cookies.get(LANGUAGE_COOKIE), request.accept_languages.values())


def palette() -> str:
    """The palette of the request being answered."""
    chosen = request.cookies.get(PALETTE_COOKIE)
    return chosen if chosen in PALETTES else PALETTES[0]
