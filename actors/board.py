"""The read model of the dashboard: a fold of events into sections, with no input or output of its own."""

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from actors.board_rows import decision_row, order_row, position_row
from actors.bulletin import announcement_line, change_level, change_line, listings_lamp
from actors.freshness import changes_text, data_lamp, gap_line, source_lamp
from domain.market import US_PER_S
from domain.message import Message
from domain.messages import (
    AnnouncementSeen,
    DataBlocked,
    DecisionsMade,
    EquityMeasured,
    FillBooked,
    GapFilled,
    GuardAlive,
    IncidentRaised,
    ListingChanged,
    ListingStates,
    OrderChanged,
    PositionChanged,
    PositionClosed,
    ReconcileFinished,
    RiskTripped,
    SettingsChanged,
    SourceChanged,
    StreamChanged,
    StreamMeasured,
    TickerSeen,
    TradingStateChanged,
)
from domain.money import estimate, plain
from domain.order_state import FINAL, Stage
from domain.readmodel import (
    DecisionRow,
    EquityPoint,
    Kpis,
    Lamp,
    OrderRow,
    PositionRow,
    ReadModel,
    Session,
    TapeLine,
    TickerRow,
    TradingState,
)

TAPE_KEPT = 200
EQUITY_KEPT = 5_000
PRICE_STALE_US = 120 * US_PER_S
EXISTED = frozenset({Stage.LIVE, Stage.DONE, Stage.CANCELLED})  # stages of an order that reached the exchange
ZERO = Decimal(0)


