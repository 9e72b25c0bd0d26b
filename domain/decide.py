"""From evaluations to decisions, for all markets at one time: pure, in a fixed order (quant.md CTL-04..08, C-06)."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from domain.blocks import DATA_STALE, MAINTENANCE, Block, against
from domain.config import Settings
from domain.decisions import Decision, Evaluation, Gate, Intent
from domain.exits import fees
from domain.market import Terms
from domain.message import Value
from domain.rules import NoRule
from domain.sizing import Room, plan
from domain.strategies import STRATEGIES

ZERO = Decimal(0)

NO_SIGNAL: Final = "NO_SIGNAL"
LATE: Final = "LATE"
ORDER: Final = "ORDER"
ACTIVE: Final = "ACTIVE"
PIPELINE: Final = (
    *("GLOBAL_OFF", "HALT", MAINTENANCE, DATA_STALE, "NOT_IN_UNIVERSE", "MARKET_HALT", "SYNTHETIC", "COVERAGE"),
    *("SPREAD", "REGIME", "SCORE"),
    NO_SIGNAL,  # behind what holds of the market, before what holds of the account: nobody asked the account
    *("HELD", "PENDING", "COOLDOWN", "DAY_LOSS", "WEEK_LOSS", "MONTH_LOSS", "DRAWDOWN", "MAX_POSITIONS"),
    *("ENTRIES_PER_DAY", "CLUSTER", "COST", "EXPECTED_PNL", "ATR_MOVE", "UNREACHABLE", "OPEN_RISK", "EXPOSURE"),
    *("LIQUIDITY", "BELOW_MIN", "CASH", "PRICE"),
)
"""Codes of refusals; the first one that fails names the decision (CTL-04). PRICE: off the exchange's tick table."""

_PLACE: Final = {code: place for place, code in enumerate(PIPELINE)}


class AccountView(Value, frozen=True):
    """The account at a decision time, in KRW.

    `cash_free` is what no pending buy may still spend, fees included; `exposure` counts positions at their marks and
    pending buys. `held` and `pending` are markets; `entries` are filled entries of this KST day. `terms` may be
    incomplete: a market without any takes fees from the settings.
    """

    equity: Decimal
    cash_free: Decimal
    exposure: Decimal
    held: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    entries: tuple[tuple[str, int], ...] = ()
    day_blocked: bool = False
    terms: tuple[Terms, ...] = ()


class RiskView(Value, frozen=True):
    """What risk allows: trading `state` (ACTIVE, REDUCING, HALTED) and its reason, the universe, markets halted singly.

    `halted_markets` are (market, reason) pairs, `blocks` what is against the data itself.
    """

    state: str
    reason: str
    universe: tuple[str, ...]
    halted_markets: tuple[tuple[str, str], ...] = ()
    blocks: tuple[Block, ...] = ()


def decide(  # noqa: PLR0913 (a decision needs all of them)
    at: int,
    evaluations: Iterable[Evaluation],
    account: AccountView,
    risk: RiskView,
    settings: Settings,
    *,
    expected: tuple[str, ...] = (),
) -> tuple[Decision, ...]:
    """Decide for every market: ORDER with its funds, or the first gate that refused and all others.

    Markets are worked in the order of traded value (then name), and each order leaves less room to those behind it.
    An expected market without an evaluation of exactly `at` is LATE; it stands at the end, without a reference.
    """
    given = tuple(evaluations)
    current = {evaluation.market: evaluation for evaluation in given if evaluation.at == at}
    decisions = []
    for evaluation in sorted(current.values(), key=lambda each: (-each.value_24h, each.market)):
        decision = _decide_one(evaluation, account, risk, settings)
        if decision.code == ORDER:
            account = _reserved(account, decision, settings)
        decisions.append(decision)
    late = {*expected, *(each.market for each in given)} - current.keys()
    decisions.extend(_late(market, at) for market in sorted(late))
    return tuple(decisions)


