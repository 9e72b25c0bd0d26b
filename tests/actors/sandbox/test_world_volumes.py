"""Volumes are exact however large, and a volume nobody can play is named, never dropped."""

import pytest

from actors.sandbox.live import LiveMarket
from actors.sandbox.source import load_candles
from actors.sandbox.synthetic import synthetic_universe
from domain.errors import ConfigError
from domain.market import DAY, HOUR

HEAD = "time,open,high,low,close,volume,value\n2026-01-01T00:00,1,1,1,1,9,9\n"


@pytest.mark.parametrize("market", ["KRW-BTT", "KRW-PEPE", "KRW-SHIB"])
def test_a_day_of_a_tiny_coin_beyond_64_bits_is_counted_exactly(market):
    series = synthetic_universe(1, 4, (market,))[market]
    now = int(series.time[0]) // DAY * DAY + 2 * DAY + 23 * HOUR
    live = LiveMarket(series, now)
    since, today = live.last.at // 60_000_000 * 60_000_000 - DAY, now // DAY * DAY
    times, units = series.time.tolist(), series.units.tolist()
    expected = sum(size for at, size in zip(times, units, strict=True) if since <= at < now)
    assert live.rolling()[1] == expected > 1 << 63
    assert live.day.units == sum(size for at, size in zip(times, units, strict=True) if today <= at < now)


@pytest.mark.parametrize(
    ("volume", "value", "fault"),
    [
        ("", "9", "volume is missing"),
        ("inf", "9", "volume is missing"),
        ("-2", "9", "volume is missing or below zero"),
        ("2e12", "9", "too large"),
        ("2", "-9", "value is below zero"),
    ],
)
def test_a_volume_or_value_that_cannot_be_is_named_with_its_minute(tmp_path, volume, value, fault):
    (tmp_path / "KRW-AAA.csv").write_text(f"{HEAD}2026-01-01T00:01,1,1,1,1,{volume},{value}\n")
    with pytest.raises(ConfigError, match=rf"KRW-AAA.csv .*2026-01-01 00:01.*{fault}"):
        load_candles(tmp_path, (), seed=1)


def test_a_time_that_is_no_iso_time_is_one_line_and_no_warning(tmp_path):
    (tmp_path / "KRW-AAA.csv").write_text(HEAD.replace("2026-01-01T00:00", "x"))
    with pytest.raises(ConfigError, match=r"KRW-AAA.csv cannot be played: .* x "):
        load_candles(tmp_path, (), seed=1)
