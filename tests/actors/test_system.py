"""Who hears what: nobody is sent what it cannot handle, in a simulated day in which everything goes wrong."""

import importlib
import math
import sys
import typing
from collections import defaultdict
from functools import cache

import pytest

import domain.messages  # noqa: F401 (registers every message)
from actors import exchange, feed, listings, rest, venue
from actors.board import Board
from actors.runtime import SUPERVISOR, ActorSpec, Faults, Status, Supervisor
from actors.runtime.parcel import BEGIN, PUBLISH, RESTART, RETIRE, SEND
from actors.runtime.simulator import START_US
from actors.runtime.supervisor import HALT_TARGETS
from actors.system import (
    ALL_MARKETS,
    FAMILIES,
    MARKET_FAMILY,
    SESSION_FOR,
    SETTINGS_FOR,
    SHOWN,
    core,
    market_actor,
    system,
    topics,
)
from actors.universe import Universe
from domain.listings import MarketListing
from domain.market import HOUR, MINUTE
from domain.message import MESSAGES
from domain.messages import (
    AnnouncementSeen,
    GapFilled,
    HaltTrading,
    ListingsRead,
    MinutesChecked,
    ReconcileNow,
    ResumeTrading,
    SettingsChanged,
    SourceChanged,
    StepsCompared,
    StopAll,
    StreamMeasured,
    SurveyTaken,
)
from domain.messages import SessionOpened as Opened
from domain.readmodel import Session
from domain.universe import MarketSurvey
from storage.database import open_database
from storage.projection import Projection
from storage.rows import RECORDED
from tests.simulation.town import MARKETS, TICK, Town
from tests.simulation.world import Wire

WIRE = Wire(
    lose_request=0.1,
    lose_answer=0.1,
    error_after=0.1,
    late_request=0.1,
    duplicate=0.2,
    lose_event=0.2,
    stream_drop=0.003,
)
FAULTS = Faults(delay_us=5_000, crash=0.001, kill=0.00003)
EDGES = {"venue": venue, "rest": rest, "feed": feed, "listings": listings}
ANYTHING = {"recorder", "dashboard"}
RARE = {  # not in every such run; their own tests have them
    "ExitRetryDue",
    "IntentAsked",
    "OrderRefused",
    "Restarted",
    "HistoryFailed",
    "AccountFailed",
    "HistoryDue",
    "OrderAdopted",
    "CancelAnswered",
    "CandlesDoubted",
    "CandlesUnread",
    "MarketRefused",
    "MarketServed",
    "ListingDue",
    "SkewMeasured",
}


class RoughTown(Town):
    """A town whose prices swing by five percent within the hour, so that stops and targets are met."""

    def price(self, market: str, at: int) -> int:
        hours = max(0, at - START_US) / HOUR
        swing = 1 + 0.025 * math.sin(hours * 2 * math.pi / 1.7)
        return round(super().price(market, at) * swing / TICK) * TICK


class Day:
    """What was sent and what was handled, as (actor or topic, message class)."""

    def __init__(self) -> None:
        self.sent: set[tuple[str, str, type]] = set()
        self.handled: dict[str, set[type]] = defaultdict(set)
        self.town = RoughTown(2, FAULTS, WIRE)
        self.town.host.watchers.append(self._watch)
        self.town.run(24)
        for name, message in (
            ("universe", StepsCompared(MARKETS, (), START_US)),
            ("universe", SurveyTaken(START_US, True, tuple(map(MarketSurvey, MARKETS)))),
            ("warnings", ListingsRead((MarketListing(MARKETS[0], warning=True),), START_US)),
            ("quality", StreamMeasured("public", True, (), (), (), (), START_US, 0.5)),
            ("quality", SourceChanged("public", "rest", MARKETS, "silent", START_US)),
            ("quality", GapFilled("public", "silent", START_US, START_US, MARKETS, 3, (), START_US)),
            ("quality", MinutesChecked(MARKETS[0], START_US, START_US + MINUTE, 1, 0)),
            ("reconciler", ReconcileNow("test")),
            ("risk", StopAll("person", True)),
            ("risk", ResumeTrading("person")),
            ("risk", HaltTrading("test", "person")),
        ):
            self.town.host.tell(name, message)
            self.town.run(0.1)
        self.town.host.tell_topic("announcements", AnnouncementSeen("", "", "", "", "", 0, "", START_US), "userstream")
        self.town.run(0.1)
        for record in self.town.host.ledger.records:
            if record.status in {Status.APPLIED, Status.EDGE}:
                self.handled[record.to].add(MESSAGES[record.type])

    def _watch(self, actor, _record, outbox) -> None:
        for out in outbox:
            self.sent.add((out.kind, actor.name if out.kind not in {SEND, PUBLISH} else out.to, type(out.message)))


@cache
def day() -> Day:
    return Day()