def _decide_one(evaluation: Evaluation, account: AccountView, risk: RiskView, settings: Settings) -> Decision:
    intent = _owner(evaluation.intents)
    gates = [*_market_gates(evaluation, risk, settings), *_account_gates(evaluation.market, account, settings)]
    funds = ZERO
    if intent is None:
        gates.append(Gate(NO_SIGNAL, f"strategies asked: {', '.join(settings.strategies) or 'none'}"))
        gates.extend(gate for gate in evaluation.gates if _is_condition(gate))
    else:
        funds, refusals = _planned(evaluation, intent, account, settings)
        gates.extend(refusals)
    gates.sort(key=_place)
    return Decision(
        market=evaluation.market,
        at=evaluation.at,
        code=gates[0].code if gates else ORDER,
        funds=ZERO if gates else funds,
        reference=evaluation.close,
        gates=tuple(gates),
        strategy=intent.strategy if intent else "",
        atr=intent.atr if intent else evaluation.atr,
    )


def _owner(intents: tuple[Intent, ...]) -> Intent | None:
    """Give the intent that owns the position: the strongest, ties in the order of the strategies (CTL-03)."""
    order = list(STRATEGIES)
    return min(intents, key=lambda intent: (-intent.strength, order.index(intent.strategy)), default=None)


def _market_gates(evaluation: Evaluation, risk: RiskView, settings: Settings) -> Iterator[Gate]:
    """Tell what speaks against the market whatever the account: the system, its data, its listing."""
    if not settings.strategies:
        yield Gate("GLOBAL_OFF", "no strategy is switched on")
    if risk.state != ACTIVE:
        yield Gate("HALT", f"trading is {risk.state}: {risk.reason}")
    if not evaluation.trusted:
        yield Gate(DATA_STALE, "bars behind this close are incomplete")
    yield from (Gate(block.gate, block.numbers) for block in against(risk.blocks, evaluation.market))
    if evaluation.market not in risk.universe:
        yield Gate("NOT_IN_UNIVERSE", f"not among the {len(risk.universe)} markets that may be entered")
    for reason in (reason for market, reason in risk.halted_markets if market == evaluation.market):
        yield Gate("MARKET_HALT", reason)
    yield from (gate for gate in evaluation.gates if not _is_condition(gate))


def _account_gates(market: str, account: AccountView, settings: Settings) -> Iterator[Gate]:
    sizes = settings.sizes
    taken = len({*account.held, *account.pending})
    entered = dict(account.entries).get(market, 0)
    if market in account.held:
        yield Gate("HELD", "a position in this market is open")
    if market in account.pending:
        yield Gate("PENDING", "a buy in this market is under way")
    if account.day_blocked:
        yield Gate("DAY_LOSS", f"the account lost {sizes.day_loss:.2%} or more since 00:00 KST")
    if taken >= sizes.max_positions:
        yield Gate("MAX_POSITIONS", f"{taken} positions and pending buys, allowed are {sizes.max_positions}")
    if entered >= sizes.entries_per_day:
        yield Gate("ENTRIES_PER_DAY", f"{entered} entries since 00:00 KST, allowed are {sizes.entries_per_day}")


def _planned(
    evaluation: Evaluation, intent: Intent, account: AccountView, settings: Settings
) -> tuple[Decimal, tuple[Gate, ...]]:
    room = Room(account.equity, account.cash_free, account.exposure)
    terms = _terms(account, evaluation.market)
    try:
        planned = plan(evaluation.market, evaluation.close, intent.atr, room, settings, evaluation.at, terms)
    except NoRule as error:
        return ZERO, (Gate("PRICE", str(error)),)
    return planned.funds, planned.gates


def _reserved(account: AccountView, order: Decision, settings: Settings) -> AccountView:
    """Give the account as the next market in line sees it."""
    bid_fee, _ = fees(settings, _terms(account, order.market))
    return replace(
        account,
        cash_free=account.cash_free - order.funds * (1 + bid_fee),
        exposure=account.exposure + order.funds,
        pending=(*account.pending, order.market),
    )


def _terms(account: AccountView, market: str) -> Terms | None:
    return next((terms for terms in account.terms if terms.market == market), None)


def _late(market: str, at: int) -> Decision:
    gate = Gate(LATE, "no evaluation of this close had arrived when the decision was due")
    return Decision(market, at, LATE, ZERO, None, (gate,))


def _is_condition(gate: Gate) -> bool:
    """Tell a strategy's own condition, `A.RECLAIM`, from a refusal of the pipeline."""
    return "." in gate.code


def _place(gate: Gate) -> int:
    """Sort by the pipeline; conditions stand behind NO_SIGNAL, and a code the pipeline does not know comes first."""
    return _PLACE[NO_SIGNAL] if _is_condition(gate) else _PLACE.get(gate.code, -1)
