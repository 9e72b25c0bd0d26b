"""Settings of the decision core, with the reference profile of quant.md 9.2 as their values, and coverage on top.

Fractions are fractions (0.005 is 0.5 %), money is KRW, times are counted in base bars of five minutes where the name
says `bars`. A setting that can lose money is checked here: a `Settings` that exists is usable.
"""

from collections.abc import Iterable
from decimal import Decimal as D

from msgspec.structs import replace

from domain.market_config import WINDOW_LIMIT, DataSettings, ListingSettings, UniverseSettings, refuse
from domain.message import Value

__all__ = [
    "CostSettings",
    "DataSettings",
    "ExitSettings",
    "ListingSettings",
    "PullbackSettings",
    "Settings",
    "SizeSettings",
    "UniverseSettings",
    "watching",
]


class CostSettings(Value, frozen=True):
    """What trading costs when the exchange has not told yet, and the slippage allowed."""

    fee: D = D("0.0005")
    slip: D = D("0.0005")
    slip_cap: D = D("0.003")
    cost_mult: D = D(2)


class SizeSettings(Value, frozen=True):
    """How large a position may be: SIZ-01..03."""

    risk: D = D("0.005")
    risk_max: D = D("0.02")
    max_weight: D = D("0.25")
    max_exposure: D = D("0.60")
    max_positions: int = 2
    min_order: D = D(30_000)
    min_leg: D = D(6_000)
    exchange_min: D = D(5_000)
    entries_per_day: int = 3
    day_loss: D = D("0.03")
    entry_life_bars: int = 3


class ExitSettings(Value, frozen=True):
    """Stops, targets, trailing and time limits: EXIT-01..07. `reach` is CTL-06's bound in ATR."""

    stop_atr: D = D("1.5")
    stop_lo: D = D("0.015")
    stop_hi: D = D("0.03")
    tp1: D = D("0.02")
    tp1_atr: D = D("1.5")
    tp2: D = D("0.04")
    tp2_atr: D = D(3)
    tp_fraction: D = D("0.5")
    trail1: D = D(1)
    trail2: D = D("0.5")
    reach: D = D(6)
    trend_bars: int = 12
    target_bars: int = 48
    max_bars: int = 288


class PullbackSettings(Value, frozen=True):
    """Strategy A: the window of the dip in base bars, its depth in ATR of 1h, synthetic bars allowed in it."""

    window: int = 24
    dip_atr: float = 2.0
    max_synthetic: int = 4


class Settings(Value, frozen=True):
    """All an operator can set for the decision core."""

    costs: CostSettings = CostSettings()
    sizes: SizeSettings = SizeSettings()
    exits: ExitSettings = ExitSettings()
    pullback: PullbackSettings = PullbackSettings()
    listings: ListingSettings = ListingSettings()
    data: DataSettings = DataSettings()
    universe: UniverseSettings = UniverseSettings()
    strategies: tuple[str, ...] = ("A",)

    def __post_init__(self) -> None:
        s, e = self.sizes, self.exits
        checks = (
            (0 < s.risk <= s.risk_max <= D("0.1"), "sizes.risk must lie in (0, risk_max], and risk_max at most 0.1"),
            (0 < s.max_weight <= s.max_exposure <= 1, "sizes need 0 < max_weight <= max_exposure <= 1"),
            (s.max_positions >= 1, "sizes.max_positions must be at least 1"),
            (s.min_order >= s.min_leg >= s.exchange_min > 0, "sizes need min_order >= min_leg >= exchange_min > 0"),
            (0 < s.day_loss <= 1, "sizes.day_loss must lie in (0, 1]"),
            (0 < e.stop_lo <= e.stop_hi < 1, "exits need 0 < stop_lo <= stop_hi < 1"),
            (0 < e.tp1 <= e.tp2, "exits need 0 < tp1 <= tp2"),
            (0 < e.tp_fraction < 1, "exits.tp_fraction must lie in (0, 1)"),
            (1 < self.pullback.window < WINDOW_LIMIT, f"pullback.window must lie in 2..{WINDOW_LIMIT - 1} base bars"),
            (0 <= self.costs.fee < D("0.05"), "costs.fee must lie in [0, 0.05)"),
            (0 <= self.costs.slip < self.costs.slip_cap, "costs need 0 <= slip < slip_cap"),
        )
        refuse(checks)


def watching(settings: Settings, markets: Iterable[str]) -> Settings:
    """The settings with these markets watched besides; raises ConfigError where they are to be traded."""
    watched = tuple(dict.fromkeys((*settings.universe.watched, *markets)))
    return replace(settings, universe=replace(settings.universe, watched=watched))