def accepted(name: str) -> set[type]:
    """The union an actor declares."""
    module = EDGES.get(name)
    if module is None:
        kinds = {spec.name: spec.factory for spec in core(exchange=False)} | {SUPERVISOR: Supervisor}
        kind = FAMILIES[MARKET_FAMILY] if name.startswith(f"{MARKET_FAMILY}:") else kinds[name]
        module = sys.modules[kind.__module__]
    union = module.Accepted
    return set(typing.get_args(union)) or {union}


def test_everything_core_actors_say_goes_to_somebody_who_can_handle_it():
    known = topics()
    assert len(day().sent) > 45
    for kind, to, message in day().sent:
        if kind in {RESTART, BEGIN, RETIRE}:
            continue
        hearers = known[to] if kind == PUBLISH else (to,)
        assert kind == PUBLISH or to in day().town.host.cells
        for name in set(hearers) - ANYTHING:
            assert message in accepted(name), f"{message.__name__} to {name}"


def test_everything_that_arrives_is_in_the_union_of_its_receiver():
    for name, messages in day().handled.items():
        if name not in {*ANYTHING, ""}:
            assert messages <= accepted(name), name


def test_the_day_had_nearly_every_message_an_actor_can_get():
    """So that the two tests above mean something."""
    markets = set().union(*(day().handled[market_actor(market)] for market in MARKETS))
    actors = {spec.name: day().handled[spec.name] for spec in core(exchange=False)} | {ALL_MARKETS: markets}
    for name, handled in actors.items():
        missing = {message.__name__ for message in accepted(name) - handled}
        assert missing <= RARE, name


def test_no_letter_was_for_nobody():
    dead = [record for record in day().town.host.ledger.records if record.status is Status.DEAD]
    assert [(record.to, record.type) for record in dead if record.to not in day().town.host.cells] == []


def test_money_is_exact_after_such_a_day():
    town = day().town.calm().run(2)
    assert town.books() == town.holdings()
    assert set(town.posted.values()) <= {1}


@pytest.mark.parametrize(
    "module",
    [
        *("gateway", "portfolio", "risk", "guard", "reconciler", "market", "clock"),
        *("universe", "warnings", "quality"),
    ],
)
def test_every_core_actor_is_told_of_starts_and_restarts(module):
    names = {message.__name__ for message in typing.get_args(importlib.import_module(f"actors.{module}").Accepted)}
    assert {"Recovered", "Restarted", "SessionOpened"} <= names


def test_the_in_process_exchange_takes_whatever_the_venue_takes_and_what_the_feed_tells_its_listeners():
    taken = set(typing.get_args(exchange.Accepted))
    assert set(typing.get_args(venue.Accepted)) <= taken
    assert {"BookSeen", "TradesPrinted", "StreamChanged"} <= {message.__name__ for message in taken}


def test_what_a_start_tells_is_understood():
    assert all(Opened in accepted(name) for name in (*SESSION_FOR, ALL_MARKETS))
    assert all(SettingsChanged in accepted(name) for name in (*SETTINGS_FOR, ALL_MARKETS) if name not in SHOWN)
    assert all(HaltTrading in accepted(name) for name in HALT_TARGETS)


@pytest.mark.parametrize("inside", [True, False])
def test_only_mail_to_a_venue_outside_leaves_the_process(inside):
    listeners = tuple(
        ActorSpec(name, Universe) for name in (*SHOWN, "feed", "listings", *(() if inside else ("venue",)))
    )
    wiring = system(listeners, exchange=inside)
    assert wiring.external == (frozenset() if inside else {"venue"})
    assert ("venue" in [spec.name for spec in core(exchange=inside)]) == inside


def test_every_subscriber_of_every_topic_exists():
    edges = {"recorder", "dashboard", "venue", "rest", "userstream", "feed", "listings"}
    present = {spec.name for spec in core(exchange=True)} | edges | {ALL_MARKETS}
    assert {name for names in topics().values() for name in names} <= present


# --- what listeners do with it


def test_all_that_the_recorder_hears_has_a_row(tmp_path):
    heard = day().town.heard
    kinds = {type(message) for message in heard}
    assert kinds == RECORDED
    database = open_database(tmp_path / "baeu.sqlite3")
    projection = Projection(database)
    projection.apply(list(enumerate(heard, start=1)))
    assert projection.last_sequence() == len(heard)
    database.close()


def test_all_that_the_dashboard_hears_is_folded():
    board = Board(Session("paper", "town", 1.0, 0, MARKETS, "1"), ())
    for message in day().town.heard:
        board.apply(message)
    model = board.snapshot()
    assert {row.market for row in model.decisions} == set(MARKETS)
    assert model.kpis is not None
    assert board.counts["orders"] <= board.counts["fills"]
    assert board.counts["orders"] > 0
