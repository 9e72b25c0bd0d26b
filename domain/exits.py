"""When a position is sold, and how much of it: quant.md EXIT-01..07 and POS-02..04. Nothing here rests on the book.

Prices are in the market's quote currency and valid ticks where they are levels; times are int microseconds UTC.
"""

from decimal import Decimal
from typing import Final, NamedTuple

from msgspec.structs import replace

from domain.config import ExitSettings, Settings
from domain.decisions import Evaluation, Levels
from domain.market import Bar, Terms
from domain.message import Value
from domain.messages import GuardPosition
from domain.money import volume_floor
from domain.rules import price_down, price_up

PRIORITY: Final = (
    *("FORCED", "DELISTING", "STOP", "TRAIL", "SPIKE", "TP1", "TP2", "SCORE"),
    *("TIME_MAX", "TIME_TARGET", "TIME_TREND"),
)
"""Exit reasons, the one that outranks all others first (POS-02); DELISTING is forced like EXIT-09's others."""


class Guarded(Value, frozen=True):
    """A position under watch. `stop` only rises; `high` is the highest price traded since the entry, at least that.

    `tighten` is the part of its distance that a trailing stop keeps: less than 1 where the exchange warns of a market.
    """

    market: str
    volume: Decimal
    entry: Decimal
    levels: Levels
    stop: Decimal
    high: Decimal
    opened_at: int
    tp1_done: bool = False
    tp2_done: bool = False
    tighten: Decimal = Decimal(1)


class ExitSignal(NamedTuple):
    """Sell for this reason; `price` is the trade that says so."""

    reason: str
    price: Decimal


class Sale(NamedTuple):
    """A sale inside a bar: `base` is a price that traded, slippage not yet taken off."""

    reason: str
    base: Decimal
    volume: Decimal


def levels(  # noqa: PLR0913, PLR0917 (what a level depends on)
    market: str,
    entry: Decimal,
    atr: Decimal,
    settings: Settings,
    at: int,
    terms: Terms | None = None,
    *,
    tighten: Decimal = Decimal(1),
) -> Levels:
    """Give the levels of a position bought at `entry` on average (EXIT-02..04).

    `atr` is the ATR14 of 1h at the decision. Without `terms` the fees are those of the settings. `tighten` is the part
    of its distance the stop keeps. Raises NoRule when the stop would lie below the smallest price.
    """
    rules, slip = settings.exits, settings.costs.slip
    bid_fee, ask_fee = fees(settings, terms)
    distance = max(rules.stop_lo * entry, min(rules.stop_hi * entry, rules.stop_atr * atr))  # no division: exact
    return Levels(
        stop=price_down(market, entry - distance * tighten, at),
        tp1=price_up(market, entry + max(rules.tp1 * entry, rules.tp1_atr * atr), at),
        tp2=price_up(market, entry + max(rules.tp2 * entry, rules.tp2_atr * atr), at),
        breakeven=price_up(market, entry * (1 + bid_fee) / ((1 - ask_fee) * (1 - slip)), at),
    )


def fees(settings: Settings, terms: Terms | None) -> tuple[Decimal, Decimal]:
    """Give the fees of a buy and of a sale as fractions: the market's own if known, else those of the settings."""
    return (settings.costs.fee, settings.costs.fee) if terms is None else (terms.bid_fee, terms.ask_fee)


def watch(before: Guarded | None, told: GuardPosition) -> Guarded | None:
    """Take what the portfolio says of a position; None ends the watch. A trailing stop and the high are kept."""
    if told.volume <= 0:
        return None
    stop, high = told.levels.stop, told.entry
    if before is not None and before.opened_at == told.opened_at:
        high = max(high, before.high)
        # Until the first target more of the entry may fill and move its average, and the stop with it.
        stop = max(stop, before.stop) if told.tp1_done else stop
    return Guarded(
        told.market,
        told.volume,
        told.entry,
        told.levels,
        stop,
        high,
        told.opened_at,
        told.tp1_done,
        told.tp2_done,
        told.tighten,
    )


def on_price(guarded: Guarded, low: Decimal, high: Decimal) -> ExitSignal | None:
    """Judge the lowest and highest trade of one message: the stop comes before a target when both were touched."""
    if low <= guarded.stop:
        return ExitSignal(stop_reason(guarded), low)
    if not guarded.tp1_done and high >= guarded.levels.tp1:
        return ExitSignal("TP1", high)
    if guarded.tp1_done and not guarded.tp2_done and high >= guarded.levels.tp2:
        return ExitSignal("TP2", high)
    return None


def stop_reason(guarded: Guarded) -> str:
    """Name the stop: TRAIL once it has been raised to break-even or above, STOP before."""
    return "TRAIL" if guarded.stop >= guarded.levels.breakeven else "STOP"


