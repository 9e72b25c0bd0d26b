import math
from dataclasses import fields
from decimal import Decimal as D
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.candles import BadBars, fill, flat_bar, resample
from domain.config import DataSettings, Settings
from domain.decisions import Evaluation
from domain.features import HISTORY, MarketMemory, close_base_bar, evaluate, newest_atr, seed, view
from domain.indicators import batch
from domain.indicators.kernels import ATR14, EMA20, MACD_LINE
from domain.market import BASE_FRAME, DAY, FOUR_HOURS, HOUR, US_PER_S, Bar
from domain.strategies.view import BAR_CLOSE, BAR_RSI14, MarketView, NotClosed

T0 = 1_767_225_600 * US_PER_S  # 2026-01-01T00:00Z
M = "KRW-TST"


def a_bar(k: int, price: float = 10_000.0, *, volume: int = 10) -> Bar:
    close = D(f"{price:.0f}")
    spread = close // 1000
    return Bar(T0 + k * BASE_FRAME, close, close + spread, close - spread, close, D(volume), close * volume)


def a_walk(n: int, *, missing: frozenset[int] = frozenset(), first: int = 0) -> list[Bar]:
    """A tape of real bars with swings of an hour and of a day, and a slow rise; bars of `missing` did not trade."""
    return [
        a_bar(k, 10_000 + 3 * k + 300 * math.sin(k / 9) + 900 * math.sin(k / 90), volume=10 + k % 7)
        for k in range(first, first + n)
        if k not in missing
    ]


def closed(bars: list[Bar], until: int) -> MarketMemory:
    memory = MarketMemory()
    for bar in fill(bars, BASE_FRAME, until):
        close_base_bar(memory, bar)
    return memory


def same(one: Any, other: Any) -> bool:
    """Equal to the last bit, with NaN equal to itself."""
    return repr(_bits(one)) == repr(_bits(other))


def _bits(value: Any) -> object:
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if hasattr(value, "__dataclass_fields__"):
        return [_bits(getattr(value, each.name)) for each in fields(value)]
    return value


def look(memory: MarketMemory) -> Evaluation:
    return evaluate(memory, M, memory.closed_at, Settings())


holes = st.frozensets(st.integers(1, 399), max_size=150)


@settings(max_examples=20)
@given(holes)
def test_coarse_indicators_equal_those_of_resampled_and_filled_candles(missing: frozenset[int]) -> None:
    bars = a_walk(400, missing=missing)
    end = T0 + 400 * BASE_FRAME
    memory = closed(bars, end)
    for frame, step in ((memory.hour, HOUR), (memory.four_hours, FOUR_HOURS)):
        until = end - end % step
        coarse = fill(resample([bar for bar in bars if bar.start < until], step), step, until)
        highs, lows, closes = (np.array([float(getattr(b, k)) for b in coarse]) for k in ("high", "low", "close"))
        want = batch.frame(highs, lows, closes)[-1]
        assert frame.row[: len(want)].tobytes() == want.tobytes()


@settings(max_examples=20)
@given(holes, st.integers(300, 399))
def test_a_warmed_up_memory_equals_one_that_saw_every_bar(missing: frozenset[int], cut: int) -> None:
    bars, until = a_walk(400, missing=missing), T0 + cut * BASE_FRAME
    known = [bar for bar in bars if bar.start < until]
    hours, four_hours = (
        resample([bar for bar in known if bar.start < until - until % step], step) for step in (HOUR, FOUR_HOURS)
    )
    warmed = MarketMemory()
    seed(warmed, known, hours, four_hours, until)
    lived = closed(known, until)
    assert same(warmed, lived)
    for bar in fill([bar for bar in bars if bar.start >= until], BASE_FRAME, T0 + 400 * BASE_FRAME, a_newest(lived)):
        close_base_bar(warmed, bar)
        close_base_bar(lived, bar)
    assert same(warmed, lived)


def a_newest(memory: MarketMemory) -> Bar:
    assert memory.close is not None
    return flat_bar(memory.closed_at - BASE_FRAME, memory.close)


def test_what_happens_after_a_close_changes_nothing_known_at_it() -> None:
    bars = a_walk(350)
    told = []
    memory = MarketMemory()
    for bar in bars:
        close_base_bar(memory, bar)
        told.append(look(memory))
    for cut in (30, 200, 349):
        assert same(look(closed(bars[:cut], T0 + cut * BASE_FRAME)), told[cut - 1])


