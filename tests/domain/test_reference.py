"""The decision core, driven over the reference candles in the order of quant.md 9.3, reproduces its golden files."""

import csv
import decimal
from dataclasses import dataclass, field
from decimal import Decimal as D
from pathlib import Path

import pytest
from msgspec.structs import replace

from domain.candles import flat_bar
from domain.config import CostSettings, DataSettings, ExitSettings, PullbackSettings, Settings, SizeSettings
from domain.decide import AccountView, RiskView, decide
from domain.decisions import Decision, Evaluation
from domain.exits import Guarded, close_exit, levels, on_bar, ratchet
from domain.features import MarketMemory, close_base_bar, evaluate
from domain.limits import DayLimits, count_entry, entries_on, measure
from domain.market import BASE_FRAME, DAY, Bar, kst_day
from domain.money import ZERO, ceil_to, floor_to, volume_floor
from domain.rules import price_down, price_up

REFERENCE = Path(__file__).resolve().parents[2].parent / "shared" / "reference"
MARKETS = ("KRW-AAA", "KRW-BBB", "KRW-CCC")
SAT = D("0.00000001")
# The reference knows one tick table, that of 2025-07-31: its candles of 2024 are played whole days later.
SHIFT = 600 * DAY
LOOSE = PullbackSettings(window=36, dip_atr=4.0)
ANY_COVERAGE = DataSettings(coverage_synthetic=24, coverage_share=D(0))  # quant.md 9.2: the strategy's own bound alone

SCENARIOS = {
    "base": (D(10_000_000), Settings()),
    "stress": (
        D(130_000),
        Settings(
            costs=CostSettings(slip_cap=D("0.0007")),
            sizes=SizeSettings(
                risk=D("0.001"), max_positions=1, entries_per_day=1, day_loss=D("0.004"), min_leg=D(10_000)
            ),
            exits=ExitSettings(
                stop_atr=D("0.5"),
                stop_lo=D("0.004"),
                stop_hi=D("0.012"),
                max_bars=30,
                target_bars=30,
                trend_bars=6,
                reach=D(3),
            ),
        ),
    ),
    "halts": (
        D(121_500),
        Settings(
            sizes=SizeSettings(risk=D("0.02"), max_positions=3, day_loss=D("0.001"), entry_life_bars=1),
            exits=ExitSettings(
                stop_atr=D("0.3"),
                stop_lo=D("0.002"),
                stop_hi=D("0.008"),
                tp1=D("0.006"),
                tp2=D("0.012"),
                tp1_atr=D("0.5"),
                tp2_atr=D(1),
                reach=D("0.9"),
            ),
            pullback=replace(LOOSE, max_synthetic=12),
        ),
    ),
    "tight": (
        D(10_000_000),
        Settings(
            costs=CostSettings(cost_mult=D(0)),
            sizes=SizeSettings(max_positions=3, entries_per_day=10, day_loss=D(1)),
            exits=ExitSettings(
                stop_atr=D("0.1"),
                stop_lo=D("0.0015"),
                stop_hi=D("0.002"),
                tp1=D("0.002"),
                tp1_atr=D("0.1"),
                tp2=D("0.004"),
                tp2_atr=D("0.2"),
                reach=D(1),
            ),
            pullback=LOOSE,
        ),
    ),
}


@dataclass
class Position:
    guarded: Guarded
    bought: D
    cost: D
    proceeds: D = ZERO
    leaving: str = ""