def on_minute(guarded: Guarded, bar: Bar, atr: Decimal | None, settings: Settings, at: int) -> Guarded:
    """Take a closed execution bar: remember its high, then raise the stop, in force from the next bar on (EXIT-05)."""
    if bar.real:
        guarded = replace(guarded, high=max(guarded.high, bar.high))
    return ratchet(guarded, atr, settings, at)


def ratchet(guarded: Guarded, atr: Decimal | None, settings: Settings, at: int) -> Guarded:
    """Raise the stop behind the high once the first target is done; an unknown `atr` still leaves break-even."""
    if not guarded.tp1_done:
        return guarded
    stop = max(guarded.stop, guarded.levels.breakeven)
    if atr is not None:
        multiple = settings.exits.trail2 if guarded.tp2_done else settings.exits.trail1
        behind = guarded.high - atr * multiple * guarded.tighten
        stop = max(stop, price_down(guarded.market, behind, at)) if behind > stop else stop
    return replace(guarded, stop=stop)


def on_bar(guarded: Guarded, bar: Bar, settings: Settings, *, entry_bar: bool) -> tuple[Guarded, tuple[Sale, ...]]:
    """Give the sales inside one execution bar of a backtest, in their order, and the position after it (POS-03).

    Levels are those known at the open; the stop is assumed to trade before a target. Volume 0 means all is sold.
    """
    if not bar.real:
        return guarded, ()
    sales: list[Sale] = []
    if not entry_bar:
        guarded = _sell_gaps(guarded, bar, settings, sales)
    if guarded.volume and bar.low <= guarded.stop:
        guarded = _sell_all(guarded, stop_reason(guarded), guarded.stop, sales)
    if guarded.volume and not guarded.tp1_done and bar.high >= guarded.levels.tp1:
        guarded = _take_profit(guarded, "TP1", guarded.levels.tp1, settings, sales)
    if guarded.volume and guarded.tp1_done and not guarded.tp2_done and bar.high >= guarded.levels.tp2:
        guarded = _take_profit(guarded, "TP2", guarded.levels.tp2, settings, sales)
    return replace(guarded, high=max(guarded.high, bar.high)), tuple(sales)


def close_exit(
    *, entry: Decimal, tp1_done: bool, bars_held: int, evaluation: Evaluation, settings: ExitSettings
) -> str:
    """Give the first exit due at a base close, "" for none (EXIT-06, EXIT-07); bars held include the entry bar.

    A market that is not trusted is sold for time alone: its spike and its trend may come from missing bars.
    """
    if evaluation.trusted and evaluation.spike and evaluation.close > entry:
        return "SPIKE"
    if bars_held >= settings.max_bars:
        return "TIME_MAX"
    if tp1_done:
        return ""
    if bars_held >= settings.target_bars:
        return "TIME_TARGET"
    if evaluation.trusted and bars_held >= settings.trend_bars and not evaluation.trend_up_1h:
        return "TIME_TREND"
    return ""


def partial_volume(volume: Decimal, price: Decimal, settings: Settings) -> tuple[Decimal, bool]:
    """Give the volume a target sells, and whether that is all: no leg may become too small to sell (POS-04)."""
    part = volume_floor(volume * settings.exits.tp_fraction)
    if min(part, volume - part) * price < settings.sizes.min_leg:
        return volume, True
    return part, False


def _sell_gaps(guarded: Guarded, bar: Bar, settings: Settings, sales: list[Sale]) -> Guarded:
    """Sell at the open what its price alone decides: it is certainly the first trade."""
    if bar.open <= guarded.stop:
        return _sell_all(guarded, "STOP_GAP", bar.open, sales)
    if not guarded.tp1_done and bar.open >= guarded.levels.tp1:
        guarded = _take_profit(guarded, "TP1_GAP", bar.open, settings, sales)
    if guarded.volume and guarded.tp1_done and not guarded.tp2_done and bar.open >= guarded.levels.tp2:
        guarded = _take_profit(guarded, "TP2_GAP", bar.open, settings, sales)
    return guarded


def _sell_all(guarded: Guarded, reason: str, base: Decimal, sales: list[Sale]) -> Guarded:
    sales.append(Sale(reason, base, guarded.volume))
    return replace(guarded, volume=Decimal(0))


def _take_profit(guarded: Guarded, reason: str, base: Decimal, settings: Settings, sales: list[Sale]) -> Guarded:
    part, whole = partial_volume(guarded.volume, base, settings)
    sales.append(Sale(f"{reason}_ALL" if whole else reason, base, part))
    left = guarded.volume - part
    if reason.startswith("TP1"):
        return replace(guarded, volume=left, tp1_done=True)
    return replace(guarded, volume=left, tp2_done=True)
