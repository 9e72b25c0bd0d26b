"""Turns templates into text: the same fragment for the page, for `hx-get` and for the push, in either language."""

import hashlib
from collections.abc import Callable
from importlib import resources

import jinja2
from markupsafe import Markup

from webui import fmt, shapes
from webui.fragments import FRAGMENTS, Hints, Inputs
from webui.language import LANGUAGES, load
from webui.mirror import View

_HASH_SHOWN = 10


class Renderer:
    """Owns the template environment: autoescape for everything, and an unknown name is an error, not a blank."""

    def __init__(self, hints: Hints) -> None:
        self.words = {lang: load(lang) for lang in LANGUAGES}
        self._hints = hints
        self.environment = jinja2.Environment(
            loader=jinja2.PackageLoader("webui"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals.update(asset=asset_url, fmt=fmt, share=shapes.share, hints=hints)

    def text(self, template: str, lang: str, **inputs: object) -> str:
        """A template of this package with the words of `lang`; raises jinja2.UndefinedError for a missing input."""
        return self.environment.get_template(template).render(t=self.words[lang], **inputs)

    def fragment(self, name: str, lang: str, view: View, *, push: bool = False) -> str:
        """A live part as it stands in a page, or with `push` as it replaces itself there."""
        return self.text(f"partials/{name}.html", lang, **FRAGMENTS[name].inputs(view), push=push)

    def page(self, template: str, lang: str, view: View, **inputs: object) -> str:
        """A whole page; inside it `fragment(name)` places a live part."""
        return self.text(template, lang, fragment=self._placer(lang, view), **inputs)

    def inputs_of(self, name: str, view: View) -> Inputs:
        """The inputs a fragment would be rendered with."""
        return FRAGMENTS[name].inputs(view)

    def _placer(self, lang: str, view: View) -> Callable[[str], Markup]:
        def place(name: str) -> Markup:
            # the text is our own template's output, escaped there; escaping it again would show its tags
            return Markup(self.fragment(name, lang, view))  # noqa: S704

        return place


def static_hashes() -> dict[str, str]:
    """Path below `static/` to a short hash of the content, for every file in the package."""
    hashes: dict[str, str] = {}
    waiting = [("", resources.files("webui") / "static")]
    while waiting:
        prefix, folder = waiting.pop()
        for entry in folder.iterdir():
            path = f"{prefix}{entry.name}"
            if entry.is_dir():
                waiting.append((f"{path}/", entry))
            else:
                hashes[path] = hashlib.sha256(entry.read_bytes()).hexdigest()[:_HASH_SHOWN]
    return hashes


_HASHES = static_hashes()


def asset_url(path: str) -> str:
    """Where a static file is served, with its content in the address: a changed file is a new address.

    Raises:
        KeyError: if there is no such file.
    """
    return f"/static/{path}?v={_HASHES[path]}"