@dataclass
class Run:
    """One scenario: an account that trades by the core, with fills as the reference models them."""

    cash: D
    settings: Settings
    limits: DayLimits = field(default_factory=DayLimits)
    positions: dict[str, Position] = field(default_factory=dict)
    orders: list[Decision] = field(default_factory=list)
    fills: list[list[object]] = field(default_factory=list)
    trades: list[list[object]] = field(default_factory=list)
    decisions: list[list[object]] = field(default_factory=list)
    equity: list[list[object]] = field(default_factory=list)

    def bar_trades(self, start: int, bars: dict[str, Bar]) -> None:
        """Everything up to the bar's close: queued exits, queued entries, then what the bar's prices trigger."""
        for market in sorted(self.positions):
            position, bar = self.positions[market], bars[market]
            if position.leaving and bar.real:
                self.sell(position, position.guarded.volume, bar.open, start, position.leaving)
        orders, self.orders = self.orders, []
        for order in orders:
            self.enter(order, bars[order.market], start)
        for market in sorted(self.positions):
            position = self.positions[market]
            entry_bar = position.guarded.opened_at == start
            after, sales = on_bar(position.guarded, bars[market], self.settings, entry_bar=entry_bar)
            for sale in sales:
                self.sell(position, sale.volume, sale.base, start, sale.reason)
            position.guarded = after

    def enter(self, order: Decision, bar: Bar, start: int) -> None:
        if not bar.real:
            if (start - order.at) // BASE_FRAME + 1 < self.settings.sizes.entry_life_bars:
                self.orders.append(order)
            else:
                self.decisions.append([start, order.market, "EXPIRED", order.funds])
            return
        costs = self.settings.costs
        price = price_up(order.market, bar.open * (1 + costs.slip), start)
        if price / order.reference - 1 >= costs.slip_cap:
            self.decisions.append([start, order.market, "SLIPPAGE_CAP", order.funds])
            return
        volume = volume_floor(order.funds / price)
        funds = ceil_to(price * volume, SAT)
        fee = ceil_to(funds * costs.fee, SAT)
        self.cash -= funds + fee
        at = levels(order.market, price, order.atr, self.settings, start)
        guarded = Guarded(order.market, volume, price, at, at.stop, price, start)
        self.positions[order.market] = Position(guarded, volume, funds + fee)
        count_entry(self.limits, order.market, kst_day(start))
        self.fills.append([start, order.market, "bid", "ENTRY", price, volume, funds, fee, self.cash])

    def sell(self, position: Position, volume: D, base: D, start: int, reason: str) -> None:
        guarded, costs = position.guarded, self.settings.costs
        price = price_down(guarded.market, base * (1 - costs.slip), start)
        funds = floor_to(price * volume, SAT)
        fee = ceil_to(funds * costs.fee, SAT)
        if funds < self.settings.sizes.exchange_min:
            reason, funds, fee = "DUST", ZERO, ZERO
        self.cash += funds - fee
        position.proceeds += funds - fee
        position.guarded = replace(guarded, volume=guarded.volume - volume)
        self.fills.append([start, guarded.market, "ask", reason, price, volume, funds, fee, self.cash])
        if not position.guarded.volume:
            pnl, bars = position.proceeds - position.cost, (start - guarded.opened_at) // BASE_FRAME + 1
            row = [guarded.entry, position.bought, position.cost, position.proceeds, pnl, bars, reason]
            self.trades.append([guarded.market, guarded.opened_at, start, *row])
            del self.positions[guarded.market]

    def close(self, at: int, evaluations: dict[str, Evaluation]) -> None:
        """The decision time: ratchet, value the account, queue exits, decide entries."""
        exposure = ZERO
        for market, position in self.positions.items():
            seen = evaluations[market]
            position.guarded = ratchet(position.guarded, seen.atr, self.settings, at)
            exposure += position.guarded.volume * seen.close
        equity = self.cash + exposure
        self.equity.append([at, self.cash, equity])
        blocked = measure(self.limits, at, equity, ZERO, self.settings.sizes.day_loss)
        for market, position in self.positions.items():
            position.leaving = position.leaving or close_exit(
                entry=position.guarded.entry,
                tp1_done=position.guarded.tp1_done,
                bars_held=(at - position.guarded.opened_at) // BASE_FRAME,
                evaluation=evaluations[market],
                settings=self.settings.exits,
            )
        reserved = sum((order.funds for order in self.orders), ZERO)
        account = AccountView(
            equity=equity,
            cash_free=self.cash - reserved * (1 + self.settings.costs.fee),
            exposure=exposure + reserved,
            held=tuple(self.positions),
            pending=tuple(order.market for order in self.orders),
            entries=tuple((market, entries_on(self.limits, market, kst_day(at))) for market in MARKETS),
            day_blocked=blocked,
        )
        decisions = decide(at, evaluations.values(), account, RiskView("ACTIVE", "", MARKETS), self.settings)
        assert len(decisions) == len(evaluations)
        for decision in (each for each in decisions if each.strategy):
            code = "HELD" if decision.code == "PENDING" else decision.code
            self.decisions.append([at, decision.market, code, decision.funds])
            self.orders.extend([decision] if decision.code == "ORDER" else [])


