"""How much to buy: quant.md SIZ-01, SIZ-02 and the cost gates CTL-05, CTL-06. Amounts are KRW."""

from decimal import Decimal
from typing import NamedTuple

from domain.config import Settings
from domain.decisions import Gate
from domain.exits import fees, levels
from domain.market import Terms
from domain.money import won_floor
from domain.rules import price_down, price_up

ZERO = Decimal(0)


class Room(NamedTuple):
    """What the account allows now: `cash_free` is KRW nothing else may spend, `exposure` includes pending buys."""

    equity: Decimal
    cash_free: Decimal
    exposure: Decimal


class Plan(NamedTuple):
    """A buy as planned: `funds` in whole KRW without fee, 0 when a gate refuses; `unit_loss` is per coin with costs."""

    funds: Decimal
    gates: tuple[Gate, ...]
    entry: Decimal
    stop: Decimal
    stop_fill: Decimal
    unit_loss: Decimal


def plan(  # noqa: PLR0913, PLR0917 (what a size depends on)
    market: str, price: Decimal, atr: Decimal, room: Room, settings: Settings, at: int, terms: Terms | None = None
) -> Plan:
    """Size a buy decided at `price` so that its stop loses the risk allowed, at the prices that would really occur.

    `atr` is the ATR14 of 1h (KRW). Every gate that refuses is told. Raises NoRule when prices fall off the tick table.
    """
    bid_fee, ask_fee = fees(settings, terms)
    slip = settings.costs.slip
    entry = price_up(market, price * (1 + slip), at)
    stop = levels(market, entry, atr, settings, at, terms).stop
    stop_fill = price_down(market, stop * (1 - slip), at)
    unit_loss = entry * (1 + bid_fee) - stop_fill * (1 - ask_fee)
    gates = _cost_gates(price, atr, bid_fee + ask_fee + 2 * slip, settings)
    funds, refusal = _funds(unit_loss / entry, bid_fee, room, settings, terms)
    if refusal is not None:
        gates.append(refusal)
    return Plan(ZERO if gates else funds, tuple(gates), entry, stop, stop_fill, unit_loss)


def minimum_order(settings: Settings, terms: Terms | None) -> Decimal:
    """Give the smallest buy in KRW that both we and the exchange accept (SIZ-02)."""
    return max(settings.sizes.min_order, terms.min_total_bid if terms else ZERO)


def _cost_gates(price: Decimal, atr: Decimal, round_trip: Decimal, settings: Settings) -> list[Gate]:
    exits = settings.exits
    move = atr / price
    target, least, most = (
        max(exits.tp1, exits.tp1_atr * move),
        settings.costs.cost_mult * round_trip,
        exits.reach * move,
    )
    gates = []
    if target < least:
        text = f"target {target:.3%}, needs {least:.3%}: {settings.costs.cost_mult} round trips of {round_trip:.3%}"
        gates.append(Gate("COST", text))
    if target > most:
        gates.append(Gate("UNREACHABLE", f"target {target:.3%}, {exits.reach} ATR of 1h are {most:.3%}"))
    return gates


def _funds(
    loss: Decimal, bid_fee: Decimal, room: Room, settings: Settings, terms: Terms | None
) -> tuple[Decimal, Gate | None]:
    """Give the funds in whole KRW, or the reason why they are below the minimum; `loss` is per KRW bought."""
    sizes, least = settings.sizes, minimum_order(settings, terms)
    by_risk = sizes.risk * room.equity / loss
    if by_risk < least and least * loss <= sizes.risk_max * room.equity:
        by_risk = least
    bounds = {
        "the risk per trade": by_risk,
        "the weight of one coin": sizes.max_weight * room.equity,
        "the exposure left": sizes.max_exposure * room.equity - room.exposure,
        "the free cash": room.cash_free / (1 + bid_fee),
    }
    if terms is not None:
        bounds["the largest order"] = terms.max_total
    name = min(bounds, key=lambda bound: bounds[bound])
    funds = won_floor(bounds[name])
    if funds < least:
        return ZERO, Gate("BELOW_MIN", f"{name} allows {funds:.0f} KRW, needs {least:.0f}")
    return funds, None
