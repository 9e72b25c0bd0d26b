"""Runs one core actor by itself, turn by turn, as the runtime would: what goes in, what comes out."""

from decimal import Decimal as D
from typing import Any

from actors.runtime.parcel import BEGIN, PUBLISH, RETIRE, SEND, TIMER
from actors.runtime.replay import ReplayContext
from domain.decisions import OrderIntent
from domain.market import US_PER_S, Terms
from domain.message import Message
from domain.messages import SessionOpened, TermsLoaded
from domain.orders import ExchangeState, Fill, OrderReport, OrderType, Side, TimeInForce

T0 = 1_757_894_400 * US_PER_S  # 2025-09-15 00:00 UTC
BTC = "KRW-BTC"


class Stage:
    """One actor on a stage. `now` is moved by hand; `said` keeps what the last message made it say."""

    def __init__(self, kind: Any, name: str) -> None:
        self.actor = kind(ReplayContext(1), name)
        self.now = T0
        self.sent: list[tuple[str, Message]] = []
        self.published: list[tuple[str, Message]] = []
        self.timers: list[tuple[int, Message]] = []
        self.begun: list[str] = []
        self.retired: list[str] = []

    @property
    def state(self) -> Any:
        return self.actor.state

    def tell(self, message: Message, sender: str = "somebody", after_s: float = 0.0) -> "Stage":
        self.now += int(after_s * US_PER_S)
        outbox = self.actor.run_turn(sender, message, self.now)
        self.sent = [(one.to, one.message) for one in outbox if one.kind == SEND]
        self.published = [(one.to, one.message) for one in outbox if one.kind == PUBLISH]
        self.timers = [(one.delay_us, one.message) for one in outbox if one.kind == TIMER]
        self.begun = [one.to for one in outbox if one.kind == BEGIN]
        self.retired = [one.to for one in outbox if one.kind == RETIRE]
        return self

    def ring(self, within_s: float = 3_600.0) -> "Stage":
        """Let the newest timer of the last turn ring, at its time."""
        delay, message = self.timers[-1]
        assert delay <= within_s * US_PER_S
        return self.tell(message, "timer", delay / US_PER_S)

    def to(self, name: str, kind: Any) -> list[Any]:
        """What the last turn sent to `name`, of one kind."""
        return [message for to, message in self.sent if to == name and isinstance(message, kind)]

    def on(self, topic: str, kind: Any) -> list[Any]:
        """What the last turn published on `topic`, of one kind."""
        return [message for to, message in self.published if to == topic and isinstance(message, kind)]


def session(*markets: str, speed: float = 1.0) -> SessionOpened:
    return SessionOpened("sandbox", "abcd1234", markets or (BTC,), speed)


def terms(market: str = BTC) -> TermsLoaded:
    fee = D("0.0005")
    return TermsLoaded(Terms(market, fee, fee, D(5_000), D(5_000), D(1_000_000_000), "active"))


def a_buy(intent_id: str = "e1", *, funds: str = "1000000", expires_s: float = 900.0, market: str = BTC) -> OrderIntent:
    price = D(150_000_000)
    return OrderIntent(
        intent_id,
        market,
        Side.BUY,
        OrderType.LIMIT,
        price,
        D("0.00666666"),
        D(funds),
        TimeInForce.IOC,
        "ENTRY",
        "A",
        price,
        T0,
        T0 + int(expires_s * US_PER_S) if expires_s else 0,
    )


def a_sale(intent_id: str = "x1", *, market: str = BTC, volume: str = "0.00666666") -> OrderIntent:
    return OrderIntent(
        intent_id,
        market,
        Side.SELL,
        OrderType.MARKET,
        None,
        D(volume),
        None,
        TimeInForce.GTC,
        "STOP",
        "A",
        D(150_000_000),
        T0,
        0,
    )


def a_fill(
    number: int = 1, *, volume: str = "0.00666666", side: Side = Side.BUY, identifier: str = "abcd1234-e1"
) -> Fill:
    price = D(150_000_000)
    funds = price * D(volume)
    return Fill(f"t{number}", "o1", identifier, BTC, side, price, D(volume), funds, funds * D("0.0005"), T0)


def a_report(
    *fills: Fill,
    state: ExchangeState = ExchangeState.DONE,
    executed: str | None = None,
    identifier: str = "abcd1234-e1",
    complete: bool = True,
) -> OrderReport:
    total = sum((fill.volume for fill in fills), D(0)) if executed is None else D(executed)
    return OrderReport(
        order_id="o1",
        identifier=identifier,
        market=BTC,
        side=Side.BUY,
        type=OrderType.LIMIT,
        state=state,
        price=D(150_000_000),
        volume=D("0.00666666"),
        executed_volume=total,
        paid_fee=sum((fill.fee for fill in fills), D(0)),
        locked=D(0),
        created_at=T0,
        fills=fills,
        complete=complete,
    )
