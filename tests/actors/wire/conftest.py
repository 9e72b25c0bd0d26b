"""The real client and the real actors above it, over real sockets, against a real sandbox with faults on."""

import queue
from dataclasses import replace
from decimal import Decimal as D
from functools import partial

import pytest

from actors.feed import Feed
from actors.gateway import Gateway
from actors.listings import Listings
from actors.lookout import Patience
from actors.portfolio import Portfolio
from actors.quality import Quality
from actors.reconciler import Reconciler
from actors.risk import Risk
from actors.runtime import Actor, ActorSpec, ScaledClock, ThreadHost, Topology
from actors.system import MARKET_FAMILY, topics
from actors.universe import Universe
from actors.upbit.frames import AnnouncementFrame, BookFrame, TradeFrame
from actors.upbit.glance import tickers_now
from actors.upbit.limits import Limiter
from actors.upbit.rest import UpbitRest
from actors.upbit.retry import TIMEOUTS
from actors.upbit.sign import Keys, Secret
from actors.upbit.streams import Stream, Timing
from actors.userstream import UserStream
from actors.venue import Venue
from actors.warnings import Warnings
from domain.config import Settings
from domain.decisions import OrderIntent
from domain.market import US_PER_S
from domain.messages import (
    FillBooked,
    OrderApproved,
    OrderChanged,
    ReconcileFinished,
    ReconcileNow,
    SessionOpened,
    SettingsChanged,
)
from domain.orders import OrderReport, OrderType, Side, TimeInForce
from tests.actors.sandbox.conftest import start

__all__ = ["start"]

XRP = "KRW-XRP"
PREFIX = "wire"
WAIT_S = 20.0
SPEED = 60.0  # a limit of the exchange's seconds is over in a moment of ours
QUICK = Timing(ping_s=0.1, silent_s=0.4, backoff_s=0.02, backoff_max_s=0.2, connect_s=5.0)
FINAL = {"done", "cancelled", "refused", "absent", "expired"}


def keys_of(ready):
    return Keys(ready["access_key"], Secret(ready["secret_key"]))


def patient(seconds):
    """Time-outs of a client that waits so many real seconds for a connection and for an answer."""
    connect_s, silence_s = seconds
    short = replace(TIMEOUTS.order, connect_s=connect_s, silence_s=silence_s)
    return replace(TIMEOUTS, query=replace(short, total_s=15.0), order=short, cancel=short)


def clock_of(ready, *, off_s=0):
    """The sandbox's clock, or one that is off by so many of its seconds."""
    told = ready["clock"]
    return ScaledClock(told["origin_us"] + off_s * US_PER_S, told["anchor_ns"], told["speed"])


class Witness(Actor[None]):
    """Hears everything that is told to it."""

    edge = True
    State = None

    def __init__(self, context, name, *, out):
        super().__init__(context, name)
        self._out = out

    def handle(self, message):
        self._out.put(message)


class MarketWitness(Witness):
    """The same, as a member of a family."""

    edge = False


