"""The words of the page: one flat TOML catalogue a language, Korean first."""

import tomllib
from collections.abc import Iterable
from importlib import resources

LANGUAGES = ("ko", "en")
DEFAULT = "ko"


class Words:
    """The catalogue of one language. Calling it gives the text of a key, with `{name}` places filled in."""

    def __init__(self, lang: str, texts: dict[str, str]) -> None:
        self.lang = lang
        self.texts = texts

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key that must exist; raises KeyError otherwise."""
        text = self.texts[key]
        return text.format(**values) if values else text

    def maybe(self, key: str, otherwise: str) -> str:
        """The text of a key made from a code of the engine, or `otherwise` when the catalogue does not know it."""
        return self.texts.get(key, otherwise)


def load(lang: str) -> Words:
    """The catalogue of one of LANGUAGES, from this package's files."""
    file = resources.files("webui") / "i18n" / f"{lang}.toml"
    return Words(lang, tomllib.loads(file.read_text(encoding="utf-8")))


def choose(cookie: str | None, accepted: Iterable[str]) -> str:
    """The language of a visitor: what they chose, else the first they accept (`en-GB` counts as `en`), else Korean."""
    if cookie in LANGUAGES:
        return cookie
    for tag in accepted:
        short = tag.split("-")[0].lower()
        if short in LANGUAGES:
            return short
    return DEFAULT
