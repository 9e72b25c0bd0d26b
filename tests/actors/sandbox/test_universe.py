"""What can be played: made-up markets from a seed, or candles from a folder, or a clear refusal."""

import numpy as np
import pandas as pd
import pytest

from actors.sandbox import exact
from actors.sandbox.options import SandboxOptions
from actors.sandbox.source import load_candles
from actors.sandbox.synthetic import CROSSES, UNIVERSE, synthetic_universe
from domain.errors import ConfigError


def frame(**columns):
    base = {
        "time": pd.date_range("2026-01-01", periods=3, freq="min", tz="UTC"),
        "open": [100.0, 101.0, 102.0],
        "high": [103.0, 104.0, 105.0],
        "low": [99.0, 99.0, 100.0],
        "close": [101.0, 102.0, 103.0],
        "volume": [1.0, 2.5, 3.0],
        "value": [101.0, 255.0, 306.0],
    }
    return pd.DataFrame(base | columns)


def test_the_same_seed_makes_the_same_universe_and_another_seed_another():
    one, same, other = (synthetic_universe(seed, 2, ("KRW-BTC", "KRW-BTT")) for seed in (1, 1, 2))
    for market in one:
        assert (one[market].close == same[market].close).all()
        assert (one[market].units == same[market].units).all()
        assert one[market].close.tolist() != other[market].close.tolist()


def test_a_market_is_the_same_whichever_others_are_played():
    alone = synthetic_universe(1, 2, ("KRW-XRP",))["KRW-XRP"]
    among = synthetic_universe(1, 2, ())["KRW-XRP"]
    assert (alone.close == among.close).all()


def test_thirty_markets_have_plausible_prices_turnover_and_company():
    universe = synthetic_universe(7, 10, ())
    assert len([market for market in universe if market.startswith("KRW-")]) == len(UNIVERSE) == 30
    btc = pd.Series(universe["KRW-BTC"].close, universe["KRW-BTC"].time)
    assert 80e6 < btc.iloc[0] < 250e6
    assert exact.total(universe["KRW-BTC"].value, slice(None)) / universe["KRW-BTC"].per / 10 > 50e9
    eth = pd.Series(universe["KRW-ETH"].close, universe["KRW-ETH"].time)
    hourly = [np.log(prices).iloc[::60].diff() for prices in (btc, eth)]
    assert hourly[0].corr(hourly[1]) > 0.4
    assert len(universe["KRW-BTC"].time) == 10 * 1440
    assert len(universe["KRW-BTT"].time) < 10 * 1440 * 0.8  # quiet minutes have no trades
    swings = np.log(btc).diff().abs().rolling(60).mean().dropna()
    assert swings.quantile(0.95) > 1.7 * swings.quantile(0.2)  # wild hours and calm ones


def test_an_unknown_made_up_market_is_named():
    with pytest.raises(ConfigError, match="KRW-NOPE"):
        synthetic_universe(1, 2, ("KRW-NOPE",))


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_folder_of_candles_is_loaded_by_the_names_of_its_files(tmp_path, kind):
    data = frame(value=[101.0, float("nan"), 306.0])
    if kind == "csv":
        data.to_csv(tmp_path / "KRW-AAA.csv", index=False)
    else:
        data.to_parquet(tmp_path / "KRW-AAA.parquet")
    series = load_candles(tmp_path, (), seed=1)["KRW-AAA"]
    assert series.close.tolist() == [101.0, 102.0, 103.0]
    assert series.units.tolist() == [100_000_000, 250_000_000, 300_000_000]
    assert series.time[1] - series.time[0] == 60_000_000
    assert series.value[1] / series.per == (101 + 104 + 99 + 102) / 4 * 2.5


