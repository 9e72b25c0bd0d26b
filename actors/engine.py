"""One engine: the actors of a session on threads, opened, watched and closed. The web server is not in it."""

import functools
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from actors.archivist import Archive, Archivist
from actors.dashboard import Dashboard
from actors.feed import Feed
from actors.keywatch import KeyWatch
from actors.listings import Listings
from actors.recorder import Recorder, catch_up, events_of
from actors.replaying import books_in
from actors.rest import Past, Rest, nothing_known
from actors.runtime import ActorSpec, ThreadHost
from actors.survey import Survey
from actors.system import SESSION_FOR, SETTINGS_FOR, market_actor, system
from actors.userstream import UserStream
from actors.venue import Venue
from actors.venues import SANDBOX, Place
from domain.config import Settings
from domain.errors import ConfigError
from domain.indicators.kernels import warm_kernels
from domain.listings import MarketListing
from domain.market import HEARTBEAT
from domain.message import Message
from domain.messages import IncidentRaised, ListingsRead, ReconcileNow, SessionOpened, SettingsChanged
from domain.money import plain
from domain.readmodel import EquityPoint, ReadModel, Session
from domain.strategies import by_names

log = logging.getLogger(__name__)

LAST_LOOK_S = 10.0  # real seconds the last comparison of the books may take at the end


@dataclass(frozen=True, slots=True)
class Outlets:
    """What the engine needs of the storage: it gets callables, never the storage itself."""

    write: Callable[[Sequence[tuple[int, Message]]], None]
    release: Callable[[], object]
    last_sequence: Callable[[], int]
    equity: Callable[[], Iterable[EquityPoint]]
    archive: Archive | None = None
    past: Past = nothing_known