def _candles(market: str) -> dict[int, Bar]:
    with (REFERENCE / f"candles_{market}.csv").open() as file:
        rows = csv.reader(file)
        next(rows)
        bars = [Bar(int(row[0]) * 1000 + SHIFT, *(D(cell) for cell in row[1:])) for row in rows]
    return {bar.start: bar for bar in bars}


def _drive(runs: dict[str, Run]) -> None:
    """All scenarios in one pass: they see the same bars, and those with equal strategy settings equal evaluations."""
    tape = {market: _candles(market) for market in MARKETS}
    memories = {market: MarketMemory() for market in MARKETS}
    distinct = {run.settings.pullback: run.settings for run in runs.values()}
    starts = [start for candles in tape.values() for start in candles]
    for start in range(min(starts), max(starts) + BASE_FRAME, BASE_FRAME):
        bars = {}
        for market, memory in memories.items():
            bar = tape[market].get(start) or (flat_bar(start, memory.close) if memory.close else None)
            if bar is not None:
                bars[market] = bar
        for run in runs.values():
            run.bar_trades(start, bars)
        for market, bar in bars.items():
            close_base_bar(memories[market], bar)
        at = start + BASE_FRAME
        seen = {
            rules: {market: evaluate(memories[market], market, at, settings) for market in bars}
            for rules, settings in distinct.items()
        }
        for run in runs.values():
            run.close(at, seen[run.settings.pullback])


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    if not REFERENCE.is_dir():
        pytest.skip(f"the reference candles are not at {REFERENCE}")
    runs = {name: Run(cash, replace(rules, data=ANY_COVERAGE)) for name, (cash, rules) in SCENARIOS.items()}
    with decimal.localcontext(decimal.Context(prec=60, traps=[decimal.FloatOperation, decimal.InvalidOperation])):
        _drive(runs)
    return runs


def _plainly(cell: object) -> str:
    """Text without trailing zeros: `100` and `100.00` are the same money."""
    text = format(cell, "f") if isinstance(cell, D) else str(cell)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _mine(row: list[object]) -> list[str]:
    """A row as the golden files write it: their times are milliseconds."""
    return [_plainly((cell - SHIFT) // 1000 if isinstance(cell, int) and cell > SHIFT else cell) for cell in row]


@pytest.mark.parametrize("table", ["fills", "trades", "decisions", "equity"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_core_reproduces_the_reference_to_the_letter(runs: dict[str, Run], name: str, table: str) -> None:
    with (REFERENCE / f"golden_{name}_{table}.csv").open() as file:
        want = [[_plainly(cell) for cell in row] for row in csv.reader(file)][1:]
    got = [_mine(row) for row in getattr(runs[name], table)]
    for number, (mine, golden) in enumerate(zip(got, want, strict=False)):
        assert mine == golden, f"row {number}"
    assert len(got) == len(want)


def test_nothing_is_open_at_the_end_of_the_reference(runs: dict[str, Run]) -> None:
    assert not any(run.positions for run in runs.values())
