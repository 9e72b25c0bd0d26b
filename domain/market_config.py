"""Settings of markets: how they are chosen, how the exchange stands to them, how good their data must be.

Fractions are fractions (0.005 is 0.5 %), money is KRW. A setting that can lose money is checked here.
"""

from collections.abc import Iterable
from decimal import Decimal as D

from domain.errors import ConfigError
from domain.message import Value
from domain.rules import NoRule, quote_of

WINDOW_LIMIT = 300  # base bars a market remembers
MEASURED_S = 5  # seconds between two measures of a stream's freshness: less cannot be told apart
TOP_LIMIT = 100  # markets traded at a time
LEAVE_LIMIT = 3
DAYS_LIMIT = 200  # day candles the exchange tells in one answer
BOOKS_LIMIT = 60  # books of a market that count


def refuse(checks: Iterable[tuple[bool, str]], of: str = "") -> None:
    """Raise ConfigError for the first check that does not hold."""
    for holds, text in checks:
        if not holds:
            raise ConfigError(f"setting refused: {of}{text}")


def _require_markets(key: str, markets: Iterable[str]) -> None:
    for market in markets:
        try:
            quote_of(market)
        except NoRule as error:
            raise ConfigError(f"setting refused: {key}: {error}") from error


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
        refuse(checks, "listings: ")


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

    def __post_init__(self) -> None:
        recent, day = self.coverage_recent, self.coverage_day
        checks = (
            (1 <= recent <= day <= WINDOW_LIMIT,
             f"needs 1 <= coverage_recent <= coverage_day <= {WINDOW_LIMIT} base bars"),
            (0 <= self.coverage_synthetic <= recent, "needs 0 <= coverage_synthetic <= coverage_recent"),
            (0 <= self.coverage_share <= 1, "coverage_share must lie in [0, 1]"),
            (0 < self.spike_move < 1 and self.spike_mad >= 0, "needs spike_move in (0, 1) and spike_mad at least 0"),
            (0 < self.spike_reversal <= 1, "spike_reversal must lie in (0, 1]"),
            (0 < self.revised_alert <= self.revised_block <= 1, "needs 0 < revised_alert <= revised_block <= 1"),
            (min(self.silent_s, self.late_s) >= MEASURED_S, f"needs silent_s and late_s of at least {MEASURED_S}"),
            (self.skew_s > 0 and self.healthy_s >= 0, "needs skew_s above 0 and healthy_s not below it"),
            (self.maintenance_minutes > 1, "maintenance_minutes must be above 1: one minute without trades is none"),
            (self.maintenance_rest_minutes >= 0, "maintenance_rest_minutes must not be negative"),
        )  # fmt: skip
        refuse(checks, "data: ")


class UniverseSettings(Value, frozen=True):
    """Which markets are traded: UNI-01..03. Markets are codes such as KRW-BTC, `stablecoins` currencies such as USDT.

    `top_n` markets are chosen by 24 h value, and one leaves behind rank `leave_factor` x `top_n`. `min_days` is how
    many closed day candles a market must have, and over how many of them its mean value must reach `min_value` (KRW).
    Spreads are fractions of the mid, medians of at least `min_books` books: of the best prices, and of the second best.
    `max_tick` is the price step as a fraction of the price. `only` (if any) restricts the choice to its markets;
    `always` skips whatever chooses, never what protects; `never` is not entered in any case. `watched` markets get
    candles and are never traded. Only `quotes` are traded: KRW alone in this version.
    """

    top_n: int = 30
    leave_factor: D = D("1.2")
    min_value: D = D(5_000_000_000)
    min_days: int = 30
    max_spread1: D = D("0.0015")
    max_spread2: D = D("0.003")
    max_tick: D = D("0.002")
    min_books: int = 5
    stablecoins: tuple[str, ...] = ("USDT", "USDC", "USDS", "USDE", "USD1", "DAI", "TUSD", "PYUSD", "FDUSD", "RLUSD")
    only: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ("KRW",)
    watched: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        outside = sorted({*self.always} - {*self.only}) if self.only else []
        checks = (
            (1 <= self.top_n <= TOP_LIMIT, f"top_n must lie in 1..{TOP_LIMIT}"),
            (1 <= self.leave_factor <= LEAVE_LIMIT, f"leave_factor must lie in [1, {LEAVE_LIMIT}]"),
            (self.min_value >= 0, "min_value must not be negative"),
            (1 <= self.min_days <= DAYS_LIMIT, f"min_days must lie in 1..{DAYS_LIMIT}"),
            (0 < self.max_spread1 <= self.max_spread2 < 1, "needs 0 < max_spread1 <= max_spread2 < 1"),
            (0 < self.max_tick < 1, "max_tick must lie in (0, 1)"),
            (1 <= self.min_books <= BOOKS_LIMIT, f"min_books must lie in 1..{BOOKS_LIMIT}"),
            (all(self.stablecoins), "stablecoins must be currencies such as USDT"),
            (not outside, f"always names {', '.join(outside)}, which only leaves out: name them in both, or in none"),
        )
        refuse(checks, "universe: ")
        for name in ("only", "always", "never", "watched"):
            _require_markets(f"universe.{name}", getattr(self, name))
        self._require_won()
        refuse(self._quarrels(), "universe: ")

    def _require_won(self) -> None:
        if self.quotes != ("KRW",):
            raise ConfigError(
                f"setting refused: universe.quotes is {', '.join(self.quotes) or 'empty'}, and this version "
                "keeps its books in KRW alone: leave KRW, and watch markets of other currencies with universe.watched"
            )
        others = [market for market in (*self.only, *self.always) if quote_of(market) not in self.quotes]
        if others:
            raise ConfigError(
                f"setting refused: universe.only and universe.always name {', '.join(others)}, and only KRW markets "
                "can be traded in this version: watch them with universe.watched"
            )

    def _quarrels(self) -> tuple[tuple[bool, str], ...]:
        """Each pair of lists that must not name the same market."""
        pairs = (("always", "never"), ("only", "never"), ("watched", "only"), ("watched", "always"))
        both = [(one, other, sorted({*getattr(self, one)} & {*getattr(self, other)})) for one, other in pairs]
        return tuple((not found, f"{one} and {other} both name {', '.join(found)}") for one, other, found in both)