def test_every_way_a_folder_can_be_unusable_is_one_clear_line(tmp_path):
    empty, broken, columns, order, foreign = (
        tmp_path / name for name in ("empty", "broken", "columns", "order", "euro")
    )
    for folder in (empty, broken, columns, order, foreign):
        folder.mkdir()
    (broken / "KRW-AAA.parquet").write_bytes(b"PAR1 this is no parquet PAR1")
    frame().drop(columns=["close"]).to_parquet(columns / "KRW-AAA.parquet")
    frame().iloc[[1, 0, 2]].to_parquet(order / "KRW-AAA.parquet")
    frame().to_parquet(foreign / "EUR-AAA.parquet")
    for folder, expected in (
        (tmp_path / "absent", "absent is not a folder"),
        (empty, "holds no candles"),
        (broken, "KRW-AAA.parquet cannot be read"),
        (columns, "KRW-AAA.parquet has no column close"),
        (order, "KRW-AAA.parquet cannot be played: .*2026-01-01 00:00.*not after"),
        (foreign, "no market of Upbit is called 'EUR-AAA'"),
    ):
        with pytest.raises(ConfigError, match=expected) as caught:
            load_candles(folder, (), seed=1)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"no candles of KRW-BBB .*there are: KRW-AAA"):
        load_candles(order, ("KRW-BBB",), seed=1)


def test_times_in_whatever_unit_the_file_has_are_microseconds(tmp_path):
    for unit in ("s", "ms", "us", "ns"):
        data = frame()
        data["time"] = data["time"].dt.as_unit(unit)
        data.to_parquet(tmp_path / "KRW-AAA.parquet")
        assert load_candles(tmp_path, (), seed=1)["KRW-AAA"].time[0] == 1_767_225_600_000_000


@pytest.mark.parametrize("wrong", [{"port": 70_000}, {"speed": 0}, {"days": 1}, {"idle_s": 0}])
def test_an_impossible_option_is_refused(tmp_path, wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong)).removesuffix("_s")):
        SandboxOptions(home=tmp_path, **wrong)


def test_a_start_outside_of_the_candles_says_what_they_cover(start, tmp_path):
    frame().to_csv(tmp_path / "KRW-AAA.csv", index=False)
    with pytest.raises(ConfigError, match="2026-01-01 00:00 UTC to 2026-01-01 00:03 UTC"):
        start(start=1_700_000_000_000_000, candles=tmp_path, markets=())


def test_made_up_days_are_laid_around_the_start_and_stay_there(start):
    client = start(markets=("KRW-BTC",), start=1_800_000_000_000_000)
    assert client.status()["now"] // 60_000_000 == 1_800_000_000 // 60
    params = {"market": "KRW-BTC", "count": 10}
    days = client.public("/v1/candles/days", params).json()
    assert [row["candle_date_time_utc"][:10] for row in days] == ["2027-01-15", "2027-01-14", "2027-01-13"]
    start.stop()
    assert start(markets=("KRW-BTC",)).public("/v1/candles/days", params).json() == days


def test_without_a_start_half_of_short_candles_is_history(start):
    client = start(markets=("KRW-BTC",))
    assert client.status()["now"] // 1_000_000 == 1_767_398_400  # two of four days


def test_crosses_follow_the_krw_markets_they_are_made_of():
    universe = synthetic_universe(3, 4, ())
    closes = {market: pd.Series(series.close, series.time) for market, series in universe.items()}
    for cross in CROSSES:
        own = closes[f"{cross.quote}-{cross.base}"]
        base, quote = (closes[f"KRW-{code}"].reindex(own.index, method="ffill") for code in (cross.base, cross.quote))
        assert np.abs(np.log(own * quote / base)).median() < 0.005
        assert 0.1 < len(own) / (4 * 1440) < 0.9


def test_a_bitcoin_market_is_loaded_from_a_file(tmp_path, start):
    prices = {name: [0.034_5, 0.034_51, 0.034_49] for name in ("open", "high", "low", "close")}
    frame(**prices, value=[float("nan")] * 3).to_csv(tmp_path / "BTC-ETH.csv", index=False)
    client = start(candles=tmp_path, markets=(), start=1_767_225_660_000_000)
    (row,) = client.public("/v1/orderbook/instruments", {"markets": "BTC-ETH"}).json()
    assert row == {
        "market": "BTC-ETH",
        "quote_currency": "BTC",
        "tick_size": "0.00000001",
        "supported_levels": ["0"],
    }
    assert b'"trade_price":0.0345,' in client.public("/v1/ticker", {"markets": "BTC-ETH"}).content
