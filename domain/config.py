"""Settings of the decision core, with the reference profile of quant.md 9.2 as their values, and coverage on top.

Fractions are fractions (0.005 is 0.5 %), money is KRW, times are counted in base bars of five minutes where the name
says `bars`. A setting that can lose money is checked here: a `Settings` that exists is usable.
"""

from decimal import Decimal as D

from domain.errors import ConfigError
from domain.message import Value

WINDOW_LIMIT = 300  # base bars a market remembers
MEASURED_S = 5  # seconds between two measures of a stream's freshness: less cannot be told apart


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


class ListingSettings(Value, frozen=True):
    """What follows from how the exchange stands to a market: RISK-06 H5 and H6, EXIT-09. A worse state is never laxer.

    `…_enter`: it may be entered; a market that ends or is halted never is. `…_stop`: the part of its distance a
    position's stop keeps, 1 for all. `…_leave`: what is held is sold at once; `terminating_days` before an announced
    end. A sale in a market that takes no orders is tried again after `halted_retry_s`, then ever later. A refused order
    counts for `refusal_minutes`; an announcement for `notice_days`, one of a pause for `notice_pause_hours` after it
    begins. The words are looked for in an announcement's title, whatever their case and blanks.
    """

    caution_enter: bool = False
    caution_stop: D = D(1)
    caution_leave: bool = False
    warning_enter: bool = False
    warning_stop: D = D("0.5")
    warning_leave: bool = True
    terminating_stop: D = D("0.5")
    terminating_days: int = 3
    halted_retry_s: int = 30
    halted_retry_max_s: int = 300
    refusal_minutes: int = 10
    notice_days: int = 30
    notice_pause_hours: int = 24
    notice_categories: tuple[str, ...] = ("trade", "notice")
    end_words: tuple[str, ...] = ("거래지원 종료", "상장 폐지", "delisting", "termination of trading support")
    end_off_words: tuple[str, ...] = ("거래지원 종료 철회", "거래지원 종료 취소", "거래지원 종료 결정 취소")
    warning_words: tuple[str, ...] = ("유의 종목 지정", "유의 종목 연장", "거래 유의 종목", "투자 유의 종목")
    warning_off_words: tuple[str, ...] = ("유의 종목 지정 해제", "유의 종목 해제", "유의 종목에서 해제")
    caution_words: tuple[str, ...] = ("주의 종목 지정", "투자 주의 종목")
    caution_off_words: tuple[str, ...] = ("주의 종목 지정 해제", "주의 종목 해제", "주의 종목에서 해제")
    pause_words: tuple[str, ...] = ("거래 일시 중단", "거래 일시 중지", "거래 일시 정지", "거래 중단", "거래 정지")
    pause_off_words: tuple[str, ...] = ("거래 재개",)
    wallet_words: tuple[str, ...] = ("입출금", "입금", "출금", "deposit", "withdrawal")

    def __post_init__(self) -> None:
        last, phrases = self.halted_retry_max_s, (name for name in self.__struct_fields__ if name.endswith("words"))
        checks = (
            (0 < self.terminating_stop <= self.warning_stop <= self.caution_stop <= 1,
             "stops need 0 < terminating_stop <= warning_stop <= caution_stop <= 1"),
            (self.caution_enter >= self.warning_enter, "warning_enter needs caution_enter"),
            (self.caution_leave <= self.warning_leave, "caution_leave needs warning_leave"),
            (self.terminating_days >= 1, "terminating_days must be at least 1"),
            (1 <= self.halted_retry_s <= last, "halted_retry_s must lie in 1..halted_retry_max_s"),
            (last < 60 * self.refusal_minutes, "refusal_minutes must be longer than halted_retry_max_s"),
            (self.notice_days >= 1, "notice_days must be at least 1"),
            (self.notice_pause_hours >= 1, "notice_pause_hours must be at least 1"),
            (all(word.strip() for name in phrases for word in getattr(self, name)), "no word may be empty"),
        )  # fmt: skip
        for holds, text in checks:
            if not holds:
                raise ConfigError(f"setting refused: listings: {text}")


class DataSettings(Value, frozen=True):
    """What data must be like to enter a market on it: MTF-08, MTF-11 to 13 and RISK-06 H7. Names tell the unit.

    Coverage counts base bars: at most `coverage_synthetic` of the last `coverage_recent` without a trade, and at least
    `coverage_share` real ones (0: any) among the last `coverage_day`. Of an hour's candles a share of `revised_alert`
    calls a person, one of `revised_block` stops entries. A block of H7 ends after `healthy_s` without its cause.
    """

    coverage_recent: int = 24
    coverage_synthetic: int = 4
    coverage_day: int = 288
    coverage_share: D = D("0.95")
    spike_move: D = D("0.10")
    spike_mad: D = D(12)
    spike_reversal: D = D("0.7")
    revised_alert: D = D("0.005")
    revised_block: D = D("0.02")
    silent_s: int = 10
    late_s: int = 90
    skew_s: D = D(1)
    healthy_s: int = 60
    maintenance_minutes: int = 3
    maintenance_rest_minutes: int = 30


class Settings(Value, frozen=True):
    """All an operator can set for the decision core."""

    costs: CostSettings = CostSettings()
    sizes: SizeSettings = SizeSettings()
    exits: ExitSettings = ExitSettings()
    pullback: PullbackSettings = PullbackSettings()
    listings: ListingSettings = ListingSettings()
    data: DataSettings = DataSettings()
    strategies: tuple[str, ...] = ("A",)

    def __post_init__(self) -> None:
        s, e, d = self.sizes, self.exits, self.data
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
            (
                1 <= d.coverage_recent <= d.coverage_day <= WINDOW_LIMIT,
                f"data needs 1 <= coverage_recent <= coverage_day <= {WINDOW_LIMIT} base bars",
            ),
            (0 <= d.coverage_synthetic <= d.coverage_recent, "data needs 0 <= coverage_synthetic <= coverage_recent"),
            (0 <= d.coverage_share <= 1, "data.coverage_share must lie in [0, 1]"),
            (0 < d.spike_move < 1 and d.spike_mad >= 0, "data needs spike_move in (0, 1) and spike_mad at least 0"),
            (0 < d.spike_reversal <= 1, "data.spike_reversal must lie in (0, 1]"),
            (0 < d.revised_alert <= d.revised_block <= 1, "data needs 0 < revised_alert <= revised_block <= 1"),
            (min(d.silent_s, d.late_s) >= MEASURED_S, f"data needs silent_s and late_s of at least {MEASURED_S}"),
            (d.skew_s > 0 and d.healthy_s >= 0, "data needs skew_s above 0 and healthy_s not below it"),
            (d.maintenance_minutes > 1, "data.maintenance_minutes must be above 1: one minute without trades is none"),
            (d.maintenance_rest_minutes >= 0, "data.maintenance_rest_minutes must not be negative"),
        )
        for holds, text in checks:
            if not holds:
                raise ConfigError(f"setting refused: {text}")
