"""Joins the mirror to the browsers: what changed is rendered at most five times a second and left in the outboxes."""

import logging
import threading

from domain.readmodel import CommandAnswer
from webui.desk import Desk, Ticket
from webui.engine import EngineClient
from webui.fragments import touched
from webui.hub import Hub, Outbox
from webui.mirror import Link
from webui.render import Renderer

log = logging.getLogger(__name__)

TICK_S = 0.2
IDLE_S = 1.0
STOP_WITHIN_S = 3.0


class Live:
    """Owns the publisher thread; everything a page or a socket needs hangs here."""

    def __init__(self, engine: EngineClient, renderer: Renderer) -> None:
        self.engine = engine
        self.mirror = engine.mirror
        self.renderer = renderer
        self.hub = Hub()
        self.desk = Desk(engine.send)
        self._dirty: set[str] = set()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._broken: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        engine.mirror.listen(self._note)
        engine.on_answer(self._answered)

    def start(self) -> None:
        """Connect to the engine and begin to publish."""
        self.engine.start()
        self._thread.start()

    def close(self) -> None:
        """Let every browser go (they come back by themselves) and end both threads."""
        self.hub.close_all()
        self._stopping.set()
        with self._changed:
            self._changed.notify()
        self.engine.stop()
        if self._thread.is_alive():
            self._thread.join(STOP_WITHIN_S)

    def welcome(self, outbox: Outbox) -> None:
        """Everything its page shows, for a browser that just took its seat."""
        view = self.mirror.view()
        for name in outbox.fragments:
            outbox.put(name, self.renderer.fragment(name, outbox.lang, view, push=True))

    def ticket_text(self, ticket: Ticket, lang: str, *, push: bool = False) -> str:
        """The fragment that says what became of a command."""
        return self.renderer.text("partials/answer.html", lang, ticket=ticket, push=push)

    def _note(self, sections: frozenset[str]) -> None:
        with self._changed:
            self._dirty |= sections
            self._changed.notify()

    def _answered(self, answer: CommandAnswer) -> None:
        ticket = self.desk.answered(answer)
        if ticket is None:
            log.warning("the engine answered a command that is not ours token=%s", answer.token)
            return
        self.hub.broadcast(f"answer-{ticket.token}", lambda lang: self.ticket_text(ticket, lang, push=True))

    def _run(self) -> None:
        link = self.mirror.view().link
        while not self._stopping.is_set():
            names = set(touched(self._wait()))
            view = self.mirror.view()
            if view.link is not link or view.link is not Link.LIVE:  # the age goes on while nothing is heard
                names |= {"status", "lamps", "clock"} if view.link is not link else {"status"}
                link = view.link
            for name in sorted(names):
                self._publish(name)
            self._stopping.wait(TICK_S)

    def _wait(self) -> frozenset[str]:
        with self._changed:
            self._changed.wait_for(lambda: self._dirty or self._stopping.is_set(), IDLE_S)
            dirty = frozenset(self._dirty)
            self._dirty.clear()
        return dirty

    def _publish(self, name: str) -> None:
        view = self.mirror.view()
        try:
            self.hub.publish(name, lambda lang: self.renderer.fragment(name, lang, view, push=True))
        except Exception:  # one broken fragment must not stop the other ones; it is told once
            if name not in self._broken:
                log.exception("fragment not rendered name=%s", name)
            self._broken.add(name)
