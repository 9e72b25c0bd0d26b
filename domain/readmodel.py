"""What a dashboard shows: sections, each whole and replaceable. The engine fills them, the web process renders them.

Over the engine's socket each frame is `(seq, section name, msgpack of the section)`; a section replaces the one before;
`TapeLine`s append. Money is Decimal text for display only; times are microseconds UTC.
"""

from decimal import Decimal

from domain.message import Value


class Session(Value, frozen=True):
    """The program shown: mode `paper` or `live`, venue `sandbox`, `exchange` or `upbit`, speed of its clock."""

    mode: str
    venue: str
    speed: float
    started_at: int
    markets: tuple[str, ...]
    version: str


class Kpis(Value, frozen=True):
    """The account in one line (KRW). `at` is the engine's time; `day_start` the equity at 00:00 KST."""

    at: int
    equity: Decimal
    cash: Decimal
    exposure: Decimal
    unrealised: Decimal
    realised: Decimal
    day_start: Decimal
    fees: Decimal
    position_count: int
    max_positions: int
    max_exposure: Decimal
    day_loss_limit: Decimal
    marked: bool


class TradingState(Value, frozen=True):
    """ACTIVE, REDUCING or HALTED, why and by whom."""

    state: str
    reason: str
    by: str
    at: int


class PositionRow(Value, frozen=True):
    """One open position. `price` is the last trade, None before one was seen."""

    market: str
    volume: Decimal
    entry: Decimal
    price: Decimal | None
    stop: Decimal
    tp1: Decimal
    tp2: Decimal
    state: str
    strategy: str
    opened_at: int


class OrderRow(Value, frozen=True):
    """One order that is not finished."""

    identifier: str
    market: str
    side: str
    type: str
    stage: str
    price: Decimal | None
    volume: Decimal | None
    executed_volume: Decimal
    reason: str
    created_at: int


class DecisionRow(Value, frozen=True):
    """The latest decision of one market with every reason, as (code, numbers) pairs."""

    market: str
    at: int
    code: str
    strategy: str
    funds: Decimal
    gates: tuple[tuple[str, str], ...]


class TickerRow(Value, frozen=True):
    """Last price of one market and its change since the first price of this session (fraction)."""

    market: str
    price: Decimal
    change: float
    at: int


class Lamp(Value, frozen=True):
    """A light: `name` (public stream, private stream, reconciler, guard, recorder, …), `state` ok, warn or bad."""

    name: str
    state: str
    text: str
    at: int


class TapeLine(Value, frozen=True):
    """One line of the event tape: `level` info, trade, warn or error; `code` e.g. fill.buy, halt, stream.down."""

    seq: int
    at: int
    level: str
    code: str
    text: str


class EquityPoint(Value, frozen=True):
    """One point of the equity curve."""

    at: int
    equity: Decimal


class ReadModel(Value, frozen=True):
    """All sections together: the snapshot a new reader gets first. Tape newest first, equity oldest first."""

    seq: int
    session: Session
    state: TradingState
    kpis: Kpis | None
    positions: tuple[PositionRow, ...]
    orders: tuple[OrderRow, ...]
    decisions: tuple[DecisionRow, ...]
    tickers: tuple[TickerRow, ...]
    lamps: tuple[Lamp, ...]
    tape: tuple[TapeLine, ...]
    equity: tuple[EquityPoint, ...]


class Command(Value, frozen=True):
    """Web to engine: `name` is stop_all, stop_all_liquidate or resume; `by` the acting user; `token` comes back."""

    name: str
    by: str
    token: str


class CommandAnswer(Value, frozen=True):
    """Engine to web: the command reached its actor (`accepted`), or why not."""

    token: str
    accepted: bool
    text: str
