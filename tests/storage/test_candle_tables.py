"""Tables of candles: what is refused names its file and row, and what is written reads the same."""

import numpy as np
import pandas as pd
import pytest

from domain.errors import ConfigError
from domain.market import DAY, HOUR, MINUTE
from storage.candle_tables import read_table, write_table

T0 = 20_000 * DAY
NOW = T0 + DAY
ROW = {"open": 100.0, "high": 102.0, "low": 99.0, "close": 101.0, "volume": 2.5, "value": 251.25}


def table(*minutes, **columns):
    frame = pd.DataFrame([ROW for _ in minutes])
    frame.insert(0, "time", pd.to_datetime([T0 + minute * MINUTE for minute in minutes], unit="us", utc=True))
    return frame.assign(**columns)


def saved(tmp_path, frame, name="KRW-BTC.parquet"):
    path = tmp_path / name
    frame.to_csv(path, index=False) if name.endswith("csv") else frame.to_parquet(path)
    return path


def refused(path, step=MINUTE, now=NOW):
    with pytest.raises(ConfigError) as caught:
        read_table(path, step, now)
    return str(caught.value)


@pytest.mark.parametrize("name", ["KRW-BTC.parquet", "KRW-BTC.csv"])
def test_a_table_reads_as_it_was_written_to_the_last_bit(tmp_path, name):
    frame = table(0, 1, 5, close=[99.1, 0.1 + 99.2, 1e2], volume=[1 / 3, np.nan, 5e-324], value=np.nan)
    bars = read_table(saved(tmp_path, frame), MINUTE, NOW)
    write_table(tmp_path / name, bars)
    assert read_table(tmp_path / name, MINUTE, NOW).same_as(bars)
    assert bars.close.tolist() == frame["close"].tolist()
    assert np.isnan(bars.value).all()


def test_amounts_that_a_file_does_not_have_are_unknown_and_not_zero(tmp_path):
    bars = read_table(saved(tmp_path, table(0, 1).drop(columns=["volume", "value"])), MINUTE, NOW)
    assert np.isnan(bars.volume).all()
    assert np.isnan(bars.value).all()


def test_times_of_any_zone_are_understood(tmp_path):
    frame = table(0, 1)
    korea = frame.assign(time=frame["time"].dt.tz_convert("Asia/Seoul"))
    assert read_table(saved(tmp_path, korea), MINUTE, NOW).time.tolist() == [T0, T0 + MINUTE]
    assert read_table(saved(tmp_path, korea, "KRW-BTC.csv"), MINUTE, NOW).time.tolist() == [T0, T0 + MINUTE]


@pytest.mark.parametrize("name", ["KRW-BTC.parquet", "KRW-BTC.csv"])
def test_times_without_a_zone_are_refused_for_they_may_be_nine_hours_off(tmp_path, name):
    frame = table(0, 1)
    said = refused(saved(tmp_path, frame.assign(time=frame["time"].dt.tz_localize(None)), name))
    assert "zone" in said
    assert "+09:00" in said


@pytest.mark.parametrize(
    ("column", "bad", "said"),
    [
        ("open", 0.0, "no price as open"),
        ("close", np.nan, "no price as close"),
        ("low", 100.5, "prices outside of its low and high"),
        ("high", 100.5, "prices outside of its low and high"),
        ("low", -1.0, "no price as low"),
        ("high", np.inf, "no number as high"),
        ("volume", 0.0, "no volume"),
        ("volume", -1.0, "no volume"),
        ("value", -1.0, "a value below zero"),
    ],
)
def test_a_row_that_is_no_candle_is_refused_by_name(tmp_path, column, bad, said):
    frame = table(*range(5))
    frame.loc[3, column] = bad
    path = saved(tmp_path, frame)
    assert refused(path).startswith(f"{path}: row 3 has {said};")
    path = saved(tmp_path, frame, "KRW-BTC.csv")
    assert refused(path).startswith(f"{path}: line 5 has {said};")


@pytest.mark.parametrize("text", ["12,000", "1_000", "about 100", "inf"])
def test_text_in_place_of_a_number_is_refused_by_line(tmp_path, text):
    frame = table(*range(5)).astype({"close": object})
    frame.loc[2, "close"] = text
    assert "line 4 has no number as close" in refused(saved(tmp_path, frame, "KRW-BTC.csv"))


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        ((0, 1, 1, 2), "row 2 has the time of the row before it"),
        ((0, 2, 1), "row 2 is older than the row before it"),
        ((0, 1, 1.5), "row 2 does not start on the grid of 1m"),
        ((0, 60, 120), "no two candles follow each other at 1m; say which --timeframe"),
        ((0, 1, 1440), "row 2 is not over yet"),
        ((0, 1, 1439.5), "row 2 does not start on the grid"),
    ],
)
def test_times_that_cannot_be_are_refused(tmp_path, minutes, said):
    assert said in refused(saved(tmp_path, table(*minutes)))


def test_a_candle_that_ends_now_is_over(tmp_path):
    assert len(read_table(saved(tmp_path, table(1438, 1439)), MINUTE, NOW)) == 2


def test_days_of_another_zone_are_off_the_grid(tmp_path):
    path = saved(tmp_path, table(15 * 60))
    assert "grid of 1d; is it 1d, and is its zone right?" in refused(path, DAY)
    assert len(read_table(path, HOUR, NOW)) == 1


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PAR1\x00\x00PAR1"])
@pytest.mark.parametrize("name", ["KRW-BTC.parquet", "KRW-BTC.csv"])
def test_a_file_that_is_no_table_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    assert refused(path).startswith(str(path))


def test_a_file_without_a_needed_column_or_any_row_is_refused(tmp_path):
    assert "has no column open, close" in refused(saved(tmp_path, table(0, 1).drop(columns=["open", "close"])))
    assert "holds no candle" in refused(saved(tmp_path, table(0).head(0)))


def test_a_row_without_a_time_is_refused(tmp_path):
    frame = table(0, 1, 2)
    frame.loc[1, "time"] = pd.NaT
    assert "row 1 has no readable time" in refused(saved(tmp_path, frame))
    texts = table(0, 1).assign(time=["2024-10-04T00:00:00Z", "2024-13-04T00:00:00Z"])
    assert "line 3 has no readable time" in refused(saved(tmp_path, texts, "KRW-BTC.csv"))