class Trader:
    """Gateway, reconciler, portfolio, risk, quality and universe with their edges to a sandbox, on their own threads.

    With `measured` seconds REST stands in for the public stream, and its freshness is told so often.
    """

    def __init__(self, client, folder, *, timing=QUICK, timeout_s=(2.0, 2.0), off_s=0, measured=None, settings=None):  # noqa: PLR0913 (what a test may want otherwise)
        ready = client.ready
        clock = clock_of(ready, off_s=off_s)
        keys, limiter = keys_of(ready), Limiter(clock)
        self.client, self.clock = client, clock
        self.rest = UpbitRest(ready["rest"], keys, clock, limiter=limiter, timeouts=patient(timeout_s))
        self.heard, self.market = queue.SimpleQueue(), queue.SimpleQueue()
        now = clock.now

        def private(on_order, on_announcement, on_state):
            takers = {OrderReport: on_order, AnnouncementFrame: on_announcement}

            def on_frame(frame):
                takers.get(type(frame), id)(frame)

            wanted = ({"type": "myOrder"}, {"type": "myAsset"}, {"type": "announcement", "include_body": True})
            return Stream(
                ready["ws"] + "/private", wanted, on_frame=on_frame, on_state=on_state, keys=keys, timing=timing
            )

        def public(on_trade, on_book, on_echo, _on_candle, on_state):
            def on_frame(frame):
                match frame:
                    case TradeFrame():
                        on_trade(frame.market, frame.trade)
                    case BookFrame():
                        on_book(frame.market, frame.book)

            wanted = ({"type": "trade", "codes": [XRP]}, {"type": "orderbook", "codes": [XRP]})
            return Stream(ready["ws"], wanted, on_frame=on_frame, on_state=on_state, on_echo=on_echo, timing=timing)

        specs = (
            ActorSpec("gateway", Gateway),
            ActorSpec("portfolio", Portfolio),
            ActorSpec("risk", Risk),
            ActorSpec("reconciler", Reconciler),
            ActorSpec("quality", Quality),
            ActorSpec("universe", Universe),
            ActorSpec("warnings", Warnings),
            ActorSpec("guard", partial(Witness, out=queue.SimpleQueue())),
            ActorSpec("recorder", partial(Witness, out=self.heard)),
            ActorSpec("dashboard", partial(Witness, out=queue.SimpleQueue())),
            ActorSpec("venue", partial(Venue, client=self.rest, now=now, markets=(XRP,))),
            ActorSpec(
                "listings",
                partial(
                    Listings,
                    client=self.rest,
                    glance=partial(tickers_now, ready["ws"]),
                    markets=(XRP,),
                    now=now,
                    real_seconds=clock.real_seconds,
                ),
            ),
            ActorSpec("userstream", partial(UserStream, open_stream=private, now=now)),
            ActorSpec(
                "feed",
                partial(
                    Feed,
                    open_stream=public,
                    markets=(XRP,),
                    now=now,
                    client=None if measured is None else self.rest,
                    patience=Patience(measure_s=measured or 5.0),
                    skew=lambda: self.rest.transport.skew_s,
                ),
            ),
        )
        self.host = ThreadHost(
            Topology(specs, topics(), frozenset({"venue"}), {MARKET_FAMILY: partial(MarketWitness, out=self.market)}),
            folder,
            clock,
            1,
            "wire",
            on_fatal=pytest.fail,
        )
        self.host.start()
        for name in ("portfolio", "risk", "quality", "warnings"):
            self.host.tell(name, SettingsChanged(settings or Settings(), "start", ""))
        for name in ("gateway", "risk", "reconciler", "portfolio", "quality", "universe", "warnings"):
            self.host.tell(name, SessionOpened("sandbox", PREFIX, (XRP,), ready["clock"]["speed"]))

    def stop(self):
        self.host.stop()
        self.rest.close()

    def until(self, wanted):
        """Every message the witness hears up to the first that is wanted."""
        found = []
        while not found or not wanted(found[-1]):
            found.append(self.heard.get(timeout=WAIT_S))
        return found

    def green(self):
        """Compare books and exchange now, and wait until they agree."""
        asked = self.clock.now()
        self.host.tell("reconciler", ReconcileNow("the test asks"))
        return self.until(lambda one: isinstance(one, ReconcileFinished) and one.green and one.at >= asked)

    def approve(self, intent):
        self.host.tell("gateway", OrderApproved(intent), "risk")

    def finish(self, intent):
        """Have an intent carried out; what was told up to its end."""
        self.approve(intent)
        return self.end(intent)

    def end(self, intent, told=()):
        """What is told up to an order's end and its last fill: the newest state of an order overtakes its fills.

        `told` is what was heard before.
        """
        heard, left = list(told), None
        while left is None or left > sum(
            fill.volume for fill in booked(heard) if fill.identifier == identifier(intent)
        ):
            heard.append(message := self.heard.get(timeout=WAIT_S))
            if isinstance(message, OrderChanged) and message.intent_id == intent.intent_id and message.stage in FINAL:
                left = message.executed_volume
        return heard

    def buy(self, name, *, price=None, volume=None, time_in_force=TimeInForce.IOC):
        """An intent to buy XRP for 20,000 KRW at once, or a limit order of a price and volume."""
        limit = price is not None
        return OrderIntent(
            name, XRP, Side.BUY, OrderType.LIMIT if limit else OrderType.BEST, price, volume, D(20_000),
            time_in_force, "ENTRY", "A", price or D(3_000), self.clock.now(), 0,
        )  # fmt: skip


def identifier(intent):
    """Under which identifier an intent goes out."""
    return f"{PREFIX}-{intent.intent_id}"


def stages(told, intent):
    """The stages an order went through, as they were told."""
    return [one.stage for one in told if isinstance(one, OrderChanged) and one.intent_id == intent.intent_id]


def booked(told):
    """The fills that were booked."""
    return [one.fill for one in told if isinstance(one, FillBooked)]


def posts(client):
    """The calls that asked for an order."""
    return [call for call in client.requests() if (call["method"], call["path"]) == ("POST", "/v1/orders")]


@pytest.fixture
def trader(start, tmp_path):
    """A sandbox at work and a trader on it whose books agree."""
    made = []

    def make(*, speed=SPEED, ready=True, options=None, **more):
        client = start(speed=speed, markets=(XRP, "KRW-BTC"), **(options or {}))
        made.append(Trader(client, tmp_path / "journal", **more))
        if ready:
            made[-1].green()
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def rest(start):
    """A sandbox at work and the client of it alone."""
    made = []

    def make(*, speed=SPEED, timeout_s=(2.0, 2.0), off_s=0, **options):
        client = start(speed=speed, markets=(XRP, "KRW-BTC"), **options)
        clock = clock_of(client.ready, off_s=off_s)
        made.append(UpbitRest(client.base, keys_of(client.ready), clock, timeouts=patient(timeout_s)))
        return client, made[-1]

    yield make
    for one in made:
        one.close()