def test_a_coarse_bar_is_seen_at_its_close_and_not_before() -> None:
    memory = MarketMemory()
    seen = []
    for bar in a_walk(4 * 12 * 6):
        close_base_bar(memory, bar)
        shown = view(memory, M, memory.closed_at)
        for step, frame in ((HOUR, shown.hour), (FOUR_HOURS, shown.four_hours)):
            assert shown.at - step < frame.closed_at <= shown.at
        seen.append(shown.hour.close)
    assert math.isnan(seen[10])
    assert seen[11] == float(a_walk(12)[-1].close)
    assert seen[22] == seen[11] != seen[23]


def test_a_view_made_of_unclosed_or_old_frames_is_refused() -> None:
    memory = closed(a_walk(30), T0 + 30 * BASE_FRAME)
    with pytest.raises(NotClosed):
        view(memory, M, memory.closed_at + BASE_FRAME)
    with pytest.raises(NotClosed):
        evaluate(memory, M, memory.closed_at - BASE_FRAME, Settings())
    shown = view(memory, M, memory.closed_at)
    early = msgspec.structs.replace(shown.hour, closed_at=shown.hour.closed_at + HOUR)
    with pytest.raises(NotClosed):
        MarketView(M, shown.at, shown.base, early, shown.four_hours, shown.history)


def test_what_a_view_showed_stays_as_it_was_and_cannot_be_written() -> None:
    memory = closed(a_walk(HISTORY + 5), T0 + (HISTORY + 5) * BASE_FRAME)
    shown = view(memory, M, memory.closed_at)
    before = shown.history.tobytes()
    close_base_bar(memory, a_walk(1, first=HISTORY + 5)[0])
    assert shown.history.tobytes() == before
    with pytest.raises(ValueError, match="read-only"):
        shown.history[0, 0] = 1.0


def test_the_window_of_a_view_is_the_newest_bars_oldest_first() -> None:
    bars = a_walk(HISTORY + 20)
    memory = closed(bars, T0 + len(bars) * BASE_FRAME)
    shown = view(memory, M, memory.closed_at)
    assert shown.bars == HISTORY
    assert shown.last(BAR_CLOSE, 3).tolist() == [float(bar.close) for bar in bars[-3:]]
    rsi = batch.rsi(np.array([float(bar.close) for bar in bars]), 14)
    assert shown.last(BAR_RSI14, 50).tolist() == rsi[-50:].tolist()
    assert len(shown.last(BAR_CLOSE, 10 * HISTORY)) == HISTORY


def test_a_memory_survives_its_snapshot_to_the_bit() -> None:
    codec = pytest.importorskip("actors.runtime.codec")
    memory = closed(a_walk(100, missing=frozenset({98, 99})), T0 + 100 * BASE_FRAME)
    again = codec.decode_state(MarketMemory, codec.encode(memory))
    assert same(again, memory)
    for each in (memory, again):
        close_base_bar(each, a_walk(1, first=100)[0])
    assert same(again, memory)


def test_a_bar_that_leaves_a_gap_comes_twice_or_is_impossible_is_refused() -> None:
    memory = closed(a_walk(30), T0 + 30 * BASE_FRAME)
    before = msgspec.structs.asdict(look(memory))
    for wrong in (a_bar(31), a_bar(29), msgspec.structs.replace(a_bar(30), low=D(-1))):
        with pytest.raises(BadBars):
            close_base_bar(memory, wrong)
    assert same(msgspec.structs.asdict(look(memory)), before)
    with pytest.raises(BadBars):
        close_base_bar(MarketMemory(), msgspec.structs.replace(a_bar(0), start=T0 + 1))


@pytest.mark.parametrize(
    ("fives", "hours"),
    [
        ([a_bar(1), a_bar(0)], []),
        ([flat_bar(T0, D(10))], []),
        ([a_bar(40)], []),
        ([a_bar(0)], [msgspec.structs.replace(a_bar(0), start=T0 + 3 * HOUR)]),
        ([a_bar(0)], [a_bar(1)]),
    ],
    ids=["unordered", "filled", "not closed", "hour not closed", "hour off the grid"],
)
def test_a_bad_warm_up_is_refused_and_leaves_the_memory_as_it_was(fives: list[Bar], hours: list[Bar]) -> None:
    memory = closed(a_walk(5), T0 + 5 * BASE_FRAME)
    before = look(memory)
    with pytest.raises(BadBars):
        seed(memory, fives, hours, [], T0 + 36 * BASE_FRAME)
    assert same(look(memory), before)


def test_a_market_whose_first_trade_comes_hours_after_the_warm_up_keeps_one_clock() -> None:
    hours = resample(a_walk(24 * 12), HOUR)
    memory, until = MarketMemory(), T0 + DAY
    seed(memory, [], hours, [], until)
    close_base_bar(memory, a_bar(24 * 12 + 30))
    assert memory.hour.closed_at == until + 2 * HOUR
    flat = fill(hours, HOUR, until + 2 * HOUR)
    closes = np.array([float(bar.close) for bar in flat])
    assert memory.hour.row[EMA20] == batch.ema(closes, 20)[-1]


