"""What every page has in common: its name and place, its live parts, and the frame it is rendered in."""

import msgspec

from webui.fragments import EVERYWHERE
from webui.live import Live
from webui.security import Guard
from webui.visitor import language, palette


class Page(msgspec.Struct, frozen=True):
    """A page of the dashboard: `templates/pages/<name>.html` at `path`, made of these fragments beside the frame's."""

    name: str
    path: str
    parts: tuple[str, ...]

    @property
    def fragments(self) -> tuple[str, ...]:
        """All live parts of the page."""
        return (*EVERYWHERE, *self.parts)


class Frame:
    """Renders pages for the request being answered."""

    def __init__(self, live: Live, guard: Guard, pages: tuple[Page, ...]) -> None:
        self._live = live
        self._guard = guard
        self._pages = pages

    def show(self, page: Page) -> str:
        """The whole page in the visitor's language, with the state of this instant in it."""
        return self._live.renderer.page(
            f"pages/{page.name}.html",
            language(),
            self._live.mirror.view(),
            page=page,
            pages=self._pages,
            palette=palette(),
            csrf=self._guard.csrf(),
            boot=self._guard.boot,
        )