class Engine:
    """The actor system of one session. A context manager: entered it trades, left it is closed.

    Raises ConfigError when the journal's books were kept at another venue, and whatever its reading raises.
    """

    def __init__(  # noqa: PLR0913 (each is one thing the engine is given, by name)
        self,
        *,
        place: Place,
        markets: tuple[str, ...],
        journal: Path,
        socket: Path,
        identifier_prefix: str,
        settings: Settings,
        seed: int,
        code_version: str,
        outlets: Outlets,
        halted: Mapping[str, str] | None = None,
        chooses: bool = False,
    ) -> None:
        """`halted` are markets that may not be entered, each with the reason.

        With `chooses` the universe chooses among the `markets`, else exactly they are entered.
        """
        self._place = place
        self._chooses = chooses
        self._entries = markets
        books = books_in(journal, code_version, seed)
        self._refuse_other_books(books.venue, journal)
        self._exits, self._lost = self._held_elsewhere(books.held)
        self._held = tuple(market for market in books.held if market not in self._lost)
        self._markets = (*markets, *self._exits)
        self._there = self._held if chooses else self._markets
        besides = dict.fromkeys((*settings.universe.watched, HEARTBEAT))
        self._besides = self._listed(*(market for market in besides if market not in self._there))
        self._watched = (*self._there, *self._besides)  # until the universe says otherwise
        self._prefix = identifier_prefix
        self._settings = settings
        self._outlets = outlets
        self._halted = dict(halted or {})
        self._journal = journal
        self._closed: dict[str, Any] | None = None
        self._dashboard: Dashboard | None = None

        edges = [
            ActorSpec("recorder", functools.partial(Recorder, write=outlets.write, release=outlets.release)),
            ActorSpec("dashboard", functools.partial(self._show, path=socket, code_version=code_version)),
            *self._edges_to(place),
            *self._archivist(outlets.archive),
        ]
        wiring = system(edges, exchange=place.private is None)
        self._host = ThreadHost(wiring, journal, place.clock, seed, code_version)

    def _show(self, context: Any, name: str, *, path: Path, code_version: str) -> Dashboard:
        """The dashboard's edge; called at the start, when the engine's time is known."""
        place = self._place
        shown = Session("paper", place.name, place.clock.speed, self.now(), self._there, code_version)
        self._dashboard = Dashboard(context, name, path=path, session=shown, equity=self._outlets.equity)
        return self._dashboard

    def _refuse_other_books(self, venue: str, journal: Path) -> None:
        if venue not in {"", self._place.name}:
            before = "with" if venue == SANDBOX else "without"
            raise ConfigError(
                f"the books in {journal.parent} are those of an account at the {venue}, this start would trade at the "
                f"{self._place.name}: start {before} --sandbox as before, or name another folder with --home"
            )

    def _held_elsewhere(self, held: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What is held in markets that shall not be entered: those the exchange lists, and those it does not."""
        others = tuple(market for market in held if market not in self._entries)
        exits = self._listed(*others)
        return exits, tuple(market for market in others if market not in exits)

    def _listed(self, *markets: str) -> tuple[str, ...]:
        """Those of these markets that the exchange lists."""
        known = frozenset(self._place.rest.market_all()) if markets else frozenset()
        return tuple(market for market in markets if market in known)

    def _edges_to(self, place: Place) -> list[ActorSpec]:
        now = self.now
        listeners = () if place.private else ("venue",)
        edges = [
            ActorSpec("rest", functools.partial(Rest, client=place.rest, past=self._outlets.past)),
            ActorSpec(
                "feed",
                functools.partial(
                    Feed,
                    open_stream=place.public(self._watched),
                    now=now,
                    listeners=listeners,
                    client=place.rest,
                    skew=lambda: place.rest.transport.skew_s,
                ),
            ),
            ActorSpec(
                "listings",
                functools.partial(
                    Listings,
                    client=place.rest,
                    glance=place.glance,
                    markets=tuple(dict.fromkeys((*self._markets, *self._watched))),
                    now=now,
                    real_seconds=self.real_seconds,
                ),
            ),
            ActorSpec("survey", functools.partial(Survey, client=place.rest, now=now, real_seconds=self.real_seconds)),
        ]
        if place.private:
            edges[:0] = [
                ActorSpec("venue", functools.partial(Venue, client=place.rest, now=now, markets=self._watched)),
                ActorSpec("userstream", functools.partial(UserStream, open_stream=place.private, now=now)),
                ActorSpec(
                    "keywatch",
                    functools.partial(KeyWatch, client=place.rest, now=now, real_seconds=self.real_seconds),
                ),
            ]
        return edges

    def _archivist(self, archive: Archive | None) -> tuple[ActorSpec, ...]:
        if archive is None:
            return ()
        archivist = functools.partial(
            Archivist,
            archive=archive,
            client=self._place.rest,
            now=self.now,
            real_seconds=self.real_seconds,
            release=self._outlets.release,
        )
        return (ActorSpec("archivist", archivist),)

    # --- life

    def __enter__(self) -> Self:
        """Compile what the trading path needs, catch the projection up, start every actor, open the session."""
        warm_kernels()
        by_names(self._settings.strategies)
        missed = catch_up(self._outlets.write, events_of(self._journal, self._outlets.last_sequence()))
        self._host.start()
        for text in missed:
            self._tell_incident("not_recorded", "recorder", text)
        for name in (*SETTINGS_FOR, "survey"):
            self._host.tell(name, SettingsChanged(self._settings, "start", "settings of this start"))
        opened = SessionOpened(
            self._place.name,
            self._prefix,
            self._markets,
            self._place.clock.speed,
            entries=() if self._chooses else self._entries,
            halted=tuple(self._halted.items()),
            watched=self._besides,
            chooses=self._chooses,
            held=self._held,
        )
        for name in (*SESSION_FOR, "listings", "survey"):
            self._host.tell(name, opened)
        if self._place.private is None:
            self._host.tell("venue", opened)
        for market in self._lost:
            text = "coins are held there and the exchange does not list it: they cannot be priced, guarded or sold"
            self._tell_incident("not_listed", market, text)
        if self._lost:
            absent = tuple(MarketListing(market, listed=False) for market in self._lost)
            self._host.tell("warnings", ListingsRead(absent, self.now()))
        if self._exits and not self._chooses:
            log.info("held from before, to be sold and not entered markets=%s", ",".join(self._exits))
        for market, reason in self._halted.items():
            log.error("market not entered market=%s reason=%s", market, reason)
        log.info(
            "session opened venue=%s markets=%d chosen_among=%s speed=%g",
            self._place.name,
            len(self._markets),
            self._chooses,
            opened.speed,
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Close, if `close` was not called."""
        self.close()

    def now(self) -> int:
        """The engine's time in microseconds UTC: the place's clock, held ahead of what the journal has seen."""
        return self._host.now()

    def real_seconds(self, delay_us: int) -> float:
        """Real seconds until the engine's clock has moved by this much."""
        return self._place.clock.real_seconds(delay_us)

    def plant(self, fault: str) -> None:
        """Make `ACTOR[:MESSAGE]` crash once, to rehearse it."""
        known = (*map(market_actor, (*self._markets, *self._besides)), *SESSION_FOR, "supervisor")
        name = next((name for name in known if fault == name or fault.startswith(f"{name}:")), fault)
        self._host.plant_fault(name, "before", fault[len(name) + 1 :] or None, 1)

    def close(self, *, exchange_alive: bool = True) -> dict[str, Any]:
        """Compare the books a last time, stop every actor, and sum the session up; again gives the same summary."""
        if self._closed is None:
            reconciled = exchange_alive and self._last_look()
            stats = self._host.stats()
            self._host.stop()
            self._place.rest.close()
            model = self.read_model()
            self._closed = self._summary(model, reconciled=reconciled, stats=stats)
        return self._closed

    def read_model(self) -> ReadModel:
        """What the dashboard shows now."""
        if self._dashboard is None:
            raise ConfigError("the engine was not started")
        return self._dashboard.read_model()

    def _tell_incident(self, kind: str, subject: str, text: str) -> None:
        self._host.tell_topic("incidents", IncidentRaised(self.now(), kind, subject, text), "engine")

    def _last_look(self) -> bool:
        """Whether books and exchange agreed in a comparison that began now."""
        if self._dashboard is None:
            return False
        self._host.tell("reconciler", ReconcileNow("the session ends"))
        return self._dashboard.wait_for_green(self.now(), LAST_LOOK_S)

    def _summary(self, model: ReadModel, *, reconciled: bool, stats: Any) -> dict[str, Any]:
        kpis, counts = model.kpis, self._dashboard.counts() if self._dashboard else {}
        return {
            "decisions": counts.get("decisions", 0),
            "orders": counts.get("orders", 0),
            "fills": counts.get("fills", 0),
            "equity": plain(kpis.equity) if kpis else None,
            "cash": plain(kpis.cash) if kpis else None,
            "positions": {row.market: plain(row.volume) for row in model.positions},
            "reconciled": reconciled,
            "journal_records": stats.journal_records,
            "restarts": stats.restarts,
            "dead_letters": stats.dead_letters,
        }