def test_before_the_first_trade_nothing_is_known() -> None:
    memory = MarketMemory()
    assert (memory.closed_at, memory.close, newest_atr(memory)) == (0, None, None)
    with pytest.raises(NotClosed):
        evaluate(memory, M, 0, Settings())


def test_an_evaluation_tells_the_traded_value_of_a_day_and_the_range_as_claims() -> None:
    bars = a_walk(300)
    memory = closed(bars, T0 + 300 * BASE_FRAME)
    seen = look(memory)
    assert seen.value_24h == sum(bar.value for bar in bars[-288:])
    assert seen.atr == newest_atr(memory) == D(f"{memory.hour.row[ATR14]:.8f}")
    assert (seen.close, seen.at, seen.market, seen.real) == (bars[-1].close, memory.closed_at, M, True)
    assert math.isnan(dict(seen.features)["ema50_4h"])


def test_a_trend_is_up_only_when_averages_and_macd_say_so_and_unknown_is_not_up() -> None:
    rising = closed([a_bar(k, 10_000 + 5 * k) for k in range(60 * 12)], T0 + 60 * HOUR)
    assert rising.hour.row[MACD_LINE] > 0
    assert look(rising).trend_up_1h
    assert not look(rising).trend_up_4h  # 15 bars of four hours: EMA50 is not known
    falling = closed([a_bar(k, 90_000 - 5 * k) for k in range(60 * 12)], T0 + 60 * HOUR)
    assert not look(falling).trend_up_1h


def test_a_bar_without_trades_and_a_stale_market_are_told_as_gates() -> None:
    memory = closed(a_walk(30), T0 + 31 * BASE_FRAME)
    seen = evaluate(memory, M, memory.closed_at, Settings(), trusted=False, stale="silent for 12 s")
    assert [(gate.code, gate.numbers) for gate in seen.gates][:2] == [
        ("DATA_STALE", "silent for 12 s"),
        ("SYNTHETIC", "nothing traded in the newest bar"),
    ]
    assert (seen.real, seen.trusted, seen.intents) == (False, False, ())


def gates_of(missing: frozenset[int], count: int = 320, data: DataSettings | None = None) -> dict[str, str]:
    memory = closed(a_walk(count, missing=missing), T0 + count * BASE_FRAME)
    seen = evaluate(memory, M, memory.closed_at, Settings(data=data or DataSettings()))
    return {gate.code: gate.numbers for gate in seen.gates}


def test_too_few_bars_that_traded_are_told_as_a_gate_with_their_numbers() -> None:
    assert "COVERAGE" not in gates_of(frozenset({297, 301, 305, 318}))
    assert gates_of(frozenset({297, 301, 305, 309, 318}))["COVERAGE"] == "synthetic=5 of 24, at most 4"
    assert gates_of(frozenset(range(40, 55)))["COVERAGE"] == "real=273 of 288: 94.8%, at least 95%"
    assert "known=20" in gates_of(frozenset(), 20)["COVERAGE"]


def test_the_bounds_of_coverage_are_settings() -> None:
    loose = DataSettings(coverage_synthetic=5, coverage_share=D(0))
    assert "COVERAGE" not in gates_of(frozenset({297, 301, 305, 309, 318, *range(40, 55)}), data=loose)


def a_blow_off(*, close: int = 10_600, volume: int = 30, high: int | None = None, usual: int = 10) -> MarketMemory:
    bars = [a_bar(k, 10_000, volume=usual) for k in range(30)]
    last = a_bar(30, close, volume=volume)
    bars.append(msgspec.structs.replace(last, high=D(high or close), low=D(close)))
    return closed(bars, T0 + 31 * BASE_FRAME)


def test_a_blow_off_is_a_spike_only_with_rise_volume_and_a_close_near_the_high() -> None:
    assert look(a_blow_off()).spike
    assert look(a_blow_off(close=10_500, high=10_606)).spike  # exactly 5 %, and 1 % below the high
    assert not look(a_blow_off(close=10_499)).spike
    assert not look(a_blow_off(volume=29)).spike
    assert not look(a_blow_off(usual=0)).spike
    assert not look(a_blow_off(close=10_600, high=10_800)).spike
    memory = a_blow_off()
    close_base_bar(memory, flat_bar(memory.closed_at, D(10_600)))
    assert not look(memory).spike
    assert not look(closed([a_bar(30, 10_600, volume=30)], T0 + 31 * BASE_FRAME)).spike
