"""What the decision core says: evaluations of markets, intents of strategies, decisions with every reason."""

from decimal import Decimal

from domain.message import Value
from domain.orders import OrderType, Side, TimeInForce


class Gate(Value, frozen=True):
    """One reason not to trade: its code (quant.md CTL-04 or the strategy's condition) and the numbers behind it."""

    code: str
    numbers: str


class Intent(Value, frozen=True):
    """A strategy's wish to buy at this close. `atr` is the ATR14 of 1h its levels are made from (KRW)."""

    strategy: str
    market: str
    strength: float
    atr: Decimal
    reasons: tuple[str, ...]


class Evaluation(Value, frozen=True):
    """One market at a decision time `at` (the close of a base bar).

    `gates` are the reasons known to the market itself: stale or synthetic data, and the conditions a strategy missed.
    `atr` is None until it is known. `features` are (name, value) pairs for the eye; a value not known yet is NaN.
    """

    market: str
    at: int
    close: Decimal
    real: bool
    value_24h: Decimal
    atr: Decimal | None
    trend_up_1h: bool
    trend_up_4h: bool
    spike: bool
    features: tuple[tuple[str, float], ...]
    intents: tuple[Intent, ...]
    gates: tuple[Gate, ...]
    trusted: bool = True


class Decision(Value, frozen=True):
    """What was decided for one market at `at`: code "ORDER" with funds (whole KRW), or the first gate that refused.

    `reference` is the close it was decided at, None when that was not known (LATE). `gates` holds every reason that
    spoke against, the first one included; an ORDER has none.
    """

    market: str
    at: int
    code: str
    funds: Decimal
    reference: Decimal | None
    gates: tuple[Gate, ...] = ()
    strategy: str = ""
    atr: Decimal | None = None


class Levels(Value, frozen=True):
    """Where a position is sold: stop, first and second target, and the price that earns its costs (EXIT-01..04)."""

    stop: Decimal
    tp1: Decimal
    tp2: Decimal
    breakeven: Decimal


class OrderIntent(Value, frozen=True):
    """An order the portfolio wants: the same `intent_id` whatever happens to it on the way.

    `funds` is the KRW a buy may spend without fee; `reference` the price the decision was made at; after `expires_at`
    (microseconds UTC) it must not be sent any more. An exit has `expires_at` 0: it never goes stale.
    """

    intent_id: str
    market: str
    side: Side
    type: OrderType
    price: Decimal | None
    volume: Decimal | None
    funds: Decimal | None
    time_in_force: TimeInForce
    reason: str
    strategy: str
    reference: Decimal
    at: int
    expires_at: int
