"""Loads minute candles from a folder: DIR/KRW-BTC.parquet or .csv with time, open, high, low, close, volume, value."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from actors.sandbox.noise import Floats, Integers
from actors.sandbox.series import Series, make_series
from domain.errors import ConfigError
from domain.rules import NoRule, quote_of

COLUMNS: Final = ("time", "open", "high", "low", "close", "volume", "value")


def load_candles(folder: Path, markets: tuple[str, ...], seed: int) -> dict[str, Series]:
    """The series of the markets asked for (all there are, if none), by name.

    Raises:
        ConfigError: naming the file and what is wrong with it.
    """
    files = _files(folder)
    absent = [market for market in markets if market not in files]
    if absent:
        raise ConfigError(f"no candles of {', '.join(absent)} in {folder}; there are: {', '.join(files)}")
    return {market: _load(files[market], market, seed) for market in (markets or tuple(files))}


def _files(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder with candles: expected files such as KRW-BTC.parquet in it")
    found = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix in {".csv", ".parquet"}}
    if not found:
        raise ConfigError(f"{folder} holds no candles: expected files such as KRW-BTC.parquet or KRW-BTC.csv")
    return found


def _load(path: Path, market: str, seed: int) -> Series:
    try:
        quote_of(market)
        frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError, pa.ArrowException, NoRule) as error:
        raise ConfigError(f"{path} cannot be read: {_line(error)}") from error
    absent = [name for name in COLUMNS if name not in frame.columns]
    if absent:
        raise ConfigError(f"{path} has no column {', '.join(absent)}; expected {', '.join(COLUMNS)}")
    try:
        time = _times(frame["time"])
        prices = tuple(_numbers(frame[name]) for name in ("open", "high", "low", "close"))
        return make_series(market, seed, time, prices, (_numbers(frame["volume"]), _numbers(frame["value"])))
    except (ValueError, TypeError, OverflowError, ConfigError) as error:
        raise ConfigError(f"{path} cannot be played: {_line(error)}") from error


def _times(column: "pd.Series[Any]") -> Integers:
    texts = column.dtype == object or pd.api.types.is_string_dtype(column)
    stamps = pd.to_datetime(column, utc=True, format="ISO8601" if texts else None)
    if stamps.isna().any():
        raise ConfigError(f"row {int(stamps.isna().argmax())} has no time")
    return np.asarray(stamps.dt.as_unit("us").astype("int64"), dtype=np.int64)


def _numbers(column: "pd.Series[Any]") -> Floats:
    return np.asarray(column, dtype=np.float64)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