class Board:
    """Everything a page shows, kept current by `apply`. Not thread-safe: its owner serialises access."""

    def __init__(self, session: Session, equity: Iterable[EquityPoint]) -> None:
        self.session = session
        self.seq = 0
        self.state = TradingState("REDUCING", "starting", "", session.started_at)
        self.measured: EquityMeasured | None = None
        self.settings: SettingsChanged | None = None
        self.positions: dict[str, PositionChanged] = {}
        self.orders: dict[str, OrderRow] = {}
        self.ordered: set[str] = set()  # identifiers of orders the exchange had
        self.decisions: dict[str, DecisionRow] = {}
        self.tickers: dict[str, TickerRow] = {}
        self.first_price: dict[str, Decimal] = {}
        self.lamps: dict[str, Lamp] = {}
        self.tape: deque[TapeLine] = deque(maxlen=TAPE_KEPT)
        self.equity: deque[EquityPoint] = deque(equity, maxlen=EQUITY_KEPT)
        self.counts = {"decisions": 0, "orders": 0, "fills": 0}
        self.green_at = 0
        self.freshness: StreamMeasured | None = None
        self.blocked = DataBlocked((), 0)

    def apply(self, message: Message) -> set[str]:  # noqa: C901, PLR0912 (one case a message)
        """Take one event in; returns the names of the sections it changed."""
        self.seq += 1
        match message:
            case TickerSeen():
                return self._ticker(message)
            case EquityMeasured():
                return self._equity(message)
            case PositionChanged():
                self.positions[message.market] = message
                if not message.volume:
                    del self.positions[message.market]
                return {"positions", "kpis"}
            case PositionClosed():
                text = f"{message.market} closed, {message.reason}: {message.pnl:+,.0f} KRW ({message.strategy})"
                return self._line(message.closed_at, "trade", "position.closed", text)
            case OrderChanged():
                return self._order(message)
            case FillBooked() if message.fill.at >= self.session.started_at:  # older ones are told again after a start
                fill = message.fill
                self.counts["fills"] += 1
                size = f"{plain(fill.volume)} @ {plain(fill.price)} = {fill.funds:,.0f} KRW"
                text = f"{fill.market} {size}, {message.reason}"
                return self._line(fill.at, "trade", f"fill.{fill.side}", text)
            case DecisionsMade():
                return self._decide(message)
            case TradingStateChanged():
                return self._trading_state(message)
            case RiskTripped():
                verb = "released" if message.released else "tripped"
                text = f"{message.kind} {verb} by {message.subject}: {message.text}"
                return self._line(message.at, "warn", f"risk.{message.kind.lower()}", text)
            case StreamChanged() | SourceChanged() | GapFilled() | StreamMeasured() | DataBlocked():
                return self._stream(message)
            case ReconcileFinished():
                text = "books equal the exchange" if message.green else "; ".join(message.differences)
                self._lamp("reconciler", "ok" if message.green else "warn", text, message.at)
                self.green_at = message.at if message.green else 0
                return {"lamps"}
            case GuardAlive():
                return self._guard(message)
            case IncidentRaised():
                return self._line(message.at, "error", f"incident.{message.kind}", f"{message.subject}: {message.text}")
            case ListingStates() | ListingChanged() | AnnouncementSeen():
                return self._listing(message)
            case SettingsChanged():
                self.settings = message
                return {"kpis"}
            case _:
                return set()

    def section(self, name: str) -> object:
        """The present value of one section that is replaced whole."""
        match name:
            case "session":
                return self.session
            case "state":
                return self.state
            case "kpis":
                return self.kpis()
            case "positions":
                return self._position_rows()
            case "orders":
                return tuple(self.orders.values())
            case "decisions":
                return tuple(self.decisions[market] for market in sorted(self.decisions))
            case "tickers":
                return tuple(self.tickers[market] for market in sorted(self.tickers))
            case "lamps":
                return tuple(self.lamps[lamp] for lamp in sorted(self.lamps))
            case _:
                raise KeyError(name)

    def snapshot(self) -> ReadModel:
        """All sections together."""
        return ReadModel(
            seq=self.seq,
            session=self.session,
            state=self.state,
            kpis=self.kpis(),
            positions=self._position_rows(),
            orders=tuple(self.orders.values()),
            decisions=tuple(self.decisions[market] for market in sorted(self.decisions)),
            tickers=tuple(self.tickers[market] for market in sorted(self.tickers)),
            lamps=tuple(self.lamps[lamp] for lamp in sorted(self.lamps)),
            tape=tuple(reversed(self.tape)),
            equity=tuple(self.equity),
        )

    def kpis(self) -> Kpis | None:
        """The account valued at the last prices seen; None before the engine has valued it once."""
        if self.measured is None:
            return None
        seen, exposure, unrealised, marked = self.measured, ZERO, ZERO, True
        positions = [position for position in self.positions.values() if position.state != "DUST"]
        for position in positions:
            ticker = self.tickers.get(position.market)
            price = ticker.price if ticker else position.entry
            marked = marked and ticker is not None
            exposure += position.volume * price
            unrealised += position.volume * price - position.cost
        held = seen.equity - seen.cash - seen.exposure  # coins without a position of ours, and dust
        sizes = self.settings.settings.sizes if self.settings else None
        return Kpis(
            at=max((row.at for row in self.tickers.values()), default=seen.at),
            equity=seen.cash + held + exposure,
            cash=seen.cash,
            exposure=exposure,
            unrealised=unrealised,
            realised=seen.realised,
            day_start=seen.day_start,
            fees=seen.fees,
            position_count=len(positions),
            max_positions=sizes.max_positions if sizes else 0,
            max_exposure=sizes.max_exposure if sizes else ZERO,
            day_loss_limit=sizes.day_loss if sizes else ZERO,
            marked=marked and seen.marked,
        )

    def _ticker(self, seen: TickerSeen) -> set[str]:
        first = self.first_price.setdefault(seen.market, seen.price)
        change = estimate(seen.price / first) - 1.0
        self.tickers[seen.market] = TickerRow(seen.market, seen.price, change, seen.at)
        return {"tickers", "positions", "kpis"} if seen.market in self.positions else {"tickers"}

    def _position_rows(self) -> tuple[PositionRow, ...]:
        rows = (position_row(self.positions[market], self.tickers.get(market)) for market in sorted(self.positions))
        return tuple(row for row in rows if row is not None)

    def _equity(self, measured: EquityMeasured) -> set[str]:
        self.measured = measured
        if not measured.marked:  # a floor is no value: it would draw a fall that never was
            return {"kpis"}
        self.equity.append(EquityPoint(measured.at, measured.equity))
        return {"kpis", "equity"}

    def _guard(self, alive: GuardAlive) -> set[str]:
        """Every held market must show a price, or at least an ended minute, all the time."""
        late = []
        for market, seen in alive.watched:
            position = self.positions.get(market)
            if alive.at - max(seen, position.opened_at if position else 0) > PRICE_STALE_US:
                late.append(market)
        text = f"no price for {', '.join(late)}" if late else f"{len(alive.watched)} positions watched"
        self._lamp("guard", "warn" if late else "ok", text, alive.at)
        return {"lamps"}

    def _stream(self, message: StreamChanged | SourceChanged | GapFilled | StreamMeasured | DataBlocked) -> set[str]:
        match message:
            case StreamChanged():
                self._lamp(message.stream, "ok" if message.connected else "bad", message.reason, message.at)
                code = f"stream.{'up' if message.connected else 'down'}"
                return {"lamps"} | self._line(message.at, "info", code, f"{message.stream} stream: {message.reason}")
            case SourceChanged():
                lamp = self.lamps[message.stream] = source_lamp(message)
                return {"lamps"} | self._line(message.at, "warn", f"stream.by_{message.source}", lamp.text)
            case GapFilled():
                level = "error" if message.unfilled else "info"
                return self._line(message.at, level, "stream.gap", f"{message.stream} stream: {gap_line(message)}")
            case StreamMeasured():
                self.freshness = message
                self.lamps["data"] = data_lamp(message, self.blocked.blocks, message.at)
                return {"lamps"}
            case DataBlocked():
                self.blocked = message
                self.lamps["data"] = data_lamp(self.freshness, message.blocks, message.at)
                text = changes_text(message)
                code, level = ("data.blocked", "warn") if message.changed else ("data.free", "info")
                return {"lamps"} | (self._line(message.at, level, code, text) if text else set())

    def _listing(self, message: ListingStates | ListingChanged | AnnouncementSeen) -> set[str]:
        match message:
            case ListingStates():
                self.lamps["listings"] = listings_lamp(message, keyed="private" in self.lamps)
                return {"lamps"}
            case ListingChanged():
                code = f"listing.{message.after.lower()}"
                return self._line(message.at, change_level(message), code, change_line(message))
            case AnnouncementSeen():
                return self._line(message.at, "info", "announcement", announcement_line(message))

    def _order(self, order: OrderChanged) -> set[str]:
        if order.stage in EXISTED and order.identifier not in self.ordered:
            self.ordered.add(order.identifier)
            self.counts["orders"] += 1
        if order.stage in FINAL:
            self.orders.pop(order.identifier, None)
            if order.stage == "done" or order.executed_volume:
                return {"orders"}
            text = f"{order.market} {order.side} {order.stage}: {order.detail or order.reason}"
            return {"orders"} | self._line(order.changed_at, "warn", f"order.{order.stage}", text)
        self.orders[order.identifier] = order_row(order)
        return {"orders"}

    def _decide(self, made: DecisionsMade) -> set[str]:
        self.counts["decisions"] += len(made.decisions)
        for decision in made.decisions:
            self.decisions[decision.market] = decision_row(decision)
        return {"decisions"}

    def _trading_state(self, changed: TradingStateChanged) -> set[str]:
        moved = (changed.state, changed.reason) != (self.state.state, self.state.reason)
        self.state = TradingState(changed.state, changed.reason, changed.by, changed.at)
        if not moved:
            return {"state"}
        text = f"trading is {changed.state}" + (f": {changed.reason}" if changed.reason else "")
        return {"state"} | self._line(changed.at, "warn", "state", text)

    def _lamp(self, name: str, state: str, text: str, at: int) -> None:
        self.lamps[name] = Lamp(name, state, text, at)

    def _line(self, at: int, level: str, code: str, text: str) -> set[str]:
        self.tape.append(TapeLine(self.seq, at, level, code, text))
        return {"tape"}
